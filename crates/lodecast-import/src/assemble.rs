//! Makes runs of a recording: its chosen series on one axis of steps, with what its settings say.

pub(crate) mod attributes;
pub(crate) mod axes;
mod circumstances;
pub(crate) mod credentials;
mod curve;
mod length;
mod one_axis;
pub(crate) mod restarts;
pub(crate) mod settings;
mod without_steps;

use std::collections::BTreeSet;

use lodecast::{Attributes, Run, Schedule};

use crate::choose::columns::{Columns, Rate};
use crate::choose::options::{ImportOptions, Restarts};
use crate::choose::run_columns::RunColumns;
use crate::recording::Recording;
use crate::role::Role;
use attributes::Found;
use curve::Curve;
use length::Planned;
use one_axis::Axis;
use restarts::{Attempt, Roles};

/// The runs of a recording, and what was done to it.
pub(crate) struct Assembled<'a> {
    pub(crate) runs: Vec<Run>,
    pub(crate) notes: Vec<String>,
    /// Settings that became attributes, and what was measured: a metric that never changed looks like a setting.
    pub(crate) used: BTreeSet<&'a str>,
    /// Did it matter how many steps an epoch has?
    pub(crate) counts_epochs: bool,
}

/// Makes runs of `recording`, or says why it cannot be used.
pub(crate) fn assemble<'a>(
    recording: &'a Recording,
    columns: &'a Columns,
    options: &ImportOptions,
) -> Result<Assembled<'a>, String> {
    let mut notes = recording.notes.clone();
    let mut found = attributes::attributes(recording, options, &mut notes);

    let own = RunColumns::of(recording, columns);
    found.used.extend(std::iter::once(own.loss).chain(own.validation.iter().copied()));
    // A rate that was recorded and never changed is no setting either.
    found.used.extend(recording.series.keys().map(String::as_str).filter(|name| Role::Rate.goes_by(name)));
    notes.extend(own.notes.iter().cloned());
    let mut names = vec![own.loss];
    names.extend(own.rate);
    names.extend(own.validation.iter().copied());
    let metrics = names.len();
    names.extend(own.epoch);
    let is_there = |name: &&str| recording.series.contains_key(*name) || recording.by_epoch.contains_key(*name);
    if !names[..metrics].iter().any(is_there) {
        return Err("it has none of the series asked for".to_owned());
    }
    let roles = Roles {
        loss: 0,
        rate: own.rate.map(|_| 1),
        epoch: own.epoch.filter(|_| names.len() > metrics).map(|_| metrics),
    };

    let told = restarts::attempts(recording, &names, roles, options.restarts)?;
    notes.extend(told.notes);
    let mut attempts: Vec<Attempt<'_>> = Vec::new();
    let mut replaced = 0;
    for attempt in told.attempts {
        let parts = at_the_plans_end(attempt, roles.rate, found.planned);
        if parts.len() > 1 {
            let planned = found.planned.map_or(0, |planned| planned.steps);
            notes.push(format!("the learning rate begins anew after the {planned} planned steps: a second training"));
            // It started from nothing: it goes on from no earlier attempt.
            if options.restarts != Some(Restarts::Split) {
                replaced += attempts.len() + parts.len() - 1;
                attempts = parts.into_iter().next_back().into_iter().collect();
                continue;
            }
        }
        attempts.extend(parts);
    }
    if attempts.len() + replaced > 1 {
        let what = match options.restarts.unwrap_or_default() {
            Restarts::Last => "a later attempt took the place of what came before (--restarts split keeps all)",
            Restarts::Split => "each attempt became a run",
        };
        let times = match attempts.len() + replaced - 1 {
            1 => "once".to_owned(),
            count => format!("{count} times"),
        };
        notes.push(format!("it was restarted {times}: {what}"));
    }
    let attempts = match options.restarts.unwrap_or_default() {
        Restarts::Last => vec![restarts::last(attempts)],
        Restarts::Split => attempts.into_iter().map(|attempt| attempt.curves).collect(),
    };

    let several = attempts.len() > 1;
    let mut runs = Vec::new();
    let mut counts_epochs = false;
    for (number, mut curves) in attempts.into_iter().enumerate() {
        let epochs = if curves.len() > metrics { curves.split_off(metrics).pop() } else { None };
        let id = if several { format!("{} attempt {}", recording.id, number + 1) } else { recording.id.clone() };
        let axis = Axis { recording, own: &own, options, several };
        let usable = axis.on_one_axis(&mut curves, epochs.as_ref(), &mut notes);
        let made = usable.and_then(|counted| {
            counts_epochs |= counted;
            run(recording, id.clone(), &curves, columns, &found, options, &mut notes)
        });
        match made {
            Ok(run) => runs.push(run),
            Err(reason) if several => notes.push(format!("{id} was left out: {reason}")),
            Err(reason) => return Err(reason),
        }
    }
    if runs.is_empty() {
        return Err("none of its attempts can be used".to_owned());
    }
    notes.dedup();
    Ok(Assembled { runs, notes, used: found.used, counts_epochs })
}

