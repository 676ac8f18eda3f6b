//! The report of a study: what was run, what came out, and how to read it.

use std::collections::BTreeMap;

use super::directory::{Decisions, Study};
use crate::figures::comparison::View;
use crate::figures::{configuration_label, evaluation, forecast, metric_name, sweep};
use crate::options::seeds::Seeds;
use crate::progress::duration;
use crate::report::{Block, Report, Section, Table, significant};

/// The report of a study, as far as the study has come.
pub(crate) fn report(study: &Study) -> Report {
    let mut report = Report { title: title(study), facts: facts(study), ..Report::default() };
    let view = study.comparison.as_ref().map(|comparison| View::new(comparison, &study.record.lodecast_methods));
    if let Some((outcome, verdict, basis)) = view.as_ref().and_then(View::verdict) {
        (report.outcome, report.verdict, report.basis) = (outcome, verdict, basis);
    }
    let mut add = |title: &str, blocks: Vec<Block>| {
        if !blocks.is_empty() {
            report.sections.push(Section { title: title.to_owned(), blocks });
        }
    };
    if let Some(few) = &study.few_runs {
        add(&few_runs_title(few), few_runs(few));
    }
    if let Some(view) = &view {
        add("The result", result(study, view));
        add("The schedules", schedules(study, view));
        add("The runs", vec![Block::Figure(view.curves())]);
    }
    add("Forecasts", forecasts(study));
    add("The sweep", swept(study));
    add("The models", models(study));
    add("How to read it", vec![Block::Glossary(glossary())]);
    report
}

fn title(study: &Study) -> String {
    match &study.sweep {
        Some(sweep) => {
            let runs = sweep.runs.len() + study.second_round.as_ref().map_or(0, |round| round.runs.len());
            format!("A learning-rate schedule learned from {runs} runs")
        }
        None => "Learning-rate schedules side by side".to_owned(),
    }
}

