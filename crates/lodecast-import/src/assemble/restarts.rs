//! Runs that were started again: their attempts told apart, and one of them or all of them kept.
//!
//! A restart shows in what is recorded at every step: the train loss, or else the rate. A lone sample at an earlier step is
//! none, and neither is a validation metric that comes late. Nor are batches that each epoch counts anew.

use std::collections::HashSet;
use std::ops::Range;

use crate::assemble::curve::{Curve, Joined, Repeated, Sample};
use crate::choose::options::Restarts;
use crate::recording::{Recording, Series};

/// Restarts that are believed without being asked about, where nothing but steps that go back speaks for them.
const FEW: usize = 3;
/// Attempts of one run at most: more are no restarts.
const MANY: usize = 1000;

/// The series of a run that are told apart, by their place among its names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Roles {
    /// The train loss and the rate, which show restarts.
    pub(crate) loss: usize,
    pub(crate) rate: Option<usize>,
    /// The epoch's number.
    pub(crate) epoch: Option<usize>,
}

/// The attempts of a run: a curve for each of the names asked for, empty where there is no such series.
pub(crate) struct Attempts<'a> {
    pub(crate) attempts: Vec<Attempt<'a>>,
    pub(crate) notes: Vec<String>,
}

/// What one attempt recorded.
pub(crate) struct Attempt<'a> {
    pub(crate) curves: Vec<Curve<'a>>,
    /// Step from which on it takes the place of what was recorded before.
    pub(crate) start: u64,
}

/// Tells the attempts of a recording apart.
///
/// # Errors
/// If its steps go back more often than can be believed, and `choice` does not say what that means.
pub(crate) fn attempts<'a>(
    recording: &'a Recording,
    names: &[&str],
    roles: Roles,
    choice: Option<Restarts>,
) -> Result<Attempts<'a>, String> {
    let series: Vec<Option<&Series>> = names.iter().map(|name| recording.series.get(*name)).collect();
    let mut notes = Vec::new();
    let Some(shown) = reference(&series, roles) else {
        let curves = series.iter().map(|series| whole(*series)).collect();
        return Ok(Attempts { attempts: vec![Attempt { curves, start: 0 }], notes });
    };
    let backward = Backward::of(shown);
    if let Some((curves, note)) = without_restarts(&series, names, roles, shown, &backward) {
        return Ok(Attempts { attempts: vec![Attempt { curves, start: 0 }], notes: vec![note] });
    }

    let borders = borders(recording, shown, &backward.restarts);
    let unmarked = borders.iter().filter(|border| !border.marked).count();
    if unmarked > FEW && choice.is_none() {
        return Err(format!(
            "its steps go back {unmarked} times, more often than a run is restarted; if they count within an epoch, name what \
             counts on with --step, or the epoch with --epoch; if it was restarted, say --restarts last or --restarts split"
        ));
    }
    if borders.len() > MANY {
        return Err(format!("its steps go back {} times: name what counts on with --step", borders.len()));
    }
    let count = borders.len() + 1;
    let mut joined = Vec::new();
    let mut strays = Vec::new();
    let mut curves: Vec<Vec<Curve<'a>>> = (0..count).map(|_| Vec::new()).collect();
    for (index, &found) in series.iter().enumerate() {
        let Some(found) = found else {
            for attempt in &mut curves {
                attempt.push(Curve::empty());
            }
            continue;
        };
        let own = Backward::of(found);
        let parts = parts(found, &own, &borders);
        let is_shown = std::ptr::eq(found, shown);
        let mean = if index == roles.loss || Some(index) == roles.rate || Some(index) == roles.epoch {
            Repeated::Last
        } else {
            Repeated::Mean
        };
        for (attempt, part) in curves.iter_mut().zip(parts) {
            let mut kept: Vec<Range<usize>> = Vec::new();
            let mut from = part.start;
            let late: Vec<usize> =
                own.strays.iter().copied().filter(|stray| is_shown && part.contains(stray)).collect();
            let in_place = if late.is_empty() { HashSet::new() } else { steps_without(found, &part, &late) };
            for stray in late {
                // What was merely recorded late is in place at its step, unless nothing there speaks for it.
                let at = step(found, stray);
                if at < step(found, part.start) || in_place.contains(&at) {
                    strays.push(step(found, stray));
                    kept.push(from..stray);
                    from = stray + 1;
                }
            }
            let (curve, how) = if kept.is_empty() {
                Curve::of(found, part.start, part.end, mean)
            } else {
                kept.push(from..part.end);
                let samples = kept.into_iter().flat_map(|part| samples(found, part)).collect();
                Curve::of_samples(samples, mean)
            };
            if how.samples > 0 {
                joined.push((names[index], how));
            }
            attempt.push(curve);
        }
    }
    if !strays.is_empty() {
        notes.push(format!(
            "'{}' has single samples at steps before it began or that it had passed, which were left out: at {}",
            names[roles.loss],
            listed(&strays)
        ));
    }
    notes.extend(joined.into_iter().map(|(name, how)| say(name, how)));
    let mut attempts: Vec<Attempt<'a>> = Vec::new();
    let borders = std::iter::once(None).chain(borders.iter().map(Some));
    for (curves, border) in curves.into_iter().zip(borders) {
        if curves.iter().all(Curve::is_empty) {
            continue;
        }
        let first = |index: usize| curves[index].first().map(|sample| sample.step);
        let shown = [Some(roles.loss), roles.rate].into_iter().flatten().filter_map(first).min();
        let start = border.and_then(|border| border.from_step).or(shown);
        let start = start.unwrap_or_else(|| (0..curves.len()).filter_map(first).min().unwrap_or(0));
        attempts.push(Attempt { curves, start });
    }
    Ok(Attempts { attempts, notes })
}

