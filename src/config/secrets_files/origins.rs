//! What a plan says of secrets files: names and commands, and nothing of a value.

use std::collections::BTreeMap;

use super::files::{SecretsFile, SecretsFiles};

/// Where the secrets come from that secrets files define.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins {
    /// The path that the configuration names.
    pub path: Option<String>,
    /// The files, in the order in which they are read.
    pub files: Vec<SecretsFile>,
    /// The commands that the values come from, by the name of the secret; none of a value that comes from no command.
    pub commands: BTreeMap<String, Vec<String>>,
}

impl Origins {
    /// Returns what `files` say, of which the configuration names `path`.
    pub fn of(path: Option<String>, files: &SecretsFiles) -> Self {
        let mut commands = BTreeMap::new();
        for name in files.names() {
            commands.insert(name.to_owned(), files.command_texts(name));
        }
        let has_commands = commands.values().any(|texts| !texts.is_empty());
        let read = files.read.iter();
        Self {
            path,
            files: read
                .map(|(path, sha256)| SecretsFile {
                    path: path.clone(),
                    sha256: has_commands.then(|| sha256.clone()),
                })
                .collect(),
            commands,
        }
    }
}
