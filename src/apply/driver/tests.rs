//! The driver without hosts: whom it hears, and what it asks of a host.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::json;
use tokio::sync::mpsc;

use super::convert::request;
use super::job::{Job, ReadSecrets, SecretReader};
use super::message::{Content, Message};
use super::tasks::Driver;
use crate::apply::clock::BootClock;
use crate::apply::links::Links;
use crate::apply::state::{Event, Options, StartStep};
use crate::facts::Query;
use crate::name::{HostName, RunId};
use crate::plan::Plan;
use crate::plan::shape::Shape;
use crate::record::{LockDetails, WhenStopping};
use crate::transport::request::Inputs;

struct NoSecrets;

impl SecretReader for NoSecrets {
    fn read(&self, _: &BTreeSet<String>) -> Result<ReadSecrets, String> {
        Err("there are none".to_owned())
    }
}

/// Returns a plan with two steps of host `a`, of which the second has no check.
fn plan() -> Plan {
    let step = |id: &str, check| {
        json!({
            "id": id, "kind": "start", "host": "a", "summary": "", "why": "requested", "needs": [],
            "action": [{"run": {"argv": ["true"]}}], "check": check, "on_failure": "stop_host", "safe_point": true,
            "shared_lock": false, "timeout_seconds": 5, "idle_timeout_seconds": 0, "retry": 0
        })
    };
    let check = json!({"facts": [{"fact": "/user", "op": "eq", "value": "root"}]});
    serde_json::from_value(json!({
        "format_version": "1.0", "operation": {"name": "deploy", "version": "1"}, "service": "app", "version": "1",
        "image": {"reference": "app:1"}, "config": {"path": "deploy.yml", "sha256": ""}, "secrets": [], "lock_host": "a",
        "hosts": {"a": {"ssh": {"user": "root"}, "host_keys": [], "roles": [], "serial": 0, "relies_on": []}},
        "contents": {}, "steps": [step("a/one", check), step("a/two", json!(null))], "unchanged": [], "warnings": [],
        "digest": "sha256:a1"
    }))
    .unwrap()
}

fn driver() -> Driver {
    let plan = Arc::new(plan());
    let shape = Arc::new(Shape::new(&plan).unwrap());
    let job = Job {
        plan,
        options: Options::new(RunId::from("r")),
        clock: Box::new(BootClock),
        links: Arc::new(Links::local(BTreeMap::new())),
        inputs: Inputs::default(),
        secrets: Arc::new(NoSecrets),
        query: Query::default(),
        root: "/".into(),
        docker_config: None,
        details: LockDetails::default(),
        hold: LockDetails::default(),
        ahead: None,
        looked: None,
    };
    let (sender, _) = mpsc::unbounded_channel();
    Driver::new(job, shape, sender)
}

#[tokio::test(flavor = "current_thread")]
async fn what_comes_by_a_link_that_was_dropped_is_not_heard() {
    let host = HostName::from("a");
    let by = |link: u64| Message {
        from: Some((host.clone(), link)),
        content: Content::Event(Event::Halted(host.clone())),
    };
    let mut driver = driver();
    assert!(driver.receive(by(0)).await.is_some());
    driver.drop_link(&host).await;
    assert!(driver.receive(by(0)).await.is_none());
    assert!(driver.receive(by(1)).await.is_some());
}

#[test]
fn only_claims_of_steps_without_a_check_are_synced() {
    let plan = plan();
    let stays = plan.steps.iter().map(|step| {
        let start = StartStep {
            step: step.id.clone(),
            attempt: 1,
            cleanup: true,
            when_stopping: WhenStopping::Refuse,
        };
        request((&plan, "Ada"), step, &start).claim_stays
    });
    assert_eq!(Vec::from_iter(stays), [false, true]);
}
