//! Whatever a plan file holds, reading it ends, without a panic: it is refused, or it is a plan whose parts fit together. `MRSK_FUZZ=N` runs N
//! cases of each property.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use mrsk::apply::state::{Millis, Options, State};
use mrsk::name::RunId;
use mrsk::plan::resume::{Evidence, resume};
use mrsk::plan::shape::Shape;
use mrsk::plan::wire::{self, ReadError};
use mrsk::plan::{Plan, StepKind};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value;

/// Plans of all sizes, whose parts are changed.
const PLANS: [&str; 8] = [
    include_str!("../fixtures/plans/prune-all/plan.json"),
    include_str!("../fixtures/plans/registry-logout/plan.json"),
    include_str!("../fixtures/plans/nothing-to-do/plan.json"),
    include_str!("../fixtures/plans/host-drain/plan.json"),
    include_str!("../fixtures/plans/accessory-remove/plan.json"),
    include_str!("../fixtures/plans/accessory-exists-and-differs/plan.json"),
    include_str!("../fixtures/plans/traefik-dead-and-unhealthy/plan.json"),
    include_str!("../fixtures/plans/app-start/plan.json"),
];

/// Returns how many cases are run: `MRSK_FUZZ`, else `few`.
fn cases(few: u32) -> ProptestConfig {
    let asked = std::env::var("MRSK_FUZZ").ok();
    ProptestConfig {
        cases: asked.and_then(|number| number.parse().ok()).unwrap_or(few),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// A change to a plan as JSON.
#[derive(Debug, Clone)]
enum Change {
    Remove(Index),
    Set(Index, Value),
    /// What stands at the second place stands at the first, too.
    Copy(Index, Index),
    /// A list gets one of its own elements again.
    Repeat(Index, Index),
    Field(Index, String, Value),
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0..5_u64).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z0-9/.@:~ -]{0,12}".prop_map(Value::from),
        "\\PC{0,6}".prop_map(Value::from),
        prop::sample::select(vec![
            "local", "../x", "", "sha256:", "success", "MRSK_X", "{}", "[]"
        ])
        .prop_map(|text| serde_json::from_str(text).unwrap_or_else(|_| text.into())),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    prop_oneof![
        at().prop_map(Change::Remove),
        (at(), scalar()).prop_map(|(at, value)| Change::Set(at, value)),
        (at(), at()).prop_map(|(at, from)| Change::Copy(at, from)),
        (at(), at()).prop_map(|(at, which)| Change::Repeat(at, which)),
        (at(), "[a-z_]{1,6}", scalar())
            .prop_map(|(at, name, value)| Change::Field(at, name, value)),
    ]
}

/// Adds the pointers to all that is in `value`, which is at `at`.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    let token = |key: &String| key.replace('~', "~0").replace('/', "~1");
    match value {
        Value::Object(map) => map
            .iter()
            .for_each(|(key, value)| places(value, &format!("{at}/{}", token(key)), found)),
        Value::Array(list) => {
            let list = list.iter().enumerate();
            list.for_each(|(index, value)| places(value, &format!("{at}/{index}"), found));
        }
        _ => {}
    }
}

fn apply(change: &Change, plan: &mut Value) {
    let mut found = Vec::new();
    places(plan, "", &mut found);
    let place = |at: &Index| found[at.index(found.len())].as_str();
    match change {
        Change::Remove(at) => {
            let Some((parent, last)) = place(at).rsplit_once('/') else {
                return;
            };
            match plan.pointer_mut(parent) {
                Some(Value::Object(map)) => {
                    map.remove(&last.replace("~1", "/").replace("~0", "~"));
                }
                Some(Value::Array(list)) => {
                    list.remove(last.parse().unwrap());
                }
                _ => {}
            }
        }
        Change::Set(at, value) => *plan.pointer_mut(place(at)).unwrap() = value.clone(),
        Change::Copy(at, from) => {
            let value = plan.pointer(place(from)).unwrap().clone();
            *plan.pointer_mut(place(at)).unwrap() = value;
        }
        Change::Repeat(at, which) => {
            if let Some(Value::Array(list)) = plan.pointer_mut(place(at))
                && !list.is_empty()
            {
                let again = list[which.index(list.len())].clone();
                list.push(again);
            }
        }
        Change::Field(at, name, value) => {
            if let Some(Value::Object(map)) = plan.pointer_mut(place(at)) {
                map.insert(name.clone(), value.clone());
            }
        }
    }
}

