//! Renders the files of many hosts. Those of one role differ in the container's alias alone: what was rendered for one host is used
//! for the others.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use super::document;
use super::names::Names;
use super::request::{NotAsked, Request, requests_of};
use super::spec::{LabelError, RouteSpec};
use super::tree::Node;

/// The alias that stands for all others. It has their form, so that it is printed as they are.
const SAMPLE: &str = "m-0000000000000000";

/// How many different files are remembered.
const MOST: usize = 16;

/// Renders routing files and trial files, and finds requests for routers.
#[derive(Default)]
pub struct Renderer(RefCell<Vec<Rc<Entry>>>);

impl Renderer {
    /// As [`super::routing_file`].
    ///
    /// # Errors
    /// Those of [`super::routing_file`].
    pub fn routing_file(&self, spec: &RouteSpec) -> Result<String, Vec<LabelError>> {
        match self.entry(spec) {
            Some(entry) => {
                let text = entry
                    .routing
                    .get_or_init(|| document::render(&entry.spec()));
                text.as_ref()
                    .map(|text| text.replace(SAMPLE, spec.alias))
                    .map_err(Clone::clone)
            }
            None => document::render(spec),
        }
    }

    /// Returns a file by which Traefik shows, before any request is sent to the container, whether it takes the rules and
    /// middlewares of [`super::routing_file`]: all that it has is a probe router, which answers to [`super::trial_host`]. `None` if
    /// no label defines any, or the labels are refused.
    pub fn trial_file(&self, spec: &RouteSpec) -> Option<String> {
        let Some(entry) = self.entry(spec) else {
            return document::render_trial(spec);
        };
        let text = entry
            .trial
            .get_or_init(|| document::render_trial(&entry.spec()));
        text.as_ref().map(|text| text.replace(SAMPLE, spec.alias))
    }

    /// Returns a request for each router of a role, or why there is none. A rule that allows any host gets `host`, and one that
    /// allows `path` gets that.
    pub fn requests(
        &self,
        spec: &RouteSpec,
        host: &str,
        path: &str,
    ) -> (Vec<Request>, Vec<NotAsked>) {
        let entry = self.entry(spec);
        let compiled = match &entry {
            Some(entry) => entry.compiled(),
            None => &document::compile(spec, "").ok(),
        };
        match compiled {
            Some((document, names)) => requests_of(document, names, spec.arguments, (host, path)),
            None => Default::default(),
        }
    }

    /// Returns what was rendered for a host like this; `None` if the file has more that is the host's own.
    fn entry(&self, spec: &RouteSpec) -> Option<Rc<Entry>> {
        let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let digits = spec.alias.strip_prefix("m-").unwrap_or_default();
        let is_like_sample = spec.alias.len() == SAMPLE.len() && digits.bytes().all(is_digit);
        if !is_like_sample || !spec.outranks.is_empty() || !spec.beside.is_empty() {
            return None;
        }
        let mut entries = self.0.borrow_mut();
        if let Some(entry) = entries.iter().rev().find(|entry| entry.is_for(spec)) {
            return Some(entry.clone());
        }
        let entry = Entry::new(spec);
        if entry.mentions_sample() {
            return None;
        }
        if entries.len() == MOST {
            entries.remove(0);
        }
        entries.push(Rc::new(entry));
        entries.last().cloned()
    }
}

/// What is rendered for one role and Traefik.
struct Entry {
    service: String,
    destination: Option<String>,
    role: String,
    labels: BTreeMap<String, String>,
    arguments: Vec<String>,
    port: u16,
    container: String,
    response_timeout: Option<u32>,
    has_certificate: bool,
    routing: OnceCell<Result<String, Vec<LabelError>>>,
    trial: OnceCell<Option<String>>,
    compiled: OnceCell<Option<(Node, Names)>>,
}

