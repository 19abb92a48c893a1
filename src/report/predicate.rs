//! Facts and predicates as sentences.

use serde_json::Value;

use crate::json;
use crate::plan::predicate::{Op, Predicate};
use crate::text::{one_line, shorten};

/// Returns a predicate as a sentence: `app-web-1 has no open requests`, `state of container app-web-2 is running`.
pub(super) fn predicate(predicate: &Predicate) -> String {
    let tokens = json::tokens(&predicate.fact);
    let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
    let value = predicate.value.as_ref().map_or(String::new(), value);
    let sentence = match (tokens.as_slice(), predicate.op, value.as_str()) {
        (["containers", name, "in_flight"], Op::Eq, "0") => {
            format!("{name} has no open requests")
        }
        (["containers", name, "state"], Op::Eq, state) => format!("container {name} is {state}"),
        (["containers", name, "health"], Op::Eq, health) => format!("container {name} is {health}"),
        (["docker", "answers"], Op::Eq, "true") => "docker answers".to_owned(),
        ([program, "installed"], Op::Eq, "true") => format!("{program} is installed"),
        (["networks"], Op::Contains, name) => format!("network {name} exists"),
        (_, Op::Eq, value) => format!("{} is {value}", noun(&tokens)),
        (_, Op::Absent, _) => format!("{} does not exist", noun(&tokens)),
        (["networks"], Op::Lacks, name) => format!("network {name} does not exist"),
        (["routing_files"], Op::Within, _) => {
            "Traefik serves nobody else by a routing file".to_owned()
        }
        (_, Op::Within, value) => format!("{} has nothing beside {value}", noun(&tokens)),
        (_, Op::OneOf, value) => format!("{} is one of {value}", noun(&tokens)),
        (_, Op::Has, value) => format!("one of {} has {value}", noun(&tokens)),
        (_, Op::Lacks, value) => format!("{} does not contain {value}", noun(&tokens)),
        (_, Op::Contains, value) => format!("{} contains {value}", noun(&tokens)),
    };
    shorten(&one_line(&sentence))
}

/// Returns a fact, given as a JSON pointer, as a noun: `state of container app-web-1`.
pub(super) fn fact(pointer: &str) -> String {
    let tokens = json::tokens(pointer);
    let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
    one_line(&noun(&tokens))
}

/// Returns a value of a fact, given as JSON, as it is shown: a text without quotes.
pub(super) fn plain(json: &str) -> String {
    let text = serde_json::from_str(json).map_or_else(|_| json.to_owned(), |json| value(&json));
    shorten(&one_line(&text))
}

fn noun(tokens: &[&str]) -> String {
    const PLURALS: [&str; 5] = ["containers", "images", "files", "ports", "networks"];
    match tokens {
        [kind, name, fields @ ..] if PLURALS.contains(kind) => {
            let fields = fields.iter().rev();
            let of = fields.map(|field| format!("{} of ", field.replace('_', " ")));
            let of: String = of.collect();
            format!("{of}{} {name}", kind.trim_end_matches('s'))
        }
        _ => json::pointer(tokens),
    }
}

fn value(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn predicates_are_sentences() {
        let sha = "ab".repeat(32);
        for (test, sentence) in [
            (
                Predicate::eq(&["containers", "app-web-1", "in_flight"], 0),
                "app-web-1 has no open requests",
            ),
            (
                Predicate::eq(&["containers", "app-web-1", "state"], "running"),
                "container app-web-1 is running",
            ),
            (
                Predicate::absent(&["containers", "app-web-1"]),
                "container app-web-1 does not exist",
            ),
            (
                Predicate::eq(&["files", "/etc/x.yml", "sha256"], sha),
                "sha256 of file /etc/x.yml is abababababab",
            ),
            (
                Predicate::contains(&["networks"], "mrsk"),
                "network mrsk exists",
            ),
            (
                Predicate::eq(&["docker", "answers"], true),
                "docker answers",
            ),
            (Predicate::eq(&["serial"], 3), "/serial is 3"),
        ] {
            assert_eq!(predicate(&test), sentence);
        }
        assert_eq!(
            fact("/containers/app-web-1/state"),
            "state of container app-web-1"
        );
        assert_eq!(fact("/traefik/image"), "/traefik/image");
    }
}
