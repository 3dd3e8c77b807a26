//! What was sent and when it came.

use std::{
    fmt, process,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use tokio::time::{sleep, sleep_until};

use crate::{plan::Plan, processor};

/// How long what was sent last may take.
const PATIENCE: Duration = Duration::from_secs(45);
/// How often it is looked whether all is here.
const LOOK: Duration = Duration::from_millis(100);

/// The deliveries so far. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    began: Instant,
    delays: Arc<Mutex<Vec<Duration>>>,
}

/// What one server did.
#[derive(Debug)]
pub(crate) struct Figures {
    /// Its processor time for a message, above that of the same time at rest.
    pub(crate) processor_ms: f64,
    /// Its processor time at rest, in a second, before and after.
    pub(crate) rest_ms: [f64; 2],
    /// The processor time of all members together for a message, above that of the same time at rest.
    pub(crate) members_ms: f64,
    /// How much of what was sent came, of a hundred.
    pub(crate) delivered: f64,
    /// How long half of the deliveries took at most.
    pub(crate) p50_ms: f64,
    /// How long 99 of 100 took at most.
    pub(crate) p99_ms: f64,
    /// Copies of a message that the server sent, and at most.
    pub(crate) copies: Option<(f64, usize)>,
}

impl Tally {
    /// Begins with nothing.
    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), delays: Arc::default() }
    }

    /// The text of a message that a member sends now.
    pub(crate) fn text(&self, sender: usize, bytes: usize) -> String {
        format!("{:-<bytes$}", format!("load {sender} {} ", self.began.elapsed().as_micros()))
    }

    /// A message with this text has come to a member. Some brokers send it to its sender too.
    pub(crate) fn came(&self, member: usize, text: &str) {
        let mut words = text.split(' ').skip(1).map_while(|word| word.parse().ok());
        if let (Some(sender), Some(sent)) = (words.next(), words.next())
            && sender != member as u64
        {
            let delay = self.began.elapsed().saturating_sub(Duration::from_micros(sent));
            self.delays.lock().expect("nobody panics with it").push(delay);
        }
    }

    fn count(&self) -> usize {
        self.delays.lock().expect("nobody panics with it").len()
    }

    /// Waits until so many deliveries have come, but not for ever.
    pub(crate) async fn wait(&self, count: usize) {
        let until = Instant::now() + PATIENCE;
        while self.count() < count && Instant::now() < until {
            sleep(LOOK).await;
        }
    }

    /// Forgets what came.
    pub(crate) fn clear(&self) {
        self.delays.lock().expect("nobody panics with it").clear();
    }

    /// Looks at a server at rest, then sends all messages in time and waits for them.
    pub(crate) async fn measure(
        &self,
        plan: &Plan,
        server: u32,
        mut send: impl AsyncFnMut(usize, String),
    ) -> Figures {
        let rest_before = at_rest(plan, server).await;
        self.clear();
        let (before, start) = (times(server), Instant::now());
        for message in 0..plan.messages {
            let at = start + Duration::from_secs_f64(message as f64 / plan.rate);
            sleep_until(at.into()).await;
            let sender = plan.sender(message);
            send(sender, self.text(sender, plan.bytes)).await;
        }
        self.wait(plan.deliveries()).await;
        let (worked, elapsed) = (since(server, before), start.elapsed().as_secs_f64());
        let rest_after = at_rest(plan, server).await;
        let above = |who: usize| {
            let rest = f64::midpoint(rest_before[who], rest_after[who]);
            1e3 * (worked[who] - rest * elapsed) / plan.messages as f64
        };
        let mut delays = self.delays.lock().expect("nobody panics with it").clone();
        delays.sort_unstable();
        let quantile = |of_hundred: usize| {
            let at = (delays.len() * of_hundred / 100).min(delays.len().saturating_sub(1));
            delays.get(at).map_or(f64::NAN, |delay| delay.as_secs_f64() * 1e3)
        };
        Figures {
            processor_ms: above(0),
            rest_ms: [1e3 * rest_before[0], 1e3 * rest_after[0]],
            members_ms: above(1),
            delivered: 100.0 * delays.len() as f64 / plan.deliveries() as f64,
            p50_ms: quantile(50),
            p99_ms: quantile(99),
            copies: None,
        }
    }
}

/// The processor times of a server and of this process, which is all the members.
fn times(server: u32) -> [Duration; 2] {
    [server, process::id()].map(processor::time_of)
}

/// The seconds of both since then.
fn since(server: u32, before: [Duration; 2]) -> [f64; 2] {
    let now = times(server);
    [0, 1].map(|who| now[who].saturating_sub(before[who]).as_secs_f64())
}

/// The seconds of both in a second without messages.
async fn at_rest(plan: &Plan, server: u32) -> [f64; 2] {
    let (before, start) = (times(server), Instant::now());
    sleep(plan.idle).await;
    let elapsed = start.elapsed().as_secs_f64();
    since(server, before).map(|worked| worked / elapsed)
}

impl fmt::Display for Figures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processor_ms, rest_ms: [before, after], .. } = self;
        let Self { members_ms, delivered, p50_ms, p99_ms, copies, .. } = self;
        write!(
            formatter,
            "processor {processor_ms:.2} ms a message above {before:.1} and {after:.1} ms/s at rest, \
             members {members_ms:.1} ms a message, delivered {delivered:.2} %, p50 {p50_ms:.1} ms, p99 {p99_ms:.1} ms"
        )?;
        if let Some((mean, most)) = copies {
            write!(formatter, ", copies {mean:.1} of a message, at most {most}")?;
        }
        Ok(())
    }
}
