//! The graph as a Mermaid flowchart.

use std::collections::BTreeMap;

use super::escape::mermaid as text;
use super::groups::{groups, headline};
use crate::plan::{NeedOn, Plan};

/// Returns the graph of the steps, one box for each host. A dotted arrow is followed even when its step has failed
/// tolerably.
pub fn mermaid(plan: &Plan) -> String {
    let mut out = format!("%% {}\nflowchart TD\n", text(&headline(plan)));
    for (at, group) in groups(plan).iter().enumerate() {
        if group.steps.is_empty() {
            continue;
        }
        let place = group.host.map_or("this machine", |host| host.as_str());
        out += &format!("  subgraph g{at}[\"{}\"]\n", text(place));
        for (number, step) in &group.steps {
            let (open, close) = if step.barrier.is_some() {
                ("{{", "}}")
            } else {
                ("[", "]")
            };
            out += &format!(
                "    s{number}{open}\"{number}: {}\"{close}\n",
                text(&step.summary)
            );
        }
        out += "  end\n";
    }
    let numbers: BTreeMap<&str, usize> = plan
        .steps
        .iter()
        .enumerate()
        .map(|(at, step)| (step.id.as_str(), at + 1))
        .collect();
    for (at, step) in plan.steps.iter().enumerate() {
        for need in &step.needs {
            let Some(from) = numbers.get(need.step.as_str()) else {
                continue;
            };
            let arrow = match need.on {
                NeedOn::Success => "-->",
                NeedOn::Settled => "-.->",
            };
            out += &format!("  s{from} {arrow} s{}\n", at + 1);
        }
    }
    out
}
