//! What a host is asked, and the script that asks it.

use std::collections::BTreeMap;

use super::engine;
use super::kamal_proxy::CERTIFICATES;
use crate::name::Sha256Hex;
use crate::record::{Scope, state_directory};
use crate::secret::Secret;
use crate::transport::quote::{NulError, quote};

/// The part of the script that is the same for every query.
const PROBE: &str = include_str!("probe.sh");

/// What a host is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The service: every container with the label `service` of this value is reported.
    pub service: String,
    /// The destination, for the serial and the runs.
    pub destination: Option<String>,
    /// How much is asked.
    pub extent: Extent,
    /// A version whose routes are reported, also if they are not among the last ones; empty: none.
    pub version: String,
    /// The name of Traefik's container; `traefik` by default.
    pub traefik: String,
    /// Names of further containers that are reported, such as accessories.
    pub containers: Vec<String>,
    /// Ports that are to be published.
    pub ports: Vec<u16>,
    /// The repository whose images are reported, with the registry's server in front and without a
    /// tag; empty: none.
    pub repository: String,
    /// Further images that are reported, by reference, such as those of accessories.
    pub images: Vec<String>,
    /// Files and directories that are reported if they exist. `~/` stands for the login directory.
    pub paths: Vec<String>,
    /// Secrets to be compared with those of containers.
    pub secrets: Vec<SecretQuestion>,
    /// The containers that they are compared with.
    pub compared: Compared,
}

/// How much a host is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Extent {
    /// All that a plan is made from.
    #[default]
    Whole,
    /// The machine, and what mrsk has written there; not the engine, accessories or routing files.
    State,
}

/// The containers whose secrets are compared with the local ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compared {
    /// Those that run.
    #[default]
    Running,
    /// Those that have stopped, too.
    All,
}

impl Default for Query {
    fn default() -> Self {
        Self {
            service: String::new(),
            destination: None,
            extent: Extent::Whole,
            version: String::new(),
            traefik: "traefik".to_owned(),
            containers: Vec::new(),
            ports: Vec::new(),
            repository: String::new(),
            images: Vec::new(),
            paths: Vec::new(),
            secrets: Vec::new(),
            compared: Compared::Running,
        }
    }
}

/// Asks for salted hashes of the secrets that a role's running containers have, to compare them with
/// the local values. Holds salted hashes of these; what is sent has only names and the salt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretQuestion {
    role: String,
    destination: Option<String>,
    salt: Sha256Hex,
    hashes: BTreeMap<String, Sha256Hex>,
}

impl SecretQuestion {
    /// Returns the question whether the containers of `role` have these values. `salt` must be
    /// random and used for one inspection only. A name with other characters than ASCII letters,
    /// digits and `_.-` is left out.
    pub fn new<'a>(
        role: impl Into<String>,
        destination: Option<&str>,
        salt: &[u8],
        secrets: impl IntoIterator<Item = (&'a str, &'a Secret)>,
    ) -> Self {
        let salt = Sha256Hex::of(salt);
        let hashes = secrets
            .into_iter()
            .filter(|(name, _)| is_comparable(name))
            .map(|(name, value)| (name.to_owned(), salted(&salt, value)))
            .collect();
        Self {
            role: role.into(),
            destination: destination.map(str::to_owned),
            salt,
            hashes,
        }
    }
}

impl SecretQuestion {
    /// Returns the names whose values differ from the local ones in a container that has `hashes`, as
    /// `NAME=HASH` with spaces between.
    pub(super) fn differing<'a>(&'a self, hashes: &'a str) -> impl Iterator<Item = &'a String> {
        let is_equal = move |name: &str, expected: &Sha256Hex| {
            let mut found = hashes.split(' ').filter_map(|pair| pair.split_once('='));
            found.any(|(of, hash)| of == name && hash == expected.as_str())
        };
        let differing = self
            .hashes
            .iter()
            .filter(move |(name, hash)| !is_equal(name, hash));
        differing.map(|(name, _)| name)
    }
}

/// The answer separates names with spaces.
fn is_comparable(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    !name.is_empty() && name.chars().all(is_plain)
}

