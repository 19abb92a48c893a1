//! The JSON document that `mrsk inspect` prints and `mrsk plan --facts` reads.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use thiserror::Error;

use super::model::{Facts, HostFacts};

/// The version of the format that this crate writes.
pub const FORMAT_VERSION: &str = "1.0";

/// The largest document that is read, in bytes.
pub const MAX_BYTES: usize = 512 * 1024 * 1024;

/// The largest integer that every JSON reader keeps exactly.
const MAX_INTEGER: u64 = (1 << 53) - 1;

/// Why a document of facts cannot be used.
#[derive(Debug, Error)]
pub enum DocumentError {
    /// It is larger than [`MAX_BYTES`].
    #[error("the facts have {0} bytes; at most {MAX_BYTES} are read")]
    TooLarge(usize),
    /// It is not JSON, has a key twice, or a field that this version does not know.
    #[error("the facts cannot be read")]
    Json(#[from] serde_json::Error),
    /// It has another format version than 1.x.
    #[error("the facts have format version {0:?}; this mrsk reads 1.x")]
    Version(String),
    /// A value is outside of its limits.
    #[error("{pointer}: {problem}")]
    Value {
        /// RFC 6901 pointer into the document.
        pointer: String,
        /// What is wrong with it.
        problem: &'static str,
    },
}

/// Reads a document strictly: an unknown field, a key that stands twice, or a value outside of its limits is an error.
///
/// # Errors
/// As [`DocumentError`] says.
pub fn read(text: &str) -> Result<Facts, DocumentError> {
    if text.len() > MAX_BYTES {
        return Err(DocumentError::TooLarge(text.len()));
    }
    #[derive(Deserialize)]
    struct Header {
        format_version: String,
    }
    let Header { format_version } = serde_json::from_str(text)?;
    if !is_supported(&format_version) {
        return Err(DocumentError::Version(format_version));
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    UniqueKeys.deserialize(&mut deserializer)?;
    let facts: Facts = serde_json::from_str(text)?;
    check(&facts)?;
    Ok(facts)
}

/// Returns the document: indented JSON, maps sorted by key, with a line end. The same facts give the same bytes.
///
/// # Errors
/// None that facts could cause; it is serde's.
pub fn print(facts: &Facts) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(facts)?;
    text.push('\n');
    Ok(text)
}

/// Returns the JSON schema of the document, for `schemas/facts.schema.json`.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Facts).to_value()
}

fn is_supported(version: &str) -> bool {
    let minor = version.strip_prefix("1.");
    minor.is_some_and(|minor| {
        !minor.is_empty() && minor.len() < 6 && minor.bytes().all(|byte| byte.is_ascii_digit())
    })
}

fn check(facts: &Facts) -> Result<(), DocumentError> {
    let fail = |tokens: &[&str], problem| {
        let pointer = tokens.iter().fold(String::new(), |pointer, token| {
            pointer + "/" + &token.replace('~', "~0").replace('/', "~1")
        });
        Err(DocumentError::Value { pointer, problem })
    };
    if facts.taken_at > MAX_INTEGER {
        return fail(&["taken_at"], "is larger than 2^53-1");
    }
    if let Some(source) = &facts.source {
        if matches!(&source.commit, Some(id) if !is_hex(id, 40) && !is_hex(id, 64)) {
            return fail(&["source", "commit"], "is not a commit id");
        }
        if matches!(&source.changes, Some(changes) if !is_hex(changes.as_str(), 64)) {
            return fail(&["source", "changes"], "is not a SHA-256");
        }
        for (path, file) in &source.files {
            if !is_hex(file.sha256.as_str(), 64) {
                return fail(&["source", "files", path, "sha256"], "is not a SHA-256");
            }
        }
        if source.untracked.len() > super::source::MAX_UNTRACKED {
            return fail(&["source", "untracked"], "has more than 20 entries");
        }
    }
    for (name, host) in &facts.hosts {
        if name.as_str().is_empty() || name.as_str().contains(char::is_whitespace) {
            return fail(&["hosts", name.as_str()], "is not a host name");
        }
        if let Some((field, problem)) = problem_of(host) {
            let tokens: Vec<&str> = [&["hosts", name.as_str()], field.as_slice()].concat();
            return fail(&tokens, problem);
        }
    }
    Ok(())
}

