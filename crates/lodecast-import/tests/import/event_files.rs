//! Event files of a few scalars, written as TensorBoard's format has it.

/// An event file with a scalar a record: step, tag and value. At a step of nought none is written, as where none was given.
pub(crate) fn event_file(scalars: &[(u64, &str, f32)]) -> Vec<u8> {
    let mut file = record(&[field(1, 1, &1.7e9_f64.to_le_bytes()), message(3, b"brain.Event:2")].concat());
    for (index, (step, tag, value)) in scalars.iter().enumerate() {
        let time = 1.7e9 + 1.0 + index as f64;
        let scalar = [message(1, tag.as_bytes()), field(2, 5, &value.to_le_bytes())].concat();
        let step = if *step > 0 { field(2, 0, &varint(*step)) } else { Vec::new() };
        let event = [field(1, 1, &time.to_le_bytes()), step, message(5, &message(1, &scalar))];
        file.extend(record(&event.concat()));
    }
    file
}

fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    [&length[..], &masked(&length), data, &masked(data)].concat()
}

fn masked(data: &[u8]) -> [u8; 4] {
    crc32c::crc32c(data).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

fn field(number: u64, wire_type: u64, bytes: &[u8]) -> Vec<u8> {
    [&varint(number << 3 | wire_type), bytes].concat()
}

fn message(number: u64, bytes: &[u8]) -> Vec<u8> {
    field(number, 2, &[&varint(bytes.len() as u64), bytes].concat())
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}
