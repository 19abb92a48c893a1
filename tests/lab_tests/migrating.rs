//! docs/migrating.md on the lab: a project of Kamal 2 is translated, deployed and served, and the way back leads back.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::lab_project::{Ask, Machine, Project, eventually, lab, run};

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
fn load_image(project: &Project, machine: &Machine, container: &str) -> String {
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
        .args(["exec", "-i", container, "docker", "load", "-q"])
        .stdin(save.stdout.take().unwrap())
        .output()
        .unwrap();
    assert!(load.status.success() && save.wait().unwrap().success());
    assert!(machine.sh("docker images -q").lines().count() > 0);
    image
}

/// Lets the host be as Kamal 2 leaves it: a container that serves, and a proxy in front of it that holds port 80. The proxy is a
/// stand-in of its name.
fn as_kamal_2(project: &Project, machine: &Machine) {
    let image = load_image(project, machine, "mrsk-lab-host-4");
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
    mrsk(&["plan"])
        .expect(78)
        .says(&["port 80", "kamal-proxy", "docker stop kamal-proxy"]);
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
