use serde_json::json;

use super::run;
use crate::plan::compile::testing::case;
use crate::plan::compile::{bootstrap, build, registry};

#[test]
fn each_host_pulls_what_it_does_not_have_pinned() {
    let tag = "r.example/team/app:2";
    let has = |digest: &str| json!({"images": {tag: {"id": "i", "digests": [digest]}}});
    let missing = format!(r#"{{"missing":{{"what":"{tag}"}}}}"#);
    let moved = r#"{"needed_by":{"what":"the tag points to the planned image"}}"#;
    for (images, why) in [
        (json!({}), Some(missing.as_str())),
        (has("sha256:2"), Some(moved)),
        (has("sha256:1"), None),
    ] {
        let case = case("").operation(json!({"skip_push": true})).a(images);
        let made = case
            .facts(json!({"registry": {tag: "sha256:1"}}))
            .after(&[run]);
        match why {
            None => assert_eq!(made.notes, ["= image: it has sha256:1"]),
            Some(why) => {
                assert_eq!(made.why("pull"), why);
                assert_eq!(
                    made.actions("pull"),
                    [
                        "printf %s \"$P\" | docker login --username u --password-stdin r.example",
                        "docker pull r.example/team/app@sha256:1",
                        "docker tag r.example/team/app@sha256:1 r.example/team/app:2",
                        "# verify that r.example/team/app:2 is sha256:1",
                    ]
                );
            }
        }
    }
}

#[test]
fn what_is_pushed_is_pulled_afterwards() {
    let bare = json!({"docker": {"answers": false}});
    let made = case("")
        .a(bare)
        .after(&[bootstrap::run, registry::run, build::run, run]);
    assert_eq!(
        made.ids().last().unwrap(),
        "a/image/2/pull <- local/image/2/push, a/docker/engine/install"
    );
    assert_eq!(
        made.actions("pull"),
        [
            "printf %s \"$P\" | docker login --username u --password-stdin r.example",
            "docker pull 'r.example/team/app@{pushed by local/image/2/push}'",
            "docker tag 'r.example/team/app@{pushed by local/image/2/push}' r.example/team/app:2",
            "# verify that r.example/team/app:2 is the image that local/image/2/push pushed",
        ]
    );
}

#[test]
fn what_is_pushed_already_is_pulled_by_its_digest() {
    let made = case("")
        .a(json!({}))
        .pushed("sha256:1")
        .after(&[registry::run, build::run, run]);
    assert_eq!(
        made.ids().last().unwrap(),
        "a/image/2/pull <- local/image/2/push"
    );
    assert_eq!(
        made.actions("pull"),
        [
            "printf %s \"$P\" | docker login --username u --password-stdin r.example",
            "docker pull r.example/team/app@sha256:1",
            "docker tag r.example/team/app@sha256:1 r.example/team/app:2",
            "# verify that r.example/team/app:2 is sha256:1",
        ]
    );
}
