//! The syntax of a secrets file: that of Ruby's dotenv, which Kamal reads it with. No message shows anything of a line but its number,
//! a column and names.

use crate::diagnostic::{Diagnostic, Place};
use crate::secret::Secret;

/// An assignment, `NAME=value`.
#[derive(Debug, Clone)]
pub(super) struct Assignment {
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) parts: Vec<Part>,
}

/// A part of a value.
#[derive(Debug, Clone)]
pub(super) enum Part {
    /// Text as it is.
    Text(Secret),
    /// `$NAME` or `${NAME}`.
    Reference(String),
    /// `$(command)`.
    Command(Command),
}

/// A command whose output is part of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Its text, as a shell gets it.
    pub text: String,
    /// The variables that it refers to.
    pub names: Vec<String>,
}

/// How a value is written.
#[derive(Clone, Copy, PartialEq)]
enum Quote {
    None,
    Double,
}

/// Reads the text of a secrets file; `shown` is its path in messages.
pub(super) fn parse(shown: &str, text: &str) -> Result<Vec<Assignment>, Vec<Diagnostic>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader {
        shown,
        rest: text,
        line: 1,
        column: 1,
    };
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    while !reader.rest.is_empty() {
        match reader.line() {
            Ok(assignment) => found.extend(assignment),
            Err(problem) => {
                problems.push(problem);
                reader.skip_line();
            }
        }
    }
    match problems.is_empty() {
        true => Ok(found),
        false => Err(problems),
    }
}

