//! Steps of another plan that are alive on hosts: its runner is gone, and its batches go on by themselves.

use mrsk::name::{HostName, StepId};
use mrsk::plan::StepKind;
use mrsk::plan::kinds::WhenSuperseded;
use mrsk::record::Ending;
use mrsk::record::living::{About, AttemptName, LivingAttempt, Stage, Told};

use super::world::{Item, Mutant, World};

/// An attempt at a step of another plan.
#[derive(Debug, Clone)]
pub struct Stranger {
    pub living: LivingAttempt,
    /// The kind of its step; `None` if it does not say.
    pub kind: Option<StepKind>,
    /// How many steps its batch has behind it.
    pub more: u32,
}

impl Stranger {
    /// Whether a run of this plan may end it.
    fn may_be_ended(&self) -> bool {
        let ends = |kind: StepKind| kind.when_superseded() == WhenSuperseded::End;
        self.living.stage == Stage::Acts && self.kind.is_some_and(ends)
    }
}

impl World {
    /// Lets batches of another plan be under way on some hosts.
    pub(super) fn add_strangers(&mut self) {
        if !self.rng.chance(300) {
            return;
        }
        let names: Vec<HostName> = self.hosts.keys().cloned().collect();
        for host in names {
            if self.rng.chance(500) {
                let more = self.rng.range(0, 3) as u32;
                self.add_stranger(&host, more);
            }
        }
    }

    fn add_stranger(&mut self, host: &HostName, more: u32) {
        let kinds = [
            Some(StepKind::Drain),
            Some(StepKind::Healthcheck),
            Some(StepKind::Pull),
            Some(StepKind::Route),
            Some(StepKind::Stop),
            Some(StepKind::Traefik),
            None,
        ];
        let pick = self.rng.range(0, kinds.len() as u64 - 1) as usize;
        let kind = kinds[pick];
        let stage = match self.rng.chance(200) {
            true => Stage::Undoes,
            false => Stage::Acts,
        };
        let id = StepId::from(format!("{host}/stranger/{}", self.next_stranger));
        self.next_stranger += 1;
        let told = kind.map(|kind| Told {
            about: About {
                kind: kind.name(),
                step: id.to_string(),
                summary: String::new(),
                user: "Bob".into(),
            },
            started: self.now / 1000,
            deadline: None,
        });
        let name = AttemptName {
            digits: "77aa".into(),
            step: id.hash(),
            number: 1,
        };
        let stranger = Stranger {
            living: LivingAttempt {
                name: name.clone(),
                stage,
                told,
            },
            kind,
            more,
        };
        let long = match self.rng.chance(100) {
            true => self.rng.range(200_000, 500_000),
            false => self.rng.range(100, 30_000),
        };
        self.note(format!(
            "{host} has a {kind:?} of another plan for {long} ms"
        ));
        if let Some(sim) = self.hosts.get_mut(host) {
            sim.strangers.push(stranger);
        }
        let host = host.clone();
        self.after(long, Item::StrangerEnds { host, name });
    }

    /// It comes to its end by itself, and its batch goes on.
    pub(super) fn stranger_ends(&mut self, host: &HostName, name: &AttemptName) {
        let Some(sim) = self.hosts.get_mut(host) else {
            return;
        };
        let at = sim
            .strangers
            .iter()
            .position(|one| one.living.name == *name);
        let Some(stranger) = at.map(|at| sim.strangers.remove(at)) else {
            return;
        };
        if stranger.more > 0 && stranger.living.stage == Stage::Acts {
            let delay = self.rng.range(1, 1_500);
            let (host, more) = (host.clone(), stranger.more - 1);
            self.after(delay, Item::StrangerGoesOn { host, more });
        }
    }

    /// Its batch claims the next step, unless a fence of this plan refuses that.
    pub(super) fn stranger_goes_on(&mut self, host: &HostName, more: u32) {
        let sim = &self.hosts[host];
        if sim.up && sim.fence.is_none() {
            self.add_stranger(host, more);
        }
    }

