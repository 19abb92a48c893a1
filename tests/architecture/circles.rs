//! Circles between files: none may use another that uses it back, however long the way.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::algo::tarjan_scc;
use petgraph::graph::DiGraph;

use super::assert_none;
use super::paths::Tree;

/// Files below `src/` that are in a circle today. This list may only become shorter.
const KNOWN_CIRCLES: &[&str] = &[];

#[test]
fn files_make_no_circle() {
    let tree = Tree::read();
    let uses = tree.uses();
    let mut graph: DiGraph<&str, ()> = DiGraph::new();
    let nodes: BTreeMap<&str, _> = uses
        .keys()
        .map(|file| (*file, graph.add_node(file)))
        .collect();
    for (from, to) in &uses {
        for to in to {
            graph.add_edge(nodes[from], nodes[to], ());
        }
    }
    let circles: Vec<BTreeSet<&str>> = tarjan_scc(&graph)
        .into_iter()
        .filter(|files| files.len() > 1)
        .map(|files| files.into_iter().map(|file| graph[file]).collect())
        .collect();
    let unknown: Vec<String> = circles
        .iter()
        .filter(|files| files.iter().any(|file| !KNOWN_CIRCLES.contains(file)))
        .map(|files| describe(files, &uses))
        .collect();
    assert_none("these files use each other", &unknown);
    let broken: Vec<String> = KNOWN_CIRCLES
        .iter()
        .filter(|file| !circles.iter().any(|files| files.contains(*file)))
        .map(|file| (*file).to_owned())
        .collect();
    assert_none("in no circle: remove these from KNOWN_CIRCLES", &broken);
}

/// Returns the arrows inside a circle, one to a line.
fn describe(files: &BTreeSet<&str>, uses: &BTreeMap<&str, BTreeSet<&str>>) -> String {
    files
        .iter()
        .map(|file| {
            let used: Vec<&str> = uses[file].intersection(files).copied().collect();
            format!("{file} -> {}", used.join(", "))
        })
        .collect::<Vec<_>>()
        .join("\n  ")
        + "\n"
}
