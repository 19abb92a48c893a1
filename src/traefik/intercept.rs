//! Files by which Traefik answers requests with 503 in place of a role: all of them but some, in a maintenance, or only those of a load
//! balancer's health check, on a host that is drained.
//!
//! Such a file has a copy of each HTTP router of the role, which comes just before it and leads to a service without servers: Traefik
//! answers that by itself. The role's own file stays as it is, and so a switch goes on as ever.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_yaml::Value;

use super::document::{self, unescaped};
use super::names::{decoded, encoded};
use super::probe;
use super::spec::{PROBE_ENTRYPOINT, probe_host};
use super::tree::Node;
use crate::digest;

/// What the line begins with that tells what a file is for.
const HEAD: &str = "# mrsk intercepts: ";

/// The response header with the message.
const MESSAGE_HEADER: &str = "X-Maintenance-Message";

/// Why requests are answered in place of a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// The role is in maintenance.
    Maintenance,
    /// The host is drained.
    Drain,
}

impl Purpose {
    const ALL: [Self; 2] = [Self::Maintenance, Self::Drain];

    /// Returns its name in file names.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Maintenance => "maintenance",
            Self::Drain => "drain",
        }
    }
}

/// Whose requests are answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intercepted {
    /// The service.
    pub service: String,
    /// The destination, if any.
    pub destination: Option<String>,
    /// The role.
    pub role: String,
    /// Why.
    pub purpose: Purpose,
}

impl Intercepted {
    /// Returns the name of the file: never that of a routing file.
    pub fn file_name(&self) -> String {
        let destination = self.destination.as_deref().unwrap_or_default();
        let parts = [&self.service, &self.role, destination].map(encoded);
        format!("mrsk-{}@{}.yml", parts.join("@"), self.purpose.name())
    }

    /// Returns whose requests are answered by the file of this name; nothing if it is not of that kind.
    pub fn of_file(name: &str) -> Option<Self> {
        let parts = name.strip_prefix("mrsk-")?.strip_suffix(".yml")?;
        let parts: Vec<&str> = parts.split('@').collect();
        let [service, role, destination, purpose] = parts.as_slice() else {
            return None;
        };
        let mut purposes = Purpose::ALL.into_iter();
        Some(Self {
            service: decoded(service)?,
            role: decoded(role)?,
            destination: Some(decoded(destination)?).filter(|name| !name.is_empty()),
            purpose: purposes.find(|known| known.name() == *purpose)?,
        })
    }

    fn prefixed(&self, name: &str) -> String {
        let parts = [&self.service, &self.role].into_iter();
        let parts = parts.chain(&self.destination).map(|part| encoded(part));
        let parts = Vec::from_iter(parts).join(":");
        format!("{}:{parts}:{name}", self.purpose.name())
    }
}

/// What is answered, and to which requests.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Intercept {
    /// Since when, in seconds since 1970.
    pub since: u64,
    /// Who asked for it.
    pub by: String,
    /// What people are told: a response header, as Traefik has no text of its own for the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// After how many seconds clients may ask again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
    /// The path of a page of the role itself, which is the body while a container of it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// Addresses and networks of clients whose requests go to the role.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<String>,
    /// Paths whose requests go to the role; one that ends with `/` stands for all below it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
    /// The only path whose requests do not go to the role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub only: Option<String>,
}

/// A file that answers requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterceptFile {
    /// Its text.
    pub text: String,
    /// What Traefik answers as `X-Mrsk-Container` once it has loaded it.
    pub proof: String,
    /// The host that has to be asked for the proof.
    pub probe_host: String,
}

impl Intercept {
    /// Returns what the file with this text is for; nothing if it is not one that mrsk has written.
    pub fn read(text: &str) -> Option<Self> {
        let line = text.lines().next()?.strip_prefix(HEAD)?;
        let read: Self = serde_json::from_str(&unescaped(line)).ok()?;
        let paths = read.except.iter().chain(&read.only).chain(&read.page);
        let mut arguments = paths.chain(&read.allow);
        let is_argument = |text: &String| !text.contains(|c: char| c == '`' || c.is_control());
        let mut texts = read.message.iter().chain([&read.by]);
        let is_text = |text: &String| !text.contains(char::is_control);
        (arguments.all(is_argument) && texts.all(is_text)).then(|| read.clone())
    }

    /// Returns whether both answer the same, whoever asked for it.
    pub fn answers_as(&self, other: &Self) -> bool {
        let bare = |one: &Self| Self {
            since: 0,
            by: String::new(),
            ..one.clone()
        };
        bare(self) == bare(other)
    }

