//! The rendered template, and the origin of each part of it.

use std::collections::BTreeSet;
use std::ops::Bound;

use super::problem::{Span, line_span, place};
use crate::diagnostic::{Diagnostic, Place, Severity};

/// The shortest value that is redacted in messages: shorter ones would be found in anything.
const HIDDEN_LENGTH: usize = 4;

/// How many tags are tried as the cause of a text that is not valid.
const MAX_TRIED: usize = 200;

/// A rendered template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluated {
    /// The text.
    pub text: String,
    source: String,
    pieces: Vec<Piece>,
    /// Where the template ran commands.
    commands: Vec<Span>,
    /// The lines of the template, counted from 1, with a tag that printed nothing.
    silent: Vec<usize>,
}

/// A part of the text that came from one place.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    /// Where it begins in the text, in bytes.
    start: usize,
    origin: Origin,
}

/// Where a piece comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// The template has it as it is, from this byte on.
    Text(usize),
    /// It is what this tag printed.
    Expression(Span),
    /// It is text of this line of the template and those that follow.
    Line(usize),
    /// It is what a tag of this line printed.
    ExpressionIn(usize),
}

impl Evaluated {
    /// Returns `text`, which is not a template.
    pub fn plain(text: impl Into<String>) -> Self {
        let text = text.into();
        let mut plain = Self::of(&text);
        plain.push(&text, Origin::Text(0));
        plain
    }

    /// Returns an empty text of the template `source`.
    pub(super) fn of(source: &str) -> Self {
        Self {
            text: String::new(),
            source: source.to_owned(),
            pieces: Vec::new(),
            commands: Vec::new(),
            silent: Vec::new(),
        }
    }

    /// Notes that a command ran at `span`.
    pub(super) fn ran(&mut self, span: Span) {
        self.commands.push(span);
    }

    /// Makes of the places where commands ran those of their `tags`.
    pub(super) fn with_commands(mut self, tags: &[Span]) -> Self {
        let ran = std::mem::take(&mut self.commands);
        let holds = |tag: &Span| ran.iter().any(|span| tag.contains(&span.start));
        self.commands = tags.iter().filter(|tag| holds(tag)).cloned().collect();
        self
    }

    /// Returns the tags of the template `file` that ran a command. Of one that Ruby evaluated: those that name a way to run one.
    pub fn command_tags(&self, file: &str) -> Vec<Place> {
        let tags = self.commands.iter();
        tags.map(|tag| place(file, &self.source, tag)).collect()
    }

    /// Returns the template.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Adds text.
    pub(super) fn push(&mut self, text: &str, origin: Origin) {
        if text.trim().is_empty() {
            match &origin {
                Origin::Expression(span) => {
                    let before = self.source.get(..span.start).unwrap_or_default();
                    self.silent.push(before.matches('\n').count() + 1);
                }
                Origin::ExpressionIn(line) => self.silent.push(*line),
                Origin::Text(_) | Origin::Line(_) => {}
            }
        }
        if text.is_empty() {
            return;
        }
        let start = self.text.len();
        self.pieces.push(Piece { start, origin });
        self.text.push_str(text);
    }

    /// Turns problems of the text into problems of the template `file`: a place in the text becomes the place of its origin.
    /// What tags printed is redacted. An error at a line with a tag that printed nothing says so.
    pub fn trace(&self, file: &str, diagnostics: &mut [Diagnostic]) {
        let map = Map::new(self);
        for diagnostic in diagnostics {
            diagnostic.message = map.without_values(&diagnostic.message);
            diagnostic.help = diagnostic.help.take().map(|help| map.without_values(&help));
            if let Some(place) = diagnostic.place.as_mut().filter(|place| place.file == file) {
                map.trace(place);
                if diagnostic.severity == Severity::Error && self.silent.contains(&place.line) {
                    let help = diagnostic.help.take().map(|help| help + "; ");
                    let help = help.unwrap_or_default();
                    diagnostic.help = Some(format!(
                        "{help}a tag on this line printed nothing: what it reads is not set"
                    ));
                }
            }
        }
    }

