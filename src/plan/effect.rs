//! What a step changes, as a pure function.
//!
//! A step's `check` states what holds after it. Its effect is therefore what makes each of these
//! predicates true. The compiler, resume and the simulated hosts of the tests share this.

use serde::Serialize;
use serde_json::{Map, Value};

use super::model::{Check, Step};
use super::predicate::{Op, Predicate};
use crate::facts::model::{
    ContainerFacts, DirectoryFacts, FileFacts, HostFacts, ImageFacts, NetworkFacts, PortFacts,
    TraefikFacts,
};
use crate::json;

/// Returns the facts of a host after steps of it, one after another. A local step and a barrier change nothing.
pub fn effects(steps: &[&Step], facts: &HostFacts) -> HostFacts {
    let Ok(mut value) = serde_json::to_value(facts) else {
        return facts.clone();
    };
    for step in steps {
        effect_on(step, &mut value);
    }
    serde_json::from_value(value).unwrap_or_else(|_| facts.clone())
}

/// As [`effects`], of one step, on the JSON form of a host's facts and in place.
pub fn effect_on(step: &Step, facts: &mut Value) {
    if step.host.is_none() {
        return;
    }
    if let Some(Check::Facts(predicates)) = &step.check {
        for predicate in predicates {
            make_true(predicate, facts);
        }
    }
}

/// Changes `facts` as little as makes `predicate` true. What is missing on the way is created.
pub fn make_true(predicate: &Predicate, facts: &mut Value) {
    let tokens = json::tokens(&predicate.fact);
    let Some((last, parents)) = tokens.split_last() else {
        return;
    };
    if predicate.op == Op::Absent {
        remove(facts, parents, last);
        return;
    }
    if predicate.holds(facts) {
        return;
    }
    let Some(wanted) = predicate.value.clone() else {
        return;
    };
    if predicate.op == Op::Eq {
        follow(facts, &tokens, &wanted);
    }
    let Some(slot) = create(facts, &tokens) else {
        return;
    };
    match predicate.op {
        Op::Contains => insert(slot, wanted, &tokens),
        Op::Lacks => take_out(slot, &wanted),
        Op::Within => keep(slot, &wanted),
        Op::Eq | Op::Absent => *slot = wanted,
        // What only guards a step is no effect of one.
        Op::OneOf | Op::Has => {}
    }
}

/// Gives the container of an id the name under which it is wanted: a container that is renamed takes all else along.
fn follow(facts: &mut Value, tokens: &[String], id: &Value) {
    let [area, name, field] = tokens else {
        return;
    };
    if area != "containers" || field != "id" || id.as_str().is_none_or(str::is_empty) {
        return;
    }
    let Some(Value::Object(containers)) = facts.get_mut("containers") else {
        return;
    };
    let mut found = containers.iter();
    let found = found.find(|(_, container)| container.get("id") == Some(id));
    let former = found.map(|(former, _)| former.clone());
    if let Some(container) = former.and_then(|former| containers.shift_remove(&former)) {
        containers.insert(name.clone(), container);
    }
}

/// Removes the elements of a list that are not in the list `wanted`.
fn keep(slot: &mut Value, wanted: &Value) {
    if let (Value::Array(list), Value::Array(wanted)) = (slot, wanted) {
        list.retain(|element| wanted.contains(element));
    }
}

/// Removes the element `last` of what `parents` lead to.
fn remove(facts: &mut Value, parents: &[String], last: &str) {
    let node = parents
        .iter()
        .try_fold(facts, |node, token| child(node, token));
    match node {
        Some(Value::Object(map)) => {
            map.shift_remove(last);
        }
        Some(Value::Array(list)) => {
            if let Some(index) = last.parse().ok().filter(|index| *index < list.len()) {
                list.remove(index);
            }
        }
        _ => {}
    }
}

/// Returns the existing child of `node` that `token` names.
fn child<'a>(node: &'a mut Value, token: &str) -> Option<&'a mut Value> {
    match node {
        Value::Object(map) => map.get_mut(token),
        Value::Array(list) => list.get_mut(token.parse::<usize>().ok()?),
        _ => None,
    }
}

/// Returns the place that `tokens` lead to, creating what is missing. `None` if something else
/// stands in the way.
fn create<'a>(facts: &'a mut Value, tokens: &[String]) -> Option<&'a mut Value> {
    let mut node = facts;
    for (depth, token) in tokens.iter().enumerate() {
        if let Value::Object(map) = node {
            node = map
                .entry(token.clone())
                .or_insert_with(|| default_at(&tokens[..=depth]));
        } else {
            node = child(node, token)?;
        }
    }
    Some(node)
}

/// Takes `unwanted` out of a list.
fn take_out(slot: &mut Value, unwanted: &Value) {
    if let Value::Array(list) = slot {
        list.retain(|element| element != unwanted);
    }
}

