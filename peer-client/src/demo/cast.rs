//! Who takes part in the demo.

use std::time::Duration;

use anyhow::Context as _;
use wire::name::{ConversationName, GroupName, Username};

use super::{
    COMPANIONS, GROUP, YOU,
    companion::Companion,
    observe::{self, Sent},
    transcript::say,
    world::World,
};
use crate::{
    core::{
        command::{Command, Draft},
        model::{Model, ServerTie},
    },
    handle::Handle,
    node::Node,
};

/// You and two companions around one server.
#[derive(Debug)]
pub(super) struct Cast {
    pub(super) world: World,
    pub(super) you_name: Username,
    pub(super) ada_name: Username,
    pub(super) grace_name: Username,
    group: GroupName,
    pause: Duration,
    you: Node,
    ada: Option<Companion>,
    grace: Option<Companion>,
}

impl Cast {
    /// Starts the server and all three peers. Companions answer after `pause`.
    pub(super) async fn gather(pause: Duration) -> anyhow::Result<Self> {
        let world = World::start().await?;
        let [ada_name, grace_name] = COMPANIONS;
        let (you_name, ada_name, grace_name) =
            (Username::new(YOU)?, Username::new(ada_name)?, Username::new(grace_name)?);
        let you = world.peer(&you_name, false).await?;
        let ada = Companion::animate(world.peer(&ada_name, false).await?, &you_name, pause);
        let grace = Companion::animate(world.peer(&grace_name, false).await?, &you_name, pause);
        let group = GroupName::new(GROUP)?;
        let (ada, grace) = (Some(ada), Some(grace));
        Ok(Self { world, you_name, ada_name, grace_name, group, pause, you, ada, grace })
    }

    /// Your peer.
    pub(super) fn you(&self) -> &Handle {
        &self.you.handle
    }

    /// Ada's peer.
    pub(super) fn ada(&self) -> anyhow::Result<&Handle> {
        self.ada.as_ref().map(Companion::handle).context("@ada is offline")
    }

    /// Grace's peer.
    pub(super) fn grace(&self) -> anyhow::Result<&Handle> {
        self.grace.as_ref().map(Companion::handle).context("@grace is offline")
    }

    /// The group of all three.
    pub(super) fn group(&self) -> ConversationName {
        ConversationName::Group(self.group.clone())
    }

    /// All who are online.
    pub(super) fn everyone(&self) -> impl Iterator<Item = (&Username, &Handle)> {
        let ada = self.ada.iter().map(|ada| (&self.ada_name, ada.handle()));
        let grace = self.grace.iter().map(|grace| (&self.grace_name, grace.handle()));
        std::iter::once((&self.you_name, &self.you.handle)).chain(ada).chain(grace)
    }

    /// Waits until all are registered, so that they can find each other.
    pub(super) async fn all_registered(&self) -> anyhow::Result<()> {
        for (_, handle) in self.everyone() {
            let registered = |model: &Model| model.server == ServerTie::Registered;
            observe::until(handle, "registration", registered).await?;
        }
        Ok(())
    }

    /// Lets all join the group.
    pub(super) async fn join_all(&self) -> anyhow::Result<()> {
        for (name, handle) in self.everyone() {
            let join = Command::Join { group: self.group.clone(), invite: None };
            handle.ask(join).await.with_context(|| format!("@{name} cannot join"))?;
        }
        Ok(())
    }

    /// Lets the companions greet you, in the group and alone.
    #[cfg(feature = "gui")]
    pub(super) async fn welcome(&self) -> anyhow::Result<()> {
        let you = ConversationName::Direct(self.you_name.clone());
        let greetings = [
            (self.ada()?, self.group(), "Welcome to the pond! 🐸 Write something, we answer."),
            (self.grace()?, self.group(), "Good to have you here 👋"),
            (self.grace()?, you, "Here we are just the two of us. Try a picture 🖼️"),
        ];
        for (companion, to, text) in greetings {
            let draft = Draft { text: text.to_owned(), ..Draft::default() };
            observe::send(companion, &to, draft).await?;
        }
        Ok(())
    }

    /// Sends a text of yours and tells it.
    pub(super) async fn say_to(&self, to: &ConversationName, text: &str) -> anyhow::Result<Sent> {
        let draft = Draft { text: text.to_owned(), ..Draft::default() };
        let sent = observe::send(self.you(), to, draft).await?;
        say(&format!("  you: {text}"))?;
        Ok(sent)
    }

    /// Grace goes offline.
    pub(super) async fn grace_leaves(&mut self) -> anyhow::Result<()> {
        self.grace.take().context("@grace is offline already")?.stop().await;
        Ok(())
    }

    /// Grace comes back with her data.
    pub(super) async fn grace_returns(&mut self) -> anyhow::Result<()> {
        let node = self.world.peer(&self.grace_name, false).await?;
        self.grace = Some(Companion::animate(node, &self.you_name, self.pause));
        Ok(())
    }

    /// Ada starts again and lets nobody know her address.
    pub(super) async fn ada_returns_behind_relay(&mut self) -> anyhow::Result<()> {
        self.ada.take().context("@ada is offline")?.stop().await;
        let node = self.world.peer(&self.ada_name, true).await?;
        self.ada = Some(Companion::animate(node, &self.you_name, self.pause));
        Ok(())
    }

    /// Ends everything and removes the folder.
    pub(super) async fn dismiss(self) -> anyhow::Result<()> {
        self.you.stop().await;
        for companion in [self.ada, self.grace].into_iter().flatten() {
            companion.stop().await;
        }
        self.world.close().await
    }
}
