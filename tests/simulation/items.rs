//! What the simulated world is made of: items of time, batches, links and runners.

use std::collections::{BTreeMap, BTreeSet};

use mrsk::apply::state::{Action, Event, Outcome, StartStep, State};
use mrsk::name::{HostName, RunId, StepId};
use mrsk::record::Ending;
use mrsk::record::living::AttemptName;

use super::courses::PlanIndex;

index_vec::define_index_type! {
    /// The position of a runner in the world.
    pub struct RunnerIndex = usize;

    DISPLAY_FORMAT = "{}";
}

/// What is broken on purpose, to see that the simulation notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    None,
    /// Hosts forget receipts when asked.
    ReceiptsIgnored,
    /// An attempt can be claimed twice.
    ClaimsOff,
    /// Hosts run steps whatever the fence says.
    FenceOff,
    /// The plan drains the old container before requests are sent to the new one.
    DrainBeforeRoute,
    /// The lock host always says that the lock is held.
    BeatLies,
    /// Steps start although what they need has not ended.
    NeedsIgnored,
    /// The clock of runners stops while their machine sleeps.
    ClockStops,
    /// Hosts do not say that they have started anew.
    RestartHidden,
    /// Hosts list no step of another plan.
    OthersHidden,
    /// Hosts begin steps although they know that their run stops.
    HaltIgnored,
    /// What follows an entry that the journal did not take is carried out.
    UnjournaledStarts,
    /// A plan that has begun nothing supersedes others.
    SiblingsCount,
    /// The lock host keeps no end of a local step.
    EndsForgotten,
}

/// Something that happens at a time.
#[derive(Debug, Clone)]
pub(super) enum Item {
    ToHost {
        runner: RunnerIndex,
        link: u64,
        host: HostName,
        action: Action,
    },
    ToRunner {
        runner: RunnerIndex,
        link: Option<(HostName, u64)>,
        event: Event,
    },
    Script {
        script: Script,
        stage: Stage,
    },
    AttachPoll {
        runner: RunnerIndex,
        link: u64,
        host: HostName,
        step: StepId,
        attempt: u32,
    },
    Local {
        runner: RunnerIndex,
        step: StepId,
        attempt: u32,
        ok: bool,
        ended: bool,
    },
    Tick {
        runner: RunnerIndex,
    },
    Launch {
        plan: PlanIndex,
    },
    StrangerGoesOn {
        host: HostName,
        more: u32,
    },
    StrangerEnds {
        host: HostName,
        name: AttemptName,
    },
    HostBack {
        host: HostName,
    },
    /// A run of a plan that was made beside this one begins nothing.
    Sibling,
    /// A person makes a plan of what the hosts show.
    MakePlan,
    Chaos,
}

/// A batch that runs on a host, whether or not anybody listens.
#[derive(Debug, Clone)]
pub(super) struct Script {
    pub(super) runner: RunnerIndex,
    pub(super) link: u64,
    pub(super) host: HostName,
    pub(super) boot: u64,
    pub(super) run: RunId,
    pub(super) steps: Vec<StartStep>,
    pub(super) at: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Claim,
    Fence,
    Effect {
        ending: Ending,
        half: u64,
    },
    /// A part of a step of a compiled plan; the one that fails does nothing.
    Part {
        at: usize,
        pause: u64,
        fails: Option<(usize, Ending)>,
    },
    /// A part of its cleanup.
    Undo {
        at: usize,
        ending: Ending,
    },
    Receipt {
        ending: Ending,
    },
}

pub(super) struct Link {
    pub(super) id: u64,
    pub(super) alive: bool,
    pub(super) known: Known,
}

/// What a runner knows of its link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    Open,
    Connecting,
    Closed,
}

/// The sleep of a runner's machine.
#[derive(Default)]
pub(super) struct Sleep {
    /// When it wakes up.
    pub(super) until: u64,
    /// How long it sleeps this time.
    pub(super) long: u64,
    /// How long it has slept in all.
    pub(super) total: u64,
}

/// When a runner sent the last request that may confirm its lock, and the last that did.
#[derive(Default)]
pub(super) struct Confirmation {
    pub(super) asked: u64,
    pub(super) confirmed: u64,
}

pub(super) struct Runner {
    pub(super) run: RunId,
    pub(super) plan: PlanIndex,
    pub(super) state: State,
    pub(super) links: BTreeMap<HostName, Link>,
    pub(super) frozen_until: u64,
    pub(super) sleep: Sleep,
    pub(super) lock: Confirmation,
    pub(super) dead: bool,
    pub(super) exited: Option<Outcome>,
    /// Whether its user made it leave at once.
    pub(super) has_quit: bool,
    /// Steps of its machine that it wants to end.
    pub(super) stopped: BTreeSet<StepId>,
    /// Whether it left while the lock host was out of reach, or at once: its lock is taken over when its beat is old.
    pub(super) left_lock: bool,
    pub(super) tick: Option<u64>,
    /// Hosts that answered it with an error.
    pub(super) failed: BTreeSet<HostName>,
    /// Whether a host answered it while its engine was silent.
    pub(super) saw_silence: bool,
    pub(super) logged_in: bool,
    pub(super) built: bool,
    /// Whether its journal takes no entry any more.
    pub(super) journal_is_full: bool,
    /// Attempts whose start its journal holds.
    pub(super) journaled: BTreeSet<(StepId, u32)>,
    /// Attempts at steps of its machine that it has seen end.
    pub(super) ended_here: BTreeSet<(StepId, u32)>,
}

impl Runner {
    pub(super) fn new(run: RunId, plan: PlanIndex, state: State) -> Self {
        Self {
            run,
            plan,
            state,
            links: BTreeMap::new(),
            frozen_until: 0,
            sleep: Default::default(),
            lock: Default::default(),
            dead: false,
            exited: None,
            has_quit: false,
            stopped: BTreeSet::new(),
            left_lock: false,
            tick: None,
            failed: BTreeSet::new(),
            saw_silence: false,
            logged_in: false,
            built: false,
            journal_is_full: false,
            journaled: BTreeSet::new(),
            ended_here: BTreeSet::new(),
        }
    }
}

/// A secret that a careless command prints.
pub const PRINTED_SECRET: &str = "correct horse battery staple";

/// The event in a few words.
pub fn short(event: &Event) -> String {
    match event {
        Event::Inspected(host, _, own) => format!("Inspected {host} {}", own.attempts.len()),
        Event::Fenced(_, _, living) if !living.is_empty() => {
            format!("Fenced with a step of another plan: {living:?}")
        }
        Event::Fenced(host, own, _) => format!("Fenced {host} {}", own.attempts.len()),
        Event::Listed(host, own) => format!("Listed {host} {}", own.attempts.len()),
        Event::Ended {
            step,
            attempt,
            receipt,
            ..
        } => format!("Ended {step} {attempt} {:?}", receipt.ending),
        other => format!("{other:?}"),
    }
}

/// The action in a few words.
pub fn short_action(action: &Action) -> String {
    match action {
        Action::Start(host, steps) => {
            let steps: Vec<String> = steps
                .iter()
                .map(|start| format!("{}#{}", start.step, start.attempt))
                .collect();
            format!("Start {host} {}", steps.join(" "))
        }
        other => format!("{other:?}"),
    }
}
