//! The rules of the source tree that neither the compiler nor clippy can check: the direction of arrows between modules, what
//! the pure ones may not touch, who prints, who starts processes, the size of files, and that the documents fit the tree.

mod documents;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What each module may use, beside itself. Within a layer there are only the arrows that stand here.
const ALLOWED: &[(&str, &[&str])] = &[
    // shell
    (
        "cli",
        &[
            "report",
            "show",
            "apply",
            "journal",
            "plan",
            "config",
            "erb",
            "facts",
            "docker",
            "traefik",
            "transport",
            "record",
            "action",
            "name",
            "secret",
            "diagnostic",
            "text",
            "exit_code",
            "graph",
            "digest",
        ],
    ),
    // presentation: of plans and of events; neither asks a host anything
    (
        "report",
        &[
            "show",
            "apply",
            "journal",
            "plan",
            "record",
            "action",
            "name",
            "secret",
            "diagnostic",
            "text",
            "graph",
        ],
    ),
    (
        "show",
        &[
            "plan",
            "record",
            "action",
            "name",
            "secret",
            "diagnostic",
            "text",
            "graph",
        ],
    ),
    // effects
    ("journal", &["apply", "plan", "record", "name", "text"]),
    (
        "apply",
        &[
            "plan",
            "facts",
            "transport",
            "record",
            "action",
            "name",
            "secret",
            "diagnostic",
            "text",
            "exit_code",
            "graph",
            "digest",
        ],
    ),
    // decision
    (
        "plan",
        &[
            "config",
            "facts",
            "docker",
            "traefik",
            "record",
            "action",
            "name",
            "secret",
            "diagnostic",
            "text",
            "graph",
            "json",
            "digest",
        ],
    ),
    // knowledge: knows nothing of how a host is reached, and quotes for a shell as the transport does
    (
        "config",
        &[
            "erb",
            "record",
            "action",
            "name",
            "secret",
            "diagnostic",
            "text",
            "digest",
        ],
    ),
    ("erb", &["secret", "diagnostic", "text"]),
    (
        "facts",
        &[
            "transport",
            "record",
            "action",
            "name",
            "secret",
            "diagnostic",
            "text",
            "json",
            "digest",
        ],
    ),
    (
        "docker",
        &[
            "config",
            "action",
            "name",
            "secret",
            "diagnostic",
            "text",
            "digest",
        ],
    ),
    (
        "traefik",
        &["action", "name", "secret", "diagnostic", "text"],
    ),
    // transport: knows no docker
    (
        "transport",
        &["record", "action", "name", "secret", "diagnostic", "text"],
    ),
    // ground
    ("record", &["name"]),
    ("action", &["name"]),
    ("name", &["digest"]),
    ("secret", &[]),
    ("diagnostic", &["text"]),
    ("text", &["action", "name", "digest"]),
    ("exit_code", &[]),
    ("json", &[]),
    ("digest", &[]),
    ("graph", &[]),
];

/// Modules whose results follow from their arguments alone, by the beginning of their path below `src/`.
const PURE: &[&str] = &[
    "plan/",
    "show/",
    "erb/",
    "docker/",
    "traefik/",
    "record/",
    "apply/state",
    "graph.rs",
    "action.rs",
    "exit_code.rs",
    "name.rs",
    "json.rs",
    "digest.rs",
    "secret.rs",
    "text/",
];

/// What a pure module may not touch.
const IMPURE: &[&str] = &[
    "std::env",
    "env::var",
    "std::fs",
    "fs::read",
    "std::net",
    "std::process",
    "std::thread",
    "std::io::stdin",
    "std::io::stdout",
    "std::io::stderr",
    "SystemTime",
    "Instant::",
    "Timestamp::now",
    "Zoned::now",
    "tokio",
    "rustix",
    "RandomState",
];

/// The only files that print, by the beginning of their path below `src/`.
const PRINTERS: &[&str] = &["cli/exit.rs", "cli/plan.rs", "cli/observer.rs", "report/"];

