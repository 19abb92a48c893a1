//! The layers, and the arrows between the modules of the crate's root.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use super::assert_none;
use super::paths::Tree;
use super::tree::root;

/// What each module may use, beside itself. Inside a layer there are only the arrows in this table.
const ALLOWED: &str = "
    # shell
    cli: report show apply journal approval plan config erb facts docker transport
    cli: record action name secret diagnostic text exit_code digest redaction repository

    # presentation: of plans and of events; neither asks a host anything
    report: apply plan record action name text json
    show: plan action name text

    # effects
    journal: apply name
    approval: transport record name secret
    apply: plan facts docker transport record action name secret diagnostic graph
    apply: exit_code digest redaction repository

    # decision
    plan: config facts docker traefik record action name secret diagnostic graph
    plan: text json digest redaction

    # knowledge: knows nothing of how a host is reached, and quotes for a shell as the transport does
    config: erb name secret diagnostic text digest repository
    erb: secret diagnostic text redaction
    facts: transport record name secret json digest
    docker: config action name digest
    traefik: text digest

    # transport: knows no docker
    transport: record action name secret redaction

    # ground
    record: name
    action: name
    name: digest
    secret:
    redaction: secret
    diagnostic: text
    text: action name digest
    exit_code:
    json:
    digest:
    repository:
    graph:
";

/// Returns the table by module.
fn allowed() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let mut allowed: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for line in ALLOWED.lines().map(str::trim) {
        if let Some((module, may)) = line.split_once(':')
            && !line.starts_with('#')
        {
            allowed
                .entry(module)
                .or_default()
                .extend(may.split_whitespace());
        }
    }
    allowed
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

#[test]
fn every_module_has_a_layer_and_arrows_point_down() {
    let layers = layers();
    let allowed = allowed();
    let tree = Tree::read();
    let mut problems = Vec::new();
    for (at, source) in tree.sources().iter().enumerate() {
        let module = source.module();
        let Some(module) = module.first() else {
            continue;
        };
        if !layers.contains_key(*module) {
            problems.push(format!("{module} is not in the table of src/lib.rs"));
        }
        let Some(may) = allowed.get(module) else {
            problems.push(format!("{module} is not in ALLOWED"));
            continue;
        };
        for name in tree.roots(at) {
            let is_module = allowed.contains_key(name.as_str());
            if is_module && name != *module && !may.contains(&name.as_str()) {
                problems.push(format!("src/{}: {module} may not use {name}", source.path));
            }
        }
    }
    for (module, may) in &allowed {
        for lower in may {
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
fn every_allowed_arrow_is_used() {
    let tree = Tree::read();
    let mut used: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (at, source) in tree.sources().iter().enumerate() {
        if let Some(module) = source.module().first() {
            used.entry((*module).to_owned())
                .or_default()
                .extend(tree.roots(at));
        }
    }
    let problems: Vec<String> = allowed()
        .into_iter()
        .flat_map(|(module, may)| may.into_iter().map(move |lower| (module, lower)))
        // Moving to `text` is under way.
        .filter(|(module, lower)| *lower != "text" && *module != "text")
        .filter(|(module, lower)| !used.get(*module).is_some_and(|used| used.contains(*lower)))
        .map(|(module, lower)| format!("{module} -> {lower}"))
        .collect();
    assert_none("remove these from ALLOWED", &problems);
}

#[test]
fn arrows_make_no_circle() {
    let allowed = allowed();
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
