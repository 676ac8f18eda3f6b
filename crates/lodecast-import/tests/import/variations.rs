//! Neighbours of the cases: the same kinds of fault in other dress.

use lodecast_import::{Error, ImportOptions};

use crate::cases::{Imported, of_files, points, with_validation};

/// What is imported of one file.
fn of_file(name: &str, text: &str) -> Imported {
    of_files(&[(name, text)], &ImportOptions::default()).expect("usable")
}

fn refusal(result: Result<Imported, Error>) -> String {
    result.err().map(|error| error.to_string()).expect("refused")
}

#[test]
fn rates_are_read_from_lists_and_from_what_programs_print() {
    // `scheduler.get_last_lr()` is a list.
    for lr in ["[0.1]", "\"[0.1]\"", "\"tensor(0.1, device='cuda:0')\"", "[0.1, 0.1]", "\"[0.1, 0.1]\""] {
        let row =
            |step: u64| format!("{{\"step\": {step}, \"train_loss\": {}, \"lr\": {lr}, \"val_acc\": 0.5}}\n", 3 - step);
        let found = of_file("a.jsonl", &(0..3).map(row).collect::<String>());
        let run = found.run("a");
        assert_eq!(points(run, run.learning_rate()), [(0, 0.1), (1, 0.1), (2, 0.1)], "{lr}");
    }
    let found =
        of_file("a.csv", "step,train_loss,lr,val_acc\n0,3,\"[0.1, 0.01, 0.01]\",0.1\n1,2,\"[0.2, 0.02, 0.02]\",0.2\n");
    let run = found.run("a");
    assert_eq!(points(run, run.learning_rate()), [(0, 0.01), (1, 0.02)], "the rate most groups share");
    let found = of_file(
        "a.csv",
        "step,train_loss,lr,val_acc\n0,\"tensor(3., requires_grad=True)\",[0.1],tensor(0.5)\n1,2,[0.1],1\n",
    );
    assert_eq!(points(found.run("a"), found.run("a").train_loss()), [(0, 3.0), (1, 2.0)]);
}

#[test]
fn what_is_no_number_among_numbers_is_named() {
    let found = of_file("a.csv", "step,train_loss,lr,val_acc\n0,3,0.1,0.1\n1,diverged,0.1,0.2\n2,1.#QNAN,0.1,0.3\n");
    assert!(found.notes().contains("'train_loss' says no number in 1 rows, 'diverged' for one"), "{}", found.notes());
    let losses = points(found.run("a"), found.run("a").train_loss());
    assert!(losses.len() == 2 && losses[1].1.is_nan(), "{losses:?}");
    let table = "step,train_loss,lr,val_acc\n0,3 ± 1,0.1,0.1\n1,2 ± 1,0.1,0.2\n";
    let options = ImportOptions { loss: Some("train_loss".to_owned()), ..ImportOptions::default() };
    assert!(refusal(of_files(&[("a.csv", table)], &options)).contains("train_loss"));
}

#[test]
fn marks_between_thousands_are_no_decimals() {
    let found = of_file("a.csv", "step;train_loss;lr;val_acc\n0;3,0;0,1;0,1\n1.000;2,5;0,1;0,2\n2.000;2,1;0,1;0,3\n");
    assert_eq!(found.run("a").steps(), [0, 1000, 2000]);
    let found =
        of_file("a.csv", "step,train_loss,lr,val_ppl\n0,\"1,234.5\",0.1,\"2,000.1\"\n\"1,000\",999.5,0.1,900\n");
    let run = found.run("a");
    assert_eq!(points(run, run.train_loss()), [(0, 1234.5), (1000, 999.5)]);
    assert_eq!(points(run, run.validation(0)), [(0, 2000.1), (1000, 900.0)]);
    assert!(found.notes().contains("marks between the thousands"), "{}", found.notes());
    let found = of_file("a.csv", "step,train_loss,lr,val_acc\n0,\"3,5\",\"0,1\",\"0,25\"\n1,\"2,5\",\"0,1\",\"0,5\"\n");
    assert_eq!(points(found.run("a"), found.run("a").train_loss()), [(0, 3.5), (1, 2.5)]);
    // Floats with three digits are none.
    let found =
        of_file("a.tsv", "step\ttrain_loss\tlr\tval_acc\n1.000\t2.500\t0.125\t0.500\n2.000\t1.500\t0.125\t0.600\n");
    assert_eq!(points(found.run("a"), found.run("a").train_loss()), [(1, 2.5), (2, 1.5)]);
}

