//! The form of model that forecasts best what it has not seen.

use serde::{Deserialize, Serialize};

use super::choice::{Choice, FormError};
use super::controlled::ControlledFit;
use super::fit;
use super::law::LawFit;
use super::options::FitOptions;
use super::summary::Fitted;
use crate::data::{Metric, Sweep};
use crate::error::Result;
use crate::experience::has_no_end;
use crate::model::series::{Series, Worst};
use crate::model::{Model, ModelKind, Scaler};

/// Configurations from which on a network is tried. With 6 runs of other people's searches its errors were several times those of the law,
/// with 12 alike, with 24 less.
const ENOUGH: usize = 16;
/// Parts of a run that are seen before its forecast.
const SEEN: [f64; 4] = [0.0, 0.1, 0.25, 0.5];

/// What a fit goes by whose form of model is to be found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BestFit {
    /// Name of the validation metric; the sweep's first one when not given.
    pub metric: Option<String>,
    /// Seed of everything random.
    pub seed: u64,
}

/// Fits the form of model that forecasts best what it has not seen: the law, or from 16 configurations on the controlled latent ODE
/// where its held-out forecasts are better. What was chosen stands in [`FitSummary::choice`](super::FitSummary::choice).
///
/// Each form is judged by runs whose configurations it was fitted without, so that the choice costs no run.
///
/// ```
/// use lodecast::{BestFit, FitOptions, Metric, Run, Sweep, fit_best};
/// # fn main() -> lodecast::Result<()> {
/// let mut sweep = Sweep::new(vec!["val_loss:min".parse::<Metric>()?]);
/// for peak in [0.01_f64, 0.03, 0.1] {
///     let mut run = Run::new(format!("peak {peak}"), 1);
///     run.attributes.total_steps = Some(100);
///     for step in (0..=100).step_by(10) {
///         let loss = 0.2 + 2.0 * (-20.0 * peak * step as f64 / 100.0).exp();
///         run.push(step, Some(loss), Some(peak), &[Some(loss)])?;
///     }
///     sweep.runs.push(run);
/// }
/// let fitted = fit_best(&sweep, &BestFit::default(), FitOptions::default())?;
/// assert!(fitted.summary.choice.unwrap().reason.starts_with("law"));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As [`fit()`]: if there is nothing to learn from, or the fit is interrupted.
pub fn fit_best(sweep: &Sweep, settings: &BestFit, options: FitOptions<'_>) -> Result<Fitted> {
    let mut of_the_law = LawFit { metric: settings.metric.clone(), ..LawFit::default() };
    of_the_law.law.seed = settings.seed;
    let law = fit(sweep, &of_the_law.into(), options.unwatched())?;
    let configurations = law.summary.configurations;
    if configurations < ENOUGH {
        let reason = format!(
            "law, since {configurations} configuration{} too few for a network, which is tried from {ENOUGH} on",
            if configurations == 1 { " is" } else { "s are" }
        );
        return Ok(chosen(law, Vec::new(), reason));
    }
    let (whole, metric) = sweep.with_metric(settings.metric.as_deref())?;
    if has_no_end(&whole.with_lengths().0, metric) {
        let reason = "law, since no run reached its planned end, and a network knows no more than it saw".to_owned();
        return Ok(chosen(law, Vec::new(), reason));
    }
    let mut of_the_network = ControlledFit::default();
    of_the_network.training.metric.clone_from(&settings.metric);
    of_the_network.training.seed = settings.seed;
    let network = fit(sweep, &of_the_network.into(), options)?;
    let errors = held_out_errors(&[&law.model, &network.model], sweep, law.model.metric())?;
    let [of_law, of_network] = errors[..] else {
        return Ok(chosen(
            law,
            Vec::new(),
            "law, since no run can be held out to compare it with a network".to_owned(),
        ));
    };
    let errors = vec![
        FormError { kind: ModelKind::Law, error: of_law },
        FormError { kind: ModelKind::Controlled, error: of_network },
    ];
    let compared = format!("{of_network:.3} of a deviation for the network, {of_law:.3} for the law");
    Ok(if of_network < of_law {
        chosen(network, errors, format!("controlled, since its held-out forecasts are off by less: {compared}"))
    } else {
        chosen(law, errors, format!("law, since its held-out forecasts are off by less: {compared}"))
    })
}

