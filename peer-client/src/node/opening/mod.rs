//! Asking the router to let others in: by PCP, else NAT-PMP, else `UPnP`.

mod upnp;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddrV4, UdpSocket},
    num::NonZeroU16,
    time::Duration,
};

use crab_nat::{InternetProtocol, PortMapping, PortMappingOptions, PortMappingType, TimeoutConfig};

use crate::core::{model::Transport, opening::Port};

/// How long a router is asked to keep an opening. It may say less.
const LIFETIME: Duration = Duration::from_hours(2);
/// How long each way of asking may take.
const ASK_WITHIN: Duration = Duration::from_secs(5);

/// An opening that the router keeps.
pub(super) struct Opening {
    pub(super) external: SocketAddrV4,
    pub(super) lifetime: Duration,
    /// The protocol that brought it.
    pub(super) by: &'static str,
    kept: Kept,
}

enum Kept {
    Pcp(PortMapping),
    Upnp(upnp::Gateway),
}

/// Asks for an opening, for the first time or again. The failure is for a person.
pub(super) async fn open(port: Port, before: Option<SocketAddrV4>) -> Result<Opening, String> {
    let number = NonZeroU16::new(port.number).ok_or("there is no such port")?;
    let gateway = gateway().await;
    if let Some(gateway) = gateway.filter(|ip| !is_at_home(*ip)) {
        return Err(format!("the router {gateway} is not one at home, which is never asked"));
    }
    let mut reasons = Vec::new();
    if let Some(gateway) = gateway {
        let wanted = before.and_then(|it| NonZeroU16::new(it.port())).unwrap_or(number);
        match pcp(gateway, port, number, wanted).await {
            Ok(opening) => return Ok(opening),
            Err(reason) => reasons.push(reason),
        }
    }
    let opening = tokio::time::timeout(ASK_WITHIN, by_upnp(gateway, port, before));
    match opening.await {
        Ok(Ok(opening)) => return Ok(opening),
        Ok(Err(reason)) => reasons.push(format!("UPnP: {reason}")),
        Err(_elapsed) => reasons.push("UPnP: no answer".to_owned()),
    }
    Err(format!("the router opens no port ({})", reasons.join("; ")))
}

async fn by_upnp(
    gateway: Option<Ipv4Addr>,
    port: Port,
    before: Option<SocketAddrV4>,
) -> Result<Opening, String> {
    let own = own_address(gateway).ok_or("this device has no address of its own")?;
    let gateway = upnp::find(own, gateway).await?;
    let wanted = before.map_or(port.number, |it| it.port());
    let local = SocketAddrV4::new(own, port.number);
    let (external, lifetime) = gateway.open(port.transport, local, wanted, LIFETIME).await?;
    Ok(Opening { external, lifetime, by: "UPnP", kept: Kept::Upnp(gateway) })
}

async fn pcp(
    gateway: Ipv4Addr,
    port: Port,
    number: NonZeroU16,
    wanted: NonZeroU16,
) -> Result<Opening, String> {
    let own = own_address(Some(gateway)).ok_or("this device has no address of its own")?;
    let protocol = match port.transport {
        Transport::Quic => InternetProtocol::Udp,
        Transport::Tcp => InternetProtocol::Tcp,
    };
    let patience = TimeoutConfig {
        initial_timeout: Duration::from_millis(250),
        max_retries: 2,
        max_retry_timeout: Some(Duration::from_secs(1)),
    };
    let options = PortMappingOptions {
        external_port: Some(wanted),
        lifetime_seconds: u32::try_from(LIFETIME.as_secs()).ok(),
        timeout_config: Some(patience),
    };
    let asking = PortMapping::new(gateway.into(), IpAddr::V4(own), protocol, number, options);
    let mapping = match tokio::time::timeout(ASK_WITHIN, asking).await {
        Ok(Ok(mapping)) => mapping,
        Ok(Err(error)) => return Err(format!("PCP and NAT-PMP: {error}")),
        Err(_elapsed) => return Err("PCP and NAT-PMP: no answer".to_owned()),
    };
    let (ip, by) = match mapping.mapping_type() {
        PortMappingType::Pcp { external_ip: IpAddr::V4(ip), .. } => (ip, "PCP"),
        PortMappingType::Pcp { .. } => return Err("PCP: the address is not IPv4".to_owned()),
        PortMappingType::NatPmp => {
            let asking = crab_nat::natpmp::external_address(gateway.into(), Some(patience));
            let ip = asking.await.map_err(|error| format!("NAT-PMP: {error}"))?;
            (ip, "NAT-PMP")
        }
    };
    Ok(Opening {
        external: SocketAddrV4::new(ip, mapping.external_port().get()),
        lifetime: Duration::from_secs(mapping.lifetime().into()),
        by,
        kept: Kept::Pcp(mapping),
    })
}

/// Tells the router that an opening is not needed any more.
pub(super) async fn close(port: Port, opening: Opening) {
    let closing = async {
        match opening.kept {
            Kept::Pcp(mapping) => mapping.try_drop().await.map_err(|(error, _)| error.to_string()),
            Kept::Upnp(gateway) => gateway.close(port.transport, opening.external.port()).await,
        }
    };
    match tokio::time::timeout(Duration::from_secs(1), closing).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(error, "the router did not close a port"),
        Err(_elapsed) => tracing::debug!("the router did not close a port in time"),
    }
}

/// Whether an address is a router's at home, or of a provider who shares addresses.
fn is_at_home(ip: Ipv4Addr) -> bool {
    ip.is_private() || ip.is_link_local()
}

/// The own address from which a router, or else the internet, is reached. Nothing is sent for that.
fn own_address(gateway: Option<Ipv4Addr>) -> Option<Ipv4Addr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((gateway.unwrap_or(Ipv4Addr::new(192, 0, 2, 1)), 9)).ok()?;
    match socket.local_addr().ok()?.ip() {
        IpAddr::V4(ip) => Some(ip),
        IpAddr::V6(_) => None,
    }
}

/// The router that leads to the internet, where the system tells.
async fn gateway() -> Option<Ipv4Addr> {
    let routes = tokio::fs::read_to_string("/proc/net/route").await.ok()?;
    default_route(&routes)
}

/// The gateway of the default route with the smallest metric, in the form in which Linux lists routes.
fn default_route(routes: &str) -> Option<Ipv4Addr> {
    let route = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let number = |index: usize| u32::from_str_radix(fields.get(index)?, 16).ok();
        let metric: u32 = fields.get(6)?.parse().ok()?;
        let (destination, gateway, mask) = (number(1)?, number(2)?, number(7)?);
        (destination == 0 && mask == 0 && gateway != 0).then_some((metric, gateway))
    };
    let (_, gateway) = routes.lines().skip(1).filter_map(route).min()?;
    // Written as the machine keeps it, whose memory has the network's order.
    Some(Ipv4Addr::from(gateway.to_ne_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn the_default_route_with_the_smallest_metric_is_taken() {
        let routes = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
            wlan0\t00000000\t0102A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n\
            eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n\
            eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n";
        assert_eq!(default_route(routes), Some(Ipv4Addr::new(192, 168, 1, 1)));
        assert_eq!(default_route("Iface\nnonsense"), None);
    }
}
