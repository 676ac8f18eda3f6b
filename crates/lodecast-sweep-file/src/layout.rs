//! Decides what each column of a file is.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use lodecast::Metric;

use crate::error::{Error, Result};
use crate::options::ReadOptions;
use crate::role::{Attribute, Fixed, Role};

/// Number columns that are seldom meant as a validation metric.
const BOOKKEEPING: [&str; 14] = [
    "",
    "epoch",
    "epochs",
    "time",
    "timestamp",
    "wall_time",
    "walltime",
    "date",
    "_runtime",
    "_timestamp",
    "relative time (process)",
    "unnamed: 0",
    "__index_level_0__",
    "index",
];

/// Does the file hold many runs, or one that needs no id?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Runs {
    Many,
    One,
}

/// What each column of a file is, decided as the columns come to be known.
pub(crate) struct Layout {
    path: PathBuf,
    runs: Runs,
    /// Name asked for, one a fixed role.
    asked: [Option<String>; 4],
    /// Column found, one a fixed role, and whether it bears the role's proper name.
    found: [Option<(String, bool)>; 4],
    /// Metrics that the file's header declares.
    declared: HashSet<String>,
    metrics: Vec<Metric>,
    metric_found: Vec<bool>,
    metric_index: HashMap<String, usize>,
    /// Does the caller choose the metrics? Otherwise the file does.
    chosen: bool,
    /// Columns in the order of the file, with their role.
    columns: Vec<(String, Role)>,
    index: HashMap<String, usize>,
}

impl Layout {
    /// The layout of a file at `path` before any column is known; `declared` are the metrics its header declares.
    pub(crate) fn new(path: &Path, runs: Runs, options: &ReadOptions, declared: &[Metric]) -> Result<Self> {
        let asked = [&options.run_id, &options.step, &options.train_loss, &options.learning_rate].map(Clone::clone);
        let mut layout = Self {
            path: path.to_owned(),
            runs,
            asked,
            found: Default::default(),
            declared: declared.iter().map(|metric| metric.name.clone()).collect(),
            metrics: Vec::new(),
            metric_found: Vec::new(),
            metric_index: HashMap::new(),
            chosen: !options.metrics.is_empty(),
            columns: Vec::new(),
            index: HashMap::new(),
        };
        for metric in if layout.chosen { &options.metrics } else { declared } {
            layout.add_metric(metric.clone())?;
        }
        if layout.chosen {
            for metric in declared {
                layout.agree(metric)?;
            }
        }
        Ok(layout)
    }

    /// Names the columns of a file that has them all at its start.
    ///
    /// `in_names` says whether a column's name may carry a direction (`val_accuracy:max`), as in CSV.
    pub(crate) fn name_columns(&mut self, names: &[String], in_names: bool) -> Result<Vec<Role>> {
        if in_names {
            for metric in names.iter().filter_map(|name| directed(name)) {
                if self.chosen { self.agree(&metric)? } else { self.add_metric(metric)? }
            }
        }
        // Proper names first, so that the order of the columns does not matter.
        let mut roles = vec![Role::Ignored; names.len()];
        let mut taken = HashSet::new();
        let (proper, rest): (Vec<usize>, Vec<usize>) =
            (0..names.len()).partition(|&column| self.proper(&names[column]).is_some());
        for column in proper.into_iter().chain(rest) {
            let metric = if in_names { directed(&names[column]).map(|metric| metric.name) } else { None };
            let name = metric.as_deref().unwrap_or(&names[column]);
            let role = self.decide(name, names)?;
            if role != Role::Ignored && !taken.insert(role.clone()) {
                return Err(Error::DuplicateColumn { path: self.path.clone(), column: name.to_owned() });
            }
            roles[column] = role;
        }
        self.columns = names.iter().cloned().zip(roles.iter().cloned()).collect();
        self.check_complete(false)?;
        Ok(roles)
    }

