use proptest::prelude::*;
use rand::{SeedableRng as _, rngs::StdRng};

use super::*;
use crate::core::tests::beginning;

const SECOND: Duration = Duration::from_secs(1);

fn group(n: u8) -> ConversationId {
    ConversationId::new([n; 32])
}

fn device(n: u8) -> DeviceId {
    DeviceId::new([n; 32])
}

/// A world in which dials succeed or not, and the policy in it.
struct World {
    now: Instant,
    rng: StdRng,
    policy: Neighbours,
    view: View,
    /// Members that cannot be connected.
    out_of_reach: BTreeSet<DeviceId>,
    round_trips: BTreeMap<DeviceId, u32>,
}

impl World {
    /// Groups with these members, all available.
    fn new(groups: &[(u8, &[u8])]) -> Self {
        let free = Candidate { linked: false, available: true, rtt_ms: None };
        let members = |members: &[u8]| members.iter().map(|n| (device(*n), free)).collect();
        Self {
            now: beginning(),
            rng: StdRng::seed_from_u64(7),
            policy: Neighbours::new(beginning()),
            view: groups.iter().map(|(n, all)| (group(*n), members(all))).collect(),
            out_of_reach: BTreeSet::new(),
            round_trips: BTreeMap::new(),
        }
    }

    fn change(&mut self, device: DeviceId, change: impl Fn(&mut Candidate)) {
        for members in self.view.values_mut() {
            if let Some(candidate) = members.get_mut(&device) {
                change(candidate);
            }
        }
    }

    /// One look, with what follows from it until the next.
    fn look(&mut self) -> Vec<NeighbourAction> {
        let actions = self.policy.look(self.now, &self.view, &mut self.rng);
        for action in &actions {
            match action {
                NeighbourAction::Seek(device) if !self.out_of_reach.contains(device) => {
                    let rtt_ms = self.round_trips.get(device).copied().or(Some(20));
                    self.change(*device, |it| (it.linked, it.rtt_ms) = (true, rtt_ms));
                }
                NeighbourAction::Release(device) => self.change(*device, |it| it.linked = false),
                NeighbourAction::Seek(_) | NeighbourAction::AskMembers(_) => {}
            }
        }
        self.now = self.policy.next_deadline().max(self.now);
        actions
    }

    fn run(&mut self, time: Duration) -> Vec<NeighbourAction> {
        let until = self.now + time;
        let mut actions = Vec::new();
        while self.now < until {
            actions.extend(self.look());
        }
        actions
    }

    fn linked(&self, n: u8) -> BTreeSet<DeviceId> {
        let members = self.view[&group(n)].iter();
        members.filter(|(_, it)| it.linked).map(|(device, _)| *device).collect()
    }
}

fn sought(actions: &[NeighbourAction]) -> BTreeSet<DeviceId> {
    let seek = |action: &NeighbourAction| match action {
        NeighbourAction::Seek(device) => Some(*device),
        _ => None,
    };
    actions.iter().filter_map(seek).collect()
}

fn numbers(from: u8, to: u8) -> Vec<u8> {
    (from..to).collect()
}

#[test]
fn a_few_members_are_sought_and_no_more() {
    let all = numbers(1, 100);
    let mut world = World::new(&[(1, &all)]);
    let first = sought(&world.look());
    assert_eq!(first.len(), WANTED + 1);
    assert_eq!(sought(&world.run(60 * SECOND)), BTreeSet::new());
    assert!((WANTED..=WANTED + 1).contains(&world.linked(1).len()));
}

#[test]
fn connections_made_for_something_else_count() {
    let mut world = World::new(&[(1, &numbers(1, 100))]);
    for n in 1..=WANTED as u8 {
        world.change(device(n), |it| it.linked = true);
    }
    assert_eq!(world.look(), []);
}

#[test]
fn members_of_several_groups_come_first() {
    let (mut first, mut second) = (numbers(1, 50), numbers(50, 100));
    first.extend(200..203);
    second.extend(200..203);
    let mut world = World::new(&[(1, &first), (2, &second)]);
    let shared: BTreeSet<_> = (200..203).map(device).collect();
    assert!(sought(&world.look()).is_superset(&shared));
    assert!(sought(&world.run(60 * SECOND)).len() <= 2, "one more for each group at most");
}

