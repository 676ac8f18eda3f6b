//! Every format on files that its real tool wrote (see `data/README.md`), against what is in them.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use lodecast::{Run, Sweep};
use lodecast_import::{
    Columns, ImportOptions, ImportReport, Limits, Restarts, Source, Survey, format_named, import, recognise,
};

/// Imports from below `tests/data`, with the format recognised, and that must be `format`.
fn imported(path: &str, format: &str, options: &ImportOptions) -> (Columns, Sweep, ImportReport) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(path);
    let source = Source::open(path.to_str().expect("the test data are sound"), &Limits::default())
        .expect("the test data are sound");
    assert_eq!(recognise(&source).expect("the test data are sound")[0].name(), format);
    let sources = [(source, format_named(format).expect("the test data are sound"))];
    let columns = Columns::choose(&Survey::of(&sources, options).expect("the test data are sound"), options)
        .expect("the test data are sound");
    let mut sweep = Sweep::new(columns.metrics());
    let report = import(&sources, &columns, options, &mut |run, _| {
        sweep.runs.push(run);
        Ok(ControlFlow::Continue(()))
    })
    .expect("the test data are sound");
    for (index, run) in sweep.runs.iter_mut().enumerate() {
        report.complete(index, &mut run.attributes);
    }
    (columns, sweep, report)
}

fn measured(run: &Run, column: &[Option<f64>]) -> Vec<(u64, f64)> {
    run.steps().iter().zip(column).filter_map(|(&step, &value)| Some((step, value?))).collect()
}

fn ids(sweep: &Sweep) -> Vec<&str> {
    sweep.runs.iter().map(|run| run.id.as_str()).collect()
}

fn metrics(sweep: &Sweep) -> Vec<String> {
    sweep.metrics.iter().map(ToString::to_string).collect()
}

/// The numbers in a column of a CSV file, read without any of the code under test.
fn column(path: &str, step: &str, name: &str) -> Vec<(u64, f64)> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(path))
        .expect("the test data are sound");
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = lines.next().expect("the test data are sound");
    let at = |name: &str| header.iter().position(|column| *column == name).expect("the test data are sound");
    let (step, name) = (at(step), at(name));
    lines.filter_map(|cells| Some((cells[step].parse().ok()?, cells[name].parse::<f64>().ok()?))).collect()
}

#[test]
fn lightning() {
    let (columns, sweep, report) = imported("lightning", "lightning", &ImportOptions::default());
    assert_eq!(ids(&sweep), ["seed-0-rate-0.01", "seed-0-rate-0.1", "seed-1-rate-0.1"]);
    assert_eq!((columns.loss.as_deref(), columns.rate_series()), (Some("train_loss_step"), Some("lr-SGD")));
    assert_eq!(metrics(&sweep), ["val_acc:max", "val_loss:min"]);
    let run = &sweep.runs[1];
    let file = "lightning/seed-0-rate-0.1/metrics.csv";
    assert_eq!(measured(run, run.train_loss()), column(file, "step", "train_loss_step"));
    assert_eq!(measured(run, run.learning_rate()), column(file, "step", "lr-SGD"));
    assert_eq!(measured(run, run.validation(0)), column(file, "step", "val_acc"));
    assert_eq!(run.attributes.seed, Some(0));
    // The seeds of one configuration stay one.
    assert_eq!(report.settings.iter().collect::<Vec<_>>(), ["rate"]);
    assert_eq!(sweep.configurations().len(), 2);
}

#[test]
fn transformers_checkpoints_are_one_run() {
    let (_, sweep, _) = imported("huggingface/trainer", "huggingface", &ImportOptions::default());
    assert_eq!(ids(&sweep), ["trainer"]);
    assert_eq!(metrics(&sweep), ["eval_accuracy:max", "eval_loss:min"]);
    let run = &sweep.runs[0];
    assert_eq!(run.attributes.total_steps, Some(60));
    assert_eq!(measured(run, run.train_loss()).len(), 12);
    assert_eq!(measured(run, run.train_loss())[11], (60, 0.213_378_238_677_978_5));
    assert_eq!(measured(run, run.validation(0))[2], (60, 0.953_125));
}

