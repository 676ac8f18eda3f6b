//! Reads what tests need of a page in Markdown: its blocks of code, what is said of them in comments, headings and links.

/// A fenced block of code.
#[derive(Debug, PartialEq)]
pub(crate) struct Block {
    /// Line of its fence, from 1 on.
    pub line: usize,
    /// What the fence says, such as `console`.
    pub language: String,
    /// Its lines, without the indentation of the fence.
    pub text: String,
    /// The comments before it, without `<!--` and `-->`.
    pub remarks: Vec<String>,
}

impl Block {
    /// What a comment before the block says after `KIND:`.
    pub(crate) fn remark(&self, kind: &str) -> Option<&str> {
        self.remarks.iter().find_map(|remark| remark.strip_prefix(kind)?.strip_prefix(':')).map(str::trim)
    }
}

/// A command of a block, and the output that stands below it.
#[derive(Debug, PartialEq)]
pub(crate) struct Shown {
    /// The command as a shell takes it.
    pub command: String,
    /// What it prints, if the page shows it.
    pub output: String,
}

/// The commands of a `console` block: what follows `$ `, with the lines that it is continued in.
pub(crate) fn shown(text: &str) -> Vec<Shown> {
    let mut commands: Vec<Shown> = Vec::new();
    let mut continued = false;
    for line in text.lines() {
        if continued {
            let last = commands.last_mut().expect("a line is continued");
            last.command = format!("{}\n{line}", last.command);
            continued = line.ends_with('\\');
        } else if let Some(command) = line.strip_prefix("$ ") {
            commands.push(Shown { command: command.to_owned(), output: String::new() });
            continued = line.ends_with('\\');
        } else if let Some(last) = commands.last_mut() {
            last.output += line;
            last.output += "\n";
        }
    }
    commands
}

/// The blocks of a page, in order.
pub(crate) fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut remarks: Vec<String> = Vec::new();
    let mut lines = page.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let content = line.trim_start();
        if let Some(language) = content.strip_prefix("```") {
            let indentation = line.len() - content.len();
            let mut text = String::new();
            for (_, line) in lines.by_ref().take_while(|(_, line)| line.trim_start() != "```") {
                text += line.get(indentation..).unwrap_or_default();
                text += "\n";
            }
            let language = language.trim().to_owned();
            blocks.push(Block { line: number + 1, language, text, remarks: std::mem::take(&mut remarks) });
        } else if let Some(comment) = content.strip_prefix("<!--") {
            let mut comment = comment.to_owned();
            while !comment.trim_end().ends_with("-->") {
                let Some((_, line)) = lines.next() else { break };
                comment = format!("{comment}\n{line}");
            }
            remarks.push(comment.trim_end().trim_end_matches("-->").trim().to_owned());
        } else if !content.is_empty() {
            remarks.clear();
        }
    }
    blocks
}

/// The lines of a page that are text, with their numbers: neither code nor comment.
pub(crate) fn prose(page: &str) -> Vec<(usize, &str)> {
    let mut prose = Vec::new();
    let (mut code, mut comment) = (false, false);
    for (number, line) in page.lines().enumerate() {
        let content = line.trim_start();
        if content.starts_with("```") {
            code = !code;
        } else if !code {
            comment |= content.starts_with("<!--");
            if !comment {
                prose.push((number + 1, line));
            }
            comment &= !content.trim_end().ends_with("-->");
        }
    }
    prose
}

/// The anchors of a page's headings, as GitHub and the site make them.
pub(crate) fn anchors(page: &str) -> Vec<String> {
    let headings = prose(page).into_iter().filter_map(|(_, line)| {
        let level = line.len() - line.trim_start_matches('#').len();
        (level > 0).then(|| line[level..].strip_prefix(' ')).flatten()
    });
    let mut anchors: Vec<String> = Vec::new();
    for heading in headings {
        let slug: String = heading
            .trim()
            .to_lowercase()
            .chars()
            .filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'))
            .map(|letter| if letter == ' ' { '-' } else { letter })
            .collect();
        let before = anchors
            .iter()
            .filter(|anchor| anchor.trim_end_matches(|end: char| end == '-' || end.is_ascii_digit()) == slug);
        let repeated = before.count();
        anchors.push(if repeated == 0 { slug } else { format!("{slug}-{repeated}") });
    }
    anchors
}

/// Where the links and pictures of a page lead, with the lines they are on.
pub(crate) fn links(page: &str) -> Vec<(usize, String)> {
    let mut links = Vec::new();
    for (number, line) in prose(page) {
        let text = without_code(line);
        let mut rest = text.as_str();
        while let Some((_, after)) = rest.split_once("](") {
            let Some((target, left)) = after.split_once(')') else { break };
            links.push((number, target.to_owned()));
            rest = left;
        }
    }
    links
}

/// The pieces of a page that stand between backticks, with the lines they are on.
pub(crate) fn code_spans(page: &str) -> Vec<(usize, String)> {
    prose(page)
        .into_iter()
        .flat_map(|(number, line)| line.split('`').skip(1).step_by(2).map(move |span| (number, span.to_owned())))
        .collect()
}

fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_with_their_remarks() {
        let page = "text\n\n<!-- not run: minutes -->\n\n```console\n$ one\nout\n$ two \\\n  three\n```\n\n* item\n\n  ```sh\n  four\n  ```\n";
        let blocks = blocks(page);
        assert_eq!(blocks.len(), 2);
        assert_eq!((blocks[0].line, blocks[0].language.as_str()), (5, "console"));
        assert_eq!(blocks[0].remark("not run"), Some("minutes"));
        let shown = shown(&blocks[0].text);
        assert_eq!((shown[0].command.as_str(), shown[0].output.as_str()), ("one", "out\n"));
        assert_eq!((shown[1].command.as_str(), shown[1].output.as_str()), ("two \\\n  three", ""));
        assert_eq!((blocks[1].text.as_str(), blocks[1].remark("not run")), ("four\n", None));
    }

    #[test]
    fn anchors_links_and_spans() {
        let page = "# What `plan` says, and why\n\n[a](b.md#c) `[no](link)` ![p](d.svg) `--x`\n\n```sh\n[x](y)\n```\n## Rust\n## Rust\n";
        assert_eq!(anchors(page), ["what-plan-says-and-why", "rust", "rust-1"]);
        assert_eq!(links(page), [(3, "b.md#c".to_owned()), (3, "d.svg".to_owned())]);
        assert_eq!(code_spans(page)[2], (3, "--x".to_owned()));
    }
}
