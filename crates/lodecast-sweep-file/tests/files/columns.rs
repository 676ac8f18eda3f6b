//! Which column is what: names, aliases, metrics, attributes, and what is said about the rest.

use lodecast::{Metric, Run, Sweep};
use lodecast_sweep_file::{
    Error, Format, ReadOptions, ReadReport, Result, read, read_bytes, read_run, write, write_bytes,
};

fn csv(text: &str, options: &ReadOptions) -> Result<(Sweep, ReadReport)> {
    read_bytes(text.to_owned().into_bytes(), Format::Csv, "sweep.csv", options)
}

fn json(text: &str, options: &ReadOptions) -> Result<(Sweep, ReadReport)> {
    read_bytes(text.to_owned().into_bytes(), Format::JsonLines, "sweep.jsonl", options)
}

fn accuracy() -> ReadOptions {
    ReadOptions::with_metrics(["acc:max".parse::<Metric>().expect("a metric")])
}

#[test]
fn the_proper_name_wins_over_an_alias_in_any_order() {
    let (sweep, report) = csv("loss,train_loss,run,step,LR,acc\n9,1,a,0,0.1,0.5\n", &accuracy()).unwrap();
    assert_eq!(sweep.runs[0].train_loss(), [Some(1.0)]);
    assert_eq!(sweep.runs[0].learning_rate(), [Some(0.1)]);
    assert_eq!(report.ignored_columns, ["loss"]);
}

#[test]
fn two_aliases_are_ambiguous_and_a_name_settles_it() {
    let text = "run_id,step,train_loss,lr,train/lr,acc\na,0,1,0.1,0.2,0.5\n";
    let Err(Error::AmbiguousColumn { candidates, option, .. }) = csv(text, &accuracy()) else { panic!() };
    assert_eq!((candidates, option), (vec!["lr".to_owned(), "train/lr".to_owned()], "--lr"));
    let (sweep, report) = csv(text, &accuracy().learning_rate("train/lr")).unwrap();
    assert_eq!(sweep.runs[0].learning_rate(), [Some(0.2)]);
    assert_eq!(report.ignored_columns, ["lr"]);
}

#[test]
fn an_alias_that_turns_up_later_is_ambiguous_too() {
    let text =
        "{\"run_id\":\"a\",\"step\":0,\"loss\":1,\"lr\":1,\"acc\":0}\n{\"run_id\":\"a\",\"step\":1,\"train_loss\":1}\n";
    assert!(matches!(json(text, &accuracy()), Err(Error::AmbiguousColumn { option: "--loss", .. })));
}

#[test]
fn a_metric_without_direction_is_an_error_that_names_it() {
    let text = "run_id,step,train_loss,learning_rate,acc,epoch,host\na,0,1,0.1,0.5,0,x\n";
    let error = csv(text, &ReadOptions::default()).unwrap_err();
    assert!(matches!(&error, Error::MetricDirection { candidates, .. } if candidates == &["acc"]));
    assert!(error.to_string().contains("--val acc:max"), "{error}");
    let (_, report) = csv(text, &accuracy()).unwrap();
    assert_eq!(report.ignored_columns, ["epoch", "host"]);
    // No number column in question: a file without validation is fine.
    let (sweep, _) = csv("run_id,step,train_loss,learning_rate,host\na,0,1,0.1,x\n", &ReadOptions::default()).unwrap();
    assert!(sweep.metrics.is_empty());
}

#[test]
fn metrics_asked_for_are_those_read_in_their_order() {
    let text = "run_id,step,train_loss,learning_rate,acc:max,err:min,f1:max\na,0,1,0.1,0.5,0.4,0.3\n";
    let (sweep, _) = csv(text, &ReadOptions::default()).unwrap();
    assert_eq!(sweep.metrics.iter().map(ToString::to_string).collect::<Vec<_>>(), ["acc:max", "err:min", "f1:max"]);
    let asked = ["f1:max", "acc:max"].map(|metric| metric.parse::<Metric>().unwrap());
    let (sweep, report) = csv(text, &ReadOptions::with_metrics(asked)).unwrap();
    assert_eq!(sweep.runs[0].validations().collect::<Vec<_>>(), [&[Some(0.3)][..], &[Some(0.5)][..]]);
    assert_eq!(report.ignored_columns, ["err:min"]);
    let wrong = ReadOptions::with_metrics(["acc:min".parse::<Metric>().unwrap()]);
    assert!(matches!(csv(text, &wrong), Err(Error::DirectionConflict { .. })));
    let unknown = ReadOptions::with_metrics(["bleu:max".parse::<Metric>().unwrap()]);
    assert!(matches!(csv(text, &unknown), Err(Error::MissingMetric { .. })));
    let rate = ReadOptions::with_metrics(["learning_rate:min".parse::<Metric>().unwrap()]);
    assert!(matches!(csv(text, &rate), Err(Error::ColumnUsedTwice { .. })));
}

