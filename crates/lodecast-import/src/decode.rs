//! From bytes to rows and values: what several formats are spelt in.

pub(crate) mod damaged_lines;
pub(crate) mod database;
pub(crate) mod decimal;
pub(crate) mod delimited;
pub(crate) mod draft;
pub(crate) mod files;
pub(crate) mod flatten;
pub(crate) mod framing;
pub(crate) mod json;
pub(crate) mod json_numbers;
pub(crate) mod json_parts;
pub(crate) mod json_rows;
pub(crate) mod json_value;
pub(crate) mod layout;
pub(crate) mod metric_table;
pub(crate) mod parts;
pub(crate) mod settings;
pub(crate) mod table;
pub(crate) mod text;
pub(crate) mod text_number;
pub(crate) mod unpacked;
pub(crate) mod wire;