fn chosen(mut fitted: Fitted, errors: Vec<FormError>, reason: String) -> Fitted {
    fitted.summary.choice = Some(Choice { kind: fitted.model.kind(), errors, reason });
    fitted
}

/// Mean error of each model over the runs and parts seen of which all of them can say something; nothing if there are none.
fn held_out_errors(models: &[&Model], sweep: &Sweep, metric: &Metric) -> Result<Vec<f64>> {
    let (sweep, index) = sweep.with_metric(Some(&metric.name))?;
    let (sweep, _) = sweep.with_lengths();
    let scaler = Scaler::fit(&sweep, index, 1.0)?;
    let worst = Worst::of(&scaler, metric.direction);
    let (runs, ends): (Vec<usize>, Vec<f64>) = sweep
        .runs
        .iter()
        .enumerate()
        .filter_map(|(number, run)| {
            let series = Series::from_run(run, index, &scaler, worst).ok()?;
            let end = series.last_validation()?;
            Some((number, end))
        })
        .unzip();
    let witnesses: Vec<_> = models.iter().map(|model| model.form().witness(&sweep, index)).collect();
    let mut sums = vec![0.0; models.len()];
    let mut count = 0;
    for part in SEEN {
        let forecasts: Vec<_> = witnesses.iter().map(|witness| witness.final_metrics(&runs, part)).collect();
        for (place, &end) in ends.iter().enumerate() {
            let off = |model: usize| {
                let value = models[model].form().validation().natural(forecasts[model][place]?.mean);
                Some((scaler.validation.standardise(value) - end).abs())
            };
            let Some(off) = (0..models.len()).map(off).collect::<Option<Vec<f64>>>() else { continue };
            sums.iter_mut().zip(off).for_each(|(sum, off)| *sum += off);
            count += 1;
        }
    }
    Ok(if count == 0 { Vec::new() } else { sums.into_iter().map(|sum| sum / f64::from(count)).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Family, Run, Schedule};

    /// Runs whose metric is what `last` says of the peak, approached along the area under the rate.
    fn sweep(configurations: usize, last: impl Fn(f64) -> f64) -> Sweep {
        let mut sweep = Sweep::new(vec!["val_loss:min".parse().expect("a metric")]);
        for number in 0..configurations {
            let family = Family::ALL[number % Family::ALL.len()];
            let peak = 0.01 * 1.3_f64.powf((number % 12) as f64);
            let schedule = Schedule::parametric(family, peak);
            let mut run = Run::new(format!("{number}"), 1);
            run.attributes.total_steps = Some(60);
            let mut area = 0.0_f64;
            for step in 0..=60_u64 {
                let rate = schedule.learning_rate(step as f64 / 60.0);
                let loss = last(peak) + 2.0 * (-3.0 * area).exp();
                area += rate;
                run.push(step, Some(loss), Some(rate), &[Some(loss)]).expect("a point");
            }
            sweep.runs.push(run);
        }
        sweep
    }

    fn best(sweep: &Sweep) -> Fitted {
        fit_best(sweep, &BestFit::default(), FitOptions::default()).expect("fits")
    }

    #[test]
    fn few_configurations_are_the_laws() {
        let fitted = best(&sweep(6, |_| 0.3));
        let choice = fitted.summary.choice.expect("says what it chose");
        assert_eq!((fitted.model.kind(), choice.kind), (ModelKind::Law, ModelKind::Law));
        assert!(
            choice.errors.is_empty() && choice.reason.contains("6 configurations are too few"),
            "{}",
            choice.reason
        );
    }

    #[test]
    fn an_error_is_that_of_a_forecast_without_the_run() {
        let sweep = sweep(12, |peak| 0.3 + peak);
        let law = best(&sweep).model;
        let errors = held_out_errors(&[&law, &law], &sweep, &sweep.metrics[0]).expect("there are runs");
        assert_eq!(errors[0].to_bits(), errors[1].to_bits());
        assert!(errors[0] > 0.0 && errors[0] < 1.0, "worth more than the mean of the sweep: {}", errors[0]);
    }
}
