//! What a sweep says about how its runs were trained, so that a comparison need not be told, and cannot be told otherwise.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;
use lodecast::Sweep;
use lodecast_lab::OptimizerKind;

use crate::failure::{failure, misuse};
use crate::options::training::Setup;

/// Tasks and optimizers of the runs of a sweep that the lab trained.
pub(crate) struct SweepOrigin {
    tasks: BTreeSet<String>,
    optimizers: BTreeSet<String>,
}

impl SweepOrigin {
    /// What the runs say. Runs that the lab did not train say nothing.
    pub(crate) fn of(sweep: &Sweep) -> Self {
        let mut origin = Self { tasks: BTreeSet::new(), optimizers: BTreeSet::new() };
        for run in &sweep.runs {
            if let Some(task) = run.attributes.source.as_deref().and_then(|source| source.strip_prefix("lab ")) {
                origin.tasks.insert(task.to_owned());
                origin.optimizers.extend(run.attributes.optimizer.clone());
            }
        }
        origin
    }

    /// `setup` with what it leaves open taken from the sweep in `path`; `named` is the task if it was named elsewhere.
    ///
    /// # Errors
    /// If the sweep is of another task or optimizer: its rates and models say nothing about the one asked for.
    pub(crate) fn complete(&self, setup: &Setup, named: Option<&str>, path: &Path) -> Result<Setup> {
        let mut setup = setup.clone();
        if let Some(named) = named {
            if setup.task.as_deref().is_some_and(|task| task != named) {
                return Err(misuse(format!("the task is '{named}' and '{}' at once", setup.task()), "name it once"));
            }
            setup.task = Some(named.to_owned());
        }
        if setup.task.is_none() {
            setup.task = only(&self.tasks).cloned();
        }
        if setup.optimizer.is_none() {
            setup.optimizer = only(&self.optimizers).and_then(|name| name.parse::<OptimizerKind>().ok());
        }
        check("task", &self.tasks, setup.task(), path)?;
        check("optimizer", &self.optimizers, setup.optimizer().name(), path)?;
        Ok(setup)
    }
}

fn only(values: &BTreeSet<String>) -> Option<&String> {
    values.first().filter(|_| values.len() == 1)
}

fn check(what: &str, known: &BTreeSet<String>, asked: &str, path: &Path) -> Result<()> {
    if known.is_empty() || known.contains(asked) {
        return Ok(());
    }
    let known = known.iter().cloned().collect::<Vec<_>>().join(", ");
    Err(failure(
        format!("the {what} is to be {asked}, but the runs in {} were trained with {known}", path.display()),
        format!("leave --{what} out to take the sweep's, or give a sweep of {asked}"),
    ))
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use lodecast::Run;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        setup: Setup,
    }

    fn completed(runs: &[(&str, &str)], line: &str, named: Option<&str>) -> Result<(String, String)> {
        let mut sweep = Sweep::new(Vec::new());
        for (index, (source, optimizer)) in runs.iter().enumerate() {
            let mut run = Run::new(format!("run {index}"), 0);
            run.attributes.source = Some((*source).to_owned());
            run.attributes.optimizer = Some((*optimizer).to_owned());
            sweep.runs.push(run);
        }
        let setup = Line::parse_from(line.split_whitespace()).setup;
        let setup = SweepOrigin::of(&sweep).complete(&setup, named, Path::new("sweep.parquet"))?;
        Ok((setup.task().to_owned(), setup.optimizer().to_string()))
    }

    #[test]
    fn what_is_left_open_is_the_sweeps() {
        let text = [("lab text-transformer", "adamw")];
        let both = |task: &str, optimizer: &str| (task.to_owned(), optimizer.to_owned());
        assert_eq!(completed(&text, "compare", None).unwrap(), both("text-transformer", "adamw"));
        assert_eq!(completed(&text, "compare --optimizer adamw", None).unwrap(), both("text-transformer", "adamw"));
        let imported = [("wandb", "AdamW")];
        assert_eq!(completed(&imported, "compare", None).unwrap(), both("mnist1d-cnn", "sgd"));
        let mixed = [("lab mnist1d-cnn", "sgd"), ("lab mnist1d-cnn", "adam")];
        assert_eq!(completed(&mixed, "compare --optimizer adam", None).unwrap(), both("mnist1d-cnn", "adam"));
    }

    #[test]
    fn another_task_or_optimizer_is_refused() {
        let text = [("lab text-transformer", "adamw")];
        for (line, named, said) in [
            (
                "compare --optimizer sgd",
                None,
                "the optimizer is to be sgd, but the runs in sweep.parquet were trained with adamw",
            ),
            ("compare", Some("mnist1d-cnn"), "the task is to be mnist1d-cnn, but the runs"),
            ("compare --task mnist1d-cnn", Some("text-transformer"), "'text-transformer' and 'mnist1d-cnn' at once"),
        ] {
            let error = completed(&text, line, named).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
        let error = completed(&[("lab mnist1d-cnn", "adam"), ("lab mnist1d-cnn", "adamw")], "compare", None);
        assert!(error.unwrap_err().to_string().contains("to be sgd"), "a mixed sweep has to be told which");
    }
}
