//! Everything that a run knows: its steps, hosts and lock, and what it waits for.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use index_vec::{IndexSlice, IndexVec};

use super::event::{Action, Millis, Options};
use super::progress::{GoneReason, JournalEntry, LaterPlan, Outcome, Phase, Progress, StopReason};
use super::step::{Batch, HostIndex, StepRun};
use crate::facts::model::HostFacts;
use crate::graph::Queue;
use crate::name::{HostName, StepId};
use crate::plan::Plan;
use crate::plan::kinds::SwitchPart;
use crate::plan::pushed::PushClaims;
use crate::plan::resume::{Evidence, Status};
use crate::plan::shape::{Shape, ShapeError, StepIndex, is_barrier};
use crate::record::living::{AttemptName, LivingAttempt};
use crate::record::{Ending, LockDetails, Seen, TAKE_OVER_SECONDS, WhenStopping};

/// Seconds between two beats of the lock.
pub(super) const BEAT_SECONDS: u64 = 5;
/// Seconds without a confirmed beat after which nothing starts: well before others take the lock over.
pub(super) const SUSPEND_SECONDS: u64 = 40;
const _: () = assert!(SUSPEND_SECONDS < TAKE_OVER_SECONDS);
/// Seconds after which a host that cannot be reached again is given up: were it the lock host, others take the lock over then.
pub(super) const GIVE_UP_SECONDS: u64 = TAKE_OVER_SECONDS;
/// The longest pause between two attempts to reach a host again.
pub(super) const LONGEST_BACK_OFF_SECONDS: u64 = 8;
/// Seconds between two attempts to take a held lock.
pub(super) const LOCK_RETRY_SECONDS: u64 = 2;
/// Seconds between two questions for an attempt that still runs.
pub(super) const ATTACH_SECONDS: u64 = 2;

/// Seconds after which a registry that did not answer is asked again.
pub(super) const REGISTRY_PAUSES_SECONDS: [u64; 5] = [1, 2, 4, 8, 16];
/// The most that a run begins one step again: a host that says for ever that nothing came of it would never let the run end.
pub(super) const MOST_REPEATS: u32 = 100;
/// The most that a run begins one step again whose script died without effect. A restart of the machine or one kill for want of memory may
/// come twice in a run; what dies a fourth time dies of the step, and each time takes a part of the host along.
pub(super) const MOST_DEATHS: u32 = 3;
/// The most that a host is asked one question whose answer does not arrive, although its link comes back each time.
pub(super) const MOST_ASKED: u32 = 30;

/// Everything that a run knows and decides.
#[derive(Debug, Clone)]
pub struct State {
    pub(super) plan: Arc<Plan>,
    pub(super) shape: Arc<Shape>,
    pub(super) options: Options,
    pub(super) now: Millis,
    pub(super) phase: Phase,
    pub(super) hosts: IndexVec<HostIndex, Host>,
    pub(super) host_index: HashMap<HostName, HostIndex>,
    pub(super) lock_host: HostIndex,
    /// How many hosts have each question open.
    pub(super) asks: BTreeMap<Ask, usize>,
    pub(super) lock: Lock,
    pub(super) evidence: Evidence,
    pub(super) statuses: IndexVec<StepIndex, Status>,
    /// The facts of hosts that were looked at under the lock before the run began.
    pub(super) looked: Option<BTreeMap<HostName, HostFacts>>,
    /// What the hosts' records said about pushes when the run began.
    pub(super) push_claims: BTreeMap<StepIndex, PushClaims>,
    /// Hosts whose fence names another run, as they say, until the lock tells whether one has taken over.
    pub(super) refusing: BTreeSet<HostIndex>,
    /// Until when living attempts of other plans are waited for, since any has been seen.
    pub(super) settle_until: Option<Millis>,
    /// Whether every fence is written.
    pub(super) is_fenced: bool,
    /// What waits for a fresh beat.
    pub(super) confirming: Option<Confirm>,
    pub(super) finish_asked: bool,
    /// How attempts at local steps ended that are being noted on the lock host.
    pub(super) notes: BTreeMap<(StepIndex, u32), Ending>,
    pub(super) steps: IndexVec<StepIndex, StepRun>,
    /// Whether what earlier runs did is being settled, and nothing becomes ready yet.
    pub(super) taking_up: bool,
    pub(super) queue: Queue<StepIndex>,
    pub(super) open: usize,
    pub(super) local_ready: BTreeSet<StepIndex>,
    pub(super) barriers_due: Vec<StepIndex>,
    pub(super) startable: BTreeSet<HostIndex>,
    pub(super) next_host: HostIndex,
    pub(super) batches: BTreeMap<u64, Batch>,
    pub(super) next_batch: u64,
    pub(super) channels: usize,
    pub(super) failed_hosts: u32,
    pub(super) stop: Option<StopReason>,
    pub(super) interrupted: bool,
    /// Whether the run has come to its steps.
    pub(super) has_walked: bool,
    pub(super) timers: BTreeSet<(Millis, Timer)>,
    pub(super) outcome: Option<Outcome>,
    pub(super) actions: Vec<Action>,
}

