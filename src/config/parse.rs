//! From the texts of the files to a configuration, with every problem reported at once.

use std::collections::BTreeMap;

use super::decoder::{Decoder, Field, Places, Record, list};
use super::destination::{self, Destination};
use super::keys::{self, FREE_PREFIX, KEYS, REQUIRED};
use super::model::Config;
use super::node::{BASE, Kind, Mark, Node, OVERLAY};
use super::{blame, kamal_2, secret_lines, yaml};
use crate::diagnostic::{Diagnostic, Place, Severity};
use crate::erb::{self, Evaluated, World};
use crate::secret::Secrets;

/// The largest file that is read, in bytes.
const MAX_BYTES: usize = 8 << 20;

/// A configuration that was read.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The configuration, with secrets as names.
    pub config: Config,
    /// Secrets that stand in the file: a literal password of the registry, as [`PASSWORD_SECRET`](super::PASSWORD_SECRET).
    pub literal_secrets: Secrets,
    /// Where the file refers to each variable of the environment.
    pub places: Places,
    /// Where the file has each label of a role and each argument of Traefik.
    pub routing: Places,
    /// What keys of other tools became, by key.
    pub translated: BTreeMap<String, Vec<String>>,
    /// What a user should know.
    pub warnings: Vec<Diagnostic>,
    /// The texts of the files without their tags; empty if none of them is a template.
    pub written: Vec<String>,
}

/// What a configuration is read from.
#[derive(Clone, Copy)]
pub(super) struct Input<'a> {
    pub(super) path: &'a str,
    pub(super) text: &'a str,
    pub(super) destination: Option<Destination<'a>>,
    /// Destinations that could have been named.
    pub(super) known: &'a [String],
}

impl<'a> Input<'a> {
    fn of(path: &'a str, text: &'a str, destination: Option<Destination<'a>>) -> Self {
        Self {
            path,
            text,
            destination,
            known: &[],
        }
    }
}

/// Reads the configuration `text`, with a destination's file merged over it. `path_shown` is its path
/// as messages and the model have it.
///
/// # Errors
/// Every problem of the files, with warnings among them, in the order of the files.
pub fn parse(
    path_shown: &str,
    text: &str,
    destination: Option<Destination<'_>>,
) -> Result<Loaded, Vec<Diagnostic>> {
    parse_input(&Input::of(path_shown, text, destination))
}

