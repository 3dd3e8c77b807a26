//! SIGTERM and SIGINT, which end the program in order.

use std::io;

use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// Listens from now on. The future ends with the first signal.
pub fn ended() -> io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        Ok(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    })
}

/// A token that the first signal cancels.
pub fn shutdown(runtime: &Runtime) -> io::Result<CancellationToken> {
    let token = CancellationToken::new();
    let cancel = token.clone();
    let ended = runtime.block_on(async { ended() })?;
    // Waits as long as the program runs.
    drop(runtime.spawn(async move {
        ended.await;
        cancel.cancel();
    }));
    Ok(token)
}
