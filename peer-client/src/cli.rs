//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use libp2p::Multiaddr;
use wire::{
    invite::{Invite, InviteError},
    name::{ConversationName, Username},
};

/// Peer-assisted chat: the window, the headless front end and the demo.
#[derive(Debug, Parser)]
#[command(name = "peer-client", version)]
pub struct Cli {
    /// What to run; the window if nothing is said.
    #[command(subcommand)]
    pub command: Option<Program>,
    /// How to start the window.
    #[command(flatten)]
    pub window: Window,
}

/// What to run instead of the window.
#[derive(Debug, Subcommand)]
pub enum Program {
    /// JSON lines on standard input and output, see docs/headless.md
    Headless(Headless),
    /// A server and two companions on this computer, to try things out
    Demo(Demo),
    /// Print the account's recovery phrase: 24 words, to be written on paper
    Phrase(Phrase),
    /// Make a new device of an account from its recovery phrase, read from standard input
    Recover(Recover),
    /// Make a new device of an account from the code that another device shows, read from standard input
    Link(Link),
    /// Write everything into one encrypted file, or one conversation into a folder
    Export(Export),
    /// Make a data folder from such a file
    Import(Import),
    /// Save what can be read of a damaged message database into a new one
    Salvage(Salvage),
}

/// How to start the window.
#[derive(Args, Debug)]
pub struct Window {
    /// Folder of keys, messages and files
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Address of the rendezvous server, as its line "ready" tells it; again for each address of it
    #[arg(long, value_name = "MULTIADDR")]
    pub rendezvous: Vec<Multiaddr>,
    /// Your name at the server
    #[arg(long, value_name = "NAME", value_parser = username)]
    pub username: Option<Username>,
    /// Bytes that fetched files may take together, as 500M or 20G; beyond that the oldest go
    #[arg(long, value_name = "BYTES", value_parser = bytes, default_value = "10G")]
    pub attachment_quota: u64,
}

/// How to start the headless front end.
#[derive(Args, Debug)]
pub struct Headless {
    /// Folder of keys, messages and files
    #[arg(long, value_name = "DIR")]
    pub data_dir: PathBuf,
    /// Address of the rendezvous server, as its line "ready" tells it; again for each address of it
    #[arg(long, value_name = "MULTIADDR", required_unless_present = "invite")]
    pub rendezvous: Vec<Multiaddr>,
    /// Invitation to the rendezvous server, a link with its addresses and perhaps a token
    #[arg(long, value_name = "LINK", value_parser = invite)]
    pub invite: Option<Box<Invite>>,
    /// The name at the server
    #[arg(long, value_name = "NAME", value_parser = username)]
    pub username: Username,
    /// Where to listen, instead of everywhere
    #[arg(long, value_name = "MULTIADDR")]
    pub listen: Vec<Multiaddr>,
    /// Talk through the server's relay alone, so that contacts never learn the address
    #[arg(long)]
    pub relay_only: bool,
    /// Do not look for others on the local network
    #[arg(long)]
    pub no_mdns: bool,
    /// Bytes that fetched files may take together, as 500M or 20G; beyond that the oldest go
    #[arg(long, value_name = "BYTES", value_parser = bytes, default_value = "10G")]
    pub attachment_quota: u64,
}

/// The addresses of the server and what it wants to see. Addresses that were given go before those
/// of the invitation.
pub fn server(
    rendezvous: Vec<Multiaddr>,
    invite: Option<Box<Invite>>,
) -> (Vec<Multiaddr>, Option<Vec<u8>>) {
    match invite {
        Some(invite) if rendezvous.is_empty() => (invite.server_addresses(), invite.token()),
        Some(invite) => (rendezvous, invite.token()),
        None => (rendezvous, None),
    }
}

fn invite(link: &str) -> Result<Box<Invite>, InviteError> {
    Invite::from_link(link).map(Box::new)
}

