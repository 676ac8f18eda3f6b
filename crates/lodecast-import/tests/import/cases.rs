//! Inputs as people have them, each with what is right about it: `data/cases` holds one folder a case.

use std::fmt::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use lodecast::{Run, Sweep};
use lodecast_import::{
    Columns, Error, Format, ImportOptions, ImportReport, Limits, Source, Survey, format_named, import, recognise,
};

fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/cases").join(name)
}

pub(crate) struct Imported {
    pub(crate) said: Vec<String>,
    pub(crate) sweep: Sweep,
    pub(crate) report: ImportReport,
}

impl Imported {
    pub(crate) fn run(&self, id: &str) -> &Run {
        self.sweep.runs.iter().find(|run| run.id == id).unwrap_or_else(|| panic!("no run '{id}': {:?}", self.ids()))
    }

    pub(crate) fn ids(&self) -> Vec<&str> {
        self.sweep.runs.iter().map(|run| run.id.as_str()).collect()
    }

    /// Everything that was noted of the runs.
    pub(crate) fn notes(&self) -> String {
        let notes = self.report.runs.iter().flat_map(|run| &run.notes).chain(&self.report.notes);
        notes.cloned().collect::<Vec<_>>().join("\n")
    }

    pub(crate) fn metric(&self, name: &str) -> usize {
        let metric = self.sweep.metrics.iter().position(|metric| metric.to_string() == name);
        metric.unwrap_or_else(|| panic!("no metric '{name}': {:?}", self.sweep.metrics))
    }

    pub(crate) fn settings(&self) -> Vec<&str> {
        self.report.settings.iter().map(String::as_str).collect()
    }
}

pub(crate) fn imported_as(format: Option<&str>, path: &Path, options: &ImportOptions) -> Result<Imported, Error> {
    let source = Source::open(path.to_str().expect("Unicode"), &Limits::default())?;
    let format: &dyn Format = match format {
        Some(name) => format_named(name)?,
        None => recognise(&source)?[0],
    };
    let sources = [(source, format)];
    let columns = Columns::choose(&Survey::of(&sources, options)?, options)?;
    let mut sweep = Sweep::new(columns.metrics());
    let report = import(&sources, &columns, options, &mut |run, _| {
        sweep.runs.push(run);
        Ok(ControlFlow::Continue(()))
    })?;
    for (index, run) in sweep.runs.iter_mut().enumerate() {
        report.complete(index, &mut run.attributes);
    }
    Ok(Imported { said: columns.said, sweep, report })
}