fn parse_input(input: &Input<'_>) -> Result<Loaded, Vec<Diagnostic>> {
    let over = input.destination;
    let files = [(input.path, input.text)].into_iter();
    let files = files.chain(over.map(|over| (over.path, over.text)));
    let mut decoder = Decoder::new(files.clone().map(|(path, _)| path).collect());
    let result = read(&mut decoder, input);
    let (places, routing, translated) = (decoder.places, decoder.routing, decoder.translated);
    let mut diagnostics = decoder.diagnostics;
    for (path, text) in files {
        secret_lines::hide_secret_lines(path, text, &mut diagnostics);
    }
    diagnostics.sort_by(|left, right| left.place.cmp(&right.place));
    match result {
        Some((config, literal_secrets)) if is_valid(&diagnostics) => Ok(Loaded {
            config,
            literal_secrets,
            places,
            routing,
            translated,
            warnings: diagnostics,
            written: Vec::new(),
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
    evaluate_and_parse(&Input::of(path_shown, text, destination), world)
}

/// Evaluates the templates of `input`, and reads what they become.
pub(super) fn evaluate_and_parse(
    input: &Input<'_>,
    world: &mut dyn World,
) -> Result<Loaded, Vec<Diagnostic>> {
    let mut evaluate = |path: &str, text: &str| {
        erb::evaluate(path, without_mark(text), world).map_err(|mut problems| {
            blame::explain_comments(text, &mut problems);
            let text = secret_lines::without_tags(text);
            secret_lines::hide_secret_lines(path, &text, &mut problems);
            problems
        })
    };
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
    if let Ok(loaded) = &mut result {
        let texts = [Some(input.text), over.as_ref().map(|(over, _)| over.text)];
        let texts: Vec<&str> = texts.into_iter().flatten().collect();
        if texts.iter().any(|text| text.contains("<%")) {
            let written = texts.iter().map(|text| secret_lines::without_tags(text));
            loaded.written = written.collect();
        }
    }
    trace(input.path, &base, &mut result);
    warn_of_comments(input.path, &base, &mut result);
    if let Some((over, evaluated)) = &over {
        trace(over.path, evaluated, &mut result);
        warn_of_comments(over.path, evaluated, &mut result);
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
    blame::find_tag(path, evaluated, diagnostics);
    secret_lines::hide_secret_lines(path, evaluated.source(), diagnostics);
    diagnostics.sort_by(|left, right| left.place.cmp(&right.place));
}

/// Warns of the tags in comments that ran a command: who reads the file may think that nothing in a comment is evaluated.
fn warn_of_comments(
    path: &str,
    evaluated: &Evaluated,
    result: &mut Result<Loaded, Vec<Diagnostic>>,
) {
    let Ok(loaded) = result else { return };
    let lines: Vec<&str> = evaluated.source().lines().collect();
    let tags = evaluated.command_tags(path).into_iter();
    let in_comments = tags.filter(|place| {
        let line = lines.get(place.line - 1).copied().unwrap_or_default();
        let before: String = line.chars().take(place.column - 1).collect();
        yaml::ends_in_comment(&before)
    });
    loaded.warnings.extend(in_comments.map(|place| {
        Diagnostic::warning("a tag in a comment runs a command")
            .at(place)
            .help("tags in comments are evaluated too: remove it, or begin it with `<%#`")
    }));
    secret_lines::hide_secret_lines(path, evaluated.source(), &mut loaded.warnings);
}

/// Returns `text` without the mark that some editors begin a file with.
fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

fn is_valid(diagnostics: &[Diagnostic]) -> bool {
    let mut severities = diagnostics.iter().map(|diagnostic| diagnostic.severity);
    severities.all(|severity| severity == Severity::Warning)
}

/// Returns the place of a whole file.
pub(super) fn whole_file(file: &str) -> Place {
    Place {
        file: file.to_owned(),
        line: 0,
        column: 0,
        length: 1,
    }
}

/// Returns the position of the first character of a file.
pub(super) fn start(file: usize) -> Mark {
    Mark {
        file,
        line: 1,
        column: 1,
        length: 1,
    }
}

/// Returns the position after the last character of `text`.
pub(super) fn end_of(text: &str, file: usize) -> Mark {
    let line = text.rsplit('\n').next().unwrap_or("");
    Mark {
        line: text.matches('\n').count() + 1,
        column: line.chars().count() + 1,
        ..start(file)
    }
}

fn read(decoder: &mut Decoder<'_>, input: &Input<'_>) -> Option<(Config, Secrets)> {
    let name = input.destination.map(|over| over.name);
    decoder
        .diagnostics
        .extend(name.and_then(destination::check));
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
        let required = list(&REQUIRED.map(|(key, _)| key));
        let help = format!("it needs at least {required}{}", elsewhere(input));
        decoder.diagnostics.push(error.help(help));
        return None;
    }
    let record = top_level(decoder, &whole(&root), input);
    let (config, password) = keys::decode(decoder, &record, input.path, name);
    kamal_2::report(decoder, &record);
    kamal_2::warn_of_port(decoder, &record, config.healthcheck.port);
    let secrets = password.map(|password| (keys::PASSWORD_SECRET.to_owned(), password));
    Some((config, secrets.into_iter().collect()))
}

/// Returns the content of a file: a map, or nothing. Reports why there is none.
pub(super) fn tree(decoder: &mut Decoder<'_>, file: usize, text: &str) -> Option<Node> {
    let text = without_mark(text);
    if !is_readable(decoder, file, text) {
        return None;
    }
    let root = match yaml::parse(text, file) {
        Ok(root) => root.unwrap_or_else(|| nothing(file)),
        Err(problems) => {
            for problem in problems {
                decoder.error(problem.mark, problem.message, problem.help);
            }
            return None;
        }
    };
    if !matches!(root.kind, Kind::Mapping(_) | Kind::Null) {
        decoder.entries(&whole(&root));
        return None;
    }
    Some(root)
}

/// Returns what a file without values becomes, but with a role and an accessory: the default of every key.
pub(super) fn defaults() -> Config {
    const NOTHING: &str = "{servers: {'': {}}, accessories: {'': {}}}";
    let mut decoder = Decoder::new(vec![""]);
    let root = tree(&mut decoder, BASE, NOTHING).unwrap_or_else(|| nothing(BASE));
    let record = decoder.record(&whole(&root), &KEYS);
    keys::decode(&mut decoder, &record, "", None).0
}

fn nothing(file: usize) -> Node {
    Node {
        mark: start(file),
        kind: Kind::Null,
    }
}

/// Returns the whole of a file as a value.
pub(super) fn whole(root: &Node) -> Field<'_> {
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
        (None, known) => format!("; or name a destination with `-d`: {}", list(known)),
    }
}

/// Looks for what makes reading the file as YAML pointless.
fn is_readable(decoder: &mut Decoder<'_>, file: usize, text: &str) -> bool {
    let before = decoder.diagnostics.len();
    if text.len() > MAX_BYTES {
        let error = Diagnostic::error(format!("the file is larger than {} MiB", MAX_BYTES >> 20));
        let help = "check that it is the right file, or name another one with `-c FILE`";
        let error = error.at(whole_file(decoder.file(file))).help(help);
        decoder.diagnostics.push(error);
    }
    if let Some(position) = text.find('\0') {
        let mark = end_of(&text[..position], file);
        decoder.error(mark, "the file contains a NUL byte", "remove it");
    }
    decoder.diagnostics.len() == before
}

/// Returns the known keys of the file, and reports those that are unknown or missing.
fn top_level<'n>(decoder: &mut Decoder<'_>, root: &Field<'n>, input: &Input<'_>) -> Record<'n> {
    let is_free = |name: &str| name.starts_with(FREE_PREFIX);
    let record = decoder.record_with(root, &KEYS, is_free);
    let missing = REQUIRED.into_iter().map(|(key, _)| key);
    let missing: Vec<&str> = missing.filter(|key| record.get(key).is_none()).collect();
    if !missing.is_empty() {
        let (noun, them) = match missing.len() {
            1 => ("key", "it"),
            _ => ("keys", "them"),
        };
        let message = format!("missing {noun} {}", list(&missing));
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
