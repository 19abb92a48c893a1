//! What is answered with 503 in place of the app, before and after a run.

use super::page::Page;
use super::tint::Tone;
use super::view::Resume;
use crate::name::HostName;
use crate::plan::{Plan, Unchanged, still};
use crate::text::{list_up_to, one_line};

/// Hosts that are named.
const SHOWN: usize = 3;

/// Says that a command did not print a secret.
pub(super) fn unread(page: &mut Page, why: &str, resume: &Resume) {
    let text = format!(
        "cannot read secrets: {}; nothing was changed",
        one_line(why)
    );
    page.heading(Tone::Bad, "failed", &text);
    page.next("correct the cause, then apply again:");
    page.command(&resume.command(&[]));
}

/// Says what is answered with 503, once for the hosts that have the same.
pub(super) fn told(page: &mut Page, plan: &Plan) {
    let mut told: Vec<(&Unchanged, Vec<&str>)> = Vec::new();
    for item in still::told(plan) {
        let host = item.host.as_ref().map_or("", HostName::as_str);
        let is_same =
            |known: &Unchanged| (&known.subject, &known.reason) == (&item.subject, &item.reason);
        match told.iter_mut().find(|(known, _)| is_same(known)) {
            Some((_, hosts)) => hosts.push(host),
            None => told.push((item, vec![host])),
        }
    }
    for (item, hosts) in told {
        let hosts = list_up_to(SHOWN, &hosts);
        let text = format!("{} ({} on {hosts})", item.reason, item.subject);
        page.heading(Tone::Unsure, "still", &one_line(&text));
    }
}
