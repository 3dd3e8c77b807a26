//! The little of `UPnP` that opening a port needs. Written here since what comes from a local network is bounded, and
//! nobody but the router is asked: any device may answer the search.

use std::{
    io,
    net::{Ipv4Addr, SocketAddrV4},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UdpSocket},
};

use super::is_at_home;
use crate::core::model::Transport;

/// Where devices listen for searches.
const SEARCH: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(239, 255, 255, 250), 1900);
/// Kinds of routers that are searched for.
const DEVICES: [&str; 2] = [
    "urn:schemas-upnp-org:device:InternetGatewayDevice:1",
    "urn:schemas-upnp-org:device:InternetGatewayDevice:2",
];
/// Services that open ports.
const SERVICES: [&str; 3] = [
    "urn:schemas-upnp-org:service:WANIPConnection:2",
    "urn:schemas-upnp-org:service:WANIPConnection:1",
    "urn:schemas-upnp-org:service:WANPPPConnection:1",
];
/// Bytes of a router's answer.
const ANSWER_MAX: u64 = 256 * 1024;
/// Only openings without an end are kept by this router.
const ONLY_PERMANENT: &str = "725";
/// The port is another device's.
const CONFLICT: &str = "718";

/// A router that opens ports.
#[derive(Debug)]
pub(super) struct Gateway {
    at: SocketAddrV4,
    path: String,
    service: &'static str,
}

/// Finds the router. Answers of other devices than it are passed over.
pub(super) async fn find(own: Ipv4Addr, router: Option<Ipv4Addr>) -> Result<Gateway, String> {
    let told = |error: io::Error| error.to_string();
    let socket = UdpSocket::bind((own, 0)).await.map_err(told)?;
    for device in DEVICES {
        let search = format!(
            "M-SEARCH * HTTP/1.1\r\nHOST: {SEARCH}\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: {device}\r\n\r\n"
        );
        socket.send_to(search.as_bytes(), SEARCH).await.map_err(told)?;
    }
    let mut buffer = [0; 2048];
    loop {
        let (length, from) = socket.recv_from(&mut buffer).await.map_err(told)?;
        let text = String::from_utf8_lossy(&buffer[..length]);
        let Some((at, path)) = location(&text) else { continue };
        let is_router = router.map_or(is_at_home(*at.ip()), |router| *at.ip() == router);
        if !is_router || from.ip() != *at.ip() {
            continue;
        }
        let description =
            request(at, &format!("GET {path} HTTP/1.0\r\nHOST: {at}\r\n\r\n")).await?;
        let (service, control) = control(&description).ok_or("the router does not open ports")?;
        return Ok(Gateway { at, path: path_of(&control), service });
    }
}

impl Gateway {
    /// Asks for an opening. Gives what others can call, and for how long.
    pub(super) async fn open(
        &self,
        transport: Transport,
        local: SocketAddrV4,
        wanted: u16,
        lifetime: Duration,
    ) -> Result<(SocketAddrV4, Duration), String> {
        let answer = self.call("GetExternalIPAddress", "").await?;
        let ip = element(&answer, "NewExternalIPAddress").and_then(|ip| ip.trim().parse().ok());
        let ip: Ipv4Addr = ip.ok_or("the router does not tell its address")?;
        let mut seconds = lifetime.as_secs();
        let mut port = wanted;
        for _ in 0..4 {
            let arguments = format!(
                "<NewRemoteHost></NewRemoteHost><NewExternalPort>{port}</NewExternalPort>\
                 <NewProtocol>{}</NewProtocol><NewInternalPort>{}</NewInternalPort>\
                 <NewInternalClient>{}</NewInternalClient><NewEnabled>1</NewEnabled>\
                 <NewPortMappingDescription>natterjack</NewPortMappingDescription>\
                 <NewLeaseDuration>{seconds}</NewLeaseDuration>",
                protocol(transport),
                local.port(),
                local.ip(),
            );
            match self.call("AddPortMapping", &arguments).await {
                Ok(_) => return Ok((SocketAddrV4::new(ip, port), lifetime)),
                Err(error) if error.contains(ONLY_PERMANENT) && seconds > 0 => seconds = 0,
                Err(error) if error.contains(CONFLICT) => port = rand::random_range(10_000..60_000),
                Err(error) => return Err(error),
            }
        }
        Err("the router has no free port".to_owned())
    }

    /// Ends an opening.
    pub(super) async fn close(&self, transport: Transport, port: u16) -> Result<(), String> {
        let arguments = format!(
            "<NewRemoteHost></NewRemoteHost><NewExternalPort>{port}</NewExternalPort>\
             <NewProtocol>{}</NewProtocol>",
            protocol(transport)
        );
        self.call("DeletePortMapping", &arguments).await.map(drop)
    }

