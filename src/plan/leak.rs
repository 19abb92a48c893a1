//! Looks for secret values in a plan that is about to be printed.
//!
//! A plan is made of the configuration, of facts, of what was asked for and of words of mrsk's own. A value of a secret leaks into
//! it through a template: it is in the configuration, and the files do not have it as it is. The same text elsewhere, such as
//! `postgres` or the service's name, is no leak.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use aho_corasick::AhoCorasick;
use serde::Serialize;
use serde_json::Value;

use crate::secret::Secrets;
use crate::{json, redaction};

/// A value of this many bytes is no accident.
const LONG: usize = 8;

/// The longest value that may be a word of a plan by accident, if it is made of letters and dashes.
const LONGEST_WORD: usize = 24;

/// A secret value in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leak {
    /// The secret's name.
    pub secret: String,
    /// RFC 6901 pointer to the first text that holds it. Names on the way that show the value are left out.
    pub place: String,
    /// How it got there.
    pub origin: Origin,
}

/// How a secret value got into a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A template printed it.
    Template,
    /// It is none of what the plan was made from: a word of mrsk's own, or parts that were put together.
    Elsewhere(Likeness),
}

/// Whether a value may be in a plan by accident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Likeness {
    /// It is short, or a word.
    Common,
    /// It is neither.
    Unique,
}

/// What a plan was made from.
pub struct Sources<'s> {
    /// The configuration's files without what tags are in them; empty if none of them is a template.
    pub written: &'s [String],
    /// The configuration that was read.
    pub config: &'s Value,
    /// The facts.
    pub facts: &'s Value,
}

/// Returns whether the JSON text of `document` has none of the [forms](redaction::whole_forms) of any value: then no secret leaks
/// into it. The text is searched as it is made.
///
/// # Errors
/// None that a document could cause; it is serde's.
pub fn is_clean<T: Serialize>(document: &T, secrets: &[&Secrets]) -> serde_json::Result<bool> {
    let values = secrets.iter().flat_map(|secrets| secrets.values());
    let mut forms = Vec::new();
    for form in values.flat_map(redaction::whole_forms) {
        let quoted = serde_json::to_string(&form)?;
        forms.push(quoted[1..quoted.len() - 1].to_owned());
    }
    let Some(automaton) = redaction::search(&forms) else {
        return Ok(false);
    };
    let mut search = Search {
        overlap: forms.iter().map(String::len).max().unwrap_or_default(),
        automaton,
        text: Vec::with_capacity(2 * CHUNK),
        found: false,
    };
    if !forms.is_empty() {
        serde_json::to_writer(&mut search, document)?;
        search.look();
    }
    Ok(!search.found)
}

/// How many bytes are searched at once.
const CHUNK: usize = 1 << 16;

/// Searches what is written to it.
struct Search {
    automaton: AhoCorasick,
    /// What may be the beginning of a form at the end of what was searched.
    overlap: usize,
    text: Vec<u8>,
    found: bool,
}

impl Search {
    fn look(&mut self) {
        self.found |= self.automaton.is_match(&self.text);
        let rest = self.text.len().saturating_sub(self.overlap);
        self.text.drain(..rest);
    }
}

impl io::Write for Search {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        if self.text.len() >= CHUNK + self.overlap {
            self.look();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns the secrets whose values leak into `document`, each once. A value counts in one of its
/// [forms](redaction::whole_forms): a line of one may be any word, such as a field's name.
pub fn find(document: &Value, secrets: &Secrets, sources: &Sources<'_>) -> Vec<Leak> {
    let mut found = BTreeMap::new();
    let mut needles: Vec<(&str, Vec<String>)> = Vec::new();
    for (name, secret) in secrets {
        needles.push((name, redaction::whole_forms(secret)));
    }
    search(document, &needles, &mut String::new(), &mut found);
    let config = Texts::of(sources.config);
    let facts = Texts::of(sources.facts);
    let mut leaks = Vec::new();
    for (name, place) in found {
        let forms = needles.iter().find(|(other, _)| *other == name);
        let forms = forms.map_or(&[][..], |(_, forms)| forms);
        let is_written = forms
            .iter()
            .any(|form| sources.written.iter().any(|text| text.contains(form)));
        let is_configured = config.has_any(forms);
        let is_of_template = is_configured && !sources.written.is_empty();
        let is_known = is_configured || facts.has_any(forms);
        let origin = if is_written || (is_known && !is_of_template) {
            continue;
        } else if is_of_template {
            Origin::Template
        } else {
            let value = secrets.get(name).map_or("", |secret| secret.reveal());
            Origin::Elsewhere(likeness(value))
        };
        leaks.push(Leak {
            secret: name.to_owned(),
            place: without_values(&place, forms),
            origin,
        });
    }
    leaks
}

/// Returns whether the value of a secret may be in a text by accident.
pub fn likeness(value: &str) -> Likeness {
    let value = value.trim();
    let is_word = value.len() <= LONGEST_WORD
        && value
            .split(['-', '_', '.', '/'])
            .all(|part| part.bytes().all(|byte| byte.is_ascii_alphabetic()));
    match value.len() < LONG || is_word {
        true => Likeness::Common,
        false => Likeness::Unique,
    }
}

fn without_values(place: &str, forms: &[String]) -> String {
    let parts = place.split('/').map(|part| {
        let shows = forms.iter().any(|form| part.contains(form.as_str()));
        if shows { "…" } else { part }
    });
    parts.collect::<Vec<_>>().join("/")
}

/// The texts of a document.
struct Texts(BTreeSet<String>);

impl Texts {
    fn of(document: &Value) -> Self {
        let mut texts = BTreeSet::new();
        collect(document, &mut texts);
        Self(texts)
    }

