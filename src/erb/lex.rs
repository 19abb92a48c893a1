//! Cuts the code of tags into words.

use super::problem::{Result, Span, over_limit, unsupported, wrong};
use super::scan::{Code, Part};
use super::token::{Token, Word};
use crate::text::one_line;

/// The most words of a template.
const MAX_WORDS: usize = 100_000;

/// How deep `#{…}` may be nested.
const MAX_DEPTH: usize = 16;

/// The keywords that are supported.
const KEYWORDS: [&str; 12] = [
    "and", "else", "elsif", "end", "false", "if", "nil", "not", "or", "then", "true", "unless",
];

/// Those that are not.
const FOREIGN_KEYWORDS: &str = "BEGIN END __ENCODING__ __FILE__ __LINE__ alias begin break case \
    class def defined? do ensure for in module next redo rescue retry return self super undef until \
    when while yield";

/// Operators and brackets that are supported.
const SYMBOLS: [&str; 29] = [
    "||=", "&&=", "==", "!=", "<=", ">=", "&&", "||", "+=", "-=", "::", "&.", "+", "-", "=", "<",
    ">", "!", "?", ":", ",", ".", "(", ")", "[", "]", "{", "}", "&",
];

/// Those that are not. They are refused here: after some of them, quotes have another meaning.
const FOREIGN_SYMBOLS: [&str; 27] = [
    "<=>", "===", "**=", "<<=", ">>=", "...", "=~", "!~", "*=", "/=", "%=", "|=", "&=", "^=", "**",
    "<<", ">>", "..", "=>", "->", "*", "/", "%", "|", "^", "~", "\\",
];

/// Returns the words of a template.
///
/// # Errors
/// A word that is not in the subset.
pub(super) fn words(parts: Vec<Part>) -> Result<Vec<Token>> {
    let mut words = Vec::new();
    let mut count = 0;
    for part in parts {
        match part {
            Part::Text(span) => words.push(token(Word::Text, span)),
            Part::Code(code) => {
                words.extend(lex(&code, &mut count)?);
                words.push(token(Word::End, code.span.end..code.span.end));
            }
            Part::Output(code) => {
                let inner = lex(&code, &mut count)?;
                words.push(token(Word::Output(inner), code.span));
            }
        }
    }
    Ok(words)
}

fn lex(code: &Code, count: &mut usize) -> Result<Vec<Token>> {
    let mut lexer = Lexer {
        characters: &code.characters,
        end: code.span.end,
        at: 0,
        depth: 0,
        count,
    };
    lexer.words(None)
}

fn token(kind: Word, span: Span) -> Token {
    Token {
        kind,
        span,
        spaced: false,
    }
}

/// Reads the code of one tag.
pub(super) struct Lexer<'c> {
    characters: &'c [(usize, char)],
    end: usize,
    pub(super) at: usize,
    depth: usize,
    count: &'c mut usize,
}