#[test]
fn where_nothing_but_the_loss_is_logged_it_is_the_metric_too() {
    let loss = |name: &str| ReadOptions::with_metrics([format!("{name}:min").parse::<Metric>().unwrap()]);
    let both = |sweep: &Sweep| {
        let run = &sweep.runs[0];
        assert_eq!(
            run.points(0).map(|point| (point.train_loss, point.validation)).collect::<Vec<_>>(),
            [(Some(1.5), Some(1.5))]
        );
    };
    both(&csv("run_id,step,loss,lr\na,0,1.5,0.1\n", &loss("loss")).unwrap().0);
    both(&csv("run_id,step,train_loss,lr\na,0,1.5,0.1\n", &loss("train_loss")).unwrap().0);
    let mut named = loss("nats");
    named.train_loss = Some("nats".to_owned());
    both(&csv("run_id,step,nats,lr\na,0,1.5,0.1\n", &named).unwrap().0);
    // Beside a train loss, another loss is a metric and nothing else.
    let (sweep, _) = csv("run_id,step,loss,train_loss,lr\na,0,1.5,2.5,0.1\n", &loss("loss")).unwrap();
    let point = sweep.runs[0].points(0).next().unwrap();
    assert_eq!((point.train_loss, point.validation), (Some(2.5), Some(1.5)));
}

#[test]
fn sparse_rows_of_a_step_are_joined_in_whatever_order() {
    let text =
        "run_id,step,train_loss,learning_rate,acc\nb,20,,,0.7\na,10,1,0.1,\nb,10,3,0.3,\na,10,,,0.5\nb,20,2,0.2,\n";
    let (sweep, report) = csv(text, &accuracy()).unwrap();
    assert_eq!(sweep.runs[0].id, "b");
    assert_eq!(sweep.runs[0].steps(), [10, 20]);
    assert_eq!(sweep.runs[0].train_loss(), [Some(3.0), Some(2.0)]);
    assert_eq!(sweep.runs[0].validations().collect::<Vec<_>>(), [&[None, Some(0.7)][..]]);
    assert_eq!(sweep.runs[1].validations().collect::<Vec<_>>(), [&[Some(0.5)][..]]);
    assert_eq!((report.rows, report.merged_rows), (5, 2));
    assert_eq!(report.sorted_runs, ["b"]);
}

#[test]
fn a_nan_contradicts_a_number_but_not_a_nan() {
    let rows = |second: &str| format!("run_id,step,train_loss,learning_rate,acc\na,1,NaN,0.1,\na,1,{second},,\n");
    assert!(csv(&rows("nan"), &accuracy()).is_ok());
    let Err(Error::Conflict { place, step: 1, first_at: 2, .. }) = csv(&rows("1"), &accuracy()) else { panic!() };
    assert_eq!(place.number, 3);
}

#[test]
fn a_conflict_among_unsorted_rows_names_both_places() {
    let text = "run_id,step,train_loss,learning_rate,acc\na,5,1,0.1,\na,3,1,0.1,\na,5,2,0.1,\n";
    let Err(Error::Conflict { place, step: 5, first_at: 2, first: 1.0, second: 2.0, .. }) = csv(text, &accuracy())
    else {
        panic!()
    };
    assert_eq!(place.number, 4);
}

#[test]
fn attributes_repeated_on_every_row_are_one_attribute() {
    let text = "run_id,step,train_loss,learning_rate,acc,seed,attribute.depth\na,1,1,0.1,,7,\na,2,1,0.1,,7.0,20\n";
    let (sweep, _) = csv(text, &accuracy()).unwrap();
    assert_eq!(sweep.runs[0].attributes.seed, Some(7));
    assert_eq!(sweep.runs[0].attributes.other["depth"], "20");
    let text = text.replace("7.0", "8");
    assert!(matches!(csv(&text, &accuracy()), Err(Error::AttributeConflict { .. })));
}

#[test]
fn one_run_needs_no_ids() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("today.csv");
    std::fs::write(&path, "step,loss,lr,acc\n1,2.0,0.1,\n2,1.0,0.1,0.5\n").unwrap();
    let run = read_run(&path, &accuracy()).unwrap();
    assert_eq!((run.id.as_str(), run.len(), run.final_validation(0)), ("today", 2, Some(0.5)));
    assert!(matches!(read(&path, &accuracy()), Err(Error::MissingColumn { option: "--run", .. })));
    std::fs::write(&path, "run_id,step,loss,lr,acc\na,1,2.0,0.1,\nb,2,1.0,0.1,0.5\n").unwrap();
    assert!(matches!(read_run(&path, &accuracy()), Err(Error::SeveralRuns { count: 2, .. })));
    std::fs::write(&path, "run_id,step,loss,lr,acc\n").unwrap();
    assert!(matches!(read_run(&path, &accuracy()), Err(Error::NoRun { .. })));
}