/// The rest of a file that is being read.
struct Reader<'a> {
    shown: &'a str,
    rest: &'a str,
    line: usize,
    column: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.rest = &self.rest[c.len_utf8()..];
        match c {
            '\n' => (self.line, self.column) = (self.line + 1, 1),
            _ => self.column += 1,
        }
        Some(c)
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let length = self.rest.find(|c| !wanted(c)).unwrap_or(self.rest.len());
        let taken = &self.rest[..length];
        for _ in taken.chars() {
            self.next();
        }
        taken
    }

    fn skip_blanks(&mut self) -> bool {
        !self
            .take_while(|c| matches!(c, ' ' | '\t' | '\r'))
            .is_empty()
    }

    fn skip_line(&mut self) {
        self.take_while(|c| c != '\n');
        self.next();
    }

    fn place(&self) -> Place {
        Place {
            file: self.shown.to_owned(),
            line: self.line,
            column: self.column,
            length: 1,
        }
    }

    fn problem(&self, message: &str, help: &str) -> Diagnostic {
        problem(self.place(), message, help)
    }

    /// Reads a line, or several if a value in quotes goes on; `None` for a blank line or a comment.
    fn line(&mut self) -> Result<Option<Assignment>, Diagnostic> {
        self.skip_blanks();
        if matches!(self.peek(), None | Some('\n' | '#')) {
            self.skip_line();
            return Ok(None);
        }
        if let Some(rest) = self.rest.strip_prefix("export")
            && rest.starts_with([' ', '\t'])
        {
            self.take_while(char::is_alphabetic);
            self.skip_blanks();
        }
        let place = Place {
            column: 0,
            ..self.place()
        };
        let expected = || {
            let help = "write `NAME=value`; comments start with `#`, and a value with line breaks is in quotes";
            problem(place.clone(), "expected `NAME=value`", help)
        };
        let name = self.take_while(|c| is_of_name(c) || c == '.');
        let has_blanks = self.skip_blanks();
        let is_separated = match self.next_separator() {
            Some('=') => true,
            Some(':') => {
                !has_blanks && matches!(self.peek(), None | Some(' ' | '\t' | '\r' | '\n'))
            }
            _ => false,
        };
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !is_separated {
            return Err(expected());
        }
        self.skip_blanks();
        let parts = self.value()?;
        Ok(Some(Assignment {
            name: name.to_owned(),
            place,
            parts,
        }))
    }

    fn next_separator(&mut self) -> Option<char> {
        match self.peek() {
            Some('=' | ':') => self.next(),
            _ => None,
        }
    }

    fn value(&mut self) -> Result<Vec<Part>, Diagnostic> {
        let begun = self.place();
        let parts = match self.peek() {
            Some('\'') => {
                self.next();
                let text = self.take_while(|c| c != '\'');
                if self.next().is_none() {
                    return Err(unclosed(begun));
                }
                vec![Part::Text(Secret::new(text))]
            }
            Some('"') => {
                self.next();
                let parts = self.parts(Quote::Double)?;
                if self.next().is_none() {
                    return Err(unclosed(begun));
                }
                parts
            }
            _ => return self.plain(),
        };
        self.skip_blanks();
        match self.peek() {
            None | Some('\n' | '#') => {
                self.skip_line();
                Ok(parts)
            }
            Some(_) => {
                let help = "end the line after the quote, or put the whole value in quotes";
                Err(self.problem("text after the closing quote", help))
            }
        }
    }

    /// Reads a value without quotes, up to the end of its line or a comment.
    fn plain(&mut self) -> Result<Vec<Part>, Diagnostic> {
        let mut parts = self.parts(Quote::None)?;
        self.skip_line();
        if let Some(Part::Text(last)) = parts.last_mut() {
            *last = Secret::new(last.reveal().trim_end());
        }
        parts.retain(|part| !matches!(part, Part::Text(text) if text.reveal().is_empty()));
        Ok(parts)
    }

    /// Reads the parts of a value up to its closing quote, or without quotes to the end of the line or a comment; neither is taken.
    fn parts(&mut self, quote: Quote) -> Result<Vec<Part>, Diagnostic> {
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut after_blank = true;
        while let Some(c) = self.peek() {
            let was_after_blank = std::mem::replace(&mut after_blank, c.is_whitespace());
            match (quote, c) {
                (Quote::Double, '"') | (Quote::None, '\n') => break,
                (Quote::None, '#') if was_after_blank => break,
                (Quote::None, '#') => {
                    let help = "put the value in single quotes; before a comment, write a space";
                    return Err(self.problem("`#` in a value without quotes", help));
                }
                (_, '\\') => text.extend(self.escaped(quote)),
                (_, '$') => {
                    let Some(part) = self.substitution(quote)? else {
                        text.push('$');
                        continue;
                    };
                    if !text.is_empty() {
                        parts.push(Part::Text(Secret::new(std::mem::take(&mut text))));
                    }
                    parts.push(part);
                }
                _ => text.extend(self.next()),
            }
        }
        if !text.is_empty() {
            parts.push(Part::Text(Secret::new(text)));
        }
        Ok(parts)
    }

    /// Takes a backslash and the character that it stands before, and returns what is left of both. In double quotes `\n` stays as it is:
    /// dotenv 3 makes no line break of it.
    fn escaped(&mut self, quote: Quote) -> Option<char> {
        self.next();
        match (quote, self.peek()) {
            (_, None | Some('\n')) | (Quote::Double, Some('n' | 'r')) => Some('\\'),
            _ => self.next(),
        }
    }

    /// Takes a `$` with what it stands for; `None` if that is a dollar.
    fn substitution(&mut self, quote: Quote) -> Result<Option<Part>, Diagnostic> {
        let begun = self.place();
        self.next();
        match self.peek() {
            Some('(') => {
                self.next();
                self.command(begun, quote)
                    .map(|command| Some(Part::Command(command)))
            }
            Some('{') => {
                self.next();
                let name = self.take_while(is_of_name);
                let is_name = !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit());
                if !is_name || self.next() != Some('}') {
                    let help = "write `${NAME}`: defaults and other expansions of a shell are not known here";
                    return Err(problem(begun, "`${` without a name and `}`", help));
                }
                Ok(Some(Part::Reference(name.to_owned())))
            }
            Some(c) if c.is_ascii_digit() => {
                let help = "put the value in single quotes, or write `\\$` for a dollar";
                Err(problem(begun, "`$` before a digit", help))
            }
            Some(c) if is_of_name(c) => {
                let name = self.take_while(is_of_name);
                Ok(Some(Part::Reference(name.to_owned())))
            }
            _ => Ok(None),
        }
    }

    /// Reads a command after its `$(`, and takes the `)` that closes it.
    fn command(&mut self, begun: Place, quote: Quote) -> Result<Command, Diagnostic> {
        let mut text = String::new();
        let mut names = Vec::new();
        let mut inner = None;
        let mut depth = 1;
        loop {
            let at = self.place();
            match (inner, self.peek()) {
                (_, None) => return Err(unclosed_command(begun)),
                (_, Some('\n')) if quote == Quote::None => return Err(unclosed_command(begun)),
                (_, Some('\\')) => {
                    let escaped = self.escaped_in_command();
                    if let Some(c @ ('\'' | '"')) = escaped {
                        inner = toggled(inner, c);
                    }
                    text.extend(escaped);
                    continue;
                }
                (Some('\''), Some('$')) => {
                    if self.names_variable() {
                        let help = "use double quotes, so that the shell puts the value there; write `\\$` for a dollar";
                        return Err(problem(
                            at,
                            "a variable in single quotes of a command",
                            help,
                        ));
                    }
                }
                (_, Some(c @ ('\'' | '"'))) => inner = toggled(inner, c),
                (None, Some('(')) => depth += 1,
                (None, Some(')')) => depth -= 1,
                (_, Some(_)) => {}
            }
            let c = self.next();
            if depth == 0 {
                break;
            }
            text.extend(c);
        }
        mentioned(&text, &mut names);
        match text.trim().is_empty() {
            true => Err(problem(
                begun,
                "empty command",
                "write it between `$(` and `)`",
            )),
            false => Ok(Command { text, names }),
        }
    }

    /// As [`Self::escaped`], in a command: a backslash that dotenv takes away where it has a meaning for dotenv; any other is the shell's.
    fn escaped_in_command(&mut self) -> Option<char> {
        self.next();
        match self.peek() {
            Some('$' | '"' | '\'' | '`' | '\\' | '(' | ')') => self.next(),
            _ => Some('\\'),
        }
    }

    /// Whether the `$` that comes next is followed by a name.
    fn names_variable(&self) -> bool {
        let after = self.rest.trim_start_matches('$').trim_start_matches('{');
        after.starts_with(|c: char| is_of_name(c) && !c.is_ascii_digit())
    }
}

fn toggled(inner: Option<char>, quote: char) -> Option<char> {
    match inner {
        None => Some(quote),
        Some(open) if open == quote => None,
        open => open,
    }
}

/// Adds the names of the variables that the text of a command mentions.
fn mentioned(text: &str, names: &mut Vec<String>) {
    for after in text.split('$').skip(1) {
        let after = after.strip_prefix('{').unwrap_or(after);
        let end = after.find(|c| !is_of_name(c)).unwrap_or(after.len());
        let name = &after[..end];
        let is_name = !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit());
        if is_name && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
}

pub(super) fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn problem(place: Place, message: &str, help: &str) -> Diagnostic {
    let error = Diagnostic::error(message).at(place);
    error.help(help).hide_source()
}

fn unclosed(place: Place) -> Diagnostic {
    problem(
        place,
        "unclosed quote",
        "close it; put a value that contains a single quote in double quotes",
    )
}

fn unclosed_command(place: Place) -> Diagnostic {
    let help =
        "close it with `)` in the same line, or put a value with line breaks in double quotes";
    problem(place, "unclosed `$(`", help)
}
