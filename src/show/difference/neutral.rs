//! What stands for the version in a plan: two plans that deploy different versions are compared without it.
//!
//! Only whole names count, in the places that the compiler puts them: the tag of the image, names of containers, labels of mrsk, and what
//! is derived from these: aliases and digests. A word that is the version by chance stays as it is.

use std::collections::BTreeMap;

use aho_corasick::{AhoCorasick, MatchKind};
use serde_json::Value;

use crate::action::{Action, Arg};
use crate::plan::Plan;

/// What the name of the version begins with: no text of a plan has it.
const MARK: char = '\u{0}';

/// How many digits of a version people see.
const SHORT: usize = 12;

/// Labels of a container whose values are derived from all else in the command that creates it.
const CREATE: &str = "mrsk.create=";
const SETTINGS: &str = "mrsk.settings=";

/// The label of an image that tells what it was built from.
const SOURCE: &str = "mrsk.source=";

/// Words that name the version by a label.
const LABELS: [&str; 2] = ["mrsk.version=", "label=mrsk.version="];

/// A plan's own names for what depends on its version, each with the same name for every version.
#[derive(Default)]
pub(super) struct Neutral {
    version: Option<String>,
    /// In commands and files.
    names: Names,
    /// In texts for people.
    prose: Names,
    /// Digests of files.
    contents: BTreeMap<String, String>,
}

impl Neutral {
    /// Returns the names of `plan`; none if both plans are of the same version.
    pub fn of(plan: &Plan, other: &Plan) -> Self {
        let version = plan.version.clone().filter(|version| !version.is_empty());
        let Some(version) = version.filter(|_| plan.version != other.version) else {
            return Self::default();
        };
        let mut names = BTreeMap::new();
        names.extend(containers(plan, &version));
        if let Some(repository) = of_image(&plan.image.reference, &version) {
            let name = format!("{MARK}image {repository}");
            names.insert(plan.image.reference.clone(), name);
        }
        if let Some(digest) = &plan.image.digest {
            names.extend(
                is_derived(digest).then(|| (digest.clone(), format!("{MARK}image digest"))),
            );
        }
        names.extend(derived(plan, &names));
        let mut prose = names.clone();
        let short = version.get(..SHORT).unwrap_or(&version);
        for version in [short, &version] {
            prose.insert(version.to_owned(), MARK.to_string());
            prose.extend(containers(plan, version));
            // Without the registry's server.
            if let Some((_, repository)) = plan.image.reference.split_once('/') {
                let repository = repository.rsplit_once(':').map_or("", |(name, _)| name);
                prose.insert(format!("{repository}:{version}"), format!("{MARK}image"));
            }
        }
        let names = Names::new(names);
        let contents = plan.contents.iter();
        let contents = contents.map(|(digest, text)| {
            let text = names.replace(text);
            (digest.to_string(), format!("{MARK}content {text}"))
        });
        Self {
            contents: contents.collect(),
            version: Some(version),
            names,
            prose: Names::new(prose),
        }
    }

    /// Returns `text` of a command or a file.
    pub fn text(&self, text: &str) -> String {
        if let Some(content) = self.contents.get(text) {
            return content.clone();
        }
        match &self.version {
            Some(version) if LABELS.iter().any(|label| is(text, label, version)) => {
                text.replace(version.as_str(), &MARK.to_string())
            }
            Some(_) if text.starts_with(SETTINGS) => format!("{SETTINGS}{MARK}"),
            _ => self.names.replace(text),
        }
    }

    /// Returns a step's id or the pointer of a fact.
    pub fn path(&self, path: &str) -> String {
        let Some(version) = &self.version else {
            return path.to_owned();
        };
        let segments = path.split('/').map(|segment| {
            let decoded = decode(segment);
            match self.names.of(&decoded) {
                Some(name) => name.clone(),
                None if decoded == *version => MARK.to_string(),
                None => segment.to_owned(),
            }
        });
        Vec::from_iter(segments).join("/")
    }

    /// Returns a part of the plan, with the same pointers to each of its values. `key` is what it is the value of.
    pub fn value(&self, key: &str, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(match key {
                "id" | "step" | "steps" | "fact" | "pushed_by" | "since" => self.path(text),
                "summary" | "why" => self.prose.replace(text),
                _ => self.text(text),
            }),
            Value::Array(items) => items.iter().map(|item| self.value(key, item)).collect(),
            Value::Object(map) => {
                let entries = map.iter().map(|(name, value)| {
                    let key = if key == "why" { key } else { name };
                    (name.clone(), self.value(key, value))
                });
                Value::Object(entries.collect())
            }
            other => other.clone(),
        }
    }
}

