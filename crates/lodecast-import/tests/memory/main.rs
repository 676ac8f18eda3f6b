//! Memory that imports take, as the operating system counts it: small files that could fill it, and long runs.
#![cfg(target_os = "linux")]

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::ops::ControlFlow;
use std::path::Path;

use lodecast_import::{Columns, ImportOptions, Limits, Restarts, Source, Survey, import, recognise};

/// The largest number of megabytes that were in memory since the last look, beyond those that were there then.
fn megabytes_of(action: impl FnOnce()) -> u64 {
    let of_status = |name: &str| -> u64 {
        let status = fs::read_to_string("/proc/self/status").expect("Linux has it");
        let line = status.lines().find(|line| line.starts_with(name)).expect("Linux tells it");
        line.split_whitespace().nth(1).and_then(|kilobytes| kilobytes.parse().ok()).expect("a number")
    };
    // Makes the peak what is there now.
    fs::write("/proc/self/clear_refs", "5").expect("one's own");
    let before = of_status("VmRSS:");
    action();
    of_status("VmHWM:").saturating_sub(before) / 1024
}

/// Imports what is at `path`, whatever comes of it, and tells the points.
fn points(path: &Path, limits: Limits) -> usize {
    let source = Source::open(path.to_str().expect("Unicode"), &limits).expect("there");
    let Ok(found) = recognise(&source) else { return 0 };
    let sources = [(source, found[0])];
    let options = ImportOptions { restarts: Some(Restarts::Split), limits, ..ImportOptions::default() };
    let columns = Survey::of(&sources, &options).and_then(|survey| Columns::choose(&survey, &options));
    let Ok(columns) = columns else { return 0 };
    let mut points = 0;
    let _ = import(&sources, &columns, &options, &mut |run, _| {
        points += run.len();
        Ok(ControlFlow::Continue(()))
    });
    points
}

// One test, for the peak is the process's.
#[test]
fn memory_stays_in_proportion() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let write = |name: &str, text: &str| fs::write(at(name), text).expect("written");

    // The first import makes what every later one uses.
    write("first.csv", "step,loss,lr,val_acc\n1,2,0.1,0.5\n2,1,0.1,0.6\n");
    assert_eq!(points(&at("first.csv"), Limits::default()), 2);
    let taken_by = |name: &str| {
        megabytes_of(|| {
            let _points = points(&at(name), Limits::default());
        })
    };

    // Many restarts of many series.
    let names: Vec<String> = (0..500).map(|number| format!("c{number}")).collect();
    let mut restarts = format!("step,loss,lr,val_acc,{}\n", names.join(","));
    for row in 0..4000 {
        let _ = writeln!(restarts, "{},1,0.1,0.5{}", 10 * (row % 2) + row / 100, ",".repeat(500));
    }
    write("restarts.csv", &restarts);
    let taken = taken_by("restarts.csv");
    assert!(taken < 50, "restarts: {taken} MB");

    // Lists in JSON: as values each would take 160 MB.
    let zeros = "0,".repeat(5_000_000);
    let row = format!("{{\"step\": 1, \"loss\": 1, \"w\": [{zeros}0]}}");
    for (name, text) in [
        ("trainer_state.json", format!("{{\"max_steps\": 9, \"log_history\": [{row}]}}")),
        ("list.json", format!("{{\"loss\": [{zeros}0]}}")),
        ("line.jsonl", format!("{row}\n")),
    ] {
        write(name, &text);
        let taken = taken_by(name);
        assert!(taken < 120, "{name}: {taken} MB");
    }
    drop(zeros);

    // A long run, of which all samples would take forty megabytes.
    let rows = 500_000;
    let mut file = BufWriter::new(File::create(at("long.csv")).expect("made"));
    writeln!(file, "step,loss,lr,val_acc").expect("written");
    for step in 1..=rows {
        writeln!(file, "{step},{},0.1,0.5", 1.0 / f64::from(step)).expect("written");
    }
    file.into_inner().expect("written");
    let mut kept = 0;
    let limits = Limits { points: 1 << 13, ..Limits::default() };
    let taken = megabytes_of(|| kept = points(&at("long.csv"), limits));
    assert!((1 << 12..=(1 << 13) + 1).contains(&kept), "{kept}");
    assert!(taken < 25, "long.csv: {taken} MB");
}
