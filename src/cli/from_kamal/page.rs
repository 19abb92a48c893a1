//! The page that says what became of a Kamal project, key by key.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use super::model::Translated;
use crate::plan::hook::Hook;
use crate::text;

/// What is said of keys that mrsk reads with another meaning than Kamal.
const REMARKS: [(&str, &str); 13] = [
    (
        "proxy",
        "becomes labels and arguments of Traefik: `mrsk config -c config/mrsk.yml` lists them",
    ),
    (
        "registry",
        "read; mrsk logs in for the time of a run. Its password is a secret as before",
    ),
    (
        "builder",
        "read; mrsk builds what is checked out, and asks for `--dirty` where a file is changed",
    ),
    (
        "servers",
        "read; Traefik runs on each host with a role that gets requests, in place of kamal-proxy",
    ),
    (
        "env",
        "read; secrets are names whose values come from the secrets files, .env or the environment",
    ),
    (
        "accessories",
        "read; their containers keep their names, and a deploy leaves them as they are. Kamal 2 has all containers in docker's network \
         `kamal`: if the app reaches an accessory by the name of its container, set `options: {network: kamal}` for both",
    ),
    ("aliases", "read; the command line must be one of mrsk"),
    ("boot", "read"),
    ("ssh", "read"),
    (
        "sshkit",
        "no effect: `--parallel` limits how many hosts are worked on at a time",
    ),
    (
        "minimum_version",
        "read; versions of Kamal up to 1.9 are met, later ones are compared with that of mrsk",
    ),
    ("logging", "read; it holds for Traefik as well"),
    (
        "hooks_path",
        "read; a plan runs hooks outside of .kamal/hooks only if it is approved",
    ),
];

/// Returns the page. `options` are those that name the project's configuration.
pub fn page(files: &[Translated], options: &str) -> String {
    let mut page = format!(
        "# From Kamal to mrsk\n\nWritten by `mrsk init --from-kamal`. Kamal's own files are as they were. What mrsk reads is in \
         config/mrsk.yml:\n\n    mrsk config {options}      # what was read, and what `proxy` became\n    \
         mrsk plan {options}        # what would run, and where\n",
    );
    for file in files {
        let _ = write!(
            page,
            "\n## {}\n\n| key | what became of it |\n| --- | --- |\n",
            file.path
        );
        for key in &file.keys {
            let mut remarks = REMARKS.iter();
            let remark = remarks.find(|(known, _)| known == key);
            row(&mut page, key, remark.map_or("read", |(_, remark)| remark));
        }
        if file.has_new_proxy {
            row(
                &mut page,
                "proxy",
                "added: without it Kamal 2 sends requests to port 80 of the app",
            );
        }
        for unread in &file.unread {
            let (key, line) = (&unread.key, unread.key.place.line);
            let what = match unread.is_comment {
                true => format!("not read ({}); it is a comment now: {}", key.tool, key.help),
                false => format!(
                    "not read ({}); **remove it by hand, in line {line}**: {}",
                    key.tool, key.help
                ),
            };
            row(&mut page, &key.path, &what);
        }
    }
    page += &secrets(options);
    page += &hooks();
    page
}

fn row(page: &mut String, key: &str, what: &str) {
    let _ = writeln!(page, "| `{key}` | {} |", what.replace('|', "\\|"));
}

/// Returns what the page says of files with secrets: their names, and nothing of their values.
fn secrets(options: &str) -> String {
    let mut section = String::new();
    for path in names(Path::new(".kamal"), |name| name.starts_with("secrets")) {
        let file = format!(".kamal/{path}");
        let text = crate::repository::source(&file).unwrap_or_default();
        let names: BTreeSet<&str> = text.lines().filter_map(name_of).collect();
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        let listed = match names.is_empty() {
            true => "no names".to_owned(),
            false => text::list(&names),
        };
        let _ = writeln!(section, "- {file} has {listed}.");
    }
    match section.is_empty() {
        true => section,
        false => format!(
            "\n## Secrets\n\nmrsk reads Kamal's files as they are. Their commands run at `mrsk apply` and `mrsk deploy`, not to make a plan; \
             `mrsk secrets print {options}` shows the values.\n\n{section}"
        ),
    }
}

/// Returns the name that a line of a file with secrets sets.
fn name_of(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, _) = line.split_once('=')?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let starts = name.starts_with(|c: char| c.is_ascii_digit());
    (!name.is_empty() && !starts && name.chars().all(allowed)).then_some(name)
}

/// Returns what the page says of hooks: which are run, and which look like a migration.
fn hooks() -> String {
    let hooks = names(Path::new(".kamal/hooks"), |name| {
        !name.ends_with(".sample") && !name.starts_with('.')
    });
    let mut section = String::new();
    for name in hooks {
        let path = format!(".kamal/hooks/{name}");
        let text = crate::repository::source(&path).unwrap_or_default();
        let what = match Hook::of_file(&path) {
            None => "not run: it has not the name of a hook",
            Some(_) if text.contains("migrat") => {
                "run as before. It seems to migrate the database: `release: {cmd: …}` does that once for each version, also if a \
                 deploy is cut off and resumed"
            }
            Some(_) => "run as before",
        };
        let _ = writeln!(section, "- {path}: {what}.");
    }
    match section.is_empty() {
        true => section,
        false => format!(
            "\n## Hooks\n\nHooks are steps of the plan. They get the secrets that `hook_secrets: [NAME]` names, and no others.\n\n{section}"
        ),
    }
}

/// Returns the names of the files of a directory, sorted.
fn names(directory: &Path, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let files = entries.filter(|entry| entry.path().is_file());
    let names = files.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| wanted(name)).collect();
    names.sort();
    names
}
