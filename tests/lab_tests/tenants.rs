//! Several tenants of one Traefik, on the lab: a deploy of one is nothing that another notices.

use crate::lab_project::{Ask, Machine, Project, Said, Users, eventually, lab};

/// More seconds than stopped containers and unused images are kept for.
const TEN_DAYS: u64 = 10 * 86_400;

/// One who deploys with mrsk.
struct Tenant<'a> {
    project: &'a Project,
    destination: Option<&'static str>,
    /// What stands in the names of its containers and files.
    marks: [&'static str; 2],
    asks: Vec<Ask>,
}

impl Tenant<'_> {
    fn mrsk(&self, arguments: &[&str]) -> Said {
        let destination = self.destination.map_or(Vec::new(), |name| vec!["-d", name]);
        self.project.mrsk(&[arguments, &destination].concat())
    }

    /// Deploys a new version and returns its commit once it is served, and nothing is left to do.
    fn deploys(&self, version: &str) -> String {
        let commit = self
            .project
            .commit(&format!("APP_VERSION={version}\nAPP_SLOW_MS=50\n"));
        self.mrsk(&["deploy"]).expect(0);
        for ask in &self.asks {
            assert_eq!(ask.version(), version);
        }
        self.mrsk(&["plan", "--detailed-exitcode"])
            .expect(0)
            .says(&["nothing to do"]);
        commit
    }

    /// Applies what is planned ten days from now for the version that runs, and returns the plan.
    ///
    /// The version before it is what a rollback goes back to, and is kept: what goes is older.
    fn prunes(&self, version: &str) -> serde_json::Value {
        let facts = self.mrsk(&["inspect"]).expect(0).out;
        let mut facts: serde_json::Value = serde_json::from_str(&facts).unwrap();
        let then = facts["taken_at"].as_u64().unwrap() + TEN_DAYS;
        facts["taken_at"] = then.into();
        let path = self.project.beside("facts.json");
        std::fs::write(&path, facts.to_string()).unwrap();
        let facts = path.to_str().unwrap();
        let plan = self.mrsk(&["plan", "--facts", facts, "--version", version]);
        let plan = plan.expect(0).out;
        let path = self.project.beside("plan.json");
        std::fs::write(&path, &plan).unwrap();
        self.project
            .mrsk(&["apply", path.to_str().unwrap()])
            .expect(0);
        serde_json::from_str(&plan).unwrap()
    }

    /// Returns the containers with their images, and the routing files, that are not this tenant's.
    fn others(&self, machine: &Machine) -> Vec<String> {
        let everything = machine.sh(
            "cd /var/lib/mrsk/traefik && sha256sum * && stat -c '%n %i %Y' * && for id in $(docker ps -aq); do \
             docker inspect --format '{{.Name}} {{.Id}} {{.State.Status}} {{.State.Pid}} {{.Config.Image}}\
             {{range $name, $_ := .NetworkSettings.Networks}} {{$name}}{{end}}' $id; \
             docker image inspect --format '{{.Id}}' $(docker inspect --format '{{.Config.Image}}' $id) > /dev/null; done",
        );
        let is_own = |line: &str| self.marks.iter().any(|mark| line.contains(mark));
        let mut others: Vec<String> = everything
            .lines()
            .filter(|line| !is_own(line))
            .map(str::to_owned)
            .collect();
        others.sort();
        assert!(others.len() > 3, "{others:?}");
        others
    }
}

/// Starts a container that mrsk knows nothing of, from an image of its own.
fn start_theirs(machine: &Machine, name: &str, network: &str, image: &str) -> Ask {
    machine.sh(&format!(
        "docker tag {image} theirs/{name}:1 && docker run -d --name {name} --network {network} -e APP_VERSION=theirs \
         --label 'traefik.http.routers.{name}.rule=Host(`{name}.test`)' theirs/{name}:1"
    ));
    let ask = Ask::of(machine).host(&format!("{name}.test"));
    eventually(10, || matches!(ask.get(), Ok((200, _))));
    ask
}