/// Whose recovery phrase to print.
#[derive(Args, Debug)]
pub struct Phrase {
    /// Folder of keys, messages and files
    #[arg(long, value_name = "DIR")]
    pub data_dir: PathBuf,
}

/// How to make a new device of an account.
#[derive(Args, Debug)]
pub struct Recover {
    /// A new folder for keys, messages and files
    #[arg(long, value_name = "DIR")]
    pub data_dir: PathBuf,
    /// Address of the rendezvous server, as its line "ready" tells it; again for each address of it
    #[arg(long, value_name = "MULTIADDR", required = true)]
    pub rendezvous: Vec<Multiaddr>,
    /// The account's name at the server
    #[arg(long, value_name = "NAME", value_parser = username)]
    pub username: Username,
    /// Remove all other devices from the account, as after a theft
    #[arg(long)]
    pub revoke_others: bool,
}

/// How to make a new device by a code.
#[derive(Args, Debug)]
pub struct Link {
    /// A new folder for keys, messages and files
    #[arg(long, value_name = "DIR")]
    pub data_dir: PathBuf,
}

/// What to write where. No program may run with the folder meanwhile.
#[derive(Args, Debug)]
pub struct Export {
    /// Folder of keys, messages and files
    #[arg(long, value_name = "DIR")]
    pub data_dir: PathBuf,
    /// The file to write; with --conversation, the folder
    #[arg(long, value_name = "PATH")]
    pub to: PathBuf,
    /// One conversation alone, readable and not encrypted: @name or #group
    #[arg(long, value_name = "NAME", value_parser = conversation)]
    pub conversation: Option<ConversationName>,
}

/// What to read from where.
#[derive(Args, Debug)]
pub struct Import {
    /// A new folder for keys, messages and files
    #[arg(long, value_name = "DIR")]
    pub data_dir: PathBuf,
    /// The file that `export` wrote
    #[arg(long, value_name = "FILE")]
    pub from: PathBuf,
    /// Be the device of the backup again instead of a new one. Only if that device is gone for good:
    /// two that write with one key contradict each other, and others keep one of them
    #[arg(long)]
    pub same_device: bool,
}

/// Whose message database is damaged. No program may run with the folder meanwhile.
#[derive(Args, Debug)]
pub struct Salvage {
    /// Folder of keys, messages and files
    #[arg(long, value_name = "DIR")]
    pub data_dir: PathBuf,
}

/// How to start the demo.
#[derive(Args, Clone, Debug)]
pub struct Demo {
    /// Print a transcript instead of opening the window
    #[arg(long)]
    pub headless: bool,
}

fn conversation(text: &str) -> Result<ConversationName, String> {
    text.parse().map_err(|error: wire::name::NameError| error.to_string())
}

fn username(text: &str) -> Result<Username, String> {
    Username::new(text).map_err(|error| error.to_string())
}

/// A number of bytes, perhaps with K, M, G or T for powers of 1024.
fn bytes(text: &str) -> Result<u64, String> {
    let (number, power) = match text.char_indices().last() {
        Some((at, unit)) if unit.is_ascii_alphabetic() => {
            let power = "KMGT".find(unit.to_ascii_uppercase()).map(|place| place as u32 + 1);
            (&text[..at], power)
        }
        _ => (text, Some(0)),
    };
    let bytes = number.parse::<u64>().ok().zip(power);
    bytes
        .and_then(|(number, power)| number.checked_mul(1024_u64.pow(power)))
        .ok_or_else(|| "this is no number of bytes; write it as 500M or 20G".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_with_and_without_a_unit() {
        for (text, expected) in [
            ("0", Some(0)),
            ("1000", Some(1000)),
            ("500M", Some(500 << 20)),
            ("20g", Some(20 << 30)),
            ("4T", Some(4 << 40)),
            ("", None),
            ("G", None),
            ("-1", None),
            ("1X", None),
            ("1é", None),
            ("99999999T", None),
        ] {
            assert_eq!(bytes(text).ok(), expected, "{text}");
        }
    }
}
