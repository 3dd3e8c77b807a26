//! Several pairs side by side.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use tokio::{sync::Semaphore, task::JoinSet};

use crate::pair::{Outcome, Pair};

/// How pairs are run.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How many at one time.
    pub beside: usize,
    /// How long after the first message the road is looked at.
    pub settled_after: Duration,
}

/// Runs pairs and hands each result to `report` as it comes. They come back in order.
pub async fn run(
    pairs: &[Pair],
    plan: Plan,
    report: impl Fn(Pair, &Result<Outcome>),
) -> Vec<(Pair, Result<Outcome>)> {
    let room = Arc::new(Semaphore::new(plan.beside));
    let mut running = JoinSet::new();
    for (index, pair) in pairs.iter().copied().enumerate() {
        let room = Arc::clone(&room);
        running.spawn(async move {
            let _permit = room.acquire_owned().await;
            (index, pair, pair.run(plan.settled_after).await)
        });
    }
    let mut results = Vec::new();
    while let Some(joined) = running.join_next().await {
        let (index, pair, result) = match joined {
            Ok(joined) => joined,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        report(pair, &result);
        results.push((index, pair, result));
    }
    results.sort_by_key(|(index, ..)| *index);
    results.into_iter().map(|(_, pair, result)| (pair, result)).collect()
}