/// Configures a service with two roles that Traefik routes to on the same host.
fn with_two_roles(project: &Project) {
    let role = |role: &str, name: &str| {
        format!(
            "  {role}:\n    hosts: [{}]\n    traefik: true\n    labels:\n      traefik.http.routers.{}-{role}.rule: Host(`{name}`)\n",
            project.machines[0].ip, project.service
        )
    };
    let servers = role("web", "shop.test") + &role("api", "api.shop.test");
    project.configure_servers(&servers, "");
}

/// Configures a service with two destinations on the same host.
fn with_two_destinations(project: &Project) {
    project.configure("");
    for destination in ["staging", "production"] {
        project.write(
            &format!("config/deploy.{destination}.yml"),
            &format!(
                "labels:\n  traefik.http.routers.{}.rule: Host(`{destination}.test`)\n",
                project.service
            ),
        );
    }
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_deploy_of_one_tenant_loses_no_request_of_another() {
    let shop = Project::new("lab-shop", &["172.30.0.16"]);
    let machine = &shop.machines[0];
    let by_name = |name: &str| Ask::of(machine).host(name);
    with_two_roles(&shop);
    let blog = shop.another("lab-blog");
    with_two_destinations(&blog);
    let tenants = [
        Tenant {
            project: &shop,
            destination: None,
            marks: ["lab-shop-", "lab-shop@"],
            asks: vec![by_name("shop.test"), by_name("api.shop.test")],
        },
        Tenant {
            project: &blog,
            destination: Some("staging"),
            marks: ["lab-blog-web-staging", "@staging.yml"],
            asks: vec![by_name("staging.test")],
        },
        Tenant {
            project: &blog,
            destination: Some("production"),
            marks: ["lab-blog-web-production", "@production.yml"],
            asks: vec![by_name("production.test")],
        },
    ];
    for tenant in &tenants {
        tenant.deploys("zero");
        tenant.deploys("one");
    }
    let image = machine
        .sh("docker inspect --format '{{.Config.Image}}' $(docker ps -q --filter label=role=api)");
    let image = image.trim();
    let mut asks: Vec<Ask> = tenants
        .iter()
        .flat_map(|tenant| tenant.asks.clone())
        .collect();
    asks.push(start_theirs(machine, "plain", "bridge", image));
    machine.sh("docker network create theirs && docker network connect theirs traefik");
    asks.push(start_theirs(machine, "apart", "theirs", image));
    machine.sh("docker create --name stopped theirs/plain:1");

    let users = Users::who(asks);
    let mut versions = Vec::new();
    for tenant in &tenants {
        let before = tenant.others(machine);
        versions.push(tenant.deploys("two"));
        assert_eq!(tenant.others(machine), before);
    }
    for (tenant, version) in tenants.iter().zip(&versions) {
        let before = tenant.others(machine);
        let plan = tenant.prunes(version);
        assert_eq!(tenant.others(machine), before);
        let steps = plan["steps"].as_array().unwrap();
        assert_eq!(steps.len(), 1, "{plan}");
        assert_eq!(steps[0]["kind"], "prune");
    }
    users.were_all_served();
    assert_eq!(by_name("unknown.test").get().unwrap().0, 404);
    removes_only_its_own_leftovers(machine, &tenants[1], &tenants[2]);
    says_what_anothers_traefik_lacks(&shop);
}

/// The lock of one destination holds up neither the other nor another service, and the original while any of them is held.
#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_locked_tenant_does_not_hold_up_another() {
    let project = Project::new("lab-locks", &["172.30.0.16"]);
    let machine = &project.machines[0];
    with_two_destinations(&project);
    project.commit("APP_VERSION=one\n");
    let mrsk = |arguments: &[&str], destination: &str| {
        project.mrsk(&[arguments, &["-d", destination]].concat())
    };
    let acquire = ["lock", "acquire", "-m", "a long migration"];
    mrsk(&acquire, "staging").expect(0);
    mrsk(&["deploy"], "staging")
        .expect(4)
        .says(&["a long migration"]);
    mrsk(&["deploy"], "production").expect(0);
    assert_eq!(Ask::of(machine).host("production.test").version(), "one");
    machine.sh("cd; ! mkdir mrsk_lock 2> /dev/null");
    let shown = machine.sh("cd; stat mrsk_lock > /dev/null && cat mrsk_lock/details | base64 -d");
    assert!(shown.contains("Service: lab-locks@staging\n"), "{shown}");
    assert!(!shown.contains("production"), "{shown}");
    mrsk(&["lock", "release"], "staging").expect(0);
    machine.sh("cd; mkdir mrsk_lock && rmdir mrsk_lock");
    mrsk(&["deploy"], "staging").expect(0);
}