/// The line end is what the template prints after each value.
fn salted(salt: &Sha256Hex, value: &Secret) -> Sha256Hex {
    let text = zeroize::Zeroizing::new(format!("{salt}{}\n", value.reveal()));
    Sha256Hex::of(text.as_bytes())
}

/// Returns the script that answers `query` when it is fed to `sh`. It changes nothing on the host,
/// needs neither docker nor curl there, and ends with 0. The same query gives the same script.
///
/// # Errors
/// A name in the query that holds a NUL character.
pub fn probe_script(query: &Query) -> Result<String, NulError> {
    let scope = Scope {
        service: query.service.clone(),
        destination: query.destination.clone(),
    };
    let extent = match query.extent {
        Extent::Whole => "whole",
        Extent::State => "state",
    };
    let ports: Vec<String> = query.ports.iter().map(u16::to_string).collect();
    let also = query.containers.iter().chain([&query.traefik]);
    let also: String = also.map(|name| format!(" {} ", literal(name))).collect();
    let variables = [
        ("scope", scope.directory()),
        ("extent", extent.to_owned()),
        ("version", query.version.clone()),
        ("state_of_root", state_directory::OF_ROOT.to_owned()),
        ("state_in_home", state_directory::IN_HOME.to_owned()),
        ("ports", ports.join(" ")),
        ("also", also),
        ("repository", query.repository.clone()),
        ("further", query.images.join("\n")),
        ("paths", query.paths.join("\n")),
        ("familiar", familiar(&query.repository).to_owned()),
        ("filter", engine::image_filter(familiar(&query.repository))),
        ("kept", CERTIFICATES.to_owned()),
        ("listing", listing_template(&query.service)),
        ("format", container_template(query)),
    ];
    // One command: of a script that is cut off on the way, no part runs.
    let mut script = "{\n".to_owned();
    for (name, value) in variables {
        script += &format!("{name}={}\n", quote(&value)?);
    }
    script += &secrets_function(&query.secrets)?;
    script += PROBE;
    script += "}\n";
    Ok(script)
}