#[test]
fn transformers_summary_rows_are_no_points() {
    let (_, sweep, _) = imported("huggingface/whisper", "huggingface", &ImportOptions::default());
    assert_eq!(metrics(&sweep), ["eval_wer:min", "eval_loss:min"]);
    let run = &sweep.runs[0];
    assert_eq!(run.attributes.total_steps, Some(100_000));
    assert_eq!(measured(run, run.train_loss())[..2], [(50, 2.936), (100, 2.8713)]);
    assert_eq!(measured(run, run.validation(0))[0], (1000, 61.967_113_276_492_08));
    assert!(run.steps().iter().all(|&step| step <= 3050), "the summary's step 100,000 is none");
}

#[test]
fn keras() {
    let (_, sweep, report) = imported("keras/training.csv", "keras", &ImportOptions::default());
    assert_eq!(ids(&sweep), ["training"]);
    assert_eq!(metrics(&sweep), ["val_accuracy:max", "val_loss:min"]);
    let run = &sweep.runs[0];
    assert_eq!(measured(run, run.learning_rate()), column("keras/training.csv", "epoch", "learning_rate"));
    assert_eq!(measured(run, run.validation(0)), column("keras/training.csv", "epoch", "val_accuracy"));
    assert_eq!(measured(run, run.validation(0)).len(), 3, "NA is a gap");
    assert!(report.runs[0].notes.iter().any(|note| note.contains("epochs")));
}

#[test]
fn ray() {
    let (_, sweep, _) = imported("ray", "ray", &ImportOptions::default());
    assert_eq!(ids(&sweep), ["trial-0", "trial-1"]);
    let run = &sweep.runs[0];
    assert_eq!(run.len(), 20);
    assert_eq!(measured(run, run.train_loss())[1], (2, 0.05));
    assert_eq!(measured(run, run.learning_rate())[1], (2, 0.095));
    assert_eq!((run.attributes.seed, run.attributes.peak_lr), (Some(3), Some(0.1)));
    // Ray writes NaN as a bare word; a run that diverged keeps it.
    let diverged = &sweep.runs[1];
    assert_eq!(diverged.diverged_at(0), Some(16));
    assert!(diverged.train_loss()[19].unwrap().is_nan());
}

#[test]
fn timm() {
    let (_, sweep, _) = imported("timm", "timm", &ImportOptions::default());
    assert_eq!(metrics(&sweep), ["eval_top1:max", "eval_top5:max", "eval_loss:min"]);
    let run = &sweep.runs[0];
    assert_eq!(run.len(), 6);
    let columns = [run.train_loss(), run.learning_rate(), run.validation(0), run.validation(1), run.validation(2)];
    for (name, found) in ["train_loss", "lr", "eval_top1", "eval_top5", "eval_loss"].into_iter().zip(columns) {
        assert_eq!(measured(run, found), column("timm/summary.csv", "epoch", name), "{name}");
    }
    assert_eq!(
        (run.attributes.optimizer.as_deref(), run.attributes.schedule.as_deref()),
        (Some("sgd"), Some("cosine"))
    );
    assert_eq!((run.attributes.peak_lr, run.attributes.seed), (Some(0.5), Some(42)));
}

/// The values in a log of burn, line by line, read without any of the code under test.
fn burn_log(path: &str) -> Vec<f64> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/burn").join(path);
    let text = std::fs::read_to_string(path).expect("the test data are sound");
    let value = |line: &str| line.split_once(',').map(|(value, _)| value.parse().expect("the test data are sound"));
    text.lines().map(|line| value(line).expect("the test data are sound")).collect()
}

