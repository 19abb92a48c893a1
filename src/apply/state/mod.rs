//! The decisions of a run, without IO: [`State::handle`] takes the time and an event, and returns actions.
//!
//! No clock, no randomness, no async: time comes in with every event, and [`State::deadline`] says when the state wants to be
//! called again. The same events in the same order give the same actions.
//!
//! The way of a run: lock, inspect every host while holding it, decide, fence every host and list again, confirm the lock, judge
//! what is left (only by the second lists), walk the graph, write down that the plan is finished, release the lock.
//!
//! Questions that change nothing when asked twice (inspect, fence, list, record, beat, finish, release) are kept as
//! `Ask`s per host: when a link breaks they are asked again once it is back. A step is never asked twice: after a loss the host's
//! list decides about it.

mod closing;
mod event;
mod link;
mod opening;
mod progress;
mod settle;
mod step;
mod summary;
mod walk;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

pub use event::{Action, Event, Millis, Options, StartStep};
pub use progress::{JournalEntry, Outcome, Phase, Progress, SkipReason, StepStatus, StopReason};
pub use summary::{HostSummary, StepSummary, Summary};

use crate::graph::Queue;
use crate::name::{HostName, StepId};
use crate::plan::Plan;
use crate::plan::resume::{Evidence, Status};
use crate::plan::shape::{Shape, ShapeError, is_barrier};
use step::{Batch, StepRun};

/// Seconds between two beats of the lock.
const BEAT_SECONDS: u64 = 5;
/// Seconds without a confirmed beat after which nothing starts. Others take the lock over after 60.
const SUSPEND_SECONDS: u64 = 40;
/// Seconds after which a host that cannot be reached again is given up.
const GIVE_UP_SECONDS: u64 = 60;
/// The longest pause between two attempts to reach a host again.
const LONGEST_BACK_OFF_SECONDS: u64 = 8;
/// Seconds between two attempts to take a held lock.
const LOCK_RETRY_SECONDS: u64 = 2;
/// Seconds between two questions for an attempt that still runs.
const ATTACH_SECONDS: u64 = 2;

/// Everything that a run knows and decides.
#[derive(Debug, Clone)]
pub struct State {
    plan: Arc<Plan>,
    shape: Shape,
    options: Options,
    now: Millis,
    phase: Phase,
    hosts: Vec<Host>,
    host_index: HashMap<HostName, usize>,
    lock_host: usize,
    /// How many hosts have each question open.
    asks: BTreeMap<Ask, usize>,
    lock: Lock,
    evidence: Evidence,
    statuses: Vec<Status>,
    values: BTreeMap<StepId, Option<String>>,
    /// Whether a host lists the plan as finished: then every step had succeeded everywhere.
    assume_done: bool,
    /// What waits for a fresh beat.
    confirming: Option<Confirm>,
    finish_asked: bool,
    /// What is reported of steps in doubt whose failure is tolerated, once the plan is finished.
    tolerated_doubt: Option<Outcome>,
    steps: Vec<StepRun>,
    /// Whether what earlier runs did is being settled, and nothing becomes ready yet.
    taking_up: bool,
    queue: Queue,
    open: usize,
    local_ready: BTreeSet<usize>,
    barriers_due: Vec<usize>,
    startable: BTreeSet<usize>,
    next_host: usize,
    batches: BTreeMap<u64, Batch>,
    next_batch: u64,
    channels: usize,
    failed_hosts: u32,
    stop: Option<StopReason>,
    interrupts: u32,
    timers: BTreeSet<(Millis, Timer)>,
    outcome: Option<Outcome>,
    actions: Vec<Action>,
}

/// A host, as the run sees it.
#[derive(Debug, Clone)]
struct Host {
    name: HostName,
    link: Link,
    /// Questions that were not answered yet.
    asks: BTreeSet<Ask>,
    /// Whether it listed the plan as finished.
    finished: bool,
    /// Whether a step failed here, so that nothing further starts.
    failed: bool,
    steps: Vec<usize>,
    ready: BTreeSet<usize>,
    channels: usize,
}

/// The link to a host.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Link {
    /// As far as is known it works.
    Up,
    /// It broke, and is opened again.
    Down { since: Millis, back_off: u64 },
    /// It is given up.
    Gone { message: String },
}

