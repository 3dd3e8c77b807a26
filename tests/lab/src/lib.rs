//! The real server and peers behind every kind of network, made of namespaces by `patchbay`, two and
//! two: which road do they find, and how fast?

pub mod drills;
pub mod networks;
pub mod pair;
pub mod programs;
pub mod run;
pub mod table;

use std::process::Command;

/// Enters a namespace of users in which networks can be made; says why not, if not. While there is one thread only.
pub fn enter() -> Result<(), String> {
    for (program, argument) in [("nft", "--version"), ("ip", "-V"), ("tc", "-V")] {
        if Command::new(program).arg(argument).output().is_err() {
            return Err(format!("{program} is missing"));
        }
    }
    let probe = "ip link add name left type veth peer name right && nft add table ip probe";
    let allowed = Command::new("unshare").args(["-Urn", "sh", "-ec", probe]).output();
    if !allowed.is_ok_and(|output| output.status.success()) {
        return Err("this machine does not let a process have networks of its own".to_owned());
    }
    patchbay::init_userns().map_err(|error| format!("{error:#}"))
}
