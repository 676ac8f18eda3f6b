//! What a task is opened with: its scale, where its data is, the device it runs on, and how it differs on purpose.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::run::variation::Variation;

/// How much of a task's full size is used: a factor in (0, 1] on the widths of the network and the number of examples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Scale(f64);

impl Scale {
    /// The full size.
    pub const FULL: Scale = Scale(1.0);

    /// A scale.
    ///
    /// # Errors
    /// If the factor is not in (0, 1].
    pub fn new(factor: f64) -> Result<Self> {
        if factor > 0.0 && factor <= 1.0 {
            return Ok(Self(factor));
        }
        Err(Error::Setting { name: "scale", value: factor.to_string(), remedy: "take more than 0 and at most 1" })
    }

    /// The factor.
    pub fn factor(self) -> f64 {
        self.0
    }

    /// `full` at this scale, rounded, and at least one.
    pub fn of(self, full: usize) -> usize {
        ((full as f64 * self.0).round() as usize).max(1)
    }

    /// `full` at this scale, rounded to the nearest multiple of `step`, and at least one of them.
    pub fn of_multiple(self, full: usize, step: usize) -> usize {
        self.of(full.div_ceil(step)) * step
    }
}

impl Default for Scale {
    fn default() -> Self {
        Self::FULL
    }
}

impl TryFrom<f64> for Scale {
    type Error = Error;

    fn try_from(factor: f64) -> Result<Self> {
        Self::new(factor)
    }
}

impl From<Scale> for f64 {
    fn from(scale: Scale) -> Self {
        scale.0
    }
}

impl FromStr for Scale {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::new(text.parse().unwrap_or(f64::NAN))
    }
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The devices networks can be trained on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceKind {
    /// The processor, one core a run.
    #[default]
    Cpu,
    /// An NVIDIA GPU, if this was built with the feature `cuda`.
    Cuda,
    /// Any GPU with a Vulkan, Metal or DirectX driver, if this was built with the feature `wgpu`.
    Wgpu,
}

impl DeviceKind {
    /// Every device, whether this was built with it or not.
    pub const ALL: [DeviceKind; 3] = [DeviceKind::Cpu, DeviceKind::Cuda, DeviceKind::Wgpu];

    /// Name as written in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            DeviceKind::Cpu => "cpu",
            DeviceKind::Cuda => "cuda",
            DeviceKind::Wgpu => "wgpu",
        }
    }

    /// The device, ready to be used.
    ///
    /// # Errors
    /// If this was built without it.
    pub fn open(self) -> Result<Device> {
        match self {
            DeviceKind::Cpu => Ok(Device::flex()),
            #[cfg(feature = "cuda")]
            DeviceKind::Cuda => Ok(Device::cuda(burn::tensor::DeviceIndex::Default)),
            #[cfg(feature = "wgpu")]
            DeviceKind::Wgpu => Ok(Device::wgpu(burn::tensor::DeviceKind::DefaultDevice)),
            #[cfg(not(all(feature = "cuda", feature = "wgpu")))]
            other => Err(Error::Device {
                device: other.to_string(),
                remedy: format!("build with 'cargo build --release --features {other}', or take cpu"),
            }),
        }
    }
}

impl fmt::Display for DeviceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for DeviceKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| Error::Device {
            device: text.to_owned(),
            remedy: format!("choose one of {}", Self::ALL.map(Self::name).join(", ")),
        })
    }
}

/// What a task is opened with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskSettings {
    /// How much of the full size.
    #[serde(default, skip_serializing_if = "is_default")]
    pub scale: Scale,
    /// The data: a file or folder, whichever the task reads. Without it the usual places are looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<PathBuf>,
    /// What to train on.
    #[serde(default, skip_serializing_if = "is_default")]
    pub device: DeviceKind,
    /// How the task differs on purpose from what it is otherwise.
    #[serde(default, skip_serializing_if = "is_default")]
    pub variation: Variation,
}

impl TaskSettings {
    /// Are they what a task is opened with if nothing is said?
    pub fn is_default(&self) -> bool {
        is_default(self)
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Where data sets are looked for: `$LODECAST_DATA`, else `lodecast` in the user's folder for data.
pub fn data_folder() -> PathBuf {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("LODECAST_DATA")
        .or_else(|| set("XDG_DATA_HOME").map(|home| home.join("lodecast")))
        .or_else(|| set("HOME").map(|home| home.join(".local/share/lodecast")))
        .unwrap_or_else(|| Path::new("data").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_fractions() {
        let eighth: Scale = "0.125".parse().unwrap();
        assert_eq!(
            (eighth.of(64), eighth.of(3), eighth.of_multiple(512, 32), eighth.of_multiple(64, 32)),
            (8, 1, 64, 32)
        );
        for bad in ["0", "-1", "1.5", "NaN", "half", "inf"] {
            let error = bad.parse::<Scale>().unwrap_err().to_string();
            assert!(error.ends_with("take more than 0 and at most 1"), "{error}");
        }
        assert!(serde_json::from_str::<TaskSettings>(r#"{"scale": 2.0}"#).is_err());
        assert!(serde_json::from_str::<TaskSettings>("{}").unwrap().is_default());
    }

    #[test]
    fn devices_have_names_and_say_what_they_need() {
        for kind in DeviceKind::ALL {
            assert_eq!(kind.name().parse::<DeviceKind>().unwrap(), kind);
        }
        assert_eq!(
            "tpu".parse::<DeviceKind>().unwrap_err().to_string(),
            "no device 'tpu' here: choose one of cpu, cuda, wgpu"
        );
        #[cfg(not(feature = "cuda"))]
        assert!(DeviceKind::Cuda.open().unwrap_err().to_string().contains("--features cuda"));
    }
}
