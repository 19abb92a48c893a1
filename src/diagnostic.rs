//! What is wrong with an input, where, and what to do about it.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::ops::Range;

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, MietteError,
    MietteSpanContents, Report, SourceCode, SourceSpan, SpanContents,
};

use crate::text::{Styling, escape, one_line};

/// The longest line of a file that is shown, in characters.
const MAX_SHOWN: usize = 240;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The input is used all the same.
    Warning,
    /// The input cannot be used.
    Error,
}

/// A place in a file. Lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Path as the user named it.
    pub file: String,
    /// Line; 0 where the whole file is meant.
    pub line: usize,
    /// Column; 0 where the whole line is meant.
    pub column: usize,
    /// Length in characters of what is underlined; at least 1.
    pub length: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.column) {
            (0, _) => write!(f, "{}", self.file),
            (line, 0) => write!(f, "{}:{line}", self.file),
            (line, column) => write!(f, "{}:{line}:{column}", self.file),
        }
    }
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Where it is, if it is in a file.
    pub place: Option<Place>,
    /// The label or argument of Traefik that it is about, where only that is known: the configuration knows its places.
    pub about: Option<Box<str>>,
    /// What is wrong: lower case, without a full stop, never with a secret's value.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Whether the line itself stays unshown, since it may hold a secret.
    pub source_hidden: bool,
}

/// Returns why a file cannot be read.
pub fn unreadable(name: &str, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => format!("{name} does not exist"),
        _ => format!("cannot read {name}: {error}"),
    }
}

impl Diagnostic {
    /// Returns an error without a place and help.
    pub fn error(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            place: None,
            about: None,
            message: message.into(),
            help: None,
            source_hidden: false,
        }
    }

    /// Returns a warning without a place and help.
    pub fn warning(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(message)
        }
    }

    /// Sets the place.
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// Sets the label or argument of Traefik that it is about.
    pub fn about(mut self, name: impl Into<Box<str>>) -> Self {
        self.about = Some(name.into());
        self
    }

    /// Sets what to do about it.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Keeps the line itself from being shown: it may hold a secret.
    pub fn hide_source(mut self) -> Self {
        self.source_hidden = true;
        self
    }
}

/// Returns the diagnostics as text for people, one after the other: message, `file:line:column`, the line itself with
/// what is meant underlined, and what to do about it. `sources` returns the text of a file by the name that places
/// have; a line that may hold a secret, or of a `.env` file, is never shown.
pub fn render(
    diagnostics: &[Diagnostic],
    sources: &dyn Fn(&str) -> Option<String>,
    styling: Styling,
) -> String {
    let theme = match styling {
        Styling::Ansi => GraphicalTheme::unicode(),
        Styling::Plain => GraphicalTheme::unicode_nocolor(),
    };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_context_lines(0)
        .with_wrap_lines(false)
        .with_links(false)
        .without_primary_span_start()
        .without_syntax_highlighting();
    let mut files = Files {
        sources,
        lines: BTreeMap::new(),
    };
    let texts: Vec<String> = diagnostics
        .iter()
        .map(|diagnostic| {
            let report = report(diagnostic, &mut files);
            let mut text = String::new();
            match handler.render_report(&mut text, report.as_ref()) {
                Ok(()) => format!("{}\n", text.trim_end()),
                Err(fmt::Error) => format!("{}\n", headline(diagnostic)),
            }
        })
        .collect();
    texts.join("\n")
}

fn report(diagnostic: &Diagnostic, files: &mut Files<'_>) -> Report {
    let snippet = snippet(diagnostic, files);
    let message = match &snippet {
        Some(_) => escape(&diagnostic.message),
        None => headline(diagnostic),
    };
    let mut shown = MietteDiagnostic::new(message).with_severity(match diagnostic.severity {
        Severity::Warning => miette::Severity::Warning,
        Severity::Error => miette::Severity::Error,
    });
    if let Some(help) = &diagnostic.help {
        shown = shown.with_help(escape(help));
    }
    match snippet {
        None => Report::new(shown),
        Some((line, underlined)) => {
            let label = LabeledSpan::underline(underlined);
            Report::new(shown.with_label(label)).with_source_code(line)
        }
    }
}

