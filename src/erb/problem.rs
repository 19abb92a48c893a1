//! Problems of a template, before the file is known.

use std::ops::Range;

use crate::diagnostic::{Diagnostic, Place};

/// Bytes of the template.
pub(super) type Span = Range<usize>;

/// What kind of problem it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The template is wrong in any Ruby.
    Wrong,
    /// It is beyond the supported subset of Ruby.
    Unsupported,
}

/// A problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) kind: Kind,
    pub(super) span: Span,
    pub(super) message: String,
    pub(super) help: String,
}

/// The result of reading or evaluating a part of a template.
pub(super) type Result<T> = std::result::Result<T, Problem>;

/// Returns an error of the template.
pub(super) fn wrong(span: Span, message: impl Into<String>, help: impl Into<String>) -> Problem {
    Problem {
        kind: Kind::Wrong,
        span,
        message: message.into(),
        help: help.into(),
    }
}

/// Returns the refusal of what Ruby may take. `what` names it.
pub(super) fn unsupported(span: Span, what: impl std::fmt::Display) -> Problem {
    Problem {
        kind: Kind::Unsupported,
        span,
        message: format!("unsupported Ruby: {what}"),
        help: "use what docs/erb.md lists, or install `ruby`, which then evaluates the file"
            .to_owned(),
    }
}

/// Returns the error of a template that exceeds a limit.
pub(super) fn over_limit(span: Span, message: impl Into<String>) -> Problem {
    wrong(span, message, "simplify the template")
}

impl Problem {
    /// Returns it with its place in `file`, whose text is `source`.
    pub(super) fn diagnostic(self, file: &str, source: &str) -> Diagnostic {
        Diagnostic::error(self.message)
            .at(place(file, source, &self.span))
            .help(self.help)
    }
}

/// Returns the place of `span` in `file`; what goes on in further lines is not underlined.
pub(super) fn place(file: &str, source: &str, span: &Span) -> Place {
    let before = source.get(..span.start).unwrap_or(source);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let text = source.get(span.clone()).unwrap_or_default();
    let first = text.lines().next().unwrap_or_default();
    Place {
        file: file.to_owned(),
        line: before.matches('\n').count() + 1,
        column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
        length: first.chars().count().max(1),
    }
}

/// Returns the bytes of a line, without blanks around them.
pub(super) fn line_span(source: &str, line: usize) -> Span {
    let mut start = 0;
    for (number, text) in (1..).zip(source.split_inclusive('\n')) {
        if number >= line {
            start += text.len() - text.trim_start().len();
            return start..start + text.trim().len();
        }
        start += text.len();
    }
    start..start
}
