//! A simulated host: facts, fence, claims and receipts, the lock. It does exactly what the protocol says, and keeps by itself what
//! is true, so that nothing a run believes can hide a breach.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use mrsk::facts::model::{HostFacts, SerialFacts};
use mrsk::name::{PlanDigest, RunId, StepId};
use mrsk::record::{
    Attempt, AttemptState, Ending, Listing, LockAnswer, LockDetails, Receipt, Seen, Serial,
    StopRequest, TAKE_OVER_SECONDS, Unfinished,
};

use super::courses::PlanIndex;
use super::strangers::Stranger;
use super::world::Mutant;

/// Milliseconds after the last beat from which a lock may be taken over.
pub const DEAD_LOCK: u64 = TAKE_OVER_SECONDS * 1000;

/// What a host keeps of an attempt.
#[derive(Debug, Clone, Default)]
pub struct Record {
    pub alive: bool,
    pub commanding: bool,
    /// Whether it has failed, and undoes that.
    pub undoing: bool,
    /// Whether its script is dead; what it has started may live.
    pub is_orphan: bool,
    pub receipt: Option<Receipt>,
    /// When it was claimed.
    pub claimed: u64,
    /// Whether it is the end of a local step that its check judges: such a one supersedes no plan.
    pub by_check: bool,
}

impl Record {
    /// Whether a plan that has it has begun.
    fn counts(&self) -> bool {
        let receipt = self.receipt.as_ref();
        !self.by_check && receipt.is_none_or(|receipt| receipt.ending != Ending::Refused)
    }
}

/// What a host keeps of a plan.
#[derive(Debug, Clone)]
pub struct Kept {
    pub digest: PlanDigest,
    pub records: BTreeMap<(StepId, u32), Record>,
    pub values: BTreeMap<StepId, Option<String>>,
    /// Whether it has started anew since the plan began here.
    pub restarted: bool,
    /// How many lines of the audit log tell of each attempt that has ended.
    pub audit: BTreeMap<(StepId, u32), u32>,
}

impl Kept {
    fn new(digest: &PlanDigest) -> Self {
        Self {
            digest: digest.clone(),
            records: BTreeMap::new(),
            values: BTreeMap::new(),
            restarted: false,
            audit: BTreeMap::new(),
        }
    }

    /// Whether a step of the plan may have begun here.
    pub fn has_begun(&self) -> bool {
        self.restarted || self.records.values().any(Record::counts)
    }

    /// How far the plan is here.
    pub fn how_far(&self) -> Unfinished {
        let counting = self.records.iter().filter(|(_, record)| record.counts());
        let mut checksum = DefaultHasher::new();
        let mut attempts = 0;
        for (key, record) in counting {
            let receipt = record.receipt.as_ref();
            let lives = receipt.is_none() && record.alive;
            let state = (key, record.claimed, lives);
            format!("{state:?} {receipt:?}").hash(&mut checksum);
            attempts += 1;
        }
        Unfinished {
            plan: self.digest.clone(),
            attempts,
            checksum: checksum.finish() % 67_108_859,
        }
    }

    /// What it shows of an attempt.
    pub fn show(&self, step: &StepId, attempt: u32, mutant: Mutant) -> AttemptState {
        match self.records.get(&(step.clone(), attempt)) {
            Some(record) if record.alive => AttemptState::Running,
            Some(Record {
                receipt: Some(receipt),
                ..
            }) if mutant != Mutant::ReceiptsIgnored => AttemptState::Ended(receipt.clone()),
            _ => AttemptState::Lost,
        }
    }

    fn list(&self, mutant: Mutant) -> Vec<Attempt> {
        self.records
            .iter()
            .filter(|(_, record)| mutant != Mutant::ReceiptsIgnored || record.receipt.is_none())
            .map(|((step, number), _)| Attempt {
                step: step.hash(),
                number: *number,
                state: self.show(step, *number, mutant),
            })
            .collect()
    }

    /// Whether an attempt at a step has a receipt that says that it succeeded.
    pub fn succeeded(&self, step: &StepId) -> bool {
        let mut records = self.records.iter().filter(|((id, _), _)| id == step);
        records.any(|(_, record)| {
            let receipt = record.receipt.as_ref();
            receipt.is_some_and(|receipt| receipt.ending == Ending::Succeeded)
        })
    }

