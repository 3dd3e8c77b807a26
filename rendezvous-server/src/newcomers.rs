//! Who may take a new name: the operator's mode, a limit for each network, and a puzzle that gets
//! harder the more new names are taken. Pure. Accounts that have a name are never asked.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use wire::{id::Challenge, limits::PUZZLE_DIFFICULTY_MAX, rendezvous::Refusal};

use crate::{
    addresses::Network,
    config::Config,
    names::Newcomer,
    rate_limit::{Rate, RateLimiter},
};

/// Seconds that a client is told to wait when its network took too many new names, or when the
/// server has too much to do.
pub const RETRY_SECONDS: u32 = 60;
/// Time in which the pressure of one new name falls to a third.
const PRESSURE_TIME: Duration = Duration::from_hours(1);
/// Bits by which a puzzle gets harder for each doubling of the pressure.
const BITS_PER_DOUBLING: f64 = 2.0;

/// Who may take a new name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Everybody.
    #[default]
    Open,
    /// Whoever brings a token that this server signed.
    Invite,
    /// Nobody.
    Closed,
}

/// Somebody who asks for a name, perhaps the one they have.
#[derive(Clone, Debug)]
pub struct Applicant {
    /// Where they come from; none for those whom no limit of networks concerns.
    pub network: Option<Network>,
    /// The token of their `Hello`.
    pub token: Option<Vec<u8>>,
    /// They solved the puzzle that they were set.
    pub has_solved: bool,
    /// What a puzzle would be about.
    pub challenge: Challenge,
}

/// Decides about new names.
#[derive(Debug)]
pub struct Newcomers {
    mode: Mode,
    per_network: RateLimiter<Network>,
    free_names: f64,
    first_bits: u8,
    /// New names of late, the older the less.
    pressure: f64,
    pressed_at: Option<Instant>,
    /// The server has so much to do that it takes nobody new.
    pub is_busy: bool,
}

impl Newcomers {
    /// Starts without pressure.
    pub fn new(config: &Config) -> Self {
        let mut newcomers = Self {
            mode: Mode::default(),
            per_network: RateLimiter::new(network_rate(config)),
            free_names: 0.0,
            first_bits: 0,
            pressure: 0.0,
            pressed_at: None,
            is_busy: false,
        };
        newcomers.configure(config);
        newcomers
    }

    /// Takes over other settings; what was counted stays.
    pub fn configure(&mut self, config: &Config) {
        self.mode = config.admission.mode;
        self.per_network.set_rate(network_rate(config));
        self.free_names = f64::from(config.admission.free_names);
        self.first_bits = config.admission.puzzle_bits;
    }

    /// What becomes of an applicant without a name. The network that is charged for it, if any, is
    /// given back by [`Newcomers::settle`] unless a new name was taken.
    pub fn judge(&mut self, applicant: Applicant, now: Instant) -> (Newcomer, Option<Network>) {
        let refuse = |refusal| (Newcomer::Refused(refusal), None);
        if self.mode == Mode::Closed {
            return refuse(Refusal::NotAdmitted);
        }
        if self.is_busy {
            return refuse(Refusal::RateLimited { retry_after: RETRY_SECONDS });
        }
        let charged = applicant.network;
        if charged.is_some_and(|network| self.per_network.try_take(network, 1, now).is_err()) {
            return refuse(Refusal::RateLimited { retry_after: RETRY_SECONDS });
        }
        let newcomer = match (self.mode, applicant.token) {
            (Mode::Invite, Some(token)) => Newcomer::WithToken(token),
            (Mode::Invite, None) => Newcomer::Refused(Refusal::NotAdmitted),
            _ if charged.is_none() || applicant.has_solved => Newcomer::Welcome,
            _ => match self.difficulty(now) {
                0 => Newcomer::Welcome,
                difficulty => {
                    let challenge = applicant.challenge;
                    Newcomer::Refused(Refusal::Puzzle { challenge, difficulty })
                }
            },
        };
        (newcomer, charged)
    }

    /// A registration is over.
    pub fn settle(&mut self, charged: Option<Network>, took_name: bool, now: Instant) {
        if took_name {
            self.pressure = self.pressure_at(now) + 1.0;
            self.pressed_at = Some(now);
        } else if let Some(network) = charged {
            self.per_network.give_back(&network);
        }
    }

