//! What a plan of a newer minor version says and this version has no words for, made fit to be
//! shown: each such part becomes a visible stand-in, and is named. Such a plan is never applied.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::host::Reliance;
use super::kinds::StepKind;
use super::model::{Check, Need, OnFailure, Plan, Reason, StepSecret, Travel};
use super::operation::{Operation, OperationKind};
use crate::action::Action;

/// A plan as JSON in which every part has a meaning, and where it had none.
pub(super) struct Readable {
    /// The plan, with stand-ins.
    pub value: Value,
    /// Where stand-ins are, each as `steps.3.kind teleport`.
    pub unknown: Vec<String>,
    /// The name of the operation if it is unknown.
    operation: Option<String>,
    /// Positions of the steps whose kind is unknown.
    steps: Vec<usize>,
}

/// Puts stand-ins for what this version does not know.
pub(super) fn readable(mut value: Value) -> Readable {
    let mut notes = Notes(Vec::new());
    let operation = notes.operation(&mut value);
    let mut unknown_steps = Vec::new();
    let steps = value.get_mut("steps").and_then(Value::as_array_mut);
    for (at, step) in steps.into_iter().flatten().enumerate() {
        if notes.step(step, &format!("steps.{at}")) {
            unknown_steps.push(at);
        }
    }
    let hosts = value.get_mut("hosts").and_then(Value::as_object_mut);
    for (name, host) in hosts.into_iter().flatten() {
        notes.keep::<Reliance>(host, "relies_on", &format!("hosts.{name}"));
    }
    let secrets = value.get_mut("secrets").and_then(Value::as_array_mut);
    for (at, secret) in secrets.into_iter().flatten().enumerate() {
        notes.keep::<Travel>(secret, "travels", &format!("secrets.{at}"));
    }
    Readable {
        value,
        unknown: notes.0,
        operation,
        steps: unknown_steps,
    }
}

impl Readable {
    /// Marks what is of an unknown kind in `plan`, which was read from this.
    pub(super) fn mark(&self, plan: &mut Plan) {
        if let Some(name) = &self.operation {
            plan.operation.kind = OperationKind::Unknown(name.clone());
        }
        for at in &self.steps {
            if let Some(step) = plan.steps.get_mut(*at) {
                step.kind = StepKind::Unknown;
            }
        }
    }
}

struct Notes(Vec<String>);

impl Notes {
    /// Puts a stand-in for an unknown operation, and returns its name.
    fn operation(&mut self, plan: &mut Value) -> Option<String> {
        let operation = plan.get_mut("operation")?;
        if is::<Operation>(operation) {
            return None;
        }
        let name = operation.get("name")?.as_str()?.to_owned();
        self.note("operation", "name", &operation["name"]);
        let mut stand_in = json!({"name": "deploy", "version": ""});
        for common in ["destination", "hosts", "roles"] {
            if let Some(value) = operation.get(common) {
                stand_in[common] = value.clone();
            }
        }
        *operation = stand_in;
        Some(name)
    }

    /// Puts stand-ins into a step, and returns whether its kind is unknown.
    fn step(&mut self, step: &mut Value, place: &str) -> bool {
        let kind = step.get("kind").cloned();
        let is_unknown = self.replace::<StepKind>(step, "kind", place, |_| json!("start"));
        if let (true, Some(kind), Some(summary)) = (is_unknown, kind, step.get_mut("summary")) {
            let text = format!("[{}] {}", name(&kind), summary.as_str().unwrap_or(""));
            *summary = text.into();
        }
        self.replace::<Reason>(
            step,
            "why",
            place,
            |why| json!({"missing": {"what": format!("the meaning of the reason {}", name(why))}}),
        );
        self.replace::<OnFailure>(step, "on_failure", place, |_| json!("stop_run"));
        if step.get("check").is_some_and(|check| !is::<Check>(check)) {
            self.note(place, "check", &step["check"]);
            if let Some(fields) = step.as_object_mut() {
                fields.shift_remove("check");
            }
        }
        self.keep::<StepSecret>(step, "secrets", place);
        let needs = step.get_mut("needs").and_then(Value::as_array_mut);
        for (at, need) in needs.into_iter().flatten().enumerate() {
            if !is::<Need>(need) {
                self.note(place, &format!("needs.{at}.on"), &need["on"]);
                need["on"] = json!("settled");
            }
        }
        for field in ["action", "cleanup"] {
            let actions = step.get_mut(field).and_then(Value::as_array_mut);
            for (at, action) in actions.into_iter().flatten().enumerate() {
                if !is::<Action>(action) {
                    self.note(place, &format!("{field}.{at}"), action);
                    let text = format!("unknown action: {action}");
                    *action = json!({"run": {"argv": [text]}});
                }
            }
        }
        is_unknown
    }

    /// Replaces the field if it is no `T`, and returns whether it was so.
    fn replace<T: DeserializeOwned>(
        &mut self,
        object: &mut Value,
        field: &str,
        place: &str,
        with: impl FnOnce(&Value) -> Value,
    ) -> bool {
        match object.get_mut(field) {
            Some(value) if !is::<T>(value) => {
                let stand_in = with(value);
                let old = std::mem::replace(value, stand_in);
                self.note(place, field, &old);
                true
            }
            _ => false,
        }
    }

    /// Keeps of a list what is a `T`.
    fn keep<T: DeserializeOwned>(&mut self, object: &mut Value, field: &str, place: &str) {
        let Some(list) = object.get_mut(field).and_then(Value::as_array_mut) else {
            return;
        };
        let mut at = 0;
        list.retain(|value| {
            let known = is::<T>(value);
            if !known {
                self.note(place, &format!("{field}.{at}"), value);
            }
            at += 1;
            known
        });
    }

    fn note(&mut self, place: &str, field: &str, value: &Value) {
        self.0.push(format!("{place}.{field} {}", name(value)));
    }
}

fn is<T: DeserializeOwned>(value: &Value) -> bool {
    serde_json::from_value::<T>(value.clone()).is_ok()
}

/// Returns the name of a kind: the text itself, or the first key of an object.
fn name(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(fields) => fields.keys().next().cloned().unwrap_or_default(),
        other => other.to_string(),
    }
}
