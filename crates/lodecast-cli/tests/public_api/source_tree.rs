//! The modules of a crate with what they declare, read from its files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use syn::{Attribute, Item};

use crate::macros::Macros;

/// A module, and those below it.
pub(crate) struct Module {
    pub items: Vec<Item>,
    pub modules: BTreeMap<String, Module>,
}

impl Module {
    /// The crate whose root is this file.
    pub(crate) fn root(file: &Path) -> Self {
        let mut root = Self::read(file, file.parent().expect("a folder"));
        let mut macros = Macros::default();
        root.all().into_iter().flat_map(|module| &module.items).for_each(|item| macros.define(item));
        root.expand(&macros);
        root
    }

    /// Puts the items that macros make in the place of their invocations.
    fn expand(&mut self, macros: &Macros) {
        let expanded = |item: Item| match &item {
            Item::Macro(invocation) if invocation.ident.is_none() => macros.items(invocation),
            _ => vec![item],
        };
        self.items = std::mem::take(&mut self.items).into_iter().flat_map(expanded).collect();
        self.modules.values_mut().for_each(|module| module.expand(macros));
    }

    /// A file, whose modules are in `folder`.
    fn read(file: &Path, folder: &Path) -> Self {
        let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        Self::of(parsed.items, folder)
    }

    fn of(items: Vec<Item>, folder: &Path) -> Self {
        let items: Vec<Item> = items.into_iter().filter(|item| !is_for_tests(attributes(item))).collect();
        let mut modules = BTreeMap::new();
        for item in &items {
            let Item::Mod(module) = item else { continue };
            let name = module.ident.to_string();
            let below = folder.join(&name);
            let module = if let Some((_, items)) = &module.content {
                Self::of(items.clone(), &below)
            } else {
                let beside = folder.join(format!("{name}.rs"));
                Self::read(&if beside.exists() { beside } else { below.join("mod.rs") }, &below)
            };
            modules.insert(name, module);
        }
        Self { items, modules }
    }

    /// This module and all those below it.
    pub(crate) fn all(&self) -> Vec<&Self> {
        std::iter::once(self).chain(self.modules.values().flat_map(Self::all)).collect()
    }

    /// The module of this name within.
    pub(crate) fn at(&self, path: &[String]) -> Option<&Self> {
        path.iter().try_fold(self, |module, name| module.modules.get(name))
    }
}

pub(crate) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test") || path.is_ident("doctest"))
    })
}

/// Is it left out of the documentation?
pub(crate) fn is_hidden(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("doc")
            && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("hidden"))
    })
}