#[test]
fn burn() {
    let (columns, sweep, _) = imported("burn", "burn", &ImportOptions::default());
    assert_eq!((columns.loss.as_deref(), columns.rate_series()), (Some("train/Loss"), Some("train/Learning_Rate")));
    assert_eq!(metrics(&sweep), ["valid/Accuracy:max", "valid/Loss:min"]);
    let run = &sweep.runs[0];
    // Three epochs of 46 rows in batches of eight.
    assert_eq!(run.steps(), (1..=18).collect::<Vec<u64>>());
    for (name, column) in [("Loss", run.train_loss()), ("Learning_Rate", run.learning_rate())] {
        let logged = (1..=3).flat_map(|epoch| burn_log(&format!("train/epoch-{epoch}/{name}.log"))[..6].to_vec());
        assert_eq!(column.iter().flatten().copied().collect::<Vec<f64>>(), logged.collect::<Vec<f64>>());
    }
    // What burn made of the epoch, which is its last line, and not the mean of the batches.
    for (metric, name) in ["Accuracy", "Loss"].into_iter().enumerate() {
        let whole = (1..=3).map(|epoch| (6 * epoch, burn_log(&format!("valid/epoch-{epoch}/{name}.log"))[3]));
        assert_eq!(measured(run, run.validation(metric)), whole.collect::<Vec<(u64, f64)>>());
    }
}

#[test]
fn burn_before_it_logged_the_value_of_the_epoch() {
    let folder = tempfile::tempdir().unwrap();
    for (file, lines) in [
        ("train/epoch-1/Loss.log", "2.0,4\n1.5,4\n1.25,2\n"),
        ("train/epoch-1/Learning_Rate.log", "0.1\n0.1\n0.1\n"),
        ("train/epoch-1/AUROC.log", "0.75\n"),
        ("valid/epoch-1/Accuracy.log", "50,4\n75,2\n"),
    ] {
        let path = folder.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, lines).unwrap();
    }
    let options = ImportOptions {
        validation: vec!["valid/Accuracy:max".parse().unwrap(), "train/AUROC:max".parse().unwrap()],
        ..ImportOptions::default()
    };
    let (_, sweep, _) = imported(folder.path().to_str().unwrap(), "burn", &options);
    let run = &sweep.runs[0];
    assert_eq!(measured(run, run.train_loss()), [(1, 2.0), (2, 1.5), (3, 1.25)]);
    // Each batch weighed by its size.
    assert_eq!(measured(run, run.validation(0)), [(3, (50.0 * 4.0 + 75.0 * 2.0) / 6.0)]);
    assert_eq!(measured(run, run.validation(1)), [(3, 0.75)], "of the whole epoch");
}

#[test]
fn algoperf_rates_are_rebuilt_from_the_settings() {
    let rate = "cosine,peak-from=learning_rate,warmup-from=warmup_factor".parse().unwrap();
    let options = ImportOptions { rate_schedule: Some(rate), ..ImportOptions::default() };
    let (columns, sweep, _) = imported("algoperf/study_2", "algoperf", &options);
    assert_eq!(columns.loss.as_deref(), Some("loss"));
    assert_eq!(ids(&sweep), ["ogbg_jax/trial_1", "ogbg_jax/trial_2"]);
    let run = &sweep.runs[0];
    assert_eq!(run.attributes.total_steps, Some(80_000));
    assert_eq!(run.attributes.schedule.as_deref(), Some("cosine"));
    let peak = run.attributes.peak_lr.unwrap();
    let warmup: f64 = run.attributes.other.get("warmup_factor").map_or(0.0, |text| text.parse().unwrap());
    if warmup > 0.0 {
        let warmup = (warmup * 80_000.0).floor();
        for (step, found) in measured(run, run.learning_rate()) {
            let step = step as f64;
            let expected = if step < warmup {
                peak * step / warmup
            } else {
                peak * 0.5 * (1.0 + (std::f64::consts::PI * (step - warmup) / (80_000.0 - warmup)).cos())
            };
            assert!((found - expected).abs() < 1e-12 * peak, "{step}: {found} {expected}");
        }
    }
    assert_eq!(
        measured(run, run.train_loss()),
        column("algoperf/study_2/ogbg_jax/trial_1/measurements.csv", "global_step", "loss")
    );
}

