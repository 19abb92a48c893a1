//! What a kamal-proxy that runs serves: the table that `kamal-proxy list` prints.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The directory in which kamal-proxy keeps its certificates: the name of each file ends with the host name.
pub const CERTIFICATES: &str = "/home/kamal-proxy/.config/kamal-proxy/certs";

/// The kamal-proxy of a host.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct KamalProxyFacts {
    /// Whether its list is not known: it could not be read, or has another form.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unreadable: bool,
    /// What it serves, by the name that its list has.
    pub services: BTreeMap<String, ProxiedFacts>,
    /// Paths of the certificates that it keeps, below the directory that it keeps them in. Empty if it serves nothing with TLS.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub certificates: BTreeSet<String>,
}

/// A service behind kamal-proxy.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ProxiedFacts {
    /// Its host names; `*` is any.
    pub hosts: BTreeSet<String>,
    /// Its path prefixes; empty: all paths.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub paths: BTreeSet<String>,
    /// The containers that get its requests.
    pub targets: Vec<TargetFacts>,
    /// Whether they get them.
    pub state: ProxiedState,
    /// Whether it is served with TLS.
    pub tls: bool,
}

/// A container that gets requests of kamal-proxy.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TargetFacts {
    /// Its name; what the list has, if there is no such container.
    pub container: String,
    /// The port inside it.
    pub port: u16,
}

/// Whether the requests to a service reach its containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProxiedState {
    /// They do.
    Running,
    /// They are held.
    Paused,
    /// They are refused.
    #[default]
    Stopped,
}

/// What the probe has printed of a kamal-proxy.
#[derive(Default)]
pub(super) struct Answer {
    runs: bool,
    rows: Vec<String>,
    certificates: BTreeSet<String>,
}

impl Answer {
    /// Takes one line; `None` if it is about something else.
    pub fn line(&mut self, tag: &str, text: &str) -> Option<()> {
        match tag {
            "kamal_proxy" => self.runs = true,
            "proxied" => self.rows.push(without_styles(text)),
            "certificate" => {
                // The directory itself comes first.
                let (_, path) = text.split_once('/')?;
                let is_file = !path.is_empty() && !path.ends_with('/');
                self.certificates.extend(is_file.then(|| path.to_owned()));
            }
            _ => return None,
        }
        Some(())
    }

    /// Returns what the proxy serves, with its targets by the names that containers have, which are given by id; `None` if there is
    /// no proxy.
    pub fn read(self, names: &BTreeMap<String, String>) -> Option<Box<KamalProxyFacts>> {
        if !self.runs {
            return None;
        }
        let services = services(&self.rows);
        let mut facts = KamalProxyFacts {
            unreadable: services.is_none(),
            services: services.unwrap_or_default(),
            certificates: self.certificates,
        };
        let services = facts.services.values_mut();
        for target in services.flat_map(|service| &mut service.targets) {
            let is_short_id = target.container.len() >= 12;
            let mut ids = names.iter();
            let named = ids.find(|(id, _)| is_short_id && id.starts_with(&target.container));
            if let Some((_, name)) = named {
                target.container.clone_from(name);
            }
        }
        Some(Box::new(facts))
    }
}

/// Returns `text` without the sequences by which a terminal shows it bold or in color.
fn without_styles(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |plain, part| {
        plain + part.split_once('m').map_or(part, |(_, rest)| rest)
    })
}

/// Returns the services of a table; `None` if it is not one that is known.
fn services(rows: &[String]) -> Option<BTreeMap<String, ProxiedFacts>> {
    let (header, rows) = rows.split_first()?;
    let columns = columns(header)?;
    let mut services = BTreeMap::new();
    for row in rows {
        let (name, service) = service(&columns, row)?;
        if services.insert(name, service).is_some() {
            return None;
        }
    }
    Some(services)
}

/// The columns of a table: each name, and where it begins.
type Columns<'a> = Vec<(&'a str, usize)>;

/// Returns the columns of a table by its header.
fn columns(header: &str) -> Option<Columns<'_>> {
    let mut columns = Vec::new();
    for name in header.split_whitespace() {
        let from = columns
            .last()
            .map_or(0, |(name, at): &(&str, usize)| at + name.len());
        columns.push((name, from + header.get(from..)?.find(name)?));
    }
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let known = [
        ["Service", "Host", "Target", "State", "TLS"].as_slice(),
        &["Service", "Host", "Path", "Target", "State", "TLS"],
    ];
    known.contains(&names.as_slice()).then_some(columns)
}

/// Returns the text of a row below a column; `None` if it does not stand in that column alone.
fn cell<'r>(columns: &Columns, name: &str, row: &'r str) -> Option<&'r str> {
    let Some(at) = columns.iter().position(|(column, _)| *column == name) else {
        return Some("");
    };
    let from = columns[at].1.min(row.len());
    let to = columns.get(at + 1).map_or(row.len(), |(_, to)| *to);
    if from > 0 && from < row.len() && !row.get(..from)?.ends_with(' ') {
        return None;
    }
    let text = row.get(from..to.min(row.len()))?.trim();
    (!text.contains(char::is_whitespace)).then_some(text)
}

