//! Files written by pandas, pyarrow, polars and Python's `json` (see `data/README.md`) read back to known values.

use std::ops::ControlFlow;
use std::path::PathBuf;

use lodecast::Sweep;
use lodecast_sweep_file::{Entry, ParquetTable, ReadOptions, ReadReport, read_with_report};

fn read(name: &str) -> (Sweep, ReadReport) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    let metric = "val_accuracy:max".parse().expect("a metric");
    read_with_report(path, &ReadOptions::with_metrics([metric])).unwrap_or_else(|error| panic!("{error}"))
}

/// Every point as `run step loss rate accuracy`, `-` where nothing was measured.
fn points(sweep: &Sweep) -> Vec<String> {
    let shown = |value: Option<f64>| value.map_or("-".to_owned(), |value| value.to_string());
    let mut lines = Vec::new();
    for run in &sweep.runs {
        for point in run.points(0) {
            let [loss, rate, accuracy] = [point.train_loss, point.learning_rate, point.validation].map(shown);
            lines.push(format!("{} {} {loss} {rate} {accuracy}", run.id, point.step));
        }
    }
    lines
}

const WITHOUT_NAN: [&str; 4] = ["a 10 2.5 0.001 -", "a 20 1.25 0.0005 0.5", "b 10 - 0.1 -", "b 20 inf 0.1 0.1"];
const WITH_NAN: [&str; 4] = ["a 10 2.5 0.001 -", "a 20 1.25 0.0005 0.5", "b 10 NaN 0.1 -", "b 20 inf 0.1 0.1"];

#[test]
fn pandas() {
    let (sweep, report) = read("pandas.parquet");
    assert_eq!(points(&sweep), WITHOUT_NAN);
    assert_eq!(report.ignored_columns, ["epoch"]);
    let (sweep, report) = read("pandas.csv");
    assert_eq!(points(&sweep), WITHOUT_NAN);
    assert_eq!(report.ignored_columns, ["", "epoch"]);
    let (sweep, report) = read("pandas.jsonl");
    // JSON has no infinity, and pandas writes null for it.
    assert_eq!(points(&sweep)[..3], WITHOUT_NAN[..3]);
    assert_eq!(points(&sweep)[3], "b 20 - 0.1 0.1");
    assert_eq!(report.rows, 4);
}

#[test]
fn pandas_with_narrow_types_and_shuffled_rows() {
    let (sweep, report) = read("pandas_narrow.parquet");
    let half = half::f16::from_f64(0.1).to_f64();
    assert_eq!(
        points(&sweep),
        ["b 10 - 0.1 -", &format!("b 20 inf 0.1 {half}"), "a 10 2.5 0.001 -", "a 20 1.25 0.0005 0.5"]
    );
    assert_eq!(report.sorted_runs, ["b"]);
    assert_eq!(report.ignored_columns, ["epoch", "__index_level_0__"]);
}

#[test]
fn pyarrow_with_decimals() {
    let (sweep, _) = read("pyarrow_decimals.parquet");
    assert_eq!(points(&sweep), ["a 10 2.5 0.001 -", "a 20 1.25 0.0005 0.5", "b 10 - 0.1 -", "b 20 -0.75 0.1 0.1"]);
}

#[test]
fn pyarrow() {
    for name in ["pyarrow.parquet", "pyarrow_v2.parquet"] {
        let (sweep, report) = read(name);
        assert_eq!(
            points(&sweep),
            ["7 10 2.5 0.001 -", "7 20 1.25 0.0005 0.5", "8 10 NaN 0.1 -", "8 20 inf 0.1 0.1"],
            "{name}"
        );
        let attributes: Vec<_> = sweep.runs.iter().map(|run| (run.attributes.seed, &run.attributes.schedule)).collect();
        assert_eq!(attributes, [(Some(0), &Some("cosine".to_owned())), (Some(1), &Some("constant".to_owned()))]);
        assert!(report.ignored_columns.is_empty());
    }
}

#[test]
fn polars() {
    let (sweep, _) = read("polars.parquet");
    assert_eq!(points(&sweep), WITH_NAN);
    let (sweep, _) = read("polars.csv");
    assert_eq!(points(&sweep), WITH_NAN);
    let (sweep, _) = read("polars.ndjson");
    assert_eq!(points(&sweep)[..3], WITHOUT_NAN[..3]);
}

#[test]
fn python_json() {
    let (sweep, _) = read("python.jsonl");
    assert_eq!(points(&sweep), ["NaN 10 NaN 0.1 0.5", "NaN 20 -inf 0.1 0.5"]);
}

/// What a table has in a row, list by list.
fn lists(name: &str) -> Vec<Vec<Vec<Option<f64>>>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    let table = ParquetTable::open(path).expect("readable");
    let chosen: Vec<usize> = (0..table.names().len()).filter(|&column| table.list(column).is_some()).collect();
    let mut rows = Vec::new();
    let read = table.read_lists(&chosen, |_, entries| {
        let lists = entries.iter().map(|entry| match entry {
            Entry::List(list) => list.clone(),
            Entry::One(cell) => panic!("{cell:?} is no list"),
        });
        rows.push(lists.collect());
        ControlFlow::Continue(())
    });
    read.unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(table.rows(), rows.len() as u64);
    rows
}

#[test]
fn lists_of_pyarrow() {
    for name in ["pyarrow_lists.parquet", "pyarrow_lists_v2.parquet"] {
        let expected = [
            [vec![Some(1.0), Some(2.0)], vec![Some(1.0), Some(2.0)]],
            [vec![], vec![]],
            [vec![], vec![]],
            [vec![Some(3.0), None], vec![Some(3.0), Some(4.0)]],
            [vec![Some(4.0)], vec![Some(5.0)]],
        ];
        assert_eq!(lists(name), expected, "{name}");
    }
    let long = lists("pyarrow_long_lists.parquet");
    for (row, list) in long.iter().enumerate() {
        let expected: Vec<Option<f64>> = (0..100).map(|item| Some((100 * row + item) as f64)).collect();
        assert_eq!(list[0], expected);
    }
    assert_eq!(long.len(), 30);
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/pyarrow_lists.parquet");
    let table = ParquetTable::open(path).expect("readable");
    assert_eq!((0..3).map(|column| table.list(column)).collect::<Vec<_>>(), [None, Some("loss"), Some("step")]);
    assert_eq!(table.unreadable(1), Some("a list"));
}