/// Returns `text` as a string literal of a Go template. JSON's escapes are a subset of Go's.
fn literal(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Returns the repository as docker lists it.
pub fn familiar(repository: &str) -> &str {
    let name = repository.strip_prefix("docker.io/").unwrap_or(repository);
    match name.strip_prefix("library/") {
        Some(short) if !short.contains('/') => short,
        _ => name,
    }
}

fn listing_template(service: &str) -> String {
    format!(
        r#"{{{{.ID}}}} {{{{if eq (.Label "service") {}}}}}yes{{{{else}}}}no{{{{end}}}} {{{{json .Names}}}} {{{{json .Ports}}}}"#,
        literal(service)
    )
}

/// Names the fields one by one: the environment of a container holds secrets, and never leaves the
/// engine with this.
const CONTAINER: &str = concat!(
    r#"container {"id":{{json .ID}},"name":{{json .Name}},"state":{{json .State.Status}},"#,
    r#""health":{{if .State.Health}}{{json .State.Health.Status}}{{else}}""{{end}},"#,
    r#""image":{{json .Config.Image}},"image_id":{{json .Image}},"labels":{{json .Config.Labels}},"#,
    r#""networks":{{json .NetworkSettings.Networks}},"created":{{json .Created}},"#,
    r#""stopped":{{json .State.FinishedAt}},"exit":{{json .State.ExitCode}}}"#,
);

const HEALTHCHECK: &str = concat!(
    r#"{{with index .Config.Labels "mrsk.healthcheck"}}running {{$.ID}} {{$.State.Pid}} "#,
    r#"@{{range $.NetworkSettings.Networks}}{{.IPAddress}},{{end}} {{json .}}"#,
    "\n{{end}}"
);

const TRAEFIK: &str = r#"traefik {"name":{{json .Name}},"image":{{json .Config.Image}},"args":{{json .Args}}}
{{range .Args}}argument {{json .}}
{{end}}{{range .Mounts}}source {{json .Source}}
destination {{json .Destination}}
{{end}}"#;

fn container_template(query: &Query) -> String {
    let mut template = format!(
        "{CONTAINER}\n{{{{if eq .State.Status \"running\"}}}}{HEALTHCHECK}{{{{if eq .Name {}}}}}{TRAEFIK}{{{{end}}}}",
        literal(&format!("/{}", query.traefik))
    );
    if query.compared == Compared::All {
        template += "{{end}}";
    }
    for (number, question) in query.secrets.iter().enumerate() {
        let label = |name: &str, value: &str| {
            format!(
                r#" (eq (index .Config.Labels "{name}") {})"#,
                literal(value)
            )
        };
        template += "{{if and";
        template += &label("service", &query.service);
        template += &label("role", &question.role);
        template += &label("destination", question.destination.as_deref().unwrap_or(""));
        template += &format!("}}}}question {number} {{{{.ID}}}}\n{{{{end}}}}");
    }
    match query.compared {
        Compared::Running => template + "{{end}}",
        Compared::All => template,
    }
}

fn secrets_function(questions: &[SecretQuestion]) -> Result<String, NulError> {
    let mut function = String::from("secrets() {\n    :\n");
    for (number, question) in questions.iter().enumerate() {
        if question.hashes.is_empty() {
            continue;
        }
        function += &format!(
            "    ids_of {number} \"$@\" && hash_secrets {number} {} {} $ids\n",
            quote(question.salt.as_str())?,
            quote(&environment_template(question))?,
        );
    }
    Ok(function + "}\n")
}

/// Each entry ends with a line that no value can hold, since the salt is made after the values.
fn environment_template(question: &SecretQuestion) -> String {
    let names: Vec<String> = question.hashes.keys().map(|name| literal(name)).collect();
    let salt = &question.salt;
    format!(
        "{{{{range .Config.Env}}}}{{{{if eq (index (split . \"=\") 0) {}}}}}{{{{println .}}}}--{salt}\n{{{{end}}}}{{{{end}}}}!{{{{.ID}}}}\n--{salt}",
        names.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_looked_for_by_the_name_that_docker_lists() {
        for (repository, expected) in [
            ("docker.io/37s/hey", "37s/hey"),
            ("docker.io/library/redis", "redis"),
            ("37s/hey", "37s/hey"),
            ("registry:5000/library/x", "registry:5000/library/x"),
        ] {
            assert_eq!(familiar(repository), expected);
        }
    }

    #[test]
    fn the_same_query_gives_the_same_script_and_no_secret_stands_in_it() {
        let secret = Secret::new("hunter2-hunter2");
        let query = |salt: &[u8]| Query {
            service: "app".to_owned(),
            secrets: vec![SecretQuestion::new("web", None, salt, [("KEY", &secret)])],
            ..Query::default()
        };
        let script = probe_script(&query(b"a")).unwrap();
        assert_eq!(script, probe_script(&query(b"a")).unwrap());
        assert_ne!(script, probe_script(&query(b"b")).unwrap());
        assert!(!script.contains("hunter2"));
        let question = &query(b"a").secrets[0];
        for hash in [&Sha256Hex::of(b"hunter2-hunter2"), &question.hashes["KEY"]] {
            assert!(!script.contains(hash.as_str()));
        }
    }

    #[test]
    fn what_a_container_has_is_compared_here() {
        let (one, two) = (Secret::new("one"), Secret::new("two"));
        let question = SecretQuestion::new("web", None, b"", [("A", &one), ("B", &two)]);
        let hash = |value: &Secret| salted(&question.salt, value);
        let rows = [
            (format!("A={} B={}", hash(&one), hash(&two)), ""),
            (format!("A={} B={}", hash(&two), hash(&two)), "A"),
            (format!("B={} A={}", hash(&one), hash(&one)), "B"),
            (format!("A={}", hash(&one)), "B"),
            (String::new(), "AB"),
            ("garbage = A".to_owned(), "AB"),
        ];
        for (hashes, expected) in rows {
            assert_eq!(
                String::from_iter(question.differing(&hashes).cloned()),
                expected
            );
        }
    }

    #[test]
    fn names_that_a_shell_would_split_or_expand_are_not_asked_for() {
        let secret = Secret::new("x");
        let names = ["", "A B", "A*", "A=B", "A\nB", "GOOD_1", "also.good-2"];
        let question = SecretQuestion::new("web", None, b"", names.map(|name| (name, &secret)));
        assert_eq!(
            Vec::from_iter(question.hashes.keys()),
            ["GOOD_1", "also.good-2"]
        );
    }
}
