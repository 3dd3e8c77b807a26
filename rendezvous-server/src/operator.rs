//! What the operator may order a running server to do, and what it answers.

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use crate::counters::Snapshot;

/// Orders that may wait.
const ORDERS_MAX: usize = 16;
/// Longest reason of a ban, in bytes.
pub const REASON_MAX: usize = 200;

/// An order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Order {
    /// Tell what is there and what happened.
    Status,
    /// Tell the registered devices, the first thousand.
    Devices,
    /// Tell all bans.
    Bans,
    /// Shut somebody out from now on: a device, an account, a network or `@name`.
    Ban {
        /// Who.
        who: String,
        /// Why, for the list.
        #[serde(default)]
        reason: String,
    },
    /// Let somebody in again.
    Unban {
        /// Who, as [`Order::Bans`] tells it.
        who: String,
    },
    /// Read the configuration again, and take over what needs no restart.
    Reload,
}

/// A registered device, for the operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceLine {
    /// The device.
    pub device: String,
    /// Its account.
    pub account: String,
    /// Where it is connected from.
    pub from: Option<String>,
}

/// A ban, for the operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BanLine {
    /// Who.
    pub who: String,
    /// Why.
    pub reason: String,
    /// Since when, in milliseconds since 1970.
    pub since: u64,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// To [`Order::Status`].
    Status(Box<Snapshot>),
    /// To [`Order::Devices`].
    Devices(Vec<DeviceLine>),
    /// To [`Order::Bans`].
    Bans(Vec<BanLine>),
    /// It is done: what it came to, for a person.
    Done(String),
    /// It cannot be done: why, for a person.
    Failed(String),
}

/// An order on its way, with the way back.
pub(crate) type Ordered = (Order, oneshot::Sender<Reply>);

/// Gives orders to a running server.
#[derive(Clone, Debug)]
pub struct Operator(mpsc::Sender<Ordered>);

impl Operator {
    pub(crate) fn channel() -> (Self, mpsc::Receiver<Ordered>) {
        let (sender, receiver) = mpsc::channel(ORDERS_MAX);
        (Self(sender), receiver)
    }

    /// Gives an order and waits for the answer.
    pub async fn order(&self, order: Order) -> Reply {
        let (reply, replied) = oneshot::channel();
        let gone = || Reply::Failed("the server is about to end, or has too much to do".to_owned());
        if self.0.send((order, reply)).await.is_err() {
            return gone();
        }
        replied.await.unwrap_or_else(|_gone| gone())
    }
}
