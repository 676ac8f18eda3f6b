//! Makes runs of a recording: its chosen series on one axis of steps, with what its settings say.

pub(crate) mod attributes;
pub(crate) mod axes;
mod curve;
mod length;
pub(crate) mod restarts;
pub(crate) mod settings;

use std::collections::BTreeSet;

use lodecast::{Attributes, Run, Schedule};

use crate::choose::columns::{Columns, Rate};
use crate::choose::options::{ImportOptions, Restarts};
use crate::choose::run_columns::RunColumns;
use crate::recording::Recording;
use crate::role::Role;
use attributes::Found;
use axes::{Epochs, Within};
use curve::{Curve, Repeated};
use length::Planned;
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

/// What is needed to put the curves of a run on one axis.
struct Axis<'x, 'a> {
    recording: &'a Recording,
    own: &'x RunColumns<'a>,
    options: &'x ImportOptions,
    /// Is the run one of several attempts?
    several: bool,
}

impl<'a> Axis<'_, 'a> {
    fn name(&self, index: usize) -> &'a str {
        match (index, self.own.rate) {
            (0, _) => self.own.loss,
            (1, Some(rate)) => rate,
            _ => self.own.validation[index - 1 - usize::from(self.own.rate.is_some())],
        }
    }

    /// Checks that the curves have what a run needs, puts those that count epochs among the steps, and tells whether any do.
    fn on_one_axis(
        &self,
        curves: &mut [Curve<'a>],
        recorded: Option<&Curve<'a>>,
        notes: &mut Vec<String>,
    ) -> Result<bool, String> {
        // Without an attempt of their own, the samples of epochs belong to the only one.
        let by_epoch: Vec<Option<Curve<'a>>> = (0..curves.len())
            .map(|index| {
                let series = self.recording.by_epoch.get(self.name(index)).filter(|_| !self.several)?;
                Some(Curve::of(series, 0, series.len(), Repeated::Mean).0)
            })
            .collect();
        self.check(curves, &by_epoch)?;
        if self.recording.steps_are_epochs {
            return Ok(self.epochs_to_steps(curves, notes));
        }
        self.all_at_one_step(curves, notes);

        let last_step = curves.iter().filter_map(Curve::last).map(|last| last.step).max().unwrap_or(0);
        let reaches = |curve: &Curve<'_>| curve.last().map_or(0, |last| last.step);
        // The densest of those that go far.
        let far = curves.iter().filter(|curve| reaches(curve).saturating_mul(2) >= last_step);
        let pace = far.max_by_key(|curve| curve.len()).cloned().unwrap_or_else(Curve::empty);
        let recorded = recorded.filter(|curve| !curve.is_empty());
        let epochs = Epochs { recorded, length: self.options.steps_per_epoch, pace, last_step };
        let coarse: Vec<bool> = curves.iter().map(|curve| epochs.are_counted_by(curve)).collect();
        if !coarse.contains(&true) && by_epoch.iter().all(Option::is_none) {
            self.warn_of_few_steps(curves, &epochs, notes);
            return Ok(false);
        }
        let fine = curves.iter().zip(&coarse).filter(|&(_, coarse)| !coarse);
        let steps: BTreeSet<u64> = fine.flat_map(|(curve, _)| curve.iter().map(|sample| sample.step)).collect();
        let steps: Vec<u64> = steps.into_iter().collect();
        let mut joined = Vec::new();
        for (index, by_epoch) in by_epoch.iter().enumerate() {
            let name = self.name(index);
            let within = if index == 1 && self.own.rate.is_some() { Within::Throughout } else { Within::End };
            let own = coarse[index].then(|| std::mem::replace(&mut curves[index], Curve::empty()));
            for (curve, in_place) in own.iter().map(|own| (own, false)).chain(by_epoch.iter().map(|own| (own, true))) {
                let how = epochs.how(curve, within, in_place).ok_or_else(|| {
                    let last = reaches(curve);
                    format!(
                        "'{name}' counts to {last} and the others to {last_step}: epochs beside steps, and no series tells \
                         which epoch a step is in; name it with --epoch, or give --steps-per-epoch"
                    )
                })?;
                let (placed, lost) = epochs.to_steps(curve, how, within, &steps);
                if lost > 0 {
                    notes.push(format!(
                        "{lost} samples of '{name}' belong to epochs that no step was recorded of: left out"
                    ));
                }
                curves[index].extend(placed);
                joined.push((name, how));
            }
        }
        notes.push(self.say_how(&joined));
        self.warn_of_few_steps(curves, &Epochs { last_step, ..epochs }, notes);
        Ok(true)
    }

    fn say_how(&self, joined: &[(&str, axes::How)]) -> String {
        let by = match joined.first().map(|&(_, how)| how) {
            Some(axes::How::Recorded) => format!("by the series '{}'", self.own.epoch.unwrap_or_default()),
            Some(axes::How::Length(length)) => format!("at {length} steps an epoch"),
            _ => "at the step that had been reached when they were recorded".to_owned(),
        };
        let mut names: Vec<&str> = joined.iter().map(|&(name, _)| name).collect();
        names.dedup();
        format!("{} counts epochs and was put among the steps {by}", names.join(", "))
    }

    /// Checks that there is something of each kind.
    fn check(&self, curves: &[Curve<'_>], by_epoch: &[Option<Curve<'_>>]) -> Result<(), String> {
        let is_empty = |index: usize| curves[index].is_empty() && by_epoch[index].is_none();
        if is_empty(0) {
            return Err(format!("it has no samples of the train loss '{}'", self.own.loss));
        }
        if let Some(name) = self.own.rate.filter(|_| is_empty(1)) {
            return Err(format!(
                "it has no samples of the learning rate '{name}'; --lr-schedule rebuilds it from settings"
            ));
        }
        if (1 + usize::from(self.own.rate.is_some())..curves.len()).all(is_empty) {
            return Err(format!("it has no samples of a validation metric ({})", self.own.validation.join(", ")));
        }
        Ok(())
    }

    /// Turns epochs, where nothing finer was recorded, into steps if the user knows how many an epoch has.
    fn epochs_to_steps(&self, curves: &mut [Curve<'a>], notes: &mut Vec<String>) -> bool {
        let Some(length) = self.options.steps_per_epoch else {
            notes.push("its steps count epochs: nothing finer was recorded".to_owned());
            return false;
        };
        let first = curves.iter().filter_map(Curve::first).map(|first| first.step).min().unwrap_or(0);
        let from_zero = u64::from(first == 0);
        for curve in curves {
            *curve = curve.moved(|sample| (sample.step + from_zero).saturating_mul(length));
        }
        notes.push(format!("its steps count epochs, and were made {length} steps each"));
        true
    }

    /// Numbers the samples of a run that was logged without steps, all of which are at one.
    fn all_at_one_step(&self, curves: &mut [Curve<'a>], notes: &mut Vec<String>) {
        let series = |index: usize| self.recording.series.get(self.name(index));
        let Some(loss) = series(0) else { return };
        let only =
            |index: usize| series(index).is_none_or(|series| series.steps().all(|s| Some(s) == loss.last_step()));
        if loss.len() < 3 || self.several || !(0..curves.len()).all(only) {
            return;
        }
        for (index, curve) in curves.iter_mut().enumerate() {
            let Some(series) = series(index) else { continue };
            // A sample's step is the number of losses recorded by then.
            let numbered = series.samples_from(0).map(|(_, value, moment)| {
                let step = loss.index_at(moment.saturating_add(1)) as u64;
                curve::Sample { step: step.saturating_sub(1), value, moment }
            });
            let numbered: Vec<curve::Sample> = if index == 0 {
                (0..).zip(numbered).map(|(step, sample)| curve::Sample { step, ..sample }).collect()
            } else {
                numbered.collect()
            };
            *curve = Curve::of_samples(numbered, Repeated::Last).0;
        }
        // What was said of samples that share the step holds no longer.
        notes.retain(|note| !note.contains("share 1 steps"));
        notes.push(format!(
            "all {} samples of '{}' were logged at the step {}, perhaps without one: they were numbered from 0 in the order of \
             time",
            loss.len(),
            self.own.loss,
            loss.last_step().unwrap_or(0)
        ));
    }

    fn warn_of_few_steps(&self, curves: &[Curve<'a>], epochs: &Epochs<'_, 'a>, notes: &mut Vec<String>) {
        for (index, curve) in curves.iter().enumerate() {
            if epochs.may_be_counted_by(curve) {
                notes.push(format!(
                    "'{}' reaches step {} of {}: if it counts epochs, say --steps-per-epoch COUNT",
                    self.name(index),
                    curve.last().map_or(0, |last| last.step),
                    epochs.last_step
                ));
            }
        }
    }
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
    for curve in curves {
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
    let (loss, validation) = (column(&curves[0]), curves[first_metric..].iter().map(column).collect());
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
