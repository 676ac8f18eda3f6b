//! Settings in JSON lines: in a row of their own, with a step or without, before the samples.

use lodecast_import::ImportOptions;

use crate::cases::{Imported, of_files, points};

const SAMPLES: &str = "{\"step\": 10, \"train_loss\": 2, \"lr\": 0.1, \"val_acc\": 0.4}\n\
                       {\"step\": 20, \"train_loss\": 1, \"lr\": 0.05, \"val_acc\": 0.5}\n\
                       {\"step\": 30, \"train_loss\": 0.5, \"lr\": 0.01, \"val_acc\": 0.6}\n";

fn of_two(name: &str, head: &str) -> Imported {
    let [one, two] = ["64", "128"].map(|width| format!("{}\n{SAMPLES}", head.replace("WIDTH", width)));
    let names = ["a", "b"].map(|run| format!("{run}/{name}"));
    of_files(&[(&names[0], &one), (&names[1], &two)], &ImportOptions::default())
        .unwrap_or_else(|error| panic!("{head}: {error}"))
}

#[test]
fn a_row_of_settings_is_no_sample_whatever_it_is_called() {
    for head in [
        "{\"config\": {\"lr\": 0.1, \"optimizer\": \"adam\", \"seed\": 1, \"width\": WIDTH, \"steps\": 50}}",
        "{\"step\": 0, \"config\": {\"lr\": 0.1, \"optimizer\": \"adam\", \"seed\": 1, \"width\": WIDTH, \"steps\": 50}}",
        "{\"hparams\": {\"lr\": 0.1, \"step\": 5, \"epoch\": 3, \"optimizer\": \"adam\", \"seed\": 1, \"width\": WIDTH, \"steps\": 50}}",
        "{\"type\": \"config\", \"step\": 0, \"data\": {\"lr\": 0.1, \"optimizer\": \"adam\", \"seed\": 1, \"width\": WIDTH, \"steps\": 50}}",
        "{\"lr\": 0.1, \"optimizer\": \"adam\", \"seed\": 1, \"width\": WIDTH, \"steps\": 50}",
    ] {
        for name in ["log.jsonl", "scalars.json", "metrics.json"] {
            // A row of nothing but numbers counts its steps.
            if name != "log.jsonl" && head.starts_with("{\"lr\"") {
                continue;
            }
            let found = of_two(name, head);
            for run in &found.sweep.runs {
                assert_eq!(points(run, run.learning_rate()), [(10, 0.1), (20, 0.05), (30, 0.01)], "{name} {head}");
                assert_eq!(run.attributes.seed, Some(1), "{name} {head}");
                assert_eq!(run.attributes.optimizer.as_deref(), Some("adam"), "{name} {head}");
                assert_eq!(run.attributes.total_steps, Some(50), "{name} {head}");
            }
            let settings = found.settings();
            assert!(settings.len() == 1 && settings[0].ends_with("width"), "{name} {head}: {settings:?}");
        }
    }
}
