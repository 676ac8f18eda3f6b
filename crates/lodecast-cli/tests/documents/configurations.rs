//! What the documents show as JSON is JSON.

use crate::{markdown, pages};

#[test]
fn blocks_of_json_are_json() {
    let mut seen = 0;
    for page in pages() {
        for block in markdown::blocks(&page.text).iter().filter(|block| block.language == "json") {
            let read = serde_json::from_str::<serde_json::Value>(&block.text);
            assert!(read.is_ok(), "{}:{}: {read:?}", page.name, block.line);
            seen += 1;
        }
    }
    assert!(seen >= 2, "{seen}");
}