#[test]
fn tables_of_spreadsheets_and_data_frames_are_read() {
    let rows = "0;3;0.1;0.1\n1;2;0.1;0.2\n";
    let found = of_file("a.csv", &format!("sep=;\nstep;train_loss;lr;val_acc\n{rows}"));
    assert_eq!(found.run("a").len(), 2);
    let found = of_file("a.csv", &format!("step|train_loss|lr|val_acc\n{}", rows.replace(';', "|")));
    assert_eq!(found.run("a").len(), 2);
    for unnamed in ["", "Unnamed: 0"] {
        let table = format!("{unnamed},loss,val_loss,learning_rate\n0,3,3.1,0.1\n1,2,2.1,0.1\n");
        let found = of_file("history.csv", &table);
        assert_eq!(points(found.run("history"), found.run("history").validation(0)), [(0, 3.1), (1, 2.1)]);
        assert!(found.notes().contains("has no name"), "{}", found.notes());
    }
    let files = [("a.csv", ""), ("b.csv", "step,loss,lr,val_acc\n0,3,0.1,0.1\n1,2,0.1,0.2\n")];
    let found = of_files(&files, &ImportOptions::default()).expect("usable");
    assert!(found.report.skipped[0].reason.contains("it is empty"), "{}", found.report.skipped[0].reason);
}

#[test]
fn several_seeds_in_one_table_are_several_runs() {
    let row = |seed: u64, epoch: u64| format!("{seed},{epoch},{},0.1,{}\n", 3 - epoch, 0.1 * (seed + epoch) as f64);
    let header = "seed,epoch,train_loss,lr,val_acc\n";
    let in_blocks: String = (0..3).flat_map(|seed| (0..3).map(move |epoch| row(seed, epoch))).collect();
    let in_turn: String = (0..3).flat_map(|epoch| (0..3).map(move |seed| row(seed, epoch))).collect();
    for table in [in_blocks, in_turn] {
        let found = of_file("a.csv", &format!("{header}{table}"));
        assert_eq!(found.ids(), ["a seed 0", "a seed 1", "a seed 2"]);
        let run = found.run("a seed 1");
        assert_eq!(run.attributes.seed, Some(1));
        assert_eq!(points(run, run.train_loss()), [(0, 3.0), (1, 2.0), (2, 1.0)]);
        assert!(found.notes().contains("told apart by 'seed'"), "{}", found.notes());
    }
    // One seed is one run, called after its file.
    let one: String = (0..3).map(|epoch| row(7, epoch)).collect();
    let found = of_file("a.csv", &format!("{header}{one}"));
    assert_eq!((found.ids(), found.run("a").attributes.seed), (vec!["a"], Some(7)));
    let lines: Vec<String> = (0..4)
        .map(|row| {
            format!(
                "{{\"fold\": {}, \"step\": {}, \"loss\": 1, \"lr\": 0.1, \"val_acc\": 0.{row}}}\n",
                row / 2,
                row % 2
            )
        })
        .collect();
    assert_eq!(of_file("a.jsonl", &lines.concat()).ids(), ["a fold 0", "a fold 1"]);
    let each: Vec<String> = (0..4).map(|step| format!("{step},{step},1,0.1,0.5\n")).collect();
    let each = each.concat();
    let said =
        refusal(of_files(&[("a.csv", &format!("seed,step,loss,lr,val_acc\n{each}"))], &ImportOptions::default()));
    assert!(said.contains("'seed' is another in each row"), "{said}");
}

#[test]
fn rows_of_training_and_of_evaluation_are_told_apart() {
    let rows =
        |epoch: u64| format!("{epoch},train,{},0.{epoch},0.1\n{epoch},val,{}.5,0.{epoch}5,\n", 4 - epoch, 4 - epoch);
    let table = format!("epoch,phase,loss,acc,lr\n{}", (0..4).map(rows).collect::<String>());
    let found = of_files(&[("a.csv", &table)], &ImportOptions::default()).expect("usable");
    let run = found.run("a");
    assert_eq!(points(run, run.train_loss()), [(0, 4.0), (1, 3.0), (2, 2.0), (3, 1.0)]);
    let metrics: Vec<String> = found.sweep.metrics.iter().map(ToString::to_string).collect();
    assert_eq!(metrics, ["val/acc:max", "val/loss:min"]);
    assert_eq!(points(run, run.validation(0)), [(0, 0.05), (1, 0.15), (2, 0.25), (3, 0.35)]);
    let line = |step: u64| {
        format!(
            "{{\"step\": {step}, \"split\": \"train\", \"loss\": 2, \"lr\": 0.1}}\n{{\"step\": {step}, \"split\": \"eval\", \
             \"loss\": 3, \"lr\": 0.1}}\n"
        )
    };
    let found = of_file("a.jsonl", &(0..3).map(line).collect::<String>());
    let run = found.run("a");
    assert_eq!(points(run, run.validation(0)), [(0, 3.0), (1, 3.0), (2, 3.0)]);
    assert_eq!(points(run, run.train_loss()), [(0, 2.0), (1, 2.0), (2, 2.0)]);
}

