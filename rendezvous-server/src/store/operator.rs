//! What the operator decided, beside the names: bans, and the tokens that were used.

use rusqlite::{OptionalExtension as _, params};
use serde::Serialize;
use wire::admission::AdmissionToken;

use super::{StoreError, sqlite::SqliteNames};
use crate::bans::{BANS_MAX, Banned};

/// A ban as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    /// Who is shut out.
    pub banned: Banned,
    /// Why, for the operator.
    pub reason: String,
    /// Since when, in milliseconds since 1970.
    pub since: u64,
}

/// How many rows the store has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rows {
    /// Registered names.
    pub names: u64,
    /// Bans.
    pub bans: u64,
    /// Tokens that were used.
    pub tokens: u64,
}

impl SqliteNames {
    /// Keeps a ban, over an earlier one of the same.
    pub fn put_ban(&mut self, ban: &Ban) -> Result<(), StoreError> {
        let count: usize =
            self.connection.query_row("SELECT count(*) FROM ban", [], |row| row.get(0))?;
        if count >= BANS_MAX {
            return Err(StoreError::TooManyBans(count));
        }
        self.connection.execute(
            "INSERT OR REPLACE INTO ban (banned, reason, since) VALUES (?1, ?2, ?3)",
            params![ban.banned.to_string(), ban.reason, ban.since],
        )?;
        Ok(())
    }

    /// Removes a ban. Tells whether there was one.
    pub fn remove_ban(&mut self, banned: Banned) -> Result<bool, StoreError> {
        let removed =
            self.connection.execute("DELETE FROM ban WHERE banned = ?1", [banned.to_string()])?;
        Ok(removed > 0)
    }

    /// All bans, the oldest first.
    pub fn bans(&self) -> Result<Vec<Ban>, StoreError> {
        let mut statement =
            self.connection.prepare("SELECT banned, reason, since FROM ban ORDER BY since")?;
        let rows = statement.query_map([], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, u64>(2)?))
        })?;
        rows.map(|row| {
            let (banned, reason, since) = row?;
            let banned = banned.parse().map_err(|_error| StoreError::Row)?;
            Ok(Ban { banned, reason, since })
        })
        .collect()
    }

    /// Uses a token once. Tells whether it was good for one more. `now` is in milliseconds since
    /// 1970. What was used is never forgotten: a clock that goes back must not make it good again.
    pub fn spend(&mut self, token: &AdmissionToken, now: u64) -> Result<bool, StoreError> {
        if token.expires_at <= now {
            return Ok(false);
        }
        let id = token.id.as_bytes();
        let mut statement =
            self.connection.prepare_cached("SELECT uses FROM token WHERE id = ?1")?;
        let uses: Option<u32> = statement.query_row([id], |row| row.get(0)).optional()?;
        let uses = uses.unwrap_or(0);
        if uses >= token.uses {
            return Ok(false);
        }
        let mut statement = self.connection.prepare_cached(
            "INSERT OR REPLACE INTO token (id, uses, expires_at) VALUES (?1, ?2, ?3)",
        )?;
        statement.execute(params![id, uses + 1, token.expires_at])?;
        Ok(true)
    }

    /// Counts what is kept.
    pub fn rows(&self) -> Result<Rows, StoreError> {
        let query = "SELECT (SELECT count(*) FROM name), (SELECT count(*) FROM ban),
                            (SELECT count(*) FROM token)";
        let rows = self.connection.query_row(query, [], |row| {
            Ok(Rows { names: row.get(0)?, bans: row.get(1)?, tokens: row.get(2)? })
        })?;
        Ok(rows)
    }
}
