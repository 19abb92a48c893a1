//! From nodes to values, collecting every problem on the way.

use std::collections::BTreeMap;

use super::later_keys::{self, Later};
use super::node::{Entry, Kind, Mark, Node};
use super::schema::Property;
use super::secret_lines::{has_secret_value, has_url_credentials};
use crate::diagnostic::{Diagnostic, Place};
use crate::text;

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
    /// What keys of other tools became, by key.
    pub(super) translated: BTreeMap<String, Vec<String>>,
    /// Keys of later tools that are not read.
    pub(super) later: Vec<(String, Mark, Later)>,
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
#[derive(Default)]
pub(super) struct Record<'n> {
    fields: Vec<(&'n str, Field<'n>)>,
}

impl<'n> Record<'n> {
    /// Returns the value of `key`.
    pub(super) fn get(&self, key: &str) -> Option<&Field<'n>> {
        let mut fields = self.fields.iter();
        fields.find_map(|(name, field)| (*name == key).then_some(field))
    }

    /// Reads the value of `key`, if there is one.
    pub(super) fn read<'d, T>(
        &self,
        decoder: &mut Decoder<'d>,
        key: &str,
        decode: impl FnOnce(&mut Decoder<'d>, &Field<'n>) -> Option<T>,
    ) -> Option<T> {
        self.get(key).and_then(|field| decode(decoder, field))
    }

    /// Reads the value of `key`, or returns its `default`.
    pub(super) fn read_or<'d, T>(
        &self,
        decoder: &mut Decoder<'d>,
        key: &str,
        decode: impl FnOnce(&mut Decoder<'d>, &Field<'n>) -> Option<T>,
        default: impl Into<T>,
    ) -> T {
        let read = self.read(decoder, key, decode);
        read.unwrap_or_else(|| default.into())
    }

    /// Reads the list or map of `key`. Without the key it is empty.
    pub(super) fn collect<'d, T: Default>(
        &self,
        decoder: &mut Decoder<'d>,
        key: &str,
        decode: impl FnOnce(&mut Decoder<'d>, &Field<'n>) -> T,
    ) -> T {
        let read = self.get(key).map(|field| decode(decoder, field));
        read.unwrap_or_default()
    }

    /// Returns the map of `key`, whose keys are `known`. Without the key it is empty.
    pub(super) fn section(
        &self,
        decoder: &mut Decoder<'_>,
        key: &str,
        known: &[Property],
    ) -> Record<'n> {
        self.collect(decoder, key, |decoder, field| decoder.record(field, known))
    }
}

impl<'n> Field<'n> {
    fn child(&self, entry: &'n Entry) -> Self {
        let name = match has_secret_value(&entry.key.text) {
            true => "…",
            false => &entry.key.text,
        };
        Self {
            path: match self.path.as_str() {
                "" => name.to_owned(),
                path => format!("{path}.{name}"),
            },
            key: entry.key.mark,
            node: &entry.value,
        }
    }

    /// Returns the entries of a map; none of what is none. Reports nothing.
    pub(super) fn children(&self) -> Vec<(&'n str, Self)> {
        match &self.node.kind {
            Kind::Mapping(entries) => {
                let fields = entries.iter();
                let fields = fields.map(|entry| (entry.key.text.as_str(), self.child(entry)));
                fields.collect()
            }
            Kind::Null | Kind::Scalar { .. } | Kind::Sequence(_) => Vec::new(),
        }
    }

    /// Returns the text, if it is a scalar that was written without quotes.
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
            translated: BTreeMap::new(),
            later: Vec::new(),
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

    /// Returns how a message about `mark` names another place: by its line, if both are in one file.
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

    /// Adds the error of a `value` of the file, at `mark`, that is not a valid `what`. Returns nothing.
    pub(super) fn invalid<T>(
        &mut self,
        mark: Mark,
        what: &str,
        value: &str,
        help: impl Into<String>,
    ) -> Option<T> {
        let message = format!("`{}` is not a valid {what}", shown(value));
        self.error(mark, message, help);
        None
    }

    /// Adds the error of a field that is `text`, and not what is `wanted`. Returns nothing.
    pub(super) fn unlike<T>(
        &mut self,
        field: &Field<'_>,
        wanted: &str,
        text: &str,
        help: impl Into<String>,
    ) -> Option<T> {
        let message = format!("`{}` must be {wanted}, not `{}`", field.path, shown(text));
        self.error(field.node.mark, message, help);
        None
    }

    /// Adds the error of a map without `key`.
    pub(super) fn missing(&mut self, field: &Field<'_>, key: &str, help: &str) {
        let message = format!("missing key `{}.{key}`", field.path);
        self.error(field.key, message, help);
    }

    /// Adds a warning.
    pub(super) fn warn(&mut self, mark: Mark, message: impl Into<String>, help: impl Into<String>) {
        let place = self.place(mark);
        self.diagnostics
            .push(Diagnostic::warning(message).at(place).help(help));
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

    /// Notes that the variable `name` is referred to at `mark`.
    pub(super) fn refer(&mut self, name: &str, mark: Mark) {
        let place = self.place(mark);
        self.places.entry(name.to_owned()).or_default().push(place);
    }

    /// Notes that `field` is a label of a role or an argument of Traefik.
    pub(super) fn routes(&mut self, name: &str, field: &Field<'_>) {
        self.routed_at(name, field.key);
    }

    /// Notes that what stands at `mark` is a label of a role, or becomes one.
    pub(super) fn routed_at(&mut self, name: &str, mark: Mark) {
        let place = self.place(mark);
        self.routing.entry(name.to_owned()).or_default().push(place);
    }

    /// Notes what `key` of another tool became.
    pub(super) fn translate(&mut self, key: &str, lines: Vec<String>) {
        if !lines.is_empty() {
            self.translated.insert(key.to_owned(), lines);
        }
    }

    /// Returns the entries of a map whose keys are free. Nothing counts as an empty map.
    pub(super) fn entries<'n>(&mut self, field: &Field<'n>) -> Vec<(&'n str, Field<'n>)> {
        match &field.node.kind {
            Kind::Null => Vec::new(),
            Kind::Mapping(_) => field.children(),
            _ => {
                let help = "write one `name: value` per line, indented below the key";
                self.wrong_kind(field, "a map", help);
                Vec::new()
            }
        }
    }

