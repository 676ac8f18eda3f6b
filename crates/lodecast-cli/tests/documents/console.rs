//! Runs the commands of the documents as they are written, each page in a folder of its own with recorded runs, and holds what
//! they print against what is shown.
//!
//! A comment before a block says more: `not run: REASON` leaves it to the parser of the command line alone, and
//! `before: COMMANDS` runs some commands first. In a shown output `...` stands for whatever comes there, and times for any others.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::markdown::{self, Shown};
use crate::{Page, accepting, pages, recordings, repository};

/// Stands before the command: networks are fitted for a moment only. How well is not what these tests are about.
const QUICKLY: &str = r#"#!/bin/sh
case "$1 $*" in
    *"--kind law"*) ;;
    "fit "*) set -- "$@" --iterations 20 --members 1 --batch-size 8 ;;
esac
exec LODECAST "$@"
"#;

/// Are outputs compared? Elsewhere the last digits of a number may be others.
const COMPARED: bool = cfg!(all(target_os = "linux", target_arch = "x86_64"));

/// What is a record of what was run once, and takes hours: the parser of the command line alone looks at it.
const RECORDS: [&str; 2] = ["docs/results.md", "docs/benchmarks.md"];

/// A folder in which the commands of a page are run.
struct Scratch {
    folder: TempDir,
    programs: PathBuf,
}

impl Scratch {
    fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        recordings::write(folder.path());
        for name in ["crates", "docs", "python"] {
            symlink(repository().join(name), folder.path().join(name)).expect("a link");
        }
        let programs = folder.path().join(".programs");
        fs::create_dir(&programs).expect("made");
        let program = programs.join("lodecast");
        fs::write(&program, QUICKLY.replace("LODECAST", env!("CARGO_BIN_EXE_lodecast"))).expect("written");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("executable");
        Self { folder, programs }
    }

    /// Runs a command in a shell. What it says and what it prints come as they do on a terminal: together.
    fn run(&self, command: &str) -> Result<String, String> {
        let path = format!("{}:{}", self.programs.display(), std::env::var("PATH").expect("a path"));
        let output = Command::new("sh")
            .args(["-e", "-c", &format!("exec 2>&1\n{command}")])
            .current_dir(self.folder.path())
            .env("PATH", path)
            .env("COLUMNS", "100")
            .output()
            .expect("a shell");
        let printed = String::from_utf8(output.stdout).expect("text");
        if output.status.success() { Ok(printed) } else { Err(printed) }
    }
}

/// A line without what differs from one time to the next: how long it took, and how fast that was.
fn lasting(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let timed = |next: Option<&&str>| {
        next.is_some_and(|unit| ["points/s", "ms)", "s)", "ms", "s"].contains(&unit.trim_end_matches(['.', ','])))
    };
    let kept = words.iter().enumerate().map(|(at, word)| if timed(words.get(at + 1)) { "#" } else { word });
    kept.collect::<Vec<_>>().join(" ").trim_end().to_owned()
}

/// Is what was printed what is shown?
fn agree(shown: &[&str], printed: &[&str]) -> bool {
    match (shown.split_first(), printed.split_first()) {
        (None, None) => true,
        (Some((&"...", rest)), _) => (0..=printed.len()).any(|skipped| agree(rest, &printed[skipped..])),
        (Some((one, shown)), Some((other, printed))) => lasting(one) == lasting(other) && agree(shown, printed),
        _ => false,
    }
}

/// The commands of a block, with their outputs where they are shown.
fn commands(block: &markdown::Block) -> Vec<Shown> {
    match block.language.as_str() {
        "console" => markdown::shown(&block.text),
        "sh" => vec![Shown { command: block.text.clone(), output: String::new() }],
        _ => Vec::new(),
    }
}

/// Runs the commands of a page, and says what went otherwise.
fn faults(page: &Page) -> Vec<String> {
    let mut faults = Vec::new();
    let mut scratch = None;
    let mut text = page.text.clone();
    for block in markdown::blocks(&page.text) {
        let commands = commands(&block);
        if commands.is_empty() || block.remark("not run").is_some() {
            continue;
        }
        let scratch = scratch.get_or_insert_with(Scratch::new);
        if let Some(before) = block.remark("before")
            && let Err(printed) = scratch.run(before)
        {
            faults.push(format!("{}:{}: before: {before}\n{printed}", page.name, block.line));
        }
        for Shown { command, output } in commands {
            let printed = match scratch.run(&command) {
                Ok(printed) => printed,
                Err(printed) => {
                    faults.push(format!("{}:{}: failed: {command}\n{printed}", page.name, block.line));
                    continue;
                }
            };
            let [expected, found] = [&output, &printed].map(|text| text.lines().map(str::trim_end).collect::<Vec<_>>());
            if output.is_empty() || !COMPARED || agree(&expected, &found) {
                continue;
            }
            if accepting() {
                let old = format!("$ {command}\n{output}");
                text = text.replacen(&old, &format!("$ {command}\n{}\n", found.join("\n")), 1);
            } else {
                faults.push(format!("{}:{}: {command}\nprints\n{printed}", page.name, block.line));
            }
        }
    }
    if text != page.text {
        fs::write(page.path(), text).expect("written");
    }
    faults
}

#[test]
fn commands_do_what_the_documents_show() {
    let pages = pages();
    let to_be_run = |page: &&Page| !page.name.starts_with("docs/commands") && !RECORDS.contains(&page.name.as_str());
    let faults: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> = pages.iter().filter(to_be_run).map(|page| scope.spawn(|| faults(page))).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a page")).collect()
    });
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

#[test]
fn every_block_of_commands_says_why_if_it_is_not_run() {
    for page in pages() {
        for block in markdown::blocks(&page.text) {
            let reason = block.remark("not run");
            assert!(reason.is_none_or(|reason| !reason.is_empty()), "{}:{}", page.name, block.line);
            assert!(block.language != "bash", "{}:{}: call it sh or console", page.name, block.line);
        }
    }
}

#[test]
fn an_output_is_compared_but_for_times() {
    let agreeing =
        |shown: &str, printed: &str| agree(&shown.lines().collect::<Vec<_>>(), &printed.lines().collect::<Vec<_>>());
    assert!(agreeing("3 runs, 9 points/s (1 ms)", "3 runs, 7 points/s (22 ms)"));
    assert!(!agreeing("3 runs, 9 points/s (1 ms)", "4 runs, 9 points/s (1 ms)"));
    assert!(agreeing("a\n...\nd", "a\nb\nc\nd") && agreeing("a\n...", "a"));
    assert!(!agreeing("a\n...\nd", "a\nb") && !agreeing("a", "a\nb"));
}

#[test]
fn a_block_is_run_in_the_folder_of_its_page() {
    let scratch = Scratch::new();
    assert!(
        Path::new(scratch.run("pwd").expect("a folder").trim())
            .ends_with(scratch.folder.path().file_name().expect("named"))
    );
    assert!(scratch.run("false; true").is_err(), "a command that fails ends its block");
}
