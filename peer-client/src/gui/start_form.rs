//! What is entered on the first page, and what is wrong with it.

use std::path::PathBuf;

use libp2p::{Multiaddr, multiaddr::Protocol};
use wire::{
    invite::{Invite, InviteError},
    name::Username,
};

use super::{Account, Login, Secret, format::sentence};

/// How the account comes to this device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Way {
    /// It is here, or made.
    #[default]
    Here,
    /// One of the following is chosen.
    Choosing,
    /// By its recovery phrase.
    Phrase,
    /// By another device's code.
    Code,
    /// From a backup.
    Backup,
}

/// What is entered and what is wrong with it.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
pub(crate) struct StartForm {
    /// How the account comes to this device.
    pub(crate) way: Way,
    /// Addresses, parted by spaces or commas.
    pub(crate) server: String,
    /// The name.
    pub(crate) name: String,
    /// The recovery phrase, or the code.
    pub(crate) words: Secret,
    /// The backup's path.
    pub(crate) file: String,
    /// The backup's passphrase.
    pub(crate) passphrase: Secret,
    /// All other devices are removed from the account.
    pub(crate) revoke_others: bool,
    /// This device takes the place of the one that made the backup.
    pub(crate) same_device: bool,
    /// What is wrong with the addresses.
    pub(crate) server_error: Option<String>,
    /// What is wrong with the name.
    pub(crate) name_error: Option<String>,
    /// What is wrong with what only this way needs.
    pub(crate) way_error: Option<String>,
    /// Why the start failed.
    pub(crate) error: Option<String>,
    /// What is going on, while there is nothing to enter.
    pub(crate) progress: Option<String>,
    /// The first field to be filled in has got the keyboard once.
    pub(crate) focused: bool,
    /// The user no longer wants to wait for it.
    pub(crate) cancelled: bool,
    /// The user wants to choose the backup in a dialog of the system.
    pub(crate) choosing: bool,
}

impl StartForm {
    /// Goes another way. What was wrong is of no interest there.
    pub(crate) fn go(&mut self, way: Way) {
        self.way = way;
        self.focused = false;
        (self.server_error, self.name_error) = (None, None);
        (self.way_error, self.error) = (None, None);
    }

    /// Checks what is entered.
    pub(crate) fn check(&mut self) -> Option<Login> {
        self.error = None;
        let rendezvous = addresses(&self.server);
        let token = Invite::from_link(&self.server).ok().and_then(|invite| invite.token());
        self.server_error = rendezvous.as_ref().err().cloned();
        let account = self.account();
        Some(Login { rendezvous: rendezvous.ok()?, token, account: account? })
    }

    /// With what is known before anything is asked.
    pub(crate) fn known(rendezvous: &[Multiaddr], username: Option<&Username>) -> Self {
        let server: Vec<String> = rendezvous.iter().map(ToString::to_string).collect();
        let name = username.map(ToString::to_string).unwrap_or_default();
        Self { server: server.join(" "), name, ..Self::default() }
    }

    fn account(&mut self) -> Option<Account> {
        (self.name_error, self.way_error) = (None, None);
        match self.way {
            Way::Here | Way::Choosing => self.username().map(Account::Here),
            Way::Phrase => {
                let username = self.username();
                let words = self.needed("Enter the 24 words in their order")?;
                let revoke_others = self.revoke_others;
                Some(Account::Phrase { username: username?, words, revoke_others })
            }
            Way::Code => {
                let words = self.needed("Paste the code that the other device shows")?;
                Some(Account::Code(words))
            }
            Way::Backup => {
                let file = PathBuf::from(self.file.trim());
                if file.as_os_str().is_empty() {
                    self.way_error = Some("Choose the file that holds the backup".to_owned());
                    return None;
                }
                let (passphrase, same_device) = (self.passphrase.clone(), self.same_device);
                Some(Account::Backup { file, passphrase, same_device })
            }
        }
    }

    fn username(&mut self) -> Option<Username> {
        let username = Username::new(self.name.trim().trim_start_matches('@'));
        self.name_error = match &username {
            Ok(_) => None,
            Err(_) if self.name.trim().is_empty() => Some(match self.way {
                Way::Here | Way::Choosing => "Choose a name".to_owned(),
                _ => "Enter the name that your account has".to_owned(),
            }),
            Err(error) => Some(sentence(&error.to_string())),
        };
        username.ok()
    }

