//! What the libraries offer, as their sources declare it, against the listings in `snapshots/`: a change to what others build
//! on shows in its commit. `INSTA_UPDATE=always cargo test --test public_api` writes them anew.

mod declarations;
mod listing;
mod macros;
mod source_tree;

use std::path::Path;

#[test]
fn what_is_public_is_listed() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crates");
    for name in ["lodecast", "lodecast-burn", "lodecast-import", "lodecast-lab", "lodecast-live", "lodecast-sweep-file"]
    {
        let root = source_tree::Module::root(&crates.join(name).join("src/lib.rs"));
        let listing = listing::listing(&root);
        assert!(listing.lines().count() > 5, "{name} offers next to nothing:\n{listing}");
        insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(name, listing);
        });
    }
}
