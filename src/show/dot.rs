//! The graph in Graphviz's language.

use super::escape::dot as quoted;
use super::groups::{groups, headline};
use crate::plan::{NeedOn, Plan};

/// Returns the graph of the steps, one cluster for each host. A dashed arrow is followed even when its step has failed
/// tolerably.
pub fn dot(plan: &Plan) -> String {
    let mut out = format!(
        "digraph plan {{\n  label={};\n  node [shape=box];\n",
        quoted(&headline(plan))
    );
    for (at, group) in groups(plan).iter().enumerate() {
        if group.steps.is_empty() {
            continue;
        }
        let place = group.host.map_or("this machine", |host| host.as_str());
        out += &format!("  subgraph cluster_{at} {{\n    label={};\n", quoted(place));
        for (number, step) in &group.steps {
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
            out += &format!(
                "  {} -> {}{style};\n",
                quoted(need.step.as_str()),
                quoted(step.id.as_str())
            );
        }
    }
    out + "}\n"
}