    async fn call(&self, action: &str, arguments: &str) -> Result<String, String> {
        let Self { at, path, service } = self;
        let body = format!(
            "<?xml version=\"1.0\"?>\r\n<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
             s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body>\
             <u:{action} xmlns:u=\"{service}\">{arguments}</u:{action}></s:Body></s:Envelope>\r\n"
        );
        let head = format!(
            "POST {path} HTTP/1.0\r\nHOST: {at}\r\nCONTENT-TYPE: text/xml; charset=\"utf-8\"\r\n\
             SOAPACTION: \"{service}#{action}\"\r\nCONTENT-LENGTH: {}\r\n\r\n",
            body.len()
        );
        let answer = request(*at, &(head + &body)).await?;
        let status = answer.split_whitespace().nth(1).unwrap_or_default();
        if status == "200" {
            return Ok(answer);
        }
        let code = element(&answer, "errorCode").unwrap_or(status);
        let reason = element(&answer, "errorDescription").unwrap_or("the router refuses");
        // From the network, and shown: one short line.
        let reason: String = reason.chars().filter(|c| !c.is_control()).take(80).collect();
        Err(format!("{reason} ({})", code.chars().take(8).collect::<String>()))
    }
}

fn protocol(transport: Transport) -> &'static str {
    match transport {
        Transport::Quic => "UDP",
        Transport::Tcp => "TCP",
    }
}

async fn request(at: SocketAddrV4, request: &str) -> Result<String, String> {
    let told = |error: io::Error| error.to_string();
    let mut stream = TcpStream::connect(at).await.map_err(told)?;
    stream.write_all(request.as_bytes()).await.map_err(told)?;
    let mut answer = Vec::new();
    stream.take(ANSWER_MAX).read_to_end(&mut answer).await.map_err(told)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Where an answer to the search says that the device's description is.
fn location(answer: &str) -> Option<(SocketAddrV4, String)> {
    let is_gateway = DEVICES.iter().any(|device| answer.contains(device));
    let line = answer.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("location").then_some(value.trim())
    });
    let rest = line.filter(|_| is_gateway)?.strip_prefix("http://")?;
    let (host, path) = rest.split_at(rest.find('/')?);
    let at = host.parse().ok().or_else(|| Some(SocketAddrV4::new(host.parse().ok()?, 80)))?;
    Some((at, path.to_owned()))
}

/// The first service that opens ports, and where it is controlled.
fn control(description: &str) -> Option<(&'static str, String)> {
    SERVICES.iter().find_map(|service| {
        let described = description
            .split("<service>")
            .skip(1)
            .find_map(|part| (element(part, "serviceType")?.trim() == *service).then_some(part))?;
        Some((*service, element(described, "controlURL")?.trim().to_owned()))
    })
}

/// The path of an address that may be whole or relative. The host is the router whatever it says.
fn path_of(url: &str) -> String {
    let path = match url.strip_prefix("http://") {
        Some(rest) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => url,
    };
    let path: String = path.chars().filter(char::is_ascii_graphic).collect();
    if path.starts_with('/') { path } else { format!("/{path}") }
}

/// The text of an element that has no elements in it.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let begin = text.find(&format!("<{name}>"))? + name.len() + 2;
    let length = text[begin..].find(&format!("</{name}>"))?;
    Some(&text[begin..begin + length])
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\n\
        ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n\
        Location: http://192.168.1.1:5000/rootDesc.xml\r\n\r\n";

    #[test]
    fn the_description_is_where_the_answer_says() {
        let at = "192.168.1.1:5000".parse().unwrap();
        assert_eq!(location(ANSWER), Some((at, "/rootDesc.xml".to_owned())));
        let without_port = ANSWER.replace(":5000", "");
        assert_eq!(location(&without_port).unwrap().0.port(), 80);
        for wrong in ["", "Location: http://192.168.1.1/\r\n", &ANSWER.replace("http", "ftp")] {
            assert_eq!(location(wrong), None, "{wrong}");
        }
        assert_eq!(location(&ANSWER.replace("InternetGatewayDevice", "MediaServer")), None);
    }

    #[test]
    fn the_service_that_opens_ports_is_found() {
        let part = |kind: &str, url: &str| {
            format!(
                "<service>\n<serviceType>urn:schemas-upnp-org:service:{kind}</serviceType>\
                 <controlURL>{url}</controlURL></service>"
            )
        };
        let all = part("Layer3Forwarding:1", "/l3") + &part("WANIPConnection:1", "ctl/ip");
        assert_eq!(control(&all), Some((SERVICES[1], "ctl/ip".to_owned())));
        assert_eq!(control(&part("Layer3Forwarding:1", "/l3")), None);
        assert_eq!(control("<service><serviceType>"), None);
    }

    #[test]
    fn whatever_the_description_says_the_router_is_asked() {
        assert_eq!(path_of("http://203.0.113.1/ctl"), "/ctl");
        assert_eq!(path_of("ctl/ip"), "/ctl/ip");
        assert_eq!(path_of("/a\r\nHOST: elsewhere"), "/aHOST:elsewhere");
        assert_eq!(path_of("http://203.0.113.1"), "/");
    }
}
