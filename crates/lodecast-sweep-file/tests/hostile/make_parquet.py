"""Writes the Parquet files in this folder: each is sound but for one lie. Needs nothing but Python. Run: python make_parquet.py"""

import struct


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def zigzag(value):
    return varint((value << 1) ^ (value >> 63) if value < 0 else value << 1)


class I32(int):
    pass


class I64(int):
    pass


def encode(value):
    """Type and bytes of a value in Thrift's compact protocol: a dict is a struct by field number."""
    if isinstance(value, I32):
        return 5, zigzag(value)
    if isinstance(value, I64):
        return 6, zigzag(value)
    if isinstance(value, (str, bytes)):
        data = value.encode() if isinstance(value, str) else value
        return 8, varint(len(data)) + data
    if isinstance(value, list):
        items = [encode(item) for item in value]
        kind = items[0][0]
        size = bytes([len(items) << 4 | kind]) if len(items) < 15 else bytes([0xF0 | kind]) + varint(len(items))
        return 9, size + b"".join(data for _, data in items)
    out, last = b"", 0
    for field, item in sorted(value.items()):
        kind, data = encode(item)
        out += bytes([(field - last) << 4 | kind]) + data
        last = field
    return 12, out + b"\0"


RUN_IDS = b"".join(struct.pack("<I", 1) + b"a" for _ in range(3))
COLUMNS = [
    ("run_id", 6, RUN_IDS),
    ("step", 2, struct.pack("<3q", 1, 2, 3)),
    ("train_loss", 5, struct.pack("<3d", 3.0, 2.0, 1.0)),
    ("learning_rate", 5, struct.pack("<3d", 0.1, 0.1, 0.1)),
]


def page(data, lies, number=None):
    """A page header, and the page. A dictionary page has a `number` of entries."""
    header = {
        1: I32(0 if number is None else 2),
        2: I32(lies.get("uncompressed", len(data))),
        3: I32(lies.get("compressed", len(data))),
    }
    if number is None:
        values = lies.get("values", 3)
        header[5] = {1: I32(values), 2: I32(lies.get("encoding", 0)), 3: I32(3), 4: I32(3)}
    else:
        header[7] = {1: I32(number), 2: I32(0)}
    if "extra" in lies:
        header[9] = lies["extra"]
    return encode(header)[1] + data


def parquet(name, lie_in="", rows=3, footer=None, unknown=b"", **lies):
    body, chunks = b"PAR1", []
    for column, kind, data in COLUMNS:
        mine = lies if column == lie_in else {}
        start = len(body)
        dictionary = mine.get("dictionary")
        if dictionary is not None:
            body += page(*dictionary[:1], mine, dictionary[1])
        data_start = len(body)
        body += page(mine.get("data", data), mine if dictionary is None else {"encoding": 8})
        size = mine.get("chunk", len(body) - start)
        meta = {
            1: I32(kind),
            2: [I32(mine.get("encoding", 0))],
            3: [column],
            4: I32(mine.get("codec", 0)),
            5: I64(rows),
            6: I64(size),
            7: I64(size),
            9: I64(mine.get("offset", data_start)),
        }
        if dictionary is not None:
            meta[11] = I64(start)
        chunks.append({2: I64(start), 3: meta})
    schema = [{4: "sweep", 5: I32(len(COLUMNS))}]
    schema += [{1: I32(kind), 3: I32(0), 4: column} for column, kind, _ in COLUMNS]
    group = {1: chunks, 2: I64(len(body)), 3: I64(rows)}
    metadata = encode({1: I32(1), 2: schema, 3: I64(rows), 4: [group]})[1][:-1] + unknown + b"\0"
    length = len(metadata) if footer is None else footer
    with open(name, "wb") as file:
        file.write(body + metadata + struct.pack("<I", length) + b"PAR1")


parquet("sound.parquet")
parquet("footer_length.parquet", footer=0x7FFFFFFF)
parquet("more_rows_than_values.parquet", rows=4)
parquet("more_values_than_rows.parquet", rows=2)
parquet("a_trillion_rows.parquet", rows=10**12)
# Field 15, a list of 2^31 - 1 booleans, which some decoders take to have no bytes.
parquet("two_billion_booleans.parquet", unknown=b"\xb9" + b"\xf1" + varint(0x7FFFFFFF))
parquet("negative_rows.parquet", rows=-3)
parquet("two_gigabytes_in_a_page.parquet", "train_loss", uncompressed=0x7FFFFFFF, codec=1)
parquet("negative_page.parquet", "train_loss", compressed=-1)
parquet("page_beyond_its_chunk.parquet", "train_loss", compressed=10**6)
parquet("chunk_beyond_the_file.parquet", "train_loss", chunk=10**9)
parquet("chunk_at_a_negative_offset.parquet", "train_loss", offset=-5)
parquet("two_billion_dictionary_entries.parquet", "step", dictionary=(struct.pack("<q", 1), 0x7FFFFFFF), data=b"\x01\x06\x00")
parquet("dictionary_index_out_of_range.parquet", "step", dictionary=(struct.pack("<q", 1), 1), data=b"\x04\x06\x0f")
# Delta lengths: blocks of 128 in 4 mini-blocks, 2^40 lengths, the first of them 1.
parquet("a_trillion_text_lengths.parquet", "run_id", encoding=6, data=varint(128) + varint(4) + varint(1 << 40) + zigzag(1))
# Three lengths, the second of them negative.
lengths = varint(128) + varint(4) + varint(3) + zigzag(1) + zigzag(-9) + bytes(4) + b"aaa"
parquet("negative_text_length.parquet", "run_id", encoding=6, data=lengths)
parquet("text_beyond_its_page.parquet", "run_id", data=struct.pack("<I", 1 << 30) + b"a" * 11)
parquet("text_not_utf8.parquet", "run_id", data=(struct.pack("<I", 1) + b"\xff") * 3)
parquet("delta_byte_array.parquet", "run_id", encoding=7)
parquet("codec_unknown.parquet", "train_loss", codec=3)
parquet("codec_lies.parquet", "train_loss", codec=6)
parquet("field_longer_than_the_file.parquet", "train_loss", extra=b"x", compressed=10)