/// Returns the message with its place below it.
fn headline(diagnostic: &Diagnostic) -> String {
    let message = escape(&diagnostic.message);
    match &diagnostic.place {
        Some(place) => format!("{message}\nat {}", one_line(&place.to_string())),
        None => message,
    }
}

/// The lines of the files that were asked for.
struct Files<'s> {
    sources: &'s dyn Fn(&str) -> Option<String>,
    lines: BTreeMap<String, Vec<String>>,
}

impl Files<'_> {
    fn line(&mut self, file: &str, index: usize) -> Option<&str> {
        let sources = self.sources;
        let lines = self.lines.entry(file.to_owned()).or_insert_with(|| {
            let text = sources(file).unwrap_or_default();
            let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
            text.lines().map(str::to_owned).collect()
        });
        lines.get(index).map(String::as_str)
    }
}

/// One line of a file. Nothing else of the file is ever shown.
#[derive(Debug)]
struct Line {
    name: String,
    text: String,
    index: usize,
}

impl SourceCode for Line {
    fn read_span<'a>(
        &'a self,
        _span: &SourceSpan,
        _lines_before: usize,
        _lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let whole = SourceSpan::from(0..self.text.len());
        let bytes = self.text.as_bytes();
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            bytes,
            whole,
            self.index,
            0,
            1,
        )))
    }
}

/// Returns the line of the place, and the bytes of it to underline.
fn snippet(diagnostic: &Diagnostic, files: &mut Files<'_>) -> Option<(Line, Range<usize>)> {
    let place = diagnostic.place.as_ref()?;
    if diagnostic.source_hidden || place.line == 0 || place.column == 0 || is_dotenv(&place.file) {
        return None;
    }
    let index = place.line - 1;
    let line: Vec<char> = files.line(&place.file, index)?.chars().collect();
    let escaped = |characters: &[char]| escape(&characters.iter().collect::<String>());
    let first = (place.column - 1).min(line.len().saturating_sub(1));
    let end = (first + place.length).min(line.len());
    let text = escaped(&line);
    if text.chars().count() > MAX_SHOWN {
        return None;
    }
    let start = escaped(&line[..first]).len();
    let underlined = start..start + escaped(&line[first..end]).len();
    let name = one_line(&place.to_string());
    Some((Line { name, text, index }, underlined))
}

fn is_dotenv(file: &str) -> bool {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    name.starts_with(".env") || name.ends_with(".env")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(file: &str, line: usize, column: usize) -> Place {
        Place {
            file: file.to_owned(),
            line,
            column,
            length: 3,
        }
    }

    fn shown(diagnostic: Diagnostic, source: &str) -> String {
        render(&[diagnostic], &|_| Some(source.to_owned()), Styling::Plain)
    }

    #[test]
    fn shows_the_place_the_line_and_the_help() {
        let error = Diagnostic::error("unknown key `fob`").at(place("deploy.yml", 2, 5));
        let text = shown(
            error.help("did you mean `foo`?"),
            "é: 1\né: {fob: 2}\nsecond: 3\n",
        );
        for part in [
            "unknown key `fob`",
            "deploy.yml:2:5",
            "é: {fob: 2}",
            "did you mean `foo`?",
        ] {
            assert!(text.contains(part), "{text}");
        }
        assert!(!text.contains("second"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn hidden_lines_are_not_shown_and_their_place_is() {
        for error in [
            Diagnostic::warning("m")
                .at(place("deploy.yml", 1, 1))
                .hide_source(),
            Diagnostic::error("m").at(place("app/.env.staging", 1, 1)),
            Diagnostic::error("m").at(place("prod.env", 1, 0)),
        ] {
            let at = error
                .place
                .clone()
                .map(|place| place.to_string())
                .unwrap_or_default();
            let text = shown(error, "password: hunter2");
            assert!(text.contains(&at) && !text.contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn places_beyond_the_text_and_control_characters_do_no_harm() {
        for (line, column) in [(1, 1), (1, 40), (2, 1), (9, 9)] {
            let error = Diagnostic::error("a \u{1b}[31m b").at(place("deploy.yml", line, column));
            let text = shown(error, "x\u{1b}[2J\r\n");
            assert!(
                text.contains(&format!("deploy.yml:{line}:{column}")),
                "{text}"
            );
            assert!(!text.contains('\u{1b}'), "{text}");
        }
    }
}
