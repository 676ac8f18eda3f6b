//! What a search for a schedule asks of a law: the runs it knows, and what candidates are worth.

use super::answer::Answer;
use super::curve::Curve;
use super::fitted_law::Law;
use super::fitted_run::FittedRun;
use super::forecast::Question;
use super::plain_process::PlainProcess;
use super::shapes::ShapeRange;
use crate::Schedule;

/// Knots are on a straight line if they are off it by less than this part of its rates.
const STRAIGHT: f64 = 1e-9;
/// Measured schedules at most, the best of them, as many as a process has members.
const MOST_MEASURED: usize = 500;

impl Law {
    /// Schedules of the runs that reached their end and did not diverge, each once, that of the best run first.
    pub(crate) fn measured_schedules(&self) -> Vec<(String, Schedule)> {
        let mut ended: Vec<_> =
            self.runs.iter().filter(|run| !run.diverged).filter_map(|run| Some((run, run.last?))).collect();
        ended.sort_by(|a, b| a.1.total_cmp(&b.1));
        // Those far behind the best are no candidates, and all of them are compared with each other.
        let mut schedules: Vec<(String, Schedule)> = Vec::new();
        for (run, _) in ended {
            let schedule = run.schedule.clone().or_else(|| schedule_of_rates(&run.rates));
            if let Some(schedule) = schedule
                && schedules.iter().all(|(_, known)| *known != schedule)
            {
                schedules.push((run.id.clone(), schedule));
                if schedules.len() == MOST_MEASURED {
                    break;
                }
            }
        }
        schedules
    }

    /// Shapes that are worth a try, with peaks among those measured; `None` without any rate. The best run widens them where it anneals
    /// less, but that speaks against annealing only if some run annealed.
    pub(crate) fn believed_shapes(&self) -> Option<ShapeRange> {
        self.shapes_beside(&self.measured_schedules())
    }

    /// The same, beside the schedules that were measured.
    pub(super) fn shapes_beside(&self, measured: &[(String, Schedule)]) -> Option<ShapeRange> {
        let annealed = measured.iter().any(|(_, schedule)| ShapeRange::is_annealed(schedule));
        ShapeRange::of(self.peaks(), measured.first().map(|(_, best)| best).filter(|_| annealed))
    }

    /// Peak rates of the runs that did not diverge; the reference rate if there is none.
    pub(crate) fn peaks(&self) -> Vec<f64> {
        let trained = self.runs.iter().filter(|run| !run.diverged);
        // Candidates have the settings of the best run, whose momentum counts.
        let unit = self.gain(&self.assumed);
        let mut peaks: Vec<f64> = trained
            .map(|run| run.rates.iter().copied().fold(0.0, f64::max) * self.gain(&run.settings) / unit)
            .collect();
        if peaks.is_empty() {
            peaks.push(self.units.rate);
        }
        peaks
    }

    /// Runs that came to an end, with their final gap, diverged ones at that of an untrained network.
    fn ended_runs(&self) -> impl Iterator<Item = (&FittedRun, f64)> {
        let last = |run: &FittedRun| if run.diverged { Some(self.units.start) } else { run.last };
        self.runs.iter().filter_map(move |run| Some((run, last(run)?)))
    }

    /// How many runs came to an end.
    pub(crate) fn ended(&self) -> usize {
        self.ended_runs().count()
    }

    /// Fits the plain process to them.
    pub(super) fn learn_plain_process(&mut self) {
        let ended = self.ended_runs();
        let (features, ln_gaps): (Vec<Vec<f64>>, Vec<f64>) =
            ended.map(|(run, last)| (self.features(&run.rates, run.length, &run.settings), last.ln())).unzip();
        self.plain_process = PlainProcess::fit(&features, &ln_gaps);
    }

    /// What is known without the law, of the ends of the runs alone; `None` from fewer than three.
    pub(crate) fn plain_process(&self) -> Option<&PlainProcess> {
        self.plain_process.as_ref()
    }

    /// `ln` gap to expect of a run that trains, as law and process are believed in searches; `curve` is the law's own.
    pub(crate) fn search_mean(&self, curve: &Curve, question: &Question, scratch: &mut Vec<f64>) -> f64 {
        curve.end(&question.path) + self.search_process.mean(&mut question.features.clone(), scratch)
    }

    /// The same with its doubt.
    pub(crate) fn search_answer(&self, question: &Question, scratch: &mut Vec<f64>) -> Answer {
        self.answer(question, &self.search_process, scratch).0
    }

    /// Probability that a candidate diverges.
    pub(crate) fn chance(&self, question: &Question) -> f64 {
        self.threshold.probability(question.ln_peak)
    }

    /// Expected gap: the median if it trains, the gap of an untrained network if it diverges.
    pub(crate) fn expected_gap(&self, ln_gap: f64, chance: f64) -> f64 {
        let gap = ln_gap.min(700.0).exp().min(self.units.start);
        (1.0 - chance) * gap + chance * self.units.start
    }
}

/// A schedule with these mean rates of its segments: straight lines between their centres.
fn schedule_of_rates(rates: &[f64]) -> Option<Schedule> {
    let count = rates.len() as f64;
    let (first, last) = (*rates.first()?, *rates.last()?);
    let before = rates.get(1).map_or(first, |second| (1.5 * first - 0.5 * second).max(0.0));
    let after =
        rates.get(rates.len().checked_sub(2)?).map_or(last, |one_before| (1.5 * last - 0.5 * one_before).max(0.0));
    let centres = rates.iter().enumerate().map(|(k, &rate)| ((k as f64 + 0.5) / count, rate));
    let knots: Vec<(f64, f64)> = std::iter::once((0.0, before)).chain(centres).chain([(1.0, after)]).collect();
    Schedule::piecewise_linear(corners(&knots)).ok()
}

/// The knots without those that lie on the straight line between the one before and the one after.
fn corners(knots: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut kept: Vec<(f64, f64)> = Vec::new();
    for (index, &(at, rate)) in knots.iter().enumerate() {
        if let (Some(&(from, start)), Some(&(to, end))) = (kept.last(), knots.get(index + 1)) {
            let between = start + (end - start) * (at - from) / (to - from);
            if (rate - between).abs() <= STRAIGHT * start.max(end) {
                continue;
            }
        }
        kept.push((at, rate));
    }
    kept
}