fn service(columns: &Columns, row: &str) -> Option<(String, ProxiedFacts)> {
    let of = |name: &str| cell(columns, name, row);
    let list = |name: &str| {
        let parts = of(name)?.split(',').filter(|part| !part.is_empty());
        Some(parts.map(str::to_owned))
    };
    let target = |text: String| {
        let (container, port) = text.rsplit_once(':')?;
        let port = port.parse().ok().filter(|port| *port > 0)?;
        Some(TargetFacts {
            container: Some(container.to_owned()).filter(|name| !name.is_empty())?,
            port,
        })
    };
    let name = of("Service")?.to_owned();
    let mut hosts: BTreeSet<String> = list("Host")?.collect();
    if hosts.is_empty() {
        hosts.insert("*".to_owned());
    }
    let service = ProxiedFacts {
        hosts,
        paths: list("Path")?.filter(|path| path != "/").collect(),
        targets: list("Target")?.map(target).collect::<Option<_>>()?,
        state: match of("State")? {
            "running" => ProxiedState::Running,
            "paused" => ProxiedState::Paused,
            "stopped" => ProxiedState::Stopped,
            _ => return None,
        },
        tls: match of("TLS")? {
            "yes" => true,
            "no" => false,
            _ => return None,
        },
    };
    (!name.is_empty()).then_some((name, service))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns what is read of a list, a line for each service; `-` if it cannot be read.
    fn read(list: &str) -> String {
        let mut answer = Answer::default();
        answer.line("kamal_proxy", "yes").unwrap();
        for line in list.lines().filter(|line| !line.is_empty()) {
            answer.line("proxied", line).unwrap();
        }
        let names = [("5f3c1a2b7d9e4444".to_owned(), "chat-web-1".to_owned())];
        let facts = answer.read(&names.into());
        let facts = facts.unwrap();
        if facts.unreadable {
            assert!(facts.services.is_empty());
            return "-".into();
        }
        let lines = facts.services.iter().map(|(name, one)| {
            let join = |words: &BTreeSet<String>| Vec::from_iter(words.iter().cloned()).join("+");
            let targets = one.targets.iter();
            let targets = targets.map(|one| format!("{}:{}", one.container, one.port));
            let (hosts, paths) = (join(&one.hosts), join(&one.paths));
            let targets = Vec::from_iter(targets).join("+");
            format!(
                "{name} {hosts} [{paths}] {targets} {:?} {}",
                one.state, one.tls
            )
        });
        Vec::from_iter(lines).join("\n")
    }

    #[test]
    fn each_form_of_the_list_is_read_and_nothing_is_guessed() {
        let header = "Service    Host               Target             State    TLS  \n";
        let path = "Service   Host     Path      Target             State    TLS\n";
        let styled = "\u{1b}[3;94mService\u{1b}[0m   \u{1b}[3;94mHost\u{1b}[0m  \u{1b}[3;94mTarget\u{1b}[0m    \u{1b}[3;94mState\u{1b}[0m    \u{1b}[3;94mTLS\u{1b}[0m  \n\
                      \u{1b}[1;34mchat-web\u{1b}[0m  \u{1b}[ma.b\u{1b}[0m   \u{1b}[mother:80\u{1b}[0m  \u{1b}[mstopped\u{1b}[0m  \u{1b}[mno\u{1b}[0m   \n";
        for (list, expected) in [
            (header.to_owned(), ""),
            (String::new(), "-"),
            ("Error: connection refused\n".to_owned(), "-"),
            (
                format!(
                    "{header}chat-web   chat.example.com   5f3c1a2b7d9e:3000  running  yes  \nshop-web   *                  a1b2c3d4e5f6:80    paused   no   \n"
                ),
                "chat-web chat.example.com [] chat-web-1:3000 Running true\nshop-web * [] a1b2c3d4e5f6:80 Paused false",
            ),
            (
                format!(
                    "{path}chat-web  a.b,c.d  /         5f3c1a2b7d9e:3000  running  yes\nshop               /api,/v2  a:80,b:81          running  no\n"
                ),
                "chat-web a.b+c.d [] chat-web-1:3000 Running true\nshop * [/api+/v2] a:80+b:81 Running false",
            ),
            (styled.to_owned(), "chat-web a.b [] other:80 Stopped false"),
            // A target, a state or a host that is not known; columns that run into each other; a name twice; more columns.
            (
                format!("{header}chat-web   a.b                5f3c1a2b7d9e       running  no\n"),
                "-",
            ),
            (
                format!("{header}chat-web   a.b                5f3c1a2b7d9e:x     running  no\n"),
                "-",
            ),
            (
                format!("{header}chat-web   a.b                5f3c1a2b7d9e:80    dying    no\n"),
                "-",
            ),
            (
                format!("{header}chat-web   a.b                5f3c1a2b7d9e:80    running\n"),
                "-",
            ),
            (
                format!("{header}chat-web-1.a.b                5f3c1a2b7d9e:80    running  no\n"),
                "-",
            ),
            (
                format!("{header}chat-web   a.b and c.d        5f3c1a2b7d9e:80    running  no\n"),
                "-",
            ),
            (
                format!(
                    "{header}chat-web   a.b                a:1                running  no\nchat-web   a.b                a:1                running  no\n"
                ),
                "-",
            ),
            (
                "Service  Host  Target  State  TLS  Weight\n".to_owned(),
                "-",
            ),
        ] {
            assert_eq!(read(&list), expected, "{list}");
        }
    }

    #[test]
    fn certificates_are_known_by_their_paths() {
        let mut answer = Answer::default();
        for line in [
            "certs/",
            "certs/ab/",
            "certs/ab/a.example",
            "certs/b.example",
        ] {
            answer.line("certificate", line).unwrap();
        }
        assert_eq!(answer.line("other", "x"), None);
        assert_eq!(
            Vec::from_iter(&answer.certificates),
            ["ab/a.example", "b.example"]
        );
        assert_eq!(answer.read(&BTreeMap::new()), None);
    }
}
