use serde_json::json;

use super::select;
use crate::plan::compile::testing::case;

const CONFIG: &str = "servers: {web: {hosts: [a, b]}, job: {hosts: [b, c]}}
accessories: {db: {image: db, host: d}, cache: {image: cache, hosts: [a, d]}}";

#[test]
fn an_operation_is_about_the_roles_and_hosts_that_it_names() {
    let boot = |names: serde_json::Value| json!({"name": "accessory boot", "version": null, "skip_push": null, "accessories": names});
    let registry = |name: &str| json!({"name": name, "version": null, "skip_push": null});
    for (patch, expected) in [
        (json!({}), "web@a web@b job@b job@c on a b c"),
        (json!({"hosts": ["b"]}), "web@b job@b on b"),
        (json!({"roles": ["job"]}), "job@b job@c on b c"),
        (json!({"roles": ["job"], "hosts": ["c"]}), "job@c on c"),
        (
            json!({"name": "setup"}),
            "web@a web@b job@b job@c on a b c d",
        ),
        (
            json!({"name": "setup", "roles": ["web"]}),
            "web@a web@b on a b",
        ),
        (boot(json!(["all"])), "on a d"),
        (boot(json!(["db"])), "on d"),
        (registry("registry login"), "on a b c d"),
        (registry("registry logout"), "on a b c d"),
        (
            json!({"roles": ["web"], "hosts": ["c"]}),
            "no host has one of the selected roles",
        ),
        (json!({"roles": ["wob"]}), "unknown role `wob`"),
        (json!({"hosts": ["d"]}), "unknown host `d`"),
        (boot(json!(["dbb"])), "unknown accessory `dbb`"),
    ] {
        let case = case(CONFIG).operation(patch.clone());
        let actual = match select(case.config(), case.asked()) {
            Ok(selection) => {
                let roles = selection.roles.iter();
                let mut words: Vec<String> = roles
                    .map(|slot| format!("{}@{}", slot.role.name, slot.host))
                    .collect();
                words.push("on".into());
                words.extend(selection.hosts.iter().map(ToString::to_string));
                words.join(" ")
            }
            Err(errors) => errors[0].message.clone(),
        };
        assert_eq!(actual, expected, "{patch}");
    }
}
