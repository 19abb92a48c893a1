//! From nodes to values, collecting every problem on the way.

use std::collections::BTreeMap;
use std::fmt::Display;

use super::env::has_url_credentials;
use super::node::{Key, Kind, Mark, Node, Problem};
use super::reveal::has_secret_value;
use crate::diagnostic::{Diagnostic, Place};
use crate::text::one_line;

/// Where names stand in the files of the configuration.
pub type Places = BTreeMap<String, Vec<Place>>;

/// Collects problems while nodes are read.
pub(super) struct Decoder<'a> {
    files: Vec<&'a str>,
    /// What was found so far.
    pub(super) diagnostics: Vec<Diagnostic>,
    /// References to variables found so far.
    pub(super) places: Places,
    /// Labels of roles and arguments of Traefik found so far.
    pub(super) routing: Places,
}

/// A value and how it is called in messages.
#[derive(Debug, Clone)]
pub(super) struct Field<'n> {
    /// The keys that lead to it, joined with dots.
    pub(super) path: String,
    /// Where its key (or, in a list, the value itself) stands.
    pub(super) key: Mark,
    /// The value.
    pub(super) node: &'n Node,
}

/// A map whose keys are known.
pub(super) struct Record<'n> {
    fields: Vec<(&'n str, Field<'n>)>,
}

impl<'n> Record<'n> {
    /// Returns the value of `key`.
    pub(super) fn get(&self, key: &str) -> Option<&Field<'n>> {
        self.fields
            .iter()
            .find(|(name, _)| *name == key)
            .map(|(_, field)| field)
    }
}

impl<'n> Field<'n> {
    fn child(&self, key: &'n Key, node: &'n Node) -> Self {
        let name = match has_secret_value(&key.text) {
            true => "…",
            false => &key.text,
        };
        let path = if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        };
        Self {
            path,
            key: key.mark,
            node,
        }
    }

    /// Returns the text, where it is a scalar that was written without quotes.
    pub(super) fn plain(&self) -> Option<&'n str> {
        match &self.node.kind {
            Kind::Scalar { text, plain: true } => Some(text),
            _ => None,
        }
    }

    /// Whether nothing stands there.
    pub(super) fn is_null(&self) -> bool {
        self.node.kind == Kind::Null
    }
}

impl<'a> Decoder<'a> {
    /// Returns a decoder of `files`, to which marks refer by their position.
    pub(super) fn new(files: Vec<&'a str>) -> Self {
        Self {
            files,
            diagnostics: Vec::new(),
            places: Places::new(),
            routing: Places::new(),
        }
    }