fn problem_of(host: &HostFacts) -> Option<(Vec<&str>, &'static str)> {
    if host.free_bytes > MAX_INTEGER {
        return Some((vec!["free_bytes"], "is larger than 2^53-1"));
    }
    if host.serial.number > MAX_INTEGER {
        return Some((vec!["serial", "number"], "is larger than 2^53-1"));
    }
    for (field, directory) in [
        ("state_dir", &host.state_dir),
        ("routing_directory", &host.routing_directory),
    ] {
        if !directory.is_empty() && !directory.starts_with('/') {
            return Some((vec![field], "is not an absolute path"));
        }
    }
    let digests = [
        ("finished", host.finished.iter()),
        ("unfinished", host.unfinished.iter()),
    ];
    for (field, mut digests) in digests {
        if !digests.all(|digest| is_prefixed_digest(digest.as_str())) {
            return Some((vec![field], "has an element that is not a plan's digest"));
        }
    }
    let plan = host.serial.plan.as_ref();
    if plan.is_some_and(|plan| !is_prefixed_digest(plan.as_str())) {
        return Some((vec!["serial", "plan"], "is not a plan's digest"));
    }
    for (path, file) in &host.files {
        if !path.starts_with('/') {
            return Some((vec!["files", path], "is not an absolute path"));
        }
        if !is_hex(&file.sha256, 64) {
            return Some((vec!["files", path, "sha256"], "is not a SHA-256"));
        }
    }
    host.ports
        .keys()
        .find(|port| {
            !port
                .parse::<u16>()
                .is_ok_and(|number| number.to_string() == **port)
        })
        .map(|port| (vec!["ports", port.as_str()], "is not a port"))
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_prefixed_digest(text: &str) -> bool {
    text.strip_prefix("sha256:")
        .is_some_and(|digits| is_hex(digits, 64))
}

/// Walks through any JSON, and fails at a key that an object has twice.
struct UniqueKeys;

impl<'de> DeserializeSeed<'de> for UniqueKeys {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for UniqueKeys {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without floating-point numbers")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(UniqueKeys)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut keys = BTreeSet::new();
        while let Some(key) = map.next_key::<String>()? {
            map.next_value_seed(UniqueKeys)?;
            if let Some(key) = keys.replace(key) {
                return Err(A::Error::custom(format_args!(
                    "the key {key:?} stands twice"
                )));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        let error = read(text).expect_err(text);
        let source = std::error::Error::source(&error).map(ToString::to_string);
        format!("{error}: {}", source.unwrap_or_default())
    }

    #[test]
    fn a_document_survives_a_round_trip_to_the_byte() {
        let host = HostFacts {
            state_dir: "/var/lib/mrsk".into(),
            ..HostFacts::default()
        };
        let facts = Facts {
            format_version: FORMAT_VERSION.into(),
            hosts: [("b".into(), host.clone()), ("a".into(), host)].into(),
            taken_at: 1,
            ..Facts::default()
        };
        let text = print(&facts).unwrap();
        assert!(text.ends_with("}\n"));
        assert!(text.find("\"a\"") < text.find("\"b\""));
        let again = read(&text).unwrap();
        assert_eq!(again, facts);
        assert_eq!(print(&again).unwrap(), text);
    }

    #[test]
    fn what_is_not_known_or_outside_of_its_limits_is_refused() {
        let host =
            |inner: &str| format!(r#"{{"format_version":"1.0","hosts":{{"a":{{{inner}}}}}}}"#);
        let table = [
            (
                r#"{"format_version":"2.0","hosts":{}}"#.to_owned(),
                "format version \"2.0\"",
            ),
            (
                r#"{"format_version":"1.","hosts":{}}"#.to_owned(),
                "format version",
            ),
            (
                r#"{"hosts":{}}"#.to_owned(),
                "missing field `format_version`",
            ),
            (
                r#"{"format_version":"1.0","hosts":{},"x":1}"#.to_owned(),
                "unknown field `x`",
            ),
            (
                r#"{"format_version":"1.0","hosts":{}} {}"#.to_owned(),
                "trailing",
            ),
            (host(r#""shell":"zsh""#), "unknown field `shell`"),
            (
                host(r#""networks":[],"files":{"/a":{"sha256":""},"/a":{}}"#),
                "the key \"/a\" stands twice",
            ),
            (
                host(r#""free_bytes":9007199254740992"#),
                "/hosts/a/free_bytes: is larger",
            ),
            (host(r#""free_bytes":1.5"#), "floating"),
            (
                host(r#""state_dir":"x""#),
                "/hosts/a/state_dir: is not an absolute path",
            ),
            (
                host(r#""files":{"/a":{"sha256":"AB"}}"#),
                "/hosts/a/files/~1a/sha256: is not a SHA-256",
            ),
            (
                host(r#""ports":{"080":{"holder":"process"}}"#),
                "/hosts/a/ports/080: is not a port",
            ),
            (host(r#""finished":["x"]"#), "not a plan's digest"),
        ];
        for (text, expected) in table {
            assert!(error(&text).contains(expected), "{text}: {}", error(&text));
        }
    }

    #[test]
    fn the_schema_accepts_what_is_printed_and_refuses_unknown_fields() {
        let validator = jsonschema::validator_for(&schema()).unwrap();
        let facts = Facts {
            format_version: FORMAT_VERSION.into(),
            hosts: [("a".into(), HostFacts::default())].into(),
            ..Facts::default()
        };
        let mut value = serde_json::to_value(&facts).unwrap();
        assert!(validator.is_valid(&value));
        value["hosts"]["a"]["shell"] = "zsh".into();
        assert!(!validator.is_valid(&value));
    }
}
