//! What is said of a plan that is not applied: another one began since, or its hosts have changed.

use super::page::Page;
use super::predicate::{fact, plain};
use super::tint::Tone;
use super::view::{Planner, View};
use super::words;
use crate::apply::state::{LaterPlan, Outcome};
use crate::name::{HostName, PlanDigest};
use crate::plan::OperationKind;
use crate::record::Unfinished;
use crate::text::{count, one_line, shorten, utc};

/// Says that the plan was applied before, and which one began `later`.
pub(super) fn applied(page: &mut Page, view: &View, later: Option<&LaterPlan>) {
    let Some(later) = later else {
        let text = "this plan was applied before; nothing changed";
        return page.heading(Tone::Good, "already applied", text);
    };
    let what = match later.operation.as_str() {
        "undo" => "it was undone".to_owned(),
        "" => "another plan was started".to_owned(),
        other => format!("`{}` was started", one_line(other)),
    };
    let text = format!("this plan was applied before, and {what} since; nothing changed");
    page.heading(Tone::Unsure, "already applied", &text);
    page.field("then", &format!("plan {}", one_line(later.plan.as_str())));
    if !later.by.is_empty() {
        let (by, at) = (one_line(&later.by), utc(later.at));
        page.field("by", &format!("{by}, {at}"));
    }
    page.next("see what it did:");
    page.command(&words::mrsk(&view.plan, &["audit"]));
    replan(page, view);
}

/// Says that a host has changed since the plan was made, which is the [`Outcome::Stale`].
pub(super) fn stale(page: &mut Page, view: &View, outcome: &Outcome) {
    let Outcome::Stale {
        host,
        fact: pointer,
        then,
        now,
    } = outcome
    else {
        return;
    };
    let host = one_line(host.as_str());
    // A command that makes its own plan makes another one.
    let is_planned_again = view.resume.planner == Planner::Command;
    let (tone, heading) = match is_planned_again {
        true => (Tone::Unsure, "planning again"),
        false => (Tone::Bad, "stale"),
    };
    let since = |plan: &str| match is_planned_again {
        true => "since it was looked at; nothing was changed".to_owned(),
        false => format!("since {plan} was made; this run changed nothing"),
    };
    let next = if pointer == Unfinished::FACT {
        let [then, now] = [then, now].map(|json| serde_json::from_str::<Unfinished>(json).ok());
        let other = then.as_ref().or(now.as_ref());
        let other = other.map_or("another plan".to_owned(), |other| {
            let digits = other.plan.as_str().trim_start_matches("sha256:");
            format!("plan {}", shorten(&one_line(digits)))
        });
        let since = since("this plan");
        let text = format!("{other} made progress on {host} {since}");
        page.heading(tone, heading, &text);
        page.field("planned", &progress(then.as_ref()));
        page.field("now", &progress(now.as_ref()));
        "make a new plan:"
    } else {
        let text = format!("{host} has changed {}", since("the plan"));
        page.heading(tone, heading, &text);
        page.field("fact", &fact(pointer));
        page.field("planned", &plain(then));
        page.field("now", &plain(now));
        "find out who changed it, then make a new plan:"
    };
    if !is_planned_again {
        page.next(next);
        command(page, view);
    }
}

/// Says how far another plan is.
fn progress(unfinished: Option<&Unfinished>) -> String {
    unfinished.map_or("finished".to_owned(), |unfinished| {
        let attempts = usize::try_from(unfinished.attempts).unwrap_or(usize::MAX);
        let attempts = count(attempts, "attempt");
        format!("{attempts} at its steps, checksum {}", unfinished.checksum)
    })
}

/// Says that another plan began since this one was made.
pub(super) fn superseded(
    page: &mut Page,
    view: &View,
    (host, plan): (&HostName, Option<&PlanDigest>),
) {
    let other = plan.map_or("another plan".to_owned(), |plan| {
        format!("plan {}", one_line(plan.as_str()))
    });
    let text = "another plan was started since this one was made; this run changed nothing";
    page.heading(Tone::Bad, "superseded", text);
    page.field("host", &one_line(host.as_str()));
    page.field("by", &other);
    page.next("see what it did:");
    page.command(&words::mrsk(&view.plan, &["audit"]));
    replan(page, view);
}

/// Adds how the same is planned again.
fn replan(page: &mut Page, view: &View) {
    page.line(match &view.plan.operation.kind {
        OperationKind::Undo(_) => "to go back all the same, make a new plan:",
        kind if kind.deploys() => "to deploy this version all the same, make a new plan:",
        _ => "to do it all the same, make a new plan:",
    });
    command(page, view);
}

fn command(page: &mut Page, view: &View) {
    page.command(&format!("{} > plan.json", words::replan(&view.plan)));
}
