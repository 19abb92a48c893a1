//! The document of a plan that is made by hand, around its steps.

use std::collections::BTreeMap;

use mrsk::name::{HostName, PlanDigest, RoleName, Sha256Hex, StepId};
use mrsk::plan::predicate::Predicate;
use mrsk::plan::{
    ConfigRef, Image, Operation, OperationKind, Plan, PlanHost, Release, Reliance, SshRoute, Step,
    StepKind,
};

use super::plans::{REFERENCE, ROUTE_FILE};

/// Returns a deploy of these steps to `hosts`, of which `bare` has nothing yet.
pub fn document(steps: Vec<Step>, hosts: &[String], bare: Option<String>) -> Plan {
    let plan_host = |host: &String| {
        let of = |kinds: &[StepKind]| -> Vec<StepId> {
            steps
                .iter()
                .filter(|step| step.host.as_ref().is_some_and(|name| name.as_str() == host))
                .filter(|step| {
                    kinds.contains(&step.kind)
                        && step
                            .role
                            .as_ref()
                            .is_some_and(|role| role.as_str() == "web")
                })
                .map(|step| step.id.clone())
                .collect()
        };
        let mut relies_on = Vec::new();
        if bare.as_ref() != Some(host) {
            relies_on.push(Reliance::new(
                Predicate::eq(&["docker", "answers"], true),
                Vec::new(),
            ));
            relies_on.push(Reliance::new(
                Predicate::eq(&["containers", "app-web-1", "state"], "running"),
                of(&[StepKind::Stop]),
            ));
            relies_on.push(Reliance::new(
                Predicate::contains(&["files", ROUTE_FILE, "aliases"], "m-1"),
                of(&[StepKind::Route, StepKind::Drain]),
            ));
        }
        PlanHost {
            ssh: SshRoute {
                user: "root".into(),
                port: None,
                proxy: None,
                proxy_command: None,
                keys: Vec::new(),
                key_data: Vec::new(),
                keys_only: false,
                no_config: false,
            },
            host_keys: Vec::new(),
            roles: vec![RoleName::from("web")],
            state_dir: None,
            serial: 0,
            unfinished: None,
            relies_on,
        }
    };
    Plan {
        format_version: "1.0".into(),
        operation: Operation {
            kind: OperationKind::Deploy(Release {
                version: "2".into(),
                skip_push: false,
                no_cache: false,
            }),
            hosts: Vec::new(),
            roles: Vec::new(),
            break_glass: Default::default(),
            orphans: Default::default(),
            release_runs: Default::default(),
            hooks: Default::default(),
            broadcasts: Default::default(),
            destination: None,
        },
        service: "app".into(),
        version: Some("2".into()),
        image: Image {
            reference: REFERENCE.into(),
            digest: None,
        },
        config: ConfigRef {
            path: "config/deploy.yml".into(),
            sha256: Sha256Hex::of(b"config"),
        },
        source: None,
        secrets: Vec::new(),
        secrets_files: Vec::new(),
        secret_commands: BTreeMap::new(),
        max_failures: 0,
        pre_connect: None,
        lock_host: HostName::from("h0"),
        hosts: hosts
            .iter()
            .map(|host| (HostName::from(host.as_str()), plan_host(host)))
            .collect(),
        contents: BTreeMap::new(),
        unchanged: Vec::new(),
        warnings: Vec::new(),
        digest: PlanDigest::from(format!("sha256:{}", Sha256Hex::of(b"plan"))),
        steps,
    }
}
