//! The pages of commands: what each command says of itself.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use crate::{accepting, read, repository};

/// What needs the lab: it says of itself only where the lab has been built in.
const LAB: [&str; 3] = ["demo", "report", "lab"];

/// What the command answers to `--help`.
fn help(path: &[String]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_lodecast"))
        .args(path)
        .arg("--help")
        .env("COLUMNS", "100")
        .output()
        .expect("the command starts");
    assert!(output.status.success(), "{path:?}");
    String::from_utf8(output.stdout).expect("text").replace("lodecast.exe", "lodecast")
}

/// The commands below one, in the order in which it lists them.
fn below(help: &str) -> Vec<String> {
    help.lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

/// Writes a command and those below it.
fn describe(page: &mut String, path: &[String]) {
    let help = help(path);
    let name = ["lodecast"].into_iter().chain(path.iter().map(String::as_str)).collect::<Vec<_>>().join(" ");
    let text: String = help.lines().map(|line| line.trim_end().to_owned() + "\n").collect();
    write!(page, "\n## {name}\n\n```console\n$ {name} --help\n{text}```\n").expect("written");
    if !path.is_empty() {
        for command in below(&help) {
            describe(page, &[path, &[command]].concat());
        }
    }
}

/// Holds a page against what the commands say, or brings it up to date.
fn hold(file: &str, head: &str, commands: &[String], with_all: bool) {
    let mut page = head.to_owned();
    if with_all {
        describe(&mut page, &[]);
    }
    for command in commands {
        describe(&mut page, std::slice::from_ref(command));
    }
    let path = repository().join("docs").join(file);
    if accepting() {
        fs::write(&path, &page).expect("written");
    }
    assert!(
        read(&path) == page,
        "docs/{file} is not what the command says: INSTA_UPDATE=always cargo test -p lodecast-cli --test documents"
    );
}

#[test]
fn the_page_of_commands_is_what_they_say() {
    let commands: Vec<String> = below(&help(&[])).into_iter().filter(|name| !LAB.contains(&name.as_str())).collect();
    let head = "# Commands\n\nWhat each command says of itself. Written by a test from the command line's own definition: \
                don't change it by hand.\nThe commands that train networks are [on a page of their own](commands-lab.md).\n";
    hold("commands.md", head, &commands, true);
}

#[cfg(feature = "lab")]
#[test]
fn the_page_of_the_labs_commands_is_what_they_say() {
    let head = "# Commands of the lab\n\nWhat each command of [the lab](lab.md) says of itself, where the lab is built in \
                (`cargo install --path crates/lodecast-cli --features lab`). Written by a test: don't change it by hand.\n";
    hold("commands-lab.md", head, &LAB.map(str::to_owned), false);
}
