//! `mrsk app maintenance` and `mrsk app live`.

use super::file::found;
use super::step::{begin, end};
use crate::plan::Maintenance;
use crate::plan::compile::{Draft, HostView};
use crate::text;
use crate::traefik::{Intercept, Purpose};

/// Answers the requests to the selected roles with 503.
pub fn maintenance(draft: &mut Draft, maintenance: &Maintenance) {
    for host in draft.hosts.clone() {
        for slot in draft.slots.clone() {
            if slot.host != host.name() {
                continue;
            }
            let intercept = Intercept {
                since: draft.facts.taken_at,
                by: maintenance.by.clone(),
                message: maintenance.message.clone(),
                retry_after: maintenance.retry_after,
                page: maintenance.page.clone(),
                allow: maintenance.allow.clone(),
                except: maintenance.except.clone(),
                only: None,
            };
            let role = &slot.role.name;
            let but = exceptions(maintenance);
            let summary = format!("Answer requests to {role} with 503{but}");
            begin(
                draft,
                &host,
                (slot.role, Purpose::Maintenance),
                intercept,
                summary,
            );
        }
    }
}

fn exceptions(maintenance: &Maintenance) -> String {
    let clients = maintenance.allow.iter();
    let clients = clients.map(|client| format!("those from {client}"));
    let paths = maintenance.except.iter();
    let but: Vec<String> = paths.cloned().chain(clients).collect();
    match but.is_empty() {
        true => String::new(),
        false => format!(", except {}", text::list(&but)),
    }
}

/// Sends the requests of the selected roles to the app again, also of those that left the configuration.
pub fn live(draft: &mut Draft) {
    for host in draft.hosts.clone() {
        let mut ended = 0;
        for found in found(draft, &host) {
            if found.whose.purpose == Purpose::Maintenance
                && is_selected(draft, &host, &found.whose.role)
            {
                let role = text::one_line(&found.whose.role);
                let summary = format!("End the maintenance of {role}: the app gets its requests");
                end(draft, &host, &found, summary);
                ended += 1;
            }
        }
        if ended == 0 {
            draft.unchanged(Some(host.name()), "maintenance", "is not on");
        }
    }
}

/// Returns whether the operation is about `role` on `host`: all roles are meant, or it is selected.
fn is_selected(draft: &Draft, host: &HostView, role: &str) -> bool {
    let mut slots = draft.slots.iter();
    draft.operation.roles.is_empty()
        || slots.any(|slot| slot.host == host.name() && slot.role.name.as_str() == role)
}
