//! Finding secret values in texts: as they are, and as base64, URLs, JSON and shells have them.

use std::sync::Arc;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::secret::{Secret, Secrets};

/// The shortest value that is searched for in texts, in bytes: shorter ones would be found in anything.
pub const SHORTEST: usize = 6;

/// The most that is kept of a line in which nothing but values may be, in bytes.
const LONGEST_PENDING: usize = 1 << 20;

/// What stands in the place of a value.
const REDACTED: &str = "[REDACTED]";

/// The lengths of the lines into which `openssl` and `base64` break what they print.
const WIDTHS: [usize; 2] = [64, 76];

/// All but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Returns the names of the secrets whose values are too short to be searched for.
pub fn unsearchable(secrets: &Secrets) -> Vec<&str> {
    let short = |secret: &Secret| (1..SHORTEST).contains(&secret.reveal().len());
    let names = secrets.iter().filter(|(_, secret)| short(secret));
    names.map(|(name, _)| name.as_str()).collect()
}

/// Returns the texts that show the whole of `secret`: its value, and what base64 (also of a longer text that contains it, or broken
/// into lines), URLs, JSON and a shell's quotes make of it. None is shorter than [`SHORTEST`].
pub fn whole_forms(secret: &Secret) -> Vec<String> {
    let value = secret.reveal();
    forms_of_all([value, value.trim()].into_iter())
}

/// Returns the same for `secret` and for each of its lines, which output may show one by one.
fn forms(secret: &Secret) -> Vec<String> {
    let value = secret.reveal();
    forms_of_all(std::iter::once(value).chain(value.lines().map(str::trim)))
}

fn forms_of_all<'a>(parts: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut forms: Vec<String> = parts
        .filter(|part| part.len() >= SHORTEST)
        .flat_map(forms_of)
        .filter(|form| form.len() >= SHORTEST)
        .collect();
    forms.sort_unstable();
    forms.dedup();
    forms
}

fn forms_of(part: &str) -> Vec<String> {
    let url = utf8_percent_encode(part, RESERVED).to_string();
    let json = serde_json::Value::from(part).to_string();
    let mut forms = vec![
        part.to_owned(),
        url.replace("%20", "+"),
        url,
        json.trim_matches('"').to_owned(),
        part.escape_debug().to_string(),
        part.replace('\'', r"'\''"),
    ];
    for before in 0..3 {
        let text = [&vec![0; before], part.as_bytes()].concat();
        // Characters that also depend on what is before or after the value.
        let first = (before * 8).div_ceil(6);
        let last = text.len() * 8 / 6;
        for encoded in [STANDARD_NO_PAD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
            forms.extend(encoded.get(first..last).map(str::to_owned));
        }
    }
    let encoded = STANDARD_NO_PAD.encode(part);
    let whole = encoded.get(..part.len() * 8 / 6).unwrap_or_default();
    for width in WIDTHS.into_iter().filter(|width| whole.len() > *width) {
        let lines = whole.as_bytes().chunks(width);
        forms.extend(lines.map(|line| String::from_utf8_lossy(line).into_owned()));
    }
    forms
}

/// Redacts texts: made once for secrets, and used for many lines.
#[derive(Debug, Clone)]
pub struct Redactor {
    /// Absent if the forms are too many to be searched for: then nothing is shown.
    search: Option<AhoCorasick>,
    /// The length of the longest form, in bytes.
    longest: usize,
}

impl Redactor {
    /// Returns the redactor of the values of `secrets`.
    pub fn new(secrets: &Secrets) -> Self {
        let forms: Vec<String> = secrets.values().flat_map(forms).collect();
        Self {
            search: search(&forms),
            longest: forms.iter().map(String::len).max().unwrap_or(0),
        }
    }

    /// Returns `text` with every form of the values redacted. Where forms overlap, all of them are.
    pub fn redact(&self, text: &str) -> String {
        match &self.search {
            Some(search) => replace(text, search),
            None => REDACTED.to_owned(),
        }
    }
}

/// Redacts a line that comes in pieces, whatever piece a value ends in.
#[derive(Debug, Clone)]
pub struct LineRedactor {
    redactor: Arc<Redactor>,
    /// What was not shown yet: the next piece may make a value of it.
    pending: String,
}

