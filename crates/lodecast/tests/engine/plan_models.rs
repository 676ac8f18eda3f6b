//! Models whose truth is known, and the sweep they claim to come from.

// Each test file uses its own part.
#![allow(dead_code)]

use std::ops::RangeInclusive;
use std::sync::Mutex;

use lodecast::{
    Attributes, ControlledForecaster, Curve, Direction, Error, Experience, Family, Metric, PaperForecaster, Point,
    Result, Run, Schedule, Sweep,
};

/// Settings with some of them changed.
pub(crate) fn changed<S>(mut settings: S, change: impl FnOnce(&mut S)) -> S {
    change(&mut settings);
    settings
}

pub(crate) const TOTAL_STEPS: u64 = 1000;
pub(crate) const PEAKS: [f64; 4] = [0.01, 0.03, 0.1, 0.3];

/// A run under `schedule`: the loss falls as `2 exp(-2 t)`, the metric rises to `best`.
pub(crate) fn run(id: &str, schedule: &Schedule, best: f64) -> Run {
    let points = (0..=50u64).map(|k| {
        let progress = k as f64 / 50.0;
        Point::new(k * TOTAL_STEPS / 50)
            .train_loss(2.0 * (-2.0 * progress).exp() * (1.0 + 0.1 * (k as f64).sin()))
            .learning_rate(schedule.learning_rate(progress))
            .validation(best * (0.3 + 0.7 * progress))
    });
    let mut run = Run::from_points(id, points).expect("steps increase");
    run.attributes = Attributes { total_steps: Some(TOTAL_STEPS), ..Attributes::default() };
    run
}

/// The sweep of constant and cosine schedules at four peaks, two seeds each; `quality` gives the final metric.
pub(crate) fn sweep(quality: impl Fn(Family, f64) -> f64) -> Sweep {
    let mut sweep = Sweep::new(vec![Metric::new("accuracy", Direction::Max)]);
    for family in [Family::Constant, Family::Cosine] {
        for peak in PEAKS {
            for seed in 0..2 {
                let schedule = Schedule::parametric(family, peak);
                let mut run = run(&format!("{family}-{peak}-{seed}"), &schedule, quality(family, peak));
                run.attributes.schedule = Some(family.name().to_owned());
                run.attributes.peak_lr = Some(peak);
                run.attributes.seed = Some(seed);
                sweep.runs.push(run);
            }
        }
    }
    sweep
}

/// All configurations are good, the cosine at 0.1 a little better.
pub(crate) fn experience() -> Experience {
    let quality = |family, peak| if (family, peak) == (Family::Cosine, 0.1) { 0.905 } else { 0.9 };
    Experience::from_sweep(&sweep(quality), 0).expect("a usable sweep")
}

/// Mean of ln lr over the rest of a run.
pub(crate) fn mean_log_rate(schedule: &Schedule, now: f64) -> f64 {
    let count = 2000;
    let at = |k: usize| now + (1.0 - now) * (k as f64 + 0.5) / f64::from(count);
    (0..count as usize).map(|k| schedule.learning_rate(at(k)).max(1e-12).ln()).sum::<f64>() / f64::from(count)
}

type Reward = Box<dyn Fn(usize, &Schedule, f64) -> f64 + Send + Sync>;

/// A controlled model whose members reward schedules as it is told.
pub(crate) struct Told {
    pub(crate) members: usize,
    pub(crate) reward: Reward,
    pub(crate) experience: Experience,
    pub(crate) name: &'static str,
    /// Number of schedules of every call.
    pub(crate) calls: Mutex<Vec<usize>>,
}

impl Told {
    pub(crate) fn new(members: usize, reward: impl Fn(usize, &Schedule, f64) -> f64 + Send + Sync + 'static) -> Self {
        let (reward, calls) = (Box::new(reward), Mutex::default());
        Self { members, reward, experience: experience(), name: "told", calls }
    }
}

impl ControlledForecaster for Told {
    fn members(&self) -> usize {
        self.members
    }

    fn final_rewards(&self, _: &[Point], _: u64, now: f64, schedules: &[Schedule]) -> Result<Vec<f64>> {
        self.calls.lock().expect("no panic").push(schedules.len());
        let members = |schedule| (0..self.members).map(move |member| (self.reward)(member, schedule, now));
        Ok(schedules.iter().flat_map(members).collect())
    }

    fn metric_from_reward(&self, reward: f64) -> f64 {
        1.0 - (-reward).exp()
    }

    fn experience(&self) -> &Experience {
        &self.experience
    }

    fn fingerprint(&self) -> String {
        self.name.to_owned()
    }
}

/// A paper-like model with two latent components: the loss falls as `2 - t` whatever happens, the rate is
/// `0.1 exp(z0) / (1 + t)`, the metric is `0.5 + z1 - 0.1 t`. It remembers the vectors it was asked to decode.
pub(crate) struct Analytic {
    pub(crate) members: usize,
    pub(crate) encoded: [f64; 2],
    pub(crate) experience: Experience,
    pub(crate) asked: Mutex<Vec<Vec<f64>>>,
}

impl Analytic {
    pub(crate) fn new(members: usize) -> Self {
        Self { members, encoded: [0.2, 0.3], experience: experience(), asked: Mutex::default() }
    }

    pub(crate) fn rate(latent: &[f64], time: f64) -> f64 {
        0.1 * latent[0].exp() / (1.0 + time)
    }

    pub(crate) fn metric(latent: &[f64], time: f64) -> f64 {
        0.5 + latent[1] - 0.1 * time
    }
}

impl PaperForecaster for Analytic {
    fn members(&self) -> usize {
        self.members
    }

    fn encode(&self, _: usize, window: &[Point], _: u64) -> Result<Vec<f64>> {
        if window.is_empty() {
            return Err(Error::Window { reason: "nothing was observed".to_owned() });
        }
        Ok(self.encoded.to_vec())
    }

    fn decode(&self, _: usize, latents: &[Vec<f64>], progress: &[f64]) -> Result<Vec<Curve>> {
        self.asked.lock().expect("no panic").extend_from_slice(latents);
        let column = |value: &dyn Fn(f64) -> f64| progress.iter().map(|&time| value(time)).collect();
        Ok(latents
            .iter()
            .map(|latent| Curve {
                train_loss: column(&|time| 2.0 - time),
                learning_rate: column(&|time| Self::rate(latent, time)),
                validation: column(&|time| Self::metric(latent, time)),
            })
            .collect())
    }

    fn loss_range(&self, loss: f64, deviations: f64) -> RangeInclusive<f64> {
        loss - 0.0101 * deviations..=loss + 0.0101 * deviations
    }

    fn validation_range(&self, validation: f64, deviations: f64) -> RangeInclusive<f64> {
        validation - 0.02 * deviations..=validation + 0.02 * deviations
    }

    fn direction(&self) -> Direction {
        Direction::Max
    }

    fn experience(&self) -> &Experience {
        &self.experience
    }

    fn fingerprint(&self) -> String {
        "analytic".to_owned()
    }
}