    /// Returns the entries of a map whose keys are `known`; others are errors. Nothing counts as an empty map.
    pub(super) fn record<'n>(&mut self, field: &Field<'n>, known: &[Property]) -> Record<'n> {
        self.record_with(field, known, |_| false)
    }

    /// Returns the entries of a map as [`Decoder::record`] does, without those whose keys are `free`.
    pub(super) fn record_with<'n>(
        &mut self,
        field: &Field<'n>,
        known: &[Property],
        free: impl Fn(&str) -> bool,
    ) -> Record<'n> {
        let known: Vec<&str> = known.iter().map(|(key, _)| *key).collect();
        let mut fields = Vec::new();
        let is_map = matches!(field.node.kind, Kind::Mapping(_) | Kind::Null);
        if !is_map && !field.path.is_empty() {
            let names = list(&known);
            let help = format!("write its keys below it, indented, one per line: {names}");
            self.wrong_kind(field, "a map", &help);
            return Record { fields };
        }
        for (name, child) in self.entries(field) {
            if known.contains(&name) {
                fields.push((name, child));
            } else if !free(name) {
                self.unknown_key(&child, name, &known);
            }
        }
        Record { fields }
    }

    /// Adds the error of a key that is not `known` here, or notes that it is one of a later tool.
    pub(super) fn unknown_key(&mut self, field: &Field<'_>, name: &str, known: &[&str]) {
        let message = format!("unknown key `{}`", field.path);
        match later_keys::find(&field.path) {
            Some(later) => self.later.push((field.path.clone(), field.key, later)),
            None => self.error(field.key, message, choice(name, "keys", known)),
        }
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
                let help = "write one `- value` per line, indented below the key";
                self.wrong_kind(field, "a list", help);
                Vec::new()
            }
        }
    }

    /// Returns text as it was written; it may be empty.
    pub(super) fn text(&mut self, field: &Field<'_>) -> Option<String> {
        self.scalar(field, "set a value; an empty string is `\"\"`")
    }

    fn scalar(&mut self, field: &Field<'_>, if_nothing: &str) -> Option<String> {
        match &field.node.kind {
            Kind::Scalar { text, .. } if text.contains('\0') => {
                let message = format!("`{}` contains a NUL byte", field.path);
                let help =
                    "remove it: process arguments and environment variables cannot contain NUL";
                self.error(field.node.mark, message, help);
                None
            }
            Kind::Scalar { text, .. } => Some(text.clone()),
            Kind::Null => {
                let message = format!("`{}` has no value", field.path);
                self.error(field.key, message, if_nothing);
                None
            }
            _ => {
                let help = "use a single value; quote it if it contains `: ` or ` #`";
                self.wrong_kind(field, "a single value", help);
                None
            }
        }
    }

    /// Returns text that is not empty.
    pub(super) fn filled(&mut self, field: &Field<'_>) -> Option<String> {
        let text = self.scalar(
            field,
            match field.path.ends_with(']') {
                true => "remove the empty item, or set a value",
                false => "set a value, or remove the key",
            },
        )?;
        if text.trim().is_empty() {
            let message = format!("`{}` is empty", field.path);
            self.error(field.node.mark, message, "set a value");
            return None;
        }
        Some(text)
    }

    fn wrong_kind(&mut self, field: &Field<'_>, wanted: &str, help: &str) {
        let found = match &field.node.kind {
            Kind::Null => "nothing",
            Kind::Scalar { .. } => "a single value",
            Kind::Sequence(_) => "a list",
            Kind::Mapping(_) => "a map",
        };
        let name = match field.path.as_str() {
            "" => "the configuration".to_owned(),
            path => format!("`{path}`"),
        };
        let message = format!("{name} must be {wanted}, not {found}");
        self.error(field.key, message, help);
    }
}

/// Returns a value of the file for use in a message: shortened, escaped, and left out if it is a URL
/// with credentials or holds what looks like a secret's value.
pub(super) fn shown(value: &str) -> String {
    const MAX: usize = 80;
    if has_url_credentials(value) || has_secret_value(value) {
        return "…".to_owned();
    }
    let start: String = value.chars().take(MAX).collect();
    let rest = if start.len() < value.len() { "…" } else { "" };
    text::one_line(&start) + rest
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

/// Returns the help about an unknown name: which of the names of this `kind` it most likely stands
/// for, or all that are `known`.
pub(super) fn choice(name: &str, kind: &str, known: &[&str]) -> String {
    match suggestion(name, known) {
        Some(close) => format!("did you mean `{close}`?"),
        None => format!("known {kind}: {}", list(known)),
    }
}

/// Returns the names in backticks, as `a`, `b` and `c`.
pub(super) fn list<T: AsRef<str>>(names: &[T]) -> String {
    let quoted = names.iter().map(|name| format!("`{}`", name.as_ref()));
    text::list(&quoted.collect::<Vec<String>>())
}