pub(crate) fn imported(name: &str, options: &ImportOptions) -> Imported {
    imported_as(None, &case(name), options).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn refused(name: &str, options: &ImportOptions) -> String {
    match imported_as(None, &case(name), options) {
        Ok(imported) => panic!("{name} is taken: {:?}", imported.ids()),
        Err(error) => error.to_string(),
    }
}

pub(crate) fn with_validation(names: &[&str]) -> ImportOptions {
    let validation = names.iter().map(|name| name.parse().expect("a metric")).collect();
    ImportOptions { validation, ..ImportOptions::default() }
}

/// A text with a line for each of these.
pub(crate) fn lines<I: IntoIterator>(of: I, line: impl FnMut(I::Item) -> String) -> String {
    of.into_iter().map(line).collect()
}

/// The points of a column at which something was measured.
pub(crate) fn points(run: &Run, column: &[Option<f64>]) -> Vec<(u64, f64)> {
    run.steps().iter().zip(column).filter_map(|(&step, &value)| Some((step, value?))).collect()
}

fn assert_close(found: &[(u64, f64)], expected: &[(u64, f64)]) {
    let close = found.len() == expected.len()
        && found.iter().zip(expected).all(|(a, b)| a.0 == b.0 && (a.1 - b.1).abs() < 6e-4 * b.1.abs().max(1e-3));
    assert!(close, "{found:?}\nis not\n{expected:?}");
}

fn every(stride: u64, values: &[f64]) -> Vec<(u64, f64)> {
    (1..).zip(values).map(|(index, &value)| (index * stride, value)).collect()
}

#[test]
fn folders_of_add_scalars_are_series_of_the_run_above() {
    let found = imported("add-scalars-folders", &ImportOptions::default());
    assert_eq!(found.ids(), ["exp1", "exp2"]);
    for (id, rate) in [("exp1", 0.1), ("exp2", 0.2)] {
        let run = found.run(id);
        assert_close(&points(run, run.train_loss()), &every(10, &[2.0, 1.0, 0.667, 0.5, 0.4]));
        assert_close(&points(run, run.learning_rate()), &every(10, &[rate; 5]));
        assert_close(&points(run, run.validation(0)), &every(10, &[2.2, 1.1, 0.733, 0.55, 0.44]));
    }
}

#[test]
fn the_length_asked_for_holds_for_the_rate_though_the_run_went_on() {
    let mut options = ImportOptions {
        rate_schedule: Some("cosine,peak-from=lr".parse().expect("a schedule")),
        ..ImportOptions::default()
    };
    options.attributes.total_steps = Some("epochs".to_owned());
    let found = imported("cool-down-past-the-plan", &options);
    let run = &found.sweep.runs[0];
    let rate = points(run, run.learning_rate());
    for (epoch, expected) in [(0, 0.4), (5, 0.2), (9, 0.009_789), (10, 0.0), (11, 0.0)] {
        assert!((rate[epoch].1 - expected).abs() < 1e-6, "{epoch}: {}", rate[epoch].1);
    }
    assert!(!found.notes().contains("is unknown"), "{}", found.notes());
}

#[test]
fn a_file_without_any_of_the_columns_is_left_out() {
    for (folder, kept) in [("runs", "a"), ("lightning", "version_0"), ("huggingface", "a")] {
        let found = imported(&format!("crash-file-without-any-column/{folder}"), &ImportOptions::default());
        assert_eq!(found.ids(), [kept]);
        assert_eq!(found.report.skipped.len(), 1);
        let reason = &found.report.skipped[0].reason;
        assert!(reason.contains("none of the"), "{reason}");
    }
    let found = imported("crash-file-without-any-column/runs", &ImportOptions::default());
    assert_eq!(found.sweep.runs[0].len(), 3);
}

#[test]
fn lines_are_counted_whatever_they_end_in() {
    let error = refused("crlf-line-number", &ImportOptions::default());
    assert!(error.contains("line 4: not as many fields as the 4 columns"), "{error}");
}

#[test]
fn of_a_column_that_is_there_twice_the_first_is_read() {
    let found = imported("csv-column-twice", &ImportOptions::default());
    let run = &found.sweep.runs[0];
    assert_eq!(points(run, run.validation(0)), [(10, 0.3), (20, 0.5), (30, 0.6)]);
    assert!(found.notes().contains("'val_acc' more than once"), "{}", found.notes());
}

#[test]
fn a_header_may_grow() {
    let found = imported("csv-header-grows", &ImportOptions::default());
    let run = &found.sweep.runs[0];
    assert_eq!(run.steps(), [100, 200, 300, 400, 500, 600]);
    assert_eq!(points(run, run.validation(0)), [(400, 0.7), (500, 0.74), (600, 0.78)]);
    assert!(found.notes().contains("another header follows on line 5"), "{}", found.notes());
}

#[test]
fn runs_that_were_stopped_early_have_the_length_that_was_planned() {
    let mut options = with_validation(&["metrics/mAP50-95(B):max"]);
    options.loss = Some("train/loss".to_owned());
    let found = imported("early-stopped-runs", &options);
    assert_eq!(found.ids(), ["train0", "train1"]);
    for (run, (seed, last)) in found.sweep.runs.iter().zip([(0, 6), (1, 8)]) {
        assert_eq!((run.attributes.total_steps, run.attributes.seed), (Some(10), Some(seed)));
        assert_eq!((run.attributes.optimizer.as_deref(), run.steps().last()), (Some("SGD"), Some(&last)));
    }
    assert!(found.settings().is_empty(), "{:?}", found.settings());
    // Without the settings beside the table there is a way to say it.
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::copy(case("early-stopped-runs/train0/results.csv"), folder.path().join("a.csv")).expect("copied");
    options.total_steps = Some(10);
    let found = imported_as(None, folder.path(), &options).expect("usable");
    assert_eq!(found.sweep.runs[0].attributes.total_steps, Some(10));
}

#[test]
fn what_keras_logs_for_tensorboard_needs_no_options() {
    let found = imported("keras-tensorboard-callback/logs", &ImportOptions::default());
    assert_eq!(found.ids(), ["rate_0.01", "rate_0.1"]);
    let accuracy = found.metric("validation/epoch_accuracy:max");
    let loss = found.metric("validation/epoch_loss:min");
    assert_eq!(found.sweep.metrics.len(), 2);
    let at = |values: &[f64]| -> Vec<(u64, f64)> { (0..).zip(values.iter().copied()).collect() };
    for (id, rate) in [("rate_0.01", 0.01), ("rate_0.1", 0.1)] {
        let run = found.run(id);
        assert_close(&points(run, run.train_loss()), &at(&[2.0, 1.0, 0.6667, 0.5, 0.4]));
        assert_close(&points(run, run.learning_rate()), &at(&[rate; 5]));
        assert_close(&points(run, run.validation(accuracy)), &at(&[0.45, 0.5, 0.55, 0.6, 0.65]));
        assert_eq!(points(run, run.validation(loss)).len(), 5);
    }
}

#[test]
fn evaluations_that_come_late_are_no_restart() {
    for path in ["late-evaluations/run1", "late-evaluations/tb"] {
        let found = imported(path, &ImportOptions::default());
        assert_eq!(found.sweep.runs.len(), 1);
        let run = &found.sweep.runs[0];
        assert_eq!(points(run, run.train_loss()).len(), 13, "{path}");
        assert_eq!(points(run, run.learning_rate()).len(), 13, "{path}");
        let expected = every(100, &[0.3336, 0.5065, 0.6346, 0.7294, 0.7996, 0.8517]);
        assert_close(&points(run, run.validation(0)), &expected);
        assert!(!found.notes().contains("restarted"), "{}", found.notes());
    }
}

#[test]
fn logs_under_other_names_are_read_or_spoken_of() {
    let found = imported_as(Some("timm"), &case("logs-under-other-names/net/summary_a.csv"), &ImportOptions::default())
        .expect("a file that was named is read");
    let run = &found.sweep.runs[0];
    assert_eq!(
        (run.attributes.seed, run.attributes.peak_lr, run.attributes.total_steps),
        (Some(7), Some(0.1), Some(3))
    );
    let found = imported("logs-under-other-names", &ImportOptions::default());
    let said = format!("{:?} {:?} {}", found.ids(), found.report.skipped, found.notes());
    for name in ["summary_a", "scalars", "log_pretrain"] {
        assert!(said.contains(name), "{name}: {said}");
    }
}

#[test]
fn a_setting_that_is_misspelt_is_an_error() {
    let mut options = ImportOptions::default();
    options.attributes.seed = Some("repetitoin".to_owned());
    let error = refused("misspelt-setting-option", &options);
    assert!(error.contains("no setting 'repetitoin'; there are: horizon, lr, repetition"), "{error}");
    options.attributes.seed = Some("repetition".to_owned());
    options.attributes.total_steps = Some("horizn".to_owned());
    assert!(refused("misspelt-setting-option", &options).contains("no setting 'horizn'"));
    options.attributes.total_steps = Some("horizon".to_owned());
    let found = imported("misspelt-setting-option", &options);
    assert_eq!(found.sweep.configurations().len(), 1);
    assert!(found.sweep.runs.iter().all(|run| run.attributes.total_steps == Some(100)));
    // What has no effect is refused or said.
    let mut options = ImportOptions { steps_per_epoch: Some(7), ..ImportOptions::default() };
    assert!(imported("misspelt-setting-option", &options).notes().contains("--steps-per-epoch has no effect"));
    options.wanted.collection = Some("a".to_owned());
    assert!(refused("misspelt-setting-option", &options).contains("leave --collection out"));
}

#[test]
fn a_database_without_runs_does_not_hide_the_next_one() {
    let found = imported("mlflow-empty-database-first", &ImportOptions::default());
    assert_eq!(found.sweep.runs.len(), 2);
    assert!(found.sweep.runs.iter().all(|run| run.len() == 4));
}

#[test]
fn a_run_of_one_row_has_the_settings_that_others_show() {
    let found = imported("one-row-run", &ImportOptions::default());
    assert_eq!(found.ids(), ["a", "b", "c"]);
    assert!(found.settings().is_empty(), "nothing but the rate differs: {:?}", found.settings());
}

#[test]
fn a_broken_line_of_a_journal_costs_what_it_said() {
    let mut options = with_validation(&["intermediate_value:min"]);
    options.loss = Some("intermediate_value".to_owned());
    options.rate_schedule = Some("constant,peak-from=lr".parse().expect("a schedule"));
    let found = imported("optuna-broken-line", &options);
    assert_eq!(found.sweep.runs.len(), 4);
    let steps: Vec<u64> = found.run("s/1").steps().to_vec();
    assert!(steps.starts_with(&(1..=9).collect::<Vec<u64>>()), "{steps:?}");
    assert!(found.notes().contains("line 27 of the journal is broken"), "{}", found.notes());
    // The study says which way is better.
    options.validation = vec!["intermediate_value".parse().expect("a metric")];
    assert_eq!(imported("optuna-broken-line", &options).sweep.metrics[0].to_string(), "intermediate_value:min");
}

#[test]
fn the_rate_is_the_one_most_groups_share() {
    let mut options = with_validation(&["metrics/mAP50-95(B):max"]);
    options.loss = Some("train/loss".to_owned());
    let found = imported("rate-of-the-bias-group", &options);
    let run = &found.sweep.runs[0];
    let rates: Vec<f64> = points(run, run.learning_rate()).into_iter().map(|(_, rate)| rate).collect();
    assert_eq!(rates[..4], [0.000_45, 0.000_802, 0.001_055, 0.000_906]);
    let said = found.said.join("\n");
    assert!(said.contains("lr/pg1, which 2 of 3 parameter groups share (lr/pg0 differs by up to 149"), "{said}");
}

#[test]
fn a_run_resumed_in_another_folder_is_one_run() {
    let found = imported("resumed-in-another-folder", &ImportOptions::default());
    assert_eq!(found.ids(), ["version_0"]);
    let run = &found.sweep.runs[0];
    assert_eq!(run.steps(), [99, 199, 299, 399, 499, 599, 699, 799]);
    assert_eq!(points(run, run.validation(0))[7], (799, 0.8));
    assert!(found.notes().contains("'version_1' goes on where it ended, at step 499"), "{}", found.notes());
}

#[test]
fn rows_before_the_first_step_hold_settings() {
    let options =
        ImportOptions { rate_schedule: Some("constant".parse().expect("a schedule")), ..ImportOptions::default() };
    let found = imported("settings-in-the-first-row", &options);
    assert_eq!(found.ids(), ["adam_s0", "adam_s1", "muon_s0", "muon_s1"]);
    assert_eq!(found.sweep.configurations().len(), 2);
    for (run, (seed, rate)) in found.sweep.runs.iter().zip([(0, 0.003), (1, 0.003), (0, 0.05), (1, 0.05)]) {
        assert_eq!((run.attributes.seed, run.attributes.total_steps), (Some(seed), Some(50)));
        assert_eq!(points(run, run.learning_rate()), every(10, &[rate; 5]), "{}", run.id);
    }
    let options = ImportOptions {
        rate_schedule: Some("constant,peak-from=_meta/lr".parse().expect("a schedule")),
        ..ImportOptions::default()
    };
    let found = imported("settings-in-the-first-row", &options);
    assert!(found.notes().contains("a rate of its own, _meta/muon_lr = 0.05"), "{}", found.notes());
}

#[test]
fn several_values_at_a_step_are_batches_of_one_measurement() {
    let found = imported("several-values-at-a-step", &ImportOptions::default());
    let run = &found.sweep.runs[0];
    let means: Vec<f64> = points(run, run.validation(0)).into_iter().map(|(_, value)| value).collect();
    for (found, expected) in means.iter().zip([0.57, 0.65, 0.73, 0.81, 0.89]) {
        assert!((found - expected).abs() < 1e-6, "{means:?}");
    }
    assert!(found.notes().contains("20 samples of 'validation/accuracy' share 5 steps: the mean"), "{}", found.notes());
}

#[test]
fn what_stands_at_a_step_tells_of_the_epoch_that_it_ends() {
    let options = ImportOptions { steps_per_epoch: Some(100), ..ImportOptions::default() };
    let found = imported("steps-per-epoch-rate/runs", &options);
    let run = &found.sweep.runs[0];
    assert_eq!(points(run, run.learning_rate()), every(100, &[0.5, 0.4, 0.3, 0.2, 0.1]));
}

#[test]
fn text_logs_are_read() {
    let found = imported_as(None, &case("text-log/main.log"), &ImportOptions::default()).expect("usable");
    let run = &found.sweep.runs[0];
    assert_eq!(points(run, run.train_loss()), [(0, 11.0), (1, 10.5), (2, 10.1)]);
    assert_eq!(points(run, run.learning_rate()), [(0, 1e-4), (1, 2e-4), (2, 3e-4)]);
    assert_eq!(points(run, run.validation(0)), [(0, 11.0), (2, 10.2)]);
    let options = ImportOptions {
        rate_schedule: Some("constant,peak=0.1".parse().expect("a schedule")),
        ..ImportOptions::default()
    };
    let found = imported_as(None, &case("text-log/speedrun.txt"), &options).expect("usable");
    let run = &found.sweep.runs[0];
    assert_eq!(points(run, run.train_loss()), [(1, 10.8), (2, 9.9)]);
    assert_eq!(points(run, run.validation(0)), [(0, 10.8258), (4, 9.1)]);
    assert_eq!(run.attributes.total_steps, Some(4));
    // A folder of both.
    let read = imported("text-log", &options);
    assert_eq!(read.ids(), ["main", "speedrun"]);
}

#[test]
fn what_rllib_reports_has_usual_names() {
    let found = imported_as(None, &case("usual-names/rllib.jsonl"), &ImportOptions::default()).expect("usable");
    let run = &found.sweep.runs[0];
    assert_eq!(found.sweep.metrics[0].to_string(), "episode_reward_mean:max");
    assert_close(&points(run, run.train_loss()), &every(1, &[10.0, 5.0, 3.333_333, 2.5]));
    assert_eq!(points(run, run.learning_rate()), every(1, &[5e-5; 4]));
    assert_eq!(points(run, run.validation(0)), every(1, &[-90.0, -80.0, -70.0, -60.0]));
}

#[test]
fn validation_every_ten_epochs_is_put_among_the_steps() {
    for steps_per_epoch in [None, Some(6)] {
        let options = ImportOptions { steps_per_epoch, ..with_validation(&["val_acc:max"]) };
        let found = imported_as(Some("json-lines"), &case("validation-every-10-epochs/scalars.jsonl"), &options)
            .expect("usable");
        let run = &found.sweep.runs[0];
        assert_eq!(points(run, run.validation(0)), every(60, &[0.2, 0.4, 0.6]));
        assert_eq!(points(run, run.train_loss()).len(), 30);
        assert!(found.notes().contains("val_acc counts epochs"), "{}", found.notes());
    }
}

/// Files in a folder of their own, and what is imported of it.
pub(crate) fn of_files(files: &[(&str, &str)], options: &ImportOptions) -> Result<Imported, Error> {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, text).expect("written");
    }
    imported_as(None, folder.path(), options)
}