    /// Takes down how a step in doubt ended, as a person says.
    pub fn resolve(&mut self, step: &StepId, receipt: &Receipt) {
        let records = self.records.iter_mut().filter(|((id, _), _)| id == step);
        for (_, record) in records.filter(|(_, record)| record.receipt.is_none()) {
            record.receipt = Some(receipt.clone());
        }
    }
}

#[derive(Debug, Clone)]
pub struct Lock {
    pub run: RunId,
    pub generation: u32,
    pub beat: u64,
    /// Who asks its run to stop, and why.
    pub stop: Option<StopRequest>,
}

#[derive(Debug, Clone)]
pub struct SimHost {
    pub facts: HostFacts,
    pub up: bool,
    pub boot: u64,
    pub silent_until: u64,
    /// Until when its disk is full.
    pub full_until: u64,
    pub fence: Option<RunId>,
    /// What the serial was before the plan that it names; `None` if that counts whether it has begun a step or not.
    pub earlier: Option<SerialFacts>,
    /// The plans whose runs have written a fence.
    pub entered: BTreeSet<PlanDigest>,
    /// When a run of the sibling was last here: the boot.
    pub sibling_boot: u64,
    /// Whether the sibling counts from its fence on.
    pub siblings_count: bool,
    /// Runs that it knows to stop.
    pub stopping: BTreeSet<RunId>,
    /// What it keeps of each plan.
    pub kept: BTreeMap<PlanIndex, Kept>,
    pub lock: Option<Lock>,
    /// Living attempts of a plan of which nothing else is here.
    pub strangers: Vec<Stranger>,
}

impl SimHost {
    pub fn new(facts: HostFacts) -> Self {
        Self {
            facts,
            up: true,
            boot: 0,
            silent_until: 0,
            full_until: 0,
            fence: None,
            earlier: None,
            entered: BTreeSet::new(),
            sibling_boot: 0,
            siblings_count: false,
            stopping: BTreeSet::new(),
            kept: BTreeMap::new(),
            lock: None,
            strangers: Vec::new(),
        }
    }

    /// Makes room for what it keeps of a plan.
    pub fn keep_of(&mut self, plan: PlanIndex, digest: &PlanDigest) {
        self.kept.insert(plan, Kept::new(digest));
    }

    /// What it keeps of a plan.
    pub fn of(&self, plan: PlanIndex) -> &Kept {
        &self.kept[&plan]
    }

    /// What it lists of a plan, with what it says of itself.
    pub fn listing(&self, plan: PlanIndex, mutant: Mutant) -> Listing {
        let kept = self.of(plan);
        Listing {
            attempts: kept.list(mutant),
            restarted: kept.restarted && mutant != Mutant::RestartHidden,
            boot: self.boot.to_string(),
        }
    }

    /// What it keeps of a plan.
    pub fn of_mut(&mut self, plan: PlanIndex) -> &mut Kept {
        self.kept.get_mut(&plan).expect("a plan of the world")
    }

    /// Whether the run that the fence names stops.
    pub fn is_stopping(&self) -> bool {
        let fence = self.fence.as_ref();
        fence.is_some_and(|run| self.stopping.contains(run))
    }

    /// Whether a plan has begun or ended here.
    pub fn counts(&self, kept: &Kept) -> bool {
        kept.has_begun() || self.facts.finished.contains(&kept.digest)
    }

    /// The serial as others see it: the last plan counts from its first claim on, or from its end on.
    pub fn serial(&self) -> SerialFacts {
        let last = self.facts.serial.plan.as_ref();
        let kept = self.kept.values().find(|kept| Some(&kept.digest) == last);
        let counts = match self.is_siblings() {
            true => self.sibling_counts() || self.siblings_count,
            false => kept.is_none_or(|kept| self.counts(kept)),
        };
        match &self.earlier {
            Some(earlier) if !counts => earlier.clone(),
            _ => self.facts.serial.clone(),
        }
    }

    /// What it keeps of the last plan that has begun here.
    fn last(&self) -> Option<&Kept> {
        let last = self.serial().plan?;
        self.kept.values().find(|kept| kept.digest == last)
    }

