//! What the documents' commands find around them: recorded runs of a toy that can be understood.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use lodecast::Schedule;

/// Planned steps of each run.
const STEPS: u64 = 23_400;
/// Steps between two points.
const CADENCE: u64 = 600;

/// What a run recorded at a step: rate, train loss, validation accuracy.
struct Row {
    step: u64,
    rate: f64,
    loss: f64,
    accuracy: f64,
}

/// Trains the toy: its loss falls with what was trained, and rises with a noise that follows the rate.
fn train(schedule: &Schedule, seed: u64) -> Vec<Row> {
    let (mut trained, mut noise) = (0.0, 0.0);
    let mut rows = Vec::new();
    for step in (0..=STEPS).step_by(60) {
        let rate = schedule.at_step(step, STEPS);
        trained += 10.0 * rate;
        noise += 0.1 * (rate - noise);
        if step > 0 && step % CADENCE == 0 {
            // A seed's luck, from step to step.
            let luck = 1.0 + 0.01 * f64::sin((step / CADENCE) as f64 * 1.7 + seed as f64 * 2.3);
            let loss = (0.2 + 2.0 / f64::sqrt(1.0 + trained) + 1.5 * noise) * luck;
            rows.push(Row { step, rate, loss, accuracy: f64::exp(-0.6 * loss) });
        }
    }
    rows
}

/// The runs of a search: a name, settings, and what was recorded.
fn search() -> impl Iterator<Item = (String, String, Vec<Row>)> {
    ["constant", "cosine", "linear"].into_iter().flat_map(|family| {
        [0.02, 0.05, 0.1, 0.2].into_iter().flat_map(move |peak| {
            (0..2).map(move |seed| {
                let schedule = Schedule::parametric(family.parse().expect("a family"), peak);
                let settings = format!("schedule: {family}\npeak_lr: {peak}\nseed: {seed}\n");
                (format!("{family}-{peak}-{seed}"), settings, train(&schedule, seed))
            })
        })
    })
}

/// Writes `lightning_logs`, `runs` and `run.csv` into a folder.
pub(crate) fn write(folder: &Path) {
    let write = |path: &Path, text: &str| {
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    };
    for (number, (name, settings, rows)) in search().enumerate() {
        let version = folder.join(format!("lightning_logs/version_{number}"));
        let mut logged = String::from("epoch,lr-SGD,step,train_loss,val_accuracy\n");
        let mut table = String::from("run_id,step,train_loss,learning_rate,val_accuracy,total_steps\n");
        for Row { step, rate, loss, accuracy } in &rows {
            let epoch = (step - 1) / 2340;
            let _ = writeln!(logged, "{epoch},{rate},{step},{loss},\n{epoch},,{step},,{accuracy}");
            let _ = writeln!(table, "{name},{step},{loss},{rate},{accuracy},{STEPS}");
        }
        write(&version.join("metrics.csv"), &logged);
        write(&version.join("hparams.yaml"), &format!("{settings}max_steps: {STEPS}\n"));
        write(&folder.join(format!("runs/{name}.csv")), &table);
    }
    let under_way = train(&Schedule::parametric("cosine".parse().expect("a family"), 0.15), 5);
    let mut table = String::from("step,train_loss,learning_rate,val_accuracy\n");
    for Row { step, rate, loss, accuracy } in under_way.iter().take_while(|row| row.step <= STEPS * 2 / 5) {
        let _ = writeln!(table, "{step},{loss},{rate},{accuracy}");
    }
    write(&folder.join("run.csv"), &table);
}
