//! One module a format of text files and tables.

pub(crate) mod algoperf;
pub(crate) mod burn;
pub(crate) mod csv;
pub(crate) mod hugging_face;
pub(crate) mod json_lines;
pub(crate) mod keras;
pub(crate) mod lightning;
pub(crate) mod parquet;
pub(crate) mod ray;
pub(crate) mod timm;
