//! A host that answers at random to everything that it is asked, and what must hold all the same.

use std::collections::BTreeSet;

use mrsk::apply::state::{Action, Event, Outcome, Progress, StepStatus};
use mrsk::name::{HostName, PlanDigest, RunId, StepId};
use mrsk::plan::StepKind;
use mrsk::record::living::{AttemptName, LivingAttempt, Stage};
use mrsk::record::{
    Attempt, AttemptState, Ending, Listing, LockAnswer, LockDetails, PollAttempt, Receipt, Serial,
};

use super::world::{RunnerIndex, World};

impl World {
    /// Whether the lock is held is what the lock host says.
    pub(super) fn lies_about_the_lock(&self) -> bool {
        self.liar.as_ref() == Some(&self.course.plan.lock_host)
    }

    pub fn outcome(&self) -> String {
        let exited = self.runners.first().and_then(|at| at.exited.as_ref());
        let text = format!("{exited:?}");
        let text = text.trim_start_matches("Some(");
        text.chars().take_while(|c| c.is_alphabetic()).collect()
    }

    /// Answers a request at random: of the kind that the transport would read there, or as one whose answer it could not read.
    pub(super) fn lie(&mut self, runner: RunnerIndex, link: u64, host: &HostName, action: Action) {
        self.lies += 1;
        if !matches!(action, Action::Reconnect(_) | Action::TakeLock) && self.rng.chance(60) {
            return self.lose_link(runner, host);
        }
        if self.rng.chance(20) {
            let message = "unexpected answer: x".to_owned();
            return self.answer(runner, host, link, Event::HostFailed(host.clone(), message));
        }
        let name = host.clone();
        let event = match action {
            Action::TakeLock => self.lie_about_the_lock(runner),
            Action::Beat => Event::Beaten {
                held: self.rng.chance(950),
            },
            Action::Release => Event::Released,
            Action::Reconnect(_) => Event::Reconnected(name),
            Action::Inspect(_) => {
                let mut facts = self.hosts[host].look(self.now);
                if self.rng.chance(300) {
                    facts.finished.insert(self.course.plan.digest.clone());
                }
                if self.rng.chance(300) {
                    facts.serial.number = self.rng.range(0, 2);
                    facts.serial.plan = Some(self.lie_about_a_plan());
                }
                if self.rng.chance(200) {
                    facts.containers.clear();
                }
                Event::Inspected(name, Box::new(facts), self.lie_about_a_list(host))
            }
            Action::Fence { .. } if self.rng.chance(50) => Event::FenceRefused(
                name,
                Serial {
                    number: self.rng.range(0, 9),
                    plan: Some(self.lie_about_a_plan()),
                },
            ),
            Action::Others(..) => Event::Others(name, self.lie_about_others()),
            Action::Fence { .. } => {
                let living = self.lie_about_others();
                Event::Fenced(name, self.lie_about_a_list(host), living)
            }
            Action::List(_) => Event::Listed(name, self.lie_about_a_list(host)),
            Action::Attach(_, step, attempt) => {
                let state = match self.rng.chance(300) {
                    true => AttemptState::Running,
                    false => self.lie_about_an_attempt(),
                };
                Event::Attached(name, step, attempt, state)
            }
            Action::Record { .. } | Action::Finish(_) | Action::Halt(_) if self.rng.chance(100) => {
                Event::Refused(name)
            }
            Action::Record {
                step,
                attempt,
                ending,
                ..
            } => Event::Recorded(step, attempt, ending),
            Action::Finish(_) => Event::Finished(name),
            Action::Halt(_) => Event::Halted(name),
            Action::Start(_, steps) => {
                let own: Vec<(StepId, u32)> = steps
                    .iter()
                    .map(|start| (start.step.clone(), start.attempt))
                    .collect();
                return self.lie_about_steps(runner, link, host, &own);
            }
            other => return self.fail(format!("an unexpected request: {other:?}")),
        };
        self.answer(runner, host, link, event);
    }