impl LineRedactor {
    /// Returns one that has read nothing.
    pub fn new(redactor: Arc<Redactor>) -> Self {
        Self {
            redactor,
            pending: String::new(),
        }
    }

    /// Returns what can be shown after `piece`: with a line end all, otherwise all but what may be the beginning of a value.
    pub fn add(&mut self, piece: &str) -> String {
        self.pending += piece;
        if piece.ends_with('\n') {
            return self.rest();
        }
        let mut cut = self.pending.len().saturating_sub(self.redactor.longest);
        while !self.pending.is_char_boundary(cut) {
            cut -= 1;
        }
        if let Some(search) = &self.redactor.search {
            let found = search.find_overlapping_iter(&self.pending);
            let mut found: Vec<_> = found.map(|found| (found.start(), found.end())).collect();
            found.sort_unstable_by_key(|(_, end)| std::cmp::Reverse(*end));
            for (start, end) in found {
                if start < cut && cut < end {
                    cut = start;
                }
            }
        }
        if cut == 0 && self.pending.len() > LONGEST_PENDING {
            self.pending.clear();
            return REDACTED.to_owned();
        }
        let behind = self.pending.split_off(cut);
        let shown = std::mem::replace(&mut self.pending, behind);
        self.redactor.redact(&shown)
    }

    /// Returns what is left when nothing more comes.
    pub fn rest(&mut self) -> String {
        self.redactor.redact(&std::mem::take(&mut self.pending))
    }
}

/// Redacts one text, as [`Redactor::redact`].
pub fn redact(text: &str, secrets: &Secrets) -> String {
    Redactor::new(secrets).redact(text)
}

/// Redacts one text of a shell or of what it ran, as [`redact`], and the words of which values consist: a shell takes them apart.
pub fn redact_words(text: &str, secrets: &Secrets) -> String {
    let is_between = |c: char| c.is_whitespace() || ";&|()<>".contains(c);
    let mut words = secrets.clone();
    for (name, secret) in secrets {
        let parts = secret.reveal().split(is_between);
        let parts = parts.filter(|part| part.len() >= SHORTEST).enumerate();
        words.extend(parts.map(|(at, part)| (format!("{name} {at}"), Secret::new(part))));
    }
    redact(text, &words)
}

/// Returns what finds `forms`; `None` if they are too many. An automaton of full tables would be faster to search with, but takes seconds
/// to build, and hundreds of MiB, for a value of 64 KiB.
pub fn search(forms: &[String]) -> Option<AhoCorasick> {
    let kind = Some(AhoCorasickKind::ContiguousNFA);
    AhoCorasick::builder().kind(kind).build(forms).ok()
}

