//! [`State`]: what the routes of a server share.

use std::sync::Arc;

use crate::http::guard::OwnNames;
use crate::page::Bests;
use crate::serve::readers::Paces;
use crate::serve::runs::Runs;
use crate::serve::sources::Sources;
use crate::serve::tokens::Tokens;

/// What the routes share.
#[derive(Clone, Debug)]
pub(in crate::serve) struct State {
    pub(in crate::serve) runs: Arc<Runs>,
    pub(in crate::serve) sources: Arc<Sources>,
    pub(in crate::serve) tokens: Arc<Tokens>,
    pub(in crate::serve) names: Arc<OwnNames>,
    pub(in crate::serve) bests: Arc<Bests>,
    pub(in crate::serve) looks: Arc<Paces>,
    pub(in crate::serve) polls: Arc<Paces>,
}
