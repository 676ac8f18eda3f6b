//! Puts the curves of a run on one axis of steps, whatever each of them counts: steps, epochs, samples, or nothing.

use std::collections::BTreeSet;

use crate::assemble::axes::{self, Epochs, Within};
use crate::assemble::curve::{Curve, Repeated, Sample};
use crate::assemble::without_steps::{self, Placed};
use crate::choose::options::ImportOptions;
use crate::choose::run_columns::RunColumns;
use crate::recording::Recording;

/// What is needed to put the curves of a run on one axis.
pub(crate) struct Axis<'x, 'a> {
    pub(crate) recording: &'a Recording,
    pub(crate) own: &'x RunColumns<'a>,
    pub(crate) options: &'x ImportOptions,
    /// Is the run one of several attempts?
    pub(crate) several: bool,
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
    pub(crate) fn on_one_axis(
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
        let lost = self.without_steps(curves, notes);
        self.check(curves, &by_epoch)
            .map_err(|reason| lost.map_or(reason.clone(), |lost| format!("{reason}; {lost}")))?;
        if self.recording.steps_are_epochs {
            return Ok(self.epochs_to_steps(curves, notes));
        }
        self.all_at_one_step(curves, notes);
        self.counted_finer(curves, recorded, notes);

        let last_step = curves.iter().filter_map(Curve::last).map(|last| last.step).max().unwrap_or(0);
        let reaches = |curve: &Curve<'_>| curve.last().map_or(0, |last| last.step);
        // The densest of those that go far.
        let far = curves.iter().filter(|curve| reaches(curve).saturating_mul(2) >= last_step);
        let pace = far.max_by_key(|curve| curve.len()).cloned().unwrap_or_else(Curve::empty);
        let recorded = recorded.filter(|curve| !curve.is_empty());
        let is_in_time = !self.recording.is_out_of_time;
        let epochs = Epochs { recorded, length: self.options.steps_per_epoch, pace, last_step, is_in_time };
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
        // What stands for a loss that was not recorded is looked at by its own name.
        if is_empty(0) && !self.own.lacks_loss {
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

    /// Puts series that were logged without a step at the steps that the loss, or else the rate, had reached; what was left out of
    /// those of which nothing tells.
    fn without_steps(&self, curves: &mut [Curve<'a>], notes: &mut Vec<String>) -> Option<String> {
        let series = |index: usize| self.recording.series.get(self.name(index));
        let is_spread = |&index: &usize| series(index).is_some_and(|series| without_steps::only_step(series).is_none());
        let of_training = 1 + usize::from(self.own.rate.is_some());
        let pace = (0..of_training).find(is_spread).or_else(|| (of_training..curves.len()).find(is_spread))?;
        if self.several || self.recording.is_out_of_time {
            return None;
        }
        let pace = curves[pace].clone();
        let mut lost = None;
        for (index, curve) in curves.iter_mut().enumerate() {
            let Some(series) = series(index).filter(|_| curve.len() < 2) else { continue };
            let repeated = if index < of_training { Repeated::Last } else { Repeated::Mean };
            let Some(placed) = without_steps::placed(series, &pace, repeated) else { continue };
            let name = self.name(index);
            // What was said of samples that share the step holds no longer.
            notes.retain(|note| !(note.contains(&format!("of '{name}' share 1 steps"))));
            let (count, step) = (series.len(), series.last_step().unwrap_or(0));
            let all = format!("all {count} samples of '{name}' were logged at the step {step}, perhaps without one");
            match placed {
                Placed::AtReached(placed) => {
                    *curve = placed;
                    notes.push(format!(
                        "{all}: they were put at the steps that had been reached when they were recorded"
                    ));
                }
                Placed::Nowhere => {
                    *curve = Curve::empty();
                    let note = format!("{all}, and nothing tells when they were recorded: left out");
                    notes.push(note.clone());
                    lost = Some(note);
                }
            }
        }
        lost
    }

    /// Puts validation metrics that count what was learned from, samples for one, at the steps that had been reached.
    fn counted_finer(&self, curves: &mut [Curve<'a>], epochs: Option<&Curve<'a>>, notes: &mut Vec<String>) {
        let of_training = 1 + usize::from(self.own.rate.is_some());
        let ends = curves[..of_training].iter().filter_map(Curve::last).map(|last| last.step);
        let is_one_axis = ends.clone().min().is_some_and(|least| ends.max().is_some_and(|most| most < 2 * least));
        let tells = self.options.steps_per_epoch.is_some() || epochs.is_some_and(|epochs| !epochs.is_empty());
        if tells || !is_one_axis || self.several || self.recording.is_out_of_time {
            return;
        }
        let loss = curves[0].clone();
        for (index, curve) in curves.iter_mut().enumerate().skip(of_training) {
            let Some(ratio) = axes::finer_than(&loss, curve) else { continue };
            let reached = |sample: Sample| axes::before(&loss, sample.moment).map(|at| at.step);
            let placed = curve.iter().filter_map(|sample| Some(Sample { step: reached(sample)?, ..sample }));
            *curve = Curve::of_samples(placed.collect(), Repeated::Last).0;
            notes.push(format!(
                "'{}' counts {ratio:.0} for each step of '{}', samples perhaps: it was put at the steps that had been reached when it \
                 was recorded",
                self.name(index),
                self.own.loss
            ));
        }
    }

    /// Numbers the samples of a run that was logged without steps, all of which are at one.
    fn all_at_one_step(&self, curves: &mut [Curve<'a>], notes: &mut Vec<String>) {
        let series = |index: usize| self.recording.series.get(self.name(index));
        let Some(loss) = series(0) else { return };
        let only =
            |index: usize| series(index).is_none_or(|series| series.steps().all(|s| Some(s) == loss.last_step()));
        // Steps that begin anew each epoch have been counted on.
        let is_spread = curves[0].len() > 1;
        if loss.len() < 2 || is_spread || self.several || !(0..curves.len()).all(only) {
            return;
        }
        for (index, curve) in curves.iter_mut().enumerate() {
            let Some(series) = series(index) else { continue };
            // A sample's step is the number of losses recorded by then.
            let numbered = series.samples_from(0).map(|(_, value, moment)| {
                let step = loss.index_at(moment.saturating_add(1)) as u64;
                Sample { step: step.saturating_sub(1), value, moment }
            });
            let numbered: Vec<Sample> = if index == 0 {
                (0..).zip(numbered).map(|(step, sample)| Sample { step, ..sample }).collect()
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
