//! Saving a fit in progress, so that it can be resumed to the same result.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::adam::Adam;
use super::form::NetworkFit;
use super::member::{Check, MemberState};
use crate::error::{Error, Result};
use crate::model::file::{self, Tensors};
use crate::whole_file;

/// Version of the checkpoint file.
const FORMAT: u32 = 3;

#[derive(Debug, Serialize, Deserialize)]
struct Header<F> {
    checkpoint: u32,
    settings: F,
    sweep: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    earlier: Option<String>,
    seconds: f64,
}

/// What a fit began from, by fingerprints.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin<'a> {
    /// The sweep.
    pub(crate) sweep: &'a str,
    /// The model that it started from, if it did.
    pub(crate) earlier: Option<&'a str>,
}

/// Writes the state of all members.
pub(crate) fn save<F: NetworkFit>(
    path: &Path,
    settings: &F,
    origin: Origin<'_>,
    seconds: f64,
    members: &[MemberState],
) -> Result<()> {
    let mut tensors = Tensors::default();
    for (index, member) in members.iter().enumerate() {
        let mut push = |name: &str, values: &[f64]| {
            tensors.push(format!("member.{index}.{name}"), &[values.len()], values.to_vec());
        };
        push("parameters", &member.parameters);
        push("adam.first", &member.adam.first);
        push("adam.second", &member.adam.second);
        push("best", &member.best);
        push("judged", &member.judged.parameters);
        // Numbers that JSON cannot hold (infinity, NaN) are among these.
        let progress = [
            member.iteration as f64,
            member.adam.steps as f64,
            f64::from(member.stale),
            member.best_held_out,
            member.judged.held_out.unwrap_or(f64::NAN),
            member.chosen_by,
            member.loss,
        ];
        push("progress", &progress);
    }
    let (sweep, earlier) = (origin.sweep.to_owned(), origin.earlier.map(str::to_owned));
    let header = Header { checkpoint: FORMAT, settings: settings.clone(), sweep, earlier, seconds };
    let bytes =
        file::serialize(&header, &tensors).map_err(|reason| Error::ModelFile { path: path.to_owned(), reason })?;
    whole_file::write(path, &bytes)
}

/// Reads the state of all members back, and the seconds spent so far.
///
/// # Errors
/// If the file is damaged, or belongs to another sweep, another earlier model or other settings.
pub(crate) fn load<F: NetworkFit>(path: &Path, settings: &F, origin: Origin<'_>) -> Result<(Vec<MemberState>, f64)> {
    let fail = |reason: String| Error::ModelFile { path: path.to_owned(), reason };
    let (header, mut tensors) = file::read(path)?;
    let header: Header<F> = file::parse_header(&header).map_err(fail)?;
    if header.checkpoint != FORMAT {
        return Err(fail(format!("its checkpoint format is {}, not {FORMAT}; start the fit anew", header.checkpoint)));
    }
    if header.sweep != origin.sweep {
        return Err(fail("it belongs to another sweep; resume with that one, or start the fit anew".to_owned()));
    }
    if header.earlier.as_deref() != origin.earlier {
        return Err(fail("it started from another model; resume with that one, or start the fit anew".to_owned()));
    }
    if header.settings != *settings {
        return Err(fail("it was started with other settings; resume with those, or start the fit anew".to_owned()));
    }
    let size = settings.architecture().parameters();
    let mut members = Vec::with_capacity(settings.training().members);
    for index in 0..settings.training().members {
        let mut take = |name: &str, size: usize| tensors.take(&format!("member.{index}.{name}"), &[size]).map_err(fail);
        let progress = take("progress", 7)?;
        members.push(MemberState {
            parameters: take("parameters", size)?,
            adam: Adam {
                first: take("adam.first", size)?,
                second: take("adam.second", size)?,
                steps: progress[1] as u64,
            },
            best: take("best", size)?,
            iteration: progress[0] as u64,
            stale: progress[2] as u32,
            best_held_out: progress[3],
            judged: Check {
                parameters: take("judged", size)?,
                held_out: (!progress[4].is_nan()).then_some(progress[4]),
            },
            chosen_by: progress[5],
            unjudged: None,
            loss: progress[6],
        });
    }
    Ok((members, header.seconds))
}