#[test]
fn a_metric_is_enough_where_there_is_no_loss() {
    let (sweep, _) =
        csv("run_id,step,learning_rate,acc:max\na,1,0.1,0.2\na,2,0.1,0.5\n", &ReadOptions::default()).unwrap();
    let run = &sweep.runs[0];
    assert_eq!((run.train_loss(), run.validation(0)), (&[None, None][..], &[Some(0.2), Some(0.5)][..]));
    let unsure = "run_id,step,learning_rate,acc:max,the loss\na,1,0.1,0.2,2.0\n";
    assert!(matches!(csv(unsure, &ReadOptions::default()), Err(Error::MissingColumn { option: "--loss", .. })));
    let nothing = "run_id,step,learning_rate\na,1,0.1\n";
    assert!(matches!(csv(nothing, &ReadOptions::default()), Err(Error::MissingColumn { option: "--loss", .. })));
}

#[test]
fn a_failed_write_leaves_the_old_file_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sweep.parquet");
    std::fs::write(&path, "old").unwrap();
    let mut sweep = Sweep::new(Vec::new());
    sweep.runs = vec![Run::new("a", 0), Run::new("a", 0)];
    assert!(matches!(write(&path, &sweep), Err(Error::Unwritable { .. })));
    assert_eq!(std::fs::read(&path).unwrap(), b"old");
    sweep.runs.pop();
    write(&path, &sweep).unwrap();
    assert_eq!(read(&path, &ReadOptions::default()).unwrap(), sweep);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    assert!(matches!(write(folder.path().join("a.txt"), &sweep), Err(Error::UnknownFormat { .. })));
    assert!(matches!(write(folder.path().join("no/a.csv"), &sweep), Err(Error::File { .. })));
}

#[test]
fn a_sweep_that_would_not_read_back_is_not_written() {
    let bad = |change: &dyn Fn(&mut Sweep)| {
        let mut sweep = Sweep::new(vec!["acc:max".parse().unwrap()]);
        let mut run = Run::new("a", 1);
        run.push(1, None, None, &[None]).unwrap();
        run.push(2, None, None, &[None]).unwrap();
        sweep.runs.push(run);
        assert!(write_bytes(&sweep, Format::Csv).is_ok());
        change(&mut sweep);
        assert!(matches!(write_bytes(&sweep, Format::Csv), Err(Error::Unwritable { .. })));
    };
    bad(&|sweep| sweep.runs[0] = Run::new("without a metric", 0));
    bad(&|sweep| sweep.runs[0].id.clear());
    bad(&|sweep| sweep.metrics[0].name = "step".to_owned());
    bad(&|sweep| sweep.metrics[0].name = " acc".to_owned());
}

#[test]
fn a_directed_name_means_the_same_in_json_lines_as_in_csv() {
    // The metric is measured from the second line on, and there is no train loss.
    let lines = r#"{"run_id": "a", "step": 1, "lr": 0.1}
{"run_id": "a", "step": 2, "lr": 0.1, "val_acc:max": 0.5}
{"run_id": "b", "step": 1, "lr": 0.2, "val_acc:max": 0.4}
"#;
    let table = "run_id,step,lr,val_acc:max\na,1,0.1,\na,2,0.1,0.5\nb,1,0.2,0.4\n";
    let asked = |metric: &str| ReadOptions::with_metrics([metric.parse::<Metric>().expect("a metric")]);
    for options in [ReadOptions::default(), asked("val_acc:max")] {
        let (expected, _) = csv(table, &options).expect("a sweep");
        let (found, _) = json(lines, &options).expect("a sweep");
        assert_eq!(found, expected);
        assert_eq!(found.metrics[0].to_string(), "val_acc:max");
    }
    let twice = r#"{"run_id": "a", "step": 1, "loss": 1, "lr": 0.1, "val_acc:max": 0.5, "val_acc": 0.4}"#;
    assert!(json(twice, &ReadOptions::default()).is_err(), "two columns of one metric");
    let error = json(lines, &asked("val_acc:min")).expect_err("a contradiction").to_string();
    assert!(error.contains("val_acc:max") && error.contains("val_acc:min"), "{error}");
    // A file of lodecast's own declares its metrics, and means its names as they are.
    let declared = r#"{"lodecast_sweep": 1, "metrics": ["a:min:max"], "runs": {}}
{"run_id": "a", "step": 1, "train_loss": 1, "learning_rate": 0.1, "a:min": 0.5}
"#;
    let (sweep, _) = json(declared, &ReadOptions::default()).expect("a sweep");
    assert_eq!((sweep.metrics[0].name.as_str(), sweep.runs[0].validation(0)), ("a:min", &[Some(0.5)][..]));
}
