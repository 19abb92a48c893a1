//! The simulated world: a heap of (time, sequence), hosts, runners and faults, driven by one seed.

use std::collections::BTreeMap;
use std::sync::Arc;

use index_vec::IndexVec;
use mrsk::apply::state::{Action, Event, Millis, Options, Progress, State, StepStatus};
use mrsk::name::{HostName, RunId, StepId};
use mrsk::plan::{Step, StepKind};

use super::courses::{Course, Parked, PlanIndex};
use super::coverage::Coverage;
use super::hooks::with_hooks;
use super::host::SimHost;
pub(super) use super::items::{Item, Known, Link, Runner, Script, Stage};
pub use super::items::{Mutant, PRINTED_SECRET, RunnerIndex};
use super::items::{short, short_action};
use super::plans::{Scenario, drain_before_route, scenario};
use super::rng::Rng;

pub struct World {
    pub(super) now: u64,
    seq: u64,
    pub(super) heap: BTreeMap<(u64, u64), Item>,
    pub(super) rng: Rng,
    pub(super) mutant: Mutant,
    /// The plan that acts.
    pub(super) course: Course,
    pub(super) at: PlanIndex,
    pub(super) parked: Parked,
    pub(super) hosts: BTreeMap<HostName, SimHost>,
    pub(super) runners: IndexVec<RunnerIndex, Runner>,
    pub(super) budget: u32,
    /// What is under way where something may go wrong now.
    pub(super) under_way: (&'static str, String),
    /// How often each fault has struck what.
    pub coverage: Coverage,
    pub(super) fault_rate: u64,
    pub(super) failure_rate: u64,
    /// Doubts about hooks that a person has resolved.
    pub resolved: u32,
    pub(super) calm_at: u64,
    pub(super) next_link: u64,
    pub(super) next_stranger: u64,
    pub(super) runs: u32,
    pub trace: Vec<String>,
    pub violation: Option<String>,
    /// The host that answers at random.
    pub(super) liar: Option<HostName>,
    pub lies: u64,
}

impl World {
    pub fn new(seed: u64, mutant: Mutant) -> Self {
        let mut rng = Rng::new(seed);
        let scenario = scenario(&mut rng);
        Self::with(rng, mutant, scenario)
    }

    /// As [`World::new`], with hooks in the plan.
    pub fn with_hooks(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let scenario = with_hooks(scenario(&mut rng));
        Self::with(rng, Mutant::None, scenario)
    }

    /// As [`World::new`], with a scenario of its own.
    pub fn with(rng: Rng, mutant: Mutant, scenario: Scenario) -> Self {
        let mut course = Course::new(scenario);
        if mutant == Mutant::DrainBeforeRoute {
            drain_before_route(Arc::make_mut(&mut course.plan));
        }
        Self::of(rng, mutant, course)
    }

    /// As [`World::new`], of this plan.
    pub fn of(mut rng: Rng, mutant: Mutant, course: Course) -> Self {
        let facts = course.initial.iter();
        let hosts = facts.map(|(name, facts)| (name.clone(), SimHost::new(facts.clone())));
        let mut world = Self {
            now: 0,
            seq: 0,
            heap: BTreeMap::new(),
            mutant,
            at: PlanIndex::from(0_usize),
            parked: Parked::new(),
            hosts: hosts.collect(),
            course,
            runners: IndexVec::new(),
            under_way: ("between requests", String::new()),
            coverage: Coverage::new(),
            budget: rng.range(0, 8) as u32,
            fault_rate: rng.range(2, 20),
            resolved: 0,
            failure_rate: if rng.chance(500) {
                0
            } else {
                rng.range(10, 80)
            },
            calm_at: rng.range(60_000, 900_000),
            next_link: 0,
            next_stranger: 0,
            runs: 0,
            trace: Vec::new(),
            violation: None,
            liar: None,
            lies: 0,
            rng,
        };
        world.parked.push(None);
        for sim in world.hosts.values_mut() {
            sim.keep_of(world.at, &world.course.plan.digest);
        }
        world.later(0, Item::Launch { plan: world.at });
        world.add_strangers();
        for _ in 0..world.rng.range(0, 3) {
            let time = world.rng.range(0, 120_000);
            world.later(time, Item::Chaos);
        }
        if world.rng.chance(400) {
            for _ in 0..world.rng.range(1, 3) {
                let time = world.rng.range(0, 200_000);
                world.later(time, Item::Sibling);
            }
        }
        for sim in world.hosts.values_mut() {
            sim.siblings_count = mutant == Mutant::SiblingsCount;
        }
        world
    }

