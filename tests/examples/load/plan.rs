//! What is to be measured.

use std::time::Duration;

/// The load.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Members of the group.
    pub(crate) members: usize,
    /// Messages that they send together.
    pub(crate) messages: usize,
    /// Messages a second.
    pub(crate) rate: f64,
    /// Bytes of a message's text.
    pub(crate) bytes: usize,
    /// How long the server is watched while nothing is sent.
    pub(crate) idle: Duration,
    /// How members reach the server and each other.
    pub(crate) transport: String,
    /// The one thing to be measured; empty for all.
    only: String,
}

impl Plan {
    /// Reads the command line.
    pub(crate) fn from_arguments(
        mut arguments: impl Iterator<Item = String>,
    ) -> Result<Self, String> {
        if arguments.next().as_deref() != Some("groups") {
            return Err("the first argument is what to load: groups".to_owned());
        }
        let mut plan = Self {
            members: 20,
            messages: 100,
            rate: 5.0,
            bytes: 120,
            idle: Duration::from_secs(20),
            transport: "any".to_owned(),
            only: String::new(),
        };
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or(format!("{name} needs a value"))?;
            let number = || value.parse::<f64>().map_err(|error| format!("{name}: {error}"));
            match name.as_str() {
                "--members" => plan.members = number()? as usize,
                "--messages" => plan.messages = number()? as usize,
                "--rate" => plan.rate = number()?,
                "--bytes" => plan.bytes = number()? as usize,
                "--idle" => plan.idle = Duration::from_secs_f64(number()?),
                "--transport" => plan.transport = value,
                "--only" => plan.only = value,
                _ => return Err(format!("there is no option {name}")),
            }
        }
        Ok(plan)
    }

    /// Whether something is to be measured.
    pub(crate) fn includes(&self, name: &str) -> bool {
        self.only.is_empty() || self.only == name
    }

    /// Who sends a message.
    pub(crate) fn sender(&self, message: usize) -> usize {
        (message * 7_919) % self.members
    }

    /// How many messages the members get from each other.
    pub(crate) fn deliveries(&self) -> usize {
        self.messages * (self.members - 1)
    }
}
