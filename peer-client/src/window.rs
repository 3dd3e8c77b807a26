//! Starts the window: where data lies, and a node whenever the window wants one.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    time::SystemTime,
};

use anyhow::Context as _;
use tokio::{runtime::Runtime, sync::Mutex};
use wire::name::Username;

use crate::{
    backup, cli,
    core::command::Failure,
    gui::{self, Account, Login},
    handle::Handle,
    node::{self, Node, files::Files},
    recovery, signals,
};

/// Opens the window. Ends when it is closed and everything is on the disk.
pub fn open(arguments: cli::Window, runtime: &Runtime) -> anyhow::Result<()> {
    let data_dir = arguments.data_dir.map_or_else(default_data_dir, Ok)?;
    let username = match arguments.username {
        Some(username) => Some(username),
        None => node::registered_name(&data_dir)?,
    };
    let running = Arc::new(Mutex::new(None));
    let options = gui::Options {
        start: gui::Start {
            data_dir: data_dir.clone(),
            rendezvous: arguments.rendezvous,
            username,
            conversation: None,
            documents: documents(),
        },
        handle: None,
        runtime: runtime.handle().clone(),
        clock: unix_ms,
        shutdown: signals::shutdown(runtime)?,
        #[cfg(target_os = "linux")]
        announcer: Some(crate::notify::announcer(runtime.handle())),
        #[cfg(not(target_os = "linux"))]
        announcer: None,
    };
    let quota = arguments.attachment_quota;
    let launcher = launcher((data_dir, quota), Arc::clone(&running), runtime.handle().clone());
    let shown = gui::run(options, launcher);
    runtime.block_on(async {
        if let Some(node) = running.lock().await.take() {
            node.stop().await;
        }
    });
    shown
}

/// Milliseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "the window's clock")]
pub fn unix_ms() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}

/// Starts a node whenever the window asks, after it has ended the one before.
fn launcher(
    (data_dir, quota): (PathBuf, u64),
    running: Arc<Mutex<Option<Node>>>,
    runtime: tokio::runtime::Handle,
) -> gui::Launcher {
    Box::new(move |login| {
        let (answer, answered) = mpsc::sync_channel(1);
        let (data_dir, running) = (data_dir.clone(), Arc::clone(&running));
        // Ends by itself; dropping its handle lets it go on.
        drop(runtime.spawn(async move {
            let result = launch((&data_dir, quota), &running, login).await;
            let result = result.map_err(|error| Failure::new("start", format!("{error:#}")));
            if answer.send(result).is_err() {
                tracing::debug!("the window closed while the node started");
            }
        }));
        answered
    })
}

async fn launch(
    (data_dir, quota): (&Path, u64),
    running: &Mutex<Option<Node>>,
    login: Login,
) -> anyhow::Result<Handle> {
    let mut running = running.lock().await;
    if let Some(node) = running.take() {
        node.stop().await;
    }
    let username = prepare(data_dir, &login).await?;
    let config = node::Config {
        data_dir: data_dir.to_owned(),
        rendezvous: login.rendezvous,
        token: login.token,
        username,
        listen: Vec::new(),
        relay_only: false,
        local_network: true,
        attachment_quota: quota,
    };
    let node = node::start(config).await?;
    let handle = node.handle.clone();
    *running = Some(node);
    Ok(handle)
}

/// Brings the account into the folder from where the user has it. Gives its name.
async fn prepare(data_dir: &Path, login: &Login) -> anyhow::Result<Username> {
    if let Account::Here(username) = &login.account {
        return Ok(username.clone());
    }
    if let Some(registered) = node::registered_name(data_dir)? {
        anyhow::bail!("this device belongs to @{registered} already; go back and connect as that");
    }
    let files = Files::open(data_dir)?;
    if files.is_begun() {
        // Of an account that no server ever took.
        files.set_aside()?;
    }
    match login.account.clone() {
        Account::Here(username) => Ok(username),
        Account::Phrase { username, words, revoke_others } => {
            let rendezvous = login.rendezvous.clone();
            let wanted = recovery::Wanted { rendezvous, username, revoke_others };
            recovery::restore(&files, &wanted, words.reveal()).await?;
            Ok(wanted.username)
        }
        Account::Code(code) => recovery::add(&files, code.reveal()).await,
        Account::Backup { file, passphrase, same_device } => {
            let read = move || backup::read(&files, &file, passphrase.reveal(), same_device);
            tokio::task::spawn_blocking(read).await??;
            node::registered_name(data_dir)?.context("the backup is of no registered account")
        }
    }
}

