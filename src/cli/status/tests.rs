use super::*;
use crate::cli::status::model::{HostStatus, Known, LastRun, Service};
use crate::name::{HostName, PlanDigest};
use crate::plan::compile::Answered;
use crate::transport::answer::LockState;

const NOW: u64 = 1_800_000_000;

fn role(name: &str, version: &str, health: &'static str, routed: Option<bool>) -> RoleStatus {
    RoleStatus {
        name: name.into(),
        version: (!version.is_empty()).then(|| version.into()),
        last: None,
        since: NOW - 7300,
        brought: String::new(),
        health,
        routed,
        replicas: (1, 1),
        others: Vec::new(),
        answered: Vec::new(),
    }
}

fn host(version: &str) -> Known {
    Known {
        roles: vec![role("web", version, "healthy", Some(true))],
        traefik: Some(Service::Runs("traefik:v3.3".into())),
        free_bytes: 12 << 30,
        ..Known::default()
    }
}

fn status(hosts: Vec<(&str, Option<Known>)>) -> Status {
    let hosts = hosts.into_iter().map(|(name, known)| {
        let status = known.map_or(HostStatus::Silent, HostStatus::Known);
        (HostName::from(name), status)
    });
    Status {
        service: "shop".into(),
        options: " -d staging".into(),
        lock: Lock::Free,
        hosts: hosts.collect(),
        copies: Default::default(),
        now: NOW,
    }
}

#[test]
fn everything_about_a_host_is_shown() {
    let mut known = host("0123456789abcdef0123456789abcdef01234567");
    known.roles[0].others.push("v1".into());
    known.roles[0].replicas = (2, 2);
    known.roles[0].brought = "rollback by Ada".into();
    known.roles.push(role("jobs", "", "stopped", None));
    known.accessories = vec![
        ("db".into(), Service::Runs("postgres:16".into())),
        ("cache".into(), Service::Stopped),
    ];
    known.free_bytes = 1 << 30;
    known.runs.push(Run {
        plan: PlanDigest::from("sha256:feedfeedfeedfeed"),
        is_last: true,
        running: 1,
        in_doubt: 2,
    });
    let expected = "\
shop
  lock: free

a
  web      0123456789ab, since 2027-01-15 05:58 UTC (2 h ago, rollback by Ada), healthy, routed, 2 containers, beside it runs v1
  jobs     nothing runs
  Traefik  traefik:v3.3
  db       postgres:16
  cache    stopped
  disk     1.0 GiB free: LOW
  run      plan feedfeedfeed began last and is not finished, 1 step running, 2 steps in doubt

b
  no answer

next: mrsk audit -d staging
      plan feedfeedfeed is not finished: who began it can resume it with `mrsk apply`
";
    assert_eq!(
        render(&status(vec![("a", Some(known)), ("b", None)])),
        expected
    );
}

/// Returns the last two lines.
fn advice(status: &Status) -> String {
    let text = render(status);
    text[text.find("\nnext: ").unwrap()..].trim().to_owned()
}

