//! What is said of a run that is followed: each thing once, as long as it holds.

use anyhow::Result;
use lodecast::Point;
use lodecast_live::{Alert, Decision, Event, Follower, LiveRun, Looked, alerts, interval_in_words, sentence};
use serde_json::json;

use crate::output::Output;
use crate::report::learning_rate;

/// What has been said, and holds.
#[derive(Default)]
pub(super) struct Told {
    absent: Option<String>,
    unwritten: Option<String>,
    /// Is there nothing yet that a training could follow?
    without_rates: bool,
    alerts: Vec<&'static str>,
}

/// Warns of what needs attention, once of each kind: for scripts as a line of its own.
pub(super) fn warn(follower: &Follower, told: &mut Told, output: &mut Output) -> Result<()> {
    let Some(run) = follower.run() else { return Ok(()) };
    let alerts = alerts(run, follower.points(), None);
    told.alerts.retain(|kind| alerts.iter().any(|alert| alert.kind() == *kind));
    for alert in &alerts {
        if told.alerts.contains(&alert.kind()) {
            continue;
        }
        told.alerts.push(alert.kind());
        if output.wants_json() {
            output.json_line(&json!({"alert": alert, "at_step": run.state().last_step, "words": alert.to_string()}))?;
        }
        // Of the others it has been said when they happened.
        if let Alert::Unfamiliar { .. } | Alert::WillNotReachTarget { .. } | Alert::BetterStop { .. } = alert {
            output.warn(alert);
        }
    }
    Ok(())
}

/// Says what happened: decisions are data, the rest is talk.
pub(super) fn tell(looked: &Looked, follower: &Follower, told: &mut Told, output: &mut Output) -> Result<()> {
    if told.absent != looked.absent {
        match &looked.absent {
            Some(reason) => output.say(format_args!("waiting: {reason}")),
            None => output.say("the log is there"),
        }
        told.absent.clone_from(&looked.absent);
    }
    if told.unwritten != looked.unwritten {
        match &looked.unwritten {
            Some(reason) => output.warn(format_args!("the rates cannot be written, and are tried again: {reason}")),
            None => output.say("the rates are written again"),
        }
        told.unwritten.clone_from(&looked.unwritten);
    }
    for note in &looked.notes {
        output.say(note);
    }
    for trouble in &looked.troubles {
        output.warn(format_args!("not logged: {trouble}"));
    }
    let Some(run) = follower.run() else { return Ok(()) };
    let without_rates = !run.state().decisions.is_empty() && run.rates_file().is_none();
    if without_rates && !told.without_rates {
        output.warn(
            "no rates are written yet: the log does not say how the training's own rate goes on, and nothing could be picked for it",
        );
    }
    told.without_rates = without_rates;
    for event in &looked.events {
        match event {
            Event::Decided(decision) => tell_decision(decision, run, follower.points(), output)?,
            Event::Forecast(predicted) => {
                let step = run.state().last_step.unwrap_or(0);
                output.say(format_args!("step {step}: ends at {}", interval_in_words(predicted)));
            }
            Event::NotFollowed(departure) => output.warn(format_args!(
                "not followed: since step {} the training sets other rates, {} where {} is planned",
                departure.since_step,
                learning_rate(departure.logged),
                learning_rate(departure.planned)
            )),
            Event::FollowedAgain(step) => output.say(format_args!("followed again, as of step {step}")),
            Event::WentBack(step) => output.say(format_args!(
                "the training went back to step {step}: the schedule stays until it is beyond what had been seen"
            )),
            Event::BeganAnew => output.say("another training began in this log: it is planned for anew"),
            Event::Unsound(step) => {
                output.warn(format_args!("what was measured at step {step} is not finite: nothing is planned from it"));
            }
            _ => {}
        }
    }
    Ok(())
}

fn tell_decision(decision: &Decision, run: &LiveRun, points: &[Point], output: &mut Output) -> Result<()> {
    let total_steps = run.state().total_steps;
    if output.wants_json() {
        let line = json!({
            "revision": decision.revision,
            "at_step": decision.at_step,
            "effective_from_step": decision.effective_from_step,
            "total_steps": total_steps,
            "changed": decision.changed,
            "knots": decision.knots,
            "metric": run.model().metric().to_string(),
            "predicted": decision.predicted,
            "reason": decision.reason,
            "weighed": decision.weighed,
            "rejected": decision.rejected,
        });
        return output.json_line(&line);
    }
    let at =
        decision.at_step.map_or_else(|| "before the start".to_owned(), |step| format!("step {step} of {total_steps}"));
    output.line(format_args!("{at}: {}", sentence(run, points)))?;
    output.line(format_args!("  revision {}: {}", decision.revision, decision.reason))?;
    output.flush()
}
