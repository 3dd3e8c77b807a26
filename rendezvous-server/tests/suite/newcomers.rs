//! New names with puzzles and bans, with injected time.

use rendezvous_server::{
    config::Config,
    newcomers::Mode,
    service::{Effect, Input},
};
use wire::{
    admission,
    limits::VERSION,
    rendezvous::{Refusal, Request, Response},
};

use crate::{
    people::{account, device, first_record},
    scenario::Scenario,
};

const ELSEWHERE: &str = "203.0.113.7";

/// A server where the second new name of an hour takes a puzzle.
fn rush() -> Scenario {
    let mut config = Config::default();
    config.admission.free_names = 1;
    config.admission.puzzle_bits = 8;
    let mut scenario = Scenario::new(&config);
    scenario.person(1, "first");
    scenario
}

fn newcomer(scenario: &mut Scenario, n: u8) -> rendezvous_server::service::ClientId {
    let client = scenario.open(n, ELSEWHERE);
    scenario.hello(client);
    client
}

#[test]
fn in_a_rush_a_new_name_takes_work_and_the_work_is_good_once() {
    let mut scenario = rush();
    let client = newcomer(&mut scenario, 2);
    let record = first_record(2, "second");
    let (result, _) = scenario.register(client, &record);
    let Err(Refusal::Puzzle { challenge, difficulty }) = result else { panic!("{result:?}") };
    assert_eq!(difficulty, 8);
    let right = admission::solve(&challenge, difficulty).unwrap();
    let is_wrong = |answer: &u64| !admission::solves(&challenge, difficulty, *answer);
    let wrong = (0..1_000).find(is_wrong).unwrap();

    let solve = |answer| Request::Solve { answer };
    assert_eq!(scenario.ask(client, solve(wrong)), Err(Refusal::NotAdmitted));
    assert_eq!(scenario.ask(client, solve(right)), Err(Refusal::NotAdmitted), "one try each");
    let (result, _) = scenario.register(client, &record);
    let Err(Refusal::Puzzle { challenge, difficulty }) = result else { panic!("{result:?}") };
    let right = admission::solve(&challenge, difficulty).unwrap();
    assert_eq!(scenario.ask(client, solve(right)), Ok(Response::Done));
    assert_eq!(scenario.register(client, &record).0, Ok(Response::Done));

    let other = newcomer(&mut scenario, 3);
    assert_eq!(scenario.ask(other, solve(right)), Err(Refusal::NotAdmitted), "not for others");
    let (result, _) = scenario.register(other, &first_record(3, "third"));
    assert!(matches!(result, Err(Refusal::Puzzle { difficulty: 10.., .. })), "{result:?}");
}

#[test]
fn who_has_a_name_comes_back_without_work() {
    let mut scenario = rush();
    let client = newcomer(&mut scenario, 1);
    assert_eq!(scenario.register(client, &first_record(1, "first")).0, Ok(Response::Done));
}

#[test]
fn a_closed_server_lets_in_whom_it_knows() {
    let mut scenario = rush();
    let mut config = Config::default();
    config.admission.mode = Mode::Closed;
    scenario.service.configure(&config);
    let client = newcomer(&mut scenario, 1);
    assert_eq!(scenario.register(client, &first_record(1, "first")).0, Ok(Response::Done));
    let client = newcomer(&mut scenario, 2);
    let (result, _) = scenario.register(client, &first_record(2, "second"));
    assert_eq!(result, Err(Refusal::NotAdmitted));
}

#[test]
fn a_busy_server_takes_no_new_name_and_serves_whom_it_has() {
    let mut scenario = rush();
    scenario.handle(Input::Busy(true));
    let client = newcomer(&mut scenario, 2);
    let (result, _) = scenario.register(client, &first_record(2, "second"));
    assert!(matches!(result, Err(Refusal::RateLimited { .. })), "{result:?}");
    let known = newcomer(&mut scenario, 1);
    assert_eq!(scenario.register(known, &first_record(1, "first")).0, Ok(Response::Done));
}

#[test]
fn a_banned_account_is_put_out_and_stays_out_until_the_ban_is_lifted() {
    let mut scenario = Scenario::new(&Config::default());
    let client = scenario.person(1, "bob");
    let ban = |on| Input::Ban { account: account(1), on };
    let effects = scenario.handle(ban(true));
    let expected =
        [Effect::Close(client), Effect::Dismiss(device(1)), Effect::Disconnect(device(1))];
    assert_eq!(effects, expected);
    let client = scenario.open(1, "127.0.0.1");
    scenario.hello(client);
    let (result, _) = scenario.register(client, &first_record(1, "bob"));
    assert_eq!(result, Err(Refusal::NotAdmitted));
    scenario.handle(ban(false));
    assert_eq!(scenario.register(client, &first_record(1, "bob")).0, Ok(Response::Done));
}

#[test]
fn requests_of_one_network_have_a_limit_that_its_devices_share() {
    let mut config = Config::default();
    config.requests.burst = 100;
    config.requests.network_burst = 150;
    let mut scenario = Scenario::new(&config);
    let hello = || Request::Hello { version: VERSION, token: None };
    let clients = [2, 3].map(|n| scenario.open(n, ELSEWHERE));
    let answered = |scenario: &mut Scenario, client| {
        (0..100).filter(|_| scenario.ask(client, hello()).is_ok()).count()
    };
    // Opening the stream counts for the device as well.
    assert_eq!(answered(&mut scenario, clients[0]), 99);
    assert_eq!(answered(&mut scenario, clients[1]), 51);
    let elsewhere = scenario.open(4, "203.0.113.8");
    assert_eq!(answered(&mut scenario, elsewhere), 99);
}