#[test]
fn a_second_training_in_one_file_is_told_apart() {
    let loss = Some("loss".to_owned());
    let last = ImportOptions { loss: loss.clone(), ..ImportOptions::default() };
    let (_, kept, report) = imported("algoperf/nadamw", "algoperf", &last);
    assert_eq!(kept.runs.len(), 1);
    assert!(report.runs[0].notes.iter().any(|note| note.contains("begins anew")), "{:?}", report.runs[0].notes);
    // Step 186,700 of the file is step 34 of the second training: 186,666 were planned.
    assert_eq!(measured(&kept.runs[0], kept.runs[0].train_loss())[0].1, 6.905_976_3);

    let split = ImportOptions { loss, restarts: Some(Restarts::Split), ..ImportOptions::default() };
    let (_, split, _) = imported("algoperf/nadamw", "algoperf", &split);
    assert_eq!(split.runs.len(), 2);
    assert!(split.runs[0].steps().iter().all(|&step| step <= 186_666));
    let mut alone = kept.runs[0].clone();
    alone.id.clone_from(&split.runs[1].id);
    assert_eq!(split.runs[1], alone);
}

#[test]
fn any_csv_by_its_column_names() {
    let loss_only = ImportOptions { validation: vec!["loss:min".parse().unwrap()], ..ImportOptions::default() };
    let (_, sweep, _) = imported("multi-power-law", "csv", &loss_only);
    assert_eq!(ids(&sweep), ["cosine_24000", "wsd_20000_24000", "wsdcon_9"]);
    let run = &sweep.runs[0];
    assert_eq!(measured(run, run.validation(0)), column("multi-power-law/cosine_24000.csv", "step", "loss"));
    assert_eq!(measured(run, run.learning_rate()), column("multi-power-law/cosine_24000.csv", "step", "lr"));
    assert_eq!(sweep.configurations().len(), 3, "the rate's curve tells them apart");
}

#[test]
fn nan_may_mean_not_measured() {
    let mut options = ImportOptions { validation: vec!["ValidLossEpoch".parse().unwrap()], ..ImportOptions::default() };
    options.learning_rate = Some("Alpha".to_owned());
    options.loss = Some("Loss".to_owned());
    let (_, sweep, report) = imported("hypergradient", "csv", &options);
    let run = &sweep.runs[0];
    assert_eq!(run.len(), 184);
    assert_eq!(measured(run, run.validation(0))[..2], [(0, 2.285_788_642_883_301), (470, 0.315_771_042_823_791_5)]);
    assert!(measured(run, run.validation(0)).iter().all(|(_, value)| value.is_finite()));
    assert!(report.runs[0].notes.iter().any(|note| note.contains("NaN means not measured")));
}

#[test]
fn a_table_of_many_runs() {
    let folder = tempfile::tempdir().unwrap();
    let mut lines = vec!["run,step,loss,lr,val_acc,seed,optimizer".to_owned()];
    for step in 1..=4 {
        for run in 0..3 {
            let loss = 1.0 / f64::from(step + run);
            lines.push(format!("r{run},{step},{loss},0.1,{},{run},adam", 0.1 * f64::from(step)));
        }
    }
    std::fs::write(folder.path().join("runs.csv"), lines.join("\n")).unwrap();
    let path = folder.path().join("runs.csv");
    let run = |samples| {
        let limits = Limits { samples, ..Limits::default() };
        let options = ImportOptions { limits: limits.clone(), ..ImportOptions::default() };
        let sources = [(Source::open(path.to_str().unwrap(), &limits).unwrap(), format_named("csv").unwrap())];
        let columns = Columns::choose(&Survey::of(&sources, &ImportOptions::default()).unwrap(), &options).unwrap();
        let mut runs = BTreeMap::new();
        import(&sources, &columns, &options, &mut |run, _| {
            runs.insert(run.id.clone(), run);
            Ok(ControlFlow::Continue(()))
        })
        .map(|_| runs)
    };
    let runs = run(1000).unwrap();
    assert_eq!(runs.len(), 3);
    assert_eq!(runs["r1"].train_loss()[2], Some(0.25));
    assert_eq!((runs["r2"].attributes.seed, runs["r2"].attributes.optimizer.as_deref()), (Some(2), Some("adam")));
    // Runs that are spread over more points than may be in memory cannot be put together.
    assert!(run(60).unwrap_err().to_string().contains("sort the table by run"));
}