    /// Events of steps: some as they should be, some of steps of others, then the end of the channel.
    fn lie_about_steps(
        &mut self,
        runner: RunnerIndex,
        link: u64,
        host: &HostName,
        own: &[(StepId, u32)],
    ) {
        let honest = self.rng.chance(400);
        for (step, attempt) in own {
            for _ in 0..self.rng.range(0, 12) {
                self.lies += 1;
                let event = self.lie_about_a_step(runner, host, (step, *attempt));
                self.answer(runner, host, link, event);
            }
            if honest {
                self.lies += 1;
                let ended = self.ended(runner, host, (step.clone(), *attempt), Ending::Succeeded);
                self.answer(runner, host, link, ended);
            }
        }
        if !honest || self.rng.chance(200) {
            self.lose_link(runner, host);
        }
    }

    fn ended(
        &self,
        runner: RunnerIndex,
        host: &HostName,
        (step, attempt): (StepId, u32),
        ending: Ending,
    ) -> Event {
        let receipt = Receipt {
            ending,
            run: self.runners[runner].run.clone(),
            started: 0,
            ended: 0,
            value: None,
        };
        Event::Ended {
            host: host.clone(),
            step,
            attempt,
            receipt,
            diagnosis: String::new(),
        }
    }

    fn lie_about_a_step(
        &mut self,
        runner: RunnerIndex,
        host: &HostName,
        (step, attempt): (&StepId, u32),
    ) -> Event {
        let pick = self.rng.range(0, self.course.plan.steps.len() as u64 - 1) as usize;
        let step = match self.rng.chance(30) {
            true => self.course.plan.steps[pick].id.clone(),
            false => step.clone(),
        };
        let attempt = match self.rng.chance(200) {
            true => self.rng.range(0, 3) as u32,
            false => attempt,
        };
        let host = host.clone();
        match self.rng.range(0, 5) {
            0 => Event::Claimed(host, step, attempt),
            1 => Event::AlreadyClaimed(host, step, attempt),
            2 | 3 => {
                let poll = PollAttempt {
                    attempt: 1,
                    of: 0,
                    status: "x".to_owned(),
                };
                Event::PollAttempt(host, step, poll)
            }
            _ => {
                let ending = self.lie_about_an_ending();
                self.ended(runner, &host, (step, attempt), ending)
            }
        }
    }

    fn lie_about_an_ending(&mut self) -> Ending {
        match self.rng.range(0, 9) {
            0 => Ending::Refused,
            1 => Ending::TimedOut,
            2 | 3 => Ending::Failed { code: 1 },
            4 => Ending::Stopped,
            _ => Ending::Succeeded,
        }
    }

    fn lie_about_an_attempt(&mut self) -> AttemptState {
        match self.rng.range(0, 4) {
            0 => AttemptState::Running,
            1 => AttemptState::Lost,
            _ => {
                let ending = self.lie_about_an_ending();
                let run = match self.rng.chance(500) {
                    true => RunId::from("1"),
                    false => RunId::from("another"),
                };
                AttemptState::Ended(Receipt {
                    ending,
                    run,
                    started: 0,
                    ended: 0,
                    value: Some("sha256:forged".to_owned()),
                })
            }
        }
    }

    /// Attempts at its own steps and at local ones, and now and then at those of others.
    fn lie_about_a_list(&mut self, host: &HostName) -> Listing {
        Listing {
            attempts: self.lie_about_attempts(host),
            restarted: self.rng.chance(200),
            boot: self.rng.range(0, 3).to_string(),
        }
    }

    fn lie_about_attempts(&mut self, host: &HostName) -> Vec<Attempt> {
        if self.rng.chance(500) {
            return Vec::new();
        }
        let others = self.rng.chance(80);
        let plan = self.course.plan.clone();
        let mut attempts = Vec::new();
        for step in &plan.steps {
            let is_own = step.host.as_ref().is_none_or(|owner| owner == host);
            if (is_own || others) && self.rng.chance(400) {
                attempts.push(Attempt {
                    step: step.id.hash(),
                    number: self.rng.range(0, 3) as u32,
                    state: self.lie_about_an_attempt(),
                });
            }
        }
        attempts
    }