/// A host, as the run sees it.
#[derive(Debug, Clone)]
pub(super) struct Host {
    pub(super) name: HostName,
    /// What stands before this plan.
    pub(super) seen: Seen,
    pub(super) link: Link,
    /// Questions that were not answered yet, and how often each was sent.
    pub(super) asks: BTreeMap<Ask, u32>,
    /// Whether its fence names this run, as far as is known.
    pub(super) fenced: bool,
    /// The identity of its machine's run when it listed its attempts last.
    pub(super) boot: String,
    /// Whether it listed the plan as finished.
    pub(super) finished: bool,
    /// The plan that began there after this one.
    pub(super) later: Option<LaterPlan>,
    /// Attempts of other plans that lived when it was asked last.
    pub(super) living: Vec<LivingAttempt>,
    /// All that it ever listed as such.
    pub(super) known_living: BTreeSet<AttemptName>,
    /// Until when its engine is waited for, since it was first found silent.
    pub(super) engine_until: Option<Millis>,
    /// Whether it is looked at again after a pause, since its engine did not answer.
    pub(super) awaits_engine: bool,
    /// Whether a step failed here, so that nothing further starts.
    pub(super) failed: bool,
    /// Whether it knows that this run stops: what was handed over begins only if it finishes a switch.
    pub(super) halted: bool,
    pub(super) steps: Vec<StepIndex>,
    pub(super) ready: BTreeSet<StepIndex>,
    pub(super) channels: usize,
}

/// The link to a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Link {
    /// As far as is known it works.
    Up,
    /// It broke, and is opened again.
    Down { since: Millis, back_off: u64 },
    /// It is given up.
    Gone { reason: GoneReason, message: String },
}

/// A question to a host that may be asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ask {
    Lock,
    /// Which attempts of other plans live, once those that are to be ended have been?
    Others,
    /// Before the fence: may this plan be applied?
    Inspect,
    Fence,
    /// After the fence: is the effect of lost steps there?
    Probe,
    List,
    Record {
        step: StepIndex,
    },
    /// How an attempt at a local step ended, for the audit log: nothing waits for it but the end of the run.
    Note {
        step: StepIndex,
        attempt: u32,
    },
    Beat,
    /// To begin nothing further of this run but what finishes a switch.
    Halt,
    Finish,
    Release,
}

impl Ask {
    /// Whether it changes what other runs see, so that it is held back while the lock is not confirmed.
    pub(super) fn needs_lock(self) -> bool {
        match self {
            Ask::Others | Ask::Fence | Ask::Record { .. } | Ask::Note { .. } | Ask::Finish => true,
            Ask::Lock
            | Ask::Inspect
            | Ask::Probe
            | Ask::List
            | Ask::Beat
            | Ask::Halt
            | Ask::Release => false,
        }
    }
}

/// The deploy lock.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Lock {
    pub(super) held: bool,
    /// When the last confirmed beat was sent.
    pub(super) confirmed: Millis,
    /// When the beat that is under way was sent.
    pub(super) sent: Millis,
    /// Whether the beat under way was sent too early to confirm the fences.
    pub(super) stale: bool,
    pub(super) suspended: bool,
    /// The details of the person who had it before this run of the same plan: it becomes that person's again.
    pub(super) of_person: Option<LockDetails>,
    /// Until when a held lock is waited for.
    pub(super) wait_until: Millis,
}

/// What waits for a beat that is sent now to confirm the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Confirm {
    BeforeEnding,
    BeforeFences,
    AfterFences,
}

/// What happens at a time of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    RetryLock,
    Settle,
    Beat,
    Suspend,
    Reconnect { host: HostIndex },
    Barrier { step: StepIndex },
    Attach { step: StepIndex },
    CheckAgain { step: StepIndex },
    Engine { host: HostIndex },
}

