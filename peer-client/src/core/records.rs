//! The own account's records as the server and other devices tell them, and what a removal means.

use wire::{
    account::AccountRecord,
    rendezvous::{Refusal, Request, Whereabouts},
    signed::Signed,
    sync::ByeReason,
};

use super::{
    devices::{Authority, next_record, with_device},
    effect::Effect,
    machine::Machine,
    people::Source,
    session::Purpose,
    storage::StoreOp,
};

/// Times that a newer record is asked for before the server's refusal stands.
const RENEWALS_MAX: u32 = 4;

impl Machine {
    /// The server does not take the own record: it may have a newer one. Tells whether it is asked.
    pub(super) fn ask_own_record(&mut self, refusal: Refusal) -> bool {
        let may_be_newer = matches!(refusal, Refusal::RecordOutdated | Refusal::RecordInvalid);
        if !may_be_newer || self.devices.renewals >= RENEWALS_MAX {
            return false;
        }
        self.devices.renewals += 1;
        let username = self.me.username.clone();
        self.ask_server(Request::Lookup { username }, Purpose::OwnRecord(refusal));
        true
    }

    /// The server's newest record of the own account, while this device cannot register.
    pub(super) fn on_own_record_found(&mut self, found: &Whereabouts, refusal: Refusal) {
        let own = self.record.open().map_or(0, |record| record.sequence);
        let newer = found.record.open().ok().filter(|record| record.account == self.me.account);
        let Some(record) = newer.filter(|it| it.sequence >= own) else {
            return self.on_refused(refusal);
        };
        if record.devices.contains(&self.me.device) {
            self.adopt(&found.record);
            self.save_own_record();
        } else if let (true, Authority::Key(key)) = (self.devices.joining, &self.authority) {
            let devices = with_device(&record, self.me.device, self.devices.replaces);
            match next_record(&found.record, devices, self.now.unix_ms, key) {
                Ok(next) => self.adopt(&next),
                Err(error) => return self.refuse_tie("too_many", &error.to_string()),
            }
        } else {
            return self.on_revoked();
        }
        let record = self.record.clone();
        self.ask_server(Request::Register { record }, Purpose::Register);
    }

    fn on_revoked(&mut self) {
        let text = "This device was removed from the account; start anew with another data folder \
                    and the recovery phrase";
        self.refuse_tie("revoked", text);
    }

    fn refuse_tie(&mut self, code: &'static str, text: &str) {
        self.tie.refused(code, text.to_owned());
        self.effects.push(Effect::DisconnectServer);
    }

    pub(super) fn on_registered_device(&mut self) {
        self.devices.joining = false;
        self.devices.renewals = 0;
        self.watch(&[self.me.account]);
        self.begin_own();
    }

    /// A record of the own account, whose signature was checked.
    pub(super) fn on_own_record(&mut self, signed: &Signed<AccountRecord>, record: &AccountRecord) {
        let own = self.record.open().map_or(0, |record| record.sequence);
        if record.account != self.me.account
            || record.username != self.me.username
            || record.sequence <= own
        {
            return;
        }
        if record.devices.contains(&self.me.device) {
            self.adopt(signed);
            self.save_own_record();
            self.begin_own();
        } else if !self.devices.joining {
            let before = self.tie.shown.clone();
            self.on_revoked();
            self.tell_tie(&before);
        }
    }

    fn adopt(&mut self, signed: &Signed<AccountRecord>) {
        self.record = signed.clone();
        self.introduction = self.authority.introduce(signed, self.me.device);
        if let Ok(record) = signed.open() {
            self.learn(signed, &record, Source::Peer);
        }
        self.dirty.peers = true;
    }

    fn save_own_record(&mut self) {
        self.store(StoreOp::SaveRecord { record: self.record.clone(), registered: true });
    }

    /// Ends the streams of devices that an account's newest record does not list any more.
    pub(super) fn refuse_removed(&mut self, record: &AccountRecord) {
        let removed: Vec<_> = self
            .sessions
            .iter()
            .filter(|(_, session)| self.people.is_removed(&session.device))
            .filter(|(_, session)| self.people.owner_of(&session.device) == Some(record.account))
            .map(|(id, session)| (*id, session.device))
            .collect();
        for (session, device) in removed {
            self.say_bye(session, ByeReason::Unauthorised, "this device was removed");
            self.checks.remove(&device);
            self.paths.unwant(&device);
        }
    }
}
