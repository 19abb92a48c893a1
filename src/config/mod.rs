//! The configuration: from `deploy.yml` and `.env` to a [`model::Config`], with every problem reported at once.
//!
//! A template becomes text ([`crate::erb`]), text becomes a tree of nodes with positions (`node`), a destination's tree is merged over it (`destination`), the tree becomes values (`decode` and one module per area),
//! and defaults and merging are done there, once: the model has no open questions.

mod accessories;
mod builder;
mod decode;
mod destination;
pub mod dotenv;
mod env;
mod file;
mod host;
mod hosts;
pub mod model;
mod node;
mod options;
mod ports;
mod registry;
pub mod render;
mod reveal;
mod schema;
pub mod secrets;
mod servers;
mod service;
mod yaml;

pub use decode::Places;
pub use destination::{Destination, check as check_destination};
pub use file::load;
pub use registry::PASSWORD_SECRET;
pub use reveal::hide_secret_lines;
pub use schema::schema;
pub use service::DEFAULT_TRAEFIK_IMAGE;

use crate::diagnostic::{Diagnostic, Place, Severity};
use crate::erb::{self, Evaluated, World};
use crate::secret::Secrets;
use decode::{Decoder, Field, Record};
use hosts::Hosts;
use model::Config;
use node::{BASE, Kind, Mark, Node, OVERLAY};
use servers::Global;

/// The largest file that is read, in bytes.
const MAX_BYTES: usize = 8 << 20;

/// Days for which stopped containers are kept.
const RETAIN_DAYS: u32 = 3;

/// The keys of the file, beside those that begin with `x-`.
const KEYS: [&str; 19] = [
    "service",
    "image",
    "servers",
    "registry",
    "env",
    "builder",
    "labels",
    "traefik",
    "healthcheck",
    "readiness_delay",
    "stop_wait_time",
    "drain_timeout",
    "volumes",
    "logging",
    "ssh",
    "boot",
    "accessories",
    "audit_broadcast_cmd",
    "retain_containers",
];

const REQUIRED: [&str; 4] = ["service", "image", "servers", "registry"];

/// A configuration that was read.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The configuration, with secrets as names.
    pub config: Config,
    /// Secrets that stand in the file: a literal password of the registry, as [`PASSWORD_SECRET`].
    pub literal_secrets: Secrets,
    /// Where the file refers to each variable of the environment.
    pub places: Places,
    /// Where the file has each label of a role and each argument of Traefik.
    pub routing: Places,
    /// What a user should know.
    pub warnings: Vec<Diagnostic>,
}

/// What a configuration is read from.
#[derive(Clone, Copy)]
struct Input<'a> {
    path: &'a str,
    text: &'a str,
    destination: Option<Destination<'a>>,
    /// Destinations that could have been named.
    known: &'a [String],
}

/// Reads the configuration `text`, with a destination's file merged over it. `path_shown` is its path as messages and the
/// model have it.
///
/// # Errors
/// Every problem of the files, with warnings among them, in the order of the files.
pub fn parse(
    path_shown: &str,
    text: &str,
    destination: Option<Destination<'_>>,
) -> Result<Loaded, Vec<Diagnostic>> {
    parse_input(&Input {
        path: path_shown,
        text,
        destination,
        known: &[],
    })
}

fn parse_input(input: &Input<'_>) -> Result<Loaded, Vec<Diagnostic>> {
    let over = input.destination;
    let files = [(input.path, input.text)].into_iter();
    let files = files.chain(over.map(|over| (over.path, over.text)));
    let mut decoder = Decoder::new(files.clone().map(|(path, _)| path).collect());
    let result = read(&mut decoder, input);
    let places = std::mem::take(&mut decoder.places);
    let routing = std::mem::take(&mut decoder.routing);
    let mut diagnostics = decoder.diagnostics;
    for (path, text) in files {
        reveal::hide_secret_lines(path, text, &mut diagnostics);
    }
    diagnostics.sort_by(|left, right| left.place.cmp(&right.place));
    match result {
        Some((config, literal_secrets)) if is_valid(&diagnostics) => Ok(Loaded {
            config,
            literal_secrets,
            places,
            routing,
            warnings: diagnostics,
        }),
        _ => Err(diagnostics),
    }
}

/// Reads the configuration of the template `text`, as [`parse`] does what the templates become in `world`.
///
/// # Errors
/// As [`parse`], with places of the templates; what is wrong with a template itself.
pub fn parse_template(
    path_shown: &str,
    text: &str,
    destination: Option<Destination<'_>>,
    world: &mut dyn World,
) -> Result<Loaded, Vec<Diagnostic>> {
    evaluate_and_parse(
        &Input {
            path: path_shown,
            text,
            destination,
            known: &[],
        },
        world,
    )
}

