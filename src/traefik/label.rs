//! From a label to an entry of the document.

use std::collections::BTreeMap;

use super::shape;
use super::spec::LabelError;
use super::tree::Segment;

/// Which of Traefik's protocols a label is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Protocol {
    /// Requests.
    Http,
    /// Connections.
    Tcp,
    /// Datagrams.
    Udp,
}

/// What a label defines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Section {
    /// A router.
    Routers,
    /// A service.
    Services,
    /// A middleware.
    Middlewares,
}

impl Protocol {
    /// Returns the protocol's key in the document.
    pub(super) fn key(self) -> &'static str {
        match self {
            Protocol::Http => "http",
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
        }
    }
}

impl Section {
    /// Returns the section's key in the document.
    pub(super) fn key(self) -> &'static str {
        match self {
            Section::Routers => "routers",
            Section::Services => "services",
            Section::Middlewares => "middlewares",
        }
    }
}

/// What the labels define: the protocol, the section and the name.
pub(super) type Key = (Protocol, Section, String);

/// What a label says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The label's key.
    pub(super) label: String,
    /// The protocol.
    pub(super) protocol: Protocol,
    /// The section.
    pub(super) section: Section,
    /// The name of the router, service or middleware, as the label has it.
    pub(super) name: String,
    /// The option below the name, in the spelling of Traefik's file provider.
    pub(super) path: Vec<Segment>,
    /// What the option is set to.
    pub(super) value: Setting,
}

/// What an option is set to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Setting {
    /// A value.
    Value(String),
    /// A structure is switched on with its defaults (`tls=true`), or off.
    Switch(bool),
}

/// Returns what a label says; `None` if it is not about a routing file.
pub(super) fn parse(label: &str, value: &str) -> Result<Option<Entry>, LabelError> {
    entry(label, value).map_err(|(message, help)| LabelError {
        label: label.to_owned(),
        message,
        help,
    })
}

fn entry(label: &str, value: &str) -> Result<Option<Entry>, Problem> {
    let parts: Vec<&str> = label.split('.').collect();
    if !parts[0].eq_ignore_ascii_case("traefik") {
        return Ok(None);
    }
    let lower: Vec<String> = parts.iter().map(|part| part.to_lowercase()).collect();
    let protocol = match lower.get(1).map(String::as_str) {
        Some("docker") => return Ok(None),
        Some("enable") if parts.len() == 2 => return enabled(value).map(|()| None),
        Some("http") => Protocol::Http,
        Some("tcp") => Protocol::Tcp,
        Some("udp") => Protocol::Udp,
        Some("frontend" | "backend" | "port" | "protocol" | "weight") => {
            return problem(
                "unsupported label of Traefik 1",
                "write `traefik.http.routers.NAME.rule` and `traefik.http.services.NAME.loadbalancer.server.port`",
            );
        }
        _ => {
            return problem(
                "unknown Traefik option",
                "a label begins with `traefik.http.`, `traefik.tcp.` or `traefik.udp.`, or is `traefik.enable`",
            );
        }
    };
    let section = lower.get(2).map(String::as_str).unwrap_or_default();
    let (section, options) = section_of(protocol, section)?;
    let (name, rest) = match parts.get(3..) {
        Some([name, rest @ ..]) if !name.is_empty() && !rest.is_empty() => (*name, rest),
        _ => {
            let help = "write `traefik.PROTOCOL.SECTION.NAME.OPTION`";
            return problem("the label has no option", help);
        }
    };
    let (path, value) = match option(rest, value, options) {
        Err(problem) => return Err(dot_in_name(&parts[3..], value, options).unwrap_or(problem)),
        Ok(found) => found,
    };
    Ok(Some(Entry {
        label: label.to_owned(),
        protocol,
        section,
        name: name.to_owned(),
        path,
        value,
    }))
}

/// What is wrong, and what to do about it.
pub(super) type Problem = (String, Option<String>);

fn problem<T>(message: &str, help: &str) -> Result<T, Problem> {
    Err((message.to_owned(), Some(help.to_owned())))
}

/// The sections of each protocol, and their options.
const SECTIONS: [(Protocol, Section, shape::Groups); 8] = [
    (Protocol::Http, Section::Routers, shape::HTTP_ROUTER),
    (Protocol::Http, Section::Services, shape::HTTP_SERVICE),
    (Protocol::Http, Section::Middlewares, shape::HTTP_MIDDLEWARE),
    (Protocol::Tcp, Section::Routers, shape::TCP_ROUTER),
    (Protocol::Tcp, Section::Services, shape::TCP_SERVICE),
    (Protocol::Tcp, Section::Middlewares, shape::TCP_MIDDLEWARE),
    (Protocol::Udp, Section::Routers, shape::UDP_ROUTER),
    (Protocol::Udp, Section::Services, shape::UDP_SERVICE),
];