fn facts(study: &Study) -> Vec<(String, String)> {
    let record = &study.record;
    let mut facts = vec![("Task", record.task.clone()), ("Optimizer", record.optimizer.clone())];
    for (name, sweep) in [("Sweep", &study.sweep), ("Second round", &study.second_round)] {
        if let Some(sweep) = sweep {
            facts.push((name, format!("{} runs of {} configurations", sweep.runs.len(), sweep.configurations().len())));
        }
    }
    if let Some(comparison) = &study.comparison {
        let seeds = Seeds(comparison.configuration.seeds.clone());
        facts.push(("Fresh seeds", seeds.to_string().replace('-', " to ").replace(',', ", ")));
    }
    let machine = &record.machine;
    facts.push(("Machine", format!("{}, {} cores, {}", machine.processor, machine.cores, machine.system)));
    if !record.phases.is_empty() {
        let total: f64 = record.phases.iter().map(|phase| phase.1).sum();
        facts.push(("Time in all", seconds(total)));
    }
    facts.push(("Date", machine.date.clone()));
    facts.push(("Version", format!("lodecast {}", machine.lodecast)));
    facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn seconds(value: f64) -> String {
    duration(std::time::Duration::try_from_secs_f64(value).unwrap_or_default())
}

fn result(study: &Study, view: &View<'_>) -> Vec<Block> {
    let mut prose =
        "Every method trained the same network from the same first weights on the same examples in the same order, \
        seed by seed. No model, and no choice of a schedule, has seen these seeds or the test set."
            .to_owned();
    if study.record.quick {
        prose += " This was a quick run: sweep, fits and seeds were made small to be fast, so the numbers say little.";
    }
    vec![Block::Prose(prose), Block::Table(view.table()), Block::Table(view.costs()), Block::Figure(view.differences())]
}

fn few_runs_title(few: &Study) -> String {
    format!("What {} runs are good for", few.sweep.as_ref().map_or(0, |sweep| sweep.runs.len()))
}

/// The schedule picked from a few runs beside the best of them.
fn few_runs(few: &Study) -> Vec<Block> {
    let Some(comparison) = &few.comparison else { return Vec::new() };
    let view = View::new(comparison, &few.record.lodecast_methods);
    let mut blocks = Vec::new();
    if let Some((_, verdict, basis)) = view.verdict() {
        blocks.push(Block::Prose(format!("{verdict} {basis}")));
    }
    let time = few.record.phases.iter().find(|phase| phase.0 == "fit and pick").map(|phase| phase.1);
    blocks.push(Block::Prose(format!(
        "A law with a handful of parameters was fitted to these runs, and the schedule with the best expected value taken, in {} of \
        computing. Each schedule was then trained under seeds that the runs have not seen.",
        seconds(time.unwrap_or(0.0))
    )));
    blocks.extend([Block::Table(view.table()), Block::Figure(view.differences()), Block::Figure(view.schedules())]);
    blocks
}

fn schedules(study: &Study, view: &View<'_>) -> Vec<Block> {
    let mut blocks = vec![Block::Figure(view.schedules())];
    if !study.record.decisions.is_empty() {
        blocks.push(Block::Table(decision_table(&study.record.decisions)));
    }
    blocks
}

/// What the schedulers decided, one row a method and moment, the seeds summed up.
fn decision_table(decisions: &[Decisions]) -> Table {
    let mut table = Table::new(
        "What lodecast decided during the runs, with the first seed's reason.",
        ["Method", "#At", "#Seeds that replanned", "Reason, first seed"],
    );
    let mut moments: BTreeMap<(usize, u64), Vec<(u64, &str)>> = BTreeMap::new();
    let mut methods: Vec<&str> = Vec::new();
    for run in decisions {
        let index = methods.iter().position(|name| *name == run.method).unwrap_or_else(|| {
            methods.push(&run.method);
            methods.len() - 1
        });
        for (progress, reason) in &run.moments {
            let moment = (progress * 1000.0).round() as u64;
            moments.entry((index, moment)).or_default().push((run.seed, reason));
        }
    }
    for ((method, moment), reasons) in moments {
        table.push([
            methods[method].to_owned(),
            evaluation::percent(moment as f64 / 1000.0),
            reasons.len().to_string(),
            reasons[0].1.to_owned(),
        ]);
    }
    table
}

fn forecasts(study: &Study) -> Vec<Block> {
    let mut blocks: Vec<Block> = forecast::examples(&study.forecasts).map(Block::Figure).into_iter().collect();
    if !study.evaluations.is_empty() {
        blocks.push(Block::Table(evaluation::table(&study.evaluations)));
        blocks.extend(evaluation::coverage(&study.evaluations).map(Block::Prose));
        blocks.extend(evaluation::errors(&study.evaluations).map(Block::Figure));
        blocks.extend(evaluation::scatter(&study.evaluations).map(Block::Figure));
    }
    blocks
}

fn swept(study: &Study) -> Vec<Block> {
    let Some(swept) = study.sweep.as_ref().filter(|sweep| !sweep.metrics.is_empty() && !sweep.runs.is_empty()) else {
        return Vec::new();
    };
    let mut blocks = vec![Block::Figure(sweep::curves(swept, 0))];
    blocks.extend(sweep::finals(swept, 0).map(Block::Figure));
    if let Some((_, _, runs)) = swept.best_configuration(0) {
        blocks.push(Block::Prose(format!(
            "The rival of the comparison is {}, which has the best mean last {} of this sweep.",
            configuration_label(&swept.runs[runs[0]]),
            metric_name(&swept.metrics[0])
        )));
    }
    blocks.push(Block::Table(sweep::configuration_table(swept, 0)));
    blocks
}

fn models(study: &Study) -> Vec<Block> {
    let mut blocks = Vec::new();
    if !study.record.fits.is_empty() {
        let mut table = Table::new(
            "The models and their fits. Losses are each model's own and do not compare.",
            ["Model", "#Members", "#Iterations", "#Runs", "#Points", "#Loss", "#Held-out loss", "#Time", "File"],
        );
        for fit in &study.record.fits {
            table.push([
                fit.model.clone(),
                fit.members.to_string(),
                fit.iterations.to_string(),
                fit.summary.runs.to_string(),
                fit.summary.points.to_string(),
                significant(fit.summary.loss, 3),
                fit.summary.held_out_loss.map_or_else(|| "-".to_owned(), |loss| significant(loss, 3)),
                seconds(fit.summary.seconds),
                fit.file.display().to_string(),
            ]);
        }
        blocks.push(Block::Table(table));
    }
    if !study.record.phases.is_empty() {
        let mut table = Table::new("Where the time went.", ["Phase", "#Time"]);
        for (name, time) in &study.record.phases {
            table.push([name.clone(), seconds(*time)]);
        }
        blocks.push(Block::Table(table));
    }
    blocks
}

fn glossary() -> Vec<(String, String)> {
    let terms = [
        (
            "Configuration",
            "Everything that was set but the seed: here the schedule's family and its peak learning rate.",
        ),
        (
            "Second round",
            "Runs of schedules that the model of the first sweep suggested: what its members think best, away from what is known. The models of both rounds know more where their planner goes.",
        ),
        (
            "Fresh seeds",
            "Seeds of first weights and example order that neither the sweep nor any fit has used. Methods are compared seed by seed, which removes the luck of the draw.",
        ),
        (
            "p, p (Holm)",
            "How often chance alone would give a mean difference at least this large (paired t-test). Several methods are several chances to be lucky; Holm's correction accounts for that, and the verdict goes by it at the level 0.05.",
        ),
        ("pp", "Percentage points: the difference of two percentages."),
        ("Won/tied/lost", "Seeds on which the method ended better than, equal to, worse than the reference."),
        ("Overhead", "Share of the training's time that was spent inside the method."),
        (
            "Controlled, paper, law",
            "lodecast's forms of model. In the controlled one the learning rate drives the dynamics, so it answers what happens if a rate is set. In the paper's (arXiv 2509.23052) the rate is an output that goes with good curves. The law is a curve with a handful of parameters, for few runs.",
        ),
        (
            "One standard deviation",
            "The range forecasts give: 68 % of the outcomes should lie in it. That of a final value also contains the error seen on held-out configurations.",
        ),
    ];
    terms.into_iter().map(|(term, meaning)| (term.to_owned(), meaning.to_owned())).collect()
}
