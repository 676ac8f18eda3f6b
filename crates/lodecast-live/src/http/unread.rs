//! [`Unread`]: whether the body of a request has been read to its end, which a refusal may not have waited for.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll};

use axum::Error;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use hyper::body::Frame;

/// Knows whether something of a request is unread.
#[derive(Clone, Debug)]
pub(crate) struct Unread(Arc<AtomicBool>);

/// A body that says when it is at its end.
struct Watched {
    body: Body,
    unread: Unread,
}

impl Unread {
    /// Watches over the body of a request.
    pub(crate) fn of(request: Request) -> (Request, Self) {
        let unread = Self(Arc::new(AtomicBool::new(!request.body().is_end_stream())));
        let watched = |body| Body::new(Watched { body, unread: unread.clone() });
        (request.map(watched), unread)
    }

    /// Has an answer say that its connection ends where something is left: the next request over it would begin with that rest.
    pub(crate) fn said_in(&self, answer: &mut Response) {
        if self.0.load(Relaxed) {
            answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if matches!(frame, Poll::Ready(None)) {
            self.unread.0.store(false, Relaxed);
        }
        frame
    }
}
