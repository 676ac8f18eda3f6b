//! Numbers that stand where nothing was measured are not learned as values.

use lodecast_import::ImportOptions;

use crate::cases::{Imported, lines, of_files, points};
use crate::event_files::event_file;

/// A table of sixteen steps with a `metric` that was measured at every fifth, and says `otherwise` at the others.
fn sparse(metric: &str, otherwise: &str) -> Imported {
    let rows = lines(0..16, |step| {
        let measured = if step % 5 == 0 { format!("0.{}", 2 + step / 5) } else { otherwise.to_owned() };
        format!("{step},{},0.1,{measured}\n", 20 - step)
    });
    let table = format!("step,train_loss,lr,{metric}\n{rows}");
    of_files(&[("a.csv", &table)], &ImportOptions::default()).expect("usable")
}

#[test]
fn placeholders_are_recognised_and_named() {
    for (metric, otherwise) in [
        ("val_acc", "-1"),
        ("val_acc", "-1.0"),
        ("val_loss", "-1"),
        ("val_acc", "0"),
        ("val_loss", "0.0"),
        ("val_f1", "-999"),
        ("val_loss", "99999"),
        ("val_loss", "inf"),
        ("val_acc", "nan"),
        ("val_acc", "None"),
        ("val_acc", "--"),
        ("val_acc", "#N/A"),
    ] {
        let found = sparse(metric, otherwise);
        let run = found.run("a");
        assert_eq!(points(run, run.validation(0)), [(0, 0.2), (5, 0.3), (10, 0.4), (15, 0.5)], "{metric} {otherwise}");
        let is_number = otherwise.parse::<f64>().is_ok();
        assert_eq!(found.notes().contains("not measured"), is_number, "{otherwise}: {}", found.notes());
    }
}

#[test]
fn what_was_measured_stays() {
    let found = sparse("val_reward", "-1");
    assert_eq!(points(found.run("a"), found.run("a").validation(0)).len(), 16);
    let learned_late = lines(0..12, |step| format!("{step},1,0.1,{}\n", if step < 8 { 0 } else { step }));
    let table = format!("step,train_loss,lr,val_acc\n{learned_late}");
    let found = of_files(&[("a.csv", &table)], &ImportOptions::default()).expect("usable");
    assert_eq!(points(found.run("a"), found.run("a").validation(0)).len(), 12);
    assert!(!found.notes().contains("not measured"), "{}", found.notes());
}

#[test]
fn placeholders_of_any_series_and_format_are_taken_out() {
    let rows = lines(0..10, |step| format!("{step},{},0.1,0.{step}\n", if step % 2 == 0 { 10 - step } else { -1 }));
    let found = of_files(&[("a.csv", &format!("step,train_loss,lr,val_acc\n{rows}"))], &ImportOptions::default());
    let found = found.expect("usable");
    assert_eq!(points(found.run("a"), found.run("a").train_loss()).len(), 5);

    let scalars: Vec<_> = (0..15_u64)
        .flat_map(|step| {
            let accuracy = if step % 5 == 4 { step as f32 / 15.0 } else { 0.0 };
            [(step, "train/loss", 1.0), (step, "lr", 0.1), (step, "val/acc", accuracy)]
        })
        .collect();
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("run")).expect("made");
    std::fs::write(folder.path().join("run/events.out.tfevents.1"), event_file(&scalars)).expect("written");
    let found = crate::cases::imported_as(None, folder.path(), &ImportOptions::default()).expect("usable");
    let steps: Vec<u64> =
        points(found.run("run"), found.run("run").validation(0)).iter().map(|&(step, _)| step).collect();
    assert_eq!(steps, [4, 9, 14]);
    assert!(
        found.notes().contains("0 means not measured in 'val/acc': 12 of 15 samples left out"),
        "{}",
        found.notes()
    );

    // A metric that was never measured is none.
    let rows = lines(0..6, |step| format!("{step},1,0.1,-1\n"));
    let table = format!("step,train_loss,lr,val_acc\n{rows}");
    let refused = of_files(&[("a.csv", &table)], &ImportOptions::default()).err().expect("refused").to_string();
    assert!(refused.contains("-1 means not measured in 'val_acc'"), "{refused}");
}

