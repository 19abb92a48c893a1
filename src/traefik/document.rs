//! Assembles the document from the defaults and the labels.

use std::collections::{BTreeMap, BTreeSet};

use super::label::{Entry, Key, Protocol, Section, Setting, parse};
use super::names::{self, Names, PROBE, TRANSPORT};
use super::probe;
use super::spec::{Beside, LabelError, ROUTES_DIR, RouteSpec, probe_host, trial_host};
use super::tree::{Node, Segment};
use super::{arguments, rule};
use crate::text::list;

/// What the labels define, by canonical name, before the names are prefixed.
struct Draft<'a> {
    spec: &'a RouteSpec<'a>,
    names: Names,
    parts: BTreeMap<Key, Node>,
    /// The label that set each option of each part, for error messages.
    labels: BTreeMap<Key, BTreeMap<String, String>>,
    errors: Vec<LabelError>,
}

/// As [`super::routing_file`].
pub(super) fn render(spec: &RouteSpec) -> Result<String, Vec<LabelError>> {
    let (mut document, names) = compile(spec, "")?;
    probe::put(&mut document, spec, &names, &probe_host(spec.alias));
    printed(document)
}

/// As [`super::Renderer::trial_file`].
pub(super) fn render_trial(spec: &RouteSpec) -> Option<String> {
    let (mut document, names) = compile(spec, "try:").ok()?;
    if !probe::has_something_to_prove(&document) {
        return None;
    }
    probe::put(&mut document, spec, &names, &trial_host(spec.alias));
    probe::leave_only(&mut document, &names);
    printed(document).ok()
}

/// Returns the document as a routing file.
pub(super) fn printed(document: Node) -> Result<String, Vec<LabelError>> {
    let text = serde_yaml::to_string(&document.into_yaml());
    text.map(|text| escaped(&text)).map_err(|error| {
        vec![LabelError {
            label: "traefik".to_owned(),
            message: format!("cannot print the routing file: {error}"),
            help: None,
        }]
    })
}

/// A literal `{{`, as Go's templates print it.
const BRACES: &str = "{{\"{{\"}}";

/// Returns `text` as it survives that Traefik runs every routing file through Go's templates.
pub(super) fn escaped(text: &str) -> String {
    text.replace("{{", BRACES)
}

/// Returns what was [`escaped`].
pub(super) fn unescaped(text: &str) -> String {
    text.replace(BRACES, "{{")
}

/// Returns the document that the labels and the defaults make. Its names begin with `prefix`.
pub(super) fn compile(spec: &RouteSpec, prefix: &str) -> Result<(Node, Names), Vec<LabelError>> {
    let mut entries = Vec::new();
    let mut errors = Vec::new();
    for (label, value) in spec.labels {
        match parse(label, value) {
            Ok(entry) => entries.extend(entry),
            Err(error) => errors.push(error),
        }
    }
    let mut draft = Draft {
        spec,
        names: Names::new(spec, &entries, prefix),
        parts: BTreeMap::new(),
        labels: BTreeMap::new(),
        errors,
    };
    draft.defaults();
    draft.read(&entries);
    draft.services();
    draft.routers();
    draft.references();
    let (mut document, names) = draft.finish()?;
    for beside in spec.beside {
        serve_beside(&mut document, spec, beside, prefix);
    }
    Ok((document, names))
}

/// Adds the servers of a container that gets requests beside the one of `spec`, to the services that it has, too.
fn serve_beside(document: &mut Node, spec: &RouteSpec, beside: &Beside, prefix: &str) {
    let own = RouteSpec {
        labels: &beside.labels,
        alias: &beside.alias,
        port: beside.port,
        beside: &[],
        ..*spec
    };
    let Ok((other, _)) = compile(&own, prefix) else {
        return;
    };
    for protocol in [Protocol::Http, Protocol::Tcp, Protocol::Udp] {
        let services = [protocol.key(), Section::Services.key()];
        let Some(Node::Map(others)) = other.get(&services) else {
            continue;
        };
        for (name, service) in others {
            let servers = [
                protocol.key(),
                Section::Services.key(),
                name,
                "loadBalancer",
                "servers",
            ];
            let (Some(Node::List(all)), Some(Node::List(more))) =
                (document.get(&servers), service.get(&servers[3..]))
            else {
                continue;
            };
            let all = Vec::from_iter(all.values().chain(more.values()).cloned());
            document.put(&servers, Node::list(all));
        }
    }
}

