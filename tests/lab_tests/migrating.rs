//! docs/migrating.md on the lab: a project of Kamal 2 is translated, deployed and served, and the way back leads back.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::lab_project::{Ask, Machine, Project, Users, eventually, lab, run};
use crate::proxy;

/// The host that the destination of the fixture serves.
const NAME: &str = "staging.shop.example.com";

/// Writes the project of `fixtures/kamal/shop`, for the lab's host and registry.
fn write_project(project: &Project) {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/kamal/shop");
    let read = |name: &str| std::fs::read_to_string(fixture.join(name)).unwrap();
    let deploy = read("config/deploy.yml")
        .replace(
            "service: shop\nimage: acme/shop",
            &format!("service: {0}\nimage: {0}", project.service),
        )
        .replace("ghcr.io", &lab("LAB_REGISTRY"))
        .replace(
            "username: acme",
            &format!("username: {}", lab("LAB_REGISTRY_USER")),
        )
        .replace("KAMAL_REGISTRY_PASSWORD", "LAB_REGISTRY_PASSWORD")
        // The lab's docker has no buildx, which `arch` needs.
        .replace("arch: amd64", "multiarch: false")
        .replace("bin/jobs", "/app")
        .replace("user: app", "user: root");
    let traefik = format!("\ntraefik:\n  image: {}\n", lab("LAB_TRAEFIK_IMAGE"));
    project.write("config/deploy.yml", &(deploy + &traefik));
    let staging = read("config/deploy.staging.yml").replace("192.0.2.9", &project.machines[0].ip);
    project.write("config/deploy.staging.yml", &staging);
    project.write(".kamal/secrets", &read(".kamal/secrets"));
    project.secret_file(&[("RAILS_MASTER_KEY", "key")]);
    // The image has what `asset_path` names.
    let dockerfile = std::fs::read_to_string(project.directory.join("Dockerfile")).unwrap();
    project.write("public/assets/app.js", "1\n");
    let with_assets = format!("{dockerfile}COPY public /rails/public\n");
    project.write("Dockerfile", &with_assets);
}

/// Builds an image of the app as it is, and copies it to the host.
fn load_image(project: &Project, machine: &Machine) -> String {
    let image = format!("{}:kamal", project.service);
    let built = run(Command::new("docker")
        .args(["build", "-q", "-t", &image, "."])
        .current_dir(&project.directory));
    assert_eq!(built.code, 0, "{}", built.err);
    let mut save = Command::new("docker")
        .args(["save", &image])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let load = Command::new("docker")
        .args(["exec", "-i", machine.container(), "docker", "load", "-q"])
        .stdin(save.stdout.take().unwrap())
        .output()
        .unwrap();
    assert!(load.status.success() && save.wait().unwrap().success());
    assert!(machine.sh("docker images -q").lines().count() > 0);
    image
}

