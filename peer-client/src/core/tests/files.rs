//! Files that others sent: from whom they are fetched, what happens when that fails, and what stays.

use std::time::Duration;

use wire::{
    blob::{BlobReply, BlobRequest},
    bounded::Bounded,
    event::{Attachment, Payload},
    id::{BlobHash, ConversationId, DeviceId, EventId},
    limits::BLOB_MAX,
    sync::Proof,
};

use super::alone::{Alone, Stranger, closes, events};
use crate::core::{
    command::{Answer, Command, Draft, Failure, FileSource},
    effect::Effect,
    input::{
        AttachmentInput, BlobStreamId, CallId, Input, LinkInput, PreparedFile, SessionId, Ticket,
    },
    model::Transfer,
    notice::Notice,
};

const MIB: u64 = 1024 * 1024;
/// As in the setup of all machines here.
const QUOTA: u64 = 1000;

/// Alice in a group, to which others sent files.
struct Scene {
    alice: Alone,
    members: Vec<Stranger>,
    id: ConversationId,
    log: Vec<wire::event::CheckedEvent>,
    proofs: Vec<Proof>,
    /// The author's stream.
    session: SessionId,
}

fn attachment(number: u8, size: u64) -> Attachment {
    Attachment {
        blob: BlobHash::new([number; 32]),
        size,
        media_type: "application/zip".to_owned(),
        name: "file.zip".to_owned(),
        caption: None,
        preview: None,
        dimensions: None,
        reply_to: None,
    }
}

impl Scene {
    /// So many members are there; the first one wrote the messages.
    fn with(members: u16, files: &[Attachment]) -> (Self, Vec<EventId>) {
        let mut alice = Alone::new("alice");
        let secret = alice.join("garden");
        let id = secret.conversation();
        let members: Vec<_> = (0..members)
            .map(|number| Stranger::new(number + 2, &format!("peer{number}")))
            .collect();
        let proofs = members.iter().map(|member| member.group_proof(&secret, &alice)).collect();
        let log = members[0].log(id, &[]);
        let session = SessionId(0);
        let mut scene = Self { alice, members, id, log, proofs, session };
        for number in (0..scene.members.len()).rev() {
            scene.connect(number);
        }
        let messages = files.iter().map(|file| scene.send(file)).collect();
        (scene, messages)
    }

    fn device(&self, number: usize) -> DeviceId {
        self.members[number].id()
    }

    fn connect(&mut self, number: usize) {
        let proof = self.proofs[number].clone();
        self.session = self.alice.greet(self.device(number), self.id, proof);
    }

    /// The first member sends a file.
    fn send(&mut self, file: &Attachment) -> EventId {
        let author = self.members[0].clone();
        let payload = Payload::Attachment(file.clone());
        self.log.push(author.entry(self.log.last().unwrap(), &payload));
        let effects = self.alice.frame(self.session, &events(&self.log));
        assert!(!closes(&effects, self.session), "{effects:?}");
        self.log.last().unwrap().id
    }

    fn call(&mut self, command: Command) -> (CallId, Vec<Effect>) {
        let id = CallId(self.alice.number());
        (id, self.alice.feed(Input::Call { id, command }))
    }

    fn fetch(&mut self, message: EventId) -> (CallId, Vec<Effect>) {
        self.call(Command::Fetch { message, save_to: None })
    }

    /// Fetches a file from the only source that is asked.
    fn fetch_whole(&mut self, message: EventId) -> Vec<Effect> {
        let (_, effects) = self.fetch(message);
        let [(ticket, _)] = fetches(&effects)[..] else { panic!("{effects:?}") };
        self.tell(AttachmentInput::Complete { ticket })
    }

    fn tell(&mut self, input: AttachmentInput) -> Vec<Effect> {
        self.alice.feed(Input::Attachment(input))
    }

    fn fail(&mut self, ticket: Ticket, code: &'static str) -> Vec<Effect> {
        self.tell(AttachmentInput::Failed { ticket, failure: Failure::new(code, "it failed") })
    }

    /// How a member's request for a file is answered.
    fn serve(&mut self, blob: BlobHash) -> Vec<Effect> {
        let stream = BlobStreamId(self.alice.number());
        let request = BlobRequest {
            conversation: self.id,
            proof: self.proofs[0].clone(),
            hash: blob,
            ranges: Bounded::default(),
        };
        let device = self.device(0);
        self.tell(AttachmentInput::Asked { stream, device, request: Box::new(request) })
    }

