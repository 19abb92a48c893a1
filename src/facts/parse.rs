//! Reads what the probe printed.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::value::Error as ValueError;
use serde::de::{DeserializeOwned, IntoDeserializer};
use thiserror::Error;

use super::model::{
    ContainerFacts, ContainerState, DirectoryFacts, FileFacts, HostFacts, ImageFacts, NetworkFacts,
    PortFacts, Privilege, SerialFacts, TraefikFacts,
};
use super::query::{SecretQuestion, familiar};
use super::routed;
use super::{answer, engine, kamal_proxy};
use crate::digest::{self, is_sha256};
use crate::json::MAX_INTEGER;
use crate::name::{PlanDigest, Sha256Hex};
use crate::record::Unfinished;

const BEGIN: &str = "mrsk-facts 1 begin";
const END: &str = "mrsk-facts 1 end";

/// Why an answer cannot be used. The host is to be asked again, or the error reported; nothing may
/// be concluded from the rest.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParseError {
    /// The probe did not start: the login shell printed something else, or nothing.
    #[error("the host did not run the probe")]
    NotStarted,
    /// The answer has no end.
    #[error("the host's answer is truncated")]
    Torn,
    /// A line is not valid.
    #[error("invalid line {line} in the host's answer: {tag:?}")]
    Line {
        /// Counted from 1, after the line that begins the answer.
        line: usize,
        /// The word that the line begins with.
        tag: String,
    },
    /// Docker answered only a part of the questions.
    #[error("docker did not report its {0}")]
    Incomplete(String),
    /// Docker names a state that this version does not know.
    #[error(
        "container `{container}`: unknown {property} {value:?}; update mrsk or remove the container"
    )]
    Unknown {
        /// The container's name.
        container: String,
        /// `state` or `health`.
        property: &'static str,
        /// What docker printed.
        value: String,
    },
}

/// Reads what a host printed when it ran [`super::probe_script`]. Whatever the login shell printed
/// before that is skipped.
///
/// # Errors
/// An answer that is truncated, has an invalid line, or lacks a part.
pub fn parse(output: &str, secrets: &[SecretQuestion]) -> Result<HostFacts, ParseError> {
    let mut lines = output.lines().skip_while(|line| *line != BEGIN);
    lines.next().ok_or(ParseError::NotStarted)?;
    if !lines.clone().any(|line| line == END) {
        return Err(ParseError::Torn);
    }
    let mut reader = Reader {
        secrets,
        ..Reader::default()
    };
    for (index, line) in lines.take_while(|line| *line != END).enumerate() {
        let (tag, text) = line.split_once(' ').unwrap_or((line, ""));
        reader.line(tag, text).ok_or_else(|| ParseError::Line {
            line: index + 1,
            tag: tag.chars().take(40).collect(),
        })?;
    }
    reader.finish()
}

/// What has been read so far, and what can be concluded only at the end.
#[derive(Default)]
struct Reader<'a> {
    secrets: &'a [SecretQuestion],
    facts: HostFacts,
    raw_machine_id: String,
    host_key: String,
    wanted_ports: BTreeSet<u16>,
    listening: BTreeSet<u16>,
    published: Vec<(String, String)>,
    writable: BTreeSet<String>,
    watched: String,
    repository: String,
    endpoint: String,
    remote: String,
    security: Vec<String>,
    begun: BTreeSet<PlanDigest>,
    names_by_id: BTreeMap<String, String>,
    proxy: kamal_proxy::Answer,
    asked: usize,
    failed: Vec<String>,
    unknown: Option<ParseError>,
}

