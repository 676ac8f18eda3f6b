//! However long a run or large a file, memory and time stay within bounds, and what is not kept is said.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use lodecast::Run;
use lodecast_import::{
    Columns, Error, ImportOptions, ImportReport, Limits, Outcome, Source, Survey, Wanted, import, recognise,
};

fn imported(path: &Path, limits: Limits) -> Result<(Vec<Run>, ImportReport), Error> {
    let source = Source::open(path.to_str().expect("Unicode"), &limits)?;
    let format = recognise(&source)?[0];
    let sources = [(source, format)];
    let options = ImportOptions { limits, ..ImportOptions::default() };
    let columns = Columns::choose(&Survey::of(&sources, &options)?, &options)?;
    let mut runs = Vec::new();
    let report = import(&sources, &columns, &options, &mut |run, _| {
        runs.push(run);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok((runs, report))
}

/// A table of as many rows, with a validation every thousandth.
fn table(rows: u64) -> String {
    let mut text = "step,loss,lr,val_acc\n".to_owned();
    for step in 1..=rows {
        let validation = if step % 1000 == 0 { format!("{}", step as f64 / rows as f64) } else { String::new() };
        let _ = writeln!(text, "{step},{},0.1,{validation}", 1.0 / step as f64);
    }
    text
}

#[test]
fn of_a_long_run_every_so_many_th_point_is_kept_and_that_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("long.csv");
    fs::write(&path, table(20_010)).expect("written");
    let limits = Limits { points: 1000, ..Limits::default() };
    let (runs, report) = imported(&path, limits).expect("usable");
    let run = &runs[0];
    let losses: Vec<(u64, f64)> =
        run.steps().iter().zip(run.train_loss()).filter_map(|(&step, loss)| Some((step, (*loss)?))).collect();
    // Every 32nd from the first on, and the last: each as it was recorded.
    let expected = (1..=20_010).step_by(32).chain([20_010]);
    assert_eq!(losses, expected.map(|step| (step, 1.0 / step as f64)).collect::<Vec<_>>());
    assert_eq!(run.validation(0).iter().flatten().count(), 20, "few are all kept");
    let notes = report.runs[0].notes.join("\n");
    assert!(notes.contains("more than 1000 samples: of 'loss' (627 of 20010 samples)"), "{notes}");
    assert!(notes.contains("one of every 32 is kept (--points COUNT keeps more)"), "{notes}");
    // Nothing is left out of a shorter one.
    let (runs, report) = imported(&path, Limits::default()).expect("usable");
    assert_eq!(runs[0].len(), 20_010);
    assert!(report.runs[0].notes.is_empty(), "{:?}", report.runs[0].notes);
}

#[test]
fn packed_logs_are_read_as_what_is_in_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let pack = |name: &str, text: &str| {
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        packed.write_all(text.as_bytes()).expect("packed");
        let packed = packed.finish().expect("packed");
        fs::write(folder.path().join(name), &packed).expect("written");
        packed
    };
    let rows = (1..=50).map(|step| format!("{{\"step\": {step}, \"loss\": 2, \"lr\": 0.1, \"val_acc\": 0.5}}\n"));
    pack("a.csv.gz", &table(2000));
    pack("b.jsonl.gz", &rows.collect::<String>());
    for (name, run, points) in [("a.csv.gz", "a", 2000), ("b.jsonl.gz", "b", 50)] {
        let (runs, _) = imported(&folder.path().join(name), Limits::default()).expect("usable");
        assert_eq!((runs[0].id.as_str(), runs[0].len()), (run, points));
    }
    // A training that was killed has not ended its file.
    let whole = pack("c.csv.gz", &table(2000));
    fs::write(folder.path().join("c.csv.gz"), &whole[..whole.len() / 2]).expect("written");
    let (runs, _) = imported(&folder.path().join("c.csv.gz"), Limits::default()).expect("usable");
    assert!((500..2000).contains(&runs[0].len()), "{}", runs[0].len());
    // Two hundred megabytes in two hundred kilobytes.
    let path = folder.path().join("bomb.csv.gz");
    let mut bomb = GzEncoder::new(fs::File::create(&path).expect("made"), Compression::best());
    bomb.write_all(b"step,loss,lr,val_acc\n").expect("packed");
    let lines = "1,2,0.1,0.5\n".repeat(1 << 16);
    for _ in 0..256 {
        bomb.write_all(lines.as_bytes()).expect("packed");
    }
    bomb.finish().expect("packed");
    let error = imported(&path, Limits::default()).expect_err("a bomb").to_string();
    assert!(error.contains("200 times its size"), "{error}");
}