/// Reads `text` in both ways. A plan that would be applied can be, and is the same when it is written and read again.
fn read(text: &str) -> Result<Plan, ReadError> {
    let reviewed = wire::read_for_review(text);
    let plan = wire::read_strict(text)?;
    assert_eq!(reviewed, Ok((plan.clone(), Vec::new())));
    let written = wire::to_json(&plan).unwrap();
    assert_eq!(wire::read_strict(&written), Ok(plan.clone()));
    let shape = Shape::new(&plan).unwrap();
    let statuses = resume(&plan, &shape, &Evidence::default());
    assert_eq!(statuses.len(), plan.steps.len());
    let mut state = State::new(Arc::new(plan.clone()), Options::new(RunId::from("r"))).unwrap();
    let actions = state.handle(Millis(0), mrsk::apply::state::Event::Begin);
    assert!(!actions.is_empty());
    let barriers = plan.steps.iter();
    let barriers = barriers.filter(|step| step.kind == StepKind::Barrier);
    assert!(barriers.clone().all(|step| step.barrier.is_some()));
    Ok(plan)
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,80}") {
        prop_assert!(read(&text).is_err());
    }

    #[test]
    fn any_soup_of_json_is_read_or_refused(words in prop::collection::vec(prop::sample::select(vec![
        "{", "}", "[", "]", ",", ":", "\"format_version\"", "\"1.0\"", "\"1.7\"", "\"digest\"", "\"steps\"", "\"hosts\"", "\"a\"", "1", "1e9",
        "9007199254740993", "-0", "1.5", "null", "true", "\"\\u0000\"", "\"\\ud800\"", "\u{feff}", "\n", "\"id\"", "\"kind\"",
    ]), 0..60)) {
        prop_assert!(read(&words.concat()).is_err());
    }

    /// A file that was cut, or of which some bytes are others, is refused, unless it means the same.
    #[test]
    fn a_damaged_plan_is_refused(
        which in 0..PLANS.len(),
        edits in prop::collection::vec((any::<Index>(), "[ -~\n]{0,3}", 0..4_usize), 1..4),
        cut in prop::option::of(any::<Index>()),
    ) {
        let original = wire::read_strict(PLANS[which]).unwrap();
        let mut text = PLANS[which].to_owned();
        for (at, put, length) in edits {
            let from = at.index(text.len());
            let until = (from + length).min(text.len());
            if text.is_char_boundary(from) && text.is_char_boundary(until) {
                text.replace_range(from..until, &put);
            }
        }
        if let Some(cut) = cut {
            let mut length = cut.index(text.len());
            while !text.is_char_boundary(length) {
                length -= 1;
            }
            text.truncate(length);
        }
        if let Ok(plan) = read(&text) {
            prop_assert_eq!(plan, original);
        }
    }

    /// What somebody has changed and sealed again is refused, or is a plan that can be applied.
    fn a_plan_that_was_changed_and_sealed_is_refused_or_whole(
        which in 0..PLANS.len(),
        changes in prop::collection::vec(change(), 1..4),
    ) {
        let mut value: Value = serde_json::from_str(PLANS[which]).unwrap();
        for change in &changes {
            apply(change, &mut value);
        }
        let text = value.to_string();
        let _ = read(&text);
        if let Ok(plan) = serde_json::from_value::<Plan>(value)
            && let Ok(sealed) = wire::seal(plan)
            && let Ok(text) = wire::to_json(&sealed)
            && read(&text).is_ok()
        {
            ACCEPTED.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Sealed plans that would be applied.
static ACCEPTED: AtomicU32 = AtomicU32::new(0);

/// Were all refused, nothing would have been tried but the refusals.
#[test]
fn some_that_were_changed_and_sealed_can_be_applied() {
    a_plan_that_was_changed_and_sealed_is_refused_or_whole();
    let accepted = ACCEPTED.load(Ordering::Relaxed);
    println!("{accepted} changed plans can be applied");
    assert!(accepted > 0);
}
