//! How it is seen that users reach a role through Traefik.

use super::{facts::command_line, trial};
use crate::action::{Reach, UserRequest, When};
use crate::docker::names::TRAEFIK;
use crate::facts::model::HostFacts;
use crate::plan::compile::{Draft, Placement};
use crate::text::list_up_to;
use crate::traefik;

/// Names that a summary shows.
const SHOWN: usize = 2;

/// What can be asked of Traefik as users ask.
pub struct Users {
    requests: Vec<UserRequest>,
    not_asked: Vec<traefik::NotAsked>,
}

/// Returns the requests for the routers of a role on a host. A rule without a host is asked by the name of the host, and one
/// that allows the path of the health check by that.
pub fn users(draft: &Draft, placement: &Placement, facts: &HostFacts) -> Users {
    let config = draft.config;
    let arguments = command_line(config, facts);
    let spec = trial::spec(config, placement, &arguments, &[]);
    let host = match placement.host.as_str() {
        address if address.contains(':') => format!("[{address}]"),
        name => name.to_owned(),
    };
    let (requests, not_asked) = draft.renderer.requests(&spec, &host, placement.health.1);
    let requests = requests.into_iter();
    let requests =
        requests.map(|traefik::Request { port, host, path }| UserRequest { port, host, path });
    Users {
        requests: requests.collect(),
        not_asked,
    }
}

impl Users {
    /// Returns what asks; `None` if nothing can be asked. The health check of the new container asks before the switch: its
    /// boot takes longer.
    pub fn ask(&self, placement: &Placement, when: When) -> Option<Reach> {
        let since = match when {
            When::Before => None,
            When::After | When::Unasked => Some(placement.step_id(&placement.name, "healthcheck")),
        };
        (!self.requests.is_empty()).then(|| Reach {
            when,
            since,
            container: TRAEFIK.to_owned(),
            requests: self.requests.clone(),
        })
    }

    /// Returns what is asked for and what is not, as the end of a summary.
    pub fn summary(&self) -> String {
        let asked: Vec<String> = self.requests.iter().map(UserRequest::address).collect();
        let mut whys: Vec<&str> = self.not_asked.iter().map(|router| router.why).collect();
        whys.sort_unstable();
        whys.dedup();
        let routers: Vec<&str> = self
            .not_asked
            .iter()
            .map(|router| router.router.as_str())
            .collect();
        let (asked, whys) = (list_up_to(SHOWN, &asked), whys.join(", "));
        match (asked.is_empty(), routers.is_empty()) {
            (false, true) => format!(", and ask for {asked}"),
            (true, false) => format!(" (routes not asked: {whys})"),
            (false, false) => {
                let routers = list_up_to(SHOWN, &routers);
                format!(", and ask for {asked} (not asked: {routers}; {whys})")
            }
            (true, true) => String::new(),
        }
    }
}
