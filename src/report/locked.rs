//! The deploy lock at the end of a run: who else holds it, or how long this run's stays.

use super::page::Page;
use super::tint::Tone;
use super::view::View;
use super::words;
use crate::record::{LockDetails, TAKE_OVER_SECONDS};
use crate::text::one_line;

/// Options that wait for a lock that this run has left to expire.
pub(super) const WAIT_FOR_OWN: [&str; 2] = ["--lock-wait", "90"];
const _: () = assert!(TAKE_OVER_SECONDS < 90);

/// Adds who holds the lock.
pub(super) fn by_run(page: &mut Page, view: &View, details: &LockDetails, beat_age: u64) {
    let text = "another run holds the deploy lock; this run changed nothing";
    page.heading(Tone::Bad, "locked", text);
    page.field("holder", &words::holder(details));
    page.line(&format!(
        "last heartbeat {beat_age} s ago; a lock silent for {TAKE_OVER_SECONDS} s is taken over"
    ));
    wait(page, view);
}

/// Adds what stands in the lock of somebody who is no run of mrsk.
pub(super) fn by_other(page: &mut Page, view: &View, text: &str) {
    let problem = "someone other than mrsk holds the deploy lock; this run changed nothing";
    page.heading(Tone::Bad, "locked", problem);
    let lines = text.lines().map(one_line).filter(|line| !line.is_empty());
    page.fields("holder", lines);
    wait(page, view);
    page.line("only if its holder is dead, force-release the lock:");
    page.command(&words::mrsk(&view.plan, &["lock", "release"]));
}

/// Adds that other runs have waited for the lock for longer.
pub(super) fn queued(page: &mut Page, view: &View, ahead: u32) {
    page.heading(Tone::Bad, "locked", &behind_others(ahead));
    page.line("this run changed nothing");
    wait(page, view);
}

/// Returns that so many runs get the lock first.
pub fn behind_others(ahead: u32) -> String {
    match ahead {
        1 => "another run has waited for the deploy lock for longer".to_owned(),
        ahead => format!("{ahead} other runs have waited for the deploy lock for longer"),
    }
}

/// Adds how long the lock stays, which could not be released.
pub(super) fn kept(page: &mut Page, view: &View) {
    let host = one_line(view.plan.lock_host.as_str());
    let text = format!(
        "not released on {host}: it expires {TAKE_OVER_SECONDS} s after the last heartbeat"
    );
    page.field("lock", &text);
}

fn wait(page: &mut Page, view: &View) {
    page.next("ask the holder, or wait for the lock:");
    page.command(&view.resume.command(&["--lock-wait", "600"]));
}
