//! The one escape for terminals.

use std::io;

/// Returns `text` with every character escaped that a terminal acts on, or that hides or reorders text: control characters,
/// C1 included, bidirectional marks, and characters without a width. Newline and tab stay. They become `\u{1b}` and the like.
pub fn escape(text: &str) -> String {
    escape_except(text, &['\n', '\t'])
}

/// Returns `text` escaped as [`escape`] does, on one line: newline and tab become `\n` and `\t`. White space at its end is
/// dropped.
pub fn one_line(text: &str) -> String {
    escape_except(text.trim_end(), &[])
}

/// Returns JSON in which these characters are escaped as JSON has it: `\u202e`.
pub fn escape_json(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        match is_deceptive(character) && !matches!(character, '\n' | '\t') {
            true => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    escaped += &format!("\\u{unit:04x}");
                }
            }
            false => escaped.push(character),
        }
    }
    escaped
}

/// Writes JSON as [`escape_json`] returns it, in parts of some length.
pub struct EscapingJson<W> {
    out: W,
    part: Vec<u8>,
}

/// The length of a part.
const PART: usize = 1 << 16;

impl<W: io::Write> EscapingJson<W> {
    /// Returns what writes to `out`. What is left is written when it is flushed.
    pub fn new(out: W) -> Self {
        let part = Vec::with_capacity(2 * PART);
        Self { out, part }
    }

    /// Writes the whole characters of the part.
    fn pass_on(&mut self) -> io::Result<()> {
        if is_plain(&self.part) {
            self.out.write_all(&self.part)?;
            self.part.clear();
            return Ok(());
        }
        let json = match std::str::from_utf8(&self.part) {
            Ok(json) => json,
            Err(error) if error.error_len().is_none() => {
                std::str::from_utf8(&self.part[..error.valid_up_to()]).map_err(io::Error::other)?
            }
            Err(error) => return Err(io::Error::other(error)),
        };
        self.out.write_all(escape_json(json).as_bytes())?;
        let written = json.len();
        self.part.drain(..written);
        Ok(())
    }
}

impl<W: io::Write> io::Write for EscapingJson<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.part.extend_from_slice(bytes);
        if self.part.len() >= PART {
            self.pass_on()?;
        }
        Ok(bytes.len())
    }

    // Without the loop of the default, which each token of JSON would pay for.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write(bytes).map(drop)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pass_on()?;
        self.out.flush()
    }
}

/// Returns whether no byte can be a part of a deceptive character. It asks a block at a time: processors compare many bytes at once.
fn is_plain(bytes: &[u8]) -> bool {
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~' | b'\n' | b'\t');
    let mut blocks = bytes.chunks(64);
    blocks.all(|block| {
        block
            .iter()
            .fold(true, |plain, byte| plain & is_plain(byte))
    })
}

fn escape_except(text: &str, kept: &[char]) -> String {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.to_owned();
    }
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if is_deceptive(character) && !kept.contains(&character) {
            escaped.extend(character.escape_default());
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// Returns whether a terminal or browser acts on `character`, or shows something else than what is there.
pub(super) fn is_deceptive(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{34f}'
                | '\u{600}'..='\u{605}'
                | '\u{61c}'
                | '\u{6dd}'
                | '\u{70f}'
                | '\u{890}'..='\u{891}'
                | '\u{8e2}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{110bd}'
                | '\u{110cd}'
                | '\u{13430}'..='\u{1345f}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_gets_nothing_to_act_on() {
        let cases = [
            ("plain\ttext\nnext", "plain\ttext\nnext"),
            ("\u{1b}[2Jgone", r"\u{1b}[2Jgone"),
            ("a\r\nb", "a\\r\nb"),
            ("over\rwritten", r"over\rwritten"),
            ("\u{9b}31m", r"\u{9b}31m"),
            ("bell\u{7}", r"bell\u{7}"),
            ("x\u{202e}y\u{2067}z", r"x\u{202e}y\u{2067}z"),
            ("a\u{200b}b\u{feff}c\u{ad}d", r"a\u{200b}b\u{feff}c\u{ad}d"),
            (
                "a\u{fe0f}b\u{600}c\u{1d173}",
                r"a\u{fe0f}b\u{600}c\u{1d173}",
            ),
            ("größe ✓ 中", "größe ✓ 中"),
        ];
        for (text, expected) in cases {
            assert_eq!(escape(text), expected);
        }
    }

    #[test]
    fn escaped_json_has_the_same_values() {
        use io::Write;
        let value =
            serde_json::json!({"a\u{202e}": "\u{9b}31m\u{7f}\u{e0041}\n", "b": ["größe", 1]});
        let escaped = escape_json(&format!("{value:#}"));
        assert!(
            !escaped.contains(|c| is_deceptive(c) && c != '\n'),
            "{escaped}"
        );
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&escaped).unwrap(),
            value
        );
        for step in [1, 2, 3, 5, 4096] {
            let text = format!("{value:#}").repeat(3000);
            let mut written = Vec::new();
            let mut out = EscapingJson::new(&mut written);
            for bytes in text.as_bytes().chunks(step) {
                out.write_all(bytes).unwrap();
            }
            out.flush().unwrap();
            assert_eq!(String::from_utf8(written).unwrap(), escape_json(&text));
        }
    }

    #[test]
    fn one_line_has_neither_line_breaks_nor_tabs() {
        for (text, expected) in [
            ("a\n b\tc\n\n", r"a\n b\tc"),
            ("\u{202e}x", r"\u{202e}x"),
            ("  indented ", "  indented"),
            ("", ""),
        ] {
            assert_eq!(one_line(text), expected);
        }
    }
}