    fn serves(&mut self, blob: BlobHash) -> bool {
        match self.serve(blob).as_slice() {
            [Effect::Serve { .. }] => true,
            [Effect::Refuse { reply: BlobReply::NotFound, .. }] => false,
            other => panic!("{other:?}"),
        }
    }

    /// Alice sends a file of her own.
    fn send_own(&mut self, number: u8, size: u64) {
        let file = FileSource::Path("own.bin".into());
        let draft = Draft { file: Some(file), ..Draft::default() };
        let (_, effects) = self.call(Command::Send { to: "#garden".parse().unwrap(), draft });
        let ticket = effects.iter().find_map(|effect| match effect {
            Effect::Prepare { ticket, .. } => Some(*ticket),
            _ => None,
        });
        let Attachment { blob, name, media_type, .. } = attachment(number, size);
        let file = PreparedFile { blob, size, name, media_type, dimensions: None, preview: None };
        let file = Box::new(file);
        self.tell(AttachmentInput::Prepared { ticket: ticket.unwrap(), file });
    }
}

/// Transfers that begin, and from whom.
fn fetches(effects: &[Effect]) -> Vec<(Ticket, DeviceId)> {
    let fetch = |effect: &Effect| match effect {
        Effect::Fetch { ticket, device, .. } => Some((*ticket, *device)),
        _ => None,
    };
    effects.iter().filter_map(fetch).collect()
}

fn stopped(effects: &[Effect]) -> Vec<Ticket> {
    let stop = |effect: &Effect| match effect {
        Effect::StopFetch { ticket } => Some(*ticket),
        _ => None,
    };
    effects.iter().filter_map(stop).collect()
}

fn evicted(effects: &[Effect]) -> Vec<BlobHash> {
    let evict = |effect: &Effect| match effect {
        Effect::Evict { blob } => Some(*blob),
        _ => None,
    };
    effects.iter().filter_map(evict).collect()
}

/// The answer to a command: bytes, or the word of a failure.
fn answer(effects: &[Effect], to: CallId) -> Option<Result<u64, &'static str>> {
    effects.iter().find_map(|effect| match effect {
        Effect::Answer { call, result } if *call == to => Some(match result {
            Ok(Answer::Fetched { bytes }) => Ok(*bytes),
            Ok(_) => Ok(0),
            Err(failure) => Err(failure.code),
        }),
        _ => None,
    })
}

#[test]
fn a_small_file_comes_from_its_author_alone() {
    let (mut scene, messages) = Scene::with(3, &[attachment(1, MIB)]);
    let (call, effects) = scene.fetch(messages[0]);
    let [(ticket, device)] = fetches(&effects)[..] else { panic!("{effects:?}") };
    assert_eq!(device, scene.device(0));
    assert_eq!(fetches(&scene.alice.wait(Duration::from_mins(1))), []);
    let effects = scene.tell(AttachmentInput::Complete { ticket });
    assert_eq!(answer(&effects, call), Some(Ok(MIB)));
}

#[test]
fn a_large_file_comes_from_several_and_is_told_once() {
    let (mut scene, messages) = Scene::with(6, &[attachment(1, 100 * MIB)]);
    let (call, effects) = scene.fetch(messages[0]);
    let sources = fetches(&effects);
    assert_eq!(sources.len(), 4, "{effects:?}");
    assert_eq!(sources[0].1, scene.device(0));
    let mut answers = 0;
    for (ticket, _) in sources {
        let effects = scene.tell(AttachmentInput::Complete { ticket });
        answers += usize::from(answer(&effects, call) == Some(Ok(100 * MIB)));
    }
    assert_eq!(answers, 1);
    assert!(scene.alice.machine.pending.is_empty());
}

#[test]
fn somebody_else_takes_over_at_once_from_who_fails() {
    let (mut scene, messages) = Scene::with(6, &[attachment(1, 100 * MIB)]);
    let (_, effects) = scene.fetch(messages[0]);
    let sources = fetches(&effects);
    let others = fetches(&scene.fail(sources[1].0, "transfer"));
    assert_eq!(others.len(), 1);
    assert!(sources.iter().all(|(_, device)| *device != others[0].1));
    // Later the one that failed is good enough, too.
    let last = fetches(&scene.fail(others[0].0, "transfer"));
    assert_eq!(last.len(), 1);
    assert_eq!(fetches(&scene.fail(last[0].0, "transfer")), []);
    let again = fetches(&scene.alice.wait(Duration::from_secs(3)));
    assert_eq!(again.len(), 1);
}

