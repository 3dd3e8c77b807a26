//! The demo without a window: each thing is done for real, told as it happens, and summed up.

use std::{
    io::{self, Write as _},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use wire::{
    id::Hash,
    name::{ConversationName, Username},
};

use super::{
    cast::Cast,
    observe::{self, Sent, clock, send, until},
    picture,
    table::{self, Done, Row, duration},
};
use crate::core::{
    command::{Answer, Command, Draft, FileSource},
    model::{Body, MessageView, Model, Path, Stage},
};

/// Plays everything. Tells whether all of it happened.
pub(super) async fn play(cast: &mut Cast) -> anyhow::Result<bool> {
    let mut rows = Vec::new();
    let mut note = |what, outcome: anyhow::Result<Done>| {
        let outcome = outcome.map_err(|error| format!("{error:#}"));
        if let Err(error) = &outcome {
            say(&format!("  did not happen: {error}"))?;
        }
        rows.push(Row { what, outcome });
        say("")
    };
    note("registration", registration(cast).await)?;
    note("group message, two members", group_talk(cast).await)?;
    note("direct message", direct_message(cast).await)?;
    note("image, whole and verified", image(cast).await)?;
    note("message to someone offline", offline(cast).await)?;
    note("message forced through the relay", relayed(cast).await)?;
    say(&table::draw(&rows))?;
    Ok(rows.iter().all(|row| row.outcome.is_ok()))
}

async fn registration(cast: &Cast) -> anyhow::Result<Done> {
    say("1. Registration: each name is bound to its owner's key at the server")?;
    cast.all_registered().await?;
    for (name, _) in cast.everyone() {
        say(&format!("  @{name} is registered"))?;
    }
    Ok(Done { road: "server".to_owned(), stored_after: None })
}

async fn group_talk(cast: &Cast) -> anyhow::Result<Done> {
    let group = cast.group();
    say(&format!("2. A group talk in {group}"))?;
    cast.join_all().await?;
    let all_there = |model: &Model| {
        let group = model.conversations.iter().find(|it| it.name == group);
        group.is_some_and(|it| it.members.iter().filter(|member| member.online).count() >= 2)
    };
    until(cast.you(), "the meeting of all members", all_there).await?;
    let mut sent = cast.say_to(&group, "Good evening Ada and Grace 👋🐸").await?;
    let stored = sent.stored_by(&[&cast.ada_name, &cast.grace_name]).await?;
    let there = sent.at(cast.ada()?, &group).await?;
    tell_stored("both of them", &there, stored)?;
    let answer = sent.answered_by(cast.you(), &cast.ada_name).await?;
    tell(&answer)?;
    let sent = cast.say_to(&group, "Grace, do families stay whole? 👨‍👩‍👧‍👦 🇳🇿 ❤️").await?;
    tell(&sent.answered_by(cast.you(), &cast.grace_name).await?)?;
    Ok(Done { road: road_of(&there), stored_after: Some(stored) })
}

async fn direct_message(cast: &Cast) -> anyhow::Result<Done> {
    say("3. A direct message")?;
    let ada = ConversationName::Direct(cast.ada_name.clone());
    let mut sent = cast.say_to(&ada, "Just between us: how did this reach you?").await?;
    let done = delivered(cast, &mut sent, &cast.ada_name).await?;
    tell(&sent.answered_by(cast.you(), &cast.ada_name).await?)?;
    Ok(done)
}

async fn image(cast: &Cast) -> anyhow::Result<Done> {
    say("4. An image")?;
    let (original, copy) =
        (cast.world.folder().join("pond.png"), cast.world.folder().join("copy.png"));
    picture::paint(&original)?;
    let grace = ConversationName::Direct(cast.grace_name.clone());
    let file = Some(FileSource::Path(original.clone()));
    let draft = Draft { text: "The pond this evening 🌅".to_owned(), file, reply_to: None };
    let begun = clock();
    let mut sent = send(cast.you(), &grace, draft).await?;
    say("  you: pond.png, The pond this evening 🌅")?;
    let done = delivered(cast, &mut sent, &cast.grace_name).await?;
    let fetch = Command::Fetch { message: sent.id, save_to: Some(copy.clone()) };
    let fetching = cast.grace()?.ask(fetch);
    let answer = tokio::time::timeout(observe::PATIENCE, fetching).await.context("no image")??;
    ensure!(matches!(answer, Answer::Fetched { .. }), "fetching was answered {answer:?}");
    let (sent_bytes, got) = (std::fs::read(original)?, std::fs::read(copy)?);
    ensure!(Hash::of(&sent_bytes) == Hash::of(&got), "the image has changed on its way");
    say(&format!(
        "  all {} bytes are with @{} after {}, with the same BLAKE3 hash {}",
        got.len(),
        cast.grace_name,
        duration(begun.elapsed()),
        Hash::of(&got)
    ))?;
    tell(&sent.answered_by(cast.you(), &cast.grace_name).await?)?;
    Ok(done)
}

async fn offline(cast: &mut Cast) -> anyhow::Result<Done> {
    say("5. A message to someone who is offline")?;
    let name = cast.grace_name.clone();
    let grace = ConversationName::Direct(name.clone());
    cast.grace_leaves().await?;
    let gone = |model: &Model| model.peers.iter().all(|peer| peer.username != name || !peer.online);
    until(cast.you(), "the notice that she is gone", gone).await?;
    say(&format!("  @{name} has gone offline"))?;
    let mut sent = cast.say_to(&grace, "For when you are back ⏳").await?;
    let history = Command::History { of: grace, limit: 1, before: None };
    let Answer::Messages(messages) = cast.you().ask(history).await? else {
        anyhow::bail!("no history");
    };
    let stage = messages.last().and_then(|it| it.delivery).map(|delivery| delivery.stage);
    ensure!(stage == Some(Stage::Waiting), "the message should wait, but is {stage:?}");
    say("  it waits on your device, and is shown as waiting")?;
    sent.restart_clock();
    cast.grace_returns().await?;
    say(&format!("  @{name} is back"))?;
    delivered(cast, &mut sent, &name).await
}

async fn relayed(cast: &mut Cast) -> anyhow::Result<Done> {
    say("6. A conversation forced through the relay")?;
    let name = cast.ada_name.clone();
    cast.ada_returns_behind_relay().await?;
    let there = |model: &Model| {
        let mut roads = model.peers.iter().filter(|peer| peer.username == name);
        roads.any(|peer| peer.road.is_some_and(|road| road.relayed))
    };
    until(cast.you(), "a relayed road", there).await?;
    say(&format!("  @{name} keeps her address to herself: all goes through the server's circuit"))?;
    let ada = ConversationName::Direct(name.clone());
    let mut sent = cast.say_to(&ada, "Sealed for you alone 🔒").await?;
    let done = delivered(cast, &mut sent, &name).await?;
    ensure!(done.road.starts_with(Path::Relayed(None).as_str()), "the road was {}", done.road);
    tell(&sent.answered_by(cast.you(), &name).await?)?;
    Ok(done)
}

/// Waits for the receipt of a direct message, and tells its road and time.
async fn delivered(cast: &Cast, sent: &mut Sent, name: &Username) -> anyhow::Result<Done> {
    let stored = sent.stored_by(&[name]).await?;
    let recipient = if *name == cast.ada_name { cast.ada()? } else { cast.grace()? };
    let message = sent.at(recipient, &ConversationName::Direct(cast.you_name.clone())).await?;
    tell_stored(&format!("@{name}"), &message, stored)?;
    Ok(Done { road: road_of(&message), stored_after: Some(stored) })
}

fn road_of(message: &MessageView) -> String {
    message.path.map_or_else(|| "unknown".to_owned(), |path| path.as_str().to_owned())
}

fn tell_stored(by: &str, message: &MessageView, after: Duration) -> anyhow::Result<()> {
    let road = road_of(message);
    say(&format!("  stored by {by} after {}, road: {road}", duration(after)))
}

fn tell(message: &MessageView) -> anyhow::Result<()> {
    match &message.body {
        Body::Text(text) => say(&format!("  {}: {text}", message.from)),
        other => say(&format!("  {}: {other:?}", message.from)),
    }
}

pub(super) fn say(line: &str) -> anyhow::Result<()> {
    writeln!(io::stdout(), "{line}").context("cannot write to standard output")
}
