//! The end of a node.

use std::time::Duration;

use futures::future::join_all;
use tokio::time::timeout;

use super::{opening, run::Running};

impl Running {
    /// Lets streams end in order and writes what waits to the disk.
    pub(super) async fn close(mut self) {
        self.outboxes.clear();
        self.server.outbox = None;
        let ending = async {
            // Streams that close orderly tell the other side at once.
            while let Ok(Some(_)) = timeout(Duration::from_millis(100), self.events.recv()).await {}
        };
        if timeout(Duration::from_millis(500), ending).await.is_err() {
            tracing::debug!("some streams did not end in time");
        }
        self.close_ports().await;
        self.tasks.abort_all();
        self.jobs.shutdown().await;
        while let Some(op) = self.store_backlog.pop_front() {
            if let Err(op) = self.store.try_submit(op) {
                self.store_backlog.push_front(op);
                // Makes room: replies are not needed any more.
                if self.store_replies.recv().await.is_none() {
                    break;
                }
            }
        }
        self.store_replies.close();
        let (store, blobs) = (self.store, self.blobs);
        let closing = move || {
            blobs.settle();
            drop(store);
        };
        if tokio::task::spawn_blocking(closing).await.is_err() {
            tracing::error!("the store could not be closed");
        }
    }

    /// Nobody is to be let in to what listens no more.
    async fn close_ports(&mut self) {
        let openings = std::mem::take(&mut self.openings);
        join_all(openings.into_iter().map(|(port, opening)| opening::close(port, opening))).await;
    }
}
