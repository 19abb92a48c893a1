//! A plan as a deploy to three hosts has it: the first is the canary, the last runs jobs.

use std::collections::{BTreeMap, BTreeSet};

use mrsk::action::{Action, Arg, OwnConfig, Poll, Probe, Run, VerifyImage, Write};
use mrsk::name::{HostName, PlanDigest, Sha256Hex, StepId};
use mrsk::plan::predicate::Predicate;
use mrsk::plan::{
    Barrier, Check, ConfigRef, FORMAT_VERSION, Image, Need, NeedOn, OnFailure, Operation,
    OperationKind, Plan, PlanHost, Reason, Release, Reliance, SecretUse, Source, SshRoute, Step,
    StepKind, StepSecret, Travel, Unchanged,
};

const ROUTES: &str = "http:\n  routers:\n    hey:web:hey-web:\n      rule: PathPrefix(`/`)\n";

fn step(id: &str, kind: StepKind, summary: &str, why: Reason) -> Step {
    let host = id.split('/').next().filter(|place| *place != "local");
    Step {
        id: id.into(),
        kind,
        host: host.map(HostName::from),
        role: host.map(|_| "web".into()),
        accessory: None,
        summary: summary.to_owned(),
        why,
        needs: Vec::new(),
        action: Vec::new(),
        barrier: None,
        secrets: Vec::new(),
        check: None,
        unless: Vec::new(),
        diagnose: Vec::new(),
        cleanup: Vec::new(),
        on_failure: OnFailure::StopHost,
        shared_lock: false,
        safe_point: false,
        timeout_seconds: 60,
        idle_timeout_seconds: 0,
        retry: 0,
    }
}

fn run(words: &[&str]) -> Action {
    Action::Run(Run::literal(words.iter().copied()))
}

fn poll(probe: Probe, container: &str) -> Action {
    Action::Poll(Poll {
        probe,
        container: container.to_owned(),
        port: Some(3000),
        path: Some("/up".to_owned()),
        host: None,
        expect: None,
        network: None,
        restarts: None,
        interval_ms: 1000,
        attempts: 7,
    })
}

fn after(mut step: Step, needs: &[(&str, NeedOn)]) -> Step {
    step.needs = needs
        .iter()
        .map(|(id, on)| Need {
            step: StepId::from(*id),
            on: *on,
        })
        .collect();
    step
}

fn changed() -> Reason {
    Reason::VersionChanged {
        old: Some("6ef8a6a".to_owned()),
        new: "badb1aa".to_owned(),
    }
}

fn needed(what: &str) -> Reason {
    Reason::NeededBy {
        what: what.to_owned(),
    }
}

/// The steps on this machine.
fn local() -> Vec<Step> {
    let mut login = step(
        "local/registry/login",
        StepKind::RegistryLogin,
        "log in to registry.example.com",
        needed("the image can be pushed"),
    );
    login.action = vec![Action::Run(Run {
        argv: vec![
            Arg::Literal("docker".to_owned()),
            Arg::Literal("login".to_owned()),
            Arg::Literal("--username".to_owned()),
            Arg::FromEnv("REGISTRY_USER".to_owned()),
            Arg::Literal("--password-stdin".to_owned()),
            Arg::Literal("registry.example.com".to_owned()),
        ],
        env: Vec::new(),
        stdin: Some("MRSK_REGISTRY_PASSWORD".to_owned()),
        env_file: Vec::new(),
        own_config: Some(OwnConfig::Temporary),
        program_sha256: None,
        variables: Default::default(),
        directory: None,
    })];
    login.secrets = vec![StepSecret {
        name: "MRSK_REGISTRY_PASSWORD".to_owned(),
        via: Travel::Stdin,
    }];
    let mut build = step(
        "local/image/badb1aa/build",
        StepKind::Build,
        "build registry.example.com/hey:badb1aa",
        changed(),
    );
    build.action = vec![run(&[
        "docker",
        "build",
        "--tag",
        "registry.example.com/hey:badb1aa",
        "--build-arg",
        "GREETING=it's $5 & more",
        "--file",
        "Dockerfile",
        ".",
    ])];
    let mut push = step(
        "local/image/badb1aa/push",
        StepKind::Push,
        "push registry.example.com/hey:badb1aa",
        needed("the hosts can pull it"),
    );
    push.action = vec![run(&["docker", "push", "registry.example.com/hey:badb1aa"])];
    vec![
        login,
        build,
        after(
            push,
            &[
                ("local/registry/login", NeedOn::Success),
                ("local/image/badb1aa/build", NeedOn::Success),
            ],
        ),
    ]
}