fn documents() -> Option<PathBuf> {
    let folders = directories::UserDirs::new()?;
    Some(folders.document_dir().unwrap_or_else(|| folders.home_dir()).to_owned())
}

fn default_data_dir() -> anyhow::Result<PathBuf> {
    let folders = directories::ProjectDirs::from("", "", "Natterjack")
        .context("this system tells no folder for data; give one with --data-dir")?;
    Ok(folders.data_dir().to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use libp2p::Multiaddr;
    use rendezvous_server::{config, server::Server};
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::{
        core::{
            command::{Answer, Command},
            model::ServerTie,
        },
        gui::Secret,
    };

    fn loopback() -> Vec<Multiaddr> {
        vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()]
    }

    fn name(text: &str) -> Username {
        Username::new(text).unwrap()
    }

    /// Brings an account into a folder and waits until the server knows the device.
    async fn begin(data_dir: &Path, login: Login) -> anyhow::Result<Node> {
        let username = prepare(data_dir, &login).await?;
        let node = node::start(node::Config {
            data_dir: data_dir.to_owned(),
            rendezvous: login.rendezvous,
            token: login.token,
            username,
            listen: loopback(),
            relay_only: false,
            local_network: false,
            attachment_quota: node::ATTACHMENT_QUOTA,
        })
        .await?;
        let mut model = node.handle.watch();
        let registered = model.wait_for(|model| model.server == ServerTie::Registered);
        drop(tokio::time::timeout(Duration::from_secs(20), registered).await??);
        Ok(node)
    }

    async fn devices(node: &Node) -> usize {
        match node.handle.ask(Command::Devices).await {
            Ok(Answer::Devices(devices)) => devices.len(),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_account_comes_to_further_devices_in_every_way() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        let data_dir = place("server");
        let listen = loopback();
        let config = config::Config { data_dir, listen, ..config::Config::default() };
        let server = Server::bind(config).await.unwrap();
        let rendezvous = server.addresses().clone();
        let shutdown = CancellationToken::new();
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(server.run(shutdown.clone()));
        let login = |account| Login { rendezvous: rendezvous.clone(), token: None, account };

        let first = begin(&place("first"), login(Account::Here(name("alice")))).await.unwrap();
        let Ok(Answer::Code(code)) = first.handle.ask(Command::AddDevice).await else {
            panic!("there is no code")
        };
        // Somebody tried the name on the second device before.
        let second = place("second");
        Files::open(&second).unwrap().authority().unwrap();
        let second = begin(&second, login(Account::Code(Secret::new(code)))).await.unwrap();
        assert_eq!(second.handle.model().me.as_ref().unwrap().username, name("alice"));
        assert!(place("second").join("unused-1/account.key").exists());

        let words = recovery::phrase_of(&Files::beside_node(&place("first"))).unwrap();
        let phrase = |words: &str| Account::Phrase {
            username: name("alice"),
            words: Secret::new(words),
            revoke_others: false,
        };
        let wrong = begin(&place("third"), login(phrase("frog"))).await.unwrap_err();
        assert!(wrong.to_string().contains("24 words"), "{wrong}");
        let third = begin(&place("third"), login(phrase(&words))).await.unwrap();

        let file = place("all.age");
        backup::write(&Files::beside_node(&place("first")), &file, "a frog in a bog").unwrap();
        let passphrase = Secret::new("a frog in a bog");
        let backup = Account::Backup { file, passphrase, same_device: false };
        let fourth = begin(&place("fourth"), login(backup)).await.unwrap();
        assert_eq!(devices(&fourth).await, 4);
        for node in [first, second, third, fourth] {
            node.stop().await;
        }
        shutdown.cancel();
        while tasks.join_next().await.is_some() {}
    }
}