/// The curves of a run whose steps go back for another reason than a restart, and what that is.
fn without_restarts<'a>(
    series: &[Option<&'a Series>],
    names: &[&str],
    roles: Roles,
    shown: &Series,
    backward: &Backward,
) -> Option<(Vec<Curve<'a>>, String)> {
    if let Some(disorder) = backward.disorder {
        let note = format!("its steps {disorder}: they were put in order");
        return Some((series.iter().map(|series| whole(*series)).collect(), note));
    }
    let epoch = roles.epoch?;
    // With one record an epoch, its steps are all the same.
    let is_one_step = shown.len() > 1 && shown.steps().all(|step| Some(step) == shown.last_step());
    let begins: Vec<usize> = if is_one_step { (1..shown.len()).collect() } else { backward.restarts.clone() };
    let length = counted_anew(shown, &begins, series[epoch]?)?;
    let moments: Vec<u64> = begins.iter().map(|&at| moment(shown, at)).collect();
    let curves = series.iter().map(|series| counted_on(*series, &moments, length)).collect();
    let name = names[epoch];
    let note = format!("its steps begin anew each epoch, as '{name}' tells: they were counted on, {length} an epoch");
    Some((curves, note))
}

/// The attempts in one: a later one takes the place of what earlier ones recorded from its first step on.
pub(crate) fn last(attempts: Vec<Attempt<'_>>) -> Vec<Curve<'_>> {
    let mut attempts = attempts.into_iter();
    let mut kept = attempts.next().map(|attempt| attempt.curves).unwrap_or_default();
    for attempt in attempts {
        for (curve, later) in kept.iter_mut().zip(attempt.curves) {
            curve.truncate(curve.before(attempt.start));
            curve.extend(later);
        }
    }
    kept
}

/// The series that shows restarts: the loss, or else the rate.
fn reference<'a>(series: &[Option<&'a Series>], roles: Roles) -> Option<&'a Series> {
    let candidates = [Some(roles.loss), roles.rate];
    candidates.into_iter().flatten().filter_map(|index| series[index]).find(|series| !series.is_empty())
}

fn whole(series: Option<&Series>) -> Curve<'_> {
    series.map_or_else(Curve::empty, |series| Curve::of(series, 0, series.len(), Repeated::Last).0)
}

fn step(series: &Series, index: usize) -> u64 {
    series.samples_from(index).next().map_or(0, |(step, ..)| step)
}

fn moment(series: &Series, index: usize) -> u64 {
    series.samples_from(index).next().map_or(u64::MAX, |(.., moment)| moment)
}

fn samples(series: &Series, part: Range<usize>) -> impl Iterator<Item = Sample> {
    let samples = series.samples_from(part.start).take(part.len());
    samples.map(|(step, value, moment)| Sample { step, value, moment })
}

/// Where the steps of a series go back.
struct Backward {
    /// Indices of the samples with which it goes on from an earlier step.
    restarts: Vec<usize>,
    /// Single samples at earlier steps, after which it goes on as before.
    strays: Vec<usize>,
    /// What is to be said of its order, if it is merely out of order: it goes from the last step to the first, or every which way
    /// without a step twice. What was restarted has steps twice, and goes on for a while each time.
    disorder: Option<&'static str>,
}

/// Samples from which on an order can be missed, and the share of them at least that lie before the one before: by chance it is half.
const ORDERED: usize = 6;
const SCATTERED: usize = 4;

impl Backward {
    fn of(series: &Series) -> Self {
        let (mut restarts, mut strays) = (Vec::new(), Vec::new());
        let mut falls = 0;
        let mut steps = series.steps().enumerate().peekable();
        // The last step that counts, and the largest of the attempt at hand.
        let (mut last, mut high) = (None::<u64>, 0);
        let mut before = None;
        while let Some((index, step)) = steps.next() {
            falls += usize::from(before.replace(step).is_some_and(|before| step < before));
            match last {
                Some(known) if step < known => {
                    let goes_on = steps.peek().is_some_and(|&(_, next)| next >= step && next <= high);
                    if goes_on {
                        restarts.push(index);
                        (last, high) = (Some(step), step);
                    } else {
                        strays.push(index);
                    }
                }
                _ => (last, high) = (Some(step), high.max(step)),
            }
        }
        let descends = series.len() > 2 && falls + 1 == series.len();
        let is_scattered = || {
            let mut seen = HashSet::new();
            series.len() >= ORDERED && falls * SCATTERED > series.len() && series.steps().all(|step| seen.insert(step))
        };
        let disorder = if descends {
            Some("run from the last to the first")
        } else {
            is_scattered().then_some("are in no order, and none of them is there twice")
        };
        Self { restarts, strays, disorder }
    }
}