/// The steps that move a host of the role `web` to the new version.
fn web(host: &str, start_needs: &str) -> Vec<Step> {
    let id = |rest: &str| format!("{host}/{rest}");
    let new = "hey-web-badb1aa";
    let mut pull = step(
        &id("image/badb1aa/pull"),
        StepKind::Pull,
        "pull registry.example.com/hey:badb1aa",
        changed(),
    );
    pull.action = vec![
        run(&["docker", "pull", "registry.example.com/hey:badb1aa"]),
        Action::VerifyImage(VerifyImage {
            reference: "registry.example.com/hey:badb1aa".to_owned(),
            digest: None,
            pushed_by: Some("local/image/badb1aa/push".into()),
        }),
    ];
    let mut start = step(
        &id("web/hey-web-badb1aa/start"),
        StepKind::Start,
        "start hey-web-badb1aa",
        changed(),
    );
    start.action = vec![
        Action::Run(Run {
            argv: [
                "docker",
                "create",
                "--name",
                new,
                "-e",
                "RAILS_MASTER_KEY",
                "--label",
                "note=two\nlines",
                "hey:badb1aa",
            ]
            .map(|word| Arg::Literal(word.to_owned()))
            .to_vec(),
            env: vec!["RAILS_MASTER_KEY".into()],
            stdin: None,
            env_file: Vec::new(),
            own_config: None,
            program_sha256: None,
            variables: Default::default(),
            directory: None,
        }),
        run(&["docker", "start", new]),
    ];
    start.check = Some(Check::Facts(vec![Predicate::eq(
        &["containers", new, "state"],
        "running",
    )]));
    start.cleanup = vec![Action::Run(Run::literal(["docker", "rm", "--force", new]))];
    start.safe_point = true;
    let mut health = step(
        &id("web/hey-web-badb1aa/healthcheck"),
        StepKind::Healthcheck,
        "wait until hey-web-badb1aa is healthy",
        needed("no request is sent to a container that is not ready"),
    );
    health.action = vec![poll(Probe::Http, new)];
    health.diagnose = vec![Run::literal(["docker", "logs", "--tail", "50", new])];
    let mut route = step(
        &id("web/hey-web-badb1aa/route"),
        StepKind::Route,
        "send requests to hey-web-badb1aa",
        changed(),
    );
    route.action = vec![
        Action::Write(Write {
            path: "/home/deploy/.mrsk/traefik/mrsk-hey@web.yml".to_owned(),
            content: Sha256Hex::of(ROUTES.as_bytes()),
            mode: "0644".to_owned(),
        }),
        poll(Probe::Route, new),
    ];
    let mut drain = step(
        &id("web/hey-web-6ef8a6a/drain"),
        StepKind::Drain,
        "let hey-web-6ef8a6a finish its requests",
        Reason::Replaced {
            what: "hey-web-6ef8a6a".to_owned(),
        },
    );
    drain.action = vec![poll(Probe::Idle, "hey-web-6ef8a6a")];
    drain.on_failure = OnFailure::Tolerate;
    let mut stop = step(
        &id("web/hey-web-6ef8a6a/stop"),
        StepKind::Stop,
        "stop hey-web-6ef8a6a",
        Reason::Replaced {
            what: "hey-web-6ef8a6a".to_owned(),
        },
    );
    stop.action = vec![run(&["docker", "stop", "-t", "30", "hey-web-6ef8a6a"])];
    let pull_id = pull.id.to_string();
    let chain = [
        pull_id.as_str(),
        start.id.as_str(),
        health.id.as_str(),
        route.id.as_str(),
        drain.id.as_str(),
    ]
    .map(str::to_owned);
    vec![
        after(pull, &[("local/image/badb1aa/push", NeedOn::Success)]),
        after(
            start,
            &[(&chain[0], NeedOn::Success), (start_needs, NeedOn::Success)],
        ),
        after(health, &[(&chain[1], NeedOn::Success)]),
        after(route, &[(&chain[2], NeedOn::Success)]),
        after(drain, &[(&chain[3], NeedOn::Success)]),
        after(stop, &[(&chain[4], NeedOn::Settled)]),
    ]
}

