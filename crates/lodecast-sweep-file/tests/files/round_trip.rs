//! What is written reads back equal, in every format.

use std::collections::BTreeMap;

use lodecast::{Attributes, Direction, Metric, Run, Sweep};
use lodecast_sweep_file::{Format, ReadOptions, SweepWriter, read_bytes, write_bytes};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option::of;
use proptest::prelude::*;

const FORMATS: [Format; 3] = [Format::Parquet, Format::Csv, Format::JsonLines];

/// Texts that try every format's special characters.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9_-]{1,8}",
        r#"[ab,;"'\\\r\n\t {}:#]{0,6}"#,
        "\\PC{1,6}",
        Just("NaN".to_owned()),
        Just("lodecast_sweep".to_owned()),
        Just("\u{feff}a".to_owned()),
        Just("\"\"".to_owned()),
        Just("1e5".to_owned()),
    ]
}

fn id() -> impl Strategy<Value = String> {
    text().prop_filter("ids are not empty", |id| !id.is_empty())
}

fn metric_name() -> impl Strategy<Value = String> {
    text().prop_map(|name| name.trim().to_owned()).prop_filter("metric names that a file can hold", |name| {
        let taken = ["run_id", "step", "train_loss", "learning_rate"];
        !name.is_empty() && !taken.contains(&name.as_str()) && !name.starts_with("attribute.")
    })
}

fn number() -> impl Strategy<Value = Option<f64>> {
    of(prop_oneof![
        5 => any::<f64>(),
        3 => -1e3..1e3f64,
        1 => Just(f64::NAN),
        1 => Just(f64::INFINITY),
        1 => Just(f64::NEG_INFINITY),
        1 => Just(f64::from_bits(1)),
        1 => Just(-0.0),
    ])
}

fn attributes() -> impl Strategy<Value = Attributes> {
    (of(text()), number(), of(any::<u64>()), of(text()), of(any::<u64>()), of(text()), btree_map(text(), text(), 0..3))
        .prop_map(|(schedule, peak_lr, seed, optimizer, total_steps, source, other)| Attributes {
            schedule,
            peak_lr,
            seed,
            optimizer,
            total_steps,
            source,
            other,
        })
}

fn run(metrics: usize) -> impl Strategy<Value = Run> {
    let steps = prop_oneof![4 => btree_set(0..1000u64, 0..12), 1 => btree_set(any::<u64>(), 0..4)];
    (steps, attributes()).prop_flat_map(move |(steps, attributes)| {
        vec(vec(number(), 2 + metrics), steps.len()).prop_map(move |rows| {
            let mut run = Run::new("", metrics);
            run.attributes = attributes.clone();
            for (&step, row) in steps.iter().zip(&rows) {
                run.push(step, row[0], row[1], &row[2..]).expect("steps increase");
            }
            run
        })
    })
}

fn sweep() -> impl Strategy<Value = Sweep> {
    btree_map(metric_name(), prop_oneof![Just(Direction::Max), Just(Direction::Min)], 0..3).prop_flat_map(
        |metrics: BTreeMap<String, Direction>| {
            let count = metrics.len();
            btree_map(id(), run(count), 0..5).prop_map(move |runs| {
                let mut sweep = Sweep::new(metrics.iter().map(|(name, &way)| Metric::new(name, way)).collect());
                // Not in the order of their names.
                sweep.runs = runs
                    .into_iter()
                    .rev()
                    .map(|(id, mut run)| {
                        run.id = id;
                        run
                    })
                    .collect();
                sweep
            })
        },
    )
}

/// A text that is equal for equal sweeps, NaN counted as equal to itself.
fn shown(sweep: &Sweep) -> String {
    format!("{sweep:#?}")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn every_format_reads_back_what_was_written(sweep in sweep()) {
        for format in FORMATS {
            let bytes = write_bytes(&sweep, format).unwrap();
            let (back, report) = read_bytes(bytes, format, "sweep", &ReadOptions::default())
                .map_err(|error| TestCaseError::fail(format!("{format:?}: {error}")))?;
            prop_assert_eq!(shown(&back), shown(&sweep), "{:?}", format);
            prop_assert!(report.ignored_columns.is_empty());
            prop_assert_eq!(report.merged_rows, 0);
        }
    }

    #[test]
    fn a_sweep_written_run_by_run_is_the_same_file(sweep in sweep()) {
        let folder = tempfile::tempdir().unwrap();
        for (format, name) in FORMATS.into_iter().zip(["sweep.parquet", "sweep.csv", "sweep.jsonl"]) {
            let path = folder.path().join(name);
            let mut writer = SweepWriter::create(&path, sweep.metrics.clone()).unwrap();
            let huge = |run: &Run| run.steps().last().is_some_and(|&step| i64::try_from(step).is_err());
            let mut written = Ok(());
            for run in &sweep.runs {
                let bare = run.clone().with_attributes(Attributes::default());
                written = written.and_then(|()| writer.push(bare));
            }
            if format == Format::Parquet && sweep.runs.iter().any(huge) {
                prop_assert!(written.is_err());
            } else {
                written.unwrap();
                prop_assert!(!path.exists());
                writer.finish(|run, attributes| *attributes = sweep.runs[run].attributes.clone()).unwrap();
                prop_assert_eq!(std::fs::read(&path).unwrap(), write_bytes(&sweep, format).unwrap(), "{:?}", format);
            }
        }
        let left = std::fs::read_dir(folder.path()).unwrap().filter(|entry| {
            entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".lodecast-")
        });
        prop_assert_eq!(left.count(), 0);
    }
}