#[test]
fn a_liar_is_never_asked_again_for_the_file() {
    let (mut scene, messages) = Scene::with(2, &[attachment(1, MIB)]);
    let (call, effects) = scene.fetch(messages[0]);
    let [(ticket, liar)] = fetches(&effects)[..] else { panic!("{effects:?}") };
    let mut effects = scene.fail(ticket, "corrupt");
    for _ in 0..8 {
        let [(ticket, device)] = fetches(&effects)[..] else { panic!("{effects:?}") };
        assert_ne!(device, liar);
        scene.fail(ticket, "transfer");
        effects = scene.alice.wait(Duration::from_secs(9));
    }
    let [(ticket, _)] = fetches(&effects)[..] else { panic!("{effects:?}") };
    scene.fail(ticket, "corrupt");
    let effects = scene.alice.wait(Duration::from_mins(2));
    assert_eq!(answer(&effects, call), Some(Err("unavailable")));
}

#[test]
fn who_comes_back_is_asked_again_and_nobody_at_all_is_given_up() {
    let (mut scene, messages) = Scene::with(1, &[attachment(1, MIB)]);
    let (device, link) = (scene.device(0), scene.alice.last_link);
    scene.alice.feed(Input::Link(LinkInput::Closed { device, link }));
    let sessions: Vec<_> = scene.alice.machine.sessions.keys().copied().collect();
    for session in sessions {
        scene.alice.feed(Input::Sync(crate::core::input::SyncInput::Closed { session }));
    }
    let (call, effects) = scene.fetch(messages[0]);
    assert_eq!(fetches(&effects), []);
    scene.alice.wait(Duration::from_secs(20));
    scene.connect(0);
    let effects = scene.alice.wait(Duration::from_secs(1));
    let [(ticket, _)] = fetches(&effects)[..] else { panic!("{effects:?}") };
    scene.fail(ticket, "transfer");
    let mut effects = scene.alice.wait(Duration::from_secs(1));
    while let [(ticket, _)] = fetches(&effects)[..] {
        scene.fail(ticket, "transfer");
        effects = scene.alice.wait(Duration::from_mins(1));
        if answer(&effects, call).is_some() {
            break;
        }
    }
    assert_eq!(answer(&effects, call), Some(Err("unavailable")));
}

#[test]
fn cancelling_ends_all_transfers_and_answers_who_waits() {
    let (mut scene, messages) = Scene::with(3, &[attachment(1, 100 * MIB)]);
    let (waiting, effects) = scene.fetch(messages[0]);
    let sources = fetches(&effects);
    let (cancelling, effects) = scene.call(Command::CancelFetch { message: messages[0] });
    assert_eq!(stopped(&effects), sources.iter().map(|it| it.0).collect::<Vec<_>>());
    assert_eq!(answer(&effects, waiting), Some(Err("cancelled")));
    assert_eq!(answer(&effects, cancelling), Some(Ok(0)));
    assert!(scene.alice.machine.model().transfers.is_empty());
    // What is still told of them says nothing.
    assert!(scene.tell(AttachmentInput::Complete { ticket: sources[0].0 }).is_empty());
    let (cancelling, effects) = scene.call(Command::CancelFetch { message: messages[0] });
    assert_eq!(answer(&effects, cancelling), Some(Err("not_fetching")));
    let (_, effects) = scene.fetch(messages[0]);
    assert_eq!(fetches(&effects).len(), 3);
}

#[test]
fn a_file_that_two_messages_name_comes_for_the_other_one() {
    let (mut scene, messages) = Scene::with(1, &[attachment(1, MIB), attachment(1, MIB)]);
    let (first, effects) = scene.fetch(messages[0]);
    let [(ticket, _)] = fetches(&effects)[..] else { panic!("{effects:?}") };
    let (second, effects) = scene.fetch(messages[1]);
    assert_eq!(fetches(&effects), []);
    let (_, effects) = scene.call(Command::CancelFetch { message: messages[0] });
    assert_eq!((answer(&effects, first), answer(&effects, second)), (Some(Err("cancelled")), None));
    assert_eq!(stopped(&effects), []);
    let effects = scene.tell(AttachmentInput::Complete { ticket });
    assert_eq!(answer(&effects, second), Some(Ok(MIB)));
}