#[test]
fn a_copy_of_a_file_is_no_second_seed() {
    let table = "step,loss,lr,val_acc,seed\n1,2.0,0.1,0.3,4\n2,1.0,0.1,0.4,4\n3,0.8,0.1,0.5,4\n";
    let found = of_files(&[("a.csv", table), ("b.csv", table)], &ImportOptions::default()).expect("usable");
    assert_eq!(found.ids(), ["a"]);
    assert!(found.report.skipped[0].reason.contains("same points and settings as 'a': a copy"));
    let without_seed = table.replace("seed", "width");
    let files = [("a.csv", without_seed.as_str()), ("b.csv", &without_seed), ("b copy.csv", &without_seed)];
    let found = of_files(&files, &ImportOptions::default()).expect("usable");
    assert_eq!(found.sweep.runs.len(), 2);
    assert!(found.notes().contains("if it is a copy, leave it out"), "{}", found.notes());
}

#[test]
fn a_table_from_the_last_step_to_the_first_is_put_in_order() {
    let rows = (1..=100).rev().map(|step| format!("{step},{},0.1,0.{step:03}", 1.0 / f64::from(step)));
    let table = std::iter::once("step,loss,lr,val_acc".to_owned()).chain(rows).collect::<Vec<_>>().join("\n") + "\n";
    let found = of_files(&[("a.csv", &table)], &ImportOptions::default()).expect("usable");
    let run = &found.sweep.runs[0];
    assert_eq!(run.steps(), (1..=100).collect::<Vec<u64>>());
    assert!(found.notes().contains("they were put in order") && !found.notes().contains("restarted"));
}