#[test]
fn a_metric_that_never_changes_is_no_setting() {
    let folder = tempfile::tempdir().unwrap();
    for (name, accuracy) in [("sound", [0.1, 0.5, 0.8]), ("wrecked", [0.1; 3])] {
        let line =
            |(step, accuracy)| format!("{{\"step\": {step}, \"loss\": 1.5, \"lr\": 0.1, \"val_acc\": {accuracy}}}\n");
        let lines: String = (1..).zip(accuracy).map(line).collect();
        std::fs::write(folder.path().join(format!("{name}.jsonl")), lines).unwrap();
    }
    let (_, sweep, report) = imported(folder.path().to_str().unwrap(), "json-lines", &ImportOptions::default());
    assert!(report.settings.is_empty(), "{:?}", report.settings);
    assert_eq!(sweep.configurations().len(), 1);
}

#[test]
fn a_sweep_file_is_not_taken_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.jsonl");
    let header = r#"{"lodecast_sweep": 1, "metrics": ["acc:max"], "runs": {"run": {"schedule": "cosine"}}}"#;
    std::fs::write(&path, format!("{header}\n{{\"run_id\": \"run\", \"step\": 1, \"train_loss\": 1.5}}\n")).unwrap();
    let source = Source::open(path.to_str().unwrap(), &Limits::default()).unwrap();
    let sources = [(source, format_named("json-lines").unwrap())];
    let error = Survey::of(&sources, &ImportOptions::default()).unwrap_err().to_string();
    assert!(error.contains("a sweep file of lodecast already") && error.contains("as it is"), "{error}");
}

#[test]
fn restarts_are_named_and_kept_as_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.jsonl");
    let points = [(10, 3.0), (20, 2.0), (30, 1.5), (20, 2.1), (30, 1.4)];
    let line = |(step, loss)| format!("{{\"step\": {step}, \"loss\": {loss}, \"lr\": 0.1, \"val\": {{\"acc\": 0.5}}}}");
    let mut lines: Vec<String> = points.into_iter().map(line).collect();
    // Cut off in the writing.
    lines.push("{\"step\": 40, \"loss\": 1.".to_owned());
    std::fs::write(&path, lines.join("\n")).unwrap();
    let imported = |restarts: Restarts| {
        let options = ImportOptions { restarts: Some(restarts), ..ImportOptions::default() };
        let sources =
            [(Source::open(path.to_str().unwrap(), &Limits::default()).unwrap(), format_named("json-lines").unwrap())];
        let columns = Columns::choose(&Survey::of(&sources, &options).unwrap(), &options).unwrap();
        let mut runs = Vec::new();
        let report = import(&sources, &columns, &options, &mut |run, _| {
            runs.push(run);
            Ok(ControlFlow::Continue(()))
        });
        (runs, report.unwrap())
    };
    let (runs, report) = imported(Restarts::Last);
    assert_eq!(measured(&runs[0], runs[0].train_loss()), [(10, 3.0), (20, 2.1), (30, 1.4)]);
    let notes = report.runs[0].notes.join("; ");
    assert!(notes.contains("restarted once") && notes.contains("cut off"), "{notes}");
    let (runs, _) = imported(Restarts::Split);
    assert_eq!(runs.iter().map(Run::len).collect::<Vec<_>>(), [3, 2]);
}

#[test]
fn dvclive() {
    let options = ImportOptions::default();
    let (_, sweep, _) = imported("dvclive", "dvclive", &options);
    let run = &sweep.runs[0];
    assert_eq!(measured(run, run.train_loss()), (0..5).map(|i| (i, 2.0 / (i + 1) as f64)).collect::<Vec<_>>());
    assert_eq!(measured(run, run.validation(0)), [(1, 0.1), (3, 0.1 * 3.0)]);
    assert_eq!((run.attributes.seed, run.attributes.peak_lr), (Some(3), Some(0.1)));
}

#[test]
fn trackio() {
    let options = ImportOptions { validation: vec!["loss:min".parse().unwrap()], ..ImportOptions::default() };
    let (_, sweep, _) = imported("trackio", "trackio", &options);
    assert_eq!(ids(&sweep), ["calm"]);
    let run = &sweep.runs[0];
    assert_eq!(measured(run, run.train_loss()), (0..5).map(|i| (i, 2.0 / (i + 1) as f64)).collect::<Vec<_>>());
    assert_eq!(measured(run, run.learning_rate()), (0..5).map(|i| (i, 0.1)).collect::<Vec<_>>());
}
