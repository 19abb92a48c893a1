//! The JSON document that `mrsk inspect` prints and `mrsk plan --facts` reads.

use serde::Deserialize;
use thiserror::Error;

use super::model::{Facts, HostFacts};
use super::routed::RoutedFacts;
use crate::name::PlanDigest;
use crate::{digest, json};

/// The version of the format that this crate writes.
pub const FORMAT_VERSION: &str = "1.0";

/// The largest document that is read, in bytes.
pub const MAX_BYTES: usize = 512 * 1024 * 1024;

/// Why a document of facts cannot be used.
#[derive(Debug, Error)]
pub enum DocumentError {
    /// It is larger than [`MAX_BYTES`].
    #[error("the facts are too large: {0} bytes, and at most {MAX_BYTES} are read")]
    TooLarge(usize),
    /// It is not JSON, has a duplicate key, or has a field that this version does not know.
    #[error("not valid facts: {}", json::problem(.0))]
    Json(serde_json::Error),
    /// It has another format version than 1.x.
    #[error("unsupported format version {0:?} of the facts; this mrsk reads 1.x")]
    Version(String),
    /// A value is out of range.
    #[error("{pointer}: {problem}")]
    Value {
        /// RFC 6901 pointer into the document.
        pointer: String,
        /// What is wrong with it.
        problem: &'static str,
    },
}

/// Reads a document strictly: an unknown field, a duplicate key or an invalid value is an error.
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
    let Header { format_version } = serde_json::from_str(text).map_err(DocumentError::Json)?;
    if !is_supported(&format_version) {
        return Err(DocumentError::Version(format_version));
    }
    json::check(text).map_err(DocumentError::Json)?;
    let facts: Facts = serde_json::from_str(text).map_err(DocumentError::Json)?;
    check(&facts)?;
    Ok(facts)
}

/// Returns the document: indented JSON, maps sorted by key, with a line end. The same facts give
/// the same bytes.
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
        let pointer = json::pointer(tokens);
        Err(DocumentError::Value { pointer, problem })
    };
    if let Some(source) = &facts.source {
        if matches!(&source.commit, Some(id) if !super::source::is_object_id(id)) {
            return fail(&["source", "commit"], "is not a valid commit id");
        }
        if matches!(&source.changes, Some(changes) if !changes.is_valid()) {
            return fail(&["source", "changes"], "is not a valid SHA-256");
        }
        if !source
            .named
            .values()
            .all(|tree| super::source::is_object_id(tree))
        {
            return fail(&["source", "named"], "has a tree that is not a valid id");
        }
        for (field, files) in [("files", &source.files), ("hooks", &source.hooks)] {
            if let Some((path, _)) = files.iter().find(|(_, file)| !file.sha256.is_valid()) {
                let place = ["source", field, path, "sha256"];
                return fail(&place, "is not a valid SHA-256");
            }
        }
        if source.untracked.len() > super::source::MAX_UNTRACKED {
            return fail(&["source", "untracked"], "has more than 20 entries");
        }
    }
    for (name, host) in &facts.hosts {
        if name.as_str().is_empty() || name.as_str().contains(char::is_whitespace) {
            return fail(&["hosts", name.as_str()], "is not a valid host name");
        }
        if let Some((field, problem)) = problem_of(host) {
            let tokens: Vec<&str> = [&["hosts", name.as_str()], field.as_slice()].concat();
            return fail(&tokens, problem);
        }
    }
    Ok(())
}

fn problem_of(host: &HostFacts) -> Option<(Vec<&str>, &'static str)> {
    for (field, directory) in [
        ("state_dir", &host.state_dir),
        ("routing_directory", &host.routing_directory),
    ] {
        if !directory.is_empty() && !directory.starts_with('/') {
            return Some((vec![field], "is not an absolute path"));
        }
    }
    let is_digest = |digest: &PlanDigest| digest.digits().is_some();
    for (field, digests) in [
        ("finished", &host.finished),
        ("unfinished", &host.unfinished),
    ] {
        if !digests.iter().all(is_digest) {
            return Some((
                vec![field],
                "has an element that is not a valid plan digest",
            ));
        }
    }
    let plan = host.serial.plan.as_ref();
    if plan.is_some_and(|plan| !is_digest(plan)) {
        return Some((vec!["serial", "plan"], "is not a valid plan digest"));
    }
    let unfinished = host.serial.unfinished.as_ref();
    if unfinished.is_some_and(|unfinished| !is_digest(&unfinished.plan)) {
        let field = vec!["serial", "unfinished", "plan"];
        return Some((field, "is not a valid plan digest"));
    }
    let mut routes = host.routed.iter();
    if let Some((field, problem)) = routes.find_map(RoutedFacts::problem) {
        return Some((vec!["routed", field], problem));
    }
    for (path, file) in &host.files {
        if !path.starts_with('/') {
            return Some((vec!["files", path], "is not an absolute path"));
        }
        if !digest::is_sha256(&file.sha256) {
            return Some((vec!["files", path, "sha256"], "is not a valid SHA-256"));
        }
    }
    let is_port = |port: &str| {
        port.parse::<u16>()
            .is_ok_and(|number| number.to_string() == port)
    };
    let port = host.ports.keys().find(|port| !is_port(port))?;
    Some((vec!["ports", port.as_str()], "is not a valid port"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        read(text).expect_err(text).to_string()
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
    fn unknown_fields_and_invalid_values_are_refused() {
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
                "duplicate key `/a`",
            ),
            (
                host(r#""free_bytes":9007199254740992"#),
                "9007199254740992 is beyond 2^53-1",
            ),
            (host(r#""free_bytes":1.5"#), "1.5 is not an integer"),
            (
                host(r#""state_dir":"x""#),
                "/hosts/a/state_dir: is not an absolute path",
            ),
            (
                host(r#""files":{"/a":{"sha256":"AB"}}"#),
                "/hosts/a/files/~1a/sha256: is not a valid SHA-256",
            ),
            (
                host(r#""ports":{"080":{"holder":"process"}}"#),
                "/hosts/a/ports/080: is not a valid port",
            ),
            (host(r#""finished":["x"]"#), "not a valid plan digest"),
            (
                host(r#""routed":[{"version":"-P"}]"#),
                "/hosts/a/routed/version: is not a valid version",
            ),
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