    /// Index of the column named `name` among those seen, which it joins if it is new: for files whose rows name their columns.
    ///
    /// Where the file declares no metrics, a name may carry a direction, as in CSV; such a metric joins [`Self::metrics`].
    pub(crate) fn column(&mut self, name: &str) -> Result<usize> {
        if let Some(&column) = self.index.get(name) {
            return Ok(column);
        }
        let metric = directed(name).filter(|_| self.declared.is_empty() && !self.metric_index.contains_key(name));
        let role = match metric {
            Some(metric) => self.directed_column(&metric)?,
            None => self.decide(name, &[])?,
        };
        let is_metric = matches!(role, Role::Metric(_) | Role::LossAndMetric(_));
        if is_metric && self.columns.iter().any(|(_, taken)| *taken == role) {
            return Err(Error::DuplicateColumn { path: self.path.clone(), column: name.to_owned() });
        }
        self.columns.push((name.to_owned(), role));
        self.index.insert(name.to_owned(), self.columns.len() - 1);
        Ok(self.columns.len() - 1)
    }

    /// Role of a column whose name spells `metric` with its direction.
    fn directed_column(&mut self, metric: &Metric) -> Result<Role> {
        if self.chosen {
            self.agree(metric)?;
        } else {
            self.add_metric(metric.clone())?;
        }
        self.decide(&metric.name, &[])
    }

    /// Role of the column of this index.
    pub(crate) fn role(&self, column: usize) -> &Role {
        &self.columns[column].1
    }

    /// Name of the column of this index.
    pub(crate) fn name(&self, column: usize) -> &str {
        &self.columns[column].0
    }

    /// The metrics to be read, in order.
    pub(crate) fn metrics(&self) -> &[Metric] {
        &self.metrics
    }

    /// Checks, once all columns are known, that nothing needed is missing. A file with a header of its own may leave
    /// out columns in which nothing was measured.
    pub(crate) fn check_complete(&self, has_header: bool) -> Result<()> {
        let names = || self.columns.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        for fixed in Fixed::ALL {
            let optional = has_header
                || match fixed {
                    Fixed::RunId => self.runs == Runs::One,
                    Fixed::TrainLoss => self.does_without_loss(),
                    _ => false,
                };
            let needed = !optional || self.asked[fixed as usize].is_some();
            if needed && self.found[fixed as usize].is_none() {
                return Err(Error::MissingColumn {
                    path: self.path.clone(),
                    what: fixed.what(),
                    option: fixed.option(),
                    found: names(),
                });
            }
        }
        let missing = self.metrics.iter().zip(&self.metric_found).find(|&(metric, &found)| {
            let optional = has_header && self.declared.contains(&metric.name);
            !found && !optional
        });
        match missing {
            Some((metric, _)) => {
                Err(Error::MissingMetric { path: self.path.clone(), metric: metric.name.clone(), found: names() })
            }
            None => Ok(()),
        }
    }

    /// Is there a metric, and nothing that may be the loss under another name? A law is learned from metrics alone.
    fn does_without_loss(&self) -> bool {
        let may_be_loss =
            |(name, role): &(String, Role)| *role == Role::Ignored && name.to_lowercase().contains("loss");
        self.metric_found.contains(&true) && !self.columns.iter().any(may_be_loss)
    }

    /// Checks at the end of the file that number columns were not left out for want of a direction; `numeric` tells of
    /// each column whether it held numbers and nothing else. Gives the names of the columns that were ignored.
    pub(crate) fn ignored(self, numeric: impl Fn(usize) -> bool) -> Result<Vec<String>> {
        let mut ignored = Vec::new();
        let mut candidates = Vec::new();
        for (column, (name, role)) in self.columns.into_iter().enumerate() {
            if role == Role::Ignored {
                if numeric(column) && !BOOKKEEPING.contains(&name.to_lowercase().as_str()) {
                    candidates.push(name.clone());
                }
                ignored.push(name);
            }
        }
        if self.metrics.is_empty() && !candidates.is_empty() {
            return Err(Error::MetricDirection { path: self.path, candidates });
        }
        Ok(ignored)
    }

