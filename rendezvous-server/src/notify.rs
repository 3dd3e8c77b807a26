//! Tells the supervisor (systemd) that the server is ready, alive or ending.

use std::{env, ffi::OsStr, io};

use tracing::debug;

/// Sends a message to the supervisor that `NOTIFY_SOCKET` names, if there is one.
pub fn tell(message: &str) {
    if let Some(socket) = env::var_os("NOTIFY_SOCKET")
        && let Err(error) = send(&socket, message.as_bytes())
    {
        debug!(%error, "the supervisor cannot be told");
    }
}

#[cfg(target_os = "linux")]
fn send(socket: &OsStr, message: &[u8]) -> io::Result<()> {
    use std::os::{
        linux::net::SocketAddrExt as _,
        unix::{
            ffi::OsStrExt as _,
            net::{SocketAddr, UnixDatagram},
        },
    };

    let address = match socket.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        path => SocketAddr::from_pathname(OsStr::from_bytes(path))?,
    };
    let datagram = UnixDatagram::unbound()?;
    datagram.set_nonblocking(true)?;
    datagram.send_to_addr(message, &address)?;
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn send(_socket: &OsStr, _message: &[u8]) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use super::*;

    #[test]
    fn the_supervisor_hears() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let supervisor = UnixDatagram::bind(&path).unwrap();
        send(path.as_os_str(), b"READY=1").unwrap();
        let mut heard = [0; 16];
        let length = supervisor.recv(&mut heard).unwrap();
        assert_eq!(&heard[..length], b"READY=1");
    }

    #[test]
    fn without_a_supervisor_it_is_an_error_and_no_panic() {
        assert!(send(OsStr::new("/no/such/socket"), b"READY=1").is_err());
    }
}
