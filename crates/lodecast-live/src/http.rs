//! What the page of one run and the server of many have in common: connections, who is let in and how often, and how a refusal reads.

pub(crate) mod assets;
pub(crate) mod background;
pub(crate) mod connections;
pub(crate) mod guard;
pub(crate) mod listener;
pub(crate) mod pace;
pub(crate) mod problem;
pub(crate) mod unread;
mod unstalled;
