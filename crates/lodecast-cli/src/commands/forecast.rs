//! `lodecast forecast`: how a run will go on.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use lodecast::ModelKind;

use crate::failure::failure;
use crate::figures::forecast::ForecastExample;
use crate::figures::{is_fraction, metric_name, metric_value, schedule_label};
use crate::model_input;
use crate::options::run::RunInput;
use crate::options::schedule::{ScheduleOption, say_what_is_not_known};
use crate::output::Output;
use crate::report::{Block, Report, Section, Table, learning_rate, significant};
use crate::whole_file;

/// Which run, under which schedule.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Model file; or runs, to which the law is fitted on the spot
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    #[command(flatten)]
    input: RunInput,
    /// Schedule to follow from here on: FAMILY:PEAK, FAMILY:PEAK:WARMUP, or a JSON or sweep file [default: the run's own]
    #[arg(long, value_name = "SCHEDULE")]
    schedule: Option<ScheduleOption>,
    /// Also write the forecast as an HTML page
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl Arguments {
    pub(crate) fn run(&self, output: &mut Output) -> Result<()> {
        self.html.as_deref().map_or(Ok(()), whole_file::check_page)?;
        let model = model_input::model(&self.model, &self.input.columns, output)?;
        let run = self.input.read(model.metric())?;
        let schedule =
            self.schedule.clone().map(|option| option.schedule).or_else(|| lodecast::Schedule::of_run(&run.run));
        if schedule.is_none() && model.kind() != ModelKind::Paper {
            return Err(failure(
                format!("run '{}' does not say which schedule it follows", run.run.id),
                "give one, for example --schedule cosine:0.01",
            ));
        }
        if let Some(schedule) = &schedule {
            say_what_is_not_known(schedule, self.schedule.is_some(), run.total_steps, output);
        }
        let mut forecast = model.forecast(&run.observed, run.total_steps, schedule.as_ref())?;
        forecast.outside_experience = model.unknown_settings(&run.run.attributes).or(forecast.outside_experience);
        if let Some(reason) = &forecast.outside_experience {
            output.warn(reason);
        }
        if output.wants_json() {
            output.json(&forecast)?;
        }
        let example = ForecastExample::new(
            run.run.id.clone(),
            &run.run.points(0).collect::<Vec<_>>(),
            run.run.total_steps(),
            model.metric(),
            run.now,
            forecast,
        );
        if let Some(path) = &self.html {
            let page = Report {
                title: format!("How {} will go on", run.run.id),
                sections: vec![Section { title: "Forecast".to_owned(), blocks: vec![Block::Figure(example.figure())] }],
                ..Report::default()
            };
            whole_file::write_page(path, &page.to_html())?;
            output.say(format_args!("page written to {}", path.display()));
        }
        if output.wants_json() {
            return Ok(());
        }
        if let Some(schedule) = &schedule {
            output.say(format_args!("under {}", schedule_label(schedule)));
        }
        output.line(format_args!("final {}: {}", metric_name(model.metric()), example.final_in_words()))?;
        output.line("")?;
        output.table(&table(&example, run.total_steps))
    }
}

/// The forecast at tenths of the run.
fn table(example: &ForecastExample, total_steps: u64) -> Table {
    let forecast = &example.forecast;
    let metric = metric_name(&example.metric);
    let fraction = is_fraction(&example.metric, forecast.validation.mean.iter().copied());
    let headings = ["#progress", "#step", "#learning rate", "#train loss", &format!("#{metric}"), "#low", "#high"];
    let mut table = Table::new("", headings);
    let last = forecast.progress.len() - 1;
    let rows = (1..=10).filter_map(|tenth| {
        let at = f64::from(tenth) / 10.0;
        (at > example.observed).then(|| forecast.progress.partition_point(|&progress| progress < at - 1e-9).min(last))
    });
    for index in rows {
        table.push([
            format!("{:.0} %", forecast.progress[index] * 100.0),
            format!("{:.0}", forecast.progress[index] * total_steps as f64),
            learning_rate(forecast.learning_rate[index]),
            // The law says nothing of the train loss.
            forecast.train_loss.mean.get(index).map_or_else(|| "-".to_owned(), |&loss| significant(loss, 3)),
            metric_value(forecast.validation.mean[index], fraction),
            metric_value(forecast.validation.low[index], fraction),
            metric_value(forecast.validation.high[index], fraction),
        ]);
    }
    table
}
