//! The graph as a drawing: in Graphviz's language, and as a Mermaid flowchart.

use std::collections::BTreeMap;

use super::escape;
use super::groups::{groups, headline};
use crate::plan::{NeedOn, Plan, Step};

/// Returns the graph in Graphviz's language, one cluster for each host. A dashed arrow is followed
/// even when its step has failed tolerably.
pub fn dot(plan: &Plan) -> String {
    let quoted = escape::dot;
    let mut out = format!(
        "digraph plan {{\n  label={};\n  node [shape=box];\n",
        quoted(&headline(plan))
    );
    for (at, place, steps) in boxes(plan) {
        out += &format!("  subgraph cluster_{at} {{\n    label={};\n", quoted(place));
        for (number, step) in steps {
            let shape = if step.barrier.is_some() {
                ", shape=hexagon"
            } else {
                ""
            };
            let label = quoted(&format!("{number}. {}", step.summary));
            out += &format!("    {} [label={label}{shape}];\n", quoted(step.id.as_str()));
        }
        out += "  }\n";
    }
    for step in &plan.steps {
        for need in &step.needs {
            let style = match need.on {
                NeedOn::Success => "",
                NeedOn::Settled => " [style=dashed]",
            };
            let (from, to) = (quoted(need.step.as_str()), quoted(step.id.as_str()));
            out += &format!("  {from} -> {to}{style};\n");
        }
    }
    out + "}\n"
}

/// Returns the graph as a Mermaid flowchart, one box for each host. A dotted arrow is followed even
/// when its step has failed tolerably.
pub fn mermaid(plan: &Plan) -> String {
    let text = escape::mermaid;
    let mut out = format!("%% {}\nflowchart TD\n", text(&headline(plan)));
    for (at, place, steps) in boxes(plan) {
        out += &format!("  subgraph g{at}[\"{}\"]\n", text(place));
        for (number, step) in steps {
            let (open, close) = if step.barrier.is_some() {
                ("{{", "}}")
            } else {
                ("[", "]")
            };
            let summary = text(&step.summary);
            out += &format!("    s{number}{open}\"{number}: {summary}\"{close}\n");
        }
        out += "  end\n";
    }
    let steps = plan.steps.iter().zip(1..);
    let numbers: BTreeMap<&str, usize> = steps.map(|(step, at)| (step.id.as_str(), at)).collect();
    for (step, to) in plan.steps.iter().zip(1..) {
        for need in &step.needs {
            let arrow = match need.on {
                NeedOn::Success => "-->",
                NeedOn::Settled => "-.->",
            };
            if let Some(from) = numbers.get(need.step.as_str()) {
                out += &format!("  s{from} {arrow} s{to}\n");
            }
        }
    }
    out
}

/// Returns the places with steps, each with its number and name.
fn boxes(plan: &Plan) -> impl Iterator<Item = (usize, &str, Vec<(usize, &Step)>)> {
    let groups = groups(plan).into_iter().enumerate();
    groups.filter_map(|(at, group)| {
        let place = group.host.map_or("this machine", |host| host.as_str());
        (!group.steps.is_empty()).then_some((at, place, group.steps))
    })
}
