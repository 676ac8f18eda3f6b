//! The items that a crate's own macros make: `macro_rules!` of one rule, as registries are written.

use std::collections::BTreeMap;

use proc_macro2::{Group, Ident, TokenStream, TokenTree};
use syn::{Item, ItemMacro};

/// The rule of each macro by its name: what it takes, and what it makes of it.
#[derive(Default)]
pub(crate) struct Macros(BTreeMap<String, (Vec<TokenTree>, Vec<TokenTree>)>);

/// What a part of a pattern stands for.
#[derive(Clone)]
enum Bound {
    Tokens(TokenStream),
    /// Each time that a repetition took something.
    Repeated(Vec<Bindings>),
}

type Bindings = BTreeMap<String, Bound>;

impl Macros {
    /// Takes in the macro that an item defines, if it does.
    pub(crate) fn define(&mut self, item: &Item) {
        let Item::Macro(ItemMacro { ident: Some(name), mac, .. }) = item else { return };
        if !mac.path.is_ident("macro_rules") {
            return;
        }
        let groups: Vec<Vec<TokenTree>> = trees(mac.tokens.clone())
            .into_iter()
            .filter_map(|tree| if let TokenTree::Group(group) = tree { Some(trees(group.stream())) } else { None })
            .collect();
        if let [pattern, made] = &groups[..] {
            self.0.insert(name.to_string(), (pattern.clone(), made.clone()));
        }
    }

    /// The items that an invocation makes, with those of macros that are invoked by it.
    pub(crate) fn items(&self, invocation: &ItemMacro) -> Vec<Item> {
        let name = invocation.mac.path.segments.last().expect("a name").ident.to_string();
        let Some((pattern, made)) = self.0.get(&name) else { return Vec::new() };
        let mut input = &trees(invocation.mac.tokens.clone())[..];
        let bindings = taken(pattern, &mut input).filter(|_| input.is_empty());
        let bindings = bindings.unwrap_or_else(|| panic!("{name}! is invoked with what its rule does not take"));
        let tokens = transcribed(made, &bindings);
        let file: syn::File = syn::parse2(tokens).unwrap_or_else(|error| panic!("{name}! makes no items: {error}"));
        let more = |item: Item| if let Item::Macro(inner) = &item { self.items(inner) } else { vec![item] };
        file.items.into_iter().flat_map(more).collect()
    }
}

fn trees(stream: TokenStream) -> Vec<TokenTree> {
    stream.into_iter().collect()
}

fn is(tree: Option<&TokenTree>, character: char) -> bool {
    matches!(tree, Some(TokenTree::Punct(punct)) if punct.as_char() == character)
}

/// A part of a pattern or of what is made.
enum Part<'a> {
    /// `$name` or `$name:kind`.
    Variable(&'a Ident, Option<String>),
    /// `$( ... ) separator *`.
    Repetition(Vec<TokenTree>, Option<&'a TokenTree>),
    Tree(&'a TokenTree),
}

/// The next part, taken off the front.
fn part<'a>(rest: &mut &'a [TokenTree], in_pattern: bool) -> Option<Part<'a>> {
    let (first, after) = rest.split_first()?;
    *rest = after;
    if !is(Some(first), '$') {
        return Some(Part::Tree(first));
    }
    let (second, after) = rest.split_first().expect("a name or a group after $");
    *rest = after;
    match second {
        TokenTree::Ident(name) if in_pattern && is(rest.first(), ':') => {
            let kind = rest[1].to_string();
            *rest = &rest[2..];
            Some(Part::Variable(name, Some(kind)))
        }
        TokenTree::Ident(name) => Some(Part::Variable(name, None)),
        TokenTree::Group(group) => {
            let separator = rest.first().filter(|tree| !['*', '+', '?'].iter().any(|&sign| is(Some(tree), sign)));
            *rest = &rest[1 + usize::from(separator.is_some())..];
            Some(Part::Repetition(trees(group.stream()), separator))
        }
        other => panic!("${other} in a macro"),
    }
}

