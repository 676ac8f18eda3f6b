//! `lodecast evaluate`: forecast error of a model beside simple baselines.

mod searches;

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use lodecast::Model;

use self::searches::Searches;
use crate::figures::evaluation::{self, ModelEvaluation};
use crate::figures::lodecast_name;
use crate::model_input;
use crate::options::fraction::fraction;
use crate::options::sweep::Columns;
use crate::options::sweeps::SweepInput;
use crate::output::Output;
use crate::report::{Block, Report, Section};
use crate::whole_file;

/// Parts of a run that are seen, where none are named.
const FRACTIONS: [f64; 5] = [0.0, 0.05, 0.1, 0.25, 0.5];

/// Which model on which sweep.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Model file; or runs, to which the law is fitted on the spot and on which it is then tried
    #[arg(value_name = "MODEL", required_unless_present = "searches")]
    model: Option<PathBuf>,
    /// Sweep files (.parquet, .csv or .jsonl), or folders of them; leave them out where MODEL is runs
    #[arg(value_name = "SWEEP")]
    sweeps: Vec<PathBuf>,
    #[command(flatten)]
    columns: Columns,
    /// Parts of the run that are seen before the forecast [default: 0,0.05,0.1,0.25,0.5; with --searches 0,0.1,0.25]
    #[arg(long, value_delimiter = ',', value_name = "FRACTIONS", value_parser = fraction)]
    fractions: Vec<f64>,
    /// Also write the errors as an HTML page
    #[arg(long, value_name = "FILE", conflicts_with = "searches")]
    html: Option<PathBuf>,
    #[command(flatten)]
    searches: Searches,
}

impl Arguments {
    pub(crate) fn run(&self, output: &mut Output) -> Result<()> {
        let Some(path) = &self.model else { return self.searches.run(&self.fractions, &self.columns, output) };
        self.html.as_deref().map_or(Ok(()), whole_file::check_page)?;
        let (model, sweep) = if self.sweeps.is_empty() {
            model_input::fitted(path, &self.columns, output)?
        } else {
            let model = Model::load(path)?;
            let mut columns = self.columns.clone();
            if columns.metrics.is_empty() {
                // The model knows its metric and the direction; a file that does not say them need not be told.
                columns.metrics = vec![model.metric().clone()];
            }
            let sweep = SweepInput { paths: self.sweeps.clone(), columns }.read(output)?;
            (model, sweep)
        };
        let fractions = if self.fractions.is_empty() { &FRACTIONS[..] } else { &self.fractions };
        let evaluation = lodecast::evaluate(&model, &sweep, fractions)?;
        let name = lodecast_name(model.kind());
        let evaluations = [ModelEvaluation { model: name, evaluation }];
        if let Some(path) = &self.html {
            whole_file::write_page(path, &page(&evaluations).to_html())?;
            output.say(format_args!("page written to {}", path.display()));
        }
        if output.wants_json() {
            return output.json(&evaluations[0].evaluation);
        }
        let table = evaluation::table(&evaluations);
        output.line(&table.caption)?;
        output.line("")?;
        output.table(&table)?;
        for sentence in sentences(&evaluations) {
            output.line("")?;
            output.line(sentence)?;
        }
        Ok(())
    }
}

/// What is said below the table.
fn sentences(evaluations: &[ModelEvaluation]) -> impl Iterator<Item = String> {
    [evaluation::coverage(evaluations), evaluation::warnings(evaluations), evaluation::stopped(evaluations)]
        .into_iter()
        .flatten()
}

fn page(evaluations: &[ModelEvaluation]) -> Report {
    let mut blocks = vec![Block::Table(evaluation::table(evaluations))];
    blocks.extend(sentences(evaluations).map(Block::Prose));
    blocks.extend(evaluation::errors(evaluations).map(Block::Figure));
    blocks.extend(evaluation::scatter(evaluations).map(Block::Figure));
    Report {
        title: "How good the forecasts are".to_owned(),
        sections: vec![Section { title: "Forecasts".to_owned(), blocks }],
        ..Report::default()
    }
}