#[test]
fn a_full_disk_ends_the_fetch_with_a_reason() {
    let (mut scene, messages) = Scene::with(3, &[attachment(1, 100 * MIB)]);
    let (call, effects) = scene.fetch(messages[0]);
    let sources = fetches(&effects);
    let effects = scene.fail(sources[0].0, "disk");
    assert_eq!(answer(&effects, call), Some(Err("disk")));
    assert_eq!(stopped(&effects).len(), 2);
    let transfers = &scene.alice.machine.model().transfers;
    let failed = Transfer::Failed { text: "it failed".to_owned() };
    assert_eq!(transfers.get(&attachment(1, 0).blob), Some(&failed));
}

#[test]
fn erasing_a_message_ends_the_fetch_of_its_file() {
    let (mut scene, messages) = Scene::with(1, &[attachment(1, MIB)]);
    let (call, effects) = scene.fetch(messages[0]);
    let [(ticket, _)] = fetches(&effects)[..] else { panic!("{effects:?}") };
    let author = scene.members[0].clone();
    let erase = author.entry(scene.log.last().unwrap(), &Payload::Erase { event: messages[0] });
    let effects = scene.alice.frame(scene.session, &events([&erase]));
    assert_eq!(stopped(&effects), [ticket]);
    assert_eq!(answer(&effects, call), Some(Err("not_found")));
}

#[test]
fn the_oldest_fetched_files_make_room_and_can_be_fetched_again() {
    let files = [1, 2, 3].map(|number| attachment(number, QUOTA / 2));
    let (mut scene, messages) = Scene::with(1, &files);
    scene.send_own(9, 50 * QUOTA);
    assert_eq!(evicted(&scene.fetch_whole(messages[0])), []);
    assert_eq!(evicted(&scene.fetch_whole(messages[1])), []);
    assert_eq!(evicted(&scene.fetch_whole(messages[2])), [files[0].blob]);
    assert!(!scene.serves(files[0].blob) && scene.serves(files[1].blob));
    assert!(scene.serves(attachment(9, 0).blob), "what Alice sent stays");
    assert_eq!(evicted(&scene.fetch_whole(messages[0])), [files[1].blob]);
    assert!(scene.serves(files[0].blob));
}

#[test]
fn what_comes_in_part_counts_and_what_is_coming_or_being_saved_stays() {
    let size = 100 * MIB;
    let (mut scene, messages) = Scene::with(1, &[attachment(1, 10), attachment(2, size)]);
    scene.fetch_whole(messages[0]);
    // It is being copied out while the other one comes.
    let save_to = Some("copy".into());
    scene.call(Command::Fetch { message: messages[0], save_to });
    let (_, effects) = scene.fetch(messages[1]);
    let [(ticket, _)] = fetches(&effects)[..] else { panic!("{effects:?}") };
    let effects = scene.tell(AttachmentInput::Progress { ticket, done: MIB });
    assert_eq!(evicted(&effects), []);
    let saving = scene.alice.machine.pending.keys().copied().min().unwrap();
    scene.tell(AttachmentInput::Saved { ticket: saving, bytes: 10 });
    let effects = scene.tell(AttachmentInput::Progress { ticket, done: 2 * MIB });
    assert_eq!(evicted(&effects), [attachment(1, 0).blob]);
    // Once it is cancelled, a part goes as soon as something newer needs the room.
    let (_, effects) = scene.call(Command::CancelFetch { message: messages[1] });
    assert_eq!(evicted(&effects), []);
    let effects = scene.fetch_whole(messages[0]);
    assert_eq!(evicted(&effects), [attachment(2, 0).blob]);
}

#[test]
fn progress_never_goes_back_whoever_tells_it() {
    let (mut scene, messages) = Scene::with(2, &[attachment(1, BLOB_MAX)]);
    let (_, effects) = scene.fetch(messages[0]);
    let [(one, _), (other, _)] = fetches(&effects)[..] else { panic!("{effects:?}") };
    for (ticket, done) in [(one, MIB), (other, 3 * MIB), (one, 2 * MIB), (other, BLOB_MAX)] {
        scene.tell(AttachmentInput::Progress { ticket, done });
    }
    let progress = |notice: &Notice| match notice {
        Notice::Progress { done, total: BLOB_MAX, .. } => Some(*done),
        _ => None,
    };
    let told: Vec<_> = scene.alice.notices.iter().filter_map(progress).collect();
    assert_eq!(told, [MIB, 3 * MIB, BLOB_MAX]);
}
