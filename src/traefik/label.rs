//! From a label to an entry of the document.

use super::LabelError;
use super::shape;
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

/// Returns what a label says; `None` where it says nothing that a routing file needs.
pub(super) fn parse(label: &str, value: &str) -> Result<Option<Entry>, LabelError> {
    let error = |message: &str, help: &str| LabelError {
        label: label.to_owned(),
        message: message.to_owned(),
        help: Some(help.to_owned()),
    };
    let mut parts = label.split('.');
    if !parts
        .next()
        .is_some_and(|root| root.eq_ignore_ascii_case("traefik"))
    {
        return Ok(None);
    }
    let parts: Vec<&str> = parts.collect();
    let lower: Vec<String> = parts.iter().map(|part| part.to_lowercase()).collect();
    let protocol = match lower.first().map(String::as_str) {
        Some("docker") => return Ok(None),
        Some("enable") if parts.len() == 1 => return enabled(value, &error),
        Some("http") => Protocol::Http,
        Some("tcp") => Protocol::Tcp,
        Some("udp") => Protocol::Udp,
        Some("frontend" | "backend" | "port" | "protocol" | "weight") => {
            return Err(error(
                "this is a label of Traefik 1",
                "write `traefik.http.routers.NAME.rule` and `traefik.http.services.NAME.loadbalancer.server.port`",
            ));
        }
        _ => {
            return Err(error(
                "Traefik has no such option for a container",
                "a label begins with `traefik.http.`, `traefik.tcp.` or `traefik.udp.`, or is `traefik.enable`",
            ));
        }
    };
    let (section, options) = match (protocol, lower.get(1).map(String::as_str)) {
        (Protocol::Http, Some("routers")) => (Section::Routers, shape::HTTP_ROUTER),
        (Protocol::Http, Some("services")) => (Section::Services, shape::HTTP_SERVICE),
        (Protocol::Http, Some("middlewares")) => (Section::Middlewares, shape::HTTP_MIDDLEWARE),
        (Protocol::Tcp, Some("routers")) => (Section::Routers, shape::TCP_ROUTER),
        (Protocol::Tcp, Some("services")) => (Section::Services, shape::TCP_SERVICE),
        (Protocol::Tcp, Some("middlewares")) => (Section::Middlewares, shape::TCP_MIDDLEWARE),
        (Protocol::Udp, Some("routers")) => (Section::Routers, shape::UDP_ROUTER),
        (Protocol::Udp, Some("services")) => (Section::Services, shape::UDP_SERVICE),
        _ => {
            let key = protocol.key();
            return Err(error(
                "Traefik has no such option for a container",
                &format!("after `traefik.{key}.` comes `routers`, `services` or `middlewares`"),
            ));
        }
    };
    let Some((name, rest)) = parts[2..]
        .split_first()
        .filter(|(name, rest)| !name.is_empty() && !rest.is_empty())
    else {
        return Err(error(
            "the label ends before its option",
            "write `traefik.PROTOCOL.SECTION.NAME.OPTION`",
        ));
    };
    let (path, value) = option(rest, value, options).map_err(|(message, help)| LabelError {
        label: label.to_owned(),
        message,
        help,
    })?;
    Ok(Some(Entry {
        label: label.to_owned(),
        protocol,
        section,
        name: (*name).to_owned(),
        path,
        value,
    }))
}

fn enabled(
    value: &str,
    error: &impl Fn(&str, &str) -> LabelError,
) -> Result<Option<Entry>, LabelError> {
    match boolean(value) {
        Some(true) => Ok(None),
        _ => Err(error(
            "the role is served through Traefik, and this label turns it off",
            "set `traefik: false` for the role, or remove the label",
        )),
    }
}

/// Returns the boolean that Traefik reads in `text`.
fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

type Problem = (String, Option<String>);

/// Finds the option that the parts of a label after the name mean.
fn option(
    parts: &[&str],
    value: &str,
    groups: &'static [(&'static str, &'static [&'static str])],
) -> Result<(Vec<Segment>, Setting), Problem> {
    for option in shape::options(groups) {
        let names: Vec<&str> = option.split('.').collect();
        match matched(parts, &names) {
            Match::No => {}
            Match::Option(path) => return Ok((path, Setting::Value(value.to_owned()))),
            Match::Structure(path) => {
                let Some(on) = boolean(value) else {
                    return Err((
                        "a structure takes `true` or `false`".to_owned(),
                        Some(format!("did you mean `{}`?", option.to_lowercase())),
                    ));
                };
                return Ok((path, Setting::Switch(on)));
            }
        }
    }
    let wanted = parts.join(".").to_lowercase();
    let nearest = shape::options(groups)
        .map(|option| option.to_lowercase())
        .map(|option| (strsim::damerau_levenshtein(&option, &wanted), option))
        .min()
        .filter(|(distance, option)| *distance <= option.len() / 3);
    Err((
        format!("Traefik has no option `{}` here", parts.join(".")),
        nearest.map(|(_, option)| format!("did you mean `{option}`?")),
    ))
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
    if parts.len() == names.len() {
        Match::Option(path)
    } else {
        Match::No
    }
}

/// Splits `domains[0]` into its name and its index.
fn indexed(part: &str) -> (&str, Option<usize>) {
    part.strip_suffix(']')
        .and_then(|part| part.rsplit_once('['))
        .and_then(|(key, index)| Some((key, Some(index.parse().ok()?))))
        .unwrap_or((part, None))
}