/// What the parts of a pattern stand for in `input`, of which it takes as much as it can; `None` where it does not fit.
fn taken(pattern: &[TokenTree], input: &mut &[TokenTree]) -> Option<Bindings> {
    let mut bindings = Bindings::new();
    let mut rest = pattern;
    while let Some(part) = part(&mut rest, true) {
        match part {
            Part::Tree(TokenTree::Group(wanted)) => {
                let Some((TokenTree::Group(found), after)) = input.split_first() else { return None };
                let mut inner = &trees(found.stream())[..];
                bindings.extend(taken(&trees(wanted.stream()), &mut inner).filter(|_| inner.is_empty())?);
                *input = after;
            }
            Part::Tree(wanted) => {
                let (found, after) = input.split_first()?;
                if found.to_string() != wanted.to_string() {
                    return None;
                }
                *input = after;
            }
            Part::Variable(name, kind) => {
                let ends = |tree: &TokenTree| is(Some(tree), ',') || is(Some(tree), ';');
                let length = match kind.as_deref() {
                    Some("ident" | "literal" | "tt") => 1,
                    _ => input.iter().position(ends).unwrap_or(input.len()),
                };
                let fits = match (kind.as_deref(), input.first()?) {
                    (Some("ident"), found) => matches!(found, TokenTree::Ident(_)),
                    (Some("literal"), found) => matches!(found, TokenTree::Literal(_)),
                    _ => true,
                };
                if !fits {
                    return None;
                }
                let (found, after) = input.split_at(length);
                bindings.insert(name.to_string(), Bound::Tokens(found.iter().cloned().collect()));
                *input = after;
            }
            Part::Repetition(inner, separator) => {
                let mut all = Vec::new();
                while !input.is_empty() {
                    let mut ahead = *input;
                    if let (Some(separator), false) = (separator, all.is_empty()) {
                        let Some((found, after)) = ahead.split_first() else { break };
                        if found.to_string() != separator.to_string() {
                            break;
                        }
                        ahead = after;
                    }
                    let Some(found) = taken(&inner, &mut ahead) else { break };
                    all.push(found);
                    *input = ahead;
                }
                for name in variables(&inner) {
                    bindings.insert(name, Bound::Repeated(all.clone()));
                }
            }
        }
    }
    Some(bindings)
}

/// The names of all variables in parts.
fn variables(parts: &[TokenTree]) -> Vec<String> {
    let mut names = Vec::new();
    for (index, tree) in parts.iter().enumerate() {
        match tree {
            TokenTree::Group(group) => names.extend(variables(&trees(group.stream()))),
            TokenTree::Ident(name) if index > 0 && is(parts.get(index - 1), '$') => names.push(name.to_string()),
            _ => {}
        }
    }
    names
}

/// What is made, with everything bound in its place.
fn transcribed(made: &[TokenTree], bindings: &Bindings) -> TokenStream {
    let mut tokens = TokenStream::new();
    let mut rest = made;
    while let Some(part) = part(&mut rest, false) {
        match part {
            Part::Tree(TokenTree::Group(group)) => {
                let inner = transcribed(&trees(group.stream()), bindings);
                tokens.extend([TokenTree::Group(Group::new(group.delimiter(), inner))]);
            }
            Part::Tree(tree) => tokens.extend([tree.clone()]),
            Part::Variable(name, _) => match bindings.get(&name.to_string()) {
                Some(Bound::Tokens(found)) => tokens.extend(found.clone()),
                Some(Bound::Repeated(_)) => panic!("${name} outside of its repetition"),
                // Of a path: `$crate`.
                None => tokens.extend([TokenTree::Ident(name.clone())]),
            },
            Part::Repetition(inner, separator) => {
                let repeated = variables(&inner).into_iter().find_map(|name| match bindings.get(&name) {
                    Some(Bound::Repeated(all)) => Some(all),
                    _ => None,
                });
                for (index, each) in repeated.into_iter().flatten().enumerate() {
                    if index > 0 {
                        tokens.extend(separator.cloned());
                    }
                    let mut within = bindings.clone();
                    within.extend(each.clone());
                    tokens.extend(transcribed(&inner, &within));
                }
            }
        }
    }
    tokens
}
