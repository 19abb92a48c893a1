//! The rules of a routing file, for a comparison with those of others.

use std::collections::BTreeSet;

use serde_yaml::Value;

use super::rule;
use super::spec::PROBE_ENTRYPOINT;

/// What decides whether a router takes a request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RouterRule {
    /// The protocol, `http` or `tcp`.
    pub protocol: &'static str,
    /// Its rule.
    pub rule: String,
    /// Its entrypoints; none stands for the default ones.
    pub entrypoints: BTreeSet<String>,
    /// Its priority, if the file sets one.
    pub priority: Option<String>,
}

impl RouterRule {
    /// Returns whether both may take the same request, and neither comes first.
    pub fn competes_with(&self, other: &Self) -> bool {
        let entrypoints = self.entrypoints.is_empty()
            || other.entrypoints.is_empty()
            || !self.entrypoints.is_disjoint(&other.entrypoints);
        let same = (self.protocol, &self.rule, &self.priority);
        entrypoints && same == (other.protocol, &other.rule, &other.priority)
    }

    /// Returns whether it takes every request.
    pub fn takes_all(&self) -> bool {
        self.protocol == "http" && self.rule == rule::DEFAULT
    }
}

/// Returns the rules of the routers in a routing file, those for probes left out. Of a text that is no routing file: none.
pub fn router_rules(text: &str) -> BTreeSet<RouterRule> {
    let document: Value = serde_yaml::from_str(text).unwrap_or_default();
    let mut rules = BTreeSet::new();
    for protocol in ["http", "tcp"] {
        let routers = document.get(protocol).and_then(|part| part.get("routers"));
        let routers = routers.and_then(Value::as_mapping);
        for router in routers.into_iter().flat_map(|routers| routers.values()) {
            let names = router.get("entryPoints");
            let entrypoints: BTreeSet<String> = match names {
                Some(Value::Sequence(names)) => names.iter().filter_map(text_of).collect(),
                Some(one) => {
                    let text = text_of(one).unwrap_or_default();
                    text.split(',').map(|name| name.trim().to_owned()).collect()
                }
                None => BTreeSet::new(),
            };
            let Some(rule) = router.get("rule").and_then(text_of) else {
                continue;
            };
            if !entrypoints.contains(PROBE_ENTRYPOINT) {
                rules.insert(RouterRule {
                    protocol,
                    rule: rule.chars().filter(|c| !c.is_whitespace()).collect(),
                    entrypoints,
                    priority: router.get("priority").and_then(text_of),
                });
            }
        }
    }
    rules
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_have_no_rule_of_their_own() {
        let text = "http: {routers: {a: {rule: 'PathPrefix(`/`)'}, p: {rule: x, entryPoints: [mrsk-probe]}, \
                    b: {rule: 'Host(`b`) && Path(`/x`)', entryPoints: 'web, other', priority: 5}}}\n\
                    tcp: {routers: {t: {rule: 'HostSNI(`*`)'}}}";
        let rules = router_rules(text);
        let found: Vec<&str> = rules.iter().map(|rule| rule.rule.as_str()).collect();
        assert_eq!(
            found,
            ["Host(`b`)&&Path(`/x`)", "PathPrefix(`/`)", "HostSNI(`*`)"]
        );
        let all: Vec<bool> = rules.iter().map(RouterRule::takes_all).collect();
        assert_eq!(all, [false, true, false]);
        assert!(router_rules("- no\n- file").is_empty() && router_rules(": : :").is_empty());
    }
}
