//! The end of a run in words: what happened, what was changed, what serves now, and what to type next.

use super::tally::Tally;
use super::{Tone, View, failure, serving, table, tint, words};
use crate::apply::state::{Outcome, StepStatus, Summary};
use crate::name::{HostName, PlanDigest, StepId};

use crate::text::{Styling, command_line, count, duration, list_up_to, one_line};

/// Returns what is printed after the last event.
pub(super) fn closing(view: &View, tally: &Tally, summary: &Summary, outcome: &Outcome) -> String {
    let mut page = Page::new(view.styling);
    let walked = summary
        .steps
        .iter()
        .any(|step| step.status != StepStatus::Open || step.attempt > 0);
    if walked {
        page.blank();
        page.raw(&table::render(view, summary));
    }
    let ending = Ending {
        view,
        tally,
        summary,
        walked,
    };
    if walked {
        failure::sections(&mut page, view, tally, summary);
    }
    page.blank();
    ending.tell(&mut page, outcome);
    page.text
}

/// What is known at the end.
struct Ending<'a> {
    view: &'a View,
    tally: &'a Tally,
    summary: &'a Summary,
    /// Whether the run came to its steps.
    walked: bool,
}

impl Ending<'_> {
    fn tell(&self, page: &mut Page, outcome: &Outcome) {
        match outcome {
            Outcome::Done => self.done(page),
            Outcome::AlreadyApplied => page.heading(
                Tone::Good,
                "already applied",
                "this plan was applied to its end before; nothing was changed",
            ),
            Outcome::Failed { steps } => self.failed(page, steps),
            Outcome::Stale {
                host,
                fact,
                then,
                now,
            } => self.stale(page, host, [fact, then, now]),
            Outcome::Superseded { host, plan } => self.superseded(page, host, plan.as_ref()),
            Outcome::LockHeld { details, beat_age } => {
                page.heading(
                    Tone::Bad,
                    "locked",
                    "another run holds the deploy lock; nothing was changed",
                );
                page.field("holder", &words::holder(details));
                page.field(
                    "alive",
                    &format!("{beat_age} s ago by the clock of the lock host"),
                );
                self.wait_for_lock(page);
                page.line("a run that shows no life for 60 s is taken over by the next one");
            }
            Outcome::LockForeign { text } => self.foreign(page, text),
            Outcome::InDoubt { steps } => self.in_doubt(page, steps),
            Outcome::Unreachable { hosts } => self.unreachable(page, hosts),
            Outcome::Interrupted { in_doubt } => self.interrupted(page, in_doubt),
            Outcome::JournalFailed { message } => {
                let text = format!(
                    "the journal cannot be written, so {}: {}",
                    self.nothing_further(),
                    one_line(message)
                );
                page.heading(Tone::Bad, "stopped", &text);
                self.serving(page);
                page.next("make room, or make .mrsk writable, then resume:");
                self.resume(page);
            }
            Outcome::LockLost => {
                let text = "another run has taken the deploy lock or a host over, and this one left at once";
                page.heading(Tone::Bad, "taken over", text);
                page.field("changed", &self.changed());
                self.serving(page);
                page.next("what is there now belongs to the other run; see what it did:");
                page.command(&words::mrsk(&self.view.plan, &["audit"]));
                page.line("once it has ended, and if it applied no other plan, resume:");
                self.resume(page);
            }
        }
    }

    fn done(&self, page: &mut Page) {
        let lines = &self.summary.hosts;
        let ran: usize = lines.iter().map(|line| line.ran).sum();
        let already: usize = lines.iter().map(|line| line.already_done).sum();
        let hosts = lines.iter().filter(|line| line.host.is_some()).count();
        let begun = self.summary.steps.iter().filter_map(|step| step.started);
        let ended = self.summary.steps.iter().filter_map(|step| step.ended);
        let took = match (begun.min(), ended.max()) {
            (Some(begun), Some(ended)) => format!(" in {}", duration(ended.since(begun))),
            _ => String::new(),
        };
        let already = match already {
            0 => String::new(),
            already => format!(", {already} already done"),
        };
        let text = format!(
            "{} ran{already}, on {}{took}",
            count(ran, "step"),
            count(hosts, "host")
        );
        page.heading(Tone::Good, "done", &text);
    }

    fn failed(&self, page: &mut Page, steps: &[StepId]) {
        self.away(page);
        let text = match steps {
            [] if self.all_done() => {
                "every step is done, but not every host could be told that the plan is finished"
                    .to_owned()
            }
            [] => "not every step could be begun".to_owned(),
            steps => format!("{}; {}", list_up_to(4, steps), self.left()),
        };
        page.heading(Tone::Bad, "failed", &text);
        self.serving(page);
        page.next("remove the cause, then resume; what is done is not repeated:");
        self.resume(page);
        page.line("or deploy a corrected version, which is a plan of its own");
    }

    fn stale(&self, page: &mut Page, host: &HostName, [fact, then, now]: [&str; 3]) {
        let text = format!(
            "{} is not as the plan relies on; nothing was changed",
            one_line(host.as_str())
        );
        page.heading(Tone::Bad, "stale", &text);
        page.field("fact", &one_line(fact));
        page.field("then", &one_line(then));
        page.field("now", &one_line(now));
        page.next("find out who changed it, then plan again from what is so now:");
        self.replan(page);
    }

    fn superseded(&self, page: &mut Page, host: &HostName, plan: Option<&PlanDigest>) {
        let other = plan.map_or("another plan".to_owned(), |plan| {
            format!("plan {}", one_line(plan.as_str()))
        });
        let text = "another plan has begun since this one was made; nothing was changed";
        page.heading(Tone::Bad, "superseded", text);
        page.field("host", &one_line(host.as_str()));
        page.field("by", &other);
        page.next("see what it did:");
        page.command(&words::mrsk(&self.view.plan, &["audit"]));
        page.line("if this version is still wanted, plan again from what is so now:");
        self.replan(page);
    }

    fn foreign(&self, page: &mut Page, text: &str) {
        page.heading(
            Tone::Bad,
            "locked",
            "somebody who is not a run of mrsk holds the deploy lock; nothing was changed",
        );
        let lines = text.lines().map(one_line).filter(|line| !line.is_empty());
        page.fields("holder", lines);
        self.wait_for_lock(page);
        page.line("only if you are sure that the holder is gone, free it:");
        page.command(&words::mrsk(&self.view.plan, &["lock", "release"]));
    }

    fn wait_for_lock(&self, page: &mut Page) {
        page.next("ask the holder, or wait until it is free:");
        page.command(&command_line(&[
            "mrsk",
            "apply",
            "--lock-wait",
            "600",
            &self.view.plan_path,
        ]));
    }

    fn in_doubt(&self, page: &mut Page, steps: &[StepId]) {
        self.away(page);
        let text = format!(
            "nobody can say whether {} had {} effect; {}",
            list_up_to(3, steps),
            if steps.len() == 1 { "its" } else { "their" },
            if self.all_done() {
                "everything else is done".to_owned()
            } else {
                self.left()
            }
        );
        page.heading(Tone::Unsure, "in doubt", &text);
        self.serving(page);
        page.next("look at the host as shown above, then apply again: each check is asked anew:");
        self.resume(page);
        page.line(
            "if a check still cannot say, bring the host to where it can, one way or the other",
        );
    }

    fn unreachable(&self, page: &mut Page, hosts: &[(HostName, String)]) {
        let text = format!(
            "{} cannot be reached; no step was begun",
            count(hosts.len(), "host")
        );
        page.heading(Tone::Bad, "unreachable", &text);
        for (host, message) in hosts {
            page.field(&one_line(host.as_str()), &one_line(message));
        }
        page.next("try to reach it by ssh, then apply again:");
        self.resume(page);
        page.line("or go on without what cannot be reached, and resume for it later:");
        page.command(&command_line(&[
            "mrsk",
            "apply",
            "--keep-going",
            &self.view.plan_path,
        ]));
    }

    fn interrupted(&self, page: &mut Page, in_doubt: &[StepId]) {
        let text = match (self.walked, in_doubt.is_empty()) {
            (false, _) => "no step was begun, and nothing was changed",
            (true, true) => "what was running was finished, and nothing further was begun",
            (true, false) => "left at once; what was running may go on by itself on its host",
        };
        page.heading(Tone::Unsure, "interrupted", text);
        for id in in_doubt {
            page.field(
                "left",
                &format!("{} on {}", one_line(id.as_str()), self.view.host_of(id)),
            );
            let Some(step) = self.view.step(id) else {
                continue;
            };
            page.fields("check", failure::check(step).into_iter());
            page.fields("look", failure::look(self.view, step).into_iter());
        }
        self.serving(page);
        page.next(match in_doubt.is_empty() {
            true if !self.walked => "apply again:",
            true => "resume; what is done is not repeated:",
            false => "resume; it waits for what still runs, and repeats nothing that is done:",
        });
        self.resume(page);
    }

    /// Tells of the hosts that were given up.
    fn away(&self, page: &mut Page) {
        for (host, message) in &self.tally.gone {
            page.heading(
                Tone::Bad,
                "away",
                &format!("{}: {}", one_line(host.as_str()), one_line(message)),
            );
        }
    }

    fn serving(&self, page: &mut Page) {
        if !self.walked {
            return;
        }
        let lines = serving::lines(self.view, self.tally, self.summary);
        page.fields("serving", lines.into_iter());
    }

    fn resume(&self, page: &mut Page) {
        page.command(&command_line(&["mrsk", "apply", &self.view.plan_path]));
    }

    fn replan(&self, page: &mut Page) {
        page.command(&format!("{} > plan.json", words::replan(&self.view.plan)));
    }

    fn all_done(&self) -> bool {
        self.summary.steps.iter().all(|step| {
            matches!(
                step.status,
                StepStatus::Succeeded
                    | StepStatus::AlreadyDone
                    | StepStatus::Tolerated { .. }
                    | StepStatus::InDoubt
            )
        })
    }

    /// Returns what became of the other steps.
    fn left(&self) -> String {
        let steps = &self.summary.steps;
        let left = steps.iter().filter(|step| {
            let barrier = self
                .view
                .step(&step.step)
                .is_some_and(|step| step.kind.is_barrier());
            matches!(step.status, StepStatus::Skipped { .. } | StepStatus::Open) && !barrier
        });
        match left.count() {
            0 => "every other step is done".into(),
            1 => "1 step was not begun".into(),
            left => format!("{left} steps were not begun"),
        }
    }

    fn nothing_further(&self) -> &'static str {
        match self.walked {
            true => "nothing further was begun",
            false => "no step was begun",
        }
    }

    fn changed(&self) -> String {
        let begun = |status: &StepStatus, attempt: u32| {
            attempt > 0 && !matches!(status, StepStatus::Skipped { .. })
        };
        let begun = self
            .summary
            .steps
            .iter()
            .filter(|step| begun(&step.status, step.attempt))
            .count();
        match begun {
            0 => "nothing: no step was begun".into(),
            begun => format!("{} begun by this run", count(begun, "step")),
        }
    }
}

