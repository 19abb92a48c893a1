//! The words of Ruby that a tag is made of.

use super::problem::Span;
use super::syntax::Segment;

/// A word and its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Word,
    pub(super) span: Span,
    /// Whether there is a blank before it.
    pub(super) spaced: bool,
}

/// A word.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Word {
    /// Text of the template that is printed.
    Text,
    /// `<%= … %>`
    Output(Vec<Token>),
    /// A whole number.
    Integer(i64),
    /// `'…'` or `"…"`
    Quoted(Vec<Segment<Token>>),
    /// A command in backticks.
    Command(Vec<Segment<Token>>),
    /// `%w[…]`
    Words(Vec<String>),
    /// A name that begins in lower case, including a `?` or `!` at its end.
    Name(String),
    /// A name that begins in upper case.
    Constant(String),
    /// A keyword.
    Keyword(&'static str),
    /// An operator or a bracket.
    Symbol(&'static str),
    /// The end of a statement: `;`, or the end of a tag.
    End,
    /// A line break within a tag: the end of a statement that is complete.
    LineBreak,
}

impl Word {
    /// Whether a statement ends here.
    pub(super) fn ends_statement(&self) -> bool {
        matches!(self, Self::End | Self::LineBreak)
    }

    /// Returns its name for messages.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Name(name) | Self::Constant(name) => format!("`{name}`"),
            Self::Keyword(word) | Self::Symbol(word) => format!("`{word}`"),
            Self::Integer(_) => "a number".to_owned(),
            Self::Quoted(_) | Self::Words(_) => "a string".to_owned(),
            Self::Command(_) => "a command".to_owned(),
            Self::Text | Self::Output(_) => "template text".to_owned(),
            Self::End | Self::LineBreak => "the end of the statement".to_owned(),
        }
    }
}
