//! Times fit steps of the reference's benchmark and prints one JSON line; `benches/peers/compare.sh` sets it beside JAX.
//!
//! `cargo run --release -p lodecast --example fit_step -- 100` (points a run; batch 64, hidden = latent = width = 20).

#[path = "../tests/engine/toy_sweep.rs"]
mod toy_sweep;

use std::io::Write as _;

use lodecast::instrument::{peak_operations, reference_fit_steps};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let points: u64 = std::env::args().nth(1).as_deref().unwrap_or("100").parse()?;
    let sweep = toy_sweep::sweep(4, points);
    let mut milliseconds: Vec<f64> = Vec::new();
    let mut last = lodecast::instrument::FitSteps::default();
    for _ in 0..9 {
        last = reference_fit_steps(&sweep, 20);
        milliseconds.push(last.elapsed.as_secs_f64() * 1e3 / 20.0);
    }
    milliseconds.sort_by(f64::total_cmp);
    let median = milliseconds[milliseconds.len() / 2];
    let fraction = last.operations / (median * 1e-3) / (peak_operations() * rayon::current_num_threads() as f64);
    writeln!(
        std::io::stdout(),
        r#"{{"what": "lodecast fit step", "points": {points}, "milliseconds": {median:.3}, "best": {:.3}, "accepted_steps": {:.1}, "megaflops": {:.0}, "fraction_of_peak": {fraction:.2}, "resident_megabytes": {:.0}}}"#,
        milliseconds[0],
        last.accepted,
        last.operations / 1e6,
        resident_megabytes()
    )?;
    Ok(())
}

/// Largest resident memory of this process, where the system tells.
fn resident_megabytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)).and_then(|value| value.parse::<f64>().ok());
    kilobytes.unwrap_or(f64::NAN) / 1024.0
}
