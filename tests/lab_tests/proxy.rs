//! Kamal 2's `proxy` on the lab: what it becomes serves, and no switch loses a request.

use std::path::Path;
use std::process::Command;

use crate::lab_project::{Ask, Project, Users, run};

/// The name that the certificate is for.
pub const NAME: &str = "shop.test";

/// Makes a certificate for [`NAME`] and its authority in `directory`: `ca.pem`, `cert.pem`, `key.pem`.
pub fn certificate(directory: &Path) {
    std::fs::create_dir_all(directory).unwrap();
    let openssl = |arguments: &str| {
        let mut command = Command::new("openssl");
        command.current_dir(directory).args(arguments.split(' '));
        let said = run(&mut command);
        assert_eq!(said.code, 0, "{}", said.err);
    };
    openssl("req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=lab -keyout ca.key -out ca.pem");
    openssl(&format!(
        "req -newkey rsa:2048 -nodes -subj /CN={NAME} -keyout key.pem -out request.pem"
    ));
    std::fs::write(
        directory.join("names"),
        format!("subjectAltName=DNS:{NAME}\n"),
    )
    .unwrap();
    openssl(
        "x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out cert.pem",
    );
}

/// Asks over TLS, and takes only a certificate of the authority. Returns the status and the body.
pub fn trusted(project: &Project, path: &str) -> String {
    let machine = &project.machines[0];
    let said = run(Command::new("curl")
        .args(["-qsS", "--noproxy", "*", "--max-time", "10"])
        .arg("--cacert")
        .arg(project.beside("tls").join("ca.pem"))
        .args(["--resolve", &format!("{NAME}:443:{}", machine.ip)])
        .args(["-w", "\n%{http_code}"])
        .arg(format!("https://{NAME}{path}")));
    assert_eq!(said.code, 0, "{}", said.err);
    said.out
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_certificate_of_the_users_a_host_and_a_prefix_are_served() {
    let project = Project::new("lab-proxy", &["172.30.0.17"]);
    let machine = &project.machines[0];
    let directory = project.beside("tls");
    certificate(&directory);
    let text = |name: &str| std::fs::read_to_string(directory.join(name)).unwrap();
    let (pem, key) = (text("cert.pem"), text("key.pem"));
    project.secret_file(&[("CERTIFICATE_PEM", &pem), ("PRIVATE_KEY_PEM", &key)]);
    project.configure(&format!(
        concat!(
            "proxy:\n  host: {}\n  app_port: 3000\n  path_prefix: /v1\n  response_timeout: 1\n",
            "  ssl:\n    certificate_pem: CERTIFICATE_PEM\n    private_key_pem: PRIVATE_KEY_PEM\n",
            "  buffering:\n    max_request_body: 1_000\n",
        ),
        NAME
    ));
    let secure = Ask::of(machine).host(NAME).port(443).tls().path("/v1/");
    let plain = Ask::of(machine).host(NAME).path("/v1/").expects(301);
    for version in ["one", "two"] {
        project.commit(&format!("APP_VERSION={version}\nAPP_SLOW_MS=50\n"));
        let users = (version == "two").then(|| Users::who([secure.clone(), plain.clone()]));
        let plan = project.mrsk(&["plan"]).expect(0).out;
        for secret in [&pem, &key] {
            let line = secret.lines().nth(1).unwrap();
            assert!(!plan.contains(line), "the plan has a value");
        }
        project.mrsk(&["deploy"]).expect(0);
        assert!(trusted(&project, "/v1/").contains(version));
        if let Some(users) = users {
            users.were_all_served();
        }
    }
    let status = |path: &str| trusted(&project, path).lines().last().unwrap().to_owned();
    assert_eq!(status("/v1"), "200");
    assert_eq!(status("/v10/"), "404");
    assert_eq!(status("/"), "404");
    assert_eq!(status("/v1/sleep/3000"), "504");
    assert_eq!(plain.get().unwrap().0, 301);
    assert_eq!(Ask::of(machine).path("/v1/").get().unwrap().0, 404);
    let files = "cd /var/lib/mrsk/traefik && stat -c '%n %a' *.crt *.key";
    let expected = "mrsk-lab-proxy@web.crt 600\nmrsk-lab-proxy@web.key 600\n";
    assert_eq!(machine.sh(files), expected);
    project
        .mrsk(&["plan", "--detailed-exitcode"])
        .expect(0)
        .says(&["nothing to do"]);

    project.mrsk(&["app", "remove", "-y"]).expect(0);
    let left = machine.sh("ls /var/lib/mrsk/traefik");
    assert!(!left.contains("lab-proxy"), "{left}");
}

/// An accessory with `proxy`, beside an app that takes all other requests.
#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn an_accessory_is_served_by_its_labels() {
    let project = Project::new("lab-side", &["172.30.0.18"]);
    let machine = &project.machines[0];
    project.commit("APP_VERSION=app\n");
    project.mrsk(&["deploy"]).expect(0);
    let image = machine
        .sh("docker inspect --format '{{.Config.Image}}' $(docker ps -q --filter label=role=web)");
    project.configure(&format!(
        concat!(
            "accessories:\n  side:\n    image: {}\n    host: {}\n    env: {{clear: {{APP_VERSION: side}}}}\n",
            "    proxy: {{host: side.test, app_port: 3000, path_prefix: /s, healthcheck: {{path: /up}}}}\n",
        ),
        image.trim(),
        machine.ip
    ));
    project.mrsk(&["accessory", "boot", "side"]).expect(0);
    let side = Ask::of(machine).host("side.test").path("/s/up");
    crate::lab_project::eventually(20, || side.get().is_ok_and(|(status, _)| status == 200));
    assert_eq!(
        Ask::of(machine).host("side.test").get().unwrap().0,
        200,
        "the app takes the rest"
    );
    let labels = machine.sh("docker inspect --format '{{json .Config.Labels}}' lab-side-side");
    assert!(labels.contains("Host(`side.test`)"), "{labels}");
    project
        .mrsk(&["accessory", "remove", "side", "-y"])
        .expect(0);
}