/// A question to a host that may be asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Ask {
    Lock,
    /// Before the fence: may this plan be applied?
    Inspect,
    Fence,
    /// After the fence: is the effect of lost steps there?
    Probe,
    List,
    Record {
        step: usize,
    },
    Beat,
    Finish,
    Release,
}

impl Ask {
    /// Whether it changes what other runs see, so that it is held back while the lock is not confirmed.
    fn needs_lock(self) -> bool {
        match self {
            Ask::Fence | Ask::Record { .. } | Ask::Finish => true,
            Ask::Lock | Ask::Inspect | Ask::Probe | Ask::List | Ask::Beat | Ask::Release => false,
        }
    }
}

/// The deploy lock.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Lock {
    held: bool,
    /// When the last confirmed beat was sent.
    confirmed: Millis,
    /// When the beat that is under way was sent.
    sent: Millis,
    /// Whether the beat under way was sent too early to confirm the fences.
    stale: bool,
    suspended: bool,
    /// Until when a held lock is waited for.
    wait_until: Millis,
}

/// What waits for a beat that is sent now to confirm the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Confirm {
    BeforeFences,
    AfterFences,
}

/// What happens at a time of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    RetryLock,
    Beat,
    Suspend,
    Reconnect { host: usize },
    Barrier { step: usize },
    Attach { step: usize },
}

impl State {
    /// Returns the state of a run that has not begun.
    ///
    /// # Errors
    ///
    /// The plan's steps do not make a graph.
    pub fn new(plan: Arc<Plan>, options: Options) -> Result<Self, ShapeError> {
        let shape = Shape::new(&plan)?;
        let mut names: BTreeSet<HostName> = plan.hosts.keys().cloned().collect();
        names.insert(plan.lock_host.clone());
        names.extend(plan.steps.iter().filter_map(|step| step.host.clone()));
        let mut hosts: Vec<Host> = names.into_iter().map(Host::new).collect();
        let host_index: HashMap<HostName, usize> = hosts
            .iter()
            .enumerate()
            .map(|(index, host)| (host.name.clone(), index))
            .collect();
        let mut steps = Vec::with_capacity(plan.steps.len());
        for (index, step) in plan.steps.iter().enumerate() {
            let host = step.host.as_ref().and_then(|name| host_index.get(name));
            if let Some(&host) = host {
                hosts[host].steps.push(index);
            }
            steps.push(StepRun::new(host.copied()));
        }
        mark_switches(&plan, &shape, &mut steps);
        let lock_host = host_index.get(&plan.lock_host).copied().unwrap_or(0);
        Ok(Self {
            queue: shape.queue(&plan),
            open: steps.len(),
            phase: Phase::Locking,
            now: Millis::default(),
            lock: Lock::default(),
            evidence: Evidence::default(),
            statuses: Vec::new(),
            values: BTreeMap::new(),
            assume_done: false,
            taking_up: false,
            confirming: None,
            finish_asked: false,
            tolerated_doubt: None,
            local_ready: BTreeSet::new(),
            barriers_due: Vec::new(),
            startable: BTreeSet::new(),
            next_host: 0,
            batches: BTreeMap::new(),
            next_batch: 0,
            channels: 0,
            failed_hosts: 0,
            stop: None,
            interrupts: 0,
            timers: BTreeSet::new(),
            outcome: None,
            actions: Vec::new(),
            plan,
            shape,
            options,
            hosts,
            host_index,
            lock_host,
            asks: BTreeMap::new(),
            steps,
        })
    }

    /// Returns when [`State::handle`] wants an [`Event::Tick`] if nothing else happens before.
    pub fn deadline(&self) -> Option<Millis> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Returns how far the run has come.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Takes an event, and returns what is to be done. Events that do not fit (late answers) change nothing; nor does any
    /// after [`Action::Exit`].
    pub fn handle(&mut self, now: Millis, event: Event) -> Vec<Action> {
        if self.phase == Phase::Exited {
            return Vec::new();
        }
        self.now = self.now.max(now);
        self.suspend();
        self.dispatch(event);
        self.fire_timers();
        self.pump();
        std::mem::take(&mut self.actions)
    }