/// The steps of the `part` of a series, without those of the samples `late`.
fn steps_without(series: &Series, part: &Range<usize>, late: &[usize]) -> HashSet<u64> {
    let samples = (part.start..).zip(samples(series, part.clone()));
    samples.filter(|(index, _)| late.binary_search(index).is_err()).map(|(_, sample)| sample.step).collect()
}

/// Where an attempt begins.
struct Border {
    moment: u64,
    from_step: Option<u64>,
    /// Is there more to it than steps that go back: a file that begins, a mark of the tracker?
    marked: bool,
}

/// The borders of a recording's attempts: where `shown` goes back, and where the tracker marked that it would.
fn borders(recording: &Recording, shown: &Series, restarts: &[usize]) -> Vec<Border> {
    let mut borders: Vec<Border> = restarts
        .iter()
        .map(|&index| {
            let (before, at) = (moment(shown, index - 1), moment(shown, index));
            // They are in the order of their moments.
            let next = recording.sessions.partition_point(|session| session.moment <= before);
            let session = recording.sessions.get(next).filter(|session| session.moment <= at);
            Border {
                moment: session.map_or(at, |session| session.moment),
                from_step: session.and_then(|session| session.from_step),
                marked: session.is_some(),
            }
        })
        .collect();
    let shown_at: HashSet<u64> = borders.iter().map(|border| border.moment).collect();
    for session in &recording.sessions {
        let Some(from_step) = session.from_step else { continue };
        let index = shown.index_at(session.moment);
        let passed = index > 0 && step(shown, index - 1) >= from_step;
        if passed && !shown_at.contains(&session.moment) {
            borders.push(Border { moment: session.moment, from_step: Some(from_step), marked: true });
        }
    }
    borders.sort_by_key(|border| border.moment);
    borders
}

/// The parts of a series between the borders: by its own steps that go back, if they are as many, and else by the moments.
fn parts(series: &Series, own: &Backward, borders: &[Border]) -> Vec<Range<usize>> {
    let starts: Vec<usize> = if own.restarts.len() == borders.len() && borders.iter().all(|b| b.from_step.is_none()) {
        own.restarts.clone()
    } else {
        borders.iter().map(|border| series.index_at(border.moment)).collect()
    };
    let ends = starts.iter().copied().chain([series.len()]);
    std::iter::once(0).chain(starts.iter().copied()).zip(ends).map(|(start, end)| start..end.max(start)).collect()
}

/// Steps of an epoch, if `shown` counts them anew in each: at every restart the epoch has gone on.
fn counted_anew(shown: &Series, restarts: &[usize], epochs: &Series) -> Option<u64> {
    if restarts.is_empty() {
        return None;
    }
    let epoch_at = |moment: u64| {
        let index = epochs.index_at(moment.saturating_add(1));
        index.checked_sub(1).and_then(|index| epochs.samples_from(index).next()).map(|(_, epoch, _)| epoch)
    };
    let mut length = 0;
    for (number, &at) in restarts.iter().enumerate() {
        let (before, after) = (epoch_at(moment(shown, at - 1))?, epoch_at(moment(shown, at))?);
        if after <= before {
            return None;
        }
        let start = if number == 0 { 0 } else { restarts[number - 1] };
        let (first, last) = (step(shown, start), step(shown, at - 1));
        // A count from zero ends one stride before the next epoch.
        let stride = step(shown, start + 1).saturating_sub(first);
        length = length.max(if first == 0 { last.saturating_add(stride) } else { last });
    }
    (length > 0).then_some(length)
}

/// A series of which every step is that of its epoch: counted on over the epochs that begin at `moments`.
fn counted_on<'a>(series: Option<&'a Series>, moments: &[u64], length: u64) -> Curve<'a> {
    let Some(series) = series else { return Curve::empty() };
    let counted = samples(series, 0..series.len()).map(|sample| {
        let epoch = moments.partition_point(|&moment| moment <= sample.moment) as u64;
        Sample { step: epoch.saturating_mul(length).saturating_add(sample.step), ..sample }
    });
    Curve::of_samples(counted.collect(), Repeated::Last).0
}

fn say(name: &str, Joined { samples, steps, mean }: Joined) -> String {
    if mean {
        format!("{samples} samples of '{name}' share {steps} steps: the mean of each step was taken")
    } else {
        format!("{samples} samples of '{name}' share {steps} steps: of each step the last was kept")
    }
}

fn listed(steps: &[u64]) -> String {
    const SHOWN: usize = 5;
    let shown = steps.iter().take(SHOWN).map(u64::to_string).collect::<Vec<_>>().join(", ");
    if steps.len() > SHOWN { format!("{shown} and {} more", steps.len() - SHOWN) } else { shown }
}