#[test]
fn a_restart_of_a_long_run_is_seen() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("long.csv");
    let again: String = (15_001..=25_000_u64).fold(String::new(), |mut text, step| {
        let _ = writeln!(text, "{step},7,0.1,");
        text
    });
    fs::write(&path, table(20_000) + &again).expect("written");
    let (runs, report) = imported(&path, Limits { points: 1000, ..Limits::default() }).expect("usable");
    assert!(report.runs[0].notes.iter().any(|note| note.contains("restarted once")), "{:?}", report.runs[0].notes);
    let run = &runs[0];
    let after = run.steps().iter().zip(run.train_loss()).filter(|(step, loss)| **step > 15_032 && loss.is_some());
    assert!(after.clone().count() > 100 && after.clone().all(|(_, loss)| *loss == Some(7.0)));
}

#[test]
fn the_survey_keeps_little_of_a_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("long.csv");
    fs::write(&path, table(5000)).expect("written");
    // More would be refused.
    let limits = Limits { samples: 500, ..Limits::default() };
    let source = Source::open(path.to_str().expect("Unicode"), &limits).expect("there");
    let sources = [(source, lodecast_import::format_named("csv").expect("a format"))];
    let options = ImportOptions { limits, ..ImportOptions::default() };
    let survey = Survey::of(&sources, &options).expect("few samples are kept");
    assert_eq!((survey.samples("loss"), survey.samples("val_acc")), (5000, 5));
}

#[test]
fn samples_without_end_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("endless.csv");
    fs::write(&path, table(5000)).expect("written");
    let limits = Limits { samples_read: 8000, points: 10, ..Limits::default() };
    let error = imported(&path, limits).expect_err("refused").to_string();
    assert!(error.contains("the number of its samples is beyond 8000"), "{error}");
    // Those at steps below zero, too, of which none is kept.
    let runs = folder.path().join("mlruns/0/aa");
    fs::create_dir_all(runs.join("metrics")).expect("made");
    fs::write(runs.join("meta.yaml"), "run_id: aa\nexperiment_id: '0'\nlifecycle_stage: active\n").expect("written");
    fs::write(runs.join("metrics/loss"), "1 0.5 -1\n".repeat(9000)).expect("written");
    let limits = Limits { samples_read: 8000, ..Limits::default() };
    let source = Source::open(folder.path().join("mlruns").to_str().expect("Unicode"), &limits).expect("there");
    let mut said = String::new();
    let format = lodecast_import::format_named("mlflow").expect("a format");
    let read = format.read(&source, &Wanted::default(), &limits, &mut |outcome| {
        if let Outcome::Skipped(skipped) = outcome {
            said += &skipped.reason;
        }
        ControlFlow::Continue(())
    });
    read.expect("readable");
    assert!(said.contains("the number of its samples is beyond 8000"), "{said}");
}

/// How long the import of a text as a table takes, whatever comes of it.
fn time(text: &str) -> Duration {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.csv");
    fs::write(&path, text).expect("written");
    let begun = Instant::now();
    let _ = imported(&path, Limits::default());
    begun.elapsed()
}

#[test]
fn time_grows_no_faster_than_the_rows() {
    let restarts = |rows: u64| {
        let steps = (0..rows).map(|row| 10 * (row % 2) + row / 1000);
        steps.fold("step,loss,lr,val_acc\n".to_owned(), |mut text, step| {
            let _ = writeln!(text, "{step},1,0.1,0.5");
            text
        })
    };
    let strays = |rows: u64| {
        let steps = (0..rows).map(|row| if row % 3 == 2 { row / 2 } else { row });
        steps.fold("step,loss,lr,val_acc\n".to_owned(), |mut text, step| {
            let _ = writeln!(text, "{step},1,0.1,0.5");
            text
        })
    };
    let epochs = |rows: u64| {
        (0..rows).fold("epoch,step,loss,lr,val_acc\n".to_owned(), |mut text, row| {
            let _ = writeln!(text, "{},{},1,0.1,0.5", row / 4, row % 4);
            text
        })
    };
    for text in [&restarts as &dyn Fn(u64) -> String, &strays, &epochs] {
        let (short, long) = (time(&text(10_000)), time(&text(80_000)));
        // What is quadratic takes 64 times as long.
        assert!(long < 32 * short.max(Duration::from_millis(20)), "{short:?} and {long:?}");
    }
}