    /// The words, or what is wrong without them.
    fn needed(&mut self, missing: &str) -> Option<Secret> {
        let words = self.words.reveal().trim();
        if words.is_empty() {
            self.way_error = Some(missing.to_owned());
            return None;
        }
        Some(Secret::new(words))
    }
}

/// Addresses of a server, or an invitation that holds them.
fn addresses(text: &str) -> Result<Vec<Multiaddr>, String> {
    let parts: Vec<&str> = text
        .split(|part: char| part.is_whitespace() || part == ',')
        .filter(|part| !part.is_empty())
        .collect();
    if parts.is_empty() {
        return Err("Enter the address that your server shows after “ready”".to_owned());
    }
    if let [link] = parts[..]
        && let Some(addresses) = invited(link)
    {
        return addresses;
    }
    parts.into_iter().map(address).collect()
}

/// The addresses in a link; none if it is no link.
fn invited(link: &str) -> Option<Result<Vec<Multiaddr>, String>> {
    let invite = match Invite::from_link(link) {
        Err(InviteError::Scheme) => return None,
        Err(error) => return Some(Err(sentence(&error.to_string()))),
        Ok(invite) => invite,
    };
    let addresses = invite.server_addresses();
    let empty = || "This link tells no address of a server".to_owned();
    Some(if addresses.is_empty() { Err(empty()) } else { Ok(addresses) })
}

fn address(part: &str) -> Result<Multiaddr, String> {
    let Ok(address) = part.parse::<Multiaddr>() else {
        return Err(format!("“{part}” is not an address like /ip4/203.0.113.5/tcp/4001/p2p/12D3…"));
    };
    if address.iter().any(|protocol| matches!(protocol, Protocol::P2p(_))) {
        Ok(address)
    } else {
        Err("The address has to end with /p2p/ and the server's id".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";

    fn check(server: &str, name: &str) -> (Option<Login>, StartForm) {
        let mut form =
            StartForm { server: server.to_owned(), name: name.to_owned(), ..StartForm::default() };
        (form.check(), form)
    }

    #[test]
    fn several_addresses_are_taken() {
        let (login, form) = check(
            &format!("/ip4/127.0.0.1/tcp/1/p2p/{ID}, /ip6/::1/udp/1/quic-v1/p2p/{ID}"),
            "@Alice",
        );
        let login = login.unwrap();
        assert_eq!(login.rendezvous.len(), 2);
        assert_eq!(login.account, Account::Here(Username::new("alice").unwrap()));
        assert_eq!((form.server_error, form.name_error), (None, None));
    }

    #[test]
    fn each_fault_is_told_at_its_field() {
        let (login, form) = check("", "");
        assert_eq!(login, None);
        assert!(form.server_error.unwrap().contains("ready"));
        assert_eq!(form.name_error.unwrap(), "Choose a name");
        let (_, form) = check("example.org", "a");
        assert!(form.server_error.unwrap().contains("example.org"));
        assert_eq!(form.name_error.unwrap(), "A username has 2 to 32 characters");
        let (_, form) = check("/ip4/127.0.0.1/tcp/1", "alice");
        assert!(form.server_error.unwrap().contains("/p2p/"));
        assert_eq!(form.name_error, None);
    }

    #[test]
    fn a_link_holds_the_servers_addresses() {
        let server: Multiaddr = format!("/ip4/127.0.0.1/tcp/1/p2p/{ID}").parse().unwrap();
        let me = Username::new("bob").unwrap();
        let link = crate::gui::pages::Link::to_person(&me, std::slice::from_ref(&server)).unwrap();
        let (login, _) = check(&link.text, "alice");
        assert_eq!(login.unwrap().rendezvous, [server]);
        let (login, form) = check(&link.text[..40], "alice");
        assert_eq!(login, None);
        assert!(form.server_error.unwrap().contains("damaged"));
    }

    #[test]
    fn each_way_needs_something_else() {
        let server = format!("/ip4/127.0.0.1/tcp/1/p2p/{ID}");
        let mut form = StartForm { server, name: "alice".to_owned(), ..StartForm::default() };
        for (way, missing) in
            [(Way::Phrase, "24 words"), (Way::Code, "code"), (Way::Backup, "file")]
        {
            form.go(way);
            assert_eq!(form.check(), None);
            assert!(form.way_error.clone().unwrap().contains(missing));
        }
        form.words = Secret::new(" the code ");
        form.go(Way::Code);
        assert_eq!(form.check().unwrap().account, Account::Code(Secret::new("the code")));
        assert!(!format!("{form:?}").contains("the code"));
    }
}
