// SPDX-License-Identifier: MIT OR Apache-2.0
//! A model of a BMC that both a test and a session hold.

#![allow(clippy::disallowed_methods, reason = "sets a deadline")]

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use ipmi::NetFn;

use super::{BmcSession, RetryPolicy, Transport, TransportError};

/// What a BMC does with a request.
pub(crate) trait Respond: Send + 'static {
    /// Returns the completion code and the data after it.
    fn respond(&mut self, net_fn: NetFn, code: u8, data: &[u8]) -> Result<Vec<u8>, TransportError>;
}

/// The model.
pub(crate) struct Shared<M>(Arc<Mutex<M>>);

impl<M: Respond> Shared<M> {
    pub(crate) fn new(model: M) -> Self {
        Self(Arc::new(Mutex::new(model)))
    }

    /// The model, to look at or to change.
    pub(crate) fn model(&self) -> MutexGuard<'_, M> {
        self.0.lock().unwrap()
    }

    /// A session with it, with short pauses.
    pub(crate) fn session(&self) -> BmcSession {
        let policy = RetryPolicy { pause: Duration::from_millis(1), ..RetryPolicy::default() };
        let deadline = Instant::now() + Duration::from_secs(60);
        BmcSession::new(Box::new(self.clone()), policy, deadline)
    }
}

impl<M> Clone for Shared<M> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<M: Respond> Transport for Shared<M> {
    fn exchange(
        &mut self,
        net_fn: NetFn,
        code: u8,
        data: &[u8],
        _: Duration,
    ) -> Result<Vec<u8>, TransportError> {
        self.model().respond(net_fn, code, data)
    }
}
