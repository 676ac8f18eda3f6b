//! [`Page`]: one run on one screen, served to browsers on this machine.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use lodecast::Point;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::error::{Error, Result};
use crate::http::background::Background;
use crate::http::guard::OwnNames;
use crate::http::listener::Listener;
use crate::http::pace::Pace;
use crate::live_run::LiveRun;
use crate::page::Bests;
use crate::page::server;
use crate::page::shown::{Asked, Shown};
use crate::page::view::View;

/// Browsers are told of the end for so long at most, and what was told is on its way after so long.
const FAREWELL: Duration = Duration::from_secs(1);
const ON_ITS_WAY: Duration = Duration::from_millis(50);

/// A page that shows a run, kept up to date for as long as this is held.
#[derive(Debug)]
pub struct Page {
    address: SocketAddr,
    shown: watch::Sender<Arc<Shown>>,
    asked: Arc<Mutex<Option<Asked>>>,
    bests: Bests,
    /// Tells the events of this page from those of one before it.
    begun: u128,
    /// Held once more by every browser that listens and has not heard of the end.
    listening: Arc<()>,
    _server: Background,
}

impl Page {
    /// Serves the page at an address of this machine; port 0 takes a free one.
    ///
    /// # Errors
    /// If the address is not a loopback one, or is taken.
    pub fn open(address: SocketAddr) -> Result<Self> {
        let failed = |reason: String, remedy: &'static str| Error::Page { address, reason, remedy };
        if !address.ip().is_loopback() {
            let reason = "a page is shown on this machine only".to_owned();
            return Err(failed(reason, "give 127.0.0.1:PORT; from elsewhere 'ssh -L PORT:127.0.0.1:PORT' leads to it"));
        }
        let taken = |error: std::io::Error| failed(error.to_string(), "give another port, or 0 for any that is free");
        let (listener, address) = Listener::tcp(address)?;
        let (shown, watched) = watch::channel(Arc::new(Shown::default()));
        let asked = Arc::new(Mutex::new(None));
        let listening = Arc::new(());
        let state = server::State {
            names: OwnNames::new(&address.into(), &[]),
            shown: watched,
            asked: Arc::clone(&asked),
            looks: Arc::new(Pace::new(server::LOOKS)),
            listening: Arc::downgrade(&listening),
        };
        let serve = move |runtime: Runtime, stopped| runtime.block_on(server::serve(listener, state, stopped));
        let server = Background::begin("page", serve).map_err(taken)?;
        let begun = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        Ok(Self { address, shown, asked, bests: Bests::default(), begun, listening, _server: server })
    }

    /// Where it is to be seen.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Shows the run as it is now; `absent` says why its log cannot be read, if so.
    pub fn show(&self, run: &LiveRun, points: &[Point], absent: Option<&str>) {
        let best = self.bests.of(run.model(), run.state().total_steps);
        let view = View::of(&run.subject(points), points, absent, best);
        let json = view.to_json();
        let (known, number) = {
            let shown = self.shown.borrow();
            (shown.json == json, shown.number + 1)
        };
        if known {
            return;
        }
        // A run holds its model: it is copied only where something is new.
        let asked = Asked { run: Arc::new(run.clone()), points: points.into() };
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = Some(asked);
        self.shown.send_replace(Arc::new(Shown { id: format!("{}-{number}", self.begun), number, json, ended: false }));
    }
}

impl Drop for Page {
    /// Browsers that look at it are told that nothing comes any more: without that they would take the connection for lost.
    fn drop(&mut self) {
        self.shown.send_modify(|shown| {
            let Shown { id, number, json, .. } = &**shown;
            *shown = Arc::new(Shown { id: id.clone(), number: *number, json: json.clone(), ended: true });
        });
        let begun = Instant::now();
        if Arc::strong_count(&self.listening) > 1 {
            while Arc::strong_count(&self.listening) > 1 && begun.elapsed() < FAREWELL {
                sleep(ON_ITS_WAY / 5);
            }
            sleep(ON_ITS_WAY);
        }
    }
}