/// Lets the host be as Kamal 2 leaves it: a container that serves, and a proxy in front of it that holds port 80. The proxy is a
/// stand-in of its name, which has no list.
fn as_kamal_2(project: &Project, machine: &Machine) {
    let image = load_image(project, machine);
    machine.sh(&format!(
        "echo '{}' | docker login -u '{}' --password-stdin {} 2>/dev/null; docker pull -q {traefik}; rm -r ~/.docker
         docker run --name kamal-proxy --detach --restart unless-stopped --publish 80:80 \
           --volume /var/run/docker.sock:/var/run/docker.sock {traefik} --providers.docker
         docker run --name {service}-web-staging-old --detach --restart unless-stopped --label service={service} --label role=web \
           --label destination=staging --label 'traefik.http.routers.old.rule=Host(`{NAME}`)' {image}",
        lab("LAB_REGISTRY_PASSWORD"),
        lab("LAB_REGISTRY_USER"),
        lab("LAB_REGISTRY"),
        traefik = lab("LAB_TRAEFIK_IMAGE"),
        service = project.service,
    ));
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_translated_project_of_kamal_2_serves_and_the_way_back_leads_back() {
    let project = Project::new("lab-kamal", &["172.30.0.14"]);
    let machine = &project.machines[0];
    project.commit("APP_VERSION=kamal\n");
    as_kamal_2(&project, machine);
    let ask = Ask::of(machine).host(NAME);
    let serves = |version: &str| {
        eventually(20, || ask.get().is_ok_and(|(status, _)| status == 200));
        assert_eq!(ask.version(), version);
    };
    serves("kamal");

    write_project(&project);
    project.commit("APP_VERSION=ours\n");
    let plan = ["plan", "-d", "staging"];
    project
        .mrsk(&plan)
        .expect(78)
        .says(&["mrsk init --from-kamal"]);
    project.mrsk(&["init", "--from-kamal"]).expect(0);
    project.commit("APP_VERSION=ours\n");
    let mrsk = |command: &[&str]| {
        let options = ["-c", "config/mrsk.yml", "-d", "staging"];
        project.mrsk(&[command, &options].concat())
    };
    mrsk(&["config"]).expect(0);
    mrsk(&["plan"]).expect(78).says(&[
        "what kamal-proxy serves there is not known",
        "docker stop kamal-proxy",
    ]);
    serves("kamal");

    machine.sh("docker stop kamal-proxy");
    mrsk(&["deploy"]).expect(0);
    serves("ours");
    assert_eq!(
        machine.sh("docker inspect --format '{{.State.Running}}' lab-kamal-web-staging-old"),
        "false\n"
    );
    mrsk(&["plan", "--detailed-exitcode"])
        .expect(0)
        .says(&["nothing to do"]);

    let new = machine.sh("docker ps --filter label=mrsk.service=lab-kamal --filter label=role=web --format '{{.Names}}'");
    machine.sh(&format!(
        "docker start lab-kamal-web-staging-old; docker rm -f traefik; docker start kamal-proxy; docker stop {}",
        new.trim()
    ));
    serves("kamal");

    machine.sh("docker stop kamal-proxy");
    mrsk(&["deploy"]).expect(0);
    serves("ours");
    mrsk(&["remove", "-y", "--hosts", &machine.ip]).expect(0);
    machine.sh("docker rm -f kamal-proxy; docker volume rm -f shop_storage");
}

/// Starts a container of an app of Kamal 2 on the host.
fn run_app(machine: &Machine, service: &str, image: &str) {
    machine.sh(&format!(
        "docker run --name {service}-web-old --detach --restart unless-stopped --network kamal --label service={service} \
           --label role=web --label destination= --env APP_VERSION={service}-old {image}"
    ));
}

/// Starts a stand-in for kamal-proxy before `apps`, each a service, the host name that it serves, and whether it does so with TLS.
/// It listens on the ports of the real one, has its name, its volume, and its list.
fn run_proxy(project: &Project, machine: &Machine, image: &str, apps: &[(&str, &str, &str)]) {
    let mut list = format!(
        "{:20} {:20} {:20} {:8} TLS\n",
        "Service", "Host", "Target", "State"
    );
    let mut routes = "http:\n  routers:\n".to_owned();
    for (service, name, tls) in apps {
        let id = machine.sh(&format!(
            "docker ps --quiet --filter name=^{service}-web-old$"
        ));
        let target = format!("{}:3000", id.trim());
        list += &format!(
            "{:20} {name:20} {target:20} running  {tls}\n",
            format!("{service}-web")
        );
        let (point, more) = match *tls {
            "yes" => ("websecure", ", tls: {}"),
            _ => ("web", ""),
        };
        routes += &format!(
            "    {service}: {{rule: 'Host(`{name}`)', service: {service}, entryPoints: [{point}]{more}}}\n"
        );
    }
    routes += "  services:\n";
    for (service, ..) in apps {
        routes += &format!(
            "    {service}: {{loadBalancer: {{servers: [{{url: 'http://{service}-web-old:3000'}}]}}}}\n"
        );
    }
    let kept = "/home/kamal-proxy/.config/kamal-proxy";
    let file = format!("{kept}/certs/ab/{}", proxy::NAME);
    routes += &format!("tls:\n  certificates:\n    - {{certFile: {file}, keyFile: {file}}}\n");
    let text = |name: &str| std::fs::read_to_string(project.beside("tls").join(name)).unwrap();
    let certificate = text("key.pem") + &text("cert.pem");
    machine.sh(&format!(
        "mkdir -p ~/standin/certs/ab && cd ~/standin
         echo '{password}' | docker login -u '{user}' --password-stdin {registry} 2>/dev/null; docker pull -q {traefik}; rm -r ~/.docker
         docker create --name traefik_binary {traefik}
         docker cp traefik_binary:$(docker inspect --format '{{{{index .Config.Entrypoint 0}}}}' traefik_binary) traefik
         docker rm traefik_binary
         printf '#!/bin/sh\n[ \"$1\" = list ] && cat /list\n' > kamal-proxy && chmod 755 kamal-proxy
         printf '%s' '{list}' > list
         cat > routes.yml <<'END'\n{routes}\nEND
         printf '%s' '{certificate}' > certs/ab/{name} && chmod 600 certs/ab/{name}
         docker create --name kamal-proxy --restart unless-stopped --network kamal --publish 80:80 --publish 443:443 \
           --volume kamal-proxy-config:{kept} --entrypoint /traefik {image} --entrypoints.web.address=:80 \
           --entrypoints.websecure.address=:443 --providers.file.filename=/routes.yml
         docker cp traefik kamal-proxy:/traefik; docker cp kamal-proxy kamal-proxy:/usr/local/bin/kamal-proxy
         docker cp list kamal-proxy:/list; docker cp routes.yml kamal-proxy:/routes.yml; docker cp certs kamal-proxy:{kept}/certs
         docker start kamal-proxy",
        password = lab("LAB_REGISTRY_PASSWORD"),
        user = lab("LAB_REGISTRY_USER"),
        registry = lab("LAB_REGISTRY"),
        traefik = lab("LAB_TRAEFIK_IMAGE"),
        name = proxy::NAME,
    ));
}

/// The real kamal-proxy cannot be had here: what stands in for it proxies by a Traefik, and prints its list.
#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn what_kamal_proxy_serves_is_carried_over_and_the_way_back_leads_back() {
    let project = Project::new("lab-own", &["172.30.0.15"]);
    let machine = &project.machines[0];
    project.commit("");
    proxy::certificate(&project.beside("tls"));
    let image = load_image(&project, machine);
    machine.sh("docker network create kamal");
    let apps = [
        ("lab-own", "own.test", "no"),
        ("lab-plain", "plain.test", "no"),
        ("lab-secure", proxy::NAME, "yes"),
    ];
    for (service, ..) in apps {
        run_app(machine, service, &image);
    }
    run_proxy(&project, machine, &image, &apps);
    let ask = |name: &str| Ask::of(machine).host(name);
    let others = || {
        assert_eq!(ask("plain.test").version(), "lab-plain-old");
        assert!(proxy::trusted(&project, "/").contains("lab-secure-old"));
    };
    let before = |name: &str| {
        eventually(20, || {
            ask(name).get().is_ok_and(|(status, _)| status == 200)
        });
        assert_eq!(ask(name).version(), "lab-own-old");
    };
    before("own.test");
    others();

    let servers = format!("  - {}\n", machine.ip);
    let traefik = "  options: {publish: ['443:443']}\n  args: {entrypoints.web.address: ':80', entrypoints.websecure.address: ':443'}\n";
    let labels = "labels:\n  traefik.http.routers.lab-own-web.rule: Host(`own.test`)\n  traefik.http.routers.lab-own-web.entrypoints: web\n";
    project.configure_traefik(&servers, traefik, labels);
    project.commit("APP_VERSION=ours\n");
    // What is paused cannot be carried over, and nothing changes.
    machine.sh("docker exec kamal-proxy sed -i 's/running  yes/paused   yes/' /list");
    project.mrsk(&["deploy"]).expect(78).says(&[
        "cannot take over service lab-secure-web of kamal-proxy: it is paused",
        "kamal-proxy resume lab-secure-web",
        "docker stop kamal-proxy",
    ]);
    machine.sh("docker exec kamal-proxy sed -i 's/paused   yes/running  yes/' /list");
    others();

    for _ in 0..2 {
        project.mrsk(&["plan"]).expect(0).says(&[
            "Traefik replaces kamal-proxy: every request to this host fails",
            "Nothing renews them",
        ]);
        project.mrsk(&["deploy"]).expect(0);
        assert_eq!(ask("own.test").version(), "ours");
        others();
        assert_eq!(ask(proxy::NAME).get().unwrap().0, 302);
        let states = "docker inspect --format '{{.State.Running}} {{.HostConfig.RestartPolicy.Name}}' kamal-proxy lab-own-web-old";
        assert_eq!(machine.sh(states), "false no\nfalse unless-stopped\n");
        let keys = machine.sh("cd /var/lib/mrsk/traefik && stat -c '%n %a' *.crt *.key");
        assert_eq!(
            keys,
            "mrsk-lab-secure@web.crt 600\nmrsk-lab-secure@web.key 600\n"
        );
        project
            .mrsk(&["plan", "--detailed-exitcode"])
            .expect(0)
            .says(&["nothing to do"]);

        let new = machine.sh("docker ps --filter label=mrsk.service=lab-own --filter label=role=web --format '{{.Names}}'");
        machine.sh(&format!(
            "docker start lab-own-web-old; docker rm -f traefik; docker update --restart unless-stopped kamal-proxy
             docker start kamal-proxy; docker stop {}",
            new.trim()
        ));
        before("own.test");
        others();
    }

    // The others follow, without a gap.
    project.mrsk(&["deploy"]).expect(0);
    let plain = project.another("lab-plain");
    plain.configure_traefik(&servers, traefik, &labels.replace("own", "plain"));
    plain.commit("APP_VERSION=moved\n");
    let users = Users::who([ask("plain.test"), ask("own.test")]);
    plain.mrsk(&["deploy"]).expect(0);
    users.were_all_served();
    assert_eq!(ask("plain.test").version(), "moved");
    assert!(proxy::trusted(&project, "/").contains("lab-secure-old"));

    for project in [&plain, &project] {
        project
            .mrsk(&["remove", "-y", "--hosts", &machine.ip])
            .expect(0);
    }
    machine.wipe();
}
