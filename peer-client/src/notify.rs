//! Tells of messages through the desktop's own notifications (`org.freedesktop.Notifications`).

use std::collections::{BTreeMap, HashMap};

use futures::StreamExt as _;
use tokio::sync::mpsc;
use wire::name::ConversationName;
use zbus::{Connection, Proxy, zvariant::Value};

use crate::gui::{Announcement, Announcer};

/// Announcements that may wait.
const QUEUE: usize = 16;
/// Announcements whose click is waited for; older ones are forgotten.
const SHOWN_MAX: usize = 64;
/// Longest text, in characters.
const TEXT_MAX: usize = 300;
const SERVICE: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";

/// Tells through the desktop, if there is one that can. What cannot be told is let go.
pub(crate) fn announcer(runtime: &tokio::runtime::Handle) -> Announcer {
    let (announcements, queue) = mpsc::channel(QUEUE);
    // Ends when the announcer is dropped.
    drop(runtime.spawn(async move {
        if let Err(error) = serve(queue).await {
            tracing::info!(%error, "the desktop shows no notifications");
        }
    }));
    Box::new(move |announcement| {
        if announcements.try_send(announcement).is_err() {
            tracing::debug!("a notification is left out");
        }
    })
}

/// What is shown: by the desktop's number the conversation and what a click does.
#[derive(Default)]
struct Shown {
    clicks: BTreeMap<u32, Box<dyn FnOnce() + Send>>,
    numbers: BTreeMap<ConversationName, u32>,
}

async fn serve(mut queue: mpsc::Receiver<Announcement>) -> zbus::Result<()> {
    // The desktop is asked only once there is something to tell.
    let Some(first) = queue.recv().await else { return Ok(()) };
    let connection = Connection::session().await?;
    let desktop = Proxy::new(&connection, SERVICE, PATH, SERVICE).await?;
    let mut clicks = desktop.receive_signal("ActionInvoked").await?;
    let mut shown = Shown::default();
    shown.show(&desktop, first).await?;
    loop {
        tokio::select! {
            announcement = queue.recv() => match announcement {
                Some(announcement) => shown.show(&desktop, announcement).await?,
                None => return Ok(()),
            },
            Some(click) = clicks.next() => {
                if let Ok((number, _action)) = click.body().deserialize::<(u32, String)>()
                    && let Some(open) = shown.clicks.remove(&number)
                {
                    open();
                }
            }
        }
    }
}

impl Shown {
    async fn show(&mut self, desktop: &Proxy<'_>, it: Announcement) -> zbus::Result<()> {
        let replaced = self.numbers.get(&it.conversation).copied().unwrap_or_default();
        let text: String = it.text.chars().take(TEXT_MAX).collect();
        let hints = HashMap::from([
            ("desktop-entry", Value::from("natterjack")),
            ("category", Value::from("im.received")),
            ("sound-name", Value::from("message-new-instant")),
        ]);
        let notification = (
            "Natterjack",
            replaced,
            "natterjack",
            it.title.as_str(),
            escaped(&text),
            vec!["default", "Open"],
            hints,
            -1_i32,
        );
        let number: u32 = desktop.call("Notify", &notification).await?;
        self.clicks.insert(number, it.open);
        self.numbers.insert(it.conversation, number);
        while self.clicks.len() > SHOWN_MAX
            && let Some((oldest, _)) = self.clicks.pop_first()
        {
            self.numbers.retain(|_, number| *number != oldest);
        }
        Ok(())
    }
}

/// Desktops may take the text for markup.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_no_markup() {
        assert_eq!(escaped("<b>a</b> & b"), "&lt;b&gt;a&lt;/b&gt; &amp; b");
    }
}