    fn has_any(&self, forms: &[String]) -> bool {
        let has = |form: &String| self.0.iter().any(|text| text.contains(form.as_str()));
        forms.iter().any(has)
    }
}

fn collect(value: &Value, texts: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => drop(texts.insert(text.clone())),
        Value::Array(list) => list.iter().for_each(|item| collect(item, texts)),
        Value::Object(map) => {
            for (key, item) in map {
                texts.insert(key.clone());
                collect(item, texts);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Notes the first place of each secret.
fn search<'n>(
    value: &Value,
    needles: &[(&'n str, Vec<String>)],
    place: &mut String,
    found: &mut BTreeMap<&'n str, String>,
) {
    let length = place.len();
    match value {
        Value::String(text) => note(text, needles, place, found),
        Value::Array(list) => {
            for (index, item) in list.iter().enumerate() {
                json::push_token(place, &index.to_string());
                search(item, needles, place, found);
                place.truncate(length);
            }
        }
        Value::Object(map) => {
            for (key, item) in map {
                json::push_token(place, key);
                note(key, needles, place, found);
                search(item, needles, place, found);
                place.truncate(length);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn note<'n>(
    text: &str,
    needles: &[(&'n str, Vec<String>)],
    place: &str,
    found: &mut BTreeMap<&'n str, String>,
) {
    for (name, forms) in needles {
        if forms.iter().any(|form| text.contains(form.as_str())) {
            found.entry(name).or_insert_with(|| place.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;

    use super::*;
    use crate::secret::Secret;

    fn leaks(document: &Value, secrets: &[(&str, &str)], sources: &Sources<'_>) -> Vec<Leak> {
        let secrets = secrets.iter();
        let secrets = secrets.map(|(name, value)| ((*name).to_owned(), Secret::new(*value)));
        find(document, &secrets.collect(), sources)
    }

    #[test]
    fn a_value_is_found_as_it_is_and_in_base64() {
        let secrets = [("LONG", "line one\n\"two\""), ("SHORT", "abc")];
        let sources = Sources {
            written: &[],
            config: &Value::Null,
            facts: &Value::Null,
        };
        let place = |document: Value| {
            let first = leaks(&document, &secrets, &sources).into_iter().next();
            first.map(|leak| leak.place)
        };
        let encoded = STANDARD.encode("line one\n\"two\"");
        assert_eq!(
            place(json!({"a": ["x", "pre line one\n\"two\" post"]})),
            Some("/a/1".into())
        );
        assert_eq!(place(json!({"a/b": encoded})), Some("/a~1b".into()));
        assert_eq!(place(json!({"a": "abc"})), None);
        assert_eq!(place(json!({"line one": "line one"})), None);
    }

    #[test]
    fn a_value_is_found_in_the_text_wherever_a_chunk_ends() {
        let secrets = |value: &str| Secrets::from([("LONG".to_owned(), Secret::new(value))]);
        let secret = secrets("line \"one\"\nand \\two");
        let encoded = STANDARD.encode("line \"one\"\nand \\two");
        for before in (0..40)
            .map(|less| CHUNK - less)
            .chain([0, CHUNK, 5 * CHUNK])
        {
            for value in ["line \"one\"\nand \\two", &encoded] {
                let document = json!([" ".repeat(before), {"a": format!("pre {value} post")}]);
                assert!(!is_clean(&document, &[&Secrets::new(), &secret]).unwrap());
                let key = json!([" ".repeat(before), {value: 1}]);
                assert!(!is_clean(&key, &[&secret]).unwrap());
            }
        }
        let document = json!({"a": ["line \"one\"", "and \\two", "\n"]});
        assert!(is_clean(&document, &[&secret]).unwrap());
        assert!(is_clean(&document, &[&Secrets::new()]).unwrap());
    }

    #[test]
    fn only_what_came_through_a_template_is_a_leak() {
        let document = json!({"service": "postgres", "steps": [{"summary": "Start accessory"}]});
        let template = ["service: \n".to_owned()];
        let plain = ["service: postgres\n".to_owned()];
        let config = json!({"service": "postgres"});
        let facts = json!({"hosts": {"a": {"hostname": "postgres"}}});
        let from = |written, config, facts| Sources {
            written,
            config,
            facts,
        };
        let other = json!({"service": "app"});
        let secret = [("DB_PASSWORD", "postgres")];
        let found = leaks(&document, &secret, &from(&template, &config, &facts));
        let leak = Leak {
            secret: "DB_PASSWORD".into(),
            place: "/service".into(),
            origin: Origin::Template,
        };
        assert_eq!(found, [leak]);
        for sources in [
            from(&plain, &config, &Value::Null),
            from(&[], &config, &Value::Null),
            from(&template, &other, &facts),
        ] {
            assert_eq!(leaks(&document, &secret, &sources), []);
        }
    }

    #[test]
    fn a_word_of_the_plan_is_told_from_what_is_unique() {
        let config = Value::Null;
        let sources = Sources {
            written: &[],
            config: &config,
            facts: &Value::Null,
        };
        for (value, likeness) in [
            ("summary", Likeness::Common),
            ("unless-stopped", Likeness::Common),
            ("a1b2c3d4e5", Likeness::Unique),
        ] {
            let document = json!({"a": {value: "x"}});
            let found = leaks(&document, &[("A", value)], &sources);
            assert_eq!(found[0].origin, Origin::Elsewhere(likeness), "{value}");
            assert_eq!(found[0].place, "/a/…");
        }
    }
}
