//! The columns that are chosen among the series of a survey.

use super::*;
use crate::choose::columns::{Columns, Rate};

fn survey(runs: &[&[(&str, usize)]]) -> Survey {
    let mut survey = Survey { place: "here".to_owned(), ..Survey::default() };
    for series in runs {
        let mut recording = Recording::new("a", "here");
        for &(name, samples) in *series {
            let series = (0..samples as u64).map(|step| (step, 1.0, step)).collect();
            recording.series.insert(name.to_owned(), series);
        }
        survey.add(&recording);
    }
    survey
}

fn choose(series: &[(&str, usize)], options: &ImportOptions) -> Result<Columns> {
    Columns::choose(&survey(&[series]), options)
}

fn names(columns: &Columns) -> Vec<String> {
    columns.metrics().iter().map(ToString::to_string).collect()
}

#[test]
fn a_name_may_spell_its_direction() {
    let series = [("train_loss", 9), ("val_score:max", 9), ("lr", 9)];
    let asked = ImportOptions { validation: vec!["val_score:max".parse().unwrap()], ..ImportOptions::default() };
    for options in [ImportOptions::default(), asked] {
        let columns = choose(&series, &options).unwrap();
        assert_eq!(names(&columns), ["val_score:max"]);
        assert_eq!(columns.validation[0].0, "val_score:max", "the series");
    }
    let both = [("train_loss", 9), ("val_acc:max", 9), ("val_acc", 9), ("lr", 9)];
    assert_eq!(names(&choose(&both, &ImportOptions::default()).unwrap()), ["val_acc:max", "val_acc:max:max"]);
}

#[test]
fn usual_names_are_chosen_and_said() {
    let timm = [("train_loss", 9), ("eval_loss", 9), ("eval_top1", 9), ("eval_top5", 9), ("lr", 9)];
    let columns = choose(&timm, &ImportOptions::default()).unwrap();
    assert_eq!((columns.loss.as_deref().unwrap_or_default(), columns.rate_series()), ("train_loss", Some("lr")));
    assert_eq!(names(&columns), ["eval_top1:max", "eval_top5:max", "eval_loss:min"]);
    assert!(columns.said.iter().any(|said| said.contains("eval_top1, better if larger")));

    // The loss of every hundred steps before the one of an evaluation; no test data where there is validation data.
    let algoperf = [("loss", 900), ("train/loss", 30), ("lr", 900), ("validation/wer", 30), ("test/wer", 30)];
    let columns = choose(&algoperf, &ImportOptions::default()).unwrap();
    assert_eq!(
        (columns.loss.as_deref().unwrap_or_default(), names(&columns)),
        ("loss", vec!["validation/wer:min".to_owned()])
    );

    let groups = [("train_loss", 9), ("val_acc", 9), ("lr-Adam/pg1", 9), ("lr-Adam/pg2", 9)];
    let columns = choose(&groups, &ImportOptions::default()).unwrap();
    assert_eq!(columns.rate, Rate::Series("lr-Adam/pg1".to_owned()));
    assert!(columns.said.iter().any(|said| said.contains(", as in all")));
}

#[test]
fn what_cannot_be_known_is_refused_with_how_to_say_it() {
    let refused = |series: &[(&str, usize)], options: &ImportOptions| choose(series, options).unwrap_err().to_string();
    let plain = ImportOptions::default();
    assert!(refused(&[("loss", 9), ("lr", 9), ("val_score", 9)], &plain).contains("--val val_score:max"));
    assert!(refused(&[("loss", 9), ("lr", 9)], &plain).contains("--val loss:min"));
    assert!(refused(&[("loss", 9), ("val_acc", 9)], &plain).contains("--lr-schedule"));
    assert!(refused(&[("objective", 9), ("lr", 9), ("val_acc", 9)], &plain).contains("--loss NAME"));
    let score = ImportOptions { validation: vec!["val_score".parse().unwrap()], ..plain.clone() };
    assert!(refused(&[("loss", 9), ("lr", 9), ("val_score", 9)], &score).contains("val_score:max"));
    let wrong = ImportOptions { loss: Some("cost".to_owned()), ..plain };
    assert!(refused(&[("loss", 9), ("lr", 9)], &wrong).contains("no series 'cost'"));
}

#[test]
fn a_series_may_be_loss_and_metric() {
    let options = ImportOptions { validation: vec!["train_loss:min".parse().unwrap()], ..ImportOptions::default() };
    let columns = choose(&[("train_loss", 9), ("lr", 9)], &options).unwrap();
    assert_eq!(columns.validation[0].0, "train_loss");
    assert_eq!(names(&columns), ["val_train_loss:min"]);
}

#[test]
fn runs_may_call_the_same_otherwise() {
    let sgd: &[(&str, usize)] = &[("train_loss", 9), ("lr-SGD", 9), ("lr-SGD/pg2", 9), ("val_acc", 3)];
    let adam: &[(&str, usize)] = &[("loss", 9), ("lr-AdamW", 9), ("val/accuracy", 2)];
    let columns = Columns::choose(&survey(&[sgd, adam, sgd]), &ImportOptions::default()).unwrap();
    assert_eq!((columns.loss.as_deref().unwrap_or_default(), columns.rate_series()), ("train_loss", Some("lr-SGD")));
    assert_eq!(names(&columns), ["val_acc:max"]);
    let said = columns.said.join("\n");
    assert!(said.contains("train loss: train_loss; in runs without it: loss"), "{said}");
    assert!(said.contains(", as in all 2 parameter groups; in runs without it: lr-AdamW"));

    // Side by side in one run they are two metrics.
    let both: &[(&str, usize)] = &[("loss", 9), ("lr", 9), ("val_acc", 2), ("val/accuracy", 2)];
    let columns = Columns::choose(&survey(&[sgd, adam, both]), &ImportOptions::default()).unwrap();
    assert_eq!(names(&columns), ["val/accuracy:max", "val_acc:max"]);
}
