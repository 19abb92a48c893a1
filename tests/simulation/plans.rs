//! Realistic deploy plans, by hand, and what their hosts show before.

use std::collections::BTreeMap;

use mrsk::action::{Action, Run};
use mrsk::facts::model::HostFacts;
use mrsk::name::{HostName, RoleName, StepId};
use mrsk::plan::predicate::Predicate;
use mrsk::plan::{Barrier, Check, Need, NeedOn, OnFailure, Plan, Reason, Step, StepKind};

use super::before::before;
use super::document::document;
use super::rng::Rng;

pub const REFERENCE: &str = "registry:4443/app:2";
pub const ROUTE_FILE: &str = "/var/lib/mrsk/traefik/app-web.yml";

/// A plan, and the facts of its hosts before it. Plans of the real compiler fit in as well.
#[derive(Debug, Clone)]
pub struct Scenario {
    pub plan: Plan,
    pub facts: BTreeMap<HostName, HostFacts>,
    pub switches: Vec<Switch>,
}

/// What must be so on a host before the old container of a role is drained or stopped.
#[derive(Debug, Clone)]
pub struct Switch {
    pub host: HostName,
    pub role: RoleName,
    /// The new container.
    pub container: String,
    /// The routing file and the alias that it must name; absent for a role without Traefik.
    pub route: Option<(String, String)>,
}

/// Steps, one after another.
pub struct Builder {
    pub steps: Vec<Step>,
}

impl Builder {
    pub fn step(
        &mut self,
        id: &str,
        kind: StepKind,
        host: Option<&str>,
        needs: &[&str],
    ) -> &mut Step {
        let needs = needs.iter().map(|need| match need.strip_prefix('~') {
            Some(id) => (id, NeedOn::Settled),
            None => (*need, NeedOn::Success),
        });
        self.steps.push(Step {
            id: StepId::from(id),
            kind,
            host: host.map(HostName::from),
            role: None,
            accessory: None,
            summary: id.to_owned(),
            why: Reason::Requested,
            needs: needs
                .map(|(id, on)| Need {
                    step: StepId::from(id),
                    on,
                })
                .collect(),
            action: Vec::new(),
            barrier: None,
            secrets: Vec::new(),
            check: None,
            unless: Vec::new(),
            diagnose: Vec::new(),
            cleanup: Vec::new(),
            on_failure: OnFailure::StopHost,
            shared_lock: false,
            safe_point: true,
            timeout_seconds: 60,
            idle_timeout_seconds: 0,
            retry: 0,
        });
        self.steps.last_mut().expect("just pushed")
    }

    fn barrier(&mut self, id: &str, needs: &[String], at_most_failed: u32, wait_seconds: u32) {
        let needs: Vec<&str> = needs.iter().map(String::as_str).collect();
        self.step(id, StepKind::Barrier, None, &needs).barrier = Some(Barrier {
            at_most_failed,
            wait_seconds,
        });
    }
}