    /// What a host lists: what lives there of other plans than the one that acts.
    pub(super) fn living(&self, host: &HostName) -> Vec<LivingAttempt> {
        if self.mutant == Mutant::OthersHidden {
            return Vec::new();
        }
        let sim = &self.hosts[host];
        let strangers = sim.strangers.iter();
        let mut living: Vec<_> = strangers.map(|stranger| stranger.living.clone()).collect();
        for (plan, kept) in &sim.kept {
            let Some(course) = self.parked[*plan].as_ref() else {
                continue;
            };
            let records = kept.records.iter().filter(|(_, record)| record.alive);
            living.extend(records.map(|((step, number), record)| LivingAttempt {
                name: AttemptName {
                    digits: course.plan.digest.digits().unwrap_or_default().to_owned(),
                    step: step.hash(),
                    number: *number,
                },
                stage: if record.undoing {
                    Stage::Undoes
                } else {
                    Stage::Acts
                },
                told: Some(Told {
                    about: About {
                        kind: course.plan[course.index[step]].kind.name(),
                        step: step.to_string(),
                        summary: String::new(),
                        user: "Bob".into(),
                    },
                    started: 0,
                    deadline: None,
                }),
            }));
        }
        living
    }

    /// Whether a command of another plan than the one that acts runs on a host.
    pub(super) fn is_beside_another(&self, host: &HostName) -> bool {
        let sim = &self.hosts[host];
        let mut kept = sim.kept.iter().filter(|(plan, _)| **plan != self.at);
        let runs = kept.any(|(_, kept)| {
            let mut records = kept.records.values();
            records.any(|record| record.alive && record.commanding)
        });
        runs || !sim.strangers.is_empty()
    }

    /// A run of the plan that acts ends an attempt of another plan. Not one that undoes a failure.
    fn end_other(&mut self, host: &HostName, name: &AttemptName) {
        let digest = name.plan();
        let kept = self.hosts[host].kept.iter();
        let found = kept
            .filter(|(_, kept)| kept.digest == digest)
            .find_map(|(plan, kept)| {
                let mut keys = kept.records.iter();
                let is_it =
                    |step: &StepId, number: u32| step.hash() == name.step && number == name.number;
                let found =
                    keys.find(|((step, number), record)| record.alive && is_it(step, *number))?;
                Some((*plan, found.0.clone(), found.1.undoing))
            });
        let Some((plan, key, false)) = found else {
            return;
        };
        let (acting, now) = (self.at, self.now);
        self.turn_to(plan);
        if self.plan_step(&key.0).kind.when_superseded() != WhenSuperseded::End {
            let text = format!("{key:?} is ended, not waited for");
            self.turn_to(acting);
            return self.fail(text);
        }
        self.note(format!("{host} ends {key:?} of plan {plan}"));
        self.end_attempt(host, &key);
        self.course.truth.fail(self.course.index[&key.0]);
        let run = self.hosts[host].fence.clone();
        if let (Some(run), Some(sim)) = (run, self.hosts.get_mut(host)) {
            let receipt = sim.receipt(&run, Ending::Superseded, now);
            if let Some(record) = sim.of_mut(plan).records.get_mut(&key) {
                record.receipt = Some(receipt);
            }
        }
        // Who listens to its batch hears that the script is gone.
        for runner in self.runners.indices() {
            if self.runners[runner].plan == plan {
                self.lose_link(runner, host);
            }
        }
        self.turn_to(acting);
    }

    /// A run ends what it listed before.
    pub(super) fn end_strangers(&mut self, host: &HostName, end: &[AttemptName]) {
        for name in end {
            let sim = self.hosts.get_mut(host);
            let strangers = sim.map(|sim| &mut sim.strangers);
            let Some(strangers) = strangers else { return };
            let Some(at) = strangers.iter().position(|one| one.living.name == *name) else {
                self.end_other(host, name);
                continue;
            };
            if !strangers[at].may_be_ended() {
                let text = format!("{:?} is ended, not waited for", strangers[at]);
                return self.fail(text);
            }
            strangers.remove(at);
            self.note(format!("{host} ends {}", name.step));
        }
    }
}
