//! A fleet in virtual time: hosts that take as long as measured ones, some of them slow or dead, and a registry whose bandwidth is
//! shared by those that pull.

mod registry;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use mrsk::apply::state::{Action, Event, Millis, Options, Outcome, StartStep, State};
use mrsk::facts::model::{Facts, HostFacts};
use mrsk::name::{HostName, RunId, StepId};
use mrsk::plan::{Plan, StepKind};
use mrsk::record::{Ending, Listing, LockAnswer, Receipt};

use registry::Registry;

/// How a fleet is.
#[derive(Debug, Clone, Copy)]
pub struct Conditions {
    /// The sessions of the run at the same time.
    pub parallel: usize,
    /// What the registry sends in all, in bytes per millisecond.
    pub registry: f64,
    /// What a host receives, in bytes per millisecond.
    pub host: f64,
    /// What a host has to pull, in bytes.
    pub image: f64,
}

/// What became of a deploy.
#[derive(Debug)]
pub struct Rollout {
    /// From the first session to the end, in milliseconds.
    pub makespan: u64,
    /// When half of the hosts had finished, in milliseconds.
    pub half: u64,
    /// The most hosts that pulled at the same time.
    pub pulls: usize,
    /// The longest transfer of a pull, in milliseconds.
    pub longest_pull: u64,
    /// The part of its bandwidth that the registry sent while the run lasted.
    pub registry_use: f64,
    /// The part of the sessions that were in use.
    pub session_use: f64,
    /// The hosts that finished.
    pub finished: usize,
}

/// One host in 100 takes ten times as long.
const SLOW: usize = 100;
/// One host in 1,000 does not answer.
const DEAD: usize = 1000;
/// How many times as long a slow host takes.
const SLOWER: u64 = 10;
/// What a session takes to open, in milliseconds.
const OPEN: u64 = 150;
/// How long a dead host is waited for, in milliseconds.
const CONNECT_LIMIT: u64 = 30_000;
/// What a short question to a host takes, in milliseconds.
const ASK: u64 = 60;
/// What the facts of a host take, in milliseconds.
const LOOK: u64 = 250;

/// Returns what a step of a kind takes on a host, in milliseconds; a pull, besides what it transfers.
fn takes(kind: StepKind) -> u64 {
    match kind {
        StepKind::RegistryLogin => 250,
        StepKind::Pull => 300,
        StepKind::Start => 400,
        StepKind::Healthcheck => 3_000,
        StepKind::Route => 300,
        StepKind::Drain => 500,
        StepKind::Stop => 600,
        StepKind::Prune => 200,
        _ => 100,
    }
}

/// A batch of steps of a host, the first of which runs.
struct Batch {
    host: HostName,
    steps: VecDeque<StartStep>,
    slowness: u64,
    /// When its pull began to be sent.
    pulls_since: u64,
}

/// What happens at some time.
enum Item {
    Event(Event),
    /// A host has answered.
    Answer(Event),
    /// The first step of a batch begins.
    Begins(Batch),
    /// It is sent what it pulls.
    Pulls(Batch),
    /// It ends.
    Ends(Batch),
}

/// A run of a plan on the fleet.
pub struct World<'a> {
    facts: &'a Facts,
    kinds: BTreeMap<StepId, StepKind>,
    places: BTreeMap<HostName, usize>,
    conditions: Conditions,
    run: RunId,
    now: u64,
    numbers: u64,
    items: BTreeMap<(u64, u64), Item>,
    registry: Registry<Batch>,
    /// The milliseconds that sessions were in use, of all together.
    in_use: u64,
    longest_pull: u64,
    /// The hosts that are being asked something.
    asked: usize,
    /// What other hosts are to be asked, by what they answer, and how long that takes them.
    to_ask: VecDeque<(u64, Event)>,
    /// The steps that each host has left.
    left: BTreeMap<HostName, usize>,
    /// When hosts had none left.
    finished: Vec<u64>,
    outcome: Option<Outcome>,
}

