//! `mrsk host drain` and `mrsk host undrain`: a load balancer takes a host out of use whose health checks fail.

use super::file::found;
use super::step::{begin, end};
use crate::diagnostic::Diagnostic;
use crate::plan::compile::Draft;
use crate::text;
use crate::traefik::{Intercept, Purpose};

/// Answers the health checks of the roles on the selected hosts with 503; all other requests are served.
pub fn drain(draft: &mut Draft, by: &str) {
    for host in draft.hosts.clone() {
        for slot in draft.slots.clone() {
            if slot.host != host.name() {
                continue;
            }
            let role = slot.role;
            let path = &draft.config.healthcheck_of(role).path;
            let path = path.split('?').next().unwrap_or(path).to_owned();
            if path.contains(['`', '{']) {
                let message = format!(
                    "role {}: Traefik has no rule for the path `{path}`",
                    role.name
                );
                let help = "use a healthcheck.path without backticks and braces";
                draft.refuse(Diagnostic::error(message).help(help));
                continue;
            }
            let summary = format!(
                "Answer the health check {path} of {} with 503: a load balancer sends the host no more requests",
                role.name
            );
            let intercept = Intercept {
                since: draft.facts.taken_at,
                by: by.to_owned(),
                only: Some(path),
                ..Intercept::default()
            };
            begin(draft, &host, (role, Purpose::Drain), intercept, summary);
        }
    }
}

/// Lets the roles on the selected hosts answer their health checks themselves.
pub fn undrain(draft: &mut Draft) {
    for host in draft.hosts.clone() {
        let mut found = found(draft, &host);
        found.retain(|found| found.whose.purpose == Purpose::Drain);
        for found in &found {
            let role = text::one_line(&found.whose.role);
            let summary = format!(
                "Let {role} answer its health check: a load balancer sends the host requests again"
            );
            end(draft, &host, found, summary);
        }
        if found.is_empty() {
            draft.unchanged(Some(host.name()), "host", "is not drained");
        }
    }
}
