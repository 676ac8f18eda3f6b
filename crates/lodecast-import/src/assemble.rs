//! Makes runs of a recording: its chosen series on one axis of steps, with what its settings say.

use std::collections::BTreeSet;

use lodecast::{Attributes, Run, Schedule};

use crate::attributes;
use crate::axes::{Epochs, Within, counts_epochs, to_steps};
use crate::columns::{Columns, Rate};
use crate::options::ImportOptions;
use crate::recording::Recording;
use crate::restarts::{self, Curve, Restarts};
use crate::run_columns::RunColumns;

/// The runs of a recording, and what was done to it.
pub(crate) struct Assembled<'a> {
    pub(crate) runs: Vec<Run>,
    pub(crate) notes: Vec<String>,
    /// Settings that became attributes, and what was measured: a metric that never changed looks like a setting.
    pub(crate) used: BTreeSet<&'a str>,
}

/// Makes runs of `recording`, or says why it cannot be used.
pub(crate) fn assemble<'a>(
    recording: &'a Recording,
    columns: &'a Columns,
    options: &ImportOptions,
) -> Result<Assembled<'a>, String> {
    let mut notes = recording.notes.clone();
    if recording.steps_are_epochs {
        notes.push("its steps count epochs: nothing finer was recorded".to_owned());
    }
    let mut found = attributes::attributes(recording, &options.attributes, options.rate_schedule.as_ref());
    let planned = found.attributes.total_steps;

    let own = RunColumns::of(recording, columns);
    found.used.extend(std::iter::once(own.loss).chain(own.validation.iter().copied()));
    notes.extend(own.notes.iter().cloned());
    let mut names = vec![own.loss];
    names.extend(own.rate);
    names.extend(own.validation.iter().copied());
    let metrics = names.len();
    names.extend(own.epoch);
    let rate = own.rate.map(|_| 1);

    let mut attempts: Vec<Vec<Curve>> = Vec::new();
    let mut replaced = 0;
    for attempt in restarts::attempts(recording, &names) {
        let parts = at_the_plans_end(attempt, rate, planned);
        if parts.len() > 1 {
            let planned = planned.unwrap_or(0);
            notes.push(format!("the learning rate begins anew after the {planned} planned steps: a second training"));
            // It started from nothing: it goes on from no earlier attempt.
            if options.restarts == Restarts::Last {
                replaced += attempts.len() + parts.len() - 1;
                attempts = parts.into_iter().next_back().into_iter().collect();
                continue;
            }
        }
        attempts.extend(parts);
    }
    if attempts.len() + replaced > 1 {
        let what = match options.restarts {
            Restarts::Last => "a later attempt took the place of what came before (--restarts split keeps all)",
            Restarts::Split => "each attempt became a run",
        };
        let times = match attempts.len() + replaced - 1 {
            1 => "once".to_owned(),
            count => format!("{count} times"),
        };
        notes.push(format!("it was restarted {times}: {what}"));
    }
    let attempts = match options.restarts {
        Restarts::Last => vec![restarts::last(attempts)],
        Restarts::Split => attempts,
    };

    let several = attempts.len() > 1;
    let mut runs = Vec::new();
    for (number, mut curves) in attempts.into_iter().enumerate() {
        let epochs = if own.epoch.is_some() { curves.split_off(metrics).pop() } else { None };
        let id = if several { format!("{} attempt {}", recording.id, number + 1) } else { recording.id.clone() };
        let usable = usable(&mut curves, epochs.as_ref(), &own, options, &mut notes);
        match usable.and_then(|()| run(recording, id.clone(), &curves, columns, &found.attributes, options, &mut notes))
        {
            Ok(run) => runs.push(run),
            Err(reason) if several => notes.push(format!("{id} was left out: {reason}")),
            Err(reason) => return Err(reason),
        }
    }
    if runs.is_empty() {
        return Err("none of its attempts can be used".to_owned());
    }
    notes.dedup();
    Ok(Assembled { runs, notes, used: found.used })
}

/// Cuts an attempt where its plan ends and the learning rate rises again: a second training in one recording, the steps of
/// which are counted on.
fn at_the_plans_end(curves: Vec<Curve>, rate: Option<usize>, planned: Option<u64>) -> Vec<Vec<Curve>> {
    let (Some(rate), Some(planned)) = (rate.map(|index| &curves[index]), planned) else { return vec![curves] };
    let end = rate.partition_point(|&(step, _)| step <= planned);
    let begins_anew = match (end.checked_sub(1).and_then(|before| rate.get(before)), rate.get(end)) {
        (Some(&(_, before)), Some(&(_, after))) => after > before,
        _ => false,
    };
    if !begins_anew {
        return vec![curves];
    }
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for mut curve in curves {
        let after = curve.split_off(curve.partition_point(|&(step, _)| step <= planned));
        second.push(after.into_iter().map(|(step, value)| (step - planned, value)).collect());
        first.push(curve);
    }
    vec![first, second]
}