/// Names that are looked for in texts.
#[derive(Default)]
struct Names {
    names: BTreeMap<String, String>,
    search: Option<AhoCorasick>,
    /// The names in the order of the search.
    found: Vec<String>,
}

impl Names {
    fn new(names: BTreeMap<String, String>) -> Self {
        let found: Vec<String> = names.keys().cloned().collect();
        let search = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(&found);
        Self {
            names,
            search: search.ok(),
            found,
        }
    }

    fn of(&self, name: &str) -> Option<&String> {
        self.names.get(name)
    }

    /// Returns `text` with each name in it replaced that is no part of a longer one.
    fn replace(&self, text: &str) -> String {
        let Some(search) = &self.search else {
            return text.to_owned();
        };
        let mut replaced = String::new();
        let mut end = 0;
        for found in search.find_iter(text) {
            let Some(name) = self.found.get(found.pattern().as_usize()) else {
                continue;
            };
            let (before, after) = (&text[..found.start()], &text[found.end()..]);
            if is_whole(name, before, after) {
                replaced += &text[end..found.start()];
                replaced += self.names.get(name).map_or("", String::as_str);
                end = found.end();
            }
        }
        replaced + &text[end..]
    }
}

/// Whether `name` between these texts is not a part of a longer one. An alias is so long and random that it may be a part of an address.
fn is_whole(name: &str, before: &str, after: &str) -> bool {
    let others: &[char] = match name.starts_with("m-") {
        true => &[],
        false => &['-', '_', '.', '/'],
    };
    let is_part = |c: char| c.is_ascii_alphanumeric() || others.contains(&c);
    !before.ends_with(is_part) && !after.starts_with(is_part)
}

fn is(text: &str, label: &str, version: &str) -> bool {
    text.strip_prefix(label) == Some(version)
}

/// Returns the repository of an image whose tag is the version.
fn of_image<'r>(reference: &'r str, version: &str) -> Option<&'r str> {
    reference.strip_suffix(version)?.strip_suffix(':')
}

/// Returns the names that containers of the version have, each with one that fits every version.
fn containers(plan: &Plan, version: &str) -> Vec<(String, String)> {
    let destination = plan.operation.destination.as_deref();
    let destination = destination.map_or_else(String::new, |name| format!("-{name}"));
    let roles = plan.hosts.values().flat_map(|host| &host.roles);
    let names = roles.map(|role| {
        let of = format!("{}-{role}{destination}", plan.service);
        (format!("{of}-{version}"), format!("{MARK}container {of}"))
    });
    names.collect()
}

/// Returns what the plan derives from the version: the aliases of its containers, the digests of the commands that create them, and what
/// its image is built from.
fn derived(plan: &Plan, names: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let mut derived = Vec::new();
    let actions = plan.steps.iter().flat_map(|step| &step.action);
    for argv in actions.filter_map(words) {
        let own = argv.iter().filter_map(|word| names.get(*word)).next();
        let own = own.map_or("", String::as_str);
        for (at, word) in argv.iter().enumerate() {
            let next = argv.get(at + 1);
            if let (&"--alias", Some(alias)) = (word, next) {
                derived.push(((*alias).to_owned(), format!("{MARK}alias {own}")));
            }
            if let Some(digest) = word.strip_prefix(CREATE) {
                derived.push((digest.to_owned(), format!("{MARK}create {own}")));
            }
            if let Some(digest) = word.strip_prefix(SOURCE) {
                derived.push((digest.to_owned(), format!("{MARK}source")));
            }
        }
    }
    derived.retain(|(name, _)| is_derived(name));
    derived
}

/// Whether a name has the form of an alias or of a digest: nothing else is taken for one, so that nothing can hide behind it.
fn is_derived(name: &str) -> bool {
    let is_hex = |text: &str, length| {
        let mut bytes = text.bytes();
        text.len() == length
            && bytes.all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    let digest = name.strip_prefix("sha256:").unwrap_or(name);
    is_hex(digest, 64)
        || name
            .strip_prefix("m-")
            .is_some_and(|alias| is_hex(alias, 16))
}

/// Returns the literal words of a command.
fn words(action: &Action) -> Option<Vec<&str>> {
    let Action::Run(run) = action else {
        return None;
    };
    let words = run.argv.iter().filter_map(|word| match word {
        Arg::Literal(word) => Some(word.as_str()),
        Arg::FromEnv(_) | Arg::Pushed(_) => None,
    });
    Some(words.collect())
}

/// Decodes what an id or a pointer writes for the characters that it is made of.
fn decode(segment: &str) -> String {
    let segment = segment.replace("~1", "/").replace("~0", "~");
    segment.replace("%2F", "/").replace("%25", "%")
}