#[test]
fn scales_that_differ_are_spoken_of() {
    let table = |factor: f64| {
        let rows = lines(1..6, |step| format!("{step},1,0.1,{}\n", factor * f64::from(step) / 10.0));
        format!("step,train_loss,lr,val_acc\n{rows}")
    };
    let (fractions, percentages) = (table(1.0), table(100.0));
    let found = of_files(&[("a.csv", &fractions), ("b.csv", &percentages)], &ImportOptions::default()).expect("usable");
    assert!(found.notes().contains("'val_acc' reaches 0.5 in run 'a' and 50 in run 'b'"), "{}", found.notes());
    // Epochs in one run and steps in the other.
    let epochs = lines(1..6, |step| format!("{step},1,0.1,0.5\n"));
    let steps = lines(1..6, |step| format!("{},1,0.1,0.5\n", 400 * step));
    let [one, other] = [epochs, steps].map(|rows| format!("step,train_loss,lr,val_acc\n{rows}"));
    let found = of_files(&[("a.csv", &one), ("b.csv", &other)], &ImportOptions::default()).expect("usable");
    assert!(found.notes().contains("run 'a' goes to step 5 and run 'b' to 2000"), "{}", found.notes());
    // Times are no steps.
    let times = lines(1..6, |step| format!("{},1,0.1,0.5\n", 1_700_000_000 + 60 * step));
    let found = of_files(&[("a.csv", &format!("step,train_loss,lr,val_acc\n{times}"))], &ImportOptions::default());
    let notes = found.expect("usable").notes();
    assert!(notes.contains("if these are times"), "{notes}");
}

#[test]
fn the_best_so_far_is_not_taken_beside_the_metric_itself() {
    let rows = lines(1..6, |step| format!("{step},1,0.1,0.{step},0.9,0.9\n"));
    let table = format!("step,train_loss (nats),lr [-],val_acc [%],best_val_acc,val_acc/best\n{rows}");
    let found = of_files(&[("a.csv", &table)], &ImportOptions::default()).expect("usable");
    let metrics: Vec<String> = found.sweep.metrics.iter().map(ToString::to_string).collect();
    assert_eq!(metrics, ["val_acc [%]:max"]);
    assert!(found.said.join("\n").contains("best so far of others: best_val_acc, val_acc/best"), "{:?}", found.said);
}

#[test]
fn a_copy_is_known_by_its_name_whichever_comes_first() {
    let table = "step,train_loss,lr,val_acc\n1,2,0.1,0.1\n2,1,0.1,0.2\n";
    for files in [[("a (1).csv", table), ("a.csv", table)], [("a.csv", table), ("a copy.csv", table)]] {
        let found = of_files(&files, &ImportOptions::default()).expect("usable");
        assert_eq!(found.ids().len(), 1, "{:?}", found.ids());
        assert!(found.report.skipped[0].reason.contains("a copy"));
    }
}

#[test]
fn a_metric_and_a_rate_are_enough_where_no_loss_was_recorded() {
    // The rate at every step, the metric after each epoch of ten, and a restart from the checkpoint at step 20.
    let rows = |from: u64, to: u64| {
        lines(from..to, |step| {
            let measured = if step % 10 == 9 { format!("0.{}", 3 + step / 10) } else { String::new() };
            format!("{step},{},{measured}\n", 0.1 - 0.001 * step as f64)
        })
    };
    let table = format!("step,lr,val_acc\n{}{}", rows(0, 25), rows(20, 40));
    let found = of_files(&[("a.csv", &table)], &ImportOptions::default()).expect("usable");
    let run = found.run("a");
    assert!(run.train_loss().iter().all(Option::is_none));
    assert_eq!(points(run, run.validation(0)), [(9, 0.3), (19, 0.4), (29, 0.5), (39, 0.6)]);
    assert_eq!(points(run, run.learning_rate()).len(), 40);
    assert!(found.said.iter().any(|said| said.contains("train loss: none was recorded")), "{:?}", found.said);
    assert!(found.notes().contains("restarted once"), "{}", found.notes());
    // Epochs beside steps are put among them without a loss, too.
    let by_step = lines(0..40, |step| format!("{{\"step\": {step}, \"lr\": 0.1}}\n"));
    let by_epoch =
        lines(1..5, |epoch| format!("{{\"epoch\": {epoch}, \"step\": {}, \"val_acc\": 0.{epoch}}}\n", 10 * epoch));
    let found = of_files(&[("a.jsonl", &format!("{by_step}{by_epoch}"))], &ImportOptions::default()).expect("usable");
    assert_eq!(points(found.run("a"), found.run("a").validation(0)).len(), 4);
    // What may be the loss under another name is asked about.
    let table = "step,lr,val_acc,loss of everything\n1,0.1,0.2,3\n2,0.1,0.3,2\n";
    let error =
        of_files(&[("a.csv", table)], &ImportOptions::default()).map(|_| ()).expect_err("undecided").to_string();
    assert!(error.contains("--loss NAME"), "{error}");
    let error = of_files(&[("a.csv", "step,lr\n1,0.1\n2,0.1\n")], &ImportOptions::default()).map(|_| ());
    assert!(error.expect_err("nothing was measured").to_string().contains("train loss"));
}
