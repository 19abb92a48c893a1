//! The steps of the machine that applies the plan, and their checks.

use mrsk::apply::state::Event;
use mrsk::name::{RunId, StepId};
use mrsk::plan::resume::Answer;
use mrsk::plan::{Check, StepKind};
use mrsk::record::Ending;

use super::world::{Item, PRINTED_SECRET, RunnerIndex, World};

impl World {
    pub(super) fn start_local(&mut self, runner: RunnerIndex, step: StepId, attempt: u32) {
        let kind = self.plan_step(&step).kind;
        let at = &self.runners[runner];
        if kind == StepKind::Push && !(at.logged_in && at.built) {
            return self.fail("a push from a machine that has not built or is not logged in");
        }
        if kind == StepKind::Push && self.is_recorded() {
            return self.fail("a push though one was recorded");
        }
        if kind == StepKind::Broadcast && !self.course.told.insert(step.clone()) {
            return self.fail("a broadcast that was begun before");
        }
        if kind == StepKind::PostHook && !self.course.told.insert(step.clone()) {
            return self.fail("a hook that may have taken effect is begun again");
        }
        if kind == StepKind::PreHook
            && self.hosts[&self.course.plan.lock_host]
                .of(self.at)
                .succeeded(&step)
        {
            return self.fail("a hook that has succeeded is begun again");
        }
        let ok = self.is_calm() || !self.rng.chance(self.failure_rate);
        let delay = self.rng.range(100, 30_000);
        self.after(
            delay,
            Item::Local {
                runner,
                step,
                attempt,
                ok,
                ended: false,
            },
        );
    }

    /// A local step takes effect, and a moment later its runner hears of its end. It may outlive its runner.
    pub(super) fn local(
        &mut self,
        runner: RunnerIndex,
        step: StepId,
        attempt: u32,
        ok: bool,
        ended: bool,
    ) {
        let host = self.course.plan.lock_host.clone();
        self.under_way = ("runs here", self.plan_step(&step).kind.name());
        self.hazard(runner, &host);
        if self.runners[runner].dead && self.rng.chance(500) {
            return;
        }
        let kind = self.plan_step(&step).kind;
        let is_stopped = self.runners[runner].stopped.contains(&step);
        if is_stopped && matches!(kind, StepKind::Broadcast | StepKind::PostHook) {
            return self.fail("what may not be repeated is ended half-way");
        }
        let ok = ok && !is_stopped;
        if ended {
            let ending = match (is_stopped, ok) {
                (true, _) => Ending::Stopped,
                (false, true) => Ending::Succeeded,
                (false, false) => Ending::Failed { code: 1 },
            };
            let event = Event::LocalEnded {
                step,
                attempt,
                ending,
                value: (kind == StepKind::Push).then(|| "sha256:pushed".to_owned()),
                diagnosis: PRINTED_SECRET.to_owned(),
            };
            return self.after(
                1,
                Item::ToRunner {
                    runner,
                    link: None,
                    event,
                },
            );
        }
        match kind {
            _ if !ok => {}
            StepKind::RegistryLogin => self.runners[runner].logged_in = true,
            StepKind::Build => self.runners[runner].built = true,
            StepKind::Push => self.course.pushed = true,
            StepKind::PostHook => {
                self.course.hooked.insert(step.clone());
            }
            _ => {}
        }
        let delay = self.rng.range(1, 2_000);
        self.after(
            delay,
            Item::Local {
                runner,
                step,
                attempt,
                ok,
                ended: true,
            },
        );
    }

    /// A person looks at what a hook has done, and says so.
    pub(super) fn resolve_hooks(&mut self, steps: &[StepId]) {
        let hooks = |step: &&StepId| self.plan_step(step).kind == StepKind::PostHook;
        let hooks: Vec<StepId> = steps.iter().filter(hooks).cloned().collect();
        for step in hooks {
            let ending = match self.course.hooked.contains(&step) {
                true => Ending::Succeeded,
                false => Ending::Failed { code: 0 },
            };
            if ending != Ending::Succeeded {
                self.course.told.remove(&step);
            }
            self.resolved += 1;
            let (host, now) = (self.course.plan.lock_host.clone(), self.now);
            let sim = self.hosts.get_mut(&host).expect("the lock host");
            let receipt = sim.receipt(&RunId::from("person"), ending, now);
            sim.of_mut(self.at).resolve(&step, &receipt);
        }
    }

    /// The registry tells whether it has the image only to those who are logged in, and not always.
    pub(super) fn check_local(&mut self, runner: RunnerIndex, step: StepId) {
        let check = &self.plan_step(&step).check;
        if !matches!(check, Some(Check::Argv(_) | Check::Registry(_))) {
            return self.fail(format!("{step} has no local check"));
        }
        let yes = |yes: bool| if yes { Answer::Yes } else { Answer::No };
        let at = &self.runners[runner];
        let mut answer = match self.plan_step(&step).kind {
            StepKind::RegistryLogin => yes(at.logged_in),
            StepKind::Build => yes(at.built),
            _ if at.logged_in => yes(self.course.pushed),
            _ => Answer::CannotSay,
        };
        if !self.is_calm() && self.rng.chance(30) {
            answer = Answer::CannotSay;
        }
        if answer == Answer::CannotSay {
            self.course.excused.insert(step.clone());
        }
        let value = (answer == Answer::Yes).then(|| "sha256:pushed".to_owned());
        let delay = self.rng.range(10, 2_000);
        self.after(
            delay,
            Item::ToRunner {
                runner,
                link: None,
                event: Event::LocalChecked {
                    step,
                    answer,
                    value,
                },
            },
        );
    }
}