fn evaluate_and_parse(input: &Input<'_>, world: &mut dyn World) -> Result<Loaded, Vec<Diagnostic>> {
    let mut evaluate = |path: &str, text: &str| erb::evaluate(path, without_mark(text), world);
    let base = evaluate(input.path, input.text)?;
    let over = input.destination;
    let over = over.map(|over| evaluate(over.path, over.text).map(|text| (over, text)));
    let over = over.transpose()?;
    let mut result = parse_input(&Input {
        text: &base.text,
        destination: over.as_ref().map(|(over, evaluated)| Destination {
            text: &evaluated.text,
            ..*over
        }),
        ..*input
    });
    trace(input.path, &base, &mut result);
    if let Some((over, evaluated)) = &over {
        trace(over.path, evaluated, &mut result);
    }
    result
}

/// Turns places in what a template became into places of the template.
fn trace(path: &str, evaluated: &Evaluated, result: &mut Result<Loaded, Vec<Diagnostic>>) {
    let diagnostics = match result {
        Ok(loaded) => {
            let names = loaded.places.values_mut();
            let names = names.chain(loaded.routing.values_mut());
            evaluated.trace_places(path, names.flatten());
            &mut loaded.warnings
        }
        Err(diagnostics) => diagnostics,
    };
    evaluated.trace(path, diagnostics);
    reveal::hide_secret_lines(path, evaluated.source(), diagnostics);
    diagnostics.sort_by(|left, right| left.place.cmp(&right.place));
}

/// Returns `text` without the mark that some editors begin a file with.
fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

fn is_valid(diagnostics: &[Diagnostic]) -> bool {
    diagnostics
        .iter()
        .all(|diagnostic| diagnostic.severity == Severity::Warning)
}

fn whole_file(file: &str) -> Place {
    Place {
        file: file.to_owned(),
        line: 0,
        column: 0,
        length: 1,
    }
}

/// Returns the position of the first character of a file.
fn start(file: usize) -> Mark {
    Mark {
        file,
        line: 1,
        column: 1,
        length: 1,
    }
}

/// Returns the position after the last character of `text`.
fn end_of(text: &str, file: usize) -> Mark {
    let line = text.rsplit('\n').next().unwrap_or("");
    Mark {
        line: text.matches('\n').count() + 1,
        column: line.chars().count() + 1,
        ..start(file)
    }
}

fn read(decoder: &mut Decoder<'_>, input: &Input<'_>) -> Option<(Config, Secrets)> {
    let problem = input
        .destination
        .and_then(|over| destination::check(over.name));
    decoder.diagnostics.extend(problem);
    let base = tree(decoder, BASE, input.text);
    let root = match input.destination {
        None => base?,
        Some(over) => {
            let over = tree(decoder, OVERLAY, over.text);
            destination::merge(base?, over?)
        }
    };
    if root.kind == Kind::Null {
        let error = Diagnostic::error("the configuration is empty").at(whole_file(input.path));
        let help = format!(
            "it needs at least {}{}",
            decode::list(REQUIRED),
            elsewhere(input)
        );
        decoder.diagnostics.push(error.help(help));
        return None;
    }
    let record = top_level(decoder, &whole(&root), input);
    Some(config(decoder, &record, input))
}

/// Returns the content of a file: a map, or nothing. Reports why there is none.
fn tree(decoder: &mut Decoder<'_>, file: usize, text: &str) -> Option<Node> {
    let text = without_mark(text);
    if !is_readable(decoder, file, text) {
        return None;
    }
    let root = match yaml::parse(text, file) {
        Ok(root) => root.unwrap_or(Node {
            mark: start(file),
            kind: Kind::Null,
        }),
        Err(problems) => {
            decoder.problems(problems);
            return None;
        }
    };
    if !matches!(root.kind, Kind::Mapping(_) | Kind::Null) {
        decoder.entries(&whole(&root));
        return None;
    }
    Some(root)
}

fn whole(root: &Node) -> Field<'_> {
    Field {
        path: String::new(),
        key: root.mark,
        node: root,
    }
}

/// Returns where else a missing key may be written.
fn elsewhere(input: &Input<'_>) -> String {
    match (input.destination, input.known) {
        (Some(over), _) => format!(", here or in {}", over.path),
        (None, []) => String::new(),
        (None, known) => format!("; or name a destination with `-d`: {}", decode::list(known)),
    }
}

