//! Local time, from the time zone database of the system (RFC 9636). Where there is none, it is UTC.

use std::{fs, path::Path};

/// Where the system keeps the zones.
const DATABASE: &str = "/usr/share/zoneinfo";
/// The zone of the computer.
const LOCAL: &str = "/etc/localtime";
/// Largest zone file that is read, in bytes.
const FILE_MAX: u64 = 256 * 1024;
/// Length of a part's header, in bytes.
const HEADER: usize = 44;

/// The differences of local time from UTC.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Zone {
    /// Difference in seconds before the first change.
    first: i32,
    /// When the difference changes, in seconds since 1970, and to what.
    changes: Vec<(i64, i32)>,
    /// The yearly rule after the last change.
    rule: Option<Rule>,
}

/// Standard and summer time as they change every year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rule {
    standard: i32,
    summer: i32,
    /// When summer time begins and ends.
    summer_from: Turn,
    summer_to: Turn,
}

/// A day of the year and a local time of that day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Turn {
    month: u8,
    /// 1 to 4, or 5 for the last one of the month.
    week: u8,
    /// 0 is Sunday.
    weekday: u8,
    /// Seconds since midnight.
    seconds: i32,
}

impl Zone {
    /// The zone of this computer.
    pub(crate) fn of_system() -> Self {
        let named = std::env::var("TZ").ok().map(|name| name.trim_start_matches(':').to_owned());
        let place = match named {
            // A name from the environment must not lead out of the database.
            Some(name) if name.split('/').all(|part| !part.is_empty() && part != "..") => {
                Path::new(DATABASE).join(name)
            }
            _ => Path::new(LOCAL).to_path_buf(),
        };
        let small = fs::metadata(&place).is_ok_and(|file| file.len() <= FILE_MAX);
        let bytes = if small { fs::read(&place).ok() } else { None };
        bytes.and_then(|bytes| Self::parse(&bytes)).unwrap_or_default()
    }

    /// Local milliseconds since 1970 of a moment.
    pub(crate) fn local(&self, at_ms: u64) -> i64 {
        let at_ms = at_ms as i64;
        at_ms + i64::from(self.difference(at_ms.div_euclid(1000))) * 1000
    }

    fn difference(&self, at: i64) -> i32 {
        match self.changes.partition_point(|(from, _)| *from <= at) {
            0 if self.changes.is_empty() => {
                self.rule.map_or(self.first, |rule| rule.difference(at))
            }
            0 => self.first,
            last if last == self.changes.len() => {
                self.rule.map_or(self.changes[last - 1].1, |rule| rule.difference(at))
            }
            next => self.changes[next - 1].1,
        }
    }

    /// Reads a zone file of version 2 or later; none if it is not one.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let counts = Counts::parse(bytes)?;
        // The first part has times of 32 bits, for old programs.
        let second = bytes.get(HEADER + counts.length(4)..)?;
        let counts = Counts::parse(second)?;
        let body = second.get(HEADER..)?;
        let kinds = body.get(counts.times * 8..)?.get(..counts.times)?;
        let types = body.get(counts.times * 9..)?;
        let difference = |kind: usize| {
            types.get(kind * 6..kind * 6 + 4)?.try_into().ok().map(i32::from_be_bytes)
        };
        let mut changes = Vec::with_capacity(counts.times);
        for (time, kind) in body.chunks_exact(8).zip(kinds) {
            let at = i64::from_be_bytes(time.try_into().ok()?);
            changes.push((at, difference(usize::from(*kind))?));
        }
        let footer = second.get(HEADER + counts.length(8)..)?;
        let footer = std::str::from_utf8(footer).ok()?.trim_matches('\n');
        Some(Self { first: difference(0)?, changes, rule: Rule::parse(footer) })
    }
}

/// How much of each kind a part has.
struct Counts {
    universal: usize,
    standard: usize,
    leaps: usize,
    times: usize,
    types: usize,
    letters: usize,
}

impl Counts {
    fn parse(part: &[u8]) -> Option<Self> {
        let header = part.get(..HEADER)?;
        if !header.starts_with(b"TZif") || header[4] < b'2' {
            return None;
        }
        let count = |index: usize| {
            let at = 20 + index * 4;
            header[at..at + 4].try_into().map_or(0, |bytes| u32::from_be_bytes(bytes) as usize)
        };
        let counts = Self {
            universal: count(0),
            standard: count(1),
            leaps: count(2),
            times: count(3),
            types: count(4),
            letters: count(5),
        };
        let sane = [
            counts.universal,
            counts.standard,
            counts.leaps,
            counts.times,
            counts.types,
            counts.letters,
        ]
        .iter()
        .all(|count| *count < FILE_MAX as usize);
        sane.then_some(counts)
    }

    /// Bytes after the header, with times of so many bytes.
    fn length(&self, time: usize) -> usize {
        self.times * (time + 1)
            + self.types * 6
            + self.letters
            + self.leaps * (time + 4)
            + self.standard
            + self.universal
    }
}

impl Rule {
    /// Reads a rule as `CET-1CEST,M3.5.0,M10.5.0/3`; none if it is of another form.
    fn parse(text: &str) -> Option<Self> {
        let (names, turns) =
            text.split_once(',').map_or((text, None), |(names, turns)| (names, Some(turns)));
        let names = skip_name(names)?;
        let (standard, rest) = take_time(names)?;
        let standard = -standard;
        let Some(turns) = turns else {
            let turn = Turn { month: 1, week: 1, weekday: 0, seconds: 0 };
            return Some(Self { standard, summer: standard, summer_from: turn, summer_to: turn });
        };
        let rest = skip_name(rest)?;
        let summer = if rest.is_empty() { standard + 3600 } else { -take_time(rest)?.0 };
        let (from, to) = turns.split_once(',')?;
        Some(Self {
            standard,
            summer,
            summer_from: Turn::parse(from)?,
            summer_to: Turn::parse(to)?,
        })
    }

