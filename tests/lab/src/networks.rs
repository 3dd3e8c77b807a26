//! Kinds of networks, and which road theory allows between two of them.

use anyhow::Result;
use patchbay::{Firewall, IpSupport, Lab, Nat, Router, RouterPreset};

/// How a device is connected to the internet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// A public address, IPv4 and IPv6.
    Public,
    /// A router that lets everybody use a mapping once it is there.
    FullCone,
    /// A home router.
    Home,
    /// A provider's NAT as RFC 6888 wants it.
    Cgnat,
    /// A home router behind a provider's NAT.
    DoubleNat,
    /// A provider's NAT with another port for each destination.
    SymmetricCgnat,
    /// A cloud's NAT gateway.
    Cloud,
    /// An office: TCP 80 and 443 and DNS.
    Corporate,
    /// A hotel: TCP and DNS.
    Hotel,
    /// A home router with IPv6 behind a stateful firewall.
    Ipv6Firewall,
    /// IPv6 alone, with NAT64.
    Ipv6Only,
}

/// Which road two peers end up on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Road {
    /// From one to the other.
    Direct,
    /// Through the server.
    Relayed,
}

impl Network {
    /// All kinds.
    pub const ALL: [Self; 11] = [
        Self::Public,
        Self::FullCone,
        Self::Home,
        Self::Cgnat,
        Self::DoubleNat,
        Self::SymmetricCgnat,
        Self::Cloud,
        Self::Corporate,
        Self::Hotel,
        Self::Ipv6Firewall,
        Self::Ipv6Only,
    ];

    /// A short name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::FullCone => "full cone",
            Self::Home => "home",
            Self::Cgnat => "CGNAT",
            Self::DoubleNat => "double NAT",
            Self::SymmetricCgnat => "symmetric CGNAT",
            Self::Cloud => "cloud",
            Self::Corporate => "corporate",
            Self::Hotel => "hotel",
            Self::Ipv6Firewall => "IPv6 firewall",
            Self::Ipv6Only => "IPv6 only",
        }
    }

    /// The kind with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Makes its router.
    pub async fn build(self, lab: &Lab, name: &str) -> Result<Router> {
        let router = lab.add_router(name);
        let router = match self {
            Self::Public => router.preset(RouterPreset::Public),
            Self::FullCone => router
                .preset(RouterPreset::Home)
                .nat(Nat::Open)
                .firewall(Firewall::None)
                .ip_support(IpSupport::V4Only),
            Self::Home => router.preset(RouterPreset::Home).ip_support(IpSupport::V4Only),
            Self::Cgnat => router.preset(RouterPreset::IspCgnat).ip_support(IpSupport::V4Only),
            Self::DoubleNat => {
                let provider = lab
                    .add_router(&format!("{name}-provider"))
                    .preset(RouterPreset::IspCgnat)
                    .ip_support(IpSupport::V4Only)
                    .build()
                    .await?;
                let home = router.preset(RouterPreset::Home).ip_support(IpSupport::V4Only);
                home.upstream(provider.id())
            }
            Self::SymmetricCgnat => {
                router.preset(RouterPreset::IspCgnatSymmetric).ip_support(IpSupport::V4Only)
            }
            Self::Cloud => router.preset(RouterPreset::Cloud).ip_support(IpSupport::V4Only),
            Self::Corporate => router.preset(RouterPreset::Corporate).ip_support(IpSupport::V4Only),
            Self::Hotel => router.preset(RouterPreset::Hotel),
            Self::Ipv6Firewall => router.preset(RouterPreset::Home),
            Self::Ipv6Only => router.preset(RouterPreset::IspV6),
        };
        router.build().await
    }

    /// Which road theory allows between a peer here and one in another network of this kind or that.
    pub fn road_to(self, other: Self) -> Road {
        let direct = self.has_ipv6() && other.has_ipv6()
            || self.reaches(other)
            || other.reaches(self)
            || self.keeps_its_port() && other.keeps_its_port();
        if direct { Road::Direct } else { Road::Relayed }
    }

    fn has_ipv6(self) -> bool {
        matches!(self, Self::Public | Self::Ipv6Firewall | Self::Ipv6Only)
    }

    /// Whether a peer here can call one there that does nothing for it.
    fn reaches(self, other: Self) -> bool {
        let udp = !matches!(self, Self::Corporate | Self::Hotel);
        match other {
            Self::Public => udp || self == Self::Hotel,
            Self::FullCone => udp,
            _ => false,
        }
    }

    /// Whether its IPv4 port is the same for all destinations, so that a hole can be punched.
    fn keeps_its_port(self) -> bool {
        matches!(
            self,
            Self::Public
                | Self::FullCone
                | Self::Home
                | Self::Cgnat
                | Self::DoubleNat
                | Self::Ipv6Firewall
        )
    }
}