impl Draft<'_> {
    fn defaults(&mut self) {
        let name = self.names.default().to_owned();
        let retry = self.names.retry();
        let mut router = Node::map();
        router.put(&["rule"], Node::text(rule::DEFAULT));
        router.put(&["middlewares"], Node::text(&retry));
        let mut middleware = Node::map();
        middleware.put(&["retry", "attempts"], Node::Number(5));
        middleware.put(&["retry", "initialInterval"], Node::text("500ms"));
        let mut service = Node::map();
        service.put(&["loadBalancer"], Node::map());
        let http = |section, name| (Protocol::Http, section, name);
        self.parts.extend([
            (http(Section::Routers, name.clone()), router),
            (http(Section::Services, name), service),
            (http(Section::Middlewares, retry), middleware),
        ]);
    }

    /// Sets the options of the labels. A switch yields to the options of its structure, whichever label comes first.
    fn read(&mut self, entries: &[Entry]) {
        let (switches, values): (Vec<_>, Vec<_>) = entries
            .iter()
            .partition(|entry| matches!(entry.value, Setting::Switch(_)));
        for entry in switches.into_iter().chain(values) {
            let key = self.names.key(entry);
            if [PROBE, TRANSPORT].contains(&key.2.as_str()) {
                let help = "choose another name".to_owned();
                self.error(
                    &entry.label,
                    format!("reserved name `{}`", key.2),
                    Some(help),
                );
                continue;
            }
            let labels = self.labels.entry(key.clone()).or_default();
            if let Some(other) = labels.insert(dotted(&entry.path), entry.label.clone()) {
                let help = "keep one of the two".to_owned();
                self.error(&entry.label, format!("duplicate of `{other}`"), Some(help));
                continue;
            }
            let part = self.parts.entry(key).or_insert_with(Node::map);
            match &entry.value {
                Setting::Value(value) => part.set(&entry.path, Node::text(value)),
                Setting::Switch(true) => part.set(&entry.path, Node::map()),
                Setting::Switch(false) => {}
            }
        }
    }

    /// Turns `loadbalancer.server` of every service into its one server.
    fn services(&mut self) {
        self.default_stream_services();
        let transport = self.names.prefixed(TRANSPORT);
        let mut errors = Vec::new();
        for (key, part) in &mut self.parts {
            if key.1 == Section::Services
                && let Err(error) = serve(key.0, part, self.spec, &transport)
            {
                errors.push((key.clone(), error));
            }
        }
        for (key, (option, message, help)) in errors {
            self.option_error(&key, option, message, Some(help.to_owned()));
        }
    }

    /// Adds the service of TCP and UDP routers if the labels define none.
    fn default_stream_services(&mut self) {
        for protocol in [Protocol::Tcp, Protocol::Udp] {
            let has = |wanted: Section| {
                let mut keys = self.parts.keys();
                keys.any(|(p, s, _)| (*p, *s) == (protocol, wanted))
            };
            if has(Section::Routers) && !has(Section::Services) {
                let key = (protocol, Section::Services, self.names.default().to_owned());
                self.parts.insert(key, Node::map());
            }
        }
    }

    /// Gives every router a service, and checks its rule.
    fn routers(&mut self) {
        let routers = self
            .parts
            .iter()
            .filter(|(key, _)| key.1 == Section::Routers);
        let routers = routers.map(|(key, router)| (key.clone(), router.clone()));
        for (key, router) in Vec::from_iter(routers) {
            let rule = router.get_text(&["rule"]);
            let has_service = router.get_text(&["service"]).is_some();
            let takes_all = key.0 == Protocol::Tcp
                && router.get(&["entryPoints"]).is_none()
                && router.get(&["tls"]).is_none();
            match (key.0, rule) {
                (Protocol::Udp, _) => {}
                (_, None) => {
                    let help = format!("add `traefik.{}.routers.{}.rule`", key.0.key(), key.2);
                    self.option_error(&key, "", "the router has no rule".to_owned(), Some(help));
                }
                (protocol, Some(rule)) if !rule::is_old(&router) => {
                    if let Err((message, help)) = rule::check(protocol, rule) {
                        self.option_error(&key, "rule", message, help);
                    }
                }
                _ => {}
            }
            if takes_all {
                let message = "the router has no entrypoints: it would take all TCP connections, HTTP included";
                let help = format!("add `traefik.tcp.routers.{}.entrypoints`", key.2);
                self.option_error(&key, "rule", message.to_owned(), Some(help));
            }
            if !has_service {
                self.choose_service(&key);
            }
            self.outrank(&key);
        }
    }

    /// Gives a router a higher priority than routers of other containers with the same rule have, if there are any.
    fn outrank(&mut self, router: &Key) {
        let Some(part) = self.parts.get_mut(router) else {
            return;
        };
        let Some(rule) = part.get_text(&["rule"]) else {
            return;
        };
        let own = priority(part.get_text(&["priority"]), rule);
        let others = self.spec.outranks.iter();
        let others = others.filter_map(|labels| highest(labels, router.0, rule));
        if let Some(other) = others.max() {
            let priority = own.max(other.saturating_add(1));
            part.put(&["priority"], Node::Number(priority));
        }
    }

    /// Sets the service of a router that names none: the one of the same name (so for the default router), else the only
    /// one that the labels define, else the default one.
    fn choose_service(&mut self, router: &Key) {
        let (protocol, _, name) = router;
        let of_labels: Vec<String> = self
            .parts
            .keys()
            .filter(|(p, s, _)| (*p, *s) == (*protocol, Section::Services))
            .filter(|key| *protocol != Protocol::Http || self.labels.contains_key(*key))
            .map(|(_, _, name)| name.clone())
            .collect();
        let is_default = *protocol == Protocol::Http && name == self.names.default();
        let service = match of_labels.as_slice() {
            _ if is_default || of_labels.contains(name) => name.clone(),
            [] => self.names.default().to_owned(),
            [only] => only.clone(),
            several => {
                let several = list(several);
                let message =
                    format!("the router has no service, and the labels define several: {several}");
                let help = format!("add `traefik.{}.routers.{name}.service`", protocol.key());
                return self.option_error(router, "", message, Some(help));
            }
        };
        if let Some(part) = self.parts.get_mut(router) {
            part.put(&["service"], Node::text(service));
        }
    }

    /// Rewrites every reference to a service or middleware.
    fn references(&mut self) {
        let defined: BTreeSet<Key> = self.parts.keys().cloned().collect();
        for ((protocol, section, _), part) in &mut self.parts {
            let places: &[(&[&str], Section)] = match section {
                Section::Routers => &[
                    (&["service"], Section::Services),
                    (&["middlewares"], Section::Middlewares),
                ],
                Section::Middlewares => &[
                    (&["errors", "service"], Section::Services),
                    (&["chain", "middlewares"], Section::Middlewares),
                ],
                Section::Services => &[],
            };
            for (path, target) in places {
                let Some(text) = part.get_text(path) else {
                    continue;
                };
                let named = text
                    .split(',')
                    .map(str::trim)
                    .filter(|name| !name.is_empty());
                let mut references = named
                    .map(|name| self.names.reference(&defined, *protocol, *target, name))
                    .map(Node::text);
                let node = match target {
                    Section::Middlewares => Node::list(references),
                    _ => references.next_back().unwrap_or_else(|| Node::text("")),
                };
                part.put(path, node);
            }
        }
    }

    fn finish(mut self) -> Result<(Node, Names), Vec<LabelError>> {
        if !self.errors.is_empty() {
            self.errors.sort_by(|a, b| a.label.cmp(&b.label));
            return Err(self.errors);
        }
        let mut document = Node::map();
        for ((protocol, section, name), part) in std::mem::take(&mut self.parts) {
            let name = self.names.prefixed(&name);
            document.put(&[protocol.key(), section.key(), &name], part);
        }
        self.transport(&mut document);
        self.certificate(&mut document);
        Ok((document, self.names))
    }

    /// Adds mrsk's servers transport, with what the command line says of the default one that it takes the place of.
    fn transport(&self, document: &mut Node) {
        let name = self.names.prefixed(TRANSPORT);
        let mut transport = Node::map();
        for (option, value) in arguments::of_servers_transport(self.spec.arguments) {
            let path: Vec<&str> = option.split('.').collect();
            transport.put(&path, Node::text(value));
        }
        transport.put(&["forwardingTimeouts", "idleConnTimeout"], Node::text("1s"));
        if let Some(seconds) = self.spec.response_timeout {
            let timeout = Node::text(format!("{seconds}s"));
            transport.put(&["forwardingTimeouts", "responseHeaderTimeout"], timeout);
        }
        document.put(&["http", "serversTransports", &name], transport);
    }

    /// Adds the certificate with which Traefik answers for its names.
    fn certificate(&self, document: &mut Node) {
        if !self.spec.has_certificate {
            return;
        }
        let RouteSpec {
            service,
            destination,
            role,
            ..
        } = *self.spec;
        let files = names::certificate_files(service, destination, role);
        let mut certificate = Node::map();
        for (option, name) in ["certFile", "keyFile"].into_iter().zip(files) {
            certificate.put(&[option], Node::text(format!("{ROUTES_DIR}/{name}")));
        }
        document.put(&["tls", "certificates"], Node::list([certificate]));
    }

    fn error(&mut self, label: &str, message: String, help: Option<String>) {
        self.errors.push(LabelError {
            label: label.to_owned(),
            message,
            help,
        });
    }

    /// Reports a problem of a part at the label that set `option`, else at the part's first label.
    fn option_error(&mut self, key: &Key, option: &str, message: String, help: Option<String>) {
        let label = self
            .labels
            .get(key)
            .and_then(|labels| labels.get(option).or_else(|| labels.values().next()))
            .cloned()
            .unwrap_or_default();
        self.error(&label, message, help);
    }
}

