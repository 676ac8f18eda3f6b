//! Measures rows a second and bytes a row of each format: `cargo run --release -p lodecast-sweep-file --example throughput`.
#![allow(clippy::print_stdout, reason = "its output is its purpose")]

use std::error::Error;
use std::time::{Duration, Instant};

use lodecast::{Direction, Metric, Run, Schedule, Sweep};
use lodecast_sweep_file::{ReadOptions, read, write};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    println!(
        "{:>16} {:>8} {:>12} {:>12} {:>10}",
        "runs x points", "format", "write rows/s", "read rows/s", "bytes/row"
    );
    for (runs, points) in [(100, 1000), (10_000, 100)] {
        let sweep = sweep(runs, points)?;
        let rows = (runs * points) as f64;
        for ending in ["parquet", "csv", "jsonl"] {
            let path = folder.path().join("sweep").with_extension(ending);
            let writing = best(|| write(&path, &sweep))?;
            let reading = best(|| read(&path, &ReadOptions::default()).map(drop))?;
            println!(
                "{:>16} {ending:>8} {:>12.3e} {:>12.3e} {:>10.1}",
                format!("{runs} x {points}"),
                rows / writing.as_secs_f64(),
                rows / reading.as_secs_f64(),
                std::fs::metadata(&path)?.len() as f64 / rows
            );
        }
    }
    Ok(())
}

/// Runs that look like training: a noisy falling loss, a validation every tenth point.
fn sweep(runs: usize, points: usize) -> Result<Sweep, lodecast::Error> {
    let mut sweep = Sweep::new(vec![Metric::new("val_accuracy", Direction::Max)]);
    let mut random = ChaCha8Rng::seed_from_u64(0);
    for index in 0..runs {
        let mut run = Run::new(format!("cosine-{index:05}"), 1);
        run.attributes.schedule = Some("cosine".to_owned());
        run.attributes.seed = Some(index as u64);
        let schedule = Schedule::cosine(10f64.powf(-1.0 - 2.0 * random.random::<f64>()));
        for point in 0..points {
            let progress = (point + 1) as f64 / points as f64;
            let loss = 2.3 / (1.0 + 9.0 * progress) * (1.0 + 0.1 * random.random::<f64>());
            let accuracy = (point % 10 == 9).then(|| f64::from(random.next_u32() % 1000) / 1000.0);
            run.push((point as u64 + 1) * 50, Some(loss), Some(schedule.learning_rate(progress)), &[accuracy])?;
        }
        sweep.runs.push(run);
    }
    Ok(sweep)
}

/// The shortest of a few attempts: what the work takes when nothing else runs.
fn best<E>(mut work: impl FnMut() -> Result<(), E>) -> Result<Duration, E> {
    let mut shortest = Duration::MAX;
    for _ in 0..5 {
        let start = Instant::now();
        work()?;
        shortest = shortest.min(start.elapsed());
    }
    Ok(shortest)
}
