//! Reads strings in quotes, commands in backticks, and `%w[…]`.

use super::lex::Lexer;
use super::problem::{Problem, Result, Span, unsupported, wrong};
use super::token::{Piece, Word};

impl Lexer<'_> {
    /// Reads `'…'`: only `\\` and `\'` are escapes.
    pub(super) fn single_quoted(&mut self, start: usize) -> Result<Word> {
        self.at += 1;
        let mut text = String::new();
        loop {
            match self.next() {
                Some('\'') => return Ok(Word::Quoted(vec![Piece::Literal(text)])),
                Some('\\') if matches!(self.peek(0), Some('\\' | '\'')) => {
                    text.extend(self.next());
                }
                Some(c) => text.push(c),
                None => return Err(not_closed(start, "quote")),
            }
        }
    }

    /// Reads `"…"`, or a command in backticks.
    pub(super) fn double_quoted(&mut self, start: usize) -> Result<Vec<Piece>> {
        let quote = self.next();
        let mut pieces = Vec::new();
        let mut text = String::new();
        loop {
            let at = self.place();
            match self.next() {
                Some(c) if Some(c) == quote => break,
                Some('\\') => text.extend(self.escape(at)?),
                Some('#') if self.peek(0) == Some('{') => {
                    self.at += 1;
                    let opened = self.span(at);
                    pieces.push(Piece::Literal(std::mem::take(&mut text)));
                    pieces.push(Piece::Code(self.interpolated(opened)?));
                }
                Some('#') if matches!(self.peek(0), Some('$' | '@')) => {
                    return Err(unsupported(at..at + 2, "`#$` and `#@` in a string"));
                }
                Some(c) => text.push(c),
                None if quote == Some('`') => return Err(not_closed(start, "backtick")),
                None => return Err(not_closed(start, "quote")),
            }
        }
        pieces.push(Piece::Literal(text));
        pieces.retain(|piece| *piece != Piece::Literal(String::new()));
        Ok(pieces)
    }

    /// Reads what follows a backslash. A line break is dropped.
    fn escape(&mut self, start: usize) -> Result<Option<char>> {
        let refused = |span: Span| unsupported(span, "escape sequence");
        let Some(c) = self.next() else {
            return Ok(None);
        };
        let character = match c {
            'n' => '\n',
            't' => '\t',
            's' => ' ',
            'r' => '\r',
            'a' => '\u{7}',
            'b' => '\u{8}',
            'e' => '\u{1b}',
            'f' => '\u{c}',
            'v' => '\u{b}',
            '\n' => return Ok(None),
            '0'..='7' => {
                self.at -= 1;
                return self.number(start, 8, 3).map(Some);
            }
            'x' => return self.number(start, 16, 2).map(Some),
            'u' if self.peek(0) == Some('{') => return self.braced(start).map(Some),
            'u' => {
                let character = self.digits(16, 4).filter(|(_, count)| *count == 4);
                let character = character.and_then(|(number, _)| char::from_u32(number));
                return character.map(Some).ok_or_else(|| refused(self.span(start)));
            }
            'c' | 'C' | 'M' => return Err(refused(self.span(start))),
            other => other,
        };
        Ok(Some(character))
    }

    /// Reads the digits of a character below 128; others would be bytes, not characters.
    fn number(&mut self, start: usize, radix: u32, most: usize) -> Result<char> {
        let number = self.digits(radix, most).map(|(number, _)| number);
        let character = number
            .filter(|number| *number < 128)
            .and_then(char::from_u32);
        character.ok_or_else(|| unsupported(self.span(start), "escape sequence"))
    }

    /// Reads `{41}` after `\u`.
    fn braced(&mut self, start: usize) -> Result<char> {
        self.at += 1;
        let character = self
            .digits(16, 6)
            .and_then(|(number, _)| char::from_u32(number));
        match (character, self.next()) {
            (Some(character), Some('}')) => Ok(character),
            _ => Err(unsupported(self.span(start), "escape sequence")),
        }
    }

    /// Returns a number of at least one and at most `most` digits, and how many there were.
    fn digits(&mut self, radix: u32, most: usize) -> Option<(u32, usize)> {
        let mut number = 0;
        let mut count = 0;
        while count < most
            && let Some(digit) = self.peek(0).and_then(|c| c.to_digit(radix))
        {
            number = number * radix + digit;
            count += 1;
            self.at += 1;
        }
        (count > 0).then_some((number, count))
    }

    /// Reads `%w[…]`, without escapes and brackets within.
    pub(super) fn percent(&mut self, start: usize) -> Result<Word> {
        let refused = |span: Span| unsupported(span, "`%` literal");
        self.at += 1;
        let close = match (self.next(), self.next()) {
            (Some('w'), Some('[')) => ']',
            (Some('w'), Some('(')) => ')',
            (Some('w'), Some('{')) => '}',
            _ => return Err(refused(self.span(start))),
        };
        let mut text = String::new();
        loop {
            match self.next() {
                Some(c) if c == close => break,
                Some('[' | '(' | '{' | '\\') => return Err(refused(self.span(start))),
                Some(c) => text.push(c),
                None => return Err(not_closed(start, "bracket")),
            }
        }
        let words = text.split_ascii_whitespace().map(str::to_owned);
        Ok(Word::Words(words.collect()))
    }
}

fn not_closed(start: usize, what: &str) -> Problem {
    wrong(
        start..start + 1,
        format!("unclosed {what}"),
        "close it within the tag; `%>` ends a tag even within quotes: write `%%>` there",
    )
}