#[test]
fn who_is_not_available_is_not_sought() {
    let mut world = World::new(&[(1, &numbers(1, 10))]);
    for n in 2..10 {
        world.change(device(n), |it| it.available = false);
    }
    assert_eq!(sought(&world.run(600 * SECOND)), BTreeSet::from([device(1)]));
}

#[test]
fn who_cannot_be_connected_is_left_alone_and_others_are_tried() {
    let mut world = World::new(&[(1, &numbers(1, 30))]);
    world.out_of_reach = (1..20).map(device).collect();
    let actions = world.run(300 * SECOND);
    assert!(world.linked(1).len() >= WANTED);
    let seeks = actions.iter().filter(|it| matches!(it, NeighbourAction::Seek(_))).count();
    assert_eq!(seeks, sought(&actions).len(), "nobody twice");
}

#[test]
fn lost_members_are_replaced() {
    let mut world = World::new(&[(1, &numbers(1, 30))]);
    world.run(60 * SECOND);
    let before = world.linked(1);
    for device in &before {
        world.change(*device, |it| (it.linked, it.available) = (false, false));
    }
    world.run(10 * SECOND);
    assert!(world.linked(1).len() >= WANTED);
    assert!(world.linked(1).is_disjoint(&before));
}

#[test]
fn the_server_is_asked_ever_less_often_when_nobody_can_be_connected() {
    let mut world = World::new(&[(1, &numbers(1, 10))]);
    world.out_of_reach = (1..10).map(device).collect();
    let is_question = |it: &&NeighbourAction| matches!(it, NeighbourAction::AskMembers(_));
    let first = world.run(600 * SECOND).iter().filter(is_question).count();
    let second = world.run(600 * SECOND).iter().filter(is_question).count();
    assert!((4..10).contains(&first), "{first}");
    assert!(second <= 2, "{second}");
}

#[test]
fn near_members_replace_slow_ones_in_time_but_not_the_first() {
    let mut world = World::new(&[(1, &numbers(1, 60))]);
    world.round_trips = (1..60).map(|n| (device(n), 10 * u32::from(n))).collect();
    world.look();
    let oldest =
        |world: &World| world.policy.sought.iter().min_by_key(|it| it.1.since).map(|it| *it.0);
    let first = oldest(&world);
    world.run(Duration::from_hours(48));
    assert_eq!(oldest(&world), first);
    let kept = world.linked(1);
    assert!((WANTED..=WANTED + 1).contains(&kept.len()), "{kept:?}");
    let mut near: Vec<_> = kept.iter().map(|it| world.round_trips[it]).collect();
    near.sort_unstable();
    assert!(near[0] <= 100 && near[1] <= 150, "{near:?}");
}

#[test]
fn the_number_of_sought_members_is_bounded_over_all_groups() {
    let members: Vec<_> = (0..100u8).map(|n| [2 * n, 2 * n + 1]).collect();
    let groups: Vec<_> = members.iter().zip(0..).map(|(all, n)| (n, &all[..])).collect();
    let mut world = World::new(&groups);
    assert_eq!(sought(&world.run(600 * SECOND)).len(), SOUGHT_MAX);
}

proptest! {
    /// Whoever comes and goes and can be reached or not: a group with enough reachable members has
    /// enough connections after a while, nobody unavailable is sought, and nothing grows.
    #[test]
    fn groups_find_neighbours_whatever_happens(
        seed: u64,
        reachable in 3u8..40,
        changes in prop::collection::vec((0u8..40, any::<bool>(), 1u64..100), 0..60),
    ) {
        let mut world = World::new(&[(1, &numbers(0, 40))]);
        world.rng = StdRng::seed_from_u64(seed);
        world.out_of_reach = (reachable..40).map(device).collect();
        for (n, is_here, seconds) in changes {
            world.change(device(n), |it| {
                it.available = is_here;
                it.linked &= is_here;
            });
            for device in sought(&world.run(Duration::from_secs(seconds))) {
                prop_assert!(world.view[&group(1)][&device].available);
            }
            prop_assert!(world.policy.sought.len() <= SOUGHT_MAX);
        }
        for n in 0..40 {
            world.change(device(n), |it| it.available = true);
        }
        world.run(Duration::from_hours(2));
        prop_assert!(world.linked(1).len() >= WANTED, "{:?}", world.linked(1));
    }
}
