//! The configuration: from `deploy.yml` and `.env` to a [`model::Config`], with every problem reported at once.
//!
//! Text becomes a tree of nodes with positions (`node`), the tree becomes values (`decode` and one module per area),
//! and defaults and merging are done there, once: the model has no open questions.

mod builder;
mod decode;
pub mod dotenv;
mod env;
mod host;
pub mod model;
mod node;
mod options;
mod registry;
pub mod render;
mod reveal;
pub mod secrets;
mod servers;
mod service;
mod yaml;

use std::path::Path;

pub use decode::Places;
pub use registry::PASSWORD_SECRET;
pub use service::DEFAULT_TRAEFIK_IMAGE;

use crate::diagnostic::{Diagnostic, Place, Severity};
use crate::secret::Secrets;
use decode::{Decoder, Field, Record};
use model::Config;
use node::{Kind, Mark};
use servers::Global;

/// The largest file that is read, in bytes.
const MAX_BYTES: usize = 8 << 20;

/// Days for which stopped containers are kept.
const RETAIN_DAYS: u32 = 3;

const KEYS: [&str; 16] = [
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
];

const REQUIRED: [&str; 4] = ["service", "image", "servers", "registry"];

/// Keys of the original that are valid there, and not yet here.
const UNSUPPORTED: [&str; 2] = ["accessories", "audit_broadcast_cmd"];

/// A configuration that was read.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The configuration, with secrets as names.
    pub config: Config,
    /// Secrets that stand in the file: a literal password of the registry, as [`PASSWORD_SECRET`].
    pub literal_secrets: Secrets,
    /// Where the file refers to each variable of the environment.
    pub places: Places,
    /// What a user should know.
    pub warnings: Vec<Diagnostic>,
}

/// Reads the configuration `text`. `path_shown` is its path as messages and the model have it.
///
/// # Errors
/// Every problem of the file, with warnings among them, in the order of the file.
pub fn parse(
    path_shown: &str,
    text: &str,
    destination: Option<&str>,
) -> Result<Loaded, Vec<Diagnostic>> {
    let path = path_shown.replace('\\', "/");
    let mut decoder = Decoder::new(&path);
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let result = read(&mut decoder, &path, text, destination);
    let places = std::mem::take(&mut decoder.places);
    let mut diagnostics = decoder.diagnostics;
    reveal::hide_secret_lines(text, &mut diagnostics);
    diagnostics.sort_by(|left, right| left.place.cmp(&right.place));
    match result {
        Some((config, literal_secrets)) if is_valid(&diagnostics) => Ok(Loaded {
            config,
            literal_secrets,
            places,
            warnings: diagnostics,
        }),
        _ => Err(diagnostics),
    }
}

/// Reads the configuration of the file `path`.
///
/// # Errors
/// As [`parse`]; a file that is not there or cannot be read.
pub fn load(path: &Path, destination: Option<&str>) -> Result<Loaded, Vec<Diagnostic>> {
    let shown = path.display().to_string().replace('\\', "/");
    let whole = |message: String, help: &str| {
        let place = whole_file(&shown);
        vec![Diagnostic::error(message).at(place).help(help)]
    };
    let bytes = std::fs::read(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => whole(
            format!("configuration file {shown} does not exist"),
            "start mrsk in the directory that has `config/deploy.yml`, or name the file with `-c FILE`",
        ),
        _ => whole(
            format!("configuration file {shown} cannot be read: {error}"),
            "look at the path and its permissions, or name another file with `-c FILE`",
        ),
    })?;
    if let Some(file) = destination_file(path, destination) {
        return Err(whole(
            format!("{file} would be merged over this file, which this version does not do yet"),
            "write one complete file per destination, and name it with `-c FILE`",
        ));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let good = String::from_utf8_lossy(good);
        let mark = end_of(&good);
        let place = Decoder::new(&shown).place(mark);
        let problem = Diagnostic::error("the file is not UTF-8 here").at(place);
        vec![problem.help("save the file as UTF-8").hide_source()]
    })?;
    let mut loaded = parse(&shown, &text, destination)?;
    loaded.config.path = portable(path);
    Ok(loaded)
}

/// Returns `path` relative to the current directory where it lies below it; of any other absolute path the file's name,
/// so that nothing that is compiled from a configuration depends on where it lies on this machine.
fn portable(path: &Path) -> String {
    let below = std::env::current_dir()
        .ok()
        .and_then(|current| path.strip_prefix(current).ok());
    let path = match (below, path.file_name()) {
        (Some(below), _) => below,
        (None, Some(name)) if path.is_absolute() => Path::new(name),
        _ => path,
    };
    path.display().to_string().replace('\\', "/")
}

fn is_valid(diagnostics: &[Diagnostic]) -> bool {
    diagnostics
        .iter()
        .all(|diagnostic| diagnostic.severity == Severity::Warning)
}

fn destination_file(path: &Path, destination: Option<&str>) -> Option<String> {
    let name = format!("{}.{}.yml", path.file_stem()?.to_str()?, destination?);
    let file = path.with_file_name(name);
    file.exists()
        .then(|| file.display().to_string().replace('\\', "/"))
}

fn whole_file(file: &str) -> Place {
    Place {
        file: file.to_owned(),
        line: 0,
        column: 0,
        length: 1,
    }
}