    /// As [`World::new`], with one run, no fault, and a host that answers at random to everything.
    pub fn with_liar(seed: u64) -> Self {
        let mut world = Self::new(seed, Mutant::None);
        world.heap.clear();
        for sim in world.hosts.values_mut() {
            sim.strangers.clear();
        }
        world.budget = 0;
        world.failure_rate = 0;
        world.calm_at = 0;
        let names: Vec<HostName> = world.hosts.keys().cloned().collect();
        let pick = world.rng.range(0, names.len() as u64 - 1) as usize;
        world.course.truth.liar = Some(names[pick].clone());
        world.liar = Some(names[pick].clone());
        world.later(0, Item::Launch { plan: world.at });
        world
    }

    /// Runs until nothing happens any more, or a promise is broken.
    pub fn run(&mut self) {
        while self.violation.is_none() {
            let Some(((time, _), item)) = self.heap.pop_first() else {
                break;
            };
            self.now = time;
            if self.now > 7_200_000 || self.seq > 400_000 || self.runs > 400 {
                let open = self.runners.last().map(|at| at.state.summary().steps);
                let open = open.into_iter().flatten();
                let open: Vec<StepId> = open
                    .filter(|step| step.status == StepStatus::Open)
                    .map(|step| step.step)
                    .collect();
                return self.fail(format!(
                    "the run does not come to an end: {open:?} are open"
                ));
            }
            self.step(item);
        }
        if self.violation.is_none() && self.liar.is_none() {
            self.judge_the_end();
        }
    }

    pub(super) fn fail(&mut self, message: impl Into<String>) {
        let message = message.into();
        self.note(format!("VIOLATION {message}"));
        self.violation.get_or_insert(message);
    }

    pub(super) fn note(&mut self, line: String) {
        let line = format!("{:>8} {line}", self.now);
        self.trace.push(line);
    }

    pub(super) fn later(&mut self, time: u64, item: Item) {
        self.seq += 1;
        self.heap.insert((time, self.seq), item);
    }

    pub(super) fn after(&mut self, delay: u64, item: Item) {
        self.later(self.now + delay, item);
    }

    pub(super) fn latency(&mut self) -> u64 {
        match self.rng.chance(30) {
            true => self.rng.range(500, 6_000),
            false => self.rng.range(5, 150),
        }
    }

    pub(super) fn is_calm(&self) -> bool {
        self.now >= self.calm_at
    }

    pub(super) fn plan_step(&self, id: &StepId) -> &Step {
        &self.course.plan[self.course.index[id]]
    }

    pub(super) fn step(&mut self, item: Item) {
        let Some(item) = self.postpone(item) else {
            return;
        };
        if let Some(plan) = self.plan_of(&item) {
            self.turn_to(plan);
        }
        match item {
            Item::Launch { .. } => self.launch(),
            Item::Tick { runner } => {
                if self.runners[runner].tick == Some(self.now) {
                    self.runners[runner].tick = None;
                    self.deliver(runner, None, Event::Tick);
                }
            }
            Item::ToRunner {
                runner,
                link,
                event,
            } => self.deliver(runner, link, event),
            Item::ToHost {
                runner,
                link,
                host,
                action,
            } => self.arrive(runner, link, &host, action),
            Item::Script { script, stage } => self.script(script, stage),
            Item::AttachPoll {
                runner,
                link,
                host,
                step,
                attempt,
            } => self.attach(runner, link, &host, step, attempt),
            Item::Local {
                runner,
                step,
                attempt,
                ok,
                ended,
            } => self.local(runner, step, attempt, ok, ended),
            Item::StrangerGoesOn { host, more } => self.stranger_goes_on(&host, more),
            Item::StrangerEnds { host, name } => self.stranger_ends(&host, &name),
            Item::HostBack { host } => {
                self.note(format!("{host} is back"));
                let silence = self.rng.range(0, 8_000);
                let silent_until = self.now + silence;
                if let Some(sim) = self.hosts.get_mut(&host) {
                    sim.up = true;
                    sim.silent_until = silent_until;
                }
            }
            Item::Sibling => self.sibling(),
            Item::MakePlan => self.make_plan(),
            Item::Chaos => self.chaos(),
        }
    }

