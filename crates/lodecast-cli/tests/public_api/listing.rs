//! The listing of a crate: every item by the paths that others reach it by, each type followed by what it can do.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use syn::{Item, ItemImpl, UseTree};

use crate::declarations::{PRIVATE, declaration, implementation, is_public, name_and_visibility, name_of};
use crate::source_tree::{Module, attributes, is_hidden};

/// What is offered below a path of modules.
#[derive(Default)]
struct Offer {
    /// By name, with what is re-exported from elsewhere under `use`.
    items: BTreeMap<String, Item>,
    reexports: BTreeSet<String>,
}

/// Everything that the crate offers.
pub(crate) fn listing(root: &Module) -> String {
    let mut offers = BTreeMap::new();
    offer(root, root, &[], &mut offers);
    let named = |is_wanted: fn(&Item) -> bool| -> BTreeSet<String> {
        let items = offers.values().flat_map(|offer| &offer.items);
        items.filter(|(_, item)| is_wanted(item)).map(|(name, _)| name.clone()).collect()
    };
    let public_traits = named(|item| matches!(item, Item::Trait(_)));
    let own_traits: BTreeSet<String> = root
        .all()
        .into_iter()
        .flat_map(|module| &module.items)
        .filter_map(|item| if let Item::Trait(item) = item { Some(item.ident.to_string()) } else { None })
        .collect();
    let mut implementations: BTreeMap<String, Vec<ItemImpl>> = BTreeMap::new();
    for item in root.all().into_iter().flat_map(|module| &module.items) {
        let Item::Impl(block) = item else { continue };
        let of = block.trait_.as_ref().and_then(|(_, path, _)| Some(path.segments.last()?.ident.to_string()));
        let is_private = |name: &String| own_traits.contains(name) && !public_traits.contains(name);
        if of.as_ref().is_some_and(is_private) {
            continue;
        }
        if let (Some(name), Some(block)) = (name_of(&block.self_ty), implementation(block)) {
            implementations.entry(name).or_default().push(block);
        }
    }
    let mut text = String::new();
    for (path, offer) in &offers {
        let is_empty = offer.items.is_empty() && offer.reexports.is_empty();
        if !(path.is_empty() || is_empty) {
            let _ = writeln!(text, "// {}\n", path.join("::"));
        }
        text.extend(offer.reexports.iter().map(|reexport| format!("pub use {reexport};\n\n")));
        for (name, item) in &offer.items {
            text += &printed(item.clone());
            // Functions and constants may be called like a type.
            if matches!(item, Item::Struct(_) | Item::Enum(_) | Item::Trait(_) | Item::Type(_)) {
                let mut blocks: Vec<String> = implementations
                    .get(name)
                    .into_iter()
                    .flatten()
                    .map(|block| printed(block.clone().into()))
                    .collect();
                // Those of the type itself first, in the order of their text, which no moving between files changes.
                blocks.sort_by_key(|block| (block.contains(" for "), block.clone()));
                text.extend(blocks);
            }
            text.push('\n');
        }
    }
    text
}

/// Collects what `module`, reached by `path`, offers.
fn offer(root: &Module, module: &Module, path: &[String], offers: &mut BTreeMap<Vec<String>, Offer>) {
    let mut found = Offer::default();
    for item in module.items.iter().filter(|item| !is_hidden(attributes(item))) {
        match item {
            Item::Mod(below) if is_public(&below.vis) => {
                let name = below.ident.to_string();
                let inner = [path, std::slice::from_ref(&name)].concat();
                offer(root, &module.modules[&name], &inner, offers);
            }
            Item::Use(reexport) if is_public(&reexport.vis) => {
                for (source, name) in leaves(&reexport.tree) {
                    match find(root, module, path, &source) {
                        Some(item) => drop(found.items.insert(name, declaration(item))),
                        None => drop(found.reexports.insert(source.join("::"))),
                    }
                }
            }
            item => {
                if let Some((name, _)) = name_and_visibility(item).filter(|(_, visibility)| is_public(visibility)) {
                    found.items.insert(name, declaration(item));
                }
            }
        }
    }
    offers.insert(path.to_vec(), found);
}

/// The paths that a `use` names, each with the name that it gives.
fn leaves(tree: &UseTree) -> Vec<(Vec<String>, String)> {
    match tree {
        UseTree::Path(path) => {
            let below = leaves(&path.tree).into_iter();
            below.map(|(rest, name)| ([vec![path.ident.to_string()], rest].concat(), name)).collect()
        }
        UseTree::Name(name) => vec![(vec![name.ident.to_string()], name.ident.to_string())],
        UseTree::Rename(rename) => vec![(vec![rename.ident.to_string()], rename.rename.to_string())],
        UseTree::Glob(_) => vec![(vec!["*".to_owned()], "*".to_owned())],
        UseTree::Group(group) => group.items.iter().flat_map(leaves).collect(),
    }
}

/// What `source` means within `module`, if it is of this crate.
fn find<'a>(root: &'a Module, module: &'a Module, path: &[String], source: &[String]) -> Option<&'a Item> {
    let (first, rest) = source.split_first()?;
    let (start, place, rest) = match first.as_str() {
        "crate" => (root, Vec::new(), rest),
        "self" => (module, path.to_vec(), rest),
        "super" => {
            let above = path[..path.len().checked_sub(1)?].to_vec();
            (root.at(&above)?, above, rest)
        }
        _ => (module, path.to_vec(), source),
    };
    let (name, modules) = rest.split_last()?;
    let within = start.at(modules)?;
    let is_called = |item: &&Item| name_and_visibility(item).is_some_and(|(declared, _)| declared == *name);
    if let Some(item) = within.items.iter().find(is_called) {
        return Some(item);
    }
    let place = [place, modules.to_vec()].concat();
    within.items.iter().find_map(|item| {
        let Item::Use(item) = item else { return None };
        let (source, _) = leaves(&item.tree).into_iter().find(|(_, given)| given == name)?;
        // A name that means itself: of another crate.
        (source.len() > 1).then(|| find(root, within, &place, &source))?
    })
}

fn printed(item: Item) -> String {
    let text = prettyplease::unparse(&syn::File { shebang: None, attrs: Vec::new(), items: vec![item] });
    text.replace(" {}\n", ";\n").replace(" = __;", ";").replace(&format!("{PRIVATE}: ()"), "..")
}