#[test]
fn a_length_that_is_not_set_does_not_hide_the_one_in_epochs() {
    let row = |step: u64| format!("{},{},{},0.1,0.{step}\n", step * 100, step, 9 - step);
    let table = format!("step,epoch,loss,lr,val_acc\n{}", (0..5).map(row).collect::<String>());
    for settings in [
        r#"{"trainer": {"max_steps": -1, "max_epochs": 10}}"#,
        r#"{"max_steps": 0, "num_train_epochs": 10.0}"#,
        // Steps that the run has passed are those of something else.
        r#"{"steps": 100, "epochs": 10}"#,
        r#"{"max_iter": 1000}"#,
    ] {
        let found = of_files(&[("a.csv", &table), ("a.json", settings)], &ImportOptions::default()).expect("usable");
        assert_eq!(found.run("a").attributes.total_steps, Some(1000), "{settings}: {}", found.notes());
    }
    let without = "step,loss,lr,val_acc\n0,3,0.1,0.1\n100,2,0.1,0.2\n";
    let settings = r#"{"epochs": 10, "steps_per_epoch": 100}"#;
    let found = of_files(&[("a.csv", without), ("a.json", settings)], &ImportOptions::default()).expect("usable");
    assert_eq!(found.run("a").attributes.total_steps, Some(1000));
}

#[test]
fn a_direction_against_the_name_is_spoken_of() {
    let table = "step,loss,lr,val_acc\n0,3,0.1,0.1\n100,2,0.1,0.2\n";
    let found = of_files(&[("a.csv", table)], &with_validation(&["val_acc:min"])).expect("usable");
    assert!(found.said.iter().any(|said| said.contains("though better if larger by its name")), "{:?}", found.said);
}

#[test]
fn steps_beyond_any_training_do_not_fall_together() {
    let lines = "{\"step\": 9223372036854775808, \"loss\": 1, \"lr\": 0.1, \"val_acc\": 0.1}\n";
    assert!(refusal(of_files(&[("a.jsonl", lines)], &ImportOptions::default())).contains("is not a step"));
}

#[test]
fn steps_are_found_among_what_is_nested() {
    let row = |k: u64| {
        format!(
            "{{\"progress\": {{\"global_step\": {}, \"tokens\": {}}}, \"train\": {{\"loss\": {}, \"lr\": 0.1}}, \
             \"eval\": {{\"acc\": 0.{k}}}}}\n",
            10 * k,
            5000 * k,
            3.0 / k as f64
        )
    };
    let found = of_file("a.jsonl", &(1..4).map(row).collect::<String>());
    assert_eq!(points(found.run("a"), found.run("a").train_loss()), [(10, 3.0), (20, 1.5), (30, 1.0)]);
    assert_eq!(points(found.run("a"), found.run("a").validation(0)), [(10, 0.1), (20, 0.2), (30, 0.3)]);
    // A summary is none of them.
    let rows = "{\"step\": 10, \"loss\": 2, \"lr\": 0.1, \"val_acc\": 0.5}\n{\"best\": {\"step\": 5, \"loss\": 1}}\n";
    assert_eq!(of_file("a.jsonl", rows).run("a").steps(), [10]);
    // Where two groups count, somebody has to say which: in a table, too.
    let row =
        |k: u64| format!("{{\"train\": {{\"step\": {k}, \"loss\": 1, \"lr\": 0.1}}, \"val\": {{\"step\": {k}}}}}\n");
    let refused = refusal(of_files(&[("a.jsonl", &(1..4).map(row).collect::<String>())], &ImportOptions::default()));
    assert!(refused.contains("train/step") && refused.contains("--step"), "{refused}");
    let found = of_file("a.csv", "progress/step,train_loss,lr,val_acc\n10,2,0.1,0.5\n20,1,0.1,0.6\n");
    assert_eq!(found.run("a").steps(), [10, 20]);
}

