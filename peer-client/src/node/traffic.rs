//! Bytes to and from each device.

use std::{
    collections::BTreeMap,
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use futures::{AsyncRead, AsyncWrite};
use wire::id::DeviceId;

use crate::core::model::Traffic;

/// Devices whose bytes are counted.
const DEVICES_MAX: usize = 8 * 1024;

/// Counters of all devices, shared by the streams.
#[derive(Clone, Debug, Default)]
pub(super) struct Counters(Arc<Mutex<BTreeMap<DeviceId, Arc<Counter>>>>);

/// Bytes of one device.
#[derive(Debug, Default)]
pub(super) struct Counter {
    sent: AtomicU64,
    received: AtomicU64,
}

impl Counters {
    /// A stream whose bytes count as those of a device.
    pub(super) fn count<S>(&self, device: DeviceId, stream: S) -> Counted<S> {
        let mut counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counter = match counters.get(&device) {
            Some(counter) => Arc::clone(counter),
            None if counters.len() < DEVICES_MAX => Arc::clone(counters.entry(device).or_default()),
            None => Arc::default(),
        };
        Counted { stream, counter }
    }

    /// What has passed so far.
    pub(super) fn read(&self) -> BTreeMap<DeviceId, Traffic> {
        let counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let traffic = |counter: &Counter| Traffic {
            sent: counter.sent.load(Ordering::Relaxed),
            received: counter.received.load(Ordering::Relaxed),
        };
        counters.iter().map(|(device, counter)| (*device, traffic(counter))).collect()
    }
}

/// A stream that counts.
#[derive(Debug)]
pub(super) struct Counted<S> {
    stream: S,
    counter: Arc<Counter>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_read(context, buffer);
        if let Poll::Ready(Ok(bytes)) = &result {
            self.counter.received.fetch_add(*bytes as u64, Ordering::Relaxed);
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, buffer);
        if let Poll::Ready(Ok(bytes)) = &result {
            self.counter.sent.fetch_add(*bytes as u64, Ordering::Relaxed);
        }
        result
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(context)
    }
}