impl Lexer<'_> {
    /// Returns the character that is `ahead` characters further on.
    pub(super) fn peek(&self, ahead: usize) -> Option<char> {
        self.characters.get(self.at + ahead).map(|(_, c)| *c)
    }

    /// Returns the place of the next character.
    pub(super) fn place(&self) -> usize {
        self.characters
            .get(self.at)
            .map_or(self.end, |(place, _)| *place)
    }

    /// Returns the next character, and goes beyond it.
    pub(super) fn next(&mut self) -> Option<char> {
        let next = self.peek(0)?;
        self.at += 1;
        Some(next)
    }

    /// Returns what stretches from `start` to here.
    pub(super) fn span(&self, start: usize) -> Span {
        let last = self.at.checked_sub(1);
        let last = last.and_then(|at| self.characters.get(at));
        let end = last.map_or(start, |(place, c)| place + c.len_utf8());
        start..end.max(start)
    }

    fn starts_with(&self, text: &str) -> bool {
        let mut characters = text.chars().enumerate();
        characters.all(|(ahead, c)| self.peek(ahead) == Some(c))
    }

    /// Takes the characters up to the first that is not `wanted`.
    fn take_while(&mut self, wanted: fn(char) -> bool) -> String {
        let start = self.at;
        while self.peek(0).is_some_and(wanted) {
            self.at += 1;
        }
        let taken = self.characters.get(start..self.at).unwrap_or_default();
        taken.iter().map(|(_, c)| *c).collect()
    }

    /// Reads the code of a `#{…}` that has just been opened, up to its `}`.
    pub(super) fn interpolated(&mut self, opened: Span) -> Result<Vec<Token>> {
        if self.depth == MAX_DEPTH {
            return Err(over_limit(opened, "`#{…}` is nested too deeply"));
        }
        self.depth += 1;
        let words = self.words(Some(opened))?;
        self.depth -= 1;
        Ok(words)
    }

    /// Reads words up to the end, or to the `}` that closes what was `opened`.
    fn words(&mut self, opened: Option<Span>) -> Result<Vec<Token>> {
        let mut words: Vec<Token> = Vec::new();
        let mut braces = 0_usize;
        loop {
            let spaced = self.skip_blanks();
            let start = self.place();
            if self.peek(0).is_none() {
                let help = "close it with `}` within the tag";
                return match opened {
                    None => Ok(words),
                    Some(span) => Err(wrong(span, "unclosed `#{`", help)),
                };
            }
            let before = Before {
                word: words.last().map(|token| &token.kind),
                spaced,
            };
            let kind = self.word(start, before)?;
            match kind {
                Word::Symbol("{") => braces += 1,
                Word::Symbol("}") if braces > 0 => braces -= 1,
                Word::Symbol("}") if opened.is_some() => return Ok(words),
                _ => {}
            }
            *self.count += 1;
            if *self.count > MAX_WORDS {
                let message = format!("the template has more than {MAX_WORDS} words of code");
                return Err(over_limit(self.span(start), message));
            }
            let span = self.span(start);
            words.push(Token { kind, span, spaced });
        }
    }

    /// Goes beyond blanks, comments, and line breaks after a backslash.
    fn skip_blanks(&mut self) -> bool {
        let before = self.at;
        loop {
            match self.peek(0) {
                Some(' ' | '\t' | '\r' | '\u{b}' | '\u{c}') => self.at += 1,
                Some('\\') if self.peek(1) == Some('\n') => self.at += 2,
                Some('\\') if self.starts_with("\\\r\n") => self.at += 3,
                Some('#') => drop(self.take_while(|c| c != '\n')),
                _ => return self.at > before,
            }
        }
    }

    fn word(&mut self, start: usize, before: Before) -> Result<Word> {
        let Some(first) = self.peek(0) else {
            return Ok(Word::End);
        };
        match first {
            '\n' | ';' => {
                self.at += 1;
                Ok(if first == ';' {
                    Word::End
                } else {
                    Word::LineBreak
                })
            }
            '0'..='9' => self.integer(start),
            '\'' => self.single_quoted(start),
            '"' => self.double_quoted(start).map(Word::Quoted),
            '`' => self.double_quoted(start).map(Word::Command),
            '%' if before.begins_value() => self.percent(start),
            c if c == '_' || c.is_alphabetic() => self.name(start, before),
            _ => self.symbol(start, before),
        }
    }

    fn integer(&mut self, start: usize) -> Result<Word> {
        let text = self.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
        let fraction =
            self.peek(0) == Some('.') && self.peek(1).is_some_and(|c| c.is_ascii_digit());
        let plain = text == "0" || !text.starts_with('0');
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse() {
            Ok(number) if digits && plain && !fraction => Ok(Word::Integer(number)),
            _ => Err(unsupported(self.span(start), "number format")),
        }
    }

    fn name(&mut self, start: usize, before: Before) -> Result<Word> {
        let mut name = self.take_while(|c| c == '_' || c.is_alphanumeric());
        let after_dot = matches!(before.word, Some(Word::Symbol("." | "&.")));
        let ends = self.peek(1) != Some('=') || self.peek(2) == Some('=');
        if let Some(mark @ ('?' | '!')) = self.peek(0)
            && ends
        {
            name.push(mark);
            self.at += 1;
        }
        if after_dot {
            return Ok(Word::Name(name));
        }
        if FOREIGN_KEYWORDS.split(' ').any(|keyword| keyword == name) {
            return Err(unsupported(self.span(start), format!("`{name}`")));
        }
        Ok(
            match KEYWORDS.into_iter().find(|keyword| *keyword == name) {
                Some(keyword) => Word::Keyword(keyword),
                None if name.starts_with(char::is_uppercase) => Word::Constant(name),
                None => Word::Name(name),
            },
        )
    }

    /// Reads an operator or a bracket. A `?` at the start of a value quotes one character.
    fn symbol(&mut self, start: usize, before: Before) -> Result<Word> {
        let unspaced = Before {
            spaced: false,
            ..before
        };
        let quotes = self.peek(0) == Some('?') && unspaced.begins_value();
        let longest = |symbols: &[&'static str]| {
            let found = symbols.iter().filter(|symbol| self.starts_with(symbol));
            found.copied().max_by_key(|symbol| symbol.len())
        };
        let known = longest(&SYMBOLS).filter(|_| !quotes);
        let foreign = longest(&FOREIGN_SYMBOLS).map_or(0, str::len);
        match known.filter(|symbol| symbol.len() > foreign) {
            Some(symbol) => {
                self.at += symbol.len();
                Ok(Word::Symbol(symbol))
            }
            None => {
                let shown: String = (0..foreign.max(1)).filter_map(|_| self.next()).collect();
                let what = format!("`{}`", one_line(&shown));
                Err(unsupported(self.span(start), what))
            }
        }
    }
}

/// What is before a word.
#[derive(Clone, Copy)]
struct Before<'w> {
    word: Option<&'w Word>,
    /// Whether there is a blank between the two.
    spaced: bool,
}

impl Before<'_> {
    /// Returns whether a `%` or `?` here begins a literal, and is not an operator.
    fn begins_value(self) -> bool {
        match self.word {
            None | Some(Word::End | Word::LineBreak) => true,
            Some(Word::Keyword(word)) => !matches!(*word, "true" | "false" | "nil" | "end"),
            Some(Word::Symbol(symbol)) => !matches!(*symbol, ")" | "]" | "}"),
            Some(Word::Name(_)) => self.spaced,
            _ => false,
        }
    }
}
