//! Settings that TensorBoard's plugin for hyper-parameters keeps in an event file.
//!
//! Source: `tensorboard/plugins/hparams/plugin_data.proto`; values are `google.protobuf.Value`.

use crate::decode::wire::{Fields, Malformed, Value};

/// The settings in an `HParamsPluginData` message, if it is one of a session's start.
pub(crate) fn settings(plugin_data: &[u8]) -> Result<Vec<(String, String)>, Malformed> {
    let mut settings = Vec::new();
    for field in Fields::of(plugin_data) {
        let (3, start) = field? else { continue };
        for field in Fields::of(start.bytes().ok_or(Malformed)?) {
            let (1, entry) = field? else { continue };
            let (mut key, mut value) = (None, None);
            for field in Fields::of(entry.bytes().ok_or(Malformed)?) {
                match field? {
                    (1, name) => key = name.text(),
                    (2, setting) => value = spell(setting.bytes().ok_or(Malformed)?)?,
                    _ => {}
                }
            }
            settings.extend(key.zip(value).map(|(key, value)| (key.to_owned(), value)));
        }
    }
    Ok(settings)
}

/// A value in words. The plugin keeps numbers, texts and truth values only.
fn spell(value: &[u8]) -> Result<Option<String>, Malformed> {
    let mut spelled = None;
    for field in Fields::of(value) {
        spelled = match field? {
            (2, Value::Fixed64(bits)) => Some(f64::from_bits(bits).to_string()),
            (3, text) => text.text().map(str::to_owned),
            (4, truth) => truth.integer().map(|truth| (truth != 0).to_string()),
            _ => spelled,
        };
    }
    Ok(spelled)
}