const LONGEST: usize = 500;

/// Files over [`LONGEST`] lines: path below `src/`, lines that it may have, and why it is not split.
const LONG: &[(&str, usize, &str)] = &[];

/// Why a test may be ignored.
const REASONS: &[&str] = &[
    "#[ignore = \"needs the lab",
    "#[ignore = \"run by another test",
    "#[ignore = \"needs python3 with the package jsonschema",
];

/// A file below `src/`.
struct Source {
    /// Path below `src/`, with forward slashes.
    path: String,
    /// The text without comments, up to the tests at its end.
    code: String,
    /// Lines of the whole file.
    lines: usize,
}

impl Source {
    /// Returns the module of the crate's root that it belongs to; `None` for the root itself.
    fn module(&self) -> Option<&str> {
        let first = self.path.split('/').next()?;
        let module = first.strip_suffix(".rs").unwrap_or(first);
        (module != "lib" && module != "main").then_some(module)
    }

    /// Returns how many `super` lead from it to the crate's root.
    fn depth(&self) -> usize {
        let parts = self.path.trim_end_matches("/mod.rs").split('/').count();
        if self.module().is_none() { 0 } else { parts }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(dir: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn relative(path: &Path, to: &Path) -> String {
    path.strip_prefix(to)
        .unwrap()
        .to_string_lossy()
        .replace('\\', "/")
}

fn is_test(path: &str) -> bool {
    path.ends_with("tests.rs") || path.contains("/tests/")
}

/// Returns the paths below `src/` of the files that are declared as `#[cfg(test)] mod NAME;`.
fn test_files() -> BTreeSet<String> {
    let src = root().join("src");
    let mut found = BTreeSet::new();
    for path in files(&src, ".rs") {
        let text = fs::read_to_string(&path).unwrap();
        for declared in text.split("#[cfg(test)]").skip(1) {
            let line = declared.trim_start().lines().next().unwrap_or_default();
            let Some(name) = line
                .strip_prefix("mod ")
                .and_then(|rest| rest.strip_suffix(';'))
            else {
                continue;
            };
            let home = match path.file_name().and_then(|name| name.to_str()) {
                Some("mod.rs" | "lib.rs") => path.parent().unwrap().to_owned(),
                _ => path.with_extension(""),
            };
            found.insert(relative(&home.join(format!("{name}.rs")), &src));
        }
    }
    found
}

/// Returns the files below `src/` that are no tests.
fn sources() -> Vec<Source> {
    let src = root().join("src");
    let tests = test_files();
    files(&src, ".rs")
        .into_iter()
        .filter(|path| {
            let path = relative(path, &src);
            !is_test(&path) && !tests.contains(&path)
        })
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            Source {
                path: relative(&path, &src),
                code: code(&text),
                lines: text.lines().count(),
            }
        })
        .collect()
}

/// Returns `text` without comment lines and ends, up to `#[cfg(test)]` before a module.
fn code(text: &str) -> String {
    let mut kept = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let next = lines.peek().map_or("", |next| next.trim_start());
        if line.trim() == "#[cfg(test)]" && (next.starts_with("mod ") && next.ends_with('{')) {
            break;
        }
        if line.trim_start().starts_with("//") {
            continue;
        }
        kept += line.split(" // ").next().unwrap_or(line);
        kept.push('\n');
    }
    kept
}

/// Returns the modules of the crate's root that `code` names: after `crate::`, alone or in braces, and after enough `super`.
fn used(code: &str, depth: usize) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let escape = "super::".repeat(depth.max(1));
    for prefix in ["crate::", escape.as_str()] {
        if prefix.starts_with("super") && depth == 0 {
            continue;
        }
        for (at, _) in code.match_indices(prefix) {
            let before = code[..at].chars().next_back().unwrap_or(' ');
            let after = &code[at + prefix.len()..];
            if before.is_alphanumeric()
                || before == '_'
                || (before == ':' && prefix.starts_with("super"))
            {
                continue;
            }
            found.extend(heads(after));
        }
    }
    found
}