    fn dispatch(&mut self, event: Event) {
        match event {
            Event::Begin => self.take_lock(),
            Event::Tick => {}
            Event::Interrupt => self.interrupt(),
            Event::Lock(answer) => self.on_lock(answer),
            Event::Inspected {
                host,
                facts,
                attempts,
            } => self.on_inspected(&host, &facts, attempts),
            Event::Unreachable { host, message } => self.on_unreachable(&host, message),
            Event::Fenced { host, attempts } => self.on_fenced(&host, attempts),
            Event::FenceRefused { host, serial } => self.on_fence_refused(host, serial),
            Event::Claimed { step, attempt } => self.on_claimed(&step, attempt),
            Event::Ended {
                step,
                attempt,
                receipt,
                diagnosis,
            } => self.on_ended(&step, attempt, &receipt, diagnosis),
            Event::AlreadyClaimed { step, attempt } => self.on_already_claimed(&step, attempt),
            Event::Attached {
                step,
                attempt,
                state,
            } => self.on_attached(&step, attempt, state),
            Event::ChannelLost { host, message } => self.on_channel_lost(&host, message),
            Event::HostFailed { host, message } => self.on_host_failed(&host, message),
            Event::Reconnected { host } => self.on_reconnected(&host),
            Event::Listed { host, attempts } => self.on_listed(&host, &attempts),
            Event::LocalEnded {
                step,
                attempt,
                ending,
                value,
                diagnosis,
            } => self.on_local_ended(&step, attempt, ending, value, diagnosis),
            Event::LocalChecked {
                step,
                answer,
                value,
            } => self.on_local_checked(&step, answer, value),
            Event::Recorded { step } => self.on_recorded(&step),
            Event::Refused { host } => self.on_refused(&host),
            Event::Beaten { held } => self.on_beaten(held),
            Event::JournalFailed { message } => {
                self.stop_now(StopReason::JournalFailed { message })
            }
            Event::Finished { host } => self.on_finished(&host),
            Event::Released => self.on_released(),
        }
    }

    fn fire_timers(&mut self) {
        while let Some(&(at, timer)) = self.timers.first() {
            if at > self.now {
                return;
            }
            self.timers.pop_first();
            match timer {
                Timer::RetryLock => self.retry_lock(),
                Timer::Beat => self.beat(),
                Timer::Suspend => self.suspend(),
                Timer::Reconnect { host } => self.reconnect(host),
                Timer::Barrier { step } => self.barriers_due.push(step),
                Timer::Attach { step } => self.make_attachable(step),
            }
        }
    }

    /// Wants something done. After the end nothing is.
    fn act(&mut self, action: Action) {
        if self.phase != Phase::Exited {
            self.actions.push(action);
        }
    }

    fn report(&mut self, progress: Progress) {
        self.act(Action::Report(progress));
    }

    fn journal(&mut self, entry: JournalEntry) {
        self.act(Action::Journal(entry));
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.report(Progress::Phase(phase));
    }

    fn set_timer(&mut self, at: Millis, timer: Timer) {
        self.timers.insert((at, timer));
    }

    fn host(&self, name: &HostName) -> Option<usize> {
        self.host_index.get(name).copied()
    }

    fn id(&self, step: usize) -> StepId {
        self.plan.steps[step].id.clone()
    }
}

/// Marks the steps that continue, on their host, what a step with a safe point began.
fn mark_switches(plan: &Plan, shape: &Shape, steps: &mut [StepRun]) {
    for &index in shape.graph.order() {
        let continues = |need: usize| {
            steps[need].host.is_some()
                && steps[need].host == steps[index].host
                && (plan.steps[need].safe_point || steps[need].in_switch)
        };
        let in_switch = !plan.steps[index].safe_point
            && !is_barrier(plan, index)
            && shape.graph.needs(index).any(continues);
        steps[index].in_switch = in_switch;
    }
}

impl Host {
    fn new(name: HostName) -> Self {
        Self {
            name,
            link: Link::Up,
            asks: BTreeSet::new(),
            finished: false,
            failed: false,
            steps: Vec::new(),
            ready: BTreeSet::new(),
            channels: 0,
        }
    }

    fn is_gone(&self) -> bool {
        matches!(self.link, Link::Gone { .. })
    }
}

#[cfg(test)]
mod tests;
