//! The end of a run in words: what happened, what changed, what serves now, and what to run next.

use std::collections::BTreeSet;

use super::page::Page;
use super::serving::WayBack;
use super::tally::{self, Tally, is_done};
use super::tint::Tone;
use super::view::View;
use super::{earlier, failure, locked, other_step, serving, standing, table, words};
use crate::apply::state::{GoneReason, Outcome, StepStatus, StepSummary, Summary};
use crate::name::{HostName, StepId};
use crate::plan::Step;
use crate::record::TAKE_OVER_SECONDS;
use crate::text::{count, duration, list_up_to, one_line};

/// Returns what is printed after the last event.
pub(super) fn closing(view: &View, tally: &Tally, summary: &Summary, outcome: &Outcome) -> String {
    let mut page = Page::new(view.styling);
    let walked = summary
        .steps
        .iter()
        .any(|step| step.status != StepStatus::Open || step.attempt > 0);
    if walked && !matches!(outcome, Outcome::AlreadyApplied(_)) {
        page.blank();
        page.raw(&table::render(view, summary));
        failure::sections(&mut page, view, tally, summary);
    }
    page.blank();
    let ending = Ending {
        view,
        tally,
        summary,
        has_walked: walked,
    };
    ending.outcome(&mut page, outcome);
    page.into_text()
}

/// What is known at the end.
struct Ending<'a> {
    view: &'a View,
    tally: &'a Tally,
    summary: &'a Summary,
    /// Whether the run came to its steps.
    has_walked: bool,
}

