//! [`Which`]: the part of the runs that a list is of.

use axum::http::StatusCode;

use crate::http::problem::Problem;

/// Which runs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Which {
    #[default]
    All,
    /// Those that are not at their planned end.
    UnderWay,
    /// Those about which something needs attention.
    WithAlerts,
    /// Those at their planned end.
    Finished,
}

impl Which {
    /// By the name that it has in an address; all without one.
    pub(crate) fn named(name: Option<&str>) -> Result<Self, Problem> {
        match name {
            None | Some("" | "all") => Ok(Self::All),
            Some("under-way") => Ok(Self::UnderWay),
            Some("with-alerts") => Ok(Self::WithAlerts),
            Some("finished") => Ok(Self::Finished),
            Some(other) => {
                let remedy = "give which=all, under-way, with-alerts or finished";
                Err(Problem::new(StatusCode::BAD_REQUEST, format!("which '{other}' is none of them"), remedy))
            }
        }
    }

    /// The same in SQL, of the table of runs. What is said in the list is in the summary, and nowhere else.
    pub(super) fn condition(self) -> &'static str {
        match self {
            Self::All => "1",
            Self::UnderWay => "COALESCE(json_extract(summary, '$.finished'), 0) = 0",
            Self::WithAlerts => "json_array_length(summary, '$.alerts') > 0",
            Self::Finished => "json_extract(summary, '$.finished') = 1",
        }
    }
}
