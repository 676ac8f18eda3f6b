//! tmp
#[path = "../tests/toy_sweep/mod.rs"]
mod toy_sweep;
use lodecast::*;
fn main() {
    let peak = instrument::peak_operations();
    eprintln!("peak {:.1} GFLOP/s per core", peak / 1e9);
    for points in [100, 600] {
        let sweep = toy_sweep::sweep(5, points);
        let mut settings = FitSettings { tolerance: 1e-5, ..FitSettings::new(ModelKind::LatentOde) };
        settings.architecture.inputs = 4;
        let mut best = f64::INFINITY; let mut last = Default::default();
        for _ in 0..5 { let r = instrument::whole_run_fit_steps(&sweep, &settings, 40); best = best.min(r.elapsed.as_secs_f64() / 40.0); last = r; }
        eprintln!("T={points}: {:.3} ms/step, {:.1} MFLOP, {:.1} GFLOP/s, accepted {:.1}, evals {:.1}", best * 1e3, last.operations / 1e6, last.operations / best / 1e9, last.accepted, last.evaluations);
    }
    let sweep = toy_sweep::sweep(5, 100);
    for tolerance in [1e-2, 1e-3, 1e-4] {
        let settings = FitSettings { tolerance, ..FitSettings::new(ModelKind::Controlled) };
        let r = instrument::whole_run_fit_steps(&sweep, &settings, 100);
        eprintln!("controlled {tolerance}: {:.3} ms/step, {:.1} MFLOP accepted {:.1}, evals {:.1}", r.elapsed.as_secs_f64() * 10.0, r.operations / 1e6, r.accepted, r.evaluations);
    }
    let mut settings = FitSettings { iterations: 500, ..FitSettings::new(ModelKind::Controlled) };
    settings.members = 5;
    let t = std::time::Instant::now();
    let fitted = fit(&sweep, &settings, FitOptions { progress: &mut |p| if p.iteration % 100 == 0 { eprintln!("{p:?}") }, interrupt: &false.into(), checkpoint: None, resume: false }).unwrap();
    eprintln!("fit 5 x 500: {:.2} s {:?}", t.elapsed().as_secs_f64(), fitted.summary.held_out_loss);
    let Model::Controlled(model) = &fitted.model else { panic!() };
    let obs: Vec<Point> = sweep.runs[7].points(0).take(30).collect();
    let schedules: Vec<Schedule> = (0..500).map(|k| { let a = 0.1 + 0.002 * k as f64; Schedule::piecewise_linear((0..8).map(|j| (0.3 + 0.1 * j as f64, a * (1.0 - 0.1 * j as f64 + 0.05 * ((j * k) % 3) as f64)))).unwrap() }).collect();
    for _ in 0..5 {
        let t = std::time::Instant::now();
        let r = model.final_rewards(&obs, 500, 0.3, &schedules);
        eprintln!("500 x 5 rewards: {:.2} ms {}", t.elapsed().as_secs_f64() * 1e3, r.len());
    }
}
