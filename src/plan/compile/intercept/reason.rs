//! What people are told of requests that are answered with 503.

use super::file::found_in;
use crate::config::model::{Config, Role};
use crate::facts::model::HostFacts;
use crate::text;
use crate::traefik::{Intercept, Purpose};

/// Requests to a role that are answered with 503 on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The operation that ends it.
    pub ended_by: &'static str,
    /// Which, since when and by whom.
    pub reason: String,
}

/// Returns what is answered in place of `role` on a host with these facts.
pub fn answered(config: &Config, role: &Role, facts: &HostFacts) -> Vec<Answered> {
    let found = found_in(config, facts).into_iter();
    let found = found.filter(|found| found.whose.role == role.name.as_str());
    let answered = found.map(|found| Answered {
        ended_by: match found.whose.purpose {
            Purpose::Maintenance => "app live",
            Purpose::Drain => "host undrain",
        },
        reason: match &found.intercept {
            Some(intercept) => of(intercept),
            None => format!(
                "503 by {}, which mrsk cannot read",
                text::one_line(found.path)
            ),
        },
    });
    answered.collect()
}

/// Returns since when, by whom and which requests are answered with 503.
pub fn of(intercept: &Intercept) -> String {
    let what = match &intercept.only {
        Some(path) => format!("{path} is answered with 503"),
        None => "503".to_owned(),
    };
    let by = match intercept.by.as_str() {
        "" => "unknown",
        by => by,
    };
    let message = intercept.message.iter();
    let message: String = message.map(|text| format!(": {text}")).collect();
    let since = text::utc(intercept.since);
    text::one_line(&format!("{what} since {since} by {by}{message}"))
}