/// Adds `wanted` to a list, or as a key to an object.
fn insert(slot: &mut Value, wanted: Value, tokens: &[String]) {
    match (slot, wanted) {
        (Value::Array(list), wanted) => list.push(wanted),
        (Value::Object(map), Value::String(key)) => {
            let mut path = tokens.to_vec();
            path.push(key.clone());
            map.insert(key, default_at(&path));
        }
        (slot @ Value::Null, wanted) => *slot = Value::Array(vec![wanted]),
        _ => {}
    }
}

/// Returns what [`HostFacts`] has at `path` by default; of what has many elements, what one of them has.
fn default_at(path: &[String]) -> Value {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    match path.as_slice() {
        ["containers", _] => defaults(ContainerFacts::default()),
        ["containers", _, "networks", _] => defaults(NetworkFacts::default()),
        ["files", _] => defaults(FileFacts::default()),
        ["directories", _] => defaults(DirectoryFacts::default()),
        ["assets"] => Value::Object(Map::new()),
        ["assets", _] => Value::Array(Vec::new()),
        ["ports", _] => defaults(PortFacts::default()),
        ["images", _] => defaults(ImageFacts::default()),
        ["traefik"] => defaults(TraefikFacts::default()),
        [field] => defaults(HostFacts::default())
            .get(field)
            .cloned()
            .unwrap_or_default(),
        [.., _] => Value::Null,
        [] => Value::Object(Map::new()),
    }
}

fn defaults<T: Serialize>(value: T) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::model::SerialFacts;
    use serde_json::json;

    fn after(facts: &HostFacts, predicates: &[Predicate]) -> HostFacts {
        let mut value = serde_json::to_value(facts).unwrap();
        for predicate in predicates {
            make_true(predicate, &mut value);
        }
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn every_operation_makes_its_predicate_true_on_bare_facts() {
        let table = [
            Predicate::eq(&["containers", "a/b~c", "state"], "running"),
            Predicate::eq(&["containers", "web", "labels", "service"], "app"),
            Predicate::contains(&["containers", "web", "networks"], "mrsk"),
            Predicate::contains(
                &["containers", "web", "networks", "mrsk", "aliases"],
                "m-0123",
            ),
            Predicate::eq(&["files", "/etc/x.yml", "sha256"], "ab"),
            Predicate::contains(&["files", "/etc/x.yml", "aliases"], "m-1"),
            Predicate::contains(&["networks"], "mrsk"),
            Predicate::contains(&["assets"], "m-1"),
            Predicate::contains(&["assets", "m-2"], "m-1"),
            Predicate::contains(&["images", "app:1", "digests"], "sha256:1"),
            Predicate::contains(&["images"], "app:1"),
            Predicate::lacks(&["networks"], "other"),
            Predicate::eq(&["traefik", "image"], "traefik:v3"),
            Predicate::eq(&["docker", "answers"], true),
            Predicate::contains(&["docker", "helpers"], "registry"),
            Predicate::eq(&["serial"], json!({"number": 3})),
            Predicate::absent(&["containers", "old"]),
        ];
        for predicate in &table {
            let facts = after(&HostFacts::default(), std::slice::from_ref(predicate));
            let value = serde_json::to_value(&facts).unwrap();
            assert!(predicate.holds(&value), "{predicate:?}");
        }
        let all = after(&HostFacts::default(), &table);
        assert_eq!(after(&all, &table), all);
    }

    #[test]
    fn a_container_that_is_renamed_takes_all_else_along() {
        let mut facts = HostFacts::default();
        let container = ContainerFacts {
            id: "x1".into(),
            image: "app:1".into(),
            ..ContainerFacts::default()
        };
        facts.containers.insert("web".into(), container.clone());
        let renamed = [
            Predicate::eq(&["containers", "web_replaced_1", "id"], "x1"),
            Predicate::absent(&["containers", "web"]),
        ];
        let result = after(&facts, &renamed);
        assert_eq!(
            Vec::from_iter(&result.containers),
            [(&"web_replaced_1".to_owned(), &container)]
        );
    }

    #[test]
    fn what_is_there_is_kept() {
        let mut facts = HostFacts {
            free_bytes: 9,
            serial: SerialFacts {
                number: 1,
                ..SerialFacts::default()
            },
            ..HostFacts::default()
        };
        facts.containers.insert("old".into(), Default::default());
        facts.networks.insert("bridge".into());
        let result = after(
            &facts,
            &[
                Predicate::absent(&["containers", "old"]),
                Predicate::absent(&["containers", "older", "state"]),
                Predicate::contains(&["networks"], "mrsk"),
            ],
        );
        assert_eq!(result.free_bytes, 9);
        assert!(result.containers.is_empty());
        assert_eq!(result.networks.len(), 2);
        assert_eq!(result.serial.number, 1);
    }
}
