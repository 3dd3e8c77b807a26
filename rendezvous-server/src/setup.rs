//! What a new server finds out by itself: the addresses of this machine, and its first
//! configuration. And the links by which people come to it.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket},
    path::Path,
    time::Duration,
};

use fast_qr::QRBuilder;
use libp2p::{Multiaddr, multiaddr::Protocol};
use wire::{
    admission::AdmissionToken,
    bounded::Bounded,
    id::TokenId,
    invite::{Invitation, Invite},
    key::DeviceKey,
    limits::NUMBER_MAX,
    rendezvous::Address,
    signed::Signed,
};

use crate::{addresses, config::TEMPLATE};

/// Name of the configuration that `init` writes into the data folder and `run` finds there.
pub const CONFIG_FILE: &str = "server.toml";

/// Which addresses of this machine would be used to reach the internet, one of each family. No
/// packet is sent.
pub fn own_addresses() -> Vec<IpAddr> {
    // Documentation addresses, which nobody has.
    let probes: [(IpAddr, IpAddr); 2] = [
        (Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::new(192, 0, 2, 1).into()),
        (Ipv6Addr::UNSPECIFIED.into(), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into()),
    ];
    let source = |(from, to): (IpAddr, IpAddr)| {
        let socket = UdpSocket::bind((from, 0)).ok()?;
        socket.connect((to, 9)).ok()?;
        Some(socket.local_addr().ok()?.ip())
    };
    probes.into_iter().filter_map(source).collect()
}

/// The addresses to listen on as others reach them at `ips`, where they name no address.
pub fn external_addresses(listen: &[Multiaddr], ips: &[IpAddr]) -> Vec<Multiaddr> {
    let mut external = Vec::new();
    for address in listen {
        let Some(listened) = addresses::ip_of(address) else { continue };
        let reached = ips.iter().filter(|ip| ip.is_ipv4() == listened.is_ipv4());
        if listened.is_unspecified() {
            external.extend(reached.filter_map(|ip| {
                address.replace(0, |_| {
                    Some(match ip {
                        IpAddr::V4(ip) => Protocol::Ip4(*ip),
                        IpAddr::V6(ip) => Protocol::Ip6(*ip),
                    })
                })
            }));
        } else if addresses::is_public(listened) {
            external.push(address.clone());
        }
    }
    external
}

/// The commented configuration with these external addresses.
pub fn render(external: &[Multiaddr]) -> String {
    let list = if external.is_empty() {
        "external_addresses = []".to_owned()
    } else {
        let lines: Vec<_> =
            external.iter().map(|address| format!("    \"{address}\",\n")).collect();
        format!("external_addresses = [\n{}]", lines.concat())
    };
    TEMPLATE.replacen("external_addresses = []", &list, 1)
}

/// Writes a file that is not there yet.
pub fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    if written.is_err() {
        // Half a configuration would be taken for one.
        fs::remove_file(path)?;
    }
    written
}

/// A link to the server, of as many addresses as a link takes.
pub fn invite(server: &DeviceKey, addresses: &[Multiaddr], to: Invitation) -> Invite {
    let addresses = addresses.iter().cloned().filter_map(Address::new);
    Invite { server: server.id(), addresses: Bounded::truncated(addresses), to }
}

/// A token that admits `uses` new names from `now` (milliseconds since 1970) on for a time.
pub fn token(server: &DeviceKey, uses: u32, now: u64, lasts: Duration) -> Signed<AdmissionToken> {
    let lasts = u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX);
    let expires_at = now.saturating_add(lasts).min(NUMBER_MAX);
    let id = TokenId::new(rand::random());
    Signed::by_device(&AdmissionToken { server: server.id(), id, uses, expires_at }, server)
}

/// A text as a picture for a camera, of characters; none if it is too long for one.
pub fn qr(text: &str) -> Option<String> {
    Some(QRBuilder::new(text).build().ok()?.to_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn addresses(texts: &[&str]) -> Vec<Multiaddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn addresses_to_listen_on_become_those_of_the_machine() {
        let listen = addresses(&[
            "/ip4/0.0.0.0/udp/4001/quic-v1",
            "/ip6/::/tcp/443",
            "/ip4/127.0.0.1/tcp/1",
            "/ip4/8.8.4.4/tcp/2",
        ]);
        let ips = ["8.8.8.8".parse().unwrap(), "2a00::1".parse().unwrap()];
        let expected = addresses(&[
            "/ip4/8.8.8.8/udp/4001/quic-v1",
            "/ip6/2a00::1/tcp/443",
            "/ip4/8.8.4.4/tcp/2",
        ]);
        assert_eq!(external_addresses(&listen, &ips), expected);
        assert_eq!(external_addresses(&listen[..2], &[]), []);
    }

    #[test]
    fn the_written_configuration_is_read_as_it_was_meant() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(CONFIG_FILE);
        let external = addresses(&["/ip4/8.8.8.8/tcp/4001", "/ip6/2a00::1/udp/4001/quic-v1"]);
        write_new(&path, &render(&external)).unwrap();
        let config = Config::read(path.clone()).unwrap();
        config.validate().unwrap();
        assert_eq!(config.external_addresses, external);
        assert_eq!(config.listen, Config::default().listen);
        let again = write_new(&path, "").unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(render(&[]), TEMPLATE);
    }

    #[test]
    fn a_link_with_a_token_is_whole_and_fits_a_picture() {
        let server = DeviceKey::from_seed([1; 32]);
        let token = token(&server, 25, 1_000, Duration::from_hours(24));
        let to = Invitation::Admission(token.clone());
        let listen = addresses(&["/ip4/203.0.113.7/tcp/4001", "/ip4/203.0.113.7/udp/4001/quic-v1"]);
        let link = invite(&server, &listen, to).to_link();
        let read = Invite::from_link(&link).unwrap();
        assert_eq!(read.to, Invitation::Admission(token.clone()));
        let opened = token.open().unwrap();
        assert_eq!((opened.uses, opened.expires_at), (25, 86_401_000));
        assert!(qr(&link).unwrap().lines().count() > 20);
    }

    #[test]
    fn the_machine_has_addresses_that_are_its_own() {
        for ip in own_addresses() {
            assert!(!ip.is_unspecified() && !ip.is_multicast(), "{ip}");
            UdpSocket::bind((ip, 0)).unwrap();
        }
    }
}
