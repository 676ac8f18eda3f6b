//! An item as others see it: without its body, its documentation, and what of it is private.

use syn::punctuated::Punctuated;
use syn::{Attribute, Block, Fields, ImplItem, Item, ItemImpl, TraitItem, Type, Visibility, parse_quote};

use crate::source_tree::is_hidden;

/// Stands for fields that others cannot name.
pub(crate) const PRIVATE: &str = "private_fields__";

pub(crate) fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// The name of an item, and who may use it where it stands.
pub(crate) fn name_and_visibility(item: &Item) -> Option<(String, &Visibility)> {
    let (name, visibility) = match item {
        Item::Const(item) => (&item.ident, &item.vis),
        Item::Enum(item) => (&item.ident, &item.vis),
        Item::Fn(item) => (&item.sig.ident, &item.vis),
        Item::Static(item) => (&item.ident, &item.vis),
        Item::Struct(item) => (&item.ident, &item.vis),
        Item::Trait(item) => (&item.ident, &item.vis),
        Item::Type(item) => (&item.ident, &item.vis),
        _ => return None,
    };
    Some((name.to_string(), visibility))
}

/// What others see of an item.
pub(crate) fn declaration(item: &Item) -> Item {
    let mut item = item.clone();
    match &mut item {
        Item::Const(item) => {
            keep_seen(&mut item.attrs);
            item.expr = parse_quote!(__);
        }
        Item::Static(item) => {
            keep_seen(&mut item.attrs);
            item.expr = parse_quote!(__);
        }
        Item::Enum(item) => {
            keep_seen(&mut item.attrs);
            for variant in &mut item.variants {
                keep_seen(&mut variant.attrs);
                for field in &mut variant.fields {
                    keep_seen(&mut field.attrs);
                }
            }
        }
        Item::Fn(item) => {
            keep_seen(&mut item.attrs);
            *item.block = no_body();
        }
        Item::Struct(item) => {
            keep_seen(&mut item.attrs);
            keep_public(&mut item.fields);
        }
        Item::Trait(item) => {
            keep_seen(&mut item.attrs);
            for item in &mut item.items {
                if let TraitItem::Fn(function) = item {
                    keep_seen(&mut function.attrs);
                    // One that has a body need not be written.
                    function.default = function.default.take().map(|_| no_body());
                } else if let TraitItem::Type(kind) = item {
                    keep_seen(&mut kind.attrs);
                } else if let TraitItem::Const(constant) = item {
                    keep_seen(&mut constant.attrs);
                }
            }
        }
        Item::Type(item) => keep_seen(&mut item.attrs),
        _ => {}
    }
    item
}

/// What others see of an `impl`: of a trait that it is there, with its types; of a type what is public.
pub(crate) fn implementation(block: &ItemImpl) -> Option<ItemImpl> {
    let mut block = block.clone();
    keep_seen(&mut block.attrs);
    let is_of_trait = block.trait_.is_some();
    block.items.retain_mut(|item| match item {
        ImplItem::Fn(function) if !is_of_trait => {
            let is_seen = is_public(&function.vis) && !is_hidden(&function.attrs);
            keep_seen(&mut function.attrs);
            function.block = no_body();
            is_seen
        }
        ImplItem::Const(constant) if !is_of_trait => {
            let is_seen = is_public(&constant.vis) && !is_hidden(&constant.attrs);
            keep_seen(&mut constant.attrs);
            constant.expr = parse_quote!(__);
            is_seen
        }
        ImplItem::Type(kind) => {
            keep_seen(&mut kind.attrs);
            true
        }
        _ => false,
    });
    (is_of_trait || !block.items.is_empty()).then_some(block)
}

/// The last name of a type: `Run` of `&mut data::Run<'a>`.
pub(crate) fn name_of(kind: &Type) -> Option<String> {
    match kind {
        Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
        Type::Reference(reference) => name_of(&reference.elem),
        _ => None,
    }
}

fn no_body() -> Block {
    parse_quote!({})
}

/// Attributes that say something to who uses it.
fn keep_seen(attributes: &mut Vec<Attribute>) {
    attributes.retain(|attribute| {
        ["derive", "non_exhaustive", "cfg", "deprecated", "repr"].iter().any(|seen| attribute.path().is_ident(seen))
    });
}

/// Public fields, and one that says whether there are others.
fn keep_public(fields: &mut Fields) {
    match fields {
        Fields::Named(fields) => {
            let all = fields.named.len();
            let mut public: Punctuated<_, _> =
                fields.named.iter().filter(|field| is_public(&field.vis)).cloned().collect();
            for field in &mut public {
                keep_seen(&mut field.attrs);
            }
            if public.len() < all {
                let name = syn::Ident::new(PRIVATE, proc_macro2::Span::call_site());
                let hidden: syn::FieldsNamed = parse_quote!({ #name: () });
                public.extend(hidden.named);
            }
            fields.named = public;
        }
        Fields::Unnamed(fields) => {
            for field in &mut fields.unnamed {
                keep_seen(&mut field.attrs);
                if !is_public(&field.vis) {
                    field.ty = parse_quote!(_);
                }
            }
        }
        Fields::Unit => {}
    }
}