impl<'a> World<'a> {
    /// Returns the hosts of `facts`, before anything has run.
    pub fn new(plan: &Plan, facts: &'a Facts, conditions: Conditions) -> Self {
        let kinds = plan.steps.iter().map(|step| (step.id.clone(), step.kind));
        let names = facts.hosts.keys().cloned();
        let mut left = BTreeMap::new();
        for host in plan.steps.iter().flat_map(|step| &step.host) {
            *left.entry(host.clone()).or_default() += 1;
        }
        Self {
            facts,
            kinds: kinds.collect(),
            places: names.enumerate().map(|(at, name)| (name, at)).collect(),
            conditions,
            run: RunId::from("r"),
            now: 0,
            numbers: 0,
            items: BTreeMap::new(),
            registry: Registry::new(conditions.registry, conditions.host),
            in_use: 0,
            longest_pull: 0,
            asked: 0,
            to_ask: VecDeque::new(),
            left,
            finished: Vec::new(),
            outcome: None,
        }
    }

    /// Applies the plan. Hosts that do not answer are gone without.
    pub fn apply(mut self, plan: &Arc<Plan>) -> Rollout {
        let options = Options {
            parallel: self.conditions.parallel,
            keep_going: true,
            ..Options::new(self.run.clone())
        };
        let mut state = State::new(plan.clone(), options).expect("a graph");
        self.happens(0, Item::Event(Event::Begin));
        while self.outcome.is_none() {
            let event = self.next(&state).expect("something to come");
            for action in state.handle(Millis(self.now), event) {
                self.act(action);
            }
        }
        assert!(!self.finished.is_empty(), "{:?}", self.outcome);
        self.finished.sort_unstable();
        let (all, makespan) = (self.finished.len(), self.now);
        Rollout {
            makespan,
            half: self.finished[all / 2],
            pulls: self.registry.most(),
            longest_pull: self.longest_pull,
            registry_use: self.registry.sent() / (self.conditions.registry * makespan as f64),
            session_use: self.in_use as f64 / (self.conditions.parallel as u64 * makespan) as f64,
            finished: all,
        }
    }

    fn happens(&mut self, after: u64, item: Item) {
        self.numbers += 1;
        self.items.insert((self.now + after, self.numbers), item);
    }

    /// Goes on to the next event.
    fn next(&mut self, state: &State) -> Option<Event> {
        loop {
            let first = self.items.first_key_value().map(|((at, _), _)| *at);
            let tick = state.deadline().map(|Millis(at)| at.max(self.now));
            let pulled = self.registry.next_end();
            let earliest = [first, tick, pulled].into_iter().flatten().min()?;
            self.now = earliest;
            if pulled == Some(earliest) {
                let batch = self.registry.take(earliest);
                let rest = takes(StepKind::Pull) * batch.slowness;
                let pulled_for = earliest - batch.pulls_since;
                self.longest_pull = self.longest_pull.max(pulled_for);
                self.in_use += pulled_for + rest;
                self.happens(rest, Item::Ends(batch));
                continue;
            }
            if first != Some(earliest) {
                return Some(Event::Tick);
            }
            let (_, item) = self.items.pop_first()?;
            if let Some(event) = self.comes_to(item) {
                return Some(event);
            }
        }
    }

