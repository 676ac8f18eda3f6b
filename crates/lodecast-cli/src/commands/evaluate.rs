//! `lodecast evaluate`: forecast error of a model beside simple baselines.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use lodecast::Model;

use crate::figures::evaluation::{self, ModelEvaluation};
use crate::figures::lodecast_name;
use crate::options::fraction::fraction;
use crate::options::sweep::SweepInput;
use crate::output::Output;
use crate::report::{Block, Report, Section};
use crate::whole_file;

/// Which model on which sweep.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Model file
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    #[command(flatten)]
    input: SweepInput,
    /// Parts of the run that are seen before the forecast
    #[arg(long, value_delimiter = ',', value_name = "FRACTIONS", default_value = "0,0.05,0.1,0.25,0.5", value_parser = fraction)]
    fractions: Vec<f64>,
    /// Also write the errors as an HTML page
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl Arguments {
    pub(crate) fn run(&self, output: &mut Output) -> Result<()> {
        let model = Model::load(&self.model)?;
        let mut columns = self.input.columns.clone();
        if columns.metrics.is_empty() {
            // The model knows its metric and the direction; a file that does not say them need not be told.
            columns.metrics = vec![model.metric().clone()];
        }
        let sweep = self.input.read_with(&columns, output)?;
        let evaluation = lodecast::evaluate(&model, &sweep, &self.fractions)?;
        let name = lodecast_name(model.kind());
        let evaluations = [ModelEvaluation { model: name, evaluation }];
        if let Some(path) = &self.html {
            whole_file::write_text(path, &page(&evaluations).to_html())?;
            output.say(format_args!("page written to {}", path.display()));
        }
        if output.wants_json() {
            return output.json(&evaluations[0].evaluation);
        }
        let table = evaluation::table(&evaluations);
        output.line(&table.caption)?;
        output.line("")?;
        output.table(&table)?;
        for sentence in [evaluation::coverage(&evaluations), evaluation::warnings(&evaluations)].into_iter().flatten() {
            output.line("")?;
            output.line(sentence)?;
        }
        Ok(())
    }
}

fn page(evaluations: &[ModelEvaluation]) -> Report {
    let mut blocks = vec![Block::Table(evaluation::table(evaluations))];
    blocks.extend(evaluation::coverage(evaluations).map(Block::Prose));
    blocks.extend(evaluation::warnings(evaluations).map(Block::Prose));
    blocks.extend(evaluation::errors(evaluations).map(Block::Figure));
    blocks.extend(evaluation::scatter(evaluations).map(Block::Figure));
    Report {
        title: "How good the forecasts are".to_owned(),
        sections: vec![Section { title: "Forecasts".to_owned(), blocks }],
        ..Report::default()
    }
}
