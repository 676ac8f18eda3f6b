//! Series of one run that count different things: steps, epochs, samples, or nothing.

use lodecast_import::ImportOptions;

use crate::cases::{Imported, imported_as, lines, of_files, points, with_validation};
use crate::event_files::event_file;

/// What is imported of an event file, or why it is not.
fn of_scalars(scalars: &[(u64, &str, f32)]) -> Result<Imported, String> {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("run")).expect("made");
    std::fs::write(folder.path().join("run/events.out.tfevents.1"), event_file(scalars)).expect("written");
    imported_as(None, folder.path(), &ImportOptions::default()).map_err(|error| error.to_string())
}

/// Twenty losses and rates, ten steps apart, with the accuracy after each of these at the step that `step` makes of it.
fn with_accuracy(after: &[u64], step: impl Fn(u64) -> u64) -> Vec<(u64, &'static str, f32)> {
    let mut scalars = Vec::new();
    for index in 0..20 {
        scalars.extend([(10 * index, "train/loss", 2.0 - 0.1 * index as f32), (10 * index, "lr", 0.1)]);
        if after.contains(&index) {
            scalars.push((step(index), "val/acc", index as f32));
        }
    }
    scalars
}

#[test]
fn values_without_a_step_are_put_where_the_others_had_come() {
    let found = of_scalars(&with_accuracy(&[4, 9, 14, 19], |_| 0)).expect("usable");
    let run = found.run("run");
    assert_eq!(points(run, run.validation(0)), [(40, 4.0), (90, 9.0), (140, 14.0), (190, 19.0)]);
    let notes = found.notes();
    assert!(notes.contains("all 4 samples of 'val/acc' were logged at the step 0, perhaps without one"), "{notes}");
    assert!(!notes.contains("the mean of each step"), "{notes}");

    // The rate, logged before the loss of its step.
    let scalars: Vec<_> = (0..5_u64)
        .flat_map(|i| [(0, "lr", 0.5 - 0.1 * i as f32), (10 * i, "train/loss", 1.0), (10 * i, "val/acc", 0.5)])
        .collect();
    let found = of_scalars(&scalars).expect("usable");
    let rates = points(found.run("run"), found.run("run").learning_rate());
    assert_eq!(rates.iter().map(|&(step, _)| step).collect::<Vec<_>>(), [0, 10, 20, 30, 40]);
    assert!((rates[1].1 - 0.4).abs() < 1e-6, "{rates:?}");

    // All that was logged, twice.
    let scalars: Vec<_> =
        (0..2).flat_map(|i| [(0, "train/loss", i as f32), (0, "lr", 0.1), (0, "val/acc", i as f32)]).collect();
    let found = of_scalars(&scalars).expect("usable");
    assert_eq!(points(found.run("run"), found.run("run").validation(0)), [(0, 0.0), (1, 1.0)]);
}

#[test]
fn values_without_a_step_of_which_nothing_tells_are_left_out() {
    let training = lines(0..10, |i| format!("{},{},0.1,\n", 10 * i, 10 - i));
    let appended = lines(0..4, |i| format!("0,,,0.{i}\n"));
    let table = format!("step,train_loss,lr,val_acc\n{training}{appended}");
    let refused = of_files(&[("a.csv", &table)], &ImportOptions::default()).err().expect("refused").to_string();
    assert!(refused.contains("nothing tells when they were recorded"), "{refused}");
    // Batches of the evaluation of an untrained network are one measurement.
    let untrained: String = [0.25, 0.5].map(|accuracy| format!("0,,,{accuracy}\n")).concat();
    let table = format!("step,train_loss,lr,val_acc\n0,10,0.1,\n{untrained}{training}");
    let found = of_files(&[("a.csv", &table)], &ImportOptions::default()).expect("usable");
    assert_eq!(points(found.run("a"), found.run("a").validation(0)), [(0, 0.375)]);
}

#[test]
fn what_counts_samples_is_put_at_the_step_that_had_been_reached() {
    let found = of_scalars(&with_accuracy(&[4, 9, 14, 19], |index| 640 * index)).expect("usable");
    let run = found.run("run");
    assert_eq!(points(run, run.validation(0)), [(40, 4.0), (90, 9.0), (140, 14.0), (190, 19.0)]);
    assert!(found.notes().contains("'val/acc' counts 64 for each step of 'train/loss'"), "{}", found.notes());
    // An evaluation that comes later than all training is at its own step.
    let found = of_scalars(&with_accuracy(&[4, 9, 14, 19], |index| 10 * index + 5)).expect("usable");
    assert_eq!(points(found.run("run"), found.run("run").validation(0))[0].0, 45);
}

#[test]
fn epochs_are_told_by_their_pace_though_the_first_one_was_short() {
    // Of epochs of five records, the first began two records late.
    let found = of_scalars(&with_accuracy(&[2, 7, 12, 17], |index| (index - 2) / 5)).expect("usable");
    let run = found.run("run");
    assert_eq!(points(run, run.validation(0)), [(20, 2.0), (70, 7.0), (120, 12.0), (170, 17.0)]);
    assert!(found.notes().contains("val/acc counts epochs"), "{}", found.notes());
}

