//! The columns of one run: those of the sweep, or what the run calls them where no option decides.

use crate::choose::columns::Columns;
use crate::choose::loss::usual_loss;
use crate::choose::rates::Rates;
use crate::names::{direction, is_epoch, same_metric};
use crate::recording::Recording;
use crate::role::Role;

/// The series of one run that are the columns of the sweep.
pub(crate) struct RunColumns<'a> {
    /// The train loss, or what stands for it where steps are told from epochs and attempts from each other.
    pub(crate) loss: &'a str,
    /// Does something stand for it?
    pub(crate) lacks_loss: bool,
    /// None if the learning rate is rebuilt.
    pub(crate) rate: Option<&'a str>,
    /// One a metric of the sweep.
    pub(crate) validation: Vec<&'a str>,
    pub(crate) epoch: Option<&'a str>,
    /// What is called otherwise than in the sweep.
    pub(crate) notes: Vec<String>,
}

impl<'a> RunColumns<'a> {
    /// Chooses the series of `recording`. One that the sweep's columns name goes before any other.
    pub(crate) fn of(recording: &'a Recording, columns: &'a Columns) -> Self {
        let mut notes = Vec::new();
        let series = || {
            let all = recording.series.iter().chain(&recording.by_epoch);
            all.map(|(name, series)| (name.as_str(), series.recorded()))
        };
        let is_there = |name: &str| recording.series.contains_key(name) || recording.by_epoch.contains_key(name);
        let mut choose = |chosen: &'a str, role: Role, what: &str, own: Option<&'a str>| -> &'a str {
            if !columns.open.contains(&role) || is_there(chosen) {
                return chosen;
            }
            let own = own.unwrap_or(chosen);
            if own != chosen && !what.is_empty() {
                notes.push(format!("its {what} is '{own}', for it has no '{chosen}'"));
            }
            own
        };
        let loss = columns.loss.as_ref();
        let loss = loss.map(|chosen| choose(chosen, Role::Loss, "train loss", usual_loss(series())));
        let rate = columns
            .rate_series()
            .map(|chosen| choose(chosen, Role::Rate, "learning rate", Rates::of(&recording.series).usual()));
        let own_epoch = || series().map(|(name, _)| name).find(|name| is_epoch(name));
        let epoch = match &columns.epoch {
            Some(chosen) => Some(choose(chosen, Role::Epoch, "", own_epoch())),
            None if columns.open.contains(&Role::Epoch) => own_epoch(),
            None => None,
        };
        let validation = validation(recording, columns, loss, &mut notes);
        let mut others = rate.into_iter().chain(validation.iter().copied());
        let loss = loss.or_else(|| others.find(|name| is_there(name))).unwrap_or_default();
        Self { loss, lacks_loss: columns.loss.is_none(), rate, validation, epoch, notes }
    }
}

/// The series of each validation metric. A metric that a run lacks may be there under a name of the same meaning.
fn validation<'a>(
    recording: &'a Recording,
    columns: &'a Columns,
    loss: Option<&str>,
    notes: &mut Vec<String>,
) -> Vec<&'a str> {
    let is_column = |name: &str| columns.validation.iter().any(|(column, _)| column == name);
    let role = [Role::Validation, Role::Test].into_iter().find(|role| columns.open.contains(role));
    let is_there = |name: &str| recording.series.contains_key(name) || recording.by_epoch.contains_key(name);
    let others = recording.series.keys().chain(recording.by_epoch.keys()).map(String::as_str);
    let mut others: Vec<&str> = others
        .filter(|name| Some(*name) != loss && !is_column(name) && role.is_some_and(|role| role.goes_by(name)))
        .collect();
    let chosen = columns.validation.iter().map(|(name, metric)| -> &'a str {
        if is_there(name) {
            return name.as_str();
        }
        let alike = |other: &&str| same_metric(name, other) && direction(other) == Some(metric.direction);
        let mut found = others.iter().copied().filter(alike);
        match (found.next(), found.next()) {
            (Some(other), None) => {
                notes.push(format!("its '{other}' is taken for '{name}', which it does not have"));
                others.retain(|left| *left != other);
                other
            }
            _ => name.as_str(),
        }
    });
    let chosen: Vec<&str> = chosen.collect();
    others.retain(|name| !columns.passed_over.contains(*name));
    if !others.is_empty() {
        notes.push(format!(
            "it also has {}, which none of the runs had that decided the columns: --val NAME takes it in",
            others.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ")
        ));
    }
    chosen
}