    fn difference(self, at: i64) -> i32 {
        let year = super::format::year_of(at.div_euclid(24 * 3600));
        let from = self.summer_from.moment(year) - i64::from(self.standard);
        let to = self.summer_to.moment(year) - i64::from(self.summer);
        let summer = if from <= to { (from..to).contains(&at) } else { !(to..from).contains(&at) };
        if summer { self.summer } else { self.standard }
    }
}

impl Turn {
    /// Reads a turn as `M10.5.0/3`.
    fn parse(text: &str) -> Option<Self> {
        let (day, time) =
            text.split_once('/').map_or((text, None), |(day, time)| (day, Some(time)));
        let mut parts = day.strip_prefix('M')?.split('.').map(str::parse::<u8>);
        let mut part = || parts.next()?.ok();
        let (month, week, weekday) = (part()?, part()?, part()?);
        let valid = (1..=12).contains(&month) && (1..=5).contains(&week) && weekday < 7;
        let seconds = time.map_or(Some(2 * 3600), |time| Some(take_time(time)?.0))?;
        valid.then_some(Self { month, week, weekday, seconds })
    }

    /// Local seconds since 1970 of the turn in a year.
    fn moment(self, year: i64) -> i64 {
        let first = super::format::day_number(year, self.month);
        // 1 January 1970 was a Thursday.
        let weekday = (first + 4).rem_euclid(7);
        let mut day = first + (i64::from(self.weekday) - weekday).rem_euclid(7);
        let next_month = if self.month == 12 {
            super::format::day_number(year + 1, 1)
        } else {
            super::format::day_number(year, self.month + 1)
        };
        for _ in 1..self.week {
            if day + 7 < next_month {
                day += 7;
            }
        }
        day * 24 * 3600 + i64::from(self.seconds)
    }
}

/// What follows the name of a time.
fn skip_name(text: &str) -> Option<&str> {
    if let Some(quoted) = text.strip_prefix('<') {
        return quoted.split_once('>').map(|(_, rest)| rest);
    }
    let rest = text.trim_start_matches(|letter: char| letter.is_ascii_alphabetic());
    (rest.len() < text.len()).then_some(rest)
}

/// A time as `-3`, `5:30` or `1:02:03` in seconds, and what follows it.
fn take_time(text: &str) -> Option<(i32, &str)> {
    let end = text
        .find(|letter: char| !(letter.is_ascii_digit() || matches!(letter, '+' | '-' | ':')))
        .unwrap_or(text.len());
    let (time, rest) = text.split_at(end);
    let sign = if time.starts_with('-') { -1 } else { 1 };
    let mut seconds = 0;
    let mut unit = 3600;
    for part in time.trim_start_matches(['+', '-']).split(':') {
        let part: i32 = part.parse().ok().filter(|part| (0..=167).contains(part))?;
        seconds += part * unit;
        unit /= 60;
    }
    Some((sign * seconds, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(rule: &str, at: i64) -> i32 {
        Rule::parse(rule).unwrap().difference(at) / 60
    }

    #[test]
    fn summer_time_follows_the_rule() {
        let berlin = "CET-1CEST,M3.5.0,M10.5.0/3";
        // 29 March 2026 and 25 October 2026, 01:00 UTC.
        assert_eq!(minutes(berlin, 1_774_746_000 - 1), 60);
        assert_eq!(minutes(berlin, 1_774_746_000), 120);
        assert_eq!(minutes(berlin, 1_792_890_000 - 1), 120);
        assert_eq!(minutes(berlin, 1_792_890_000), 60);
        let sydney = "AEST-10AEDT,M10.1.0,M4.1.0/3";
        assert_eq!(minutes(sydney, 1_767_225_600), 660);
        assert_eq!(minutes(sydney, 1_782_864_000), 600);
        assert_eq!(minutes("<+0545>-5:45", 0), 345);
        assert_eq!(minutes("EST5EDT,M3.2.0,M11.1.0", 1_767_225_600), -300);
        assert_eq!(Rule::parse("CET-1CEST"), Some(Rule::parse("CET-1").unwrap()));
        assert_eq!(Rule::parse("?"), None);
    }

    #[test]
    fn a_file_gives_changes_and_the_rule_after_them() {
        let part = |version: u8, times: &[(i64, u8)], wide: bool| {
            let mut bytes = vec![b'T', b'Z', b'i', b'f', version];
            bytes.extend([0; 15]);
            for count in [0, 0, 0, times.len() as u32, 2, 4] {
                bytes.extend(count.to_be_bytes());
            }
            for (at, _) in times {
                if wide {
                    bytes.extend(at.to_be_bytes());
                } else {
                    bytes.extend((*at as i32).to_be_bytes());
                }
            }
            bytes.extend(times.iter().map(|(_, kind)| *kind));
            for difference in [600_i32, 3600] {
                bytes.extend(difference.to_be_bytes());
                bytes.extend([0, 0]);
            }
            bytes.extend(b"LMT\0");
            bytes
        };
        let mut file = part(b'2', &[(1000, 1)], false);
        file.extend(part(b'2', &[(1000, 1)], true));
        file.extend(b"\nCET-1\n");
        let zone = Zone::parse(&file).unwrap();
        assert_eq!(zone.local(999_000), 999_000 + 600_000);
        assert_eq!(zone.local(1_000_000), 1_000_000 + 3_600_000);
        for length in 0..file.len() {
            // No cut file leads to a panic.
            let _whole = Zone::parse(&file[..length]).is_some();
        }
        assert_eq!(Zone::parse(b"TZif1"), None);
    }
}