#[test]
fn batches_that_each_epoch_counts_anew_are_counted_on() {
    let mut rows = "epoch,step,loss,lr\n".to_owned();
    for epoch in 0..5 {
        for step in 0..20 {
            let _ = writeln!(rows, "{epoch},{step},{},0.1", 2.0 - f64::from(epoch * 20 + step) / 100.0);
        }
    }
    let options = with_validation(&["loss:min"]);
    let found = of_files(&[("a.csv", &rows)], &options).expect("usable");
    assert_eq!(found.sweep.runs[0].steps(), (0..100).collect::<Vec<u64>>());
    assert!(found.notes().contains("counted on, 20 an epoch"), "{}", found.notes());
    // A column of batches, too, where nothing else counts.
    let found = of_files(&[("a.csv", &rows.replace("epoch,step,", "epoch,batch,"))], &options).expect("usable");
    assert_eq!(found.sweep.runs[0].len(), 100);
    // Without the epoch nobody knows: it is asked.
    let rows = rows.replace("epoch,", "phase,");
    let error = of_files(&[("a.csv", &rows)], &options).err().expect("undecided").to_string();
    assert!(error.contains("go back 4 times") && error.contains("--restarts last or --restarts split"), "{error}");
}

#[test]
fn a_lone_sample_at_an_earlier_step_is_no_restart() {
    let line = |step: u64| {
        format!("{{\"step\": {step}, \"loss\": {}, \"lr\": 0.1, \"val_acc\": 0.5}}\n", 1.0 / (step + 1) as f64)
    };
    let rows: String = (1..=10).map(|index| line(10 * index)).collect::<String>() + &line(0);
    let found = of_files(&[("a.jsonl", &rows)], &ImportOptions::default()).expect("usable");
    let run = &found.sweep.runs[0];
    assert_eq!(points(run, run.train_loss()).len(), 10);
    assert!(found.notes().contains("left out: at 0"), "{}", found.notes());
    // What merely came late is kept.
    let rows: String = [10, 20, 40, 30, 50, 60].map(line).concat();
    let found = of_files(&[("a.jsonl", &rows)], &ImportOptions::default()).expect("usable");
    assert_eq!(found.sweep.runs[0].steps(), [10, 20, 30, 40, 50, 60]);
}