    /// Now and then a step of another plan, or of this one.
    fn lie_about_others(&mut self) -> Vec<LivingAttempt> {
        if !self.rng.chance(100) {
            return Vec::new();
        }
        let digits = match self.rng.chance(200) {
            true => self
                .course
                .plan
                .digest
                .as_str()
                .trim_start_matches("sha256:"),
            false => "77aa",
        };
        let name = AttemptName {
            digits: digits.to_owned(),
            step: "0123".to_owned(),
            number: 1,
        };
        vec![LivingAttempt {
            name,
            stage: Stage::Undoes,
            told: None,
        }]
    }

    fn lie_about_a_plan(&mut self) -> PlanDigest {
        match self.rng.chance(700) {
            true => self.course.plan.digest.clone(),
            false => PlanDigest::from("sha256:another"),
        }
    }

    fn lie_about_the_lock(&mut self, runner: RunnerIndex) -> Event {
        let details = LockDetails {
            run: Some(self.runners[runner].run.clone()),
            ..LockDetails::default()
        };
        Event::Lock(match self.rng.range(0, 30) {
            0 => LockAnswer::Held {
                details,
                beat_age: 1,
            },
            1 => LockAnswer::Foreign {
                text: "x".to_owned(),
            },
            2 => LockAnswer::Queued { ahead: 1 },
            3 => LockAnswer::Acquired {
                generation: 7,
                taken_from: Some(details),
                open: Vec::new(),
            },
            _ => LockAnswer::Acquired {
                generation: 1,
                taken_from: None,
                open: Vec::new(),
            },
        })
    }

    /// A step of an honest host, or a push, is never reported as done that is not.
    pub(super) fn check_report(&mut self, progress: &Progress) {
        let (
            Progress::StepEnded {
                step,
                status,
                diagnosis,
                ..
            },
            Some(liar),
        ) = (progress, self.liar.clone())
        else {
            return;
        };
        let entry = self.plan_step(step).clone();
        if entry.kind == StepKind::Push && matches!(status, StepStatus::Failed { .. }) {
            self.course.push_failures.push(diagnosis.clone());
        }
        let is_done = matches!(status, StepStatus::Succeeded | StepStatus::AlreadyDone);
        let is_true = match &entry.host {
            Some(host) if *host == liar => true,
            Some(_) => {
                entry.kind == StepKind::InstallDocker
                    || self.course.truth.has_taken_effect(self.course.index[step])
            }
            None => entry.kind != StepKind::Push || self.course.pushed,
        };
        if is_done && !is_true {
            self.fail(format!("{step} is reported as {status:?}, and is not done"));
        }
    }

    /// Unless the host that lies is the lock host, or stopped the whole run by name, whatever does not depend on it is done.
    pub(super) fn judge_the_honest(&mut self, runner: RunnerIndex, outcome: &Outcome) {
        let Some(liar) = self.liar.clone() else {
            return;
        };
        let names = |text: &str| text.contains(liar.as_str());
        let stopped = match outcome {
            Outcome::Stale { host, .. } | Outcome::Superseded(host, _) if *host != liar => {
                return self.fail(format!("unfounded outcome {outcome:?}"));
            }
            Outcome::Stale { .. } | Outcome::Superseded(..) => true,
            Outcome::AlreadyApplied(_) => {
                return self.fail("already applied, says one host of several");
            }
            _ => self.course.push_failures.iter().any(|why| names(why)),
        };
        if stopped || liar == self.course.plan.lock_host {
            return;
        }
        let mut dependent: BTreeSet<&StepId> = BTreeSet::new();
        let plan = self.course.plan.clone();
        // Steps stand after what they need, or the loop comes round again.
        loop {
            let before = dependent.len();
            for step in &plan.steps {
                let on_liar = step.host.as_ref() == Some(&liar);
                if on_liar || step.needs.iter().any(|need| dependent.contains(&need.step)) {
                    dependent.insert(&step.id);
                }
            }
            if dependent.len() == before {
                break;
            }
        }
        let left = plan.steps.iter().find(|step| {
            step.host.is_some()
                && !dependent.contains(&step.id)
                && !self
                    .course
                    .truth
                    .has_taken_effect(self.course.index[&step.id])
        });
        if let Some(step) = left {
            let text = format!("{} is not done: {outcome:?} of runner {runner}", step.id);
            self.fail(text);
        }
    }
}
