//! The admin socket: one JSON object a line, an [`Order`] in and a [`Reply`] out, through a Unix
//! socket that only the server's own user can open.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::{Value, json};
use thiserror::Error;

use crate::operator::{Operator, Order, Reply};

/// Name of the socket in the data folder.
pub const SOCKET: &str = "admin.sock";
/// Longest line, in bytes.
const LINE_MAX: usize = 4 * 1024;
/// Connections at one time; more wait.
const CONNECTIONS_MAX: usize = 8;
/// Time in which a running server answers.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Why a running server did not answer.
#[derive(Debug, Error)]
pub enum AdminError {
    /// Nothing listens.
    #[error(
        "no server runs with this data folder ({path}: {source}); start it, or name the folder of the one that runs"
    )]
    NotRunning {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The connection broke, or the answer makes no sense.
    #[error("the server does not answer: {0}")]
    Broken(String),
    /// The server says no.
    #[error("{0}")]
    Failed(String),
}

/// Reads a line as an order.
pub fn read_order(line: &str) -> Result<Order, String> {
    if line.len() > LINE_MAX {
        return Err(format!("a line has at most {LINE_MAX} bytes"));
    }
    serde_json::from_str(line).map_err(|error| format!("not an order: {error}"))
}

/// What the socket answers to a line.
async fn answer(line: &str, operator: &Operator) -> Value {
    let reply = match read_order(line) {
        Ok(order) => operator.order(order).await,
        Err(text) => Reply::Failed(text),
    };
    serde_json::to_value(&reply).unwrap_or_else(|error| json!({"failed": error.to_string()}))
}

#[cfg(unix)]
mod socket {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use tokio::{
        io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
        net::{UnixListener, UnixStream},
        task::JoinSet,
        time::{sleep, timeout},
    };
    use tracing::debug;

    use super::{
        ANSWER_WITHIN, AdminError, CONNECTIONS_MAX, Duration, LINE_MAX, Operator, Order, Path,
        SOCKET, Value, answer, io, json,
    };

    /// Pause after the system gave no connection, as when files ran out.
    const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

    /// Opens the socket in a locked data folder, over what a server that crashed left there.
    pub fn bind(data_dir: &Path) -> io::Result<UnixListener> {
        let path = data_dir.join(SOCKET);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        Ok(listener)
    }

    /// Answers until this is dropped.
    pub async fn serve(listener: UnixListener, operator: Operator) {
        let mut connections = JoinSet::new();
        loop {
            while connections.len() >= CONNECTIONS_MAX {
                connections.join_next().await;
            }
            match listener.accept().await {
                Ok((stream, _from)) => {
                    connections.spawn(converse(stream, operator.clone()));
                }
                Err(error) => {
                    debug!(%error, "no connection for the operator");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
            while connections.try_join_next().is_some() {}
        }
    }

    async fn converse(stream: UnixStream, operator: Operator) -> io::Result<()> {
        let (reader, mut writer) = stream.into_split();
        let mut reader = BufReader::new(reader);
        loop {
            let mut line = String::new();
            let read = (&mut reader).take(LINE_MAX as u64 + 1).read_line(&mut line).await?;
            if read == 0 {
                return Ok(());
            }
            let mut answered = answer(&line, &operator).await.to_string();
            answered.push('\n');
            writer.write_all(answered.as_bytes()).await?;
            if read > LINE_MAX {
                return Ok(());
            }
        }
    }

    /// Gives an order to the server that runs with a data folder.
    pub async fn order(data_dir: &Path, order: &Order) -> Result<Value, AdminError> {
        let path = data_dir.join(SOCKET);
        let stream = match UnixStream::connect(&path).await {
            Ok(stream) => stream,
            Err(source) => return Err(AdminError::NotRunning { path, source }),
        };
        let conversation = async {
            let (reader, mut writer) = stream.into_split();
            let mut line = json!(order).to_string();
            line.push('\n');
            writer.write_all(line.as_bytes()).await?;
            let mut answered = String::new();
            BufReader::new(reader).read_line(&mut answered).await?;
            Ok::<_, io::Error>(answered)
        };
        let broken = |error: &dyn std::fmt::Display| AdminError::Broken(error.to_string());
        let answered = timeout(ANSWER_WITHIN, conversation).await;
        let answered = answered.map_err(|elapsed| broken(&elapsed))?.map_err(|it| broken(&it))?;
        let value: Value = serde_json::from_str(&answered).map_err(|error| broken(&error))?;
        match value.get("failed").and_then(Value::as_str) {
            Some(text) => Err(AdminError::Failed(text.to_owned())),
            None => Ok(value),
        }
    }
}

#[cfg(unix)]
pub use socket::{bind, order, serve};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_read_and_what_is_none_is_told() {
        let ban = r#"{"do":"ban","who":"203.0.113.0/24"}"#;
        let expected = Order::Ban { who: "203.0.113.0/24".to_owned(), reason: String::new() };
        assert_eq!(read_order(ban), Ok(expected));
        assert_eq!(read_order(r#"{"do":"status"}"#), Ok(Order::Status));
        for line in ["", "{", "[]", r#"{"do":"explode"}"#, r#"{"do":"ban"}"#] {
            assert!(read_order(line).unwrap_err().starts_with("not an order"), "{line}");
        }
        assert!(read_order(&" ".repeat(LINE_MAX + 1)).unwrap_err().contains("at most"));
    }
}