    /// Whether a fence of the plan enters it anew.
    fn is_new(&self, plan: &PlanDigest) -> bool {
        let is_last = |serial: &SerialFacts| serial.plan.as_ref() == Some(plan);
        !is_last(&self.facts.serial) && !is_last(&self.serial())
    }

    /// Returns the serial by which a plan that saw `seen` may not begin.
    pub fn refuses(&self, plan: &PlanDigest, seen: u64) -> Option<Serial> {
        let known = self.serial();
        let refuses = self.is_new(plan) && known.number != seen;
        refuses.then_some(Serial {
            number: known.number,
            plan: known.plan,
        })
    }

    /// Returns how far the last plan is by which another one that saw `seen` of it may not begin.
    pub fn went_on(&self, plan: &PlanDigest, seen: &Seen) -> Option<Unfinished> {
        let seen = seen.unfinished.as_ref().filter(|_| self.is_new(plan))?;
        let now = self.last()?.how_far();
        (now != *seen).then_some(now)
    }

    /// Makes a plan the last one.
    pub fn enter(&mut self, plan: &PlanDigest) {
        self.entered.insert(plan.clone());
        if self.facts.serial.plan.as_ref() == Some(plan) {
            return;
        }
        let known = self.serial();
        if known.plan.as_ref() == Some(plan) {
            self.facts.serial = known;
            self.earlier = None;
            return;
        }
        self.facts.serial = SerialFacts {
            number: known.number + 1,
            plan: Some(plan.clone()),
            ..SerialFacts::default()
        };
        self.earlier = Some(known);
    }

    pub fn is_silent(&self, now: u64) -> bool {
        now < self.silent_until && self.facts.docker.installed
    }

    /// The facts as a probe sees them now.
    pub fn look(&self, now: u64) -> HostFacts {
        let mut facts = self.facts.clone();
        facts.serial = self.serial();
        let last = self.last();
        let last = last.filter(|last| !facts.finished.contains(&last.digest));
        facts.serial.unfinished = last.map(Kept::how_far);
        let unfinished = self.entered.difference(&self.facts.finished);
        facts.unfinished.extend(unfinished.cloned());
        if self.is_silent(now) {
            facts.docker.answers = false;
            facts.containers.clear();
            facts.images.clear();
            facts.networks.clear();
            facts.traefik = None;
        }
        facts
    }

    pub fn take_lock(&mut self, run: &RunId, now: u64) -> LockAnswer {
        let details = |lock: &Lock| LockDetails {
            locked_by: "simulation".into(),
            at: String::new(),
            version: "2".into(),
            message: String::new(),
            run: Some(lock.run.clone()),
            generation: lock.generation,
            ..LockDetails::default()
        };
        let taken_from = match &self.lock {
            None => None,
            Some(lock) if lock.run == *run => {
                return LockAnswer::Acquired {
                    generation: lock.generation,
                    taken_from: None,
                    open: Vec::new(),
                };
            }
            Some(lock) if now.saturating_sub(lock.beat) >= DEAD_LOCK => Some(details(lock)),
            Some(lock) => {
                return LockAnswer::Held {
                    details: details(lock),
                    beat_age: (now - lock.beat) / 1000,
                };
            }
        };
        let generation = taken_from.as_ref().map_or(1, |from| from.generation + 1);
        self.lock = Some(Lock {
            run: run.clone(),
            generation,
            beat: now,
            stop: None,
        });
        LockAnswer::Acquired {
            generation,
            taken_from,
            open: Vec::new(),
        }
    }

    pub fn beat(&mut self, run: &RunId, now: u64) -> bool {
        match &mut self.lock {
            Some(lock) if lock.run == *run => {
                lock.beat = now;
                true
            }
            _ => false,
        }
    }

    /// Returns the note that the lock holds for its run.
    pub fn note(&self, run: &RunId) -> Option<StopRequest> {
        let lock = self.lock.as_ref().filter(|lock| lock.run == *run);
        lock.and_then(|lock| lock.stop.clone())
    }

    pub fn release(&mut self, run: &RunId) {
        if self.lock.as_ref().is_some_and(|lock| lock.run == *run) {
            self.lock = None;
        }
    }

    pub fn receipt(&self, run: &RunId, ending: Ending, now: u64) -> Receipt {
        Receipt {
            ending,
            run: run.clone(),
            started: now / 1000,
            ended: now / 1000,
            value: None,
        }
    }
}