/// A stopped container of another destination, of the version that is deployed, is nobody's leftover.
fn removes_only_its_own_leftovers(machine: &Machine, staging: &Tenant, production: &Tenant) {
    let version = staging.project.commit("APP_VERSION=three\n");
    for tenant in [staging, production] {
        tenant.mrsk(&["deploy"]).expect(0);
        machine.sh(&format!("docker stop -t 1 {}-{version}", tenant.marks[0]));
    }
    let before = production.others(machine);
    production.mrsk(&["deploy"]).expect(0);
    assert_eq!(production.others(machine), before);
    assert_eq!(production.asks[0].version(), "three");
    assert!(
        before
            .iter()
            .any(|line| line.contains(&format!("staging-{version}")))
    );
}

/// Who needs what the Traefik of another tenant lacks is told before anything changes.
fn says_what_anothers_traefik_lacks(shop: &Project) {
    let late = shop.another("lab-late");
    late.configure("labels:\n  traefik.http.routers.lab-late.entrypoints: websecure\n");
    late.commit("APP_VERSION=late\n");
    late.mrsk(&["deploy"]).expect(78).says(&[
        "the running Traefik has no entrypoint `websecure`",
        "it has `web`",
    ]);
    let servers = format!("  - {}\n", late.machines[0].ip);
    late.configure_traefik(
        &servers,
        "  host_port: 8080\n",
        "labels:\n  traefik.http.routers.lab-late.rule: Host(`late.test`)\n",
    );
    late.mrsk(&["plan"]).expect(0).says(&[
        "Traefik differs from deploy.yml: port",
        "that Traefik does not publish port 8080",
    ]);
}

/// A Traefik as the original starts it is replaced, and with it nothing is lost that others have connected to it.
#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_replaced_traefik_still_serves_a_network_of_somebody_else() {
    let project = Project::new("lab-over", &["172.30.0.18"]);
    let machine = &project.machines[0];
    project.configure("labels:\n  traefik.http.routers.lab-over.rule: Host(`over.test`)\n");
    project.commit("APP_VERSION=one\n");
    project.mrsk(&["deploy"]).expect(0);
    let image = machine
        .sh("docker inspect --format '{{.Config.Image}}' $(docker ps -q --filter label=role=web)");
    machine.sh(&format!(
        "docker rm -f traefik && docker run -d --name traefik -p 80:80 -v /var/run/docker.sock:/var/run/docker.sock {} \
         --providers.docker && docker network create theirs && docker network connect theirs traefik",
        lab("LAB_TRAEFIK_IMAGE")
    ));
    let apart = start_theirs(machine, "apart", "theirs", image.trim());
    project.commit("APP_VERSION=two\n");
    project.mrsk(&["deploy"]).expect(0);
    eventually(5, || matches!(apart.get(), Ok((200, _))));
    assert_eq!(Ask::of(machine).host("over.test").version(), "two");
    project
        .mrsk(&["plan", "--detailed-exitcode"])
        .expect(0)
        .says(&["nothing to do"]);
}