    /// Returns the name of a file.
    pub(super) fn file(&self, file: usize) -> &'a str {
        self.files.get(file).copied().unwrap_or_default()
    }

    /// Returns `mark` as a place of the file that it names.
    pub(super) fn place(&self, mark: Mark) -> Place {
        Place {
            file: self.file(mark.file).to_owned(),
            line: mark.line,
            column: mark.column,
            length: mark.length,
        }
    }

    /// Returns how a message about `mark` names another place: by its line, where both are in the same file.
    pub(super) fn seen_from(&self, mark: Mark, place: &Place) -> String {
        if place.file == self.file(mark.file) {
            format!("line {}", place.line)
        } else {
            format!("{}:{}", place.file, place.line)
        }
    }

    /// Adds an error.
    pub(super) fn error(
        &mut self,
        mark: Mark,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let place = self.place(mark);
        self.diagnostics
            .push(Diagnostic::error(message).at(place).help(help));
    }

    /// Adds a warning about a line that holds a secret value, so that the line is not shown.
    pub(super) fn warn_secret(
        &mut self,
        mark: Mark,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let place = self.place(mark);
        let warning = Diagnostic::warning(message).at(place).help(help);
        self.diagnostics.push(warning.hide_source());
    }

    /// Adds the problems of the YAML itself.
    pub(super) fn problems(&mut self, problems: Vec<Problem>) {
        for problem in problems {
            self.error(problem.mark, problem.message, problem.help);
        }
    }

    /// Notes that the variable `name` is referred to at `mark`.
    pub(super) fn refer(&mut self, name: &str, mark: Mark) {
        let place = self.place(mark);
        self.places.entry(name.to_owned()).or_default().push(place);
    }

    /// Notes that `field` is a label of a role or an argument of Traefik.
    pub(super) fn routes(&mut self, name: &str, field: &Field<'_>) {
        let place = self.place(field.key);
        let places = self.routing.entry(name.to_owned()).or_default();
        places.push(place);
    }

    /// Returns the entries of a map whose keys are free. Nothing counts as an empty map.
    pub(super) fn entries<'n>(&mut self, field: &Field<'n>) -> Vec<(&'n str, Field<'n>)> {
        match &field.node.kind {
            Kind::Null => Vec::new(),
            Kind::Mapping(entries) => {
                let fields = entries.iter().map(|entry| {
                    (
                        entry.key.text.as_str(),
                        field.child(&entry.key, &entry.value),
                    )
                });
                fields.collect()
            }
            _ => {
                self.wrong_kind(
                    field,
                    "a map",
                    "write one `name: value` per line, indented below the key",
                );
                Vec::new()
            }
        }
    }

    /// Returns the entries of a map whose keys are `known`; others are errors. Nothing counts as an empty map.
    pub(super) fn record<'n>(&mut self, field: &Field<'n>, known: &[&str]) -> Record<'n> {
        let mut fields = Vec::new();
        for (name, child) in self.entries(field) {
            if known.contains(&name) {
                fields.push((name, child));
            } else {
                self.unknown_key(name, &child, known);
            }
        }
        Record { fields }
    }

    fn unknown_key(&mut self, name: &str, child: &Field<'_>, known: &[&str]) {
        let help = match suggestion(name, known) {
            Some(close) => format!("did you mean `{close}`?"),
            None => format!("known keys: {}", list(known)),
        };
        self.error(child.key, format!("unknown key `{}`", child.path), help);
    }

    /// Returns the items of a list. Nothing counts as an empty list.
    pub(super) fn items<'n>(&mut self, field: &Field<'n>) -> Vec<Field<'n>> {
        match &field.node.kind {
            Kind::Null => Vec::new(),
            Kind::Sequence(items) => {
                let fields = items.iter().enumerate().map(|(index, node)| Field {
                    path: format!("{}[{index}]", field.path),
                    key: node.mark,
                    node,
                });
                fields.collect()
            }
            _ => {
                self.wrong_kind(
                    field,
                    "a list",
                    "write one `- value` per line, indented below the key",
                );
                Vec::new()
            }
        }
    }

    /// Returns text as it was written; it may be empty.
    pub(super) fn text(&mut self, field: &Field<'_>) -> Option<String> {
        match &field.node.kind {
            Kind::Scalar { text, .. } if text.contains('\0') => {
                self.error(
                    field.node.mark,
                    format!("`{}` contains a NUL byte", field.path),
                    "remove it: process arguments and environment variables cannot contain NUL",
                );
                None
            }
            Kind::Scalar { text, .. } => Some(text.clone()),
            Kind::Null => {
                self.error(
                    field.key,
                    format!("`{}` has no value", field.path),
                    "set a value; an empty string is `\"\"`",
                );
                None
            }
            _ => {
                self.wrong_kind(
                    field,
                    "a single value",
                    "use a single value; quote it if it contains `: ` or ` #`",
                );
                None
            }
        }
    }

    /// Returns text that is not empty.
    pub(super) fn filled(&mut self, field: &Field<'_>) -> Option<String> {
        let text = self.text(field)?;
        if text.trim().is_empty() {
            self.error(
                field.node.mark,
                format!("`{}` is empty", field.path),
                "set a value",
            );
            return None;
        }
        Some(text)
    }

    /// Returns a boolean: `true` or `false`, without quotes.
    pub(super) fn boolean(&mut self, field: &Field<'_>) -> Option<bool> {
        match field.plain() {
            Some("true") => Some(true),
            Some("false") => Some(false),
            _ => {
                self.error(
                    field.node.mark,
                    format!("`{}` must be `true` or `false`", field.path),
                    "write it without quotes; `yes`, `no`, `on` and `off` are strings",
                );
                None
            }
        }
    }

    /// Returns a whole number of at least `min`, written in decimal digits. `unit` names what is counted.
    pub(super) fn number(&mut self, field: &Field<'_>, min: u32, unit: &str) -> Option<u32> {
        let text = self.text(field)?;
        let value = digits(&text).and_then(|text| text.parse::<u32>().ok());
        if let Some(value) = value.filter(|value| *value >= min) {
            return Some(value);
        }
        self.error(
            field.node.mark,
            format!(
                "`{}` must be a number of {unit}, not `{}`",
                field.path,
                shown(&text)
            ),
            format!("use a whole number without a unit, at least {min}"),
        );
        None
    }

    /// Returns a port.
    pub(super) fn port(&mut self, field: &Field<'_>) -> Option<u16> {
        let text = self.text(field)?;
        let port = parse_port(&text);
        if port.is_none() {
            self.error(
                field.node.mark,
                format!("`{}` must be a port, not `{}`", field.path, shown(&text)),
                "use a number from 1 to 65535",
            );
        }
        port
    }

    fn wrong_kind(&mut self, field: &Field<'_>, wanted: &str, help: &str) {
        let found = match &field.node.kind {
            Kind::Null => "nothing",
            Kind::Scalar { .. } => "a single value",
            Kind::Sequence(_) => "a list",
            Kind::Mapping(_) => "a map",
        };
        let name = if field.path.is_empty() {
            "the configuration".to_owned()
        } else {
            format!("`{}`", field.path)
        };
        self.error(
            field.key,
            format!("{name} must be {wanted}, not {found}"),
            help,
        );
    }
}

/// Returns a port from 1 to 65535 that is written in decimal digits.
pub(super) fn parse_port(text: &str) -> Option<u16> {
    digits(text)?.parse().ok().filter(|port| *port > 0)
}

fn digits(text: &str) -> Option<&str> {
    let all = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let octal = text.len() > 1 && text.starts_with('0');
    (all && !octal).then_some(text)
}

/// Returns a value of the file for use in a message: shortened, without control characters, and
/// left out where it is a URL with credentials or holds what looks like a secret's value.
pub(super) fn shown(value: &str) -> String {
    const MAX: usize = 80;
    if has_url_credentials(value) || has_secret_value(value) {
        return "…".to_owned();
    }
    let mut text = one_line(&value.chars().take(MAX).collect::<String>());
    if value.chars().nth(MAX).is_some() {
        text.push('…');
    }
    text
}

/// Returns the candidate that `name` most likely stands for.
pub(super) fn suggestion<'c>(name: &str, candidates: &[&'c str]) -> Option<&'c str> {
    let lower = name.to_lowercase().replace('-', "_");
    candidates
        .iter()
        .map(|candidate| (strsim::jaro_winkler(&lower, candidate), *candidate))
        .filter(|(score, _)| *score > 0.82)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, candidate)| candidate)
}

/// Returns the names in backticks, separated by commas.
pub(super) fn list<T: Display>(names: impl IntoIterator<Item = T>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
