use super::*;
use crate::name::Sha256Hex;
use crate::plan::StepKind;
use serde_json::json;

const PLAN: &str = include_str!("../../fixtures/plans/boot-in-groups/plan.json");

fn value() -> Value {
    serde_json::from_str(PLAN).unwrap()
}

/// Returns the digest of a document.
fn digest(value: &Value) -> PlanDigest {
    Document::read(&value.to_string()).unwrap().digest
}

/// Returns the plan after `change`, with the digest that it then has.
fn changed(change: impl FnOnce(&mut Value)) -> String {
    let mut value = value();
    change(&mut value);
    value["digest"] = digest(&value).as_str().into();
    value.to_string()
}

/// Returns the position of the first step of a kind.
fn first(value: &Value, kind: &str) -> usize {
    let steps = value["steps"].as_array().unwrap();
    steps.iter().position(|step| step["kind"] == kind).unwrap()
}

fn damage(text: &str) -> String {
    match read_strict(text) {
        Err(ReadError::Damaged(message) | ReadError::NotJson(message)) => message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_written_is_read_again() {
    let plan = read_strict(PLAN).unwrap();
    assert_eq!(to_json(&plan).unwrap(), PLAN);
    assert_eq!(read_for_review(PLAN).unwrap(), (plan, Vec::new()));
}

#[test]
fn an_edited_plan_is_refused() {
    let edits = [
        ("docker\",", "dockeR\","),
        ("\"serial\": 1", "\"serial\": 2"),
        ("\"safe_point\": true", "\"safe_point\": false"),
        ("sha256:", "sha256:0"),
    ];
    for (from, to) in edits {
        let text = PLAN.replacen(from, to, 1);
        assert_ne!(text, PLAN, "{from}");
        for error in [
            read_strict(&text).map(drop),
            read_for_review(&text).map(drop),
        ] {
            assert!(matches!(error, Err(ReadError::Digest)), "{error:?}");
        }
    }
    let cut = &PLAN[..PLAN.len() / 2];
    assert!(matches!(read_strict(cut), Err(ReadError::Truncated(_))));
}

#[test]
fn spaces_and_the_order_of_keys_are_no_part_of_the_digest() {
    let compact = value().to_string();
    assert!(read_strict(&compact).is_ok());
    let Value::Object(map) = value() else {
        panic!()
    };
    let reversed: serde_json::Map<String, Value> = map.into_iter().rev().collect();
    assert!(read_strict(&Value::Object(reversed).to_string()).is_ok());
}

#[test]
fn an_unknown_field_is_refused_at_every_level_and_passed_over_in_review() {
    let host = "/hosts/app1.example.com";
    let start = first(&value(), "start");
    let barrier = first(&value(), "barrier");
    let write = first(&value(), "route");
    let levels = [
        String::new(),
        "/operation".into(),
        "/image".into(),
        "/config".into(),
        "/source".into(),
        "/secrets/0".into(),
        host.into(),
        format!("{host}/ssh"),
        format!("{host}/relies_on/0"),
        format!("/steps/{start}"),
        format!("/steps/{start}/why/version_changed"),
        format!("/steps/{start}/needs/0"),
        format!("/steps/{start}/action/0/run"),
        format!("/steps/{start}/check/facts/0"),
        format!("/steps/{start}/diagnose/0"),
        format!("/steps/{start}/cleanup/0/run"),
        format!("/steps/{write}/action/0/write"),
        format!("/steps/{write}/action/1/poll"),
        format!("/steps/{write}/action/2/reach"),
        format!("/steps/{write}/action/2/reach/requests/0"),
        format!("/steps/{barrier}/barrier"),
        "/steps/0/secrets/0".into(),
        "/unchanged/0".into(),
    ];
    for level in levels {
        let text = changed(|value| {
            value.pointer_mut(&level).expect(&level)["novel"] = json!({"deep": [1]});
        });
        let strict = read_strict(&text);
        let Err(ReadError::UnknownFields(fields)) = strict else {
            panic!("{level}: {strict:?}");
        };
        assert!(fields[0].ends_with("novel"), "{level}: {fields:?}");
        let (_, passed_over) = read_for_review(&text).unwrap();
        assert_eq!(passed_over, fields, "{level}");
    }
}

#[test]
fn json_that_a_plan_never_has_is_refused() {
    let doubled = PLAN.replacen("\"service\"", "\"service\": \"x\",\n  \"service\"", 1);
    assert!(damage(&doubled).contains("duplicate key `service`"));
    let deep = PLAN.replacen("\"user\"", "\"user\": \"x\", \"user\"", 1);
    assert!(damage(&deep).contains("duplicate key `user`"));
    let seconds = "\"timeout_seconds\": 120";
    for (number, message) in [
        ("120.0", "not an integer"),
        ("1.5", "not an integer"),
        ("1e3", "not an integer"),
        ("9007199254740992", "beyond 2^53-1"),
        ("-9007199254740992", "beyond 2^53-1"),
        ("99999999999999999999999", "not an integer"),
        ("-1", "invalid value"),
        ("4294967296", "invalid value"),
    ] {
        let text = PLAN.replacen(seconds, &format!("\"timeout_seconds\": {number}"), 1);
        let found = damage(&text);
        assert!(found.contains(message), "{number}: {found}");
    }
    assert!(Document::read("{\"a\": 9007199254740991, \"b\": -9007199254740991}").is_ok());
    assert!(damage(&format!("{PLAN} x")).contains("trailing"));
    assert_eq!(read_strict("{").unwrap_err(), ReadError::Truncated(1));
    assert!(damage("[]").contains("missing field `format_version`"));
    let nested = "[".repeat(100_000);
    assert!(damage(&nested).contains("recursion"));
}

#[test]
fn other_versions_are_refused_and_newer_minors_are_shown() {
    let of = |version: Value| changed(|plan| plan["format_version"] = version);
    for version in ["1.1", "1.42"] {
        let text = of(version.into());
        assert_eq!(
            read_strict(&text),
            Err(ReadError::Version {
                found: version.into()
            })
        );
        let (plan, unknown) = read_for_review(&text).unwrap();
        assert_eq!(plan.format_version, version);
        assert!(unknown.is_empty());
    }
    for version in ["2.0", "0.9", "10.0", "1", "1.", "1.x", "1.0.1", "v1.0", ""] {
        let text = of(version.into());
        for error in [
            read_strict(&text).map(drop),
            read_for_review(&text).map(drop),
        ] {
            let found = version.into();
            assert_eq!(error, Err(ReadError::Version { found }));
        }
    }
    assert!(damage(&of(json!(1))).contains("missing field `format_version`"));
}

#[test]
fn a_newer_minor_with_unknown_kinds_is_shown_with_stand_ins() {
    let start = first(&value(), "start");
    let text = changed(|plan| {
        plan["format_version"] = "1.1".into();
        let step = &mut plan["steps"][start];
        step["kind"] = "teleport".into();
        step["why"] = json!({"whim": {"of": "somebody"}});
        step["action"][0] = json!({"beam": {"to": "mars"}});
        step["needs"][0]["on"] = "someday".into();
        step["on_failure"] = "shrug".into();
        step["check"] = json!({"oracle": []});
        step["novel"] = 1.into();
        plan["hosts"]["app1.example.com"]["relies_on"][0]["op"] = "resembles".into();
        plan["secrets"][0]["travels"][0] = "pigeon".into();
        plan["operation"] = json!({"name": "conjure", "spell": 1, "destination": "moon"});
    });
    let (plan, unknown) = read_for_review(&text).unwrap();
    let step = &plan.steps[start];
    assert_eq!(step.kind, StepKind::Unknown);
    assert_eq!(step.summary, "[teleport] Start hey-web-badb1aa51db3");
    assert_eq!(step.check, None);
    assert_eq!(plan.operation.name(), "conjure");
    assert_eq!(plan.operation.destination.as_deref(), Some("moon"));
    let place = format!("steps.{start}");
    for note in [
        format!("{place}.kind teleport"),
        format!("{place}.why whim"),
        format!("{place}.action.0 beam"),
        format!("{place}.needs.0.on someday"),
        format!("{place}.on_failure shrug"),
        format!("{place}.check oracle"),
        format!("{place}.novel"),
        "hosts.app1.example.com.relies_on.0 fact".to_owned(),
        "secrets.0.travels.0 pigeon".to_owned(),
        "operation.name conjure".to_owned(),
    ] {
        assert!(unknown.contains(&note), "{note}: {unknown:?}");
    }
    let commands = crate::show::commands(&plan);
    assert!(commands.contains("mars"), "{commands}");
    assert!(to_json(&plan).is_err());
}

#[test]
fn an_unknown_kind_is_refused_in_the_version_that_does_not_have_it() {
    let text = changed(|plan| plan["steps"][0]["kind"] = "teleport".into());
    assert!(damage(&text).contains("unknown variant `teleport`"));
    assert!(matches!(read_for_review(&text), Err(ReadError::Damaged(_))));
}

#[test]
fn parts_that_do_not_fit_together_are_refused() {
    type Change = fn(&mut Value);
    let table: [(&str, Change); 21] = [
        ("but no host", |plan| {
            plan["steps"][0]["shared_lock"] = true.into();
        }),
        ("but no host", |plan| {
            plan["steps"][0]["diagnose"] = json!([{"argv": ["true"]}]);
        }),
        ("unknown lock host", |plan| {
            plan["lock_host"] = "other".into()
        }),
        ("does not match its hash", |plan| {
            let contents = plan["contents"].as_object_mut().unwrap();
            *contents.values_mut().next().unwrap() = "other".into();
        }),
        ("does not come before it", |plan| {
            plan["steps"].as_array_mut().unwrap().reverse();
        }),
        ("duplicate step", |plan| {
            let step = plan["steps"][0].clone();
            plan["steps"].as_array_mut().unwrap().push(step);
        }),
        ("names unknown host", |plan| {
            let start = first(plan, "start");
            plan["steps"][start]["host"] = "other".into();
        }),
        ("names unknown step", |plan| {
            plan["hosts"]["app1.example.com"]["relies_on"][0]["steps"][0] = "x".into();
        }),
        ("has no check", |plan| {
            plan["steps"][0].as_object_mut().unwrap().remove("check");
        }),
        ("one for another place", |plan| {
            plan["steps"][0]["check"] = json!({"facts": []});
        }),
        ("a barrier and does other work", |plan| {
            let start = first(plan, "start");
            plan["steps"][start]["barrier"] = json!({"at_most_failed": 0, "wait_seconds": 0});
        }),
        ("which the plan does not list", |plan| {
            plan["secrets"] = json!([]);
        }),
        ("which it does not list", |plan| {
            plan["steps"][0].as_object_mut().unwrap().remove("secrets");
        }),
        (
            "uses the image of step other, which is not a push",
            |plan| {
                let pull = first(plan, "pull");
                let verify = plan["steps"][pull]["action"].as_array_mut().unwrap();
                verify.last_mut().unwrap()["verify_image"]["pushed_by"] = "other".into();
            },
        ),
        ("uses the image of step local/", |plan| {
            let image = json!({"pushed_by": plan["steps"][0]["id"], "reference": "a:1"});
            plan["steps"][1]["action"] = json!([{"run": {"argv": ["docker", "pull", image]}}]);
        }),
        ("0 is not a valid port", |plan| {
            plan["hosts"]["app1.example.com"]["ssh"]["port"] = 0.into();
        }),
        ("is not a valid user", |plan| {
            plan["hosts"]["app1.example.com"]["ssh"]["user"] = "-oProxyCommand=x".into();
        }),
        ("is not a valid jump host", |plan| {
            plan["hosts"]["app1.example.com"]["ssh"]["proxy"] = "ssh://x".into();
        }),
        ("is not a valid host", |plan| {
            let host = plan["hosts"]["app1.example.com"].clone();
            plan["hosts"]["-oProxyCommand=x"] = host;
        }),
        ("which is not absolute", |plan| {
            let route = first(plan, "route");
            plan["steps"][route]["action"][0]["write"]["path"] = "a/b".into();
        }),
        ("a file of mode 9999", |plan| {
            let route = first(plan, "route");
            plan["steps"][route]["action"][0]["write"]["mode"] = "9999".into();
        }),
    ];
    for (message, change) in table {
        let read = read_strict(&changed(change));
        let Err(ReadError::Inconsistent(found)) = &read else {
            panic!("{message}: {read:?}");
        };
        assert!(found.contains(message), "{message}: {found}");
    }
}

#[test]
fn a_content_that_is_written_must_be_there() {
    let text = changed(|plan| plan["contents"] = json!({}));
    assert!(matches!(
        read_strict(&text),
        Err(ReadError::Inconsistent(found)) if found.contains("is missing")
    ));
}

#[test]
fn the_digest_is_of_the_rfc_8785_form() {
    // The strings and literals of RFC 8785, section 3.2.2, and the keys of section 3.2.3.
    let literals = json!({
        "string": "\u{20ac}$\u{f}\nA'B\"\\\\\"/",
        "literals": [null, true, false]
    });
    let keys = json!({
        "\u{20ac}": "Euro Sign",
        "\r": "Carriage Return",
        "\u{fb33}": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\u{1f600}": "Emoji: Grinning Face",
        "\u{80}": "Control",
        "\u{f6}": "Latin Small Letter O With Diaeresis"
    });
    let table = [
        (
            literals,
            "{\"literals\":[null,true,false],\"string\":\"\u{20ac}$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}",
        ),
        (
            keys,
            "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u{80}\":\"Control\",\
             \"\u{f6}\":\"Latin Small Letter O With Diaeresis\",\"\u{20ac}\":\"Euro Sign\",\
             \"\u{1f600}\":\"Emoji: Grinning Face\",\"\u{fb33}\":\"Hebrew Letter Dalet With Dagesh\"}",
        ),
    ];
    for (mut value, canonical) in table {
        let expected = format!("sha256:{}", Sha256Hex::of(canonical.as_bytes()));
        assert_eq!(digest(&value).as_str(), expected);
        value["digest"] = "left out".into();
        assert_eq!(digest(&value).as_str(), expected);
    }
}

#[test]
fn answers_are_compared_only_with_those_of_a_step_of_the_same_host() {
    let value = value();
    let steps = value["steps"].as_array().unwrap();
    let reaches = |step: &Value| {
        let actions = step["action"].as_array()?;
        actions.iter().position(|action| {
            action
                .pointer("/reach/when")
                .is_some_and(|when| when == "after")
        })
    };
    let found: Vec<(usize, usize)> = steps
        .iter()
        .enumerate()
        .filter_map(|(at, step)| Some((at, reaches(step)?)))
        .collect();
    let (step, action) = found[0];
    let host = &steps[step]["host"];
    let other = steps
        .iter()
        .find(|other| other["kind"] == "healthcheck" && other["host"] != *host)
        .unwrap();
    let same = steps
        .iter()
        .find(|other| other["kind"] == "start" && other["host"] == *host)
        .unwrap();
    let place = format!("/steps/{step}/action/{action}/reach");
    for (field, new) in [
        ("since", other["id"].clone()),
        ("since", same["id"].clone()),
        ("since", json!("a/web/x/none")),
        ("when", json!("before")),
        ("requests", json!([])),
        ("requests", json!([{"port": 80, "host": "a", "path": "up"}])),
        (
            "requests",
            json!([{"port": 80, "host": "a", "path": "/other"}]),
        ),
    ] {
        let text = changed(|value| value.pointer_mut(&place).unwrap()[field] = new.clone());
        let read = read_strict(&text);
        assert!(
            matches!(read, Err(ReadError::Inconsistent(_))),
            "{field} {new}: {read:?}"
        );
    }
}