/// Looks for what makes reading the file as YAML pointless.
fn is_readable(decoder: &mut Decoder<'_>, file: usize, text: &str) -> bool {
    let before = decoder.diagnostics.len();
    if text.len() > MAX_BYTES {
        let error = Diagnostic::error(format!("the file is larger than {} MiB", MAX_BYTES >> 20))
            .at(whole_file(decoder.file(file)));
        decoder.diagnostics.push(
            error.help("check that it is the right file, or name another one with `-c FILE`"),
        );
    }
    if let Some(position) = text.find('\0') {
        decoder.error(
            end_of(&text[..position], file),
            "the file contains a NUL byte",
            "remove it",
        );
    }
    decoder.diagnostics.len() == before
}

/// Returns the known keys of the file, and reports those that are unknown or missing.
fn top_level<'n>(decoder: &mut Decoder<'_>, root: &Field<'n>, input: &Input<'_>) -> Record<'n> {
    let mut known: Vec<&str> = KEYS.to_vec();
    let entries = decoder.entries(root);
    known.extend(
        entries
            .iter()
            .map(|(name, _)| *name)
            .filter(|name| name.starts_with("x-")),
    );
    let record = decoder.record(root, &known);
    let missing: Vec<&str> = REQUIRED
        .into_iter()
        .filter(|key| record.get(key).is_none())
        .collect();
    if !missing.is_empty() {
        let (noun, them) = match missing.len() {
            1 => ("key", "it"),
            _ => ("keys", "them"),
        };
        let message = format!("missing {noun} {}", decode::list(&missing));
        let servers = match missing.contains(&"servers") {
            true => "; `servers` may be a list of hosts or a map of roles",
            false => "",
        };
        let help = format!("add {them} at the top level{}{servers}", elsewhere(input));
        let error = Diagnostic::error(message).at(decoder.place(root.node.mark));
        decoder.diagnostics.push(error.help(help).hide_source());
    }
    record
}

fn config(decoder: &mut Decoder<'_>, record: &Record<'_>, input: &Input<'_>) -> (Config, Secrets) {
    let service = record
        .get("service")
        .and_then(|field| registry::service(decoder, field));
    let image = record
        .get("image")
        .and_then(|field| registry::image(decoder, field));
    let (registry, password) = registry::decode(decoder, record.get("registry"));
    let ssh = service::ssh(decoder, record.get("ssh"));
    let env = record.get("env").map(|field| env::decode(decoder, field));
    let labels = record
        .get("labels")
        .map(|field| options::role_labels(decoder, field));
    let global = Global {
        env: env.unwrap_or_default(),
        labels: labels.unwrap_or_default(),
    };
    let mut hosts = Hosts::new(&ssh);
    let servers = record.get("servers");
    let roles = servers
        .map(|field| servers::decode(decoder, field, &global, &mut hosts))
        .unwrap_or_default();
    let accessories = record
        .get("accessories")
        .map(|field| accessories::decode(decoder, field, &roles, servers, &mut hosts))
        .unwrap_or_default();
    let config = Config {
        path: input.path.to_owned(),
        service: service.unwrap_or_default(),
        image: image.unwrap_or_default(),
        destination: input.destination.map(|over| over.name.to_owned()),
        hosts: hosts.all().to_vec(),
        roles,
        registry,
        builder: builder::decode(decoder, record.get("builder")),
        traefik: service::traefik(decoder, record.get("traefik")),
        healthcheck: service::healthcheck(decoder, record.get("healthcheck")),
        readiness_delay: seconds(decoder, record, "readiness_delay", 7),
        stop_wait_time: seconds(decoder, record, "stop_wait_time", 10),
        drain_timeout: seconds(decoder, record, "drain_timeout", 30),
        volumes: record
            .get("volumes")
            .map(|field| options::list_of_text(decoder, field))
            .unwrap_or_default(),
        logging: service::logging(decoder, record.get("logging")),
        ssh,
        boot: service::boot(decoder, record.get("boot")),
        retain_days: RETAIN_DAYS,
        retain_containers: record
            .get("retain_containers")
            .and_then(|field| decoder.number(field, 0, "containers")),
        accessories,
        audit_broadcast_cmd: record
            .get("audit_broadcast_cmd")
            .and_then(|field| {
                decoder
                    .filled(field)
                    .map(|_| options::words(decoder, field))
            })
            .unwrap_or_default(),
    };
    if let Some(field) = record.get("accessories") {
        ports::check(decoder, field, &config);
    }
    let secrets = password.map(|password| (PASSWORD_SECRET.to_owned(), password));
    (config, secrets.into_iter().collect())
}

fn seconds(decoder: &mut Decoder<'_>, record: &Record<'_>, key: &str, default: u32) -> u32 {
    record
        .get(key)
        .and_then(|field| decoder.number(field, 0, "seconds"))
        .unwrap_or(default)
}