impl Reader<'_> {
    /// Takes one line; `None` if it is not valid.
    fn line(&mut self, tag: &str, text: &str) -> Option<()> {
        let facts = &mut self.facts;
        match tag {
            "home" => facts.home = text.to_owned(),
            "user" => facts.user = text.to_owned(),
            "privilege" => {
                facts.privilege = match text {
                    "root" => Privilege::Root,
                    "sudo" => Privilege::Sudo,
                    _ => Privilege::None,
                }
            }
            "state_dir" => facts.state_dir = absolute(text)?,
            "architecture" => facts.architecture = text.to_owned(),
            "hostname" => facts.hostname = text.to_owned(),
            "boot_id" => facts.boot_id = text.to_owned(),
            "machine_id" => self.raw_machine_id = text.to_owned(),
            "host_key" => self.host_key = text.to_owned(),
            "os" => facts.os = text.trim_matches(['"', '\'']).to_owned(),
            "package_manager" => facts.package_manager = text.to_owned(),
            "curl" => facts.curl.installed = true,
            "login" => facts.logins.extend([json::<String>(text)?]),
            "serial" => facts.serial = serial(text)?,
            "finished" => facts.finished.extend(plan_digest(text)),
            "begun" => self.begun.extend(plan_digest(text)),
            "routed" => routed::add(&mut facts.routed, text)?,
            "lock" => facts.lock = Some(lock(text)),
            "space" => facts.free_bytes = free_bytes(text).unwrap_or(0),
            "routing_file" => {
                facts.routing_files.insert(text.to_owned());
            }
            "file" | "alias" | "text" => file(&mut facts.files, tag, text),
            "directory" => {
                let (entries, path) = text.split_once(' ')?;
                let entries = entries.parse().ok()?;
                let directory = DirectoryFacts { entries };
                facts.directories.insert(absolute(path)?, directory);
            }
            "assets" => {
                let mut names = text.split(' ').map(str::to_owned);
                facts.assets.insert(names.next()?, names.collect());
            }
            "service_manager" => facts.service_manager = text.to_owned(),
            "writable" => self.writable.extend([text.to_owned()]),
            "watched" => self.watched = absolute(text)?,
            _ => return self.engine_line(tag, text),
        }
        Some(())
    }

    fn engine_line(&mut self, tag: &str, text: &str) -> Option<()> {
        let facts = &mut self.facts;
        match tag {
            "docker" => facts.docker.installed = true,
            "denied" => facts.docker.denied = true,
            "remote" => self.remote = text.to_owned(),
            "helper" => facts.docker.helpers.extend([json::<String>(text)?]),
            "endpoint" => self.endpoint = json(text).unwrap_or_default(),
            "info" => {
                let answer::Info(version, security) =
                    json(text).unwrap_or(answer::Info(String::new(), None));
                facts.docker.answers = !version.is_empty();
                facts.docker.version = version;
                self.security = security.unwrap_or_default();
            }
            "wanted" => {
                let ports: Result<_, _> = text.split_whitespace().map(str::parse).collect();
                self.wanted_ports = ports.ok()?;
            }
            "failed" => self.failed.push(text.to_owned()),
            "listen" => self.listening.extend([u16::from_str_radix(text, 16).ok()?]),
            "published" => {
                let (name, ports) = text.split_once(' ')?;
                self.published
                    .push((plain_name(&json::<String>(name)?), json(ports)?));
            }
            "asked" => self.asked = text.parse().ok()?,
            "container" => self.container(json(text)?)?,
            "in_flight" => {
                let (id, count) = text.split_once(' ')?;
                let count = count.parse().ok()?;
                self.by_id(id)?.in_flight = count;
            }
            "healthy" => self.by_id(text)?.healthy = true,
            "hashed" => {
                let (number, text) = text.split_once(' ')?;
                let question = self.secrets.get(number.parse::<usize>().ok()?)?;
                let (id, hashes) = text.split_once(' ').unwrap_or((text, ""));
                let differing = question.differing(hashes).cloned();
                self.by_id(id)?.secrets_differ.extend(differing);
            }
            "traefik" => {
                let answer::Traefik { name, image, args } = json(text)?;
                facts.traefik = Some(TraefikFacts {
                    container: plain_name(&name),
                    image,
                    args: args.unwrap_or_default(),
                    ..TraefikFacts::default()
                });
            }
            "network" => facts.networks.extend([json::<String>(text)?]),
            "repository" => self.repository = text.to_owned(),
            "networks_of_engine" => {
                let networks: Vec<engine::Network> = json(text)?;
                let names = networks.into_iter().map(|network| network.name);
                facts.networks.extend(names);
            }
            "image" => {
                let answer::Image(tag, id, digest, created) = json(text)?;
                self.image((&tag, &digest), &id, (image_time(&created), 0));
            }
            "images_of_engine" => {
                let repository = familiar(&self.repository).to_owned();
                for image in json::<Vec<engine::Image>>(text)? {
                    for row in image.rows(&repository) {
                        self.image(row, &image.id, (image.created_at(), image.bytes()));
                    }
                }
            }
            "further" => {
                let (reference, about) = text.split_once(' ')?;
                self.further(reference, json(about)?);
            }
            _ => return self.proxy.line(tag, text),
        }
        Some(())
    }

    fn by_id(&mut self, id: &str) -> Option<&mut ContainerFacts> {
        self.facts.containers.get_mut(self.names_by_id.get(id)?)
    }

    fn container(&mut self, answer: answer::Container) -> Option<()> {
        let name = plain_name(&answer.name);
        let short = answer.id.get(..12).unwrap_or(&answer.id).to_owned();
        let network = |(network, part): (String, answer::Network)| {
            let aliases = part.aliases.unwrap_or_default().into_iter();
            let aliases = aliases.filter(|alias| *alias != short).collect();
            (network, NetworkFacts { aliases })
        };
        let networks = answer.networks.unwrap_or_default().into_iter();
        let state = self.known::<ContainerState>(&name, "state", answer.state);
        let has_ended = matches!(state, ContainerState::Exited | ContainerState::Dead);
        let facts = ContainerFacts {
            state,
            health: self.known(&name, "health", answer.health),
            image: answer.image,
            image_id: answer.image_id,
            labels: answer.labels.unwrap_or_default(),
            networks: networks.map(network).collect(),
            created_at: seconds(answer.created.parse().ok()?),
            // Docker has the year 1 for what never happened.
            stopped_at: answer.stopped.parse().map_or(0, seconds),
            exit_code: answer.exit.filter(|_| has_ended),
            id: answer.id.clone(),
            ..ContainerFacts::default()
        };
        self.names_by_id.insert(answer.id, name.clone());
        self.facts.containers.insert(name, facts);
        Some(())
    }

    /// Reads a state that docker names; one that is not known is an error at the end.
    fn known<T: DeserializeOwned + Default>(
        &mut self,
        container: &str,
        property: &'static str,
        value: String,
    ) -> T {
        T::deserialize(value.as_str().into_deserializer()).unwrap_or_else(|_: ValueError| {
            self.unknown.get_or_insert(ParseError::Unknown {
                container: container.to_owned(),
                property,
                value,
            });
            T::default()
        })
    }

    /// Takes an image by its tag and its registry digest, each `<none>` if there is none, with when it was made and its bytes.
    fn image(&mut self, (tag, digest): (&str, &str), id: &str, (created_at, bytes): (u64, u64)) {
        let reference = match (tag, digest) {
            ("<none>", "<none>") => format!("{}@{id}", self.repository),
            ("<none>", digest) => format!("{}@{digest}", self.repository),
            (tag, _) => format!("{}:{tag}", self.repository),
        };
        let image = self.facts.images.entry(reference);
        let image = image.or_insert_with(|| ImageFacts {
            id: id.to_owned(),
            digests: BTreeSet::new(),
            created_at,
            bytes,
        });
        if digest.contains(':') {
            image.digests.insert(digest.to_owned());
        }
    }

    /// Takes an image that was asked for by its reference.
    fn further(
        &mut self,
        reference: &str,
        answer::FurtherImage(id, digests, created): answer::FurtherImage,
    ) {
        let digests = digests.unwrap_or_default().into_iter();
        let digests = digests.filter_map(|digest| Some(digest.split_once('@')?.1.to_owned()));
        let image = ImageFacts {
            id,
            digests: digests.collect(),
            created_at: created.parse().map_or(0, seconds),
            bytes: 0,
        };
        self.facts.images.insert(reference.to_owned(), image);
    }

    fn finish(mut self) -> Result<HostFacts, ParseError> {
        let docker = &mut self.facts.docker;
        docker.unsupported = unsupported(&self.remote, &self.endpoint, &self.security);
        if let Some(unknown) = self.unknown {
            return Err(unknown);
        }
        if docker.answers {
            if let Some(what) = self.failed.pop() {
                return Err(ParseError::Incomplete(what));
            }
            if self.names_by_id.len() != self.asked {
                return Err(ParseError::Incomplete("containers".to_owned()));
            }
        }
        let facts = &mut self.facts;
        facts.machine_id = identity(&self.raw_machine_id, &facts.hostname, &self.host_key);
        facts.unfinished = &self.begun - &facts.finished;
        facts.kamal_proxy = self.proxy.read(&self.names_by_id);
        facts.routing_directory = format!("{}/traefik", facts.state_dir);
        if let Some(traefik) = &mut facts.traefik {
            traefik.writable = self.writable.contains(&self.watched);
            traefik.directory = self.watched;
            if !traefik.directory.is_empty() {
                facts.routing_directory.clone_from(&traefik.directory);
            }
        }
        for port in self.listening {
            let holder = "process".to_owned();
            facts.ports.insert(port.to_string(), PortFacts { holder });
        }
        for (name, ports) in self.published {
            for port in ports.split(", ").filter_map(host_ports).flatten() {
                let holder = format!("container {name}");
                facts.ports.insert(port.to_string(), PortFacts { holder });
            }
        }
        let wanted: BTreeSet<String> = self.wanted_ports.iter().map(u16::to_string).collect();
        facts.ports.retain(|port, _| wanted.contains(port));
        Ok(self.facts)
    }
}