/// Builds a scenario of 3 to 5 hosts; what varies is drawn from `rng`.
pub fn scenario(rng: &mut Rng) -> Scenario {
    let count = rng.range(3, 5) as usize;
    let hosts: Vec<String> = (0..count).map(|index| format!("h{index}")).collect();
    let mut builder = Builder { steps: Vec::new() };
    local_steps(&mut builder);
    let bare = rng.chance(300).then(|| count - 1);
    let mut facts = BTreeMap::new();
    for (index, host) in hosts.iter().enumerate() {
        let is_bare = bare == Some(index);
        facts.insert(HostName::from(host.as_str()), before(is_bare));
        prepare(&mut builder, host, is_bare, rng.chance(500));
    }
    let mut gate = boot_accessories(&mut builder, &hosts, rng);
    if rng.chance(500) {
        gate = release(&mut builder, "h0", gate);
    }
    if rng.chance(300) {
        gate = join_assets(&mut builder, &hosts, gate);
    }
    switch_web(&mut builder, "h0", gate, rng);
    builder.barrier("local/canary", &["h0/web/2/route".to_owned()], 0, 0);
    let wait = rng.range(0, 1) as u32 * 7;
    let rolling = rng.chance(400);
    let mut gate = "local/canary".to_owned();
    let mut group = Vec::new();
    for host in &hosts[1..] {
        switch_web(&mut builder, host, &gate, rng);
        group.push(format!("{host}/web/old/stop"));
        if rolling && group.len() == 2 {
            gate = format!("local/group/{host}");
            builder.barrier(&gate, &group, 0, wait);
            group.clear();
        }
    }
    let last = hosts.last().expect("at least three hosts");
    switch_job(&mut builder, last, &gate);
    let mut ends: Vec<String> = hosts
        .iter()
        .map(|host| format!("{host}/web/old/stop"))
        .collect();
    ends.push(format!("{last}/job/old/stop"));
    builder.barrier("local/all", &ends, 0, 0);
    let end = builder.step("local/tell", StepKind::Broadcast, None, &["local/all"]);
    end.on_failure = OnFailure::Tolerate;
    let tell = builder.step("h1/tell", StepKind::Broadcast, Some("h1"), &["local/all"]);
    tell.on_failure = OnFailure::Tolerate;
    let plan = document(
        builder.steps,
        &hosts,
        bare.map(|index| hosts[index].clone()),
    );
    let web = |host: &String| Switch {
        host: HostName::from(host.as_str()),
        role: RoleName::from("web"),
        container: "app-web-2".to_owned(),
        route: Some((ROUTE_FILE.to_owned(), "m-2".to_owned())),
    };
    let job = Switch {
        role: RoleName::from("job"),
        container: "app-job-2".to_owned(),
        route: None,
        ..web(last)
    };
    let switches = hosts.iter().map(web).chain([job]).collect();
    Scenario {
        plan,
        facts,
        switches,
    }
}

fn local_steps(builder: &mut Builder) {
    let argv = |name: &str| Some(Check::Argv(vec![name.to_owned()]));
    let login = builder.step("local/registry/login", StepKind::RegistryLogin, None, &[]);
    login.check = argv("login");
    login.on_failure = OnFailure::StopRun;
    let build = builder.step("local/image/build", StepKind::Build, None, &[]);
    build.check = argv("build");
    build.on_failure = OnFailure::StopRun;
    let needs = ["local/registry/login", "local/image/build"];
    let push = builder.step("local/image/push", StepKind::Push, None, &needs);
    push.check = argv("push");
    push.on_failure = OnFailure::StopRun;
    push.retry = 1;
    builder.barrier(
        "local/image/announce",
        &["local/image/push".to_owned()],
        0,
        0,
    );
}

fn facts_check(predicates: Vec<Predicate>) -> Option<Check> {
    Some(Check::Facts(predicates))
}

/// Installing docker, pulling, network, Traefik.
fn prepare(builder: &mut Builder, host: &str, bare: bool, replace_traefik: bool) {
    let here = Some(host);
    let id = |rest: &str| format!("{host}/{rest}");
    let install = id("docker/install");
    let mut first: Vec<&str> = Vec::new();
    if bare {
        let step = builder.step(&install, StepKind::InstallDocker, here, &[]);
        step.check = facts_check(vec![
            Predicate::eq(&["docker", "installed"], true),
            Predicate::eq(&["docker", "answers"], true),
        ]);
        step.retry = 1;
        first.push(&install);
    }
    let pull = id("image/pull");
    let needs: Vec<&str> = first.iter().copied().chain(["local/image/push"]).collect();
    let step = builder.step(&pull, StepKind::Pull, here, &needs);
    step.check = facts_check(vec![Predicate::contains(&["images"], REFERENCE)]);
    step.retry = 2;
    let network = id("network/mrsk/create");
    let step = builder.step(&network, StepKind::Network, here, &first);
    step.check = facts_check(vec![Predicate::contains(&["networks"], "mrsk")]);
    let traefik = id("traefik/start");
    let mut needs = vec![network.as_str()];
    let keep = id("traefik/keep");
    if replace_traefik {
        let step = builder.step(&keep, StepKind::Rename, here, &first);
        step.check = facts_check(vec![Predicate::eq(
            &["files", ROUTE_FILE, "sha256"],
            "kept",
        )]);
        needs.push(&keep);
    }
    let step = builder.step(&traefik, StepKind::Traefik, here, &needs);
    step.check = facts_check(vec![Predicate::eq(&["traefik", "image"], "traefik:v3.1")]);
}