/// Cuts an attempt where its plan ends and the learning rate, which had fallen, rises again: a second training in one recording,
/// the steps of which are counted on. The plan has to be certain: a setting that is merely called so proves nothing.
fn at_the_plans_end(attempt: Attempt<'_>, rate: Option<usize>, planned: Option<Planned>) -> Vec<Attempt<'_>> {
    let planned = planned.filter(|planned| planned.is_certain).map(|planned| planned.steps);
    let (Some(rate), Some(planned)) = (rate.and_then(|index| attempt.curves.get(index)), planned) else {
        return vec![attempt];
    };
    let end = rate.before(planned.saturating_add(1));
    let peak = rate.iter().take(end).map(|sample| sample.value).fold(0.0, f64::max);
    let begins_anew = match (end.checked_sub(1).and_then(|before| rate.get(before)), rate.get(end)) {
        (Some(before), Some(after)) => after.value > before.value && before.value <= 0.5 * peak,
        _ => false,
    };
    if !begins_anew {
        return vec![attempt];
    }
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for mut curve in attempt.curves {
        let end = curve.before(planned.saturating_add(1));
        second.push(curve.rest(end).moved(|sample| sample.step - planned));
        curve.truncate(end);
        first.push(curve);
    }
    vec![Attempt { curves: first, start: attempt.start }, Attempt { curves: second, start: 0 }]
}

/// Puts the curves side by side, one row a step.
fn run(
    recording: &Recording,
    id: String,
    curves: &[Curve<'_>],
    columns: &Columns,
    found: &Found<'_>,
    options: &ImportOptions,
    notes: &mut Vec<String>,
) -> Result<Run, String> {
    let mut steps: Vec<u64> = Vec::new();
    // What stands for a loss that was not recorded has its place among the others.
    for curve in &curves[usize::from(columns.loss.is_none())..] {
        steps = union(steps, curve);
    }
    let mut attributes = found.attributes.clone();
    let column = |curve: &Curve<'_>| -> Vec<Option<f64>> {
        let mut samples = curve.iter().peekable();
        steps.iter().map(|step| samples.next_if(|sample| sample.step == *step).map(|sample| sample.value)).collect()
    };
    let (learning_rate, first_metric) = match columns.rate {
        Rate::Series(_) => (column(&curves[1]), 2),
        Rate::Rebuilt => (rebuilt(recording, &mut attributes, found, &steps, options, notes)?, 1),
    };
    let loss = if columns.loss.is_some() { column(&curves[0]) } else { vec![None; steps.len()] };
    let validation = curves[first_metric..].iter().map(column).collect();
    let run = Run::from_columns(id, steps, loss, learning_rate, validation);
    let run = run.map(|run| run.with_attributes(attributes)).map_err(|error| error.to_string())?;
    let mut run = length::as_planned(run, notes);
    if matches!(columns.rate, Rate::Series(_)) {
        attributes::believe_rates(&mut run, notes);
    }
    Ok(run)
}

/// The steps that rise, with those of a curve among them.
fn union(steps: Vec<u64>, curve: &Curve<'_>) -> Vec<u64> {
    if steps.is_empty() {
        return curve.iter().map(|sample| sample.step).collect();
    }
    let mut all = Vec::with_capacity(steps.len().max(curve.len()));
    let mut known = steps.into_iter().peekable();
    for sample in curve.iter() {
        while let Some(step) = known.next_if(|&step| step < sample.step) {
            all.push(step);
        }
        let _same = known.next_if(|&step| step == sample.step);
        all.push(sample.step);
    }
    all.extend(known);
    all
}

/// The learning rate at each step, as the settings say.
fn rebuilt(
    recording: &Recording,
    attributes: &mut Attributes,
    found: &Found<'_>,
    steps: &[u64],
    options: &ImportOptions,
    notes: &mut Vec<String>,
) -> Result<Vec<Option<f64>>, String> {
    let Some(rate) = &options.rate_schedule else { return Err("its learning rate is unknown".to_owned()) };
    let last_step = steps.last().copied().unwrap_or(0);
    // What was planned holds for the rate even if the run went on.
    let total_steps = found.planned.map_or_else(
        || {
            let but = if recording.is_unfinished { ", though it was ended before its plan" } else { "" };
            notes.push(format!(
                "its planned length is unknown: the schedule was laid over its {last_step} steps{but} (--total-steps, \
                 --total-steps-from)"
            ));
            last_step.max(1)
        },
        |planned| planned.steps,
    );
    let schedule = rate.of(&recording.settings, found.attributes.peak_lr, total_steps)?;
    if let Schedule::Parametric { peak_lr, .. } = &schedule {
        attributes.peak_lr = Some(*peak_lr);
        if let Some((name, other)) = found.optimizers_own_rate.filter(|&(_, other)| other != *peak_lr) {
            notes.push(format!(
                "its optimizer has a rate of its own, {name} = {other}, and the schedule's peak is {peak_lr}: \
                 --lr-schedule {} takes the optimizer's own",
                rate.family()
            ));
        }
    }
    Ok(steps.iter().map(|&step| Some(schedule.at_step(step.min(total_steps), total_steps))).collect())
}
