//! [`Server`]: many runs over HTTP. Points come in, are on disk before the answer, and learning rates go out.

mod counters;
mod entry;
mod form;
mod models;
mod names;
mod readers;
mod routes;
mod runs;
mod served_run;
mod settings;
mod sources;
mod store;
mod tokens;
mod which;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;

use crate::error::{Error, Result};
use crate::http::background::Background;
use crate::http::connections;
use crate::http::guard::OwnNames;
use crate::http::listener::{Address, Listener};
use models::Models;
use readers::Paces;
use runs::Runs;
use sources::{Allowed, Sources};
use store::Store;
use tokens::Tokens;

/// Connections at once.
const CONNECTIONS: usize = 4096;
/// Runs are kept on disk only after a look so often.
const SWEEP: Duration = Duration::from_mins(1);

/// What to serve, and to whom.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Folder of the models, `NAME.lode`.
    pub models: PathBuf,
    /// Folder of the store, which is made if need be.
    pub store: PathBuf,
    /// Where to listen. An address that others can reach needs a token file.
    pub address: Address,
    /// Names by which browsers reach the server besides its address.
    pub names: Vec<String>,
    /// File of tokens.
    pub token_file: Option<PathBuf>,
    /// Folders and addresses beneath which the server may follow logs.
    pub sources: Vec<String>,
    /// What a run should end at that says nothing of it.
    pub target: Option<f64>,
    /// Requests to write that a run may make a second; twice as many at once.
    pub pace: f64,
    /// Requests for pages, lists and forecasts that a reader may make a second; twice as many at once. A reader is whoever has the
    /// same token, or everybody on this machine where none is asked for.
    pub looks: f64,
    /// Requests for a rate or a schedule that a reader may make a second; twice as many at once.
    pub polls: f64,
}

impl ServerOptions {
    /// On this machine only, without tokens, on a free port.
    pub fn new(models: impl Into<PathBuf>, store: impl Into<PathBuf>) -> Self {
        Self {
            models: models.into(),
            store: store.into(),
            address: SocketAddr::from(([127, 0, 0, 1], 0)).into(),
            names: Vec::new(),
            token_file: None,
            sources: Vec::new(),
            target: None,
            pace: 2000.0,
            looks: 500.0,
            polls: 5000.0,
        }
    }
}

/// A server, for as long as this is held.
#[derive(Debug)]
pub struct Server {
    address: Address,
    background: Background,
}

impl Server {
    /// Begins to serve.
    ///
    /// # Errors
    /// If the address is for others and there are no tokens, or is taken; if there are no models; if the store cannot be had.
    pub fn open(options: ServerOptions) -> Result<Self> {
        if let Address::Tcp(address) = options.address
            && !address.ip().is_loopback()
            && options.token_file.is_none()
        {
            let reason = "whoever reaches this address could write".to_owned();
            let remedy = "give 127.0.0.1:PORT, or tokens with --token-file; from elsewhere 'ssh -L PORT:127.0.0.1:PORT' leads to it";
            return Err(Error::Page { address, reason, remedy });
        }
        let tokens = options.token_file.as_deref().map(Tokens::read).transpose()?.unwrap_or_default();
        let allowed = Allowed::of(&options.sources)?;
        let models = Models::open(options.models)?;
        let store = Store::open(&options.store)?;
        let damaged = |reason| Error::Damaged { path: options.store, reason, remedy: "look at the disk" };
        let runs = Arc::new(Runs::new(store, models, options.target, options.pace).map_err(damaged)?);
        let (listener, address) = Listener::bind(&options.address)?;
        let paces = |a_second| Arc::new(Paces::new(a_second, tokens.count()));
        let state = routes::State {
            looks: paces(options.looks),
            polls: paces(options.polls),
            runs: Arc::clone(&runs),
            sources: Arc::new(Sources::new(allowed)),
            names: Arc::new(OwnNames::new(&address, &options.names)),
            bests: Arc::default(),
            tokens: Arc::new(tokens),
        };
        let serve = move |runtime: Runtime, stopped| {
            runtime.block_on(async {
                state.sources.go_on(&runs).await;
                let refreshed = Arc::clone(&runs);
                tokio::spawn(async move { refreshed.refresh().await });
                let swept = Arc::clone(&runs);
                tokio::spawn(async move {
                    loop {
                        tokio::time::sleep(SWEEP).await;
                        swept.sweep();
                    }
                });
                let sources = Arc::clone(&state.sources);
                connections::serve(listener, routes::routes(state), CONNECTIONS, stopped).await;
                let _ = tokio::task::spawn_blocking(move || sources.end()).await;
            });
            // What is being worked on is brought to its end, and then the store is closed.
            runtime.shutdown_timeout(Duration::from_secs(10));
        };
        let background = Background::begin("serve", serve).map_err(|source| Error::Thread { source })?;
        Ok(Self { address, background })
    }

    /// Where it is.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Has it ended of itself, which it never should?
    pub fn has_ended(&self) -> bool {
        self.background.has_ended()
    }
}