fn json<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    serde_json::from_str(text).ok()
}

/// Docker puts a slash before a container's name, and lists the names that links give it beside it.
fn plain_name(name: &str) -> String {
    let mut names = name.split(',').map(|name| name.trim_start_matches('/'));
    let plain = names.find(|name| !name.contains('/'));
    plain.unwrap_or(name).to_owned()
}

/// Reads the host's side of `0.0.0.0:80->8080/tcp` or `[::]:80-81->80-81/tcp`.
fn host_ports(publication: &str) -> Option<std::ops::RangeInclusive<u16>> {
    let (host, container) = publication.split_once("->")?;
    if !container.ends_with("/tcp") {
        return None;
    }
    let (_, ports) = host.rsplit_once(':')?;
    let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
    Some(first.parse().ok()?..=last.parse().ok()?)
}

/// Reads a digest with its prefix, or the name of a run's directory, which has none.
fn plan_digest(text: &str) -> Option<PlanDigest> {
    let word = text.split_whitespace().next()?;
    let digits = digest::digits(word).unwrap_or(word);
    is_sha256(digits).then(|| PlanDigest::from_digits(digits))
}

fn serial(text: &str) -> Option<SerialFacts> {
    let integer = |text: &str| text.parse().ok().filter(|number| *number <= MAX_INTEGER);
    let mut words = text.split(' ');
    let number = integer(words.next()?)?;
    let plan = words.next().and_then(plan_digest);
    let unfinished = match (&plan, words.next(), words.next()) {
        (Some(plan), Some(attempts), Some(checksum)) => Some(Unfinished {
            plan: plan.clone(),
            attempts: integer(attempts)?,
            checksum: integer(checksum)?,
        }),
        _ => None,
    };
    Some(SerialFacts {
        number,
        plan,
        unfinished,
    })
}