    /// Lets an item happen, and returns what mrsk hears of it.
    fn comes_to(&mut self, item: Item) -> Option<Event> {
        match item {
            Item::Event(event) => Some(event),
            Item::Answer(event) => {
                self.asked -= 1;
                if let Some((time, next)) = self.to_ask.pop_front() {
                    self.ask(time, next);
                }
                Some(event)
            }
            Item::Begins(batch) => {
                let start = batch.steps.front()?;
                let claimed = Event::Claimed(batch.host.clone(), start.step.clone(), start.attempt);
                let kind = self.kinds[&start.step];
                match kind {
                    StepKind::Pull => self.happens(0, Item::Pulls(batch)),
                    kind => {
                        let time = takes(kind) * batch.slowness;
                        self.in_use += time;
                        self.happens(time, Item::Ends(batch));
                    }
                }
                Some(claimed)
            }
            Item::Pulls(mut batch) => {
                batch.pulls_since = self.now;
                self.registry.add(self.now, self.conditions.image, batch);
                None
            }
            Item::Ends(mut batch) => {
                let start = batch.steps.pop_front()?;
                let left = self.left.get_mut(&batch.host)?;
                *left -= 1;
                if *left == 0 {
                    self.finished.push(self.now);
                }
                let event = Event::Ended {
                    host: batch.host.clone(),
                    step: start.step,
                    attempt: start.attempt,
                    receipt: Receipt {
                        ending: Ending::Succeeded,
                        run: self.run.clone(),
                        started: 0,
                        ended: 0,
                        value: None,
                    },
                    diagnosis: String::new(),
                };
                if !batch.steps.is_empty() {
                    self.happens(0, Item::Begins(batch));
                }
                Some(event)
            }
        }
    }

    fn answer(&mut self, host: &HostName, takes: u64, event: Event) {
        self.ask(takes * self.slowness(host), event);
    }

    /// Asks a host, once there are few enough that are being asked.
    fn ask(&mut self, time: u64, event: Event) {
        if self.asked >= self.conditions.parallel {
            self.to_ask.push_back((time, event));
            return;
        }
        self.asked += 1;
        self.in_use += time;
        self.happens(time, Item::Answer(event));
    }

    fn slowness(&self, host: &HostName) -> u64 {
        match self.places[host] % SLOW {
            1 => SLOWER,
            _ => 1,
        }
    }

    fn is_dead(&self, host: &HostName) -> bool {
        self.places[host] % DEAD == 2
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Inspect(host) if self.is_dead(&host) => {
                let event = Event::Unreachable(host, "no answer".to_owned());
                self.ask(CONNECT_LIMIT, event);
            }
            Action::Inspect(host) => {
                let facts: Box<HostFacts> = Box::new(self.facts.hosts[&host].clone());
                let event = Event::Inspected(host.clone(), facts, Listing::default());
                self.answer(&host, OPEN + LOOK, event);
            }
            Action::Others(host, _) => {
                let event = Event::Others(host.clone(), Vec::new());
                self.answer(&host, ASK, event);
            }
            Action::Fence { host, .. } => {
                let event = Event::Fenced(host.clone(), Listing::default(), Vec::new());
                self.answer(&host, ASK, event);
            }
            Action::Start(host, steps) => {
                let batch = Batch {
                    slowness: self.slowness(&host),
                    host,
                    steps: steps.into(),
                    pulls_since: 0,
                };
                self.in_use += ASK * batch.slowness;
                self.happens(ASK * batch.slowness, Item::Begins(batch));
            }
            Action::Finish(host) => {
                self.answer(&host.clone(), ASK, Event::Finished(host));
            }
            Action::Exit(outcome) => self.outcome = Some(outcome),
            other => self.act_on_lock(other),
        }
    }

    /// What the lock host and this machine do.
    fn act_on_lock(&mut self, action: Action) {
        let event = match action {
            Action::TakeLock => Event::Lock(LockAnswer::Acquired {
                generation: 1,
                taken_from: None,
                open: Vec::new(),
            }),
            Action::StartLocal(step, attempt) => Event::LocalEnded {
                step,
                attempt,
                ending: Ending::Succeeded,
                value: None,
                diagnosis: String::new(),
            },
            Action::Record {
                step,
                attempt,
                ending,
                ..
            } => Event::Recorded(step, attempt, ending),
            Action::Beat => Event::Beaten { held: true },
            Action::Release => Event::Released,
            Action::ReadSecrets(_) => Event::SecretsRead,
            Action::Journal(_) | Action::Report(_) | Action::Audit(_) | Action::Drop(_) => return,
            other => unreachable!("{other:?}"),
        };
        self.happens(ASK, Item::Event(event));
    }
}
