//! Secrets of odd shapes, and the forms in which they would be found.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The registry's password.
pub const PASSWORD: &str = "MRSK_REGISTRY_PASSWORD";

/// Returns secrets by name: what shells, YAML, JSON, templates, docker and redaction like to bend.
pub fn all() -> Vec<(&'static str, String)> {
    let rows = [
        ("S_SHORT", "q7Z4w!"),
        (
            "S_LINES",
            "first-l1ne-9xQ\nsecond-l1ne-9xQ\n\n  third-l1ne-9xQ\n",
        ),
        ("S_PREFIX", "pr3fix-Vk2"),
        ("S_PREFIXED", "pr3fix-Vk2-and-m0re-Jt8"),
        ("S_BASE64", "c2VudGluZWwtYmFzZTY0LUtxMw=="),
        ("S_QUOTES", "it's-\"qu0ted\"-'Wm5'"),
        ("S_DOLLARS", "$HOME-${PATH}-$(id)-`id`-$$-Rd6"),
        ("S_PERCENT", "100%25-p%C3%A4ss%0Aw0rd-Xs7"),
        ("S_JSON", "{\"k3y\":\"j5on-\\u0041\\n\\\"-Bn4\"}"),
        ("S_ERB", "<%= 7*7 %>-erb-<%% -%>-Fc9"),
        (
            "S_UNICODE",
            "p\u{e4}ssw\u{f6}rd9-\u{6f22}\u{5b57}-\u{1f512}-e\u{301}-Lh3",
        ),
        ("S_DASH", "-rf-leading-dash-Gy2"),
        ("S_SPACES", "  ends-with-spac3s-Pz8   "),
        ("S_WORD", "production7"),
        ("S_TAB", "tab\t1n-and\\backslash\\n-Uo4"),
        (
            "S_URL",
            "postgres://app:hunter2-Ew1@db.example.com:5432/app?x=1&y=%2F",
        ),
        (
            "S_KEY",
            "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj\n-----END PRIVATE KEY-----\n",
        ),
        ("S_YAML", "a1: [b, {c: *d, &e !f}] # g | > - 'Hn5"),
        ("S_CONTROL", "esc1\u{1b}[31m-\u{202e}\u{7f}-Cq0"),
        ("S_HASH", "#not-a-c0mment-Ik7=and=equals"),
        (PASSWORD, "=r3gistry p4ss;word & m0re-Dx9"),
    ];
    let mut all: Vec<_> = rows.map(|(name, value)| (name, value.to_owned())).to_vec();
    let long: Vec<String> = (0..4000).map(|number| format!("L0ng{number:04}")).collect();
    all.push(("S_LONG", long.concat()));
    all
}

/// Returns the texts that would show `value`: itself, its lines and its words, and what encodings make of them.
///
/// This is another reading of the rules than that of the code under test.
pub fn forms(value: &str) -> Vec<String> {
    let mut parts = vec![value.to_owned(), value.trim().to_owned()];
    parts.extend(value.lines().map(|line| line.trim().to_owned()));
    let with_digits = |word: &&str| word.bytes().any(|byte| byte.is_ascii_digit());
    let words = value.split_whitespace().filter(with_digits);
    parts.extend(words.filter(|word| word.len() >= 8).map(str::to_owned));
    if value.len() > 1000 {
        // A piece of it would be enough to tell.
        parts.extend((0..value.len() / 8).map(|at| value[at * 8..at * 8 + 8].to_owned()));
    }
    parts.retain(|part| part.len() >= 6);
    let mut forms: Vec<String> = parts.iter().flat_map(|part| encodings(part)).collect();
    forms.sort();
    forms.dedup();
    forms
}

fn encodings(part: &str) -> Vec<String> {
    let json = serde_json::to_string(part).unwrap();
    let percent = |upper: bool| -> String {
        let one = |byte: u8| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ if upper => format!("%{byte:02X}"),
            _ => format!("%{byte:02x}"),
        };
        part.bytes().map(one).collect()
    };
    let debug = format!("{part:?}");
    let mut all = vec![
        part.to_owned(),
        json[1..json.len() - 1].to_owned(),
        debug[1..debug.len() - 1].to_owned(),
        part.replace('\'', "'\\''"),
        percent(true),
        percent(false),
        percent(true).replace("%20", "+"),
    ];
    for offset in 0..3 {
        let text = STANDARD.encode([&vec![b'x'; offset], part.as_bytes()].concat());
        // Without the digits that depend on what is around it.
        let inner = &text[(offset * 8).div_ceil(6)..(offset + part.len()) * 8 / 6];
        if inner.len() >= 7 {
            all.push(inner.to_owned());
            all.push(inner.replace('+', "-").replace('/', "_"));
        }
    }
    all
}

/// Searches texts for all sentinels.
pub struct Search {
    names: Vec<&'static str>,
    search: aho_corasick::AhoCorasick,
}

impl Search {
    pub fn new(sentinels: &[(&'static str, String)]) -> Self {
        let forms = sentinels.iter().flat_map(|(name, value)| {
            let forms = forms(value).into_iter();
            forms.map(|form| (*name, form))
        });
        let (names, forms): (Vec<_>, Vec<_>) = forms.unzip();
        Self {
            names,
            search: aho_corasick::AhoCorasick::new(forms).unwrap(),
        }
    }

    /// Returns the sentinel that `bytes` show, with what is around it.
    pub fn find(&self, bytes: &[u8]) -> Option<String> {
        let found = self.search.find(bytes)?;
        let around = &bytes[found.start().saturating_sub(200)..(found.end() + 40).min(bytes.len())];
        let name = self.names[found.pattern().as_usize()];
        Some(format!("{name} in …{}…", String::from_utf8_lossy(around)))
    }
}

#[test]
fn every_form_is_found() {
    let sentinels = all();
    assert!(sentinels.len() >= 20);
    let search = Search::new(&sentinels);
    for (name, value) in &sentinels {
        for text in [
            value.clone(),
            format!("before {value} after"),
            serde_json::json!({ "a": value }).to_string(),
            format!("{value:?}"),
            STANDARD.encode(value.as_bytes()),
            STANDARD.encode(format!("robot:{value}").as_bytes()),
            STANDARD.encode(format!("ab{value}").as_bytes()),
        ] {
            assert!(search.find(text.as_bytes()).is_some(), "{name}: {text}");
        }
    }
    let harmless = "production web registry [REDACTED] L0ng pr3fix BEGIN PRIVATE KEY";
    assert_eq!(search.find(harmless.as_bytes()), None);
}