/// Returns the position after the last character of `text`.
fn end_of(text: &str) -> Mark {
    let line = text.rsplit('\n').next().unwrap_or("");
    Mark {
        line: text.matches('\n').count() + 1,
        column: line.chars().count() + 1,
        length: 1,
    }
}

fn read(
    decoder: &mut Decoder<'_>,
    path: &str,
    text: &str,
    destination: Option<&str>,
) -> Option<(Config, Secrets)> {
    check_destination(decoder, destination);
    if !is_readable(decoder, path, text) {
        return None;
    }
    let root = match yaml::parse(text) {
        Ok(root) => root,
        Err(problems) => {
            decoder.problems(problems);
            return None;
        }
    };
    let Some(root) = root.filter(|root| root.kind != Kind::Null) else {
        let error = Diagnostic::error("the configuration is empty").at(whole_file(path));
        let help = format!("it needs at least {}", decode::list(REQUIRED));
        decoder.diagnostics.push(error.help(help));
        return None;
    };
    let field = Field {
        path: String::new(),
        key: root.mark,
        node: &root,
    };
    if !matches!(root.kind, Kind::Mapping(_)) {
        decoder.entries(&field);
        return None;
    }
    let record = top_level(decoder, &field);
    Some(config(decoder, &record, path, destination))
}

/// Looks for what makes reading the file as YAML pointless.
fn is_readable(decoder: &mut Decoder<'_>, path: &str, text: &str) -> bool {
    let before = decoder.diagnostics.len();
    if text.len() > MAX_BYTES {
        let error = Diagnostic::error(format!("the file has more than {MAX_BYTES} bytes"))
            .at(whole_file(path));
        decoder
            .diagnostics
            .push(error.help("is it the right file? name another one with `-c FILE`"));
    }
    if let Some(position) = text.find('\0') {
        decoder.error(
            end_of(&text[..position]),
            "the file contains a NUL byte",
            "remove it",
        );
    }
    for (index, line) in text.lines().enumerate() {
        for (position, _) in line.match_indices("<%") {
            let rest = &line[position..];
            let end = rest.find("%>").map_or(rest.len(), |end| end + 2);
            let mark = Mark {
                line: index + 1,
                column: line[..position].chars().count() + 1,
                length: rest[..end].chars().count(),
            };
            decoder.error(
                mark,
                "this version does not evaluate ERB yet",
                "write the value itself, or take it from the environment where the key allows that",
            );
        }
    }
    decoder.diagnostics.len() == before
}

fn check_destination(decoder: &mut Decoder<'_>, destination: Option<&str>) {
    let allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    if let Some(name) = destination
        && (name.is_empty()
            || name.len() > 63
            || name.starts_with(['-', '_'])
            || !name.bytes().all(allowed))
    {
        let message = format!(
            "`{}` is no valid name of a destination",
            decode::shown(name)
        );
        decoder.diagnostics.push(Diagnostic::error(message).help(
            "it has lower-case letters, digits, `_` and `-`, and begins with a letter or digit",
        ));
    }
}

/// Returns the known keys of the file, and reports those that are unknown, not supported or missing.
fn top_level<'n>(decoder: &mut Decoder<'_>, root: &Field<'n>) -> Record<'n> {
    let mut known: Vec<&str> = KEYS.to_vec();
    for (name, child) in decoder.entries(root) {
        if UNSUPPORTED.contains(&name) {
            known.push(name);
            decoder.error(
                child.key,
                format!("`{name}` is not supported by this version yet"),
                "remove it, or deploy with a version that supports it",
            );
        } else if name.starts_with("x-") {
            known.push(name);
        }
    }
    let record = decoder.record(root, &known);
    let missing: Vec<&str> = REQUIRED
        .into_iter()
        .filter(|key| record.get(key).is_none())
        .collect();
    if !missing.is_empty() {
        let noun = if missing.len() == 1 { "key" } else { "keys" };
        let message = format!("missing {noun} {}", decode::list(&missing));
        let help = "add at the top level, without indentation; `servers` may be a list of hosts or a map of roles";
        let error = Diagnostic::error(message).at(decoder.place(root.node.mark));
        decoder.diagnostics.push(error.help(help).hide_source());
    }
    record
}

fn config(
    decoder: &mut Decoder<'_>,
    record: &Record<'_>,
    path: &str,
    destination: Option<&str>,
) -> (Config, Secrets) {
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
        .map(|field| options::labels(decoder, field));
    let global = Global {
        env: env.unwrap_or_default(),
        labels: labels.unwrap_or_default(),
        ssh,
    };
    let (hosts, roles) = match record.get("servers") {
        Some(field) => servers::decode(decoder, field, &global),
        None => (Vec::new(), Vec::new()),
    };
    let config = Config {
        path: path.to_owned(),
        service: service.unwrap_or_default(),
        image: image.unwrap_or_default(),
        destination: destination.map(str::to_owned),
        hosts,
        roles,
        registry,
        builder: builder::decode(decoder, record.get("builder"), path),
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
        ssh: global.ssh,
        boot: service::boot(decoder, record.get("boot")),
        retain_days: RETAIN_DAYS,
    };
    let secrets = password.map(|password| (PASSWORD_SECRET.to_owned(), password));
    (config, secrets.into_iter().collect())
}

fn seconds(decoder: &mut Decoder<'_>, record: &Record<'_>, key: &str, default: u32) -> u32 {
    record
        .get(key)
        .and_then(|field| decoder.number(field, 0, "seconds"))
        .unwrap_or(default)
}
