//! What was pushed is what this run pushed, or what the registry answers: see [`crate::plan::pushed`].

use super::event::Action;
use super::model::{REGISTRY_PAUSES_SECONDS, State, Timer};
use super::progress::{SkipReason, StepStatus};
use super::step::StepState;
use crate::plan::pushed::PushVerdict;
use crate::plan::resume::Answer;
use crate::plan::shape::StepIndex;
use crate::record::Ending;

impl State {
    /// Settles a push by the registry's answer, or asks again after a pause.
    pub(super) fn judge_push(&mut self, step: StepIndex, answer: Answer, value: Option<String>) {
        match self.verdict(step, answer, value.as_deref()) {
            PushVerdict::Pushed => self.succeed_here(step, value, StepStatus::AlreadyDone),
            PushVerdict::Push => self.wait_again(step),
            PushVerdict::Conflict(why) => self.fail_push(step, why),
            PushVerdict::NoAnswer => {
                let run = &mut self.steps[step];
                let pause = REGISTRY_PAUSES_SECONDS.get(run.unanswered);
                run.unanswered += 1;
                match pause {
                    Some(pause) => {
                        let at = self.now.plus_seconds(*pause);
                        self.set_timer(at, Timer::CheckAgain { step });
                    }
                    None => {
                        let why = "the registry does not tell whether it has the image: resume when it answers";
                        self.fail_push(step, why.to_owned());
                    }
                }
            }
        }
    }

    pub(super) fn check_again(&mut self, step: StepIndex) {
        if self.steps[step].state != StepState::ChecksHere {
            return;
        }
        match self.stop {
            Some(_) => self.skip(step, SkipReason::Stopping),
            None => {
                let id = self.id(step);
                self.act(Action::CheckLocal(id));
            }
        }
    }

    /// Fails a push that the answer before the first step forbids.
    pub(super) fn refuse_push(&mut self, step: StepIndex) {
        let id = self.id(step);
        let answer = self.evidence.local.get(&id).copied();
        let value = self.evidence.values.get(&id).cloned();
        let answer = answer.unwrap_or(Answer::CannotSay);
        if let PushVerdict::Conflict(why) = self.verdict(step, answer, value.as_deref()) {
            self.fail_push(step, why);
        }
    }

    fn verdict(&self, step: StepIndex, answer: Answer, digest: Option<&str>) -> PushVerdict {
        let claims = self.push_claims.get(&step).cloned().unwrap_or_default();
        claims.judge(self.plan[step].check.as_ref(), answer, digest)
    }

    fn fail_push(&mut self, step: StepIndex, why: String) {
        let ending = Ending::Failed { code: 1 };
        self.fail_with(step, StepStatus::Failed { ending }, why);
    }
}