/// Returns the section that `key` means, and its options.
fn section_of(protocol: Protocol, key: &str) -> Result<(Section, shape::Groups), Problem> {
    let mut sections = SECTIONS.into_iter();
    let found = sections.find(|(of, section, _)| *of == protocol && section.key() == key);
    if let Some((_, section, options)) = found {
        return Ok((section, options));
    }
    let sections = match protocol {
        Protocol::Udp => "`routers` or `services`",
        _ => "`routers`, `services` or `middlewares`",
    };
    let help = format!("after `traefik.{}.` comes {sections}", protocol.key());
    problem("unknown Traefik option", &help)
}

fn enabled(value: &str) -> Result<(), Problem> {
    match shape::boolean(value) {
        Some(true) => Ok(()),
        _ => problem(
            "the label disables Traefik, and the role uses it",
            "set `traefik: false` for the role, or remove the label",
        ),
    }
}

/// Returns the problem of a name with a dot, by what it would be without: `parts` are the name and the option.
fn dot_in_name(parts: &[&str], value: &str, options: shape::Groups) -> Option<Problem> {
    let starts = 2..parts.len();
    let start = starts
        .into_iter()
        .find(|start| option(&parts[*start..], value, options).is_ok())?;
    let name = parts[..start].join(".");
    let message = format!("name `{name}` contains a dot");
    let help = format!(
        "Traefik ends a name at its first dot: write `{}`",
        name.replace('.', "-")
    );
    Some((message, Some(help)))
}

/// Finds the option that the parts of a label after the name mean.
pub(super) fn option(
    parts: &[&str],
    value: &str,
    groups: shape::Groups,
) -> Result<(Vec<Segment>, Setting), Problem> {
    for (option, kind) in shape::options(groups) {
        let names: Vec<&str> = option.split('.').collect();
        match matched(parts, &names) {
            Match::No => {}
            Match::Option(path) => {
                return match kind.check(value) {
                    Ok(()) => Ok((path, Setting::Value(value.to_owned()))),
                    Err(expected) => Err((format!("expected {expected}, got `{value}`"), None)),
                };
            }
            Match::Structure(path) => {
                let Some(on) = shape::boolean(value) else {
                    let help = format!("did you mean `{}`?", option.to_lowercase());
                    return problem("expected `true` or `false`: the label has no option", &help);
                };
                return Ok((path, Setting::Switch(on)));
            }
        }
    }
    let wanted = parts.join(".").to_lowercase();
    let nearest = shape::options(groups)
        .map(|(option, _)| option.to_lowercase())
        .map(|option| (strsim::damerau_levenshtein(&option, &wanted), option))
        .min()
        .filter(|(distance, option)| *distance <= option.len() / 3);
    let help = nearest.map(|(_, option)| format!("did you mean `{option}`?"));
    Err((format!("unknown option `{}`", parts.join(".")), help))
}

enum Match {
    No,
    Option(Vec<Segment>),
    Structure(Vec<Segment>),
}

fn matched(parts: &[&str], names: &[&str]) -> Match {
    let mut path = Vec::new();
    for (position, name) in names.iter().enumerate() {
        let Some(part) = parts.get(position) else {
            return Match::Structure(path);
        };
        match *name {
            "*" => {
                path.push(Segment::Key(parts[position..].join(".")));
                return Match::Option(path);
            }
            "**" => {
                for part in &parts[position..] {
                    let (key, index) = indexed(part);
                    path.push(Segment::Key(key.to_owned()));
                    path.extend(index.map(Segment::Index));
                }
                return Match::Option(path);
            }
            _ => {}
        }
        let (key, index) = indexed(part);
        let (name, is_list) = match name.strip_suffix("[]") {
            Some(name) => (name, true),
            None => (*name, false),
        };
        if !key.eq_ignore_ascii_case(name) || is_list != index.is_some() {
            return Match::No;
        }
        path.push(Segment::Key(name.to_owned()));
        path.extend(index.map(Segment::Index));
    }
    match parts.len() == names.len() {
        true => Match::Option(path),
        false => Match::No,
    }
}

/// Splits `domains[0]` into its name and its index.
fn indexed(part: &str) -> (&str, Option<usize>) {
    part.strip_suffix(']')
        .and_then(|part| part.rsplit_once('['))
        .and_then(|(key, index)| Some((key, Some(index.parse().ok()?))))
        .unwrap_or((part, None))
}

/// Returns `labels` with the rule syntax of Traefik 2 for every router.
pub fn with_old_rules(labels: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let routers = labels.keys().filter_map(|key| rule_of(key));
    let syntaxes = routers.map(|router| (format!("{router}.rulesyntax"), "v2".to_owned()));
    labels.clone().into_iter().chain(syntaxes).collect()
}

/// Returns `traefik.PROTOCOL.routers.NAME` of the label with the rule of a router.
fn rule_of(label: &str) -> Option<String> {
    let parts: Vec<&str> = label.split('.').collect();
    match parts.as_slice() {
        [first, _, section, _, option]
            if first.eq_ignore_ascii_case("traefik")
                && section.eq_ignore_ascii_case("routers")
                && option.eq_ignore_ascii_case("rule") =>
        {
            Some(parts[..4].join("."))
        }
        _ => None,
    }
}
