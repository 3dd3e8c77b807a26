//! What is asked of a running server.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use libp2p::Multiaddr;
use serde_json::Value;

use super::{DataFolder, print_lines, runtime};
use crate::{identity, operator::Order, prove};

/// How the server is.
#[derive(Args, Debug)]
pub(super) struct Status {
    #[command(flatten)]
    folder: DataFolder,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Status {
    pub(super) fn execute(self) -> Result<()> {
        let reply = ask(&self.folder.data_dir, &Order::Status)?;
        if self.json {
            return print_lines([reply.to_string()]);
        }
        let mut lines = Vec::new();
        flatten("", reply.get("status").unwrap_or(&reply), &mut lines);
        print_lines(lines)
    }
}

/// Orders to the running server.
#[derive(Args, Debug)]
pub(super) struct Admin {
    #[command(flatten)]
    folder: DataFolder,
    #[command(subcommand)]
    order: AdminOrder,
}

#[derive(Debug, Subcommand)]
enum AdminOrder {
    /// Shuts out a device (12D3Koo…), an account (64 hex digits), @name or a network (203.0.113.0/24)
    Ban {
        /// Who
        who: String,
        /// Why, for the list
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Lets somebody in again
    Unban {
        /// Who, as `bans` tells it
        who: String,
    },
    /// Lists who is shut out
    Bans,
    /// Lists registered devices, their accounts and addresses
    Devices,
    /// Reads the configuration again
    Reload,
}

impl Admin {
    pub(super) fn execute(self) -> Result<()> {
        let order = match self.order {
            AdminOrder::Ban { who, reason } => Order::Ban { who, reason },
            AdminOrder::Unban { who } => Order::Unban { who },
            AdminOrder::Bans => Order::Bans,
            AdminOrder::Devices => Order::Devices,
            AdminOrder::Reload => Order::Reload,
        };
        let reply = ask(&self.folder.data_dir, &order)?;
        print_lines(lines_of(&reply))
    }
}

/// Where to look for what passed.
#[derive(Args, Debug)]
pub(super) struct Prove {
    #[command(flatten)]
    folder: DataFolder,
    /// Address of the server, as its line `ready` tells it [default: as the running server tells it]
    #[arg(long, value_name = "MULTIADDR")]
    address: Option<Multiaddr>,
    /// A file with the server's log; may be repeated
    #[arg(long, value_name = "FILE")]
    log_file: Vec<PathBuf>,
    /// Look into the server's memory too, which takes the same user or root
    #[arg(long)]
    memory: bool,
}

impl Prove {
    pub(super) fn execute(self) -> Result<()> {
        let data_dir = self.folder.data_dir;
        let status = ask(&data_dir, &Order::Status)?;
        let told = |field: &str| status.pointer(&format!("/status/{field}"));
        let pid = told("pid").and_then(Value::as_u64).context("the server tells no process")?;
        let addresses: Vec<Multiaddr> = told("addresses")
            .and_then(|it| serde_json::from_value(it.clone()).ok())
            .context("the server tells no address")?;
        let address = self.address.as_ref().or_else(|| prove::nearest(&addresses));
        let address = address.context("the server has no address; name one with --address")?;
        let server = identity::load_or_create(&data_dir)?;
        let place = prove::Place {
            data_dir: data_dir.clone(),
            pid: u32::try_from(pid).context("the server tells no process")?,
            logs: self.log_file,
            memory: self.memory,
        };
        let report = runtime()?.block_on(prove::prove(&server, address, &place))?;
        print_lines(report.lines)?;
        anyhow::ensure!(report.is_clean, "this is no proof, see above");
        Ok(())
    }
}

/// An answer as lines: a list with one entry a line, a text as it is.
fn lines_of(reply: &Value) -> Vec<String> {
    let body = reply.as_object().and_then(|reply| reply.values().next()).unwrap_or(reply);
    match body {
        Value::Array(entries) => entries.iter().map(ToString::to_string).collect(),
        Value::String(text) => vec![text.clone()],
        other => vec![other.to_string()],
    }
}

/// Nested values as lines `a.b value`.
fn flatten(name: &str, value: &Value, lines: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (field, value) in fields {
                let name = if name.is_empty() { field.clone() } else { format!("{name}.{field}") };
                flatten(&name, value, lines);
            }
        }
        Value::String(text) => lines.push(format!("{name} {text}")),
        other => lines.push(format!("{name} {other}")),
    }
}

/// Gives an order to the server that runs with a data folder.
#[cfg(unix)]
pub(super) fn ask(data_dir: &Path, order: &Order) -> Result<Value> {
    Ok(runtime()?.block_on(crate::admin::order(data_dir, order))?)
}

#[cfg(not(unix))]
pub(super) fn ask(_data_dir: &Path, _order: &Order) -> Result<Value> {
    anyhow::bail!("the admin socket is for Unix systems")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_become_lines() {
        assert_eq!(lines_of(&json!({"done": "it is"})), ["it is"]);
        assert_eq!(lines_of(&json!({"bans": [{"who": "x"}, {"who": "y"}]})).len(), 2);
        assert_eq!(lines_of(&json!({"bans": []})), Vec::<String>::new());
        let mut lines = Vec::new();
        flatten("", &json!({"now": {"busy": false}, "server": "x"}), &mut lines);
        assert_eq!(lines, ["now.busy false", "server x"]);
    }
}