/// A page that grows line by line.
pub(super) struct Page {
    styling: Styling,
    text: String,
}

impl Page {
    fn new(styling: Styling) -> Self {
        Self {
            styling,
            text: String::new(),
        }
    }

    fn raw(&mut self, text: &str) {
        self.text += text;
    }

    pub(super) fn blank(&mut self) {
        self.text.push('\n');
    }

    pub(super) fn line(&mut self, text: &str) {
        self.text += "  ";
        self.text += text;
        self.text.push('\n');
    }

    pub(super) fn heading(&mut self, tone: Tone, label: &str, text: &str) {
        let label = tint(self.styling, tone, label);
        self.text += &format!("{label}: {text}\n");
    }

    pub(super) fn field(&mut self, name: &str, text: &str) {
        let name = tint(self.styling, Tone::Quiet, &format!("{name:<8}"));
        self.text += &format!("  {name} {text}\n");
    }

    /// Adds a field of several lines; the name stands at the first.
    pub(super) fn fields(&mut self, name: &str, lines: impl Iterator<Item = String>) {
        for (number, line) in lines.enumerate() {
            self.field(if number == 0 { name } else { "" }, &line);
        }
    }

    fn next(&mut self, text: &str) {
        self.blank();
        let label = tint(self.styling, Tone::Strong, "next");
        self.text += &format!("{label}: {text}\n");
    }

    fn command(&mut self, text: &str) {
        let text = tint(self.styling, Tone::Strong, text);
        self.text += &format!("    {text}\n");
    }
}
