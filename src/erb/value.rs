//! The values of Ruby that the subset has.

use super::problem::{Result, Span, wrong};

/// How deep lists may be nested.
const MAX_DEPTH: usize = 20;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Nil,
    Boolean(bool),
    Integer(i64),
    String(String),
    List(Vec<Value>),
}

impl Value {
    /// Returns a string.
    pub(super) fn string(text: impl Into<String>) -> Self {
        Self::String(text.into())
    }

    /// Returns a list.
    ///
    /// # Errors
    /// Lists within lists, deeper than any template needs.
    pub(super) fn list(items: Vec<Self>, span: &Span) -> Result<Self> {
        let list = Self::List(items);
        match list.depth() > MAX_DEPTH {
            true => Err(wrong(
                span.clone(),
                "the list is nested too deeply",
                "flatten it",
            )),
            false => Ok(list),
        }
    }

    fn depth(&self) -> usize {
        match self {
            Self::List(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            _ => 0,
        }
    }

    /// Returns what it costs to copy: about its size in bytes.
    pub(super) fn cost(&self) -> usize {
        match self {
            Self::String(text) => 32 + text.len(),
            Self::List(items) => 32 + items.iter().map(Self::cost).sum::<usize>(),
            _ => 32,
        }
    }

    /// Whether it counts as true: all but nil and false do.
    pub(super) fn is_true(&self) -> bool {
        !matches!(self, Self::Nil | Self::Boolean(false))
    }

    /// Returns its kind, for messages. They never show a value.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Nil => "nil",
            Self::Boolean(_) => "true or false",
            Self::Integer(_) => "a number",
            Self::String(_) => "a string",
            Self::List(_) => "a list",
        }
    }

    /// Returns it as it is printed.
    pub(super) fn printed(self) -> String {
        match self {
            Self::Nil => String::new(),
            Self::String(text) => text,
            other => other.inspected(),
        }
    }

    /// Returns it as Ruby's `inspect` does.
    pub(super) fn inspected(&self) -> String {
        match self {
            Self::Nil => "nil".to_owned(),
            Self::Boolean(value) => value.to_string(),
            Self::Integer(number) => number.to_string(),
            Self::String(text) => quoted(text),
            Self::List(items) => {
                let items: Vec<String> = items.iter().map(Self::inspected).collect();
                format!("[{}]", items.join(", "))
            }
        }
    }

    /// Whether it is nil, false, empty, or only blanks.
    pub(super) fn is_blank(&self) -> bool {
        match self {
            Self::Nil => true,
            Self::Boolean(value) => !value,
            Self::Integer(_) => false,
            Self::String(text) => text.chars().all(char::is_whitespace),
            Self::List(items) => items.is_empty(),
        }
    }
}

/// Returns a text in double quotes, as Ruby writes it.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '#' if matches!(rest.peek(), Some('{' | '$' | '@')) => quoted.push_str("\\#"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{b}' => quoted.push_str("\\v"),
            '\u{c}' => quoted.push_str("\\f"),
            '\u{1b}' => quoted.push_str("\\e"),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