/// A lock that a person made by hand may hold anything.
fn lock(text: &str) -> String {
    let decoded = STANDARD.decode(text.trim()).ok();
    let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    decoded.unwrap_or_else(|| text.to_owned())
}

/// Reads a line of `df -Pk`: the number before the percentage. A file system's name may have spaces.
fn free_bytes(text: &str) -> Option<u64> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let pair = words.windows(2).find(|pair| pair[1].ends_with('%'))?;
    let bytes = pair[0].parse::<u64>().ok()?.checked_mul(1024)?;
    (bytes <= MAX_INTEGER).then_some(bytes)
}

/// Reads a line of `sha256sum`, or of `grep -Ho`, which comes later. A file whose name holds a line
/// end is none of ours; its lines are skipped.
fn file(files: &mut BTreeMap<String, FileFacts>, tag: &str, text: &str) {
    if tag == "file" {
        let line = text.split_once("  ");
        if let Some((sha256, path)) =
            line.filter(|(sha256, path)| is_sha256(sha256) && path.starts_with('/'))
        {
            files.entry(path.to_owned()).or_default().sha256 = sha256.to_owned();
        }
    } else if tag == "text" {
        if let Some((encoded, path)) = text.split_once(' ')
            && let Some(file) = files.get_mut(path)
        {
            let bytes = STANDARD.decode(encoded).unwrap_or_default();
            file.text = String::from_utf8(bytes).unwrap_or_default();
        }
    } else if let Some((path, alias)) = text.rsplit_once(':')
        && let Some(file) = files.get_mut(path)
    {
        file.aliases.insert(alias.to_owned());
    }
}

fn absolute(path: &str) -> Option<String> {
    path.starts_with('/').then(|| path.to_owned())
}

fn seconds(time: jiff::Timestamp) -> u64 {
    u64::try_from(time.as_second()).unwrap_or(0)
}

/// Reads `2026-11-23 18:55:41 +0000 UTC`.
fn image_time(text: &str) -> u64 {
    let stamp = text.rsplit_once(' ').map_or(text, |(stamp, _)| stamp);
    jiff::Timestamp::strptime("%Y-%m-%d %H:%M:%S %z", stamp).map_or(0, seconds)
}

fn identity(machine_id: &str, hostname: &str, host_key: &str) -> String {
    let key = host_key.split_whitespace().nth(1).unwrap_or("");
    let whole = format!("{machine_id}\n{hostname}\n{key}");
    Sha256Hex::of(whole.as_bytes()).as_str()[..32].to_owned()
}

fn unsupported(remote: &str, endpoint: &str, security: &[String]) -> String {
    let has = |option: &str| {
        let named = |entry: &String| entry.split(',').any(|part| part == option);
        security.iter().any(named)
    };
    if !remote.is_empty() {
        return format!("DOCKER_HOST points to another machine ({remote})");
    }
    if !endpoint.is_empty() && !endpoint.starts_with("unix://") {
        let host = endpoint.rsplit('@').next().unwrap_or(endpoint);
        return format!("docker's context points to another machine ({host})");
    }
    if has("name=rootless") {
        return "the engine is rootless".to_owned();
    }
    if has("name=userns") {
        return "the engine remaps user ids (userns-remap)".to_owned();
    }
    String::new()
}

#[cfg(test)]
mod tests;