/// Twenty rows of a run: its rate falls along a cosine from `peak`.
fn rows_of(before: &str, peak: f64) -> String {
    (1..=20).fold(String::new(), |rows, k| {
        let rate = peak * 0.5 * (1.0 + (std::f64::consts::PI * f64::from(k) / 20.0).cos());
        let loss = 2.0 / (1.0 + peak * f64::from(k));
        rows + &format!("{before}{},{loss:.5},{rate:.6},{:.5}\n", 20 * k, 1.0 - loss / 3.0)
    })
}

#[test]
fn recorded_rates_count_more_than_what_the_settings_say_of_them() {
    let table = format!("step,train_loss,lr,val_acc\n{}", rows_of("", 0.1));
    let found = |peak: &str| {
        let settings = format!("lr: {peak}\nscheduler: cosine\nmax_steps: 400\n");
        of_files(&[("r/metrics.csv", &table), ("r/hparams.yaml", &settings)], &ImportOptions::default())
            .expect("usable")
    };
    let same = found("0.1");
    assert_eq!(same.run("r/metrics").attributes.schedule.as_deref(), Some("cosine"));
    assert_eq!(same.run("r/metrics").attributes.peak_lr, Some(0.1));
    let other = found("1.0");
    assert_eq!((&other.run("r/metrics").attributes.schedule, other.run("r/metrics").attributes.peak_lr), (&None, None));
    assert!(other.notes().contains("the rates count"), "{}", other.notes());
}

#[test]
fn runs_below_each_other_are_not_taken_for_one_that_was_restarted() {
    let runs: String = [0.01, 0.03, 0.1].map(|peak| rows_of(&format!("x{peak},"), peak)).concat();
    for column in ["optimizer", "variant", "id", "config_id"] {
        let table = format!("{column},step,train_loss,lr,val_acc\n{runs}");
        let refused = refusal(of_files(&[("a.csv", &table)], &ImportOptions::default()));
        assert!(refused.contains(&format!("--run {column}")), "{refused}");
    }
    let table = format!("attempt,step,train_loss,lr,val_acc\n{runs}");
    assert!(of_file("a.csv", &table).notes().contains("restarted"));
}

#[test]
fn evaluations_do_not_become_the_training() {
    let log = "step: 100 loss: 1.34 lr: 0.08\nvalidate step: 100  loss: 6.34\nstep: 200 loss: 1.2 lr: 0.07\neval step: 200 loss: 6.1\n";
    let found = of_file("a.log", log);
    assert_eq!(points(found.run("a"), found.run("a").train_loss()), [(100, 1.34), (200, 1.2)]);
    assert_eq!(points(found.run("a"), found.run("a").validation(0)), [(100, 6.34), (200, 6.1)]);
    let row = |phase: &str, step: u64, loss: f64| format!("{phase},{step},{loss},0.1,{}\n", 1.0 - loss / 3.0);
    let table = |phase: &str| {
        let rows = (1..4).map(|k| row("Train", k, 2.0 / k as f64) + &row(phase, k, 2.5 / k as f64));
        format!("phase,step,loss,lr,acc\n{}", rows.collect::<String>())
    };
    for phase in ["Holdout", "val_unseen", "dev_clean", "evaluate"] {
        let found = of_file("a.csv", &table(phase));
        assert_eq!(points(found.run("a"), found.run("a").train_loss())[1], (2, 1.0), "{phase}");
    }
    let options = with_validation(&["acc:max"]);
    let found = of_files(&[("a.csv", &table("sanity"))], &options).expect("usable");
    assert!(found.notes().contains("'sanity'"), "{}", found.notes());
}

#[test]
fn results_are_not_planned_by() {
    let rows = rows_of("", 0.1).replace('\n', ",0.83\n");
    let found = of_file("a.csv", &format!("step,train_loss,lr,val_acc,final_val_acc\n{rows}"));
    assert_eq!(found.sweep.metrics[0].name, "val_acc");
}

#[test]
fn epochs_without_an_evaluation_are_told_by_their_number() {
    let losses: Vec<f64> = (1..=21).map(|k| 2.0 / f64::from(k)).collect();
    let accuracies: Vec<f64> = (1..=7).map(|k| 0.1 * f64::from(k)).collect();
    let text =
        format!("{{\"loss\": {losses:?}, \"val_accuracy\": {accuracies:?}, \"learning_rate\": {:?}}}", vec![0.1; 21]);
    let found = of_file("a.json", &text);
    let measured = points(found.run("a"), found.run("a").validation(0));
    assert_eq!(measured.iter().map(|(step, _)| *step).collect::<Vec<_>>(), [2, 5, 8, 11, 14, 17, 20]);
    assert!(found.notes().contains("every 3 epochs"), "{}", found.notes());
}
