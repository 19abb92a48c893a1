//! Several tenants of one Traefik, on the lab: a deploy of one is nothing that another notices.

mod lab_project;

use std::collections::BTreeMap;

use lab_project::{Ask, Machine, Project, Users};

/// What tenants have on a host, by tenant: routing files with their bytes, containers with ids and states.
type Holdings = BTreeMap<String, Vec<String>>;

/// One who deploys with mrsk.
struct Tenant<'a> {
    project: &'a Project,
    /// What its containers and files are called by.
    prefix: &'a str,
    asks: Vec<Ask>,
}

impl Tenant<'_> {
    /// Deploys a new version and returns once it is served.
    fn deploys(&self, version: &str) {
        self.project
            .commit(&format!("APP_VERSION={version}\nAPP_SLOW_MS=50\n"));
        self.project.mrsk(&["deploy"]).expect(0);
        for ask in &self.asks {
            assert_eq!(ask.version(), version);
        }
        self.project
            .mrsk(&["plan", "--detailed-exitcode"])
            .expect(0)
            .says(&["nothing to do"]);
    }
}

/// Returns what everybody but `prefix` has on the host.
fn holdings_of_others(machine: &Machine, prefix: &str) -> Holdings {
    let files = machine.sh("cd /var/lib/mrsk/traefik && sha256sum * && stat -c '%n %i %Y' *");
    let containers = machine.sh(
        "docker inspect $(docker ps -aq --no-trunc) --format \
         '{{.Name}} {{.Id}} {{.State.Status}} {{.State.Pid}}{{range $name, $_ := .NetworkSettings.Networks}} {{$name}}{{end}}' | sort",
    );
    let images =
        machine.sh("docker images --no-trunc --format '{{.Repository}}:{{.Tag}} {{.ID}}' | sort");
    [
        ("files", files),
        ("containers", containers),
        ("images", images),
    ]
    .into_iter()
    .map(|(what, text)| {
        let lines = text.lines().filter(|line| !line.contains(prefix));
        (what.to_owned(), lines.map(str::to_owned).collect())
    })
    .collect()
}

/// Starts a container that mrsk knows nothing of, from an image of its own.
fn start_theirs(machine: &Machine, name: &str, network: &str, image: &str) -> Ask {
    machine.sh(&format!(
        "docker tag {image} theirs/{name}:1 && docker run -d --name {name} --network {network} -e APP_VERSION=theirs \
         --label 'traefik.http.routers.{name}.rule=Host(`{name}.test`)' theirs/{name}:1"
    ));
    let ask = Ask::of(machine).host(&format!("{name}.test"));
    lab_project::eventually(10, || matches!(ask.get(), Ok((200, _))));
    ask
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_deploy_of_one_tenant_loses_no_request_of_another() {
    let shop = Project::new("lab-shop", &["172.30.0.16"]);
    let machine = &shop.machines[0];
    let by_name = |name: &str| Ask::of(machine).host(name);
    shop.configure_servers(
        "  web:\n    hosts: [172.30.0.16]\n    labels:\n      traefik.http.routers.lab-shop-web.rule: Host(`shop.test`)\n  \
         api:\n    hosts: [172.30.0.16]\n    traefik: true\n    labels:\n      traefik.http.routers.lab-shop-api.rule: Host(`api.shop.test`)\n",
        "",
    );
    let blog = shop.another("lab-blog");
    blog.configure("labels:\n  traefik.http.routers.lab-blog.rule: Host(`blog.test`)\n");
    let tenants = [
        Tenant {
            project: &shop,
            prefix: "lab-shop",
            asks: vec![by_name("shop.test"), by_name("api.shop.test")],
        },
        Tenant {
            project: &blog,
            prefix: "lab-blog",
            asks: vec![by_name("blog.test")],
        },
    ];
    for tenant in &tenants {
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

    let users = Users::who(asks);
    for version in ["two", "three"] {
        for tenant in &tenants {
            let before = holdings_of_others(machine, tenant.prefix);
            tenant.deploys(version);
            assert_eq!(holdings_of_others(machine, tenant.prefix), before);
        }
    }
    users.were_all_served();
    assert_eq!(by_name("unknown.test").get().unwrap().0, 404);
}