/// Returns the first names of a path or of a group of paths.
fn heads(text: &str) -> Vec<String> {
    let ident = |text: &str| -> String {
        text.trim_start()
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect()
    };
    let Some(group) = text.strip_prefix('{') else {
        return vec![ident(text)];
    };
    let mut heads = Vec::new();
    let mut depth = 0;
    let mut start = 0;
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' if depth == 0 => {
                heads.push(ident(&group[start..at]));
                start = at + 1;
            }
            '}' => {
                heads.push(ident(&group[start..at]));
                break;
            }
            _ => {}
        }
    }
    heads.retain(|head| !head.is_empty());
    heads
}

/// Returns the row of each module in the table of `src/lib.rs`.
fn layers() -> BTreeMap<String, usize> {
    let text = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    text.lines()
        .skip_while(|line| !line.starts_with("//! | layer |"))
        .map_while(|line| line.strip_prefix("//! | "))
        .skip(2)
        .enumerate()
        .flat_map(|(row, line)| {
            let cell = line
                .split('|')
                .nth(1)
                .unwrap_or_default()
                .split(':')
                .next()
                .unwrap_or_default();
            cell.split('`')
                .skip(1)
                .step_by(2)
                .map(|name| (name.to_owned(), row))
                .collect::<Vec<_>>()
        })
        .collect()
}

fn assert_none(what: &str, problems: &[String]) {
    assert!(problems.is_empty(), "{what}:\n  {}", problems.join("\n  "));
}

#[test]
fn paths_are_found_in_code() {
    let cases: &[(&str, usize, &[&str])] = &[
        ("use crate::plan::Plan;", 2, &["plan"]),
        (
            "use crate::{name::{HostName, RunId}, record, plan::wire};",
            1,
            &["name", "plan", "record"],
        ),
        ("fn f(x: &crate::facts::model::Facts) {}", 1, &["facts"]),
        ("pub(crate) fn f() {}", 1, &[]),
        ("use super::plan::Plan;", 1, &["plan"]),
        ("use super::plan::Plan;", 2, &[]),
        ("use super::super::apply::links;", 2, &["apply"]),
        ("mycrate::thing()", 1, &[]),
    ];
    for (code, depth, expected) in cases {
        let expected: BTreeSet<String> = expected.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(used(code, *depth), expected, "{code}");
    }
    assert_eq!(
        code("//! crate::a\nuse x; // crate::b\n#[cfg(test)]\nmod tests {\nuse crate::c;\n}\n"),
        "use x;\n"
    );
}

#[test]
fn every_module_has_a_layer_and_arrows_point_down() {
    let layers = layers();
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.iter().copied().collect();
    let mut problems = Vec::new();
    for source in sources() {
        let Some(module) = source.module() else {
            continue;
        };
        if !layers.contains_key(module) {
            problems.push(format!("{module} is not in the table of src/lib.rs"));
        }
        let Some(may) = allowed.get(module) else {
            problems.push(format!("{module} is not in ALLOWED"));
            continue;
        };
        for name in used(&source.code, source.depth()) {
            let is_module = allowed.contains_key(name.as_str());
            if is_module && name != module && !may.contains(&name.as_str()) {
                problems.push(format!("src/{}: {module} may not use {name}", source.path));
            }
        }
    }
    for (module, may) in ALLOWED {
        for lower in *may {
            if let (Some(from), Some(to)) = (layers.get(*module), layers.get(*lower))
                && to < from
            {
                problems.push(format!(
                    "{module} -> {lower} points up in the table of src/lib.rs"
                ));
            }
        }
    }
    problems.sort();
    problems.dedup();
    assert_none("the layers are broken", &problems);
}

#[test]
fn arrows_make_no_circle() {
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.iter().copied().collect();
    let mut left: BTreeSet<&str> = allowed.keys().copied().collect();
    loop {
        let free: Vec<&str> = left
            .iter()
            .copied()
            .filter(|module| allowed[module].iter().all(|used| !left.contains(used)))
            .collect();
        if free.is_empty() {
            break;
        }
        left.retain(|module| !free.contains(module));
    }
    assert!(left.is_empty(), "these use each other: {left:?}");
}