    /// Returns the place, in the template `file`, of the last tag that has to print a plain word for the text to be valid; nothing if
    /// that does not help.
    pub fn culprit(&self, file: &str, is_valid: &dyn Fn(&str) -> bool) -> Option<Place> {
        let printed = |piece: &&(usize, &Piece)| {
            matches!(
                piece.1.origin,
                Origin::Expression(_) | Origin::ExpressionIn(_)
            )
        };
        let pieces: Vec<(usize, &Piece)> = self.pieces.iter().enumerate().collect();
        let printed: Vec<&(usize, &Piece)> = pieces.iter().filter(printed).collect();
        let tried = printed.iter().take(MAX_TRIED);
        let (_, piece) = tried
            .copied()
            .find(|(last, _)| is_valid(&self.plain_to(*last)))?;
        Some(match &piece.origin {
            Origin::Expression(span) => place(file, &self.source, span),
            Origin::ExpressionIn(line) | Origin::Line(line) => {
                place(file, &self.source, &line_span(&self.source, *line))
            }
            Origin::Text(start) => place(file, &self.source, &(*start..*start)),
        })
    }

    /// Returns the text with a plain word in place of what tags printed, up to the piece at `last`.
    fn plain_to(&self, last: usize) -> String {
        let ends = self.pieces.iter().skip(1).map(|piece| piece.start);
        let ends = ends.chain([self.text.len()]);
        let parts = self.pieces.iter().zip(ends).enumerate();
        let parts = parts.map(|(at, (piece, end))| match piece.origin {
            Origin::Expression(_) | Origin::ExpressionIn(_) if at <= last => "x",
            _ => self.text.get(piece.start..end).unwrap_or_default(),
        });
        parts.collect()
    }

    /// Turns places of the text into places of the template `file`.
    pub fn trace_places<'p>(&self, file: &str, places: impl IntoIterator<Item = &'p mut Place>) {
        let map = Map::new(self);
        let places = places.into_iter().filter(|place| place.file == file);
        places.for_each(|place| map.trace(place));
    }
}

/// An [`Evaluated`] with what is needed to look things up in it.
struct Map<'e> {
    evaluated: &'e Evaluated,
    /// Where the lines of the text begin.
    lines: Vec<usize>,
    /// Where the lines of the template begin.
    source_lines: Vec<usize>,
    /// What tags printed.
    values: BTreeSet<&'e str>,
}

impl<'e> Map<'e> {
    fn new(evaluated: &'e Evaluated) -> Self {
        Self {
            evaluated,
            lines: line_starts(&evaluated.text),
            source_lines: line_starts(&evaluated.source),
            values: values(evaluated),
        }
    }

    fn trace(&self, place: &mut Place) {
        let Some(line) = place.line.checked_sub(1) else {
            return;
        };
        let whole_line = place.column == 0;
        let text = &self.evaluated.text;
        let start = self.lines.get(line).copied().unwrap_or(text.len());
        let rest = text.get(start..).unwrap_or_default();
        let first = start + bytes(rest, place.column.saturating_sub(1));
        let rest = text.get(first..).unwrap_or_default();
        let last = first + bytes(rest, place.length.saturating_sub(1));
        match (self.origin(first), self.origin(last)) {
            (Some(At::Bytes(from)), Some(At::Bytes(to))) => {
                self.place(from.start..to.end.max(from.end), place);
            }
            (Some(At::Bytes(from)), _) => self.place(from, place),
            (Some(At::Line(line)), _) => self.place_in(line, text.get(first..), place),
            (None, _) => return,
        }
        if whole_line {
            place.column = 0;
        }
    }

    /// Sets the place to bytes of the template; what goes on in further lines is not underlined.
    fn place(&self, span: Span, place: &mut Place) {
        let source = &self.evaluated.source;
        let lines = &self.source_lines;
        place.line = lines.partition_point(|start| *start <= span.start);
        let start = lines.get(place.line - 1).copied().unwrap_or(0);
        let before = source.get(start..span.start).unwrap_or_default();
        let meant = source.get(span).and_then(|text| text.lines().next());
        place.column = before.chars().count() + 1;
        place.length = meant.map_or(1, |line| line.chars().count().max(1));
    }

    /// Sets the place to a line of the template: with the column if the text is the same there.
    fn place_in(&self, line: usize, text: Option<&str>, place: &mut Place) {
        place.line = line.min(self.source_lines.len()).max(1);
        let start = self.source_lines.get(place.line - 1).copied();
        let source = start.and_then(|start| self.evaluated.source.get(start..));
        let source = source.and_then(|source| source.lines().next());
        let meant = text
            .and_then(|text| text.lines().next())
            .unwrap_or_default();
        let found = source.and_then(|source| source.split_once(meant));
        place.column = match found.filter(|_| !meant.is_empty()) {
            Some((before, _)) => before.chars().count() + 1,
            None => 0,
        };
    }

