// SPDX-License-Identifier: MIT OR Apache-2.0
//! The state that all handlers share.

use std::sync::Arc;

use anyhow::Context;
use stage1_contract::Action;

use crate::api::response::Failure;
use crate::folder::Folder;
use crate::store::Store;

/// An inventory that is being served.
pub(crate) struct Inventory {
    pub(crate) folder: Folder,
    pub(crate) store: Store,
    /// The action for a host without an action or a profile of its own.
    pub(crate) default_action: Action,
}

impl Inventory {
    /// Runs `work`, which may block on the database, outside the threads that serve requests.
    pub(crate) async fn query<T: Send + 'static>(
        self: Arc<Self>,
        work: impl FnOnce(&Inventory) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        tokio::task::spawn_blocking(move || work(&self)).await.context("running a query")?
    }
}