    fn add_metric(&mut self, metric: Metric) -> Result<()> {
        if let Some(fixed) = self.proper(&metric.name).filter(|&fixed| fixed != Fixed::TrainLoss) {
            return Err(Error::ColumnUsedTwice { path: self.path.clone(), column: metric.name, what: fixed.what() });
        }
        if self.metric_index.insert(metric.name.clone(), self.metrics.len()).is_some() {
            return Err(Error::DuplicateMetric { path: self.path.clone(), metric: metric.name });
        }
        self.metrics.push(metric);
        self.metric_found.push(false);
        Ok(())
    }

    /// Checks a metric that the file declares against those that the caller chose.
    fn agree(&self, declared: &Metric) -> Result<()> {
        match self.metric_index.get(&declared.name).map(|&metric| &self.metrics[metric]) {
            Some(asked) if asked.direction != declared.direction => Err(Error::DirectionConflict {
                path: self.path.clone(),
                declared: declared.to_string(),
                asked: asked.to_string(),
            }),
            _ => Ok(()),
        }
    }

    /// The fixed role whose proper name, the one asked for or else lodecast's own, is `name`.
    fn proper(&self, name: &str) -> Option<Fixed> {
        Fixed::ALL.into_iter().find(|&fixed| self.asked[fixed as usize].as_deref().unwrap_or(fixed.name()) == name)
    }

    /// Role of a new column; `names` are the columns known beforehand, for the message if it is ambiguous.
    fn decide(&mut self, name: &str, names: &[String]) -> Result<Role> {
        let metric = self.metric_index.get(name).copied();
        if let Some(metric) = metric {
            self.metric_found[metric] = true;
        }
        if let Some(fixed) = self.proper(name) {
            let role = self.claim(fixed, name, true, names)?;
            // No metric bears the name of another column.
            return Ok(metric.map_or(role, Role::LossAndMetric));
        }
        if let Some(metric) = metric {
            if self.is_the_only_loss(name, names) {
                self.claim(Fixed::TrainLoss, name, false, names)?;
                return Ok(Role::LossAndMetric(metric));
            }
            return Ok(Role::Metric(metric));
        }
        if let Some(attribute) = Attribute::of(name) {
            return Ok(Role::Attribute(attribute));
        }
        let lower = name.to_lowercase();
        let alias = Fixed::ALL
            .into_iter()
            .find(|&fixed| self.asked[fixed as usize].is_none() && fixed.aliases().contains(&lower.as_str()));
        match alias {
            Some(fixed) => self.claim(fixed, name, false, names),
            None => Ok(Role::Ignored),
        }
    }

    /// Does nothing but this one of the columns `names` look like the train loss?
    fn is_the_only_loss(&self, name: &str, names: &[String]) -> bool {
        let looks = |name: &String| Fixed::TrainLoss.aliases().contains(&name.to_lowercase().as_str());
        let mut losses = names.iter().filter(|name| looks(name));
        self.asked[Fixed::TrainLoss as usize].is_none()
            && losses.next().is_some_and(|loss| loss == name)
            && losses.next().is_none()
    }

    fn claim(&mut self, fixed: Fixed, name: &str, proper: bool, names: &[String]) -> Result<Role> {
        match &self.found[fixed as usize] {
            None => {
                self.found[fixed as usize] = Some((name.to_owned(), proper));
                Ok(Role::Fixed(fixed))
            }
            Some((first, _)) if first == name => {
                Err(Error::DuplicateColumn { path: self.path.clone(), column: name.to_owned() })
            }
            Some((_, true)) if !proper => Ok(Role::Ignored),
            Some((first, _)) => {
                let mut candidates = vec![first.clone(), name.to_owned()];
                let others = names.iter().filter(|other| fixed.aliases().contains(&other.to_lowercase().as_str()));
                for other in others {
                    if !candidates.contains(other) {
                        candidates.push(other.clone());
                    }
                }
                Err(Error::AmbiguousColumn {
                    path: self.path.clone(),
                    what: fixed.what(),
                    option: fixed.option(),
                    candidates,
                })
            }
        }
    }
}

/// The metric that a column's name spells with its direction.
fn directed(name: &str) -> Option<Metric> {
    if name.starts_with(Attribute::PREFIX) { None } else { name.parse().ok() }
}
