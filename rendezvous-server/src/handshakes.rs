//! Sets up TCP connections on a thread of lower priority.
//!
//! A handshake costs as much as dozens of requests, and anybody may begin one. So those who are
//! connected come first: newcomers get what they leave of the processor, which is all of it when
//! they are silent.

use std::{
    future, io,
    pin::Pin,
    task::{Context, Poll},
    thread,
};

use futures::{FutureExt as _, future::BoxFuture};
use libp2p::{
    Multiaddr, Transport, TransportError,
    core::transport::{DialOpts, ListenerId, TransportEvent},
};
use tokio::runtime::{Builder, Handle};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::AbortOnDropHandle,
};
use tracing::debug;

/// A transport whose incoming connections are set up elsewhere.
pub(crate) struct Deferred<T> {
    transport: T,
    thread: Handle,
    /// Ends the thread.
    _end: DropGuard,
}

impl<T> Deferred<T> {
    pub(crate) fn new(transport: T) -> io::Result<Self> {
        let end = CancellationToken::new();
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let ended = end.clone();
        thread::Builder::new().name("handshakes".to_owned()).spawn(move || {
            yield_to_others();
            runtime.block_on(ended.cancelled());
        })?;
        Ok(Self { transport, thread: handle, _end: end.drop_guard() })
    }
}

/// Gives this thread a tenth of the weight of others, where the system lets it.
#[cfg(target_os = "linux")]
fn yield_to_others() {
    const NICENESS: i32 = 10;
    // The link leads to `PROCESS/task/THREAD`.
    let link = std::fs::read_link("/proc/thread-self").ok();
    let thread = link.as_deref().and_then(|it| it.file_name()?.to_str()?.parse().ok());
    let thread = thread.and_then(rustix::process::Pid::from_raw);
    let outcome = thread.map(|it| rustix::process::setpriority_process(Some(it), NICENESS));
    debug!(?outcome, "handshakes give way to the rest");
}

#[cfg(not(target_os = "linux"))]
fn yield_to_others() {}

impl<T> Transport for Deferred<T>
where
    T: Transport + Unpin,
    T::ListenerUpgrade: Send + 'static,
    T::Output: Send + 'static,
    T::Error: Send + 'static,
{
    type Output = T::Output;
    type Error = T::Error;
    type ListenerUpgrade = BoxFuture<'static, Result<T::Output, T::Error>>;
    type Dial = T::Dial;

    fn listen_on(
        &mut self,
        id: ListenerId,
        address: Multiaddr,
    ) -> Result<(), TransportError<Self::Error>> {
        self.transport.listen_on(id, address)
    }

    fn remove_listener(&mut self, id: ListenerId) -> bool {
        self.transport.remove_listener(id)
    }

    fn dial(
        &mut self,
        address: Multiaddr,
        options: DialOpts,
    ) -> Result<Self::Dial, TransportError<Self::Error>> {
        self.transport.dial(address, options)
    }

    fn poll(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<TransportEvent<Self::ListenerUpgrade, Self::Error>> {
        let event = Pin::new(&mut self.transport).poll(context);
        let thread = &self.thread;
        event.map(|event| event.map_upgrade(|upgrade| defer(thread.clone(), upgrade)))
    }
}

/// Runs a future on the other thread for as long as this one is kept.
fn defer<F>(thread: Handle, upgrade: F) -> BoxFuture<'static, F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    async move {
        match AbortOnDropHandle::new(thread.spawn(upgrade)).await {
            Ok(outcome) => outcome,
            // It panicked or the server ends; the time for setting up connections ends it.
            Err(error) => {
                debug!(%error, "a handshake was given up");
                future::pending().await
            }
        }
    }
    .boxed()
}