/// Checks that the curves have what a run needs, and puts those that count epochs among the steps.
fn usable(
    curves: &mut [Curve],
    epochs: Option<&Curve>,
    own: &RunColumns<'_>,
    options: &ImportOptions,
    notes: &mut Vec<String>,
) -> Result<(), String> {
    let rate = own.rate;
    if curves[0].is_empty() {
        return Err(format!("it has no samples of the train loss '{}'", own.loss));
    }
    if let Some(name) = rate
        && curves[1].is_empty()
    {
        return Err(format!(
            "it has no samples of the learning rate '{name}'; --lr-schedule rebuilds it from settings"
        ));
    }
    let first_metric = 1 + usize::from(rate.is_some());
    if curves[first_metric..].iter().all(Vec::is_empty) {
        return Err(format!("it has no samples of a validation metric ({})", own.validation.join(", ")));
    }

    let last_step = curves.iter().filter_map(|curve| curve.last()).map(|&(step, _)| step).max().unwrap_or(0);
    let coarse: Vec<bool> = curves.iter().map(|curve| counts_epochs(curve, last_step)).collect();
    if !coarse.contains(&true) {
        return Ok(());
    }
    let how = match (options.steps_per_epoch, epochs) {
        (Some(length), _) => Epochs::Length(length),
        (None, Some(recorded)) if !recorded.is_empty() => Epochs::Recorded(recorded),
        _ => Epochs::Unknown,
    };
    let fine = curves.iter().zip(&coarse).filter(|&(_, coarse)| !coarse);
    let steps: BTreeSet<u64> = fine.flat_map(|(curve, _)| curve.iter().map(|&(step, _)| step)).collect();
    let steps: Vec<u64> = steps.into_iter().collect();
    let mut joined_names = Vec::new();
    for (index, curve) in curves.iter_mut().enumerate().filter(|&(index, _)| coarse[index]) {
        let name = match index {
            0 => own.loss,
            1 if rate.is_some() => rate.unwrap_or_default(),
            _ => own.validation[index - first_metric],
        };
        let within = if index == 1 && rate.is_some() { Within::Throughout } else { Within::End };
        *curve = to_steps(curve, &how, within, &steps).ok_or_else(|| {
            let last = curve.last().map_or(0, |&(last, _)| last);
            format!(
                "'{name}' counts to {last} and the others to {last_step}: epochs beside steps, and no series tells which \
                 epoch a step is in; name it with --epoch, or give --steps-per-epoch"
            )
        })?;
        joined_names.push(name.to_owned());
    }
    let by = match (&how, own.epoch) {
        (Epochs::Recorded(_), Some(name)) => format!("by the series '{name}'"),
        _ => format!("at {} steps an epoch", options.steps_per_epoch.unwrap_or(0)),
    };
    notes.push(format!("{} counts epochs and was put among the steps {by}", joined_names.join(", ")));
    Ok(())
}

/// Puts the curves side by side, one row a step.
fn run(
    recording: &Recording,
    id: String,
    curves: &[Curve],
    columns: &Columns,
    attributes: &Attributes,
    options: &ImportOptions,
    notes: &mut Vec<String>,
) -> Result<Run, String> {
    let mut steps: Vec<u64> = curves.iter().flatten().map(|&(step, _)| step).collect();
    steps.sort_unstable();
    steps.dedup();
    let mut run = Run::new(id, columns.validation.len());
    run.attributes = attributes.clone();
    let last_step = steps.last().copied().unwrap_or(0);
    if let Some(planned) = run.attributes.total_steps
        && last_step > planned
    {
        notes.push(format!("it went on to step {last_step}, past the {planned} planned: the plan is left out"));
        run.attributes.total_steps = None;
    }
    let column = |curve: &Curve| -> Vec<Option<f64>> {
        let mut samples = curve.iter().peekable();
        steps.iter().map(|step| samples.next_if(|(at, _)| at == step).map(|&(_, value)| value)).collect()
    };
    run.train_loss = column(&curves[0]);
    let first_metric = match columns.rate {
        Rate::Series(_) => {
            run.learning_rate = column(&curves[1]);
            2
        }
        Rate::Rebuilt => {
            run.learning_rate = rebuilt(recording, &mut run.attributes, &steps, options, notes)?;
            1
        }
    };
    run.validation = curves[first_metric..].iter().map(column).collect();
    run.steps = steps;
    Ok(run)
}

/// The learning rate at each step, as the settings say.
fn rebuilt(
    recording: &Recording,
    attributes: &mut Attributes,
    steps: &[u64],
    options: &ImportOptions,
    notes: &mut Vec<String>,
) -> Result<Vec<Option<f64>>, String> {
    let Some(rate) = &options.rate_schedule else { return Err("its learning rate is unknown".to_owned()) };
    let last_step = steps.last().copied().unwrap_or(0);
    let total_steps = attributes.total_steps.unwrap_or_else(|| {
        notes.push(format!(
            "its planned length is unknown: the schedule was laid over its {last_step} steps (--total-steps-from)"
        ));
        last_step.max(1)
    });
    let schedule = rate.of(&recording.settings, total_steps)?;
    if let Schedule::Parametric { peak_lr, .. } = &schedule {
        attributes.peak_lr = Some(*peak_lr);
    }
    Ok(steps.iter().map(|&step| Some(schedule.at_step(step, total_steps))).collect())
}
