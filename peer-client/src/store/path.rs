//! How the road of a message is written: one number, of which the lowest two bits are its kind. Of a connection
//! whose carrier is known, the next bits say that it is, whether it was TCP, whether a hole was punched, and, one
//! too large so that 0 is none, the round trip.

use crate::core::model::{Carrier, Path, Transport};

const KIND_BITS: u32 = 2;
const KNOWN: u64 = 1 << KIND_BITS;
const TCP: u64 = KNOWN << 1;
const PUNCHED: u64 = TCP << 1;
const RTT_SHIFT: u32 = KIND_BITS + 3;
/// Longest round trip that is kept, in milliseconds.
const RTT_MAX: u32 = 600_000;

pub(super) fn to_number(path: Path) -> u64 {
    let kind = match path {
        Path::Direct(_) => 0,
        Path::Relayed(_) => 1,
        Path::Group => 2,
        Path::Synced => 3,
    };
    kind | path.carrier().map_or(0, carried)
}

fn carried(carrier: Carrier) -> u64 {
    let tcp = if carrier.transport == Transport::Tcp { TCP } else { 0 };
    let punched = if carrier.punched { PUNCHED } else { 0 };
    let rtt = carrier.rtt_ms.map_or(0, |rtt_ms| u64::from(rtt_ms.min(RTT_MAX)) + 1);
    KNOWN | tcp | punched | rtt << RTT_SHIFT
}

/// None for what a newer program wrote.
pub(super) fn from_number(number: u64) -> Option<Path> {
    let rtt = number >> RTT_SHIFT;
    let rtt_ms = match rtt.checked_sub(1) {
        None => None,
        Some(rtt_ms) => Some(u32::try_from(rtt_ms).ok().filter(|it| *it <= RTT_MAX)?),
    };
    let carrier = (number & KNOWN != 0).then_some(Carrier {
        transport: if number & TCP == 0 { Transport::Quic } else { Transport::Tcp },
        punched: number & PUNCHED != 0,
        rtt_ms,
    });
    match number % (1 << KIND_BITS) {
        0 => Some(Path::Direct(carrier)),
        1 => Some(Path::Relayed(carrier)),
        2 => Some(Path::Group),
        _ => Some(Path::Synced),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn carriers() -> impl Strategy<Value = Option<Carrier>> {
        let carrier = (any::<bool>(), any::<bool>(), proptest::option::of(0..=RTT_MAX));
        proptest::option::of(carrier.prop_map(|(tcp, punched, rtt_ms)| Carrier {
            transport: if tcp { Transport::Tcp } else { Transport::Quic },
            punched,
            rtt_ms,
        }))
    }

    fn paths() -> impl Strategy<Value = Path> {
        prop_oneof![
            carriers().prop_map(Path::Direct),
            carriers().prop_map(Path::Relayed),
            Just(Path::Group),
            Just(Path::Synced),
        ]
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(written in paths()) {
            prop_assert_eq!(from_number(to_number(written)), Some(written));
        }

        #[test]
        fn no_number_breaks_reading(number in any::<u64>()) {
            let _path = from_number(number);
        }
    }

    #[test]
    fn numbers_of_before_carriers_were_noted_keep_their_kind() {
        let kinds = [Path::Direct(None), Path::Relayed(None), Path::Group, Path::Synced];
        assert_eq!([0, 1, 2, 3].map(from_number), kinds.map(Some));
    }

    #[test]
    fn a_longer_round_trip_is_kept_as_the_longest() {
        let with = |rtt_ms| {
            let transport = Transport::Quic;
            Path::Direct(Some(Carrier { transport, punched: false, rtt_ms: Some(rtt_ms) }))
        };
        assert_eq!(from_number(to_number(with(u32::MAX))), Some(with(RTT_MAX)));
    }
}
