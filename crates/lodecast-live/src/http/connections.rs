//! Connections: so many at once, with limits on the head of a request and on how long either side may dawdle.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::sync::{Semaphore, oneshot};

use super::listener::Listener;
use super::unstalled::Unstalled;

/// Bytes of the head of a request, and lines in it.
const HEAD_BYTES: usize = 16 << 10;
const HEADERS: usize = 64;
/// Time that the head of a request may take to arrive, and that a reader may take nothing.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Serves until told to stop; `most` connections at once.
pub(crate) async fn serve(listener: Listener, routes: Router, most: usize, mut stopped: oneshot::Receiver<()>) {
    let Ok(listener) = listener.accepting() else { return };
    let service = TowerToHyperService::new(routes);
    let places = Arc::new(Semaphore::new(most));
    loop {
        let accepted = tokio::select! {
            _ = &mut stopped => return,
            accepted = listener.accept() => accepted,
        };
        let Ok(stream) = accepted else {
            // Out of file descriptors, perhaps: they come back.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        // Who comes when all places are taken is sent away by the closing of the connection.
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let service = service.clone();
        tokio::spawn(async move {
            let mut connection = http1::Builder::new();
            connection.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
            connection.max_buf_size(HEAD_BYTES).max_headers(HEADERS);
            let stream = TokioIo::new(Unstalled::new(stream, PATIENCE));
            let _ended = connection.serve_connection(stream, service).await;
            drop(place);
        });
    }
}