#[test]
fn a_resumed_row_keeps_all_that_is_in_it() {
    let rows = "step,loss,lr,val_acc\n10,3,0.1,0.1\n20,2,0.1,0.2\n30,1,0.1,0.3\n20,2.5,0.1,0.25\n30,1.5,0.1,0.35\n";
    let found = of_files(&[("a.csv", rows)], &ImportOptions::default()).expect("usable");
    let run = &found.sweep.runs[0];
    assert_eq!(points(run, run.validation(0)), [(10, 0.1), (20, 0.25), (30, 0.35)]);
}

#[test]
fn validation_rows_with_the_epoch_only_are_among_the_steps() {
    let mut rows = String::new();
    for step in 1..=20_u32 {
        let epoch = (step - 1) / 5 + 1;
        let _ = writeln!(rows, "{{\"step\": {}, \"epoch\": {epoch}, \"loss\": 1.0, \"lr\": 0.1}}", step * 50);
        if step % 10 == 0 {
            let _ = writeln!(rows, "{{\"epoch\": {epoch}, \"val_acc\": 0.{epoch}}}");
        }
    }
    let found = of_files(&[("a.jsonl", &rows)], &ImportOptions::default()).expect("usable");
    let run = &found.sweep.runs[0];
    assert_eq!(points(run, run.validation(0)), [(500, 0.2), (1000, 0.4)]);
}

