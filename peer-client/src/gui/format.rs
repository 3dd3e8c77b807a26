//! Times, days, sizes and roads as people read them.

use crate::core::model::{Carrier, Delivery, Path, Road, Stage, Transport};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// Days since 1970 of a local time.
pub(crate) fn day_of(local_ms: i64) -> i64 {
    local_ms.div_euclid(DAY_MS)
}

/// The time of day, as `09:05`.
pub(crate) fn time(local_ms: i64) -> String {
    let minutes = local_ms.rem_euclid(DAY_MS) / 60_000;
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

/// A day as a heading between messages.
pub(crate) fn day(day: i64, today: i64) -> String {
    let (year, month, date) = civil(day);
    let name = MONTHS[month - 1];
    match today - day {
        0 => "Today".to_owned(),
        1 => "Yesterday".to_owned(),
        2..=6 => weekday(day).to_owned(),
        _ if civil(today).0 == year => format!("{date} {name}"),
        _ => format!("{date} {name} {year}"),
    }
}

/// When something was, for a list: the time today, else the day in short.
pub(crate) fn moment(local_ms: i64, now_ms: i64) -> String {
    let (then, today) = (day_of(local_ms), day_of(now_ms));
    let (year, month, date) = civil(then);
    match today - then {
        0 => time(local_ms),
        1 => "Yesterday".to_owned(),
        2..=6 => weekday(then)[..3].to_owned(),
        _ if civil(today).0 == year => format!("{date} {}", &MONTHS[month - 1][..3]),
        _ => format!("{date:02}.{month:02}.{}", year.rem_euclid(100)),
    }
}

/// A moment in full, for a tooltip.
pub(crate) fn full(local_ms: i64) -> String {
    let day = day_of(local_ms);
    let (year, month, date) = civil(day);
    format!("{}, {date} {} {year}, {}", weekday(day), MONTHS[month - 1], time(local_ms))
}

/// A number of bytes, as `1.4 MB`.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if count < 1000 {
        return format!("{count} B");
    }
    let mut value = count as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if value < 9.95 {
        format!("{value:.1} {}", UNITS[unit])
    } else {
        format!("{value:.0} {}", UNITS[unit])
    }
}

/// The road to a person, in a few words.
pub(crate) fn road(road: Road) -> String {
    let way = if road.relayed { "relayed" } else { "direct" };
    let transport = match road.transport {
        Transport::Quic => "QUIC",
        Transport::Tcp => "TCP",
    };
    match road.rtt_ms {
        Some(rtt) => format!("{way} over {transport}, {rtt} ms"),
        None => format!("{way} over {transport}"),
    }
}

/// The road of a message, in a few words.
pub(crate) fn path(path: Path) -> &'static str {
    match path {
        Path::Direct(_) => "directly, from device to device",
        Path::Relayed(_) => "through the server's relay",
        Path::Group => "through the group",
        Path::Synced => "from another device that had it",
    }
}

/// What carried a message, in a few words.
pub(crate) fn carrier(carrier: Carrier) -> String {
    let Carrier { transport, punched, rtt_ms } = carrier;
    let mut words = match transport {
        Transport::Quic => "QUIC",
        Transport::Tcp => "TCP",
    }
    .to_owned();
    if punched {
        words.push_str(", through a hole punched in the routers");
    }
    if let Some(rtt) = rtt_ms {
        words.push_str(", ");
        words.push_str(&rtt.to_string());
        words.push_str(" ms there and back");
    }
    words
}

/// How far an own message came, as one sentence. In groups it says how many have it.
pub(crate) fn delivery(delivery: Delivery) -> String {
    let Delivery { stage, stored_by, read_by, of } = delivery;
    match stage {
        Stage::Waiting => "Waiting: kept on this device until someone can take it".to_owned(),
        Stage::Sent => "Sent, not yet confirmed".to_owned(),
        Stage::Stored if of > 1 => format!("Delivered to {stored_by} of {of}"),
        Stage::Stored => "Delivered".to_owned(),
        Stage::Read if of > 1 => format!("Read by {read_by} of {of}, delivered to {stored_by}"),
        Stage::Read => "Read".to_owned(),
    }
}

/// A text with a capital letter at its start.
pub(crate) fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

fn weekday(day: i64) -> &'static str {
    // 1 January 1970 was a Thursday.
    WEEKDAYS[(day + 3).rem_euclid(7) as usize]
}

/// The year of a day since 1970.
pub(crate) fn year_of(day: i64) -> i64 {
    civil(day).0
}

/// The first day of a month, in days since 1970.
pub(crate) fn day_number(year: i64, month: u8) -> i64 {
    // Years begin in March here, so that leap days come last.
    let shifted = year - i64::from(month <= 2);
    let era = shifted.div_euclid(400);
    let of_era = shifted.rem_euclid(400);
    let of_year = (153 * ((i64::from(month) + 9) % 12) + 2) / 5;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and date of a day since 1970, in the Gregorian calendar.
fn civil(day: i64) -> (i64, usize, i64) {
    // Counted from 1 March of year 0, so that leap days come last; 146,097 days are 400 years.
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (era * 400 + year + i64::from(month <= 2), month as usize, date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(-1), (1969, 12, 31));
        assert_eq!(civil(19_782), (2024, 2, 29));
        assert_eq!(civil(11_017), (2000, 3, 1));
        for (year, month) in [(1970, 1), (2000, 3), (2024, 2), (2026, 12), (1969, 6)] {
            assert_eq!(civil(day_number(year, month)), (year, usize::from(month), 1));
        }
        assert_eq!(weekday(0), "Thursday");
        assert_eq!(weekday(19_782), "Thursday");
    }

    #[test]
    fn days_read_as_people_say_them() {
        let today = 19_782;
        assert_eq!(day(today, today), "Today");
        assert_eq!(day(today - 1, today), "Yesterday");
        assert_eq!(day(today - 3, today), "Monday");
        assert_eq!(day(today - 40, today), "20 January");
        assert_eq!(day(today - 400, today), "25 January 2023");
        assert_eq!(day(today + 1, today), "1 March");
    }

    #[test]
    fn moments_become_coarser() {
        let now = 19_782 * DAY_MS + 15 * 3_600_000;
        assert_eq!(moment(now - 61_000, now), "14:58");
        assert_eq!(moment(now - DAY_MS, now), "Yesterday");
        assert_eq!(moment(now - 3 * DAY_MS, now), "Mon");
        assert_eq!(moment(now - 40 * DAY_MS, now), "20 Jan");
        assert_eq!(moment(now - 400 * DAY_MS, now), "25.01.23");
    }

    #[test]
    fn sizes_have_two_digits() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1000), "1.0 kB");
        assert_eq!(bytes(1_430_000), "1.4 MB");
        assert_eq!(bytes(14_300_000), "14 MB");
        assert_eq!(bytes(999_999), "1.0 MB");
        assert_eq!(bytes(4 << 30), "4.3 GB");
    }

    #[test]
    fn groups_tell_how_many() {
        let mut state = Delivery { stage: Stage::Stored, stored_by: 2, read_by: 0, of: 3 };
        assert_eq!(delivery(state), "Delivered to 2 of 3");
        state = Delivery { stage: Stage::Read, stored_by: 3, read_by: 1, of: 3 };
        assert_eq!(delivery(state), "Read by 1 of 3, delivered to 3");
        assert_eq!(
            delivery(Delivery { stage: Stage::Read, stored_by: 1, read_by: 1, of: 1 }),
            "Read"
        );
    }
}
