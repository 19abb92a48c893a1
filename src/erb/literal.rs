//! Reads strings in quotes, commands in backticks, and literals that begin with `%`.

use super::lex::Lexer;
use super::problem::{Problem, Result, unsupported, wrong};
use super::syntax::Segment;
use super::token::{Token, Word};

impl Lexer<'_> {
    /// Reads `'…'`: only `\\` and `\'` are escapes.
    pub(super) fn single_quoted(&mut self, start: usize) -> Result<Word> {
        self.at += 1;
        let mut text = String::new();
        loop {
            match self.next() {
                Some('\'') => return Ok(Word::Quoted(vec![Segment::Literal(text)])),
                Some('\\') if matches!(self.peek(0), Some('\\' | '\'')) => {
                    text.extend(self.next());
                }
                Some(c) => text.push(c),
                None => return Err(not_closed(start, "quote")),
            }
        }
    }

    /// Reads `"…"`, or a command in backticks.
    pub(super) fn double_quoted(&mut self, start: usize) -> Result<Vec<Segment<Token>>> {
        let quote = self.next().unwrap_or('"');
        let what = if quote == '`' { "backtick" } else { "quote" };
        self.pieces(start, (quote, quote), what)
    }

    /// Reads text with escapes and `#{…}` up to the second of `marks`, of which the first, if it is another, nests.
    fn pieces(
        &mut self,
        start: usize,
        (open, close): (char, char),
        what: &str,
    ) -> Result<Vec<Segment<Token>>> {
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut nested = 0_usize;
        loop {
            let at = self.place();
            match self.next() {
                Some(c) if c == close && nested == 0 => break,
                Some('\\') => text.extend(self.escape(at)?),
                Some('#') if self.peek(0) == Some('{') => {
                    self.at += 1;
                    let opened = self.span(at);
                    pieces.push(Segment::Literal(std::mem::take(&mut text)));
                    pieces.push(Segment::Code(self.interpolated(opened)?));
                }
                Some('#') if matches!(self.peek(0), Some('$' | '@')) => {
                    return Err(unsupported(at..at + 2, "`#$` and `#@` in a string"));
                }
                Some(c) => {
                    nested += usize::from(c == open);
                    nested -= usize::from(c == close);
                    text.push(c);
                }
                None => return Err(not_closed(start, what)),
            }
        }
        pieces.push(Segment::Literal(text));
        pieces.retain(|piece| *piece != Segment::Literal(String::new()));
        Ok(pieces)
    }

    /// Reads what follows a backslash. A line break is dropped.
    fn escape(&mut self, start: usize) -> Result<Option<char>> {
        let Some(c) = self.next() else {
            return Ok(None);
        };
        let character = match c {
            'n' => Some('\n'),
            't' => Some('\t'),
            's' => Some(' '),
            'r' => Some('\r'),
            'a' => Some('\u{7}'),
            'b' => Some('\u{8}'),
            'e' => Some('\u{1b}'),
            'f' => Some('\u{c}'),
            'v' => Some('\u{b}'),
            '\n' => return Ok(None),
            '0'..='7' => {
                self.at -= 1;
                self.number(8, 3)
            }
            'x' => self.number(16, 2),
            'u' if self.peek(0) == Some('{') => {
                self.at += 1;
                let digits = self.digits(16, 6);
                let closed = self.next() == Some('}');
                digits.and_then(|(number, _)| char::from_u32(number).filter(|_| closed))
            }
            'u' => {
                let digits = self.digits(16, 4).filter(|(_, count)| *count == 4);
                digits.and_then(|(number, _)| char::from_u32(number))
            }
            'c' | 'C' | 'M' => None,
            other => Some(other),
        };
        let refused = || unsupported(self.span(start), "escape sequence");
        character.map(Some).ok_or_else(refused)
    }

    /// Reads the digits of a character below 128; others would be bytes, not characters.
    fn number(&mut self, radix: u32, most: usize) -> Option<char> {
        let (number, _) = self.digits(radix, most)?;
        char::from_u32(number).filter(char::is_ascii)
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

    /// Reads `%w[…]`, `%x(…)`, `%q(…)`, `%Q(…)` or `%(…)`.
    pub(super) fn percent(&mut self, start: usize) -> Result<Word> {
        self.at += 1;
        let kind = match self.peek(0) {
            Some(kind @ ('w' | 'x' | 'q' | 'Q')) => {
                self.at += 1;
                kind
            }
            _ => 'Q',
        };
        let marks = match self.next() {
            Some('(') => ('(', ')'),
            Some('[') => ('[', ']'),
            Some('{') => ('{', '}'),
            Some('<') => ('<', '>'),
            Some(mark) if mark.is_ascii_punctuation() && kind != 'w' => (mark, mark),
            _ => return Err(unsupported(self.span(start), "`%` literal")),
        };
        match kind {
            'w' => self.word_list(start, marks.1),
            'x' => self.pieces(start, marks, "`%x`").map(Word::Command),
            'q' => self.raw(start, marks),
            _ => self.pieces(start, marks, "`%` literal").map(Word::Quoted),
        }
    }

    /// Reads `%w[…]`, without escapes and brackets within.
    fn word_list(&mut self, start: usize, close: char) -> Result<Word> {
        let mut text = String::new();
        loop {
            match self.next() {
                Some(c) if c == close => break,
                Some('[' | '(' | '{' | '<' | '\\') => {
                    return Err(unsupported(self.span(start), "`%` literal"));
                }
                Some(c) => text.push(c),
                None => return Err(not_closed(start, "bracket")),
            }
        }
        let words = text.split_ascii_whitespace().map(str::to_owned);
        Ok(Word::Words(words.collect()))
    }

    /// Reads `%q(…)`: a backslash escapes only itself and the marks.
    fn raw(&mut self, start: usize, (open, close): (char, char)) -> Result<Word> {
        let mut text = String::new();
        let mut nested = 0_usize;
        loop {
            match self.next() {
                Some(c) if c == close && nested == 0 => {
                    return Ok(Word::Quoted(vec![Segment::Literal(text)]));
                }
                Some('\\')
                    if self
                        .peek(0)
                        .is_some_and(|c| c == '\\' || c == open || c == close) =>
                {
                    text.extend(self.next());
                }
                Some(c) => {
                    nested += usize::from(c == open);
                    nested -= usize::from(c == close);
                    text.push(c);
                }
                None => return Err(not_closed(start, "`%q`")),
            }
        }
    }
}

fn not_closed(start: usize, what: &str) -> Problem {
    wrong(
        start..start + 1,
        format!("unclosed {what}"),
        "close it within the tag; `%>` ends a tag even within quotes: write `%%>` there",
    )
}