/// Runs the release command, and returns what the app waits for.
fn release(builder: &mut Builder, host: &str, gate: &str) -> &'static str {
    let (create, run) = (
        format!("{host}/release/create"),
        format!("{host}/release/run"),
    );
    let pull = format!("{host}/image/pull");
    let from = builder.steps.len();
    let label = ["containers", "app-release-2", "labels", "mrsk.release"];
    let step = builder.step(&create, StepKind::Release, Some(host), &[&pull, gate]);
    step.check = facts_check(vec![Predicate::eq(&label, "m-2")]);
    let step = builder.step(&run, StepKind::Release, Some(host), &[&create]);
    step.check = facts_check(vec![
        Predicate::eq(&label, "m-2"),
        Predicate::eq(&["containers", "app-release-2", "exit_code"], 0),
    ]);
    for step in &mut builder.steps[from..] {
        step.role = Some(RoleName::from("web"));
        step.on_failure = OnFailure::StopRun;
        let remove = Run::literal(["docker", "rm", "-f", "app-release-2"]);
        step.cleanup = vec![Action::Run(remove)];
    }
    builder.barrier("local/release", &[run], 0, 0);
    "local/release"
}

/// Joins the assets of both versions on all hosts, and returns what the app waits for.
fn join_assets(builder: &mut Builder, hosts: &[String], gate: &str) -> &'static str {
    let ids = hosts.iter().map(|host| format!("{host}/web/m-2/assets"));
    let ids: Vec<String> = ids.collect();
    for (host, id) in hosts.iter().zip(&ids) {
        let pull = format!("{host}/image/pull");
        let step = builder.step(id, StepKind::Assets, Some(host), &[&pull, gate]);
        step.role = Some(RoleName::from("web"));
        step.check = facts_check(vec![
            Predicate::contains(&["assets"], "m-2"),
            Predicate::contains(&["assets", "m-2"], "m-1"),
        ]);
    }
    builder.barrier("local/assets", &ids, 0, 0);
    "local/assets"
}

/// Starts an accessory on some hosts, as a setup does, and returns what the app waits for.
fn boot_accessories(builder: &mut Builder, hosts: &[String], rng: &mut Rng) -> &'static str {
    let mut starts = Vec::new();
    for host in hosts {
        if !rng.chance(300) {
            continue;
        }
        let install = format!("{host}/docker/install");
        let is_bare = builder.steps.iter().any(|step| step.id.as_str() == install);
        let needs: &[&str] = if is_bare { &[&install] } else { &[] };
        let start = format!("{host}/accessory/db/start");
        let step = builder.step(&start, StepKind::Start, Some(host), needs);
        step.accessory = Some("db".into());
        step.check = facts_check(vec![Predicate::eq(
            &["containers", "app-db", "state"],
            "running",
        )]);
        let remove = Run::literal(["docker", "rm", "-f", "app-db"]);
        step.cleanup = vec![Action::Run(remove)];
        starts.push(start);
    }
    if starts.is_empty() {
        return "local/image/announce";
    }
    starts.push("local/image/announce".to_owned());
    builder.barrier("local/accessories", &starts, 0, 0);
    "local/accessories"
}