    /// The plan whose run or batch an item is of.
    fn plan_of(&self, item: &Item) -> Option<PlanIndex> {
        match item {
            Item::Launch { plan } => Some(*plan),
            Item::Tick { runner }
            | Item::ToRunner { runner, .. }
            | Item::ToHost { runner, .. }
            | Item::AttachPoll { runner, .. }
            | Item::Local { runner, .. } => Some(self.runners[*runner].plan),
            Item::Script { script, .. } => Some(self.runners[script.runner].plan),
            Item::StrangerGoesOn { .. }
            | Item::StrangerEnds { .. }
            | Item::HostBack { .. }
            | Item::Sibling
            | Item::MakePlan
            | Item::Chaos => None,
        }
    }

    pub(super) fn launch(&mut self) {
        if self.course.finished {
            return;
        }
        self.runs += 1;
        let run = RunId::from(format!("{:032x}", self.runners.len() + 1));
        let options = Options {
            parallel: self.rng.range(1, 12) as usize,
            per_host_channels: self.rng.range(1, 8) as usize,
            keep_going: self.rng.chance(300) || self.liar.is_some(),
            max_failures: (self.liar.is_none() && self.rng.chance(200)).then_some(2),
            lock_wait_seconds: if self.rng.chance(300) { 90 } else { 0 },
            ..Options::new(run.clone())
        };
        let mut seen = self.course.plan.clone();
        if self.mutant == Mutant::NeedsIgnored {
            for step in &mut Arc::make_mut(&mut seen).steps {
                step.needs.truncate(1);
            }
        }
        let state = match State::new(seen, options) {
            Ok(state) => state,
            Err(error) => return self.fail(format!("no graph: {error}")),
        };
        let runner = self.runners.next_idx();
        self.note(format!("runner {runner} begins"));
        self.runners.push(Runner::new(run, self.at, state));
        self.deliver(runner, None, Event::Begin);
    }

    /// Hands an event to a runner, and carries out what it wants.
    pub(super) fn deliver(
        &mut self,
        runner: RunnerIndex,
        link: Option<(HostName, u64)>,
        event: Event,
    ) {
        let now = self.now;
        let at = &mut self.runners[runner];
        if at.dead || at.exited.is_some() {
            return;
        }
        if at.frozen_until > now {
            let until = at.frozen_until;
            at.tick = None;
            let again = match event {
                Event::Tick => {
                    at.tick = Some(until);
                    Item::Tick { runner }
                }
                event => Item::ToRunner {
                    runner,
                    link,
                    event,
                },
            };
            return self.later(until, again);
        }
        if let Some((host, id)) = &link {
            match at.links.get(host) {
                Some(current) if current.id == *id && current.known != Known::Closed => {}
                _ => return,
            }
        }
        if let Event::LocalEnded { step, attempt, .. } = &event {
            self.note_local_end(runner, &(step.clone(), *attempt));
        }
        let event = self.learn(runner, event);
        self.note_confirmation(runner, &event);
        let clock = self.clock(runner);
        self.note(format!("-> {runner} {}", short(&event)));
        let is_of_step = matches!(&event, Event::PollAttempt(host, step, _)
            if self.plan_step(step).host.as_ref() == Some(host));
        let undisturbed = is_of_step.then(|| {
            self.runners[runner]
                .state
                .clone()
                .handle(Millis(clock), Event::Tick)
        });
        let mut actions = self.runners[runner].state.handle(Millis(clock), event);
        if let Some(undisturbed) = undisturbed {
            let polled =
                |action: &Action| matches!(action, Action::Report(Progress::PollAttempt { .. }));
            actions.retain(|action| !polled(action));
            if actions != undisturbed {
                return self.fail("a poll's attempt changes what a run decides");
            }
        }
        let mut actions = actions.into_iter();
        while let Some(action) = actions.next() {
            if self.violation.is_some() || self.runners[runner].exited.is_some() {
                break;
            }
            match action {
                Action::Journal(_) if self.runners[runner].journal_is_full => {
                    actions = self.refuse_entry(runner, actions.collect()).into_iter();
                }
                action => self.carry_out(runner, action),
            }
        }
        let deadline = self.runners[runner]
            .state
            .deadline()
            .map(|at| now + at.since(Millis(clock)));
        if let Some(deadline) = deadline.filter(|at| self.runners[runner].tick != Some(*at)) {
            self.runners[runner].tick = Some(deadline);
            self.later(deadline, Item::Tick { runner });
        }
        self.check_quiescence(runner);
    }

