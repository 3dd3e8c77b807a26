//! A name store in memory: the simplest engine that keeps the contract.

use std::convert::Infallible;

use rendezvous_server::names::{NameEntry, NameStore};
use wire::{id::AccountId, name::Username};

#[derive(Debug, Default)]
pub(crate) struct MemoryNames(pub(crate) Vec<NameEntry>);

impl MemoryNames {
    fn find(&self, matches: impl Fn(&NameEntry) -> bool) -> Option<NameEntry> {
        self.0.iter().find(|entry| matches(entry)).cloned()
    }
}

impl NameStore for MemoryNames {
    type Error = Infallible;

    fn by_username(&mut self, username: &Username) -> Result<Option<NameEntry>, Infallible> {
        Ok(self.find(|entry| entry.record.username == *username))
    }

    fn by_account(&mut self, account: &AccountId) -> Result<Option<NameEntry>, Infallible> {
        Ok(self.find(|entry| entry.record.account == *account))
    }

    fn by_skeleton(&mut self, skeleton: &str) -> Result<Option<AccountId>, Infallible> {
        let found = self.find(|entry| entry.record.username.skeleton() == skeleton);
        Ok(found.map(|entry| entry.record.account))
    }

    fn put(&mut self, entry: &NameEntry) -> Result<(), Infallible> {
        self.0.retain(|known| known.record.account != entry.record.account);
        self.0.push(entry.clone());
        Ok(())
    }
}
