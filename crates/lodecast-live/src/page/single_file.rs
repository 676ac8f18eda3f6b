//! The page of a run as one file that needs nothing else: what is shown of it, its style and its script, all within.

use std::sync::Arc;

use lodecast::{Model, Plan, Point, Schedule};

use super::best::Best;
use super::files;
use super::view::View;
use crate::decision::Decision;
use crate::error::Result;
use crate::history::limits;
use crate::knots::{self, ANY};
use crate::state::LiveRunState;
use crate::subject::Subject;

/// What a page loads, as it stands in its head, each in a line of its own.
const STYLE: &str = "<link rel=\"stylesheet\" href=\"/page.css\">";
const SCRIPT: &str = "<script type=\"module\" src=\"/page.js\"></script>";
/// The parts of the script, each after those that it takes in.
const PARTS: [&str; 3] = [files::PLOT, files::TABLES, files::SCRIPT];
/// Nothing is loaded, and nothing is sent.
const POLICY: &str = "<meta http-equiv=\"content-security-policy\" content=\"default-src 'none'; script-src 'unsafe-inline'; \
                      style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'\">";

/// What a plan makes of a run, on the page that a run under way has.
#[derive(Clone, Copy, Debug)]
pub struct PlannedRun<'a> {
    /// The model that it was planned with.
    pub model: &'a Model,
    /// What the run is called.
    pub name: &'a str,
    /// Its planned length in optimizer steps.
    pub total_steps: u64,
    /// What was seen of it.
    pub observed: &'a [Point],
    /// The schedule that it was to follow.
    pub in_force: &'a Schedule,
}

impl PlannedRun<'_> {
    /// The page with this plan as its only decision, as one HTML file.
    ///
    /// # Errors
    /// If the schedule in force is not usable.
    pub fn page(&self, plan: &Plan) -> Result<String> {
        self.in_force.check()?;
        let knots = knots::of(self.in_force, ANY);
        let mut state = LiveRunState::of_the_start(self.model.fingerprint(), self.total_steps, knots);
        self.name.clone_into(&mut state.run);
        state.last_step = self.observed.last().map(|point| point.step);
        let from_step = (plan.now * self.total_steps as f64).ceil() as u64;
        if plan.changed {
            state.change(&knots::of(&plan.schedule, ANY), from_step);
        }
        let mut decision = Decision::of_the_start(1, state.last_step, from_step);
        decision.take(plan.clone());
        state.record(decision, self.model, self.observed);
        let subject = Subject {
            model: self.model,
            state: &state,
            next_decision: None,
            earliest_change: from_step,
            target: None,
            limits: limits(self.model),
            may_choose: false,
        };
        let best = Arc::new(Best::of(self.model, self.total_steps));
        Ok(single_file(&View::of(&subject, self.observed, None, best).to_json()))
    }
}

/// The page as it shows a view, which is given as JSON.
pub(crate) fn single_file(view: &str) -> String {
    // In a script that is data only "<" could end it or begin a comment.
    let data = view.replace('<', "\\u003c");
    let script: String = PARTS.into_iter().map(in_one_scope).collect();
    let style = format!("{POLICY}\n<style>\n{}</style>", files::STYLE);
    let script = format!(
        "<script type=\"application/json\" id=\"saved\">{data}</script>\n<script type=\"module\">\n{script}</script>"
    );
    files::RUN.replacen(STYLE, &style, 1).replacen(SCRIPT, &script, 1)
}

/// A part of the script without what it takes in and gives out: all of them are in one scope.
fn in_one_scope(part: &str) -> String {
    let lines = part.lines().filter(|line| !line.starts_with("import "));
    lines.flat_map(|line| [line.strip_prefix("export ").unwrap_or(line), "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_the_page_loads_is_known_here() {
        for part in [STYLE, SCRIPT] {
            assert_eq!(files::RUN.matches(part).count(), 1, "{part}");
        }
        assert_eq!(files::RUN.matches("src=\"").count() + files::RUN.matches("rel=\"stylesheet\"").count(), 2);
        for (place, part) in PARTS.iter().enumerate() {
            assert!(!part.contains("</script") && !part.contains("<!--"));
            let taken_in = part.lines().filter_map(|line| line.strip_prefix("import ")?.split('"').nth(1));
            for name in taken_in {
                assert!(
                    place > 0 && ["/plot.js", "/tables.js"][..place].contains(&name),
                    "{name} comes before it is taken in"
                );
            }
            let whole = in_one_scope(part);
            assert!(!whole.contains("import ") && !whole.lines().any(|line| line.starts_with("export ")), "{whole}");
        }
        assert!(!files::STYLE.contains("</style"));
    }
}