#[test]
fn a_long_table_a_decimal_comma_and_utf_16() {
    let mut long = "run,metric,step,value\n".to_owned();
    for run in ["a", "b"] {
        for step in 1..=3 {
            for (metric, value) in [("train_loss", 1.0), ("lr", 0.1), ("val_acc", 0.5)] {
                let _ = writeln!(long, "{run},{metric},{step},{}", value / f64::from(step));
            }
        }
    }
    let found = of_files(&[("runs.csv", &long)], &ImportOptions::default()).expect("usable");
    assert_eq!(found.ids(), ["a", "b"]);
    assert_eq!(points(found.run("b"), found.run("b").learning_rate()), [(1, 0.1), (2, 0.05), (3, 0.1 / 3.0)]);

    let comma = "step;loss;lr;val_acc\n1;2,5;0,1;0,3\n2;1,25;0,1;0,4\n";
    let found = of_files(&[("a.csv", comma)], &ImportOptions::default()).expect("usable");
    assert_eq!(points(&found.sweep.runs[0], found.sweep.runs[0].train_loss()), [(1, 2.5), (2, 1.25)]);
    assert!(found.notes().contains("decimal comma"));

    let folder = tempfile::tempdir().expect("a folder");
    let text = "step,loss,lr,val_acc\r\n1,2.5,0.1,0.3\r\n2,1.25,0.1,0.4\r\n";
    let bytes: Vec<u8> = [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    std::fs::write(folder.path().join("a.csv"), bytes).expect("written");
    let found = imported_as(None, folder.path(), &ImportOptions::default()).expect("usable");
    assert_eq!(points(&found.sweep.runs[0], found.sweep.runs[0].train_loss()), [(1, 2.5), (2, 1.25)]);
}

#[test]
fn samples_logged_without_a_step_are_numbered() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = folder.path().join("mlruns/0/aa");
    std::fs::create_dir_all(run.join("metrics")).expect("made");
    std::fs::write(run.join("meta.yaml"), "run_id: aa\nexperiment_id: '0'\nlifecycle_stage: active\n")
        .expect("written");
    // A version of a registered model and a logged model are no runs.
    for (place, meta) in [
        ("models/net/version-1", "name: net\nversion: 1\nrun_id: aa\ncreation_timestamp: 1\n"),
        ("0/models/m-1", "model_id: m-1\nexperiment_id: '0'\nname: net\nlifecycle_stage: active\nsource_run_id: aa\n"),
    ] {
        let folder = folder.path().join("mlruns").join(place);
        std::fs::create_dir_all(&folder).expect("made");
        std::fs::write(folder.join("meta.yaml"), meta).expect("written");
    }
    std::fs::write(
        folder.path().join("mlruns/0/meta.yaml"),
        "name: mnist\nexperiment_id: '0'\nlifecycle_stage: active\n",
    )
    .expect("written");
    for (name, every) in [("loss", 1), ("lr", 1), ("val_acc", 10)] {
        let lines: String = (0..100)
            .filter(|i| i % every == 0)
            .map(|i| format!("{} {} 0", 1000 + i, f64::from(i)))
            .collect::<Vec<_>>()
            .join("\n");
        std::fs::write(run.join("metrics").join(name), lines).expect("written");
    }
    let mut options = ImportOptions::default();
    options.wanted.collection = Some("mnist".to_owned());
    let found = imported_as(None, folder.path(), &options).expect("usable");
    assert_eq!(found.ids(), ["aa"]);
    let run = &found.sweep.runs[0];
    assert_eq!(points(run, run.train_loss()).len(), 100);
    assert_eq!(points(run, run.validation(0))[..2], [(0, 0.0), (10, 10.0)]);
    assert!(found.notes().contains("numbered from 0 in the order of time"), "{}", found.notes());
}

