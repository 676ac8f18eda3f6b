//! Links between documents, and from documents to files, lead to something that is there.

use std::path::Path;

use crate::{markdown, pages, repository};

/// The links that lead nowhere, of those that are asked for.
fn broken(asked: impl Fn(&str) -> bool) -> Vec<String> {
    let root = repository();
    let mut broken = Vec::new();
    for page in pages() {
        for (line, link) in markdown::links(&page.text) {
            if link.starts_with("http://") || link.starts_with("https://") || !asked(&link) {
                continue;
            }
            let (target, anchor) = link.split_once('#').map_or((link.as_str(), None), |(to, at)| (to, Some(at)));
            let path = page.path().parent().expect("a folder").join(target);
            let path = if target.is_empty() { page.path() } else { path };
            let found = match (path.canonicalize(), anchor) {
                (Ok(path), None) => path.starts_with(&root),
                (Ok(path), Some(anchor)) => std::fs::read_to_string(path)
                    .is_ok_and(|text| markdown::anchors(&text).iter().any(|known| known == anchor)),
                (Err(_), _) => false,
            };
            if !found {
                broken.push(format!("{}:{line}: {link}", page.name));
            }
        }
    }
    broken
}

fn is_picture(link: &str) -> bool {
    Path::new(link).extension().is_some_and(|ending| ending == "svg")
}

#[test]
fn links_and_their_anchors_lead_somewhere() {
    let broken = broken(|link| !is_picture(link));
    assert!(broken.is_empty(), "links that lead nowhere:\n{}", broken.join("\n"));
}

#[test]
fn pictures_are_there() {
    let broken = broken(is_picture);
    assert!(broken.is_empty(), "pictures that are not there:\n{}", broken.join("\n"));
}

#[test]
fn every_page_of_the_site_is_in_its_table_of_contents() {
    let pages = pages();
    let contents: String =
        pages.iter().filter(|page| page.name.ends_with("index.md")).map(|page| page.text.as_str()).collect();
    for page in pages.iter().filter(|page| page.name.starts_with("docs/") && !page.name.ends_with("docs/index.md")) {
        let name = page.name.trim_start_matches("docs/").trim_end_matches(".md");
        assert!(
            contents.lines().any(|line| line.trim() == name || name.ends_with(&format!("/{}", line.trim()))),
            "{name}"
        );
    }
}