    /// Leading zero bits that a puzzle wants now, 0 for no puzzle.
    pub fn difficulty(&self, now: Instant) -> u8 {
        let excess = self.pressure_at(now).round() / self.free_names.max(1.0);
        if excess < 1.0 {
            return 0;
        }
        let harder = (excess.log2() * BITS_PER_DOUBLING) as u8;
        self.first_bits.saturating_add(harder).min(PUZZLE_DIFFICULTY_MAX)
    }

    fn pressure_at(&self, now: Instant) -> f64 {
        let past = self.pressed_at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        self.pressure * (-past.as_secs_f64() / PRESSURE_TIME.as_secs_f64()).exp()
    }
}

fn network_rate(config: &Config) -> Rate {
    let requests = &config.requests;
    Rate::new(requests.new_names_burst, requests.new_names_per_hour, Duration::from_hours(1))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "time begins somewhere")]
mod tests {
    use super::*;

    fn newcomers(change: impl FnOnce(&mut Config)) -> Newcomers {
        let mut config = Config::default();
        config.admission.free_names = 100;
        config.admission.puzzle_bits = 10;
        change(&mut config);
        Newcomers::new(&config)
    }

    fn applicant() -> Applicant {
        Applicant {
            network: Some(Network::of("203.0.113.7".parse().unwrap())),
            token: None,
            has_solved: false,
            challenge: Challenge::new([1; 16]),
        }
    }

    #[test]
    fn the_mode_decides() {
        let now = Instant::now();
        let token = || Applicant { token: Some(vec![1]), ..applicant() };
        for (mode, without, with) in [
            (Mode::Open, Newcomer::Welcome, Newcomer::Welcome),
            (Mode::Invite, Newcomer::Refused(Refusal::NotAdmitted), Newcomer::WithToken(vec![1])),
            (
                Mode::Closed,
                Newcomer::Refused(Refusal::NotAdmitted),
                Newcomer::Refused(Refusal::NotAdmitted),
            ),
        ] {
            let mut newcomers = newcomers(|config| config.admission.mode = mode);
            assert_eq!(newcomers.judge(applicant(), now).0, without, "{mode:?}");
            assert_eq!(newcomers.judge(token(), now).0, with, "{mode:?}");
        }
    }

    #[test]
    fn puzzles_come_with_pressure_get_harder_and_go() {
        let now = Instant::now();
        let mut newcomers = newcomers(|config| config.requests.new_names_burst = 10_000);
        for _ in 0..99 {
            newcomers.settle(None, true, now);
        }
        assert_eq!(newcomers.judge(applicant(), now).0, Newcomer::Welcome);
        newcomers.settle(None, true, now);
        let puzzle = Refusal::Puzzle { challenge: Challenge::new([1; 16]), difficulty: 10 };
        assert_eq!(newcomers.judge(applicant(), now).0, Newcomer::Refused(puzzle));
        let solved = Applicant { has_solved: true, ..applicant() };
        assert_eq!(newcomers.judge(solved, now).0, Newcomer::Welcome);
        for _ in 0..300 {
            newcomers.settle(None, true, now);
        }
        assert_eq!(newcomers.difficulty(now), 14);
        assert_eq!(newcomers.difficulty(now + 2 * PRESSURE_TIME), 0);
    }

    #[test]
    fn the_hardest_puzzle_has_a_bound() {
        let now = Instant::now();
        let mut newcomers = newcomers(|config| config.admission.free_names = 1);
        for _ in 0..100_000 {
            newcomers.settle(None, true, now);
        }
        assert_eq!(newcomers.difficulty(now), PUZZLE_DIFFICULTY_MAX);
    }

    #[test]
    fn a_network_pays_for_the_names_that_it_takes_alone() {
        let now = Instant::now();
        let mut newcomers = newcomers(|config| config.requests.new_names_burst = 2);
        let refused = Newcomer::Refused(Refusal::RateLimited { retry_after: RETRY_SECONDS });
        for took_name in [false, true, true] {
            let (newcomer, charged) = newcomers.judge(applicant(), now);
            assert_eq!(newcomer, Newcomer::Welcome);
            newcomers.settle(charged, took_name, now);
        }
        assert_eq!(newcomers.judge(applicant(), now), (refused, None));
        let local = Applicant { network: None, ..applicant() };
        assert_eq!(newcomers.judge(local, now).0, Newcomer::Welcome);
    }

    #[test]
    fn a_busy_server_takes_nobody_new() {
        let now = Instant::now();
        let mut newcomers = newcomers(|_config| {});
        newcomers.is_busy = true;
        assert!(matches!(newcomers.judge(applicant(), now).0, Newcomer::Refused(_)));
    }
}