fn replace(text: &str, search: &AhoCorasick) -> String {
    let mut found: Vec<(usize, usize)> = search
        .find_overlapping_iter(text)
        .map(|found| (found.start(), found.end()))
        .collect();
    found.sort_unstable();
    let mut redacted = String::new();
    let mut shown = 0;
    for (start, end) in found {
        if start >= shown {
            redacted.push_str(text.get(shown..start).unwrap_or_default());
            redacted.push_str(REDACTED);
        }
        shown = shown.max(end);
    }
    redacted.push_str(text.get(shown..).unwrap_or_default());
    redacted
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    fn secrets(values: &[&str]) -> Secrets {
        let named = values.iter().enumerate();
        named
            .map(|(index, value)| (format!("S{index}"), Secret::new(*value)))
            .collect()
    }

    #[test]
    fn values_and_their_lines_are_redacted() {
        let rows: [(&[&str], &str, &str); 7] = [
            (
                &["first line\nsecond line", "1234"],
                "1234 second line.",
                "1234 [REDACTED].",
            ),
            (
                &["first line\nsecond line"],
                "first line\nsecond line.",
                "[REDACTED].",
            ),
            (
                &["secret", "secret-longer"],
                "secret-longer secret",
                "[REDACTED] [REDACTED]",
            ),
            (&["abcdefg", "defghijk"], "<abcdefghijk>", "<[REDACTED]>"),
            (&["abcabc"], "abcabcabc", "[REDACTED]"),
            (&["REDACTED"], "is REDACTED", "is [REDACTED]"),
            (&[], "text", "text"),
        ];
        for (values, text, expected) in rows {
            assert_eq!(redact(text, &secrets(values)), expected, "{values:?}");
        }
    }

    #[test]
    fn what_base64_urls_and_json_make_of_a_value_is_redacted() {
        let value = "p\"a/s\\s w?rd=\u{e9}\u{1b}";
        let secrets = secrets(&[value]);
        let texts = [
            STANDARD.encode(value),
            STANDARD.encode(format!("robot:{value}")),
            STANDARD.encode(format!("ab:{value}:cd")),
            URL_SAFE_NO_PAD.encode(format!("a{value}")),
            format!(
                "https://robot:{}@host",
                utf8_percent_encode(value, RESERVED)
            ),
            serde_json::json!({ "password": value }).to_string(),
            format!("{value:?}"),
        ];
        for text in texts {
            let redacted = redact(&text, &secrets);
            assert!(redacted.contains(REDACTED), "{text} {redacted}");
            assert!(redacted.len() < text.len(), "{text} {redacted}");
        }
    }

    #[test]
    fn a_value_in_the_quotes_of_a_shell_or_in_lines_of_base64_is_redacted() {
        let quoted = "ls: cannot access '/srv/it'\\''s mine'";
        let redacted = redact(quoted, &secrets(&["it's mine"]));
        assert_eq!(redacted, "ls: cannot access '/srv/[REDACTED]'");
        let value = "0123456789abcdefghi".repeat(20);
        let encoded = STANDARD.encode(&value);
        for width in WIDTHS {
            let lines = encoded.as_bytes().chunks(width);
            let lines: Vec<&str> = lines
                .map(|line| std::str::from_utf8(line).unwrap())
                .collect();
            let redacted = redact(&lines.join("\n"), &secrets(&[&value]));
            let left: usize = redacted
                .lines()
                .map(|line| line.replace(REDACTED, "").len())
                .sum();
            assert!(left < SHORTEST, "{redacted}");
        }
    }

    #[test]
    fn words_are_redacted_if_a_shell_may_have_taken_a_value_apart() {
        let secrets = secrets(&["one-word;rm & an0ther-word"]);
        let said = "sh: 1: an0ther-word: not found";
        assert_eq!(redact(said, &secrets), said);
        assert_eq!(redact_words(said, &secrets), "sh: 1: [REDACTED]: not found");
    }

    #[test]
    fn a_value_is_redacted_wherever_its_line_is_cut() {
        let redactor = Arc::new(Redactor::new(&secrets(&[
            "hunter2-hunter2",
            "ter2-hunter2-é",
        ])));
        let text = "<é hunter2-hunter2 x hunter2-hunter2-é>";
        let whole = redactor.redact(text);
        for at in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
            let mut line = LineRedactor::new(redactor.clone());
            let shown = line.add(&text[..at]) + &line.add(&text[at..]) + &line.add("\n");
            assert_eq!(shown, format!("{whole}\n"), "{at}");
        }
        let mut line = LineRedactor::new(redactor);
        let shown: String = text.chars().map(|c| line.add(&c.to_string())).collect();
        assert_eq!(shown + &line.rest(), whole);
    }

    #[test]
    fn a_line_of_nothing_but_values_takes_little_memory() {
        let mut line = LineRedactor::new(Arc::new(Redactor::new(&secrets(&["aaaaaaaa"]))));
        let piece = "a".repeat(1 << 16);
        let shown: String = (0..40).map(|_| line.add(&piece)).collect();
        assert_eq!(shown, REDACTED.repeat(2));
    }

    #[test]
    fn short_values_are_named() {
        let secrets = secrets(&["12345", "123456", ""]);
        assert_eq!(unsearchable(&secrets), ["S0"]);
        assert_eq!(redact("12345", &secrets), "12345");
    }

    #[test]
    fn a_long_value_takes_little_memory() {
        let value = format!("M{}M", "0123456789abcde\n".repeat(4096));
        let redactor = Redactor::new(&secrets(&[&value]));
        assert_eq!(redactor.redact(&format!("<{value}>")), "<[REDACTED]>");
        let used = redactor.search.map(|search| search.memory_usage());
        assert!(used < Some(16 << 20), "{used:?}");
    }
}