#[test]
fn pure_modules_touch_nothing_outside() {
    let mut problems = Vec::new();
    for source in sources() {
        if !PURE.iter().any(|pure| source.path.starts_with(pure)) {
            continue;
        }
        for word in IMPURE {
            if source.code.contains(word) {
                problems.push(format!("src/{}: {word}", source.path));
            }
        }
    }
    assert_none(
        "pure modules have no clock, network, environment or file system",
        &problems,
    );
}

#[test]
fn processes_start_only_in_the_transport() {
    let problems: Vec<String> = sources()
        .iter()
        .filter(|source| !source.path.starts_with("transport/"))
        .filter(|source| {
            source.code.contains("process::Command") || source.code.contains("Command::new(")
        })
        .map(|source| format!("src/{}", source.path))
        .collect();
    assert_none("processes are started by", &problems);
}

#[test]
fn only_the_printers_print() {
    let mut problems = Vec::new();
    for source in sources() {
        let prints = ["print!(", "println!("]
            .iter()
            .any(|word| source.code.contains(word));
        if prints
            && !PRINTERS
                .iter()
                .any(|printer| source.path.starts_with(printer))
        {
            problems.push(format!("src/{}", source.path));
        }
        if source.code.contains("dbg!(") {
            problems.push(format!("src/{}: dbg!", source.path));
        }
    }
    assert_none("these print", &problems);
}

#[test]
fn files_are_short() {
    let long: BTreeMap<&str, usize> = LONG
        .iter()
        .map(|(path, lines, _)| (*path, *lines))
        .collect();
    let mut problems = Vec::new();
    for source in sources() {
        let most = long.get(source.path.as_str()).copied().unwrap_or(LONGEST);
        if source.lines > most {
            problems.push(format!(
                "src/{}: {} lines, at most {most}",
                source.path, source.lines
            ));
        }
    }
    assert_none("split these", &problems);
}

#[test]
fn every_file_of_the_tests_is_compiled() {
    let tests = root().join("tests");
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(
        !manifest.contains("autotests"),
        "tests/*.rs are found by cargo itself"
    );
    let all: Vec<PathBuf> = files(&tests, ".rs")
        .into_iter()
        .filter(|path| !path.starts_with(tests.join("lab")))
        .collect();
    let mut problems = Vec::new();
    for path in &all {
        let below = relative(path, &tests);
        let is_target =
            !below.contains('/') || below.matches('/').count() == 1 && below.ends_with("/main.rs");
        if is_target {
            continue;
        }
        let parent = path.parent().unwrap();
        let (name, homes) = if below.ends_with("/mod.rs") {
            let name = parent.file_name().unwrap();
            (name.to_owned(), parent.parent().unwrap())
        } else {
            (path.file_stem().unwrap().to_owned(), parent)
        };
        let declaration = format!("mod {};", name.to_string_lossy());
        let stem = parent.with_extension("rs");
        let declared = all
            .iter()
            .filter(|other| other.parent() == Some(homes) || **other == stem)
            .any(|other| fs::read_to_string(other).unwrap().contains(&declaration));
        if !declared {
            problems.push(format!("tests/{below}"));
        }
    }
    assert_none("no test declares", &problems);
}

#[test]
fn ignored_tests_say_why() {
    let mut problems = Vec::new();
    for dir in ["src", "tests"] {
        for path in files(&root().join(dir), ".rs") {
            if path.ends_with("architecture.rs") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            for (at, line) in text.lines().enumerate() {
                if line.trim_start().starts_with("#[ignore")
                    && !REASONS.iter().any(|reason| line.contains(reason))
                {
                    problems.push(format!("{}:{}", relative(&path, root()), at + 1));
                }
            }
        }
    }
    assert_none("ignored without one of the reasons", &problems);
}