impl Ending<'_> {
    fn outcome(&self, page: &mut Page, outcome: &Outcome) {
        match outcome {
            Outcome::Done => self.done(page),
            Outcome::AlreadyApplied(later) => {
                earlier::applied(page, self.view, later.as_ref());
            }
            Outcome::Failed(steps) => self.failed(page, steps),
            Outcome::Stale { .. } => earlier::stale(page, self.view, outcome),
            Outcome::StepsRunning(steps) => {
                other_step::running(page, steps);
                self.resume(page, "wait until they have ended, then apply again:");
            }
            Outcome::Superseded(host, plan) => {
                earlier::superseded(page, self.view, (host, plan.as_ref()));
            }
            Outcome::LockHeld { details, beat_age } => {
                locked::by_run(page, self.view, details, *beat_age)
            }
            Outcome::LeftOpen {
                details,
                beat_age,
                open,
            } => other_step::left_open(page, self.view, (details, *beat_age), open),
            Outcome::LockForeign(text) => locked::by_other(page, self.view, text),
            Outcome::LockQueued(ahead) => locked::queued(page, self.view, *ahead),
            Outcome::InDoubt(steps) => self.in_doubt(page, steps),
            Outcome::SecretsUnread(why) => standing::unread(page, why, &self.view.resume),
            Outcome::Unreachable(hosts) => self.unreachable(page, hosts),
            Outcome::HostFailed(hosts) => self.host_failed(page, hosts),
            Outcome::Interrupted(in_doubt) => self.interrupted(page, in_doubt),
            Outcome::StopRequested(request, in_doubt) => {
                page.heading(Tone::Unsure, "stopped", &words::stop_request(request));
                self.interrupted(page, in_doubt);
            }
            Outcome::JournalFailed(message) => self.journal_failed(page, message),
            Outcome::LockLost => {
                let text = "another run holds the deploy lock now; this run stopped";
                self.taken_over(page, "taken over", text);
            }
            Outcome::LockReleased(person) => {
                let person = one_line(person);
                let text = format!("{person} released the deploy lock; this run stopped");
                self.taken_over(page, "lock released", &text);
            }
        }
    }

    fn journal_failed(&self, page: &mut Page, message: &str) {
        let steps = match self.has_walked {
            true => "no further steps were started",
            false => "no step was started",
        };
        let text = format!("cannot write the journal: {}; {steps}", one_line(message));
        page.heading(Tone::Bad, "stopped", &text);
        self.serving(page);
        self.resume(page, "free disk space or make .mrsk writable, then resume:");
    }

    fn taken_over(&self, page: &mut Page, label: &str, text: &str) {
        page.heading(Tone::Bad, label, text);
        page.field("changed", &self.changed());
        self.serving(page);
        page.next("see what other runs did:");
        page.command(&words::mrsk(&self.view.plan, &["audit"]));
        page.line("when they have ended, resume, unless another plan was applied:");
        page.command(&self.view.resume.command(&[]));
    }

    fn done(&self, page: &mut Page) {
        let lines = &self.summary.hosts;
        let ran: usize = lines.iter().map(|line| line.ran).sum();
        let already: usize = lines.iter().map(|line| line.already_done).sum();
        let steps = self.view.plan.steps.iter();
        let hosts: BTreeSet<_> = steps.filter_map(|step| step.host.as_ref()).collect();
        let begun = self.summary.steps.iter().filter_map(|step| step.started);
        let ended = self.summary.steps.iter().filter_map(|step| step.ended);
        let took = match (begun.min(), ended.max()) {
            (Some(begun), Some(ended)) => format!(" in {}", duration(ended.since(begun))),
            _ => String::new(),
        };
        let already = match already {
            0 => String::new(),
            already => format!(" ({ran} ran, {already} already done)"),
        };
        let extent = extent(self.summary.steps.len(), hosts.len());
        let text = format!("{extent}{took}{already}");
        page.heading(Tone::Good, "done", &text);
        standing::told(page, &self.view.plan);
        let lines = self.summary.steps.iter();
        let doubtful = lines.filter(|line| line.status == StepStatus::InDoubt);
        let doubtful: Vec<StepId> = doubtful.map(|line| line.step.clone()).collect();
        if doubtful.is_empty() {
            return;
        }
        // Their failure would be tolerated: the plan is finished either way.
        let text = format!(
            "cannot tell whether {} took effect",
            self.names(3, &doubtful)
        );
        page.heading(Tone::Unsure, "in doubt", &text);
        page.next("nothing needs to be done; to enter what you found out in the audit log:");
        for id in &doubtful {
            page.command(&self.view.resume.resolve(id, "--done"));
        }
    }

    fn failed(&self, page: &mut Page, steps: &[StepId]) {
        self.gone_hosts(page);
        let text = match steps {
            [] if self.all_done() => {
                "every step is done, but completion is not recorded on every host".to_owned()
            }
            [] => "not every step could be started".to_owned(),
            steps => format!("{}; {}", self.names(4, steps), self.left()),
        };
        page.heading(Tone::Bad, "failed", &text);
        self.serving(page);
        self.resume(
            page,
            "fix the cause, then resume; finished steps are not repeated:",
        );
        let is_lost = |line: &StepSummary| line.status == StepStatus::Lost;
        if !self.summary.steps.iter().any(is_lost) {
            page.line("or deploy a corrected version with a new plan");
        }
    }

    fn in_doubt(&self, page: &mut Page, steps: &[StepId]) {
        self.gone_hosts(page);
        let text = format!(
            "cannot tell whether {} took effect; {}",
            self.names(3, steps),
            self.left()
        );
        page.heading(Tone::Unsure, "in doubt", &text);
        self.serving(page);
        let step = |id: &&StepId| self.view.step(id);
        let has_check = |id: &&StepId| step(id).is_some_and(|step| step.check.is_some());
        let (checked, others): (Vec<&StepId>, Vec<&StepId>) = steps.iter().partition(has_check);
        if !others.is_empty() {
            page.next("inspect the host as shown above, and say whether each step took effect:");
            self.resolve(page, &others);
            page.line("then apply again:");
            return page.command(&self.view.resume.command(&[]));
        }
        let next = "inspect the host as shown above, then apply again; each check runs again:";
        self.resume(page, next);
        let is_resolvable = |id: &&StepId| step(id).is_some_and(Step::is_resolvable);
        let resolvable: Vec<&StepId> = checked.into_iter().filter(is_resolvable).collect();
        if resolvable.is_empty() {
            return page
                .line("if a check still cannot tell, complete or undo the step by hand first");
        }
        page.line("if a check still cannot tell, say whether the step took effect first:");
        self.resolve(page, &resolvable);
    }

    /// Adds the commands by which a person says that `steps` took effect, or are to run again.
    fn resolve(&self, page: &mut Page, steps: &[&StepId]) {
        for id in steps {
            for finding in ["--done", "--again"] {
                page.command(&self.view.resume.resolve(id, finding));
            }
        }
    }

    fn unreachable(&self, page: &mut Page, hosts: &[(HostName, String)]) {
        let text = format!(
            "cannot reach {}; {}",
            count(hosts.len(), "host"),
            self.effect()
        );
        page.heading(Tone::Bad, "unreachable", &text);
        self.hosts(page, hosts);
        self.resume(page, "test the connection with ssh, then apply again:");
        self.without(page, hosts);
    }

    fn host_failed(&self, page: &mut Page, hosts: &[(HostName, String)]) {
        let text = format!(
            "cannot use {}; {}",
            count(hosts.len(), "host"),
            self.effect()
        );
        page.heading(Tone::Bad, "failed", &text);
        self.hosts(page, hosts);
        self.resume(page, "fix the cause on the host, then apply again:");
        self.without(page, hosts);
    }

    /// Returns what a run did that started no step.
    fn effect(&self) -> &'static str {
        match self.tally.has_touched {
            true => "no step was started",
            false => "nothing was changed",
        }
    }

    /// Adds why these hosts cannot be used.
    fn hosts(&self, page: &mut Page, hosts: &[(HostName, String)]) {
        for (host, message) in hosts {
            let lock_host = match *host == self.view.plan.lock_host {
                true => "(lock host) ",
                false => "",
            };
            let message = format!("{lock_host}{}", one_line(message));
            page.field(&one_line(host.as_str()), &message);
        }
    }

    /// Adds how to go on without these hosts.
    fn without(&self, page: &mut Page, hosts: &[(HostName, String)]) {
        let is_gone = |name: &HostName| hosts.iter().any(|(host, _)| host == name);
        let plan = &self.view.plan;
        let Some(other) = plan.hosts.keys().find(|host| !is_gone(host)) else {
            return;
        };
        let options = &self.view.resume.options;
        let keeps_going = options.contains(&"--keep-going".to_owned());
        if is_gone(&plan.lock_host) {
            page.line("or, only if the lock host is dead, go on without it, with the lock on the next host:");
            // The host that is dead is still part of the plan.
            let keep_going = (!keeps_going).then_some("--keep-going");
            let lock_host = ["--lock-host", other.as_str()];
            let options: Vec<&str> = keep_going.into_iter().chain(lock_host).collect();
            page.command(&self.view.resume.with_other_lock_host(&options));
        } else if !keeps_going {
            page.line("or continue without such hosts, and resume for them later:");
            page.command(&self.view.resume.command(&["--keep-going"]));
        }
    }

    fn interrupted(&self, page: &mut Page, in_doubt: &[StepId]) {
        if !self.has_walked {
            let text = match self.tally.has_begun() {
                true => "no host was changed",
                false => "no step was started; nothing changed",
            };
            page.heading(Tone::Unsure, "interrupted", text);
            return self.resume(page, "apply again:");
        }
        self.gone_hosts(page);
        let is_running = |line: &StepSummary| tally::is_left_running(line);
        let has_quit = self.summary.steps.iter().any(is_running);
        let text = match has_quit {
            true => "quit at once; running steps may continue on their hosts".to_owned(),
            false => format!("waits ended, begun switches finished; {}", self.left()),
        };
        page.heading(Tone::Unsure, "interrupted", &text);
        if has_quit {
            self.running(page, in_doubt);
        }
        self.serving(page);
        let lock_host = &self.view.plan.lock_host;
        let gone = self.tally.gone.get(lock_host);
        let is_away = gone.is_some_and(|(reason, _)| *reason == GoneReason::Unreachable);
        let keeps_lock = self.tally.keeps_lock(lock_host) || is_away;
        if keeps_lock && !has_quit {
            locked::kept(page, self.view);
        }
        let wait: &[&str] = match has_quit || keeps_lock {
            true => &locked::WAIT_FOR_OWN,
            false => &[],
        };
        page.next(&match has_quit {
            true => format!(
                "resume once this run's lock has expired ({TAKE_OVER_SECONDS} s); running steps are waited for:"
            ),
            false => "resume; finished steps are not repeated:".to_owned(),
        });
        page.command(&self.view.resume.command(wait));
        self.way_back(page, wait);
    }

    /// Adds the steps that the run has left.
    fn running(&self, page: &mut Page, steps: &[StepId]) {
        for id in steps {
            if !self.tally.running.contains_key(id) {
                // It was sent along with one that runs.
                page.field("follows", &self.view.named(id));
                continue;
            }
            page.field("running", &self.view.named(id));
            let Some(step) = self.view.step(id) else {
                continue;
            };
            page.fields("done if", failure::check(step).into_iter());
            page.fields("look at", failure::inspect(self.view, step).into_iter());
        }
    }

    /// Adds how to get back what served before.
    fn way_back(&self, page: &mut Page, options: &[&str]) {
        let plan = &self.view.plan;
        match serving::way_back(self.view, self.summary) {
            WayBack::NotNeeded => {
                page.line("or leave it: no host has switched, so there is nothing to take back");
            }
            WayBack::Version(version) => {
                let shown = one_line(&version);
                page.line(&format!(
                    "or go back to {shown} with a new plan, if the registry still has its image:"
                ));
                page.command(&words::go_back(plan, &version, options));
            }
            WayBack::Earlier => {
                page.line("or go back: deploy what served before with a new plan");
            }
            WayBack::None => {}
        }
    }

    /// Adds the hosts that were given up.
    fn gone_hosts(&self, page: &mut Page) {
        for (host, (reason, message)) in &self.tally.gone {
            let label = match reason {
                GoneReason::Unreachable => "unreachable",
                GoneReason::Failed => "host failed",
            };
            let text = format!("{}: {}", one_line(host.as_str()), one_line(message));
            page.heading(Tone::Bad, label, &text);
        }
    }

    fn serving(&self, page: &mut Page) {
        if self.has_walked {
            let lines = serving::lines(self.view, self.tally, self.summary);
            page.fields("serving", lines.into_iter());
        }
    }

    /// Adds what to do next: at the end of it, to apply the plan again.
    fn resume(&self, page: &mut Page, next: &str) {
        let wait: &[&str] = match self.tally.keeps_lock(&self.view.plan.lock_host) {
            true => {
                locked::kept(page, self.view);
                &locked::WAIT_FOR_OWN
            }
            false => &[],
        };
        page.next(next);
        page.command(&self.view.resume.command(wait));
    }

    fn all_done(&self) -> bool {
        let steps = &self.summary.steps;
        steps.iter().all(|step| is_done(&step.status))
    }

    /// Returns how many steps are left.
    fn left(&self) -> String {
        let steps = &self.summary.steps;
        let is_left = |step: &&StepSummary| {
            matches!(step.status, StepStatus::Skipped { .. } | StepStatus::Open)
        };
        let left = steps.iter().filter(is_left).count();
        let stopped = |step: &&StepSummary| step.status == StepStatus::Stopped;
        match (left, steps.iter().filter(stopped).count()) {
            (0, 0) => "all other steps are done".into(),
            (left, 0) => format!("{} not started", count(left, "step")),
            (0, stopped) => format!("{} stopped", count(stopped, "step")),
            (left, stopped) => {
                format!("{} stopped, {left} not started", count(stopped, "step"))
            }
        }
    }

    /// Returns steps as a sentence names them.
    fn names(&self, limit: usize, steps: &[StepId]) -> String {
        let names: Vec<String> = steps.iter().map(|id| self.view.named(id)).collect();
        list_up_to(limit, &names)
    }

    fn changed(&self) -> String {
        let hosts = &self.summary.hosts;
        let done = hosts.iter().map(|line| line.ran).sum();
        let running: usize = hosts.iter().map(|line| line.in_doubt).sum();
        let text = format!("{} done by this run", count(done, "step"));
        match running {
            0 => text,
            _ => format!("{text}, {running} may still run"),
        }
    }
}

/// Returns `4 steps on 2 hosts`: where all are steps of this machine, `4 steps`.
fn extent(steps: usize, hosts: usize) -> String {
    let steps = count(steps, "step");
    match hosts {
        0 => steps,
        hosts => format!("{steps} on {}", count(hosts, "host")),
    }
}

#[cfg(test)]
mod tests {
    use super::extent;

    #[test]
    fn hosts_are_counted_if_there_are_any() {
        assert_eq!(extent(4, 2), "4 steps on 2 hosts");
        assert_eq!(extent(1, 1), "1 step on 1 host");
        assert_eq!(extent(3, 0), "3 steps");
    }
}