/// The option that is wrong, why, and what to do about it.
type ServiceError = (&'static str, String, &'static str);

/// Turns `loadBalancer.server` of a service into its one server.
fn serve(
    protocol: Protocol,
    service: &mut Node,
    spec: &RouteSpec,
    transport: &str,
) -> Result<(), ServiceError> {
    let Node::Map(fields) = service else {
        return Ok(());
    };
    let balancer = fields
        .entry("loadBalancer".to_owned())
        .or_insert_with(Node::map);
    let mut server = balancer.take("server").unwrap_or_else(Node::map);
    let port = match server.take("port") {
        Some(Node::Text(text)) => {
            let port = text.trim().parse().ok().filter(|port| *port > 0);
            let message = format!("`{text}` is not a valid port");
            port.ok_or((
                "loadbalancer.server.port",
                message,
                "use a number from 1 to 65535",
            ))?
        }
        _ => spec.port,
    };
    let address = format!("{}:{port}", spec.alias);
    let scheme = match server.take("scheme") {
        Some(Node::Text(scheme)) => scheme,
        _ => "http".to_owned(),
    };
    if protocol != Protocol::Http {
        server.put(&["address"], Node::text(address));
    } else if ["http", "https", "h2c"].contains(&scheme.as_str()) {
        server.put(&["url"], Node::text(format!("{scheme}://{address}")));
        if balancer.get(&["serversTransport"]).is_none() {
            balancer.put(&["serversTransport"], Node::text(transport));
        }
    } else {
        let message = format!("`{scheme}` is not a valid scheme");
        let help = "use `http`, `https` or `h2c`";
        return Err(("loadbalancer.server.scheme", message, help));
    }
    balancer.put(&["servers"], Node::list([server]));
    Ok(())
}