/// Start, healthcheck, route, drain, stop, prune of the web role on a host.
fn switch_web(builder: &mut Builder, host: &str, gate: &str, rng: &mut Rng) {
    let here = Some(host);
    let id = |rest: &str| format!("{host}/web/{rest}");
    let (pull, traefik) = (
        format!("{host}/image/pull"),
        format!("{host}/traefik/start"),
    );
    let from = builder.steps.len();
    let cleanup = vec![Action::Run(Run::literal([
        "docker",
        "rm",
        "-f",
        "app-web-2",
    ]))];
    let start = id("2/start");
    let step = builder.step(&start, StepKind::Start, here, &[&pull, &traefik, gate]);
    step.check = facts_check(vec![
        Predicate::eq(&["containers", "app-web-2", "state"], "running"),
        Predicate::contains(&["containers", "app-web-2", "networks"], "mrsk"),
    ]);
    step.cleanup = cleanup.clone();
    let health = id("2/healthcheck");
    let step = builder.step(&health, StepKind::Healthcheck, here, &[&start]);
    step.check = facts_check(vec![Predicate::eq(
        &["containers", "app-web-2", "health"],
        "healthy",
    )]);
    step.cleanup = cleanup;
    step.retry = rng.range(0, 1) as u32;
    let route = id("2/route");
    let step = builder.step(&route, StepKind::Route, here, &[&health]);
    step.check = facts_check(vec![
        Predicate::eq(&["files", ROUTE_FILE, "sha256"], "new"),
        Predicate::contains(&["files", ROUTE_FILE, "aliases"], "m-2"),
    ]);
    let drain = id("old/drain");
    let step = builder.step(&drain, StepKind::Drain, here, &[&route]);
    step.check = facts_check(vec![Predicate::eq(
        &["containers", "app-web-1", "in_flight"],
        0,
    )]);
    step.on_failure = OnFailure::Tolerate;
    let stop = id("old/stop");
    let settled = format!("~{drain}");
    let step = builder.step(&stop, StepKind::Stop, here, &[&settled, &route]);
    step.check = facts_check(vec![Predicate::eq(
        &["containers", "app-web-1", "state"],
        "exited",
    )]);
    let prune = id("prune");
    let step = builder.step(&prune, StepKind::Prune, here, &[&stop]);
    step.check = facts_check(vec![Predicate::absent(&["containers", "app-web-0"])]);
    step.on_failure = OnFailure::Tolerate;
    for step in &mut builder.steps[from..] {
        step.role = Some(RoleName::from("web"));
        step.safe_point = matches!(step.kind, StepKind::Start | StepKind::Prune);
    }
}

/// The job role has no Traefik: start, wait until it runs, stop the old one.
fn switch_job(builder: &mut Builder, host: &str, gate: &str) {
    let here = Some(host);
    let id = |rest: &str| format!("{host}/job/{rest}");
    let (pull, network) = (
        format!("{host}/image/pull"),
        format!("{host}/network/mrsk/create"),
    );
    let from = builder.steps.len();
    let cleanup = vec![Action::Run(Run::literal([
        "docker",
        "rm",
        "-f",
        "app-job-2",
    ]))];
    let start = id("2/start");
    let step = builder.step(&start, StepKind::Start, here, &[&pull, &network, gate]);
    step.check = facts_check(vec![Predicate::eq(
        &["containers", "app-job-2", "state"],
        "running",
    )]);
    step.cleanup = cleanup.clone();
    let health = id("2/healthcheck");
    let step = builder.step(&health, StepKind::Healthcheck, here, &[&start]);
    step.check = facts_check(vec![Predicate::eq(
        &["containers", "app-job-2", "health"],
        "healthy",
    )]);
    step.cleanup = cleanup;
    let stop = id("old/stop");
    let step = builder.step(&stop, StepKind::Stop, here, &[&health]);
    step.check = facts_check(vec![Predicate::eq(
        &["containers", "app-job-1", "state"],
        "exited",
    )]);
    for step in &mut builder.steps[from..] {
        step.role = Some(RoleName::from("job"));
        step.safe_point = step.kind == StepKind::Start;
    }
}

/// Puts every drain before its route, as no compiler may.
pub fn drain_before_route(plan: &mut Plan) {
    for index in 0..plan.steps.len() {
        let step = &plan.steps[index];
        let (Some(host), StepKind::Drain) = (step.host.clone(), step.kind) else {
            continue;
        };
        let health = StepId::from(format!("{host}/web/2/healthcheck"));
        plan.steps[index].needs[0].step = health;
        let drain = plan.steps[index].id.clone();
        let route = StepId::from(format!("{host}/web/2/route"));
        for step in &mut plan.steps {
            if step.id == route {
                step.needs = vec![Need {
                    step: drain.clone(),
                    on: NeedOn::Settled,
                }];
            }
        }
    }
}
