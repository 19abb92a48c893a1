//! Cuts a template into text and tags, as ERB with the trim mode `-` does.

use super::problem::{Result, Span, over_limit, wrong};

/// The longest tag, in bytes.
const MAX_TAG: usize = 64 << 10;

/// The most parts of a template.
const MAX_PARTS: usize = 50_000;

/// A part of a template.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    /// Text that is printed as it is at these bytes.
    Text(Span),
    /// `<% code %>`
    Code(Code),
    /// `<%= code %>`
    Output(Code),
}

impl Part {
    /// Returns the bytes of a tag.
    pub(super) fn tag(self) -> Option<Span> {
        match self {
            Self::Text(_) => None,
            Self::Code(code) | Self::Output(code) => Some(code.span),
        }
    }
}

/// The code of a tag.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Code {
    /// The whole tag.
    pub(super) span: Span,
    /// Its characters, each with its place in the template; `%%>` has become `%>`.
    pub(super) characters: Vec<(usize, char)>,
}

/// Cuts a template.
///
/// # Errors
/// A tag that is not closed, or too long.
pub(super) fn scan(source: &str) -> Result<Vec<Part>> {
    let mut scanner = Scanner {
        source,
        at: 0,
        parts: Vec::new(),
    };
    while scanner.at < source.len() {
        scanner.text();
        scanner.tag()?;
        if scanner.parts.len() > MAX_PARTS {
            let message = format!("the template has more than {MAX_PARTS} parts");
            return Err(over_limit(scanner.at..scanner.at, message));
        }
    }
    Ok(scanner.parts)
}

struct Scanner<'s> {
    source: &'s str,
    at: usize,
    parts: Vec<Part>,
}

impl Scanner<'_> {
    fn rest(&self) -> &str {
        self.source.get(self.at..).unwrap_or_default()
    }

    fn put(&mut self, span: Span) {
        if !span.is_empty() {
            self.parts.push(Part::Text(span));
        }
    }

    /// Takes the text up to the next tag. Blanks before a `<%-` are dropped if they begin a line or follow a tag.
    fn text(&mut self) {
        let start = self.at;
        let Some(length) = self.rest().find("<%") else {
            self.at = self.source.len();
            return self.put(start..self.at);
        };
        self.at += length;
        let text = self.source.get(start..self.at).unwrap_or_default();
        let kept = text.trim_end_matches([' ', '\t']);
        let alone = kept.is_empty() || kept.ends_with('\n');
        if self.rest().starts_with("<%-") && alone {
            self.put(start..start + kept.len());
        } else {
            self.put(start..self.at);
        }
    }

    fn tag(&mut self) -> Result<()> {
        let start = self.at;
        let rest = self.rest();
        if rest.is_empty() {
            return Ok(());
        }
        let opening = rest.as_bytes().get(2).copied();
        if opening == Some(b'%') {
            self.put(start..start + 2);
            self.at += 3;
            return Ok(());
        }
        self.at += if matches!(opening, Some(b'-' | b'=' | b'#')) {
            3
        } else {
            2
        };
        let (characters, trims) = self.code(start)?;
        let span = start..self.at;
        if trims {
            let rest = self.rest();
            let shorter = rest.strip_prefix("\r\n").or(rest.strip_prefix('\n'));
            self.at += rest.len() - shorter.unwrap_or(rest).len();
        }
        let code = Code { span, characters };
        match opening {
            Some(b'=') => self.parts.push(Part::Output(code)),
            Some(b'#') => {}
            _ => self.parts.push(Part::Code(code)),
        }
        Ok(())
    }

    /// Takes the code of a tag and what closes it. Returns too whether that was `-%>`.
    fn code(&mut self, start: usize) -> Result<(Vec<(usize, char)>, bool)> {
        let mut characters = Vec::new();
        loop {
            let rest = self.rest();
            let Some(length) = rest.find("%>") else {
                let help = "close it with `%>`; to print `<%`, write `<%%`";
                return Err(wrong(start..start + 2, "unclosed tag", help));
            };
            if self.at + length - start > MAX_TAG {
                let message = format!("the tag has more than {MAX_TAG} bytes");
                return Err(over_limit(start..start + 2, message));
            }
            let before = rest.get(..length).unwrap_or_default();
            let escaped = before.strip_suffix('%');
            let trimmed = before.strip_suffix('-');
            let code = escaped.or(trimmed).unwrap_or(before);
            characters.extend(code.char_indices().map(|(at, c)| (self.at + at, c)));
            let (escaped, trims) = (escaped.is_some(), trimmed.is_some());
            self.at += length + 2;
            if !escaped {
                return Ok((characters, trims));
            }
            characters.extend([(self.at - 2, '%'), (self.at - 1, '>')]);
        }
    }
}