impl Entry {
    fn new(spec: &RouteSpec) -> Self {
        Self {
            service: spec.service.to_owned(),
            destination: spec.destination.map(str::to_owned),
            role: spec.role.to_owned(),
            labels: spec.labels.clone(),
            arguments: spec.arguments.to_vec(),
            port: spec.port,
            container: spec.container.to_owned(),
            response_timeout: spec.response_timeout,
            has_certificate: spec.has_certificate,
            routing: OnceCell::new(),
            trial: OnceCell::new(),
            compiled: OnceCell::new(),
        }
    }

    fn spec(&self) -> RouteSpec<'_> {
        RouteSpec {
            service: &self.service,
            destination: self.destination.as_deref(),
            role: &self.role,
            labels: &self.labels,
            arguments: &self.arguments,
            port: self.port,
            alias: SAMPLE,
            container: &self.container,
            beside: &[],
            outranks: &[],
            response_timeout: self.response_timeout,
            has_certificate: self.has_certificate,
        }
    }

    fn is_for(&self, spec: &RouteSpec) -> bool {
        self.role == spec.role
            && self.container == spec.container
            && self.port == spec.port
            && self.response_timeout == spec.response_timeout
            && self.has_certificate == spec.has_certificate
            && self.arguments == spec.arguments
            && self.labels == *spec.labels
            && self.service == spec.service
            && self.destination.as_deref() == spec.destination
    }

    /// Returns whether a text of the user's could not be told from the alias.
    fn mentions_sample(&self) -> bool {
        let labels = self.labels.iter().flat_map(|(label, value)| [label, value]);
        let names = [&self.service, &self.role, &self.container];
        let mut texts = labels
            .chain(&self.arguments)
            .chain(names)
            .chain(&self.destination);
        texts.any(|text| text.contains(SAMPLE))
    }

    fn compiled(&self) -> &Option<(Node, Names)> {
        self.compiled
            .get_or_init(|| document::compile(&self.spec(), "").ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_again_is_what_is_rendered_anew() {
        let label = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let middleware = "traefik.http.routers.hey-web.middlewares";
        let tables = [
            BTreeMap::new(),
            BTreeMap::from([
                label("traefik.http.routers.hey-web.rule", "Host(`a.example.com`)"),
                label(middleware, "auth"),
                label("traefik.http.middlewares.auth.basicauth.users", "a:{{b}}"),
            ]),
            BTreeMap::from([
                label("traefik.tcp.routers.db.rule", "HostSNI(`*`)"),
                label("traefik.tcp.routers.db.entrypoints", "db"),
                label("traefik.http.routers.x.rule", "Path(`/m-0000000000000000`)"),
            ]),
            BTreeMap::from([label("traefik.http.routers.x.rule", "no rule")]),
        ];
        let renderer = Renderer::default();
        for (labels, role) in tables
            .iter()
            .flat_map(|labels| [(labels, "web"), (labels, "api")])
        {
            for alias in [
                "m-38f885ed14462590",
                "m-1234567812345678",
                "m-00000000000000e1",
                "other",
            ] {
                let spec = RouteSpec {
                    service: "hey",
                    destination: None,
                    role,
                    labels,
                    arguments: &["--entrypoints.web.address=:80".to_owned()],
                    port: 3000,
                    alias,
                    container: "hey-web-1",
                    beside: &[],
                    outranks: &[],
                    response_timeout: None,
                    has_certificate: false,
                };
                assert_eq!(renderer.routing_file(&spec), document::render(&spec));
                assert_eq!(renderer.trial_file(&spec), document::render_trial(&spec));
                let compiled = document::compile(&spec, "").ok();
                let asked = compiled.map(|(document, names)| {
                    requests_of(&document, &names, spec.arguments, ("h", "/up"))
                });
                let asked = asked.unwrap_or_default();
                assert_eq!(renderer.requests(&spec, "h", "/up"), asked);
            }
        }
        assert!(renderer.0.borrow().len() <= MOST);
    }
}