    /// Returns the file that answers in place of the HTTP routers of these routing files; `None` if they have none.
    pub fn file(&self, whose: &Intercepted, routing_files: &[&str]) -> Option<InterceptFile> {
        let mut routers = BTreeMap::new();
        for text in routing_files {
            let document: Value = serde_yaml::from_str(&unescaped(text)).unwrap_or_default();
            let found = document.get("http").and_then(|part| part.get("routers"));
            let found = found.and_then(Value::as_mapping);
            for router in found.into_iter().flat_map(|found| found.values()) {
                let router = Node::from_yaml(router);
                if !is_probe(&router) {
                    routers.insert(format!("{router:?}"), router);
                }
            }
        }
        if routers.is_empty() {
            return None;
        }
        let mut document = Node::map();
        for (at, router) in routers.values().enumerate() {
            self.put(&mut document, whose, (at, router));
        }
        let service = ["http", "services", &whose.prefixed("none")];
        let servers = [&service[..], &["loadBalancer", "servers"]].concat();
        document.put(&servers, Node::list([]));
        let mut whole = document.clone();
        self.put_pages(&mut whole, whose, routers.values());
        let head = serde_json::to_string(self).ok()?;
        let body = document::printed(whole).ok()?;
        let proof = digest::sha256(format!("{head}\n{body}").as_bytes());
        let proof = format!("off-{}", proof.get(..16)?);
        let probe_host = probe_host(&proof);
        let names = [whose.prefixed("probe"), whose.prefixed("none")];
        probe::put_for(&mut document, &names, [&probe_host, &proof]);
        // After the probe, which would be left out with them.
        self.put_pages(&mut document, whose, routers.values());
        let body = document::printed(document).ok()?;
        Some(InterceptFile {
            text: format!("{HEAD}{}\n{body}", document::escaped(&head)),
            proof,
            probe_host,
        })
    }

    /// Adds the router that comes just before `router`.
    fn put(&self, document: &mut Node, whose: &Intercepted, (at, router): (usize, &Node)) {
        let mut middlewares = None;
        for (header, value) in self.headers() {
            let name = whose.prefixed("headers");
            let path = ["http", "middlewares", &name, "headers"];
            let path = [&path[..], &["customResponseHeaders", header]].concat();
            document.put(&path, Node::text(value));
            middlewares = Some(Node::text(name));
        }
        let name = whose.prefixed(&at.to_string());
        if let Some(copy) = self.copy(whose, router, (1, middlewares)) {
            document.put(&["http", "routers", &name], copy);
        }
    }

    /// Adds the routers with the page: Traefik leaves them out while the role has no routing file, and so no service.
    fn put_pages<'r>(
        &self,
        document: &mut Node,
        whose: &Intercepted,
        routers: impl Iterator<Item = &'r Node>,
    ) {
        for (at, router) in routers.enumerate() {
            let service = router.get_text(&["service"]);
            let (Some(page), Some(service)) = (&self.page, service) else {
                continue;
            };
            let name = whose.prefixed(&format!("page-{at}"));
            let has_headers = !self.headers().is_empty();
            let headers = has_headers.then(|| whose.prefixed("headers"));
            let middlewares = headers.into_iter().chain([name.clone()]).map(Node::text);
            if let Some(copy) = self.copy(whose, router, (2, middlewares)) {
                document.put(&["http", "routers", &name], copy);
            }
            let mut errors = Node::map();
            errors.put(&["status"], Node::list([Node::text("503")]));
            errors.put(&["service"], Node::text(service));
            errors.put(&["query"], Node::text(page));
            document.put(&["http", "middlewares", &name, "errors"], errors);
        }
    }

    /// Returns the router that answers in place of `router`, with a priority that is so much higher.
    fn copy(
        &self,
        whose: &Intercepted,
        router: &Node,
        (above, middlewares): (u64, impl IntoIterator<Item = Node>),
    ) -> Option<Node> {
        let own = router.get_text(&["rule"])?;
        let given = router.get(&["priority"]).and_then(Node::as_text);
        let priority = document::priority(given.as_deref(), own);
        let mut copy = Node::map();
        for option in ["entryPoints", "tls", "ruleSyntax"] {
            if let Some(given) = router.get(&[option]) {
                copy.put(&[option], given.clone());
            }
        }
        copy.put(&["rule"], Node::text(self.rule(own)));
        copy.put(&["service"], Node::text(whose.prefixed("none")));
        copy.put(&["priority"], Node::Number(priority.saturating_add(above)));
        let middlewares = Vec::from_iter(middlewares);
        if !middlewares.is_empty() {
            copy.put(&["middlewares"], Node::list(middlewares));
        }
        Some(copy)
    }

    fn headers(&self) -> Vec<(&'static str, String)> {
        let message = self.message.clone().map(|text| (MESSAGE_HEADER, text));
        let seconds = self.retry_after.map(|seconds| seconds.to_string());
        let seconds = seconds.map(|seconds| ("Retry-After", seconds));
        message.into_iter().chain(seconds).collect()
    }

    /// Returns the rule of the requests that `rule` takes and that are answered. Each part is negated by itself: that is understood
    /// in the syntax of Traefik 2, too.
    fn rule(&self, rule: &str) -> String {
        let clients = self
            .allow
            .iter()
            .map(|client| format!("!ClientIP(`{client}`)"));
        let paths = self.except.iter().map(|path| match path.ends_with('/') {
            true => format!("!PathPrefix(`{path}`)"),
            false => format!("!Path(`{path}`)"),
        });
        let only = self.only.iter().map(|path| format!("Path(`{path}`)"));
        let parts = [format!("({rule})")].into_iter();
        let parts = parts.chain(clients).chain(paths).chain(only);
        Vec::from_iter(parts).join(" && ")
    }
}

fn is_probe(router: &Node) -> bool {
    let entrypoints = router.get(&["entryPoints"]);
    entrypoints.is_some_and(|names| names.texts().any(|name| name == PROBE_ENTRYPOINT))
}

#[cfg(test)]
#[path = "intercept_tests.rs"]
mod tests;
