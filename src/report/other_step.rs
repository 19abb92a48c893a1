//! Steps of other plans that are alive on hosts, in words.

use super::page::Page;
use super::tint::Tone;
use super::view::View;
use super::words;
use crate::apply::state::OtherStep;
use crate::plan::kinds::WhenSuperseded;
use crate::record::LockDetails;
use crate::text::{one_line, shorten};

/// Returns what becomes of a step of another plan.
pub(super) fn fate(step: &OtherStep, fate: WhenSuperseded) -> String {
    let verb = match fate {
        WhenSuperseded::End => "ending",
        WhenSuperseded::WaitFor => "waiting for",
    };
    format!("{verb} a running step of another plan: {}", named(step))
}

/// Returns a step of a dead run that has not ended.
pub(super) fn open(step: &OtherStep) -> String {
    format!("it was begun and has not ended: {}", named(step))
}

/// Returns a step of another plan with its plan, who applied it and since when it runs.
fn named(step: &OtherStep) -> String {
    let id = step.step.as_ref().map_or("", |id| id.as_str());
    let name = match (step.summary.as_str(), id) {
        ("", "") => "unknown",
        ("", id) => id,
        (summary, _) => summary,
    };
    let user = match step.user.as_str() {
        "" => "unknown",
        user => user,
    };
    let plan = shorten(step.plan.as_str().trim_start_matches("sha256:"));
    let (name, plan, user) = (one_line(name), one_line(&plan), one_line(user));
    let since = step.since.and_then(|seconds| i64::try_from(seconds).ok());
    let since = since.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    let since = since.map_or("unknown".to_owned(), |at| {
        at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
    });
    format!("{name} (plan {plan}, applied by {user}, since {since})")
}

/// Adds that a dead run holds the lock, and what of it has not ended.
pub(super) fn left_open(
    page: &mut Page,
    view: &View,
    (details, beat_age): (&LockDetails, u64),
    steps: &[OtherStep],
) {
    let text = "a dead run holds the deploy lock, and its release command or hook has not ended; this run changed nothing";
    page.heading(Tone::Bad, "locked", text);
    page.field("holder", &words::holder(details));
    page.fields("open", steps.iter().map(named));
    page.line(&format!("last heartbeat {beat_age} s ago"));
    page.next("see what it did, and put in order what it has left half done:");
    page.command(&words::mrsk(&view.plan, &["audit"]));
    page.line("then take the lock over:");
    page.command(&view.resume.command(&["--take-over"]));
}

/// Adds the steps that did not end in time.
pub(super) fn running(page: &mut Page, steps: &[OtherStep]) {
    let text = "steps of another plan are still running; this run started no step";
    page.heading(Tone::Bad, "blocked", text);
    for step in steps {
        page.field(&one_line(step.host.as_str()), &named(step));
    }
}