    /// Returns the origin of a byte of the text.
    fn origin(&self, at: usize) -> Option<At> {
        let pieces = &self.evaluated.pieces;
        let index = pieces.partition_point(|piece| piece.start <= at).max(1) - 1;
        let piece = pieces.get(index)?;
        Some(match &piece.origin {
            Origin::Text(start) => {
                let at = start + at.saturating_sub(piece.start);
                let rest = self.evaluated.source.get(at..).unwrap_or_default();
                At::Bytes(at..at + rest.chars().next().map_or(0, char::len_utf8))
            }
            Origin::Expression(span) => At::Bytes(span.clone()),
            Origin::ExpressionIn(line) => At::Line(*line),
            Origin::Line(line) => {
                let before = self.evaluated.text.get(piece.start..at);
                At::Line(line + before.unwrap_or_default().matches('\n').count())
            }
        })
    }

    /// Returns a message with what tags printed left out.
    fn without_values(&self, message: &str) -> String {
        if self.values.is_empty() {
            return message.to_owned();
        }
        let mut kept = String::new();
        let mut rest = message;
        while let Some(first) = rest.chars().next() {
            let (shown, length) = match self.value_at(rest) {
                0 => (first, first.len_utf8()),
                length => ('…', length),
            };
            if !(shown == '…' && kept.ends_with('…')) {
                kept.push(shown);
            }
            rest = rest.get(length..).unwrap_or_default();
        }
        kept
    }

    /// Returns the length of the value that `text` begins with, be it cut off by a `…`.
    fn value_at(&self, text: &str) -> usize {
        let mut bound = text;
        loop {
            let below = (Bound::Unbounded, Bound::Included(bound));
            let above = (Bound::Excluded(bound), Bound::Unbounded);
            let before = self.values.range::<str, _>(below).next_back();
            let after = self.values.range::<str, _>(above).next();
            let cut = after
                .into_iter()
                .chain(before)
                .map(|value| shared(value, text));
            let cut = cut.max().unwrap_or(0);
            let continues = text.get(cut..).is_some_and(|rest| rest.starts_with('…'));
            if continues && cut >= HIDDEN_LENGTH {
                return cut;
            }
            let Some(value) = before else { return 0 };
            let length = shared(value, text);
            if length == value.len() {
                return length;
            }
            if length < HIDDEN_LENGTH {
                return 0;
            }
            bound = text.get(..length).unwrap_or_default();
        }
    }
}

/// A place of the template.
enum At {
    Bytes(Span),
    /// Only the line is known.
    Line(usize),
}

/// Returns what tags printed, in parts that a message would show as they are.
fn values(evaluated: &Evaluated) -> BTreeSet<&str> {
    let ends = evaluated.pieces.iter().skip(1).map(|piece| piece.start);
    let ends = ends.chain([evaluated.text.len()]);
    let mut values = BTreeSet::new();
    for (piece, end) in evaluated.pieces.iter().zip(ends) {
        if let Origin::Expression(_) | Origin::ExpressionIn(_) = piece.origin {
            let value = evaluated.text.get(piece.start..end).unwrap_or_default();
            let parts = value.split(|c: char| c.is_control() || "\"'\\".contains(c));
            let parts = parts.map(str::trim);
            values.extend(parts.filter(|part| part.len() >= HIDDEN_LENGTH));
        }
    }
    values
}

/// Returns how many bytes `left` and `right` begin with in common.
fn shared(left: &str, right: &str) -> usize {
    let both = left.chars().zip(right.chars());
    let equal = both.take_while(|(left, right)| left == right);
    equal.map(|(c, _)| c.len_utf8()).sum()
}

fn line_starts(text: &str) -> Vec<usize> {
    let after = text.match_indices('\n').map(|(at, _)| at + 1);
    std::iter::once(0).chain(after).collect()
}

/// Returns how many bytes the first `count` characters of a line have.
fn bytes(text: &str, count: usize) -> usize {
    let line = text.chars().take_while(|c| *c != '\n');
    line.take(count).map(char::len_utf8).sum()
}
