use serde_json::json;

use super::{line, run};
use crate::plan::NeedOn;
use crate::plan::compile::testing::{case, web};
use crate::plan::compile::{proxy, prune, switch};

#[test]
fn an_operation_is_announced_in_words() {
    let boot = json!({
        "name": "accessory boot", "version": null, "skip_push": null, "accessories": ["db", "cache"],
    });
    for (operation, expected) in [
        (json!({}), "Deployed version 2"),
        (
            json!({"name": "redeploy", "hosts": ["a", "b"]}),
            "Redeployed version 2 on a, b",
        ),
        (
            json!({"name": "setup", "roles": ["web"], "destination": "staging"}),
            "[staging] Set up hosts and deployed version 2 as web",
        ),
        (boot, "Started accessories db, cache"),
    ] {
        assert_eq!(line(case("").operation(operation).asked()), expected);
    }
}

#[test]
fn it_goes_last_if_something_starts_and_somebody_is_told() {
    let config = "audit_broadcast_cmd: bin/say --to 'the team'\nretain_containers: 0";
    let stopped = json!({"containers": {"app-web-0": web("0")}});
    let stopped = case(config)
        .a(stopped)
        .a(json!({"containers": {"app-web-0": {"state": "exited"}}}));
    let made = stopped.after(&[
        proxy::network::run,
        proxy::start::run,
        switch::run,
        prune::run,
        run,
    ]);
    let step = made.steps.last().unwrap();
    assert_eq!(step.id.as_str(), "local/broadcast/app/send");
    assert_eq!(
        made.actions("send"),
        ["bin/say --to 'the team' 'Deployed version 2'"]
    );
    let needs: Vec<_> = step
        .needs
        .iter()
        .map(|need| (need.step.as_str(), need.on))
        .collect();
    assert_eq!(needs, [("a/prune/app/remove", NeedOn::Settled)]);

    assert!(case(config).after(&[run]).steps.is_empty());
    let silent = case(config).operation(json!({"skip_broadcast": true}));
    let ids = silent.after(&[switch::run, run]).ids().join(" ");
    assert!(ids.contains("start") && !ids.contains("broadcast"), "{ids}");
    assert!(
        !case("")
            .after(&[switch::run, run])
            .ids()
            .iter()
            .any(|id| id.contains("broadcast"))
    );
}