fn hosts() -> BTreeMap<HostName, PlanHost> {
    [
        ("app1.example.com", "web", Some(2222)),
        ("app2.example.com", "web", None),
        ("jobs.example.com", "job", None),
    ]
    .into_iter()
    .map(|(name, role, port)| {
        let host = PlanHost {
            ssh: SshRoute {
                user: "deploy".to_owned(),
                port,
                proxy: (role == "job").then(|| "jump@gate.example.com".to_owned()),
                proxy_command: None,
                keys: Vec::new(),
                key_data: Vec::new(),
                keys_only: false,
                no_config: false,
            },
            host_keys: Vec::new(),
            roles: vec![role.into()],
            state_dir: Some("/home/deploy/.mrsk".to_owned()),
            serial: 3,
            unfinished: None,
            relies_on: vec![Reliance::new(
                Predicate::eq(&["docker", "answers"], true),
                Vec::new(),
            )],
        };
        (name.into(), host)
    })
    .collect()
}

/// Returns the plan.
pub fn sample() -> Plan {
    let mut steps = local();
    steps.extend(web("app1.example.com", "local/image/badb1aa/push"));
    let mut barrier = step(
        "local/canary/web/pass",
        StepKind::Barrier,
        "the canary app1.example.com serves",
        needed("no other container starts before web serves"),
    );
    barrier.barrier = Some(Barrier {
        at_most_failed: 0,
        wait_seconds: 0,
    });
    steps.push(after(
        barrier,
        &[(
            "app1.example.com/web/hey-web-badb1aa/route",
            NeedOn::Success,
        )],
    ));
    steps.extend(web("app2.example.com", "local/canary/web/pass"));
    let unchanged = |host: Option<&str>, subject: &str, reason: &str| Unchanged {
        host: host.map(HostName::from),
        subject: subject.to_owned(),
        reason: reason.to_owned(),
    };
    Plan {
        format_version: FORMAT_VERSION.to_owned(),
        operation: Operation {
            kind: OperationKind::Deploy(Release {
                version: "badb1aa".to_owned(),
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
            destination: Some("staging".to_owned()),
        },
        service: "hey".to_owned(),
        version: Some("badb1aa".to_owned()),
        image: Image {
            reference: "registry.example.com/hey:badb1aa".to_owned(),
            digest: None,
        },
        config: ConfigRef {
            path: "config/deploy.yml".to_owned(),
            sha256: Sha256Hex::of(b"config"),
        },
        source: Some(Source {
            commit: Some("badb1aa51db3".to_owned()),
            tree: None,
            changes: Some(Sha256Hex::of(b"changes")),
            context: ".".to_owned(),
            dockerfile: "Dockerfile".to_owned(),
            dockerfile_sha256: Sha256Hex::of(b"FROM scratch"),
        }),
        secrets: ["MRSK_REGISTRY_PASSWORD", "RAILS_MASTER_KEY"]
            .map(|name| SecretUse {
                name: name.to_owned(),
                travels: BTreeSet::from([Travel::Env]),
            })
            .to_vec(),
        secrets_files: Vec::new(),
        secret_commands: BTreeMap::new(),
        max_failures: 0,
        pre_connect: None,
        lock_host: "app1.example.com".into(),
        hosts: hosts(),
        contents: BTreeMap::from([(Sha256Hex::of(ROUTES.as_bytes()), ROUTES.to_owned())]),
        steps,
        unchanged: vec![
            unchanged(Some("app1.example.com"), "traefik", "runs as configured"),
            unchanged(Some("app2.example.com"), "traefik", "runs as configured"),
            unchanged(Some("jobs.example.com"), "job", "badb1aa runs already"),
        ],
        warnings: vec!["the clear value DATABASE_URL looks like a credential".to_owned()],
        digest: PlanDigest::from("sha256:0f1e2d3c"),
    }
}
