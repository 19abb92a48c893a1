use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::json;

fn written(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut canonical = Canonical::default();
    // What an earlier value has left must not matter.
    canonical
        .write(&json!({"z": {"b": 1, "a": [{}]}}), |_| ())
        .unwrap();
    canonical
        .write(value, |written| bytes.extend_from_slice(written))
        .unwrap();
    bytes
}

fn joined(members: &Members) -> Vec<u8> {
    let members: Vec<&[u8]> = members.iter().map(|(_, member)| member).collect();
    [b"{".as_slice(), &members.join(&b','), b"}"].concat()
}

/// Returns JSON as a plan may have it: without fractions.
fn values() -> impl Strategy<Value = Value> {
    let limit = i64::try_from(MAX_INTEGER).unwrap();
    let scalars = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-limit..=limit).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    scalars.prop_recursive(4, 48, 6, |inner| {
        let keys = prop_oneof!["[a-c!\" ]{0,2}", any::<String>()];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((keys, inner), 0..6)
                .prop_map(|members| Value::from(Map::from_iter(members))),
        ]
    })
}

proptest! {
    #[test]
    fn the_canonical_form_is_that_of_another_implementation(value in values()) {
        let expected = serde_json_canonicalizer::to_vec(&value).unwrap();
        prop_assert_eq!(&written(&value), &expected);
        let document = json!({"b": 1, "a": value});
        let expected = serde_json_canonicalizer::to_vec(&document).unwrap();
        for text in [document.to_string(), format!("{document:#}")] {
            let members = Members::read(&text).unwrap();
            prop_assert_eq!(&joined(&members), &expected);
            json::check(&text).unwrap();
            let read: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(read, document.clone());
        }
    }
}

#[test]
fn members_of_large_objects_are_sorted_and_found_twice() {
    let members: Vec<String> = (0..500)
        .rev()
        .map(|at| format!("\"k{at}\": [{at}]"))
        .collect();
    let text = format!("{{{}}}", members.join(", "));
    json::check(&text).unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        joined(&Members::read(&text).unwrap()),
        serde_json_canonicalizer::to_vec(&value).unwrap()
    );
    let doubled = text.replacen('{', "{\"k7\": 0, ", 1);
    let error = json::check(&doubled).unwrap_err().to_string();
    assert!(error.contains("duplicate key `k7`"), "{error}");
}

#[test]
fn numbers_that_not_every_reader_keeps_are_refused() {
    for number in [
        json!(1.5),
        json!(9_007_199_254_740_992_u64),
        json!(-9_007_199_254_740_992_i64),
    ] {
        let refused = Canonical::default().write(&json!({"a": [number]}), |_| ());
        let error = refused.unwrap_err().to_string();
        assert!(error.contains("is not an integer up to 2^53-1"), "{error}");
    }
    assert_eq!(Members::read("[1]").unwrap().iter().count(), 0);
    let members = Members::read("{\"b\": \"x\", \"a\": 1}").unwrap();
    assert_eq!(
        (members.text("b"), members.text("a")),
        (Some("x".to_owned()), None)
    );
}
