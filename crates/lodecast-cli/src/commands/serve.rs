//! `lodecast serve`: the learning rates of many runs over HTTP, and a page that shows them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use lodecast_live::{Address, Server, ServerOptions};
use serde_json::json;

use crate::failure::failure;
use crate::interrupt;
use crate::options::fraction::value;
use crate::output::Output;

/// Looks whether it is time to end come so often.
const PATIENCE: Duration = Duration::from_millis(100);

/// What to serve, and to whom.
#[derive(Args, Debug)]
#[command(
    after_help = "A run is made by 'curl -X PUT URL/v1/runs/ID -d {\"model\":\"NAME\",\"total_steps\":1000}', and each \
                  'curl URL/v1/runs/ID/step -d step=12 -d train_loss=0.3' prints the learning rate of the next step."
)]
pub(crate) struct Arguments {
    /// Folder of models, NAME.lode
    #[arg(long, value_name = "DIR")]
    models: PathBuf,
    /// Folder of what is known of the runs; it is made if need be
    #[arg(long, value_name = "DIR")]
    store: PathBuf,
    /// Address to listen at; one that others can reach needs --token-file
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7979")]
    listen: SocketAddr,
    /// Unix socket to listen at instead, which only its owner can open
    #[cfg(unix)]
    #[arg(long, value_name = "PATH", conflicts_with = "listen")]
    socket: Option<PathBuf>,
    /// File of lines 'read TOKEN' and 'write RUN TOKEN', which nobody else may read; RUN may end with *
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Name by which browsers reach the server, besides its address
    #[arg(long, value_name = "HOST")]
    name: Vec<String>,
    /// Folder or address beneath which the server may follow logs itself
    #[arg(long, value_name = "PLACE")]
    source: Vec<String>,
    /// What runs should end at that name no target of their own: an alert says when one hardly will
    #[arg(long, value_name = "VALUE", allow_negative_numbers = true, value_parser = value)]
    target: Option<f64>,
}

impl Arguments {
    fn address(&self) -> Address {
        #[cfg(unix)]
        if let Some(path) = &self.socket {
            return Address::Unix(path.clone());
        }
        self.listen.into()
    }

    pub(crate) fn run(&self, output: &mut Output) -> Result<()> {
        let interrupted = interrupt::flag()?;
        let server = Server::open(ServerOptions {
            address: self.address(),
            token_file: self.token_file.clone(),
            names: self.name.clone(),
            sources: self.source.clone(),
            target: self.target,
            ..ServerOptions::new(&self.models, &self.store)
        })?;
        let address = server.address().to_string();
        if output.wants_json() {
            output.json_line(&json!({"address": address}))?;
        } else {
            output.line(format_args!("serving at {address}"))?;
            output.flush()?;
        }
        while !interrupted.load(Ordering::Relaxed) {
            if server.has_ended() {
                return Err(failure("the server ended of itself", "start it again: what it acknowledged is kept"));
            }
            sleep(PATIENCE);
        }
        output.say("ended; what was acknowledged is kept");
        Ok(())
    }
}
