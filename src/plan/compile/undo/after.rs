//! The facts that a plan leads to, by the effects of its steps.

use std::collections::HashMap;

use super::super::Draft;
use crate::config::model::Config;
use crate::docker::{container, image};
use crate::facts::model::{ContainerState, Facts, HostFacts, SerialFacts};
use crate::name::{HostName, Sha256Hex};
use crate::plan::effect::effect_on;
use crate::plan::{Plan, Step};

/// Returns the facts after `plan`, of which `first` is the draft.
pub(super) fn facts(config: &Config, plan: &Plan, first: &Draft) -> Facts {
    let mut after = first.facts.clone();
    let mut steps: HashMap<&HostName, Vec<&Step>> = HashMap::new();
    for step in &plan.steps {
        if let Some(host) = &step.host {
            steps.entry(host).or_default().push(step);
        }
    }
    for name in plan.hosts.keys() {
        if let Some(host) = after.hosts.get_mut(name) {
            let steps = steps.remove(name).unwrap_or_default();
            *host = led_to(host, &steps);
            for file in host.files.values_mut() {
                let key = Sha256Hex::from(file.sha256.as_str());
                if let Some(text) = plan.contents.get(&key) {
                    file.text.clone_from(text);
                }
            }
            host.serial = SerialFacts {
                number: host.serial.number.saturating_add(1),
                plan: Some(plan.digest.clone()),
                // Of the plan before it, which counts where it never began.
                unfinished: host.serial.unfinished.take(),
            };
        }
    }
    for placement in first.placements.iter().filter(|one| one.is_replaced()) {
        let host = after.hosts.get_mut(placement.host);
        let Some(new) = host.and_then(|host| host.containers.get_mut(&placement.name)) else {
            continue;
        };
        // No check tells what docker will know of the new container.
        new.id.clear();
        new.image = image::reference(config, first.version);
        let labels = container::labels(config, (placement.role, placement.index), first.version);
        new.labels.extend(labels);
    }
    after
}

/// Returns the facts of a host after all of its steps.
fn led_to(before: &HostFacts, steps: &[&Step]) -> HostFacts {
    let Ok(mut value) = serde_json::to_value(before) else {
        return before.clone();
    };
    for step in steps {
        effect_on(step, &mut value);
    }
    let mut after = serde_json::from_value(value).unwrap_or_else(|_| before.clone());
    for container in after.containers.values_mut() {
        if container.state == ContainerState::Exited {
            container.healthy = false;
            container.in_flight = 0;
        }
    }
    after
}
