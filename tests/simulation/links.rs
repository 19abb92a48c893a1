//! The links between runners and hosts: what is on its way, and over which link.

use mrsk::apply::state::{Action, Event};
use mrsk::name::HostName;

use super::world::{Item, Known, Link, RunnerIndex, World};

impl World {
    /// A host is given up: nothing that is under way on its link arrives any more.
    pub(super) fn drop_link(&mut self, runner: RunnerIndex, host: &HostName) {
        self.note(format!("<- {runner} Drop {host}"));
        if let Some(link) = self.runners[runner].links.get_mut(host) {
            link.alive = false;
            link.known = Known::Closed;
        }
    }

    /// Puts a request on its way. A link that the runner knows to be broken may only be opened again.
    pub(super) fn send(&mut self, runner: RunnerIndex, host: HostName, action: Action) {
        let opens = matches!(action, Action::Reconnect { .. });
        let next = self.next_link + 1;
        let links = &mut self.runners[runner].links;
        let link = links.entry(host.clone()).or_insert(Link {
            id: next,
            alive: true,
            known: Known::Open,
        });
        if link.id == next {
            self.next_link = next;
        }
        if opens {
            if link.known != Known::Closed {
                return self.fail(format!("runner {runner} reconnects to {host} without need"));
            }
            link.id = next;
            link.alive = true;
            link.known = Known::Connecting;
            self.next_link = next;
        } else if link.known != Known::Open {
            return self.fail(format!("runner {runner} uses its broken link to {host}"));
        }
        let id = link.id;
        let delay = self.latency();
        self.after(
            delay,
            Item::ToHost {
                runner,
                link: id,
                host,
                action,
            },
        );
    }

    /// Sends an answer over the link that the question came by.
    pub(super) fn answer(&mut self, runner: RunnerIndex, host: &HostName, link: u64, event: Event) {
        let delay = self.latency();
        self.after(
            delay,
            Item::ToRunner {
                runner,
                link: Some((host.clone(), link)),
                event,
            },
        );
    }
}