#[test]
fn metrics_in_files_of_their_own_may_count_epochs() {
    let table = |name: &str, every: u64, count: u64| {
        let rows = lines(0..count, |i| format!("{}\t{}\n", every * i, 1 + i));
        format!("step\t{name}\n{rows}")
    };
    let (loss, rate) = (table("loss", 1, 100), table("lr", 1, 100));
    let with = |accuracy: &str| {
        let folder = "run/plots/metrics";
        let files = [("train/loss.tsv", loss.as_str()), ("lr.tsv", &rate), ("val/acc.tsv", accuracy)];
        let files: Vec<(String, &str)> = files.map(|(name, text)| (format!("{folder}/{name}"), text)).into();
        let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), *text)).collect();
        of_files(&files, &ImportOptions::default())
    };
    let refused = with(&table("acc", 1, 5)).err().expect("refused").to_string();
    assert!(refused.contains("epochs beside steps") && refused.contains("--steps-per-epoch"), "{refused}");
    let found = with(&table("acc", 20, 5)).expect("usable");
    assert_eq!(points(found.run("run"), found.run("run").validation(0))[4], (80, 5.0));
    // With times, the tables tell of each other.
    let timed = |name: &str, every: u64, step: u64, count: u64| {
        let rows = lines(0..count, |i| format!("{}\t{}\t{}\n", 1000 + every * (i + 1), step * i, 1 + i));
        format!("timestamp\tstep\t{name}\n{rows}")
    };
    let folder = "run/plots/metrics";
    let (loss, rate) = (timed("loss", 1, 1, 100), timed("lr", 1, 1, 100));
    let accuracy = timed("acc", 20, 1, 5);
    let names = ["train/loss.tsv", "lr.tsv", "val/acc.tsv"].map(|name| format!("{folder}/{name}"));
    let files = [(names[0].as_str(), loss.as_str()), (&names[1], &rate), (&names[2], &accuracy)];
    let found = of_files(&files, &ImportOptions::default()).expect("usable");
    let validation = points(found.run("run"), found.run("run").validation(0));
    assert_eq!(validation.iter().map(|&(step, _)| step).collect::<Vec<_>>(), [19, 39, 59, 79, 99]);
}

#[test]
fn one_record_an_epoch_of_iterations_that_begin_anew_is_counted_on() {
    let log = lines(1..=5, |epoch| {
        format!(
            "{{\"mode\": \"train\", \"epoch\": {epoch}, \"iter\": 10, \"lr\": 0.1, \"loss\": {}}}\n\
                 {{\"mode\": \"val\", \"epoch\": {epoch}, \"iter\": 3, \"accuracy_top-1\": 0.{epoch}, \"lr\": 0.1}}\n",
            6 - epoch
        )
    });
    let head = "{\"env_info\": \"sys.platform: linux\\nPython: 3\", \"config\": \"a = 1\\nb = 2\", \"seed\": 3, \"exp_name\": \"a.py\"}\n";
    let options = with_validation(&["val/accuracy_top-1:max"]);
    let found = of_files(&[("None.log.json", &format!("{head}{log}"))], &options).expect("usable");
    let run = &found.sweep.runs[0];
    assert_eq!(points(run, run.train_loss()), [(10, 5.0), (20, 4.0), (30, 3.0), (40, 2.0), (50, 1.0)]);
    assert_eq!(points(run, run.validation(0)), [(10, 0.1), (20, 0.2), (30, 0.3), (40, 0.4), (50, 0.5)]);
    assert_eq!(run.attributes.seed, Some(3));
    assert!(found.notes().contains("passed over: config, env_info"), "{}", found.notes());
}

#[test]
fn what_tensorboards_page_gives_out_is_one_run_of_many_files() {
    let table = |every: u64, step: u64, count: u64| {
        let rows = lines(0..count, |i| format!("{}.5,{},{}\n", 1_700_000_000 + every * (i + 1), step * i, 9 - i));
        format!("Wall time,Step,Value\n{rows}")
    };
    let (often, seldom) = (table(1, 10, 8), table(4, 1, 2));
    let files = [
        ("run-a.b-tag-train_loss.csv", often.as_str()),
        ("run-a.b-tag-lr.csv", &often),
        ("run-a.b-tag-val_acc.csv", &often),
        ("run-c-tag-train_loss.csv", &often),
        ("run-c-tag-lr.csv", &often),
        ("run-c-tag-val_acc.csv", &seldom),
    ];
    let found =
        of_files(&files, &ImportOptions { steps_per_epoch: Some(40), ..ImportOptions::default() }).expect("usable");
    assert_eq!(found.ids(), ["a.b", "c"]);
    let run = found.run("a.b");
    assert_eq!(points(run, run.train_loss())[..2], [(0, 9.0), (10, 8.0)]);
    assert_eq!(points(run, run.validation(0)).len(), 8);
    assert_eq!(points(found.run("c"), found.run("c").validation(0)), [(40, 9.0), (80, 8.0)]);
}