#[test]
fn what_to_do_next_is_what_the_worst_needs() {
    let well = || status(vec![("a", Some(host("v2"))), ("b", Some(host("v2")))]);
    let two = |one: Known| {
        status(vec![
            ("a", Some(host("v2"))),
            ("b", Some(one)),
            ("c", Some(host("v2"))),
        ])
    };
    assert!(advice(&well()).starts_with("next: nothing\n"));

    let mut held = well();
    let text = "Locked by: A at T\nVersion: v\nMessage: hands off";
    let state = |text: &str, beat_age| LockState {
        text: text.into(),
        beat_age,
    };
    held.lock = Lock::Held(state(text, None));
    assert!(render(&held).contains("lock: held by A since T: hands off (by hand)"));
    assert!(
        advice(&held).starts_with("next: mrsk lock release -d staging\n"),
        "{}",
        advice(&held)
    );
    let text = format!("{text}\nRun: 01\nGeneration: 1");
    held.lock = Lock::Held(state(&text, Some(3)));
    assert!(render(&held).contains("(last heartbeat 3 s ago)"));
    assert!(advice(&held).contains("is under way"));
    held.lock = Lock::Held(state(&text, Some(90)));
    assert!(advice(&held).starts_with("next: nothing\n"));

    let mut begun = well();
    let plan = PlanDigest::from("sha256:feedfeedfeedfeed");
    if let HostStatus::Known(known) = &mut begun.hosts[1].1 {
        known.runs.push(Run {
            plan: plan.clone(),
            is_last: true,
            running: 0,
            in_doubt: 0,
        });
    }
    begun
        .copies
        .insert(plan, ".mrsk/runs/feed/plan.json".into());
    assert!(advice(&begun).starts_with("next: mrsk apply .mrsk/runs/feed/plan.json"));

    let mut sick = host("v2");
    sick.roles[0].health = "unhealthy";
    let expected = "next: mrsk app logs --hosts b --roles web -d staging\n";
    assert!(advice(&two(sick)).starts_with(expected));
    let mut lost = host("v2");
    lost.roles[0].routed = Some(false);
    assert!(render(&two(lost)).contains("NOT ROUTED"));

    let old = two(host("v1"));
    let expected = "next: mrsk deploy --version v2 --skip-push --hosts b -d staging\n      role web does not serve version v2 on b";
    assert_eq!(advice(&old), expected);
    assert!(render(&old).contains("hosts differ in role web: v1 on b; v2 on a and c"));
    assert!(render(&old).contains("OTHER VERSION THAN MOST"));
    assert!(advice(&two(host(""))).starts_with("next: mrsk deploy --version v2"));

    let dead = status(vec![("a", Some(host("v2"))), ("b", None)]);
    assert!(advice(&dead).starts_with("next: mrsk status --hosts b"));
    let mut bare = host("");
    bare.traefik = Some(Service::Missing);
    assert!(advice(&status(vec![("a", Some(bare))])).starts_with("next: mrsk setup"));
    let mut open = host("v2");
    open.traefik = Some(Service::Missing);
    let both = status(vec![("a", Some(open.clone())), ("b", Some(open.clone()))]);
    assert!(advice(&both).starts_with("next: mrsk traefik boot --hosts a,b -d staging\n"));
    assert!(render(&both).contains("\n  Traefik  does not run\n"));
    open.traefik = Some(Service::Stopped);
    assert!(advice(&two(open)).starts_with("next: mrsk traefik start --hosts b"));

    let uneven = status(vec![("a", Some(host("v1"))), ("b", Some(host("v2")))]);
    let expected =
        "next: mrsk app containers --roles web -d staging\n      hosts differ in role web";
    assert_eq!(advice(&uneven), expected);
    let mut part = host("v2");
    part.roles.push(role("jobs", "", "stopped", None));
    assert!(advice(&two(part)).contains("role jobs does not run"));
    for (ended_by, expected) in [
        (
            "app live",
            "next: mrsk app live -d staging\n      503 since T by A",
        ),
        (
            "host undrain",
            "next: mrsk host undrain b -d staging\n      503 since T by A",
        ),
    ] {
        let mut off = host("v2");
        off.roles[0].answered.push(Answered {
            ended_by,
            reason: "503 since T by A".into(),
        });
        assert!(render(&two(off.clone())).contains("\n  web      503 since T by A\n"));
        assert!(advice(&two(off)).starts_with(expected));
    }
}

#[test]
fn what_was_stopped_is_started_again() {
    let mut known = host("");
    known.roles[0].health = "stopped";
    known.roles[0].last = Some(LastRun {
        version: "v2".into(),
        stopped_at: NOW - 300,
    });
    let all = status(vec![("a", Some(known.clone())), ("b", Some(known.clone()))]);
    let expected = "next: mrsk app start --hosts a,b -d staging\n      role web is stopped on a and b: version v2 ran there last";
    assert_eq!(advice(&all), expected);
    let line = "  web      STOPPED since 2027-01-15 07:55 UTC (5 min ago), ran v2\n";
    assert!(render(&all).contains(line), "{}", render(&all));
    let beside = |version| status(vec![("a", Some(host(version))), ("b", Some(known.clone()))]);
    assert!(advice(&beside("v2")).starts_with("next: mrsk app start --hosts b"));
    // Where the others have gone on, what was stopped is not wanted.
    assert!(advice(&beside("v3")).starts_with("next: mrsk deploy --version v3"));
}

#[test]
fn an_accessory_that_does_not_run_is_named() {
    let mut known = host("v2");
    known.accessories = vec![
        ("db".into(), Service::Runs("postgres:16".into())),
        ("cache".into(), Service::Stopped),
    ];
    let shown = |known: &Known| advice(&status(vec![("a", Some(known.clone()))]));
    let expected = "next: mrsk accessory start cache --hosts a -d staging\n      accessory cache does not run on a";
    assert_eq!(shown(&known), expected);
    known.accessories[1].1 = Service::Missing;
    assert!(shown(&known).starts_with("next: mrsk accessory boot cache --hosts a"));
}

#[test]
fn a_role_with_fewer_containers_than_configured_is_not_well() {
    let mut known = host("v2");
    known.roles[0].replicas = (2, 3);
    let shown = render(&status(vec![("a", Some(known))]));
    assert!(shown.contains("routed, ONLY 2 of 3 containers"), "{shown}");
    assert!(
        shown.contains("role web on a is not well: 2 of 3 containers run"),
        "{shown}"
    );
}