#[cfg(unix)]
#[test]
fn neither_a_link_nor_a_credential_gets_into_a_sweep() {
    let folder = tempfile::tempdir().expect("a folder");
    let (tree, outside) = (folder.path().join("tree/trial"), folder.path().join("secret.json"));
    std::fs::create_dir_all(&tree).expect("made");
    std::fs::write(&outside, "{\"api_key\": \"s3cret\", \"width\": 3}").expect("written");
    std::os::unix::fs::symlink(&outside, tree.join("params.json")).expect("linked");
    let row =
        |i: u32| format!("{{\"training_iteration\": {i}, \"train_loss\": 1.0, \"lr\": 0.1, \"val_acc\": 0.{i}}}\n");
    std::fs::write(tree.join("result.json"), (1..=3).map(row).collect::<Vec<_>>().concat()).expect("written");
    let found = imported_as(None, &folder.path().join("tree"), &ImportOptions::default()).expect("usable");
    assert!(!format!("{:?}", found.sweep.runs).contains("s3cret"));
    std::fs::remove_file(tree.join("params.json")).expect("removed");
    std::fs::copy(&outside, tree.join("params.json")).expect("copied");
    let found = imported_as(None, &folder.path().join("tree"), &ImportOptions::default()).expect("usable");
    assert!(found.notes().contains("credentials were left out: api_key"), "{}", found.notes());
    assert!(!format!("{:?}{}", found.sweep.runs, found.notes()).contains("s3cret"));
}

/// A table of Lightning's from step `first` on, every hundredth, with a loss of `loss`.
fn lightning(first: u64, last: u64, loss: f64) -> String {
    (first..=last).step_by(100).fold("epoch,step,train_loss,lr-SGD,val_acc\n".to_owned(), |mut text, step| {
        let _ = writeln!(text, "0,{step},{loss},0.1,{}", step as f64 / 2000.0);
        text
    })
}

#[test]
fn parts_of_a_run_are_put_together_in_the_order_of_their_numbers() {
    let parts = [("version_8", 99, 399), ("version_9", 499, 799), ("version_10", 899, 1199)];
    let files: Vec<(String, String)> = parts
        .iter()
        .flat_map(|&(name, first, last)| {
            let settings = "lr: 0.1\nseed: 3\n".to_owned();
            [(format!("{name}/metrics.csv"), lightning(first, last, 1.0)), (format!("{name}/hparams.yaml"), settings)]
        })
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let found = of_files(&files, &ImportOptions::default()).expect("usable");
    assert_eq!(found.ids(), ["version_8"]);
    assert_eq!(found.sweep.runs[0].steps(), (99..=1199).step_by(100).collect::<Vec<_>>());
    // One by itself says that it is a part.
    let found = of_files(&files[2..4], &ImportOptions::default()).expect("usable");
    assert!(found.notes().contains("its first point is at step 499"), "{}", found.notes());
}

#[test]
fn a_run_taken_up_before_its_end_goes_on_from_there() {
    let (before, after) = (lightning(99, 799, 2.0), lightning(599, 1199, 1.0));
    let settings = "lr: 0.1\nseed: 3\n";
    let files = [
        ("version_0/metrics.csv", before.as_str()),
        ("version_0/hparams.yaml", settings),
        ("version_1/metrics.csv", &after),
        ("version_1/hparams.yaml", settings),
    ];
    let found = of_files(&files, &ImportOptions::default()).expect("usable");
    assert_eq!(found.ids(), ["version_0"]);
    let run = &found.sweep.runs[0];
    assert_eq!(run.steps(), (99..=1199).step_by(100).collect::<Vec<_>>());
    assert_eq!((run.train_loss()[4], run.train_loss()[5]), (Some(2.0), Some(1.0)));
    assert!(found.notes().contains("'version_1' takes it up at step 599"), "{}", found.notes());
    // With other settings it is another run.
    let files = [files[0], files[1], files[2], ("version_1/hparams.yaml", "lr: 0.2\nseed: 3\n")];
    assert_eq!(of_files(&files, &ImportOptions::default()).expect("usable").ids(), ["version_0", "version_1"]);
}

#[test]
fn settings_lie_beside_logs_of_any_kind() {
    let table = "step,loss,val_acc\n10,2,0.3\n20,1,0.4\n30,0.5,0.5\n";
    let lines = "{\"step\": 1, \"loss\": 2, \"val_acc\": 0.3}\n{\"step\": 2, \"loss\": 1, \"val_acc\": 0.4}\n";
    let options =
        ImportOptions { rate_schedule: Some("constant".parse().expect("a schedule")), ..ImportOptions::default() };
    let settings = "optim:\n  lr: 0.1\nseed: 7\nmax_steps: 90\nbetas: [0.9, 0.95]\n";
    for (log, text) in [("r/log.csv", table), ("r/log.jsonl", lines)] {
        for (place, spelt) in [
            ("r/config.yaml", settings),
            ("r/.hydra/config.yaml", settings),
            ("r/log.yaml", settings),
            ("r/args.json", "{\"optim\": {\"lr\": 0.1}, \"seed\": 7, \"max_steps\": 90, \"betas\": [0.9, 0.95]}"),
        ] {
            let found = of_files(&[(log, text), (place, spelt)], &options).expect("usable");
            let attributes = &found.sweep.runs[0].attributes;
            let said = (attributes.peak_lr, attributes.seed, attributes.total_steps);
            assert_eq!(said, (Some(0.1), Some(7), Some(90)), "{log} {place}");
        }
    }
}