    /// Notes what an event tells about a link. One that breaks before it was opened could not be opened.
    pub(super) fn learn(&mut self, runner: RunnerIndex, event: Event) -> Event {
        let at = &mut self.runners[runner];
        let (host, known) = match &event {
            Event::ChannelLost(host, _) | Event::Unreachable(host, _) => (host, Known::Closed),
            Event::Reconnected(host) => (host, Known::Open),
            Event::HostFailed(host, _) => {
                at.failed.insert(host.clone());
                (host, Known::Closed)
            }
            Event::Quit => {
                at.has_quit = true;
                return event;
            }
            _ => return event,
        };
        let before = at
            .links
            .get_mut(host)
            .map(|link| std::mem::replace(&mut link.known, known));
        match event {
            Event::ChannelLost(host, message) if before == Some(Known::Connecting) => {
                Event::Unreachable(host, message)
            }
            event => event,
        }
    }

    pub(super) fn carry_out(&mut self, runner: RunnerIndex, action: Action) {
        match &action {
            Action::Report(progress) => return self.check_report(progress),
            Action::Journal(entry) => return self.check_entry(runner, entry),
            Action::Audit(hosts) => return self.write_audit(runner, hosts),
            Action::Exit(outcome) => return self.exit(runner, outcome.clone()),
            Action::Drop(host) => return self.drop_link(runner, host),
            _ => {}
        }
        self.note(format!("<- {runner} {}", short_action(&action)));
        let changes = matches!(
            action,
            Action::Start { .. }
                | Action::StartLocal { .. }
                | Action::Record { .. }
                | Action::Finish { .. }
        );
        if matches!(action, Action::TakeLock | Action::Beat) {
            self.runners[runner].lock.asked = self.now;
        }
        self.check_confirmation(runner, &action);
        self.check_journaled(runner, &action);
        let holder = self.hosts[&self.course.plan.lock_host].lock.as_ref();
        if changes
            && !self.lies_about_the_lock()
            && holder.is_none_or(|lock| lock.run != self.runners[runner].run)
        {
            return self.fail(format!(
                "runner {runner} changes something without the lock"
            ));
        }
        let host = match action {
            Action::StartLocal(step, attempt) => {
                return self.start_local(runner, step, attempt);
            }
            Action::CheckLocal(step) => return self.check_local(runner, step),
            Action::StopLocal(step) => {
                self.runners[runner].stopped.insert(step);
                return;
            }
            Action::TakeLock | Action::Beat | Action::Release | Action::Leave(_) => {
                self.course.plan.lock_host.clone()
            }
            Action::Others(ref host, _)
            | Action::Inspect(ref host)
            | Action::Fence { ref host, .. }
            | Action::Start(ref host, _)
            | Action::Attach(ref host, _, _)
            | Action::List(ref host)
            | Action::Halt(ref host)
            | Action::Record { ref host, .. }
            | Action::Finish(ref host)
            | Action::Reconnect(ref host) => host.clone(),
            Action::Report(_)
            | Action::Journal(_)
            | Action::Audit(_)
            | Action::ReadSecrets(_)
            | Action::Exit(_)
            | Action::Drop(_) => return,
        };
        self.send(runner, host, action);
    }
}

pub(super) fn is_old(kind: StepKind) -> bool {
    matches!(kind, StepKind::Drain | StepKind::Stop)
}
