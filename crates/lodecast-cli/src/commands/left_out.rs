//! What a command says that was left out when the program was built.

use std::ffi::OsString;

use anyhow::Result;
use clap::Args;

use crate::failure::failure;

/// Whatever was asked of it.
#[derive(Args, Debug)]
#[command(disable_help_flag = true)]
pub(crate) struct Arguments {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    asked: Vec<OsString>,
}

impl Arguments {
    /// Says what is missing, and how to get it with the `feature` that brings it.
    ///
    /// # Errors
    /// Always.
    pub(crate) fn refuse(self, what: &str, feature: &str) -> Result<()> {
        drop(self.asked);
        Err(failure(
            format!("this lodecast was built without {what}"),
            format!(
                "install it with: cargo install lodecast-cli --features {feature} (in a checkout: cargo install --path \
                 crates/lodecast-cli --features {feature})"
            ),
        ))
    }
}