impl State {
    /// Returns the state of a run that has not begun.
    ///
    /// # Errors
    ///
    /// The plan's steps do not make a graph.
    pub fn new(plan: Arc<Plan>, options: Options) -> Result<Self, ShapeError> {
        let shape = Arc::new(Shape::new(&plan)?);
        let mut names: BTreeSet<HostName> = plan.hosts.keys().cloned().collect();
        names.insert(plan.lock_host.clone());
        names.extend(plan.steps.iter().filter_map(|step| step.host.clone()));
        let serial = |name: &HostName| plan.hosts.get(name).map_or(0, |host| host.serial);
        let hosts = names.into_iter();
        let mut hosts: IndexVec<HostIndex, Host> = hosts
            .map(|name| Host::new(serial(&name).into(), name))
            .collect();
        let host_index: HashMap<HostName, HostIndex> = hosts
            .iter_enumerated()
            .map(|(index, host)| (host.name.clone(), index))
            .collect();
        let mut steps = IndexVec::with_capacity(plan.steps.len());
        for step in &plan.steps {
            let host = step.host.as_ref().and_then(|name| host_index.get(name));
            if let Some(&host) = host {
                hosts[host].steps.push(steps.next_idx());
            }
            steps.push(StepRun::new(host.copied()));
        }
        mark_switches(&plan, &shape, &mut steps);
        let lock_host = host_index
            .get(&plan.lock_host)
            .copied()
            .unwrap_or(HostIndex::new(0));
        Ok(Self {
            queue: shape.queue(&plan),
            open: steps.len(),
            phase: Phase::Locking,
            now: Millis::default(),
            lock: Lock::default(),
            evidence: Evidence::default(),
            statuses: IndexVec::new(),
            looked: None,
            push_claims: BTreeMap::new(),
            refusing: BTreeSet::new(),
            taking_up: false,
            settle_until: None,
            is_fenced: false,
            confirming: None,
            finish_asked: false,
            notes: BTreeMap::new(),
            local_ready: BTreeSet::new(),
            barriers_due: Vec::new(),
            startable: BTreeSet::new(),
            next_host: HostIndex::new(0),
            batches: BTreeMap::new(),
            next_batch: 0,
            channels: 0,
            failed_hosts: 0,
            stop: None,
            interrupted: false,
            has_walked: false,
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

    /// Wants something done. After the end nothing is.
    pub(super) fn act(&mut self, action: Action) {
        if self.phase != Phase::Exited {
            self.actions.push(action);
        }
    }

    pub(super) fn report(&mut self, progress: Progress) {
        self.act(Action::Report(progress));
    }

    pub(super) fn journal(&mut self, entry: JournalEntry) {
        self.act(Action::Journal(entry));
    }

    pub(super) fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.report(Progress::Phase(phase));
    }

    pub(super) fn set_timer(&mut self, at: Millis, timer: Timer) {
        self.timers.insert((at, timer));
    }

    pub(super) fn host(&self, name: &HostName) -> Option<HostIndex> {
        self.host_index.get(name).copied()
    }

    pub(super) fn id(&self, step: StepIndex) -> StepId {
        self.plan[step].id.clone()
    }
}

/// Marks the steps that continue, on their host, what a step with a safe point began, and what becomes of each when the run stops.
fn mark_switches(plan: &Plan, shape: &Shape, steps: &mut IndexSlice<StepIndex, [StepRun]>) {
    for &index in shape.graph.order() {
        let continues = |need: StepIndex| {
            steps[need].host.is_some()
                && steps[need].host == steps[index].host
                && (plan[need].safe_point || steps[need].in_switch)
        };
        let in_switch = !plan[index].safe_point
            && !is_barrier(plan, index)
            && shape.graph.needs(index).any(continues);
        steps[index].in_switch = in_switch;
        steps[index].when_stopping = when_stopping(plan, shape, steps, index);
    }
}

/// Returns what becomes of a step when the run stops. A switch is finished whose route has begun, or whose new container is healthy if
/// the role has no route; and so is the replacement of Traefik.
fn when_stopping(
    plan: &Plan,
    shape: &Shape,
    steps: &IndexSlice<StepIndex, [StepRun]>,
    step: StepIndex,
) -> WhenStopping {
    let kind = plan[step].kind;
    let follows_route = |need: StepIndex| {
        let is_switch = plan[need].kind.switch_part() == SwitchPart::Route
            || steps[need].when_stopping == WhenStopping::Begin;
        steps[need].host == steps[step].host && is_switch
    };
    match kind.switch_part() {
        _ if kind.can_be_ended() => WhenStopping::End,
        _ if !steps[step].in_switch => WhenStopping::Refuse,
        SwitchPart::Drain | SwitchPart::Stop | SwitchPart::Traefik => WhenStopping::Begin,
        _ if shape.graph.needs(step).any(follows_route) => WhenStopping::Begin,
        SwitchPart::Route => WhenStopping::Undo,
        _ => WhenStopping::Refuse,
    }
}

impl Host {
    fn new(seen: Seen, name: HostName) -> Self {
        Self {
            name,
            seen,
            link: Link::Up,
            asks: BTreeMap::new(),
            fenced: false,
            boot: String::new(),
            finished: false,
            later: None,
            living: Vec::new(),
            known_living: BTreeSet::new(),
            engine_until: None,
            awaits_engine: false,
            failed: false,
            halted: false,
            steps: Vec::new(),
            ready: BTreeSet::new(),
            channels: 0,
        }
    }

    pub(super) fn is_gone(&self) -> bool {
        matches!(self.link, Link::Gone { .. })
    }
}