/// Returns the priority of a router: by default it is the length of its rule.
pub(super) fn priority(given: Option<&str>, rule: &str) -> u64 {
    let given = given.and_then(|text| text.trim().parse().ok());
    given
        .filter(|given| *given > 0)
        .unwrap_or(rule.len() as u64)
}

/// Returns the highest priority of the routers with `rule` that `labels` define.
fn highest(labels: &BTreeMap<String, String>, protocol: Protocol, rule: &str) -> Option<u64> {
    let mut routers: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let entries = labels
        .iter()
        .filter_map(|(label, value)| parse(label, value).ok()?);
    for entry in entries {
        if (entry.protocol, entry.section) == (protocol, Section::Routers)
            && let Setting::Value(value) = entry.value
        {
            let options = routers.entry(entry.name.to_lowercase()).or_default();
            options.insert(dotted(&entry.path), value);
        }
    }
    let of_rule = routers.values().filter(|options| {
        let other = options.get("rule");
        other.is_some_and(|other| other.trim() == rule.trim())
    });
    of_rule
        .map(|options| priority(options.get("priority").map(String::as_str), rule))
        .max()
}

fn dotted(path: &[Segment]) -> String {
    let parts = path.iter().map(|segment| match segment {
        Segment::Key(key) => key.to_lowercase(),
        Segment::Index(index) => format!("[{index}]"),
    });
    Vec::from_iter(parts).join(".")
}