#[test]
fn a_length_in_epochs_is_one_in_steps_where_the_epochs_were_recorded() {
    let table: String = (0..60).fold("epoch,step,train_loss,lr-SGD,val_acc\n".to_owned(), |mut text, step| {
        let _ = writeln!(text, "{},{},1,0.1,0.5", step / 10, step);
        text
    });
    let files = [("v/metrics.csv", table.as_str()), ("v/hparams.yaml", "max_epochs: 20\nseed: 1\n")];
    let found = of_files(&files, &ImportOptions::default()).expect("usable");
    assert_eq!(found.sweep.runs[0].attributes.total_steps, Some(200));
    assert!(found.notes().contains("200 steps: max_epochs = 20"), "{}", found.notes());
}

#[test]
fn tables_are_written_in_many_ways() {
    let losses = |text: &str| {
        let found = of_files(&[("a.csv", text)], &ImportOptions::default()).expect("usable");
        (found.sweep.runs.iter().map(|run| points(run, run.train_loss())).collect::<Vec<_>>(), found.notes())
    };
    let (read, notes) = losses("# a run\n# lr=0.1\nstep,loss,lr,val_acc\n1,2,0.1,0.3\n2,1,0.1,0.4\n");
    assert_eq!(read, [vec![(1, 2.0), (2, 1.0)]]);
    assert!(notes.contains("2 lines before its header that begin with # were passed over"), "{notes}");
    let (read, notes) = losses("# step,loss,lr,val_acc\n1,2,0.1,0.3\n2,1,0.1,0.4\n");
    assert!(read == [vec![(1, 2.0), (2, 1.0)]] && !notes.contains('#'), "{notes}");
    let (read, notes) = losses("step,loss,lr,val_acc\n1,2,0.1,30%\n2,1,0.1,40 %\n");
    assert!(read.len() == 1 && notes.contains("30% as 0.3"), "{notes}");
    // A header grows by a column that is called after a number.
    let (read, _) = losses("step,loss,lr,val_acc\n1,2,0.1,0.3\nstep,loss,lr,val_acc,0.5\n2,1,0.1,0.4,7\n");
    assert_eq!(read, [vec![(1, 2.0), (2, 1.0)]]);
    let (read, _) = losses(
        "experiment,metric_name,step,metric_value\nA,train_loss,1,2\nA,lr,1,0.1\nA,val_acc,1,0.3\nB,train_loss,1,3\n\
         B,lr,1,0.2\nB,val_acc,1,0.4\n",
    );
    assert_eq!(read, [vec![(1, 2.0)], vec![(1, 3.0)]]);
}

#[test]
fn what_add_scalars_makes_of_a_tag_with_a_slash_is_known_by_its_words() {
    for name in ["Loss/epoch/train", "metrics/train/loss", "TrainLossStep"] {
        let lines = (1..4_u32).fold(String::new(), |mut lines, step| {
            let loss = 1.0 / f64::from(step);
            let _ = writeln!(lines, "{{\"step\": {step}, \"{name}\": {loss}, \"lr\": 0.1, \"val_acc\": 0.5}}");
            lines
        });
        let found = of_files(&[("a.jsonl", &lines)], &ImportOptions::default()).expect("usable");
        assert_eq!(points(&found.sweep.runs[0], found.sweep.runs[0].train_loss())[0], (1, 1.0), "{name}");
    }
}

#[test]
fn rates_of_parameter_groups_tell_no_configurations_apart() {
    let table = |rate: f64| {
        (1..4).fold("epoch,train/loss,metrics/mAP_0.5,x/lr0,x/lr1\n".to_owned(), |mut text, epoch| {
            let _ = writeln!(text, "{epoch},1,0.{epoch},{rate},{rate}");
            text
        })
    };
    let (slow, fast) = (table(0.1), table(0.2));
    let files = [("exp0/results.csv", slow.as_str()), ("exp1/results.csv", fast.as_str())];
    let found = of_files(&files, &with_validation(&["metrics/mAP_0.5:max"])).expect("usable");
    assert_eq!(found.ids(), ["exp0", "exp1"]);
    assert!(found.settings().is_empty(), "{:?}", found.settings());
}

#[test]
fn of_metrics_of_classes_is_spoken_once() {
    let classes: Vec<String> = (0..8).map(|class| format!("val/AP_c{class}")).collect();
    let mut table = format!("step,loss,lr,val/mAP,{}\n", classes.join(","));
    for step in 1..4 {
        let _ = writeln!(table, "{step},1,0.1,0.5{}", ",0.4".repeat(8));
    }
    let found = of_files(&[("a.csv", &table)], &ImportOptions::default()).expect("usable");
    assert!(found.said.iter().any(|said| said.contains("8 metrics of single classes")));
    assert!(!found.notes().contains("it also has"), "{}", found.notes());
}
