//! Traefik as users configure it, on the lab: each shape is served for real, from a first deploy on, and no switch loses a request.

use crate::lab_project::{Ask, Project, Users};

/// Serves on two ports, as an app with an interface of its own for something else does.
const TWO_PORTS: &str = "sh -c 'PORT=9000 /app & exec /app'";

/// Deploys two versions, the second one while users ask; `check` is made with each.
fn serves_and_switches(project: &Project, asks: &[Ask], check: impl Fn(&str)) {
    for version in ["one", "two"] {
        project.commit(&format!("APP_VERSION={version}\nAPP_SLOW_MS=50\n"));
        let users = (version == "two").then(|| Users::who(asks.to_vec()));
        project.mrsk(&["deploy"]).expect(0);
        check(version);
        project
            .mrsk(&["plan", "--detailed-exitcode"])
            .expect(0)
            .says(&["nothing to do"]);
        if let Some(users) = users {
            users.were_all_served();
        }
    }
}

/// The manual's example with two entry points, and a redirect to HTTPS.
#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn https_and_a_tcp_port_are_served() {
    let project = Project::new("lab-routes", &["172.30.0.17"]);
    let machine = &project.machines[0];
    project.configure_traefik(
        &format!(
            "  web:\n    hosts: [{}]\n    cmd: \"{TWO_PORTS}\"\n",
            machine.ip
        ),
        concat!(
            "  options:\n",
            "    publish:\n      - 443:443\n      - 9000:9000\n",
            "    volumes:\n      - /tmp/example.json:/tmp/example.json\n",
            "    memory: 512m\n",
            "  args:\n",
            "    accesslog: true\n    accesslog.format: json\n",
            "    entrypoints.web.address: ':80'\n",
            "    entrypoints.web.http.redirections.entryPoint.to: websecure\n",
            "    entrypoints.web.http.redirections.entryPoint.scheme: https\n",
            "    entrypoints.websecure.address: ':443'\n",
            "    entrypoints.otherentrypoint.address: ':9000'\n",
        ),
        concat!(
            "labels:\n",
            "  traefik.http.routers.lab-routes.entrypoints: websecure\n",
            "  traefik.http.routers.lab-routes.tls: true\n",
            "  traefik.http.services.lab-routes.loadbalancer.server.port: 3000\n",
            "  traefik.tcp.routers.other.rule: 'HostSNI(`*`)'\n",
            "  traefik.tcp.routers.other.entrypoints: otherentrypoint\n",
            "  traefik.tcp.services.other.loadbalancer.server.port: 9000\n",
        ),
    );
    let secure = Ask::of(machine).port(443).tls();
    let stream = Ask::of(machine).port(9000);
    let redirect = Ask::of(machine).expects(301);
    let asks = [
        secure.clone(),
        secure.clone().path("/sleep/500"),
        stream.clone(),
        stream.clone().path("/sleep/4000"),
        redirect.clone(),
    ];
    serves_and_switches(&project, &asks, |version| {
        assert_eq!(secure.version(), version);
        assert_eq!(stream.version(), version);
        assert_eq!(redirect.get().unwrap().0, 301);
        let limit = machine.sh("docker inspect --format '{{.HostConfig.Memory}}' traefik");
        assert_eq!(limit.trim(), "536870912");
        let log = machine.sh("docker logs traefik | grep '\"RouterName\":\"lab-routes' | tail -1");
        assert!(log.starts_with('{'), "{log}");
    });
}

/// Entry points of other names and ports, middlewares, and several routers and services of one container.
#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn several_routers_with_middlewares_are_served() {
    let project = Project::new("lab-middle", &["172.30.0.18"]);
    let machine = &project.machines[0];
    project.configure_traefik(
        &format!("  web:\n    hosts: [{}]\n    cmd: \"{TWO_PORTS}\"\n", machine.ip),
        concat!(
            "  host_port: 8080\n",
            "  options:\n    publish: [\"8443:8443\"]\n",
            "  args:\n",
            "    api.dashboard: true\n",
            "    serversTransport.forwardingTimeouts.responseHeaderTimeout: 1s\n",
            "    entrypoints.public.address: ':80'\n",
            "    entrypoints.admin.address: ':8443'\n",
            "  labels:\n",
            "    traefik.http.routers.board.rule: PathPrefix(`/api`)\n",
            "    traefik.http.routers.board.entrypoints: admin\n",
            "    traefik.http.routers.board.service: api@internal\n",
        ),
        concat!(
            "labels:\n",
            "  traefik.http.routers.lab-middle.rule: Host(`app.test`) && PathPrefix(`/v1`)\n",
            "  traefik.http.routers.lab-middle.entrypoints: public\n",
            "  traefik.http.routers.lab-middle.middlewares: strip\n",
            "  traefik.http.middlewares.strip.stripprefix.prefixes: /v1\n",
            "  traefik.http.routers.inner.rule: Host(`app.test`) && Path(`/env/PORT`)\n",
            "  traefik.http.routers.inner.entrypoints: public,admin\n",
            "  traefik.http.routers.inner.middlewares: auth@docker\n",
            "  traefik.http.routers.inner.service: inner\n",
            "  traefik.http.services.inner.loadbalancer.server.port: 9000\n",
            "  traefik.http.middlewares.auth.basicauth.users: 'me:$apr1$H6uskkkW$NNBs2U5LAblMB3OM9KekS/'\n",
        ),
    );
    let app = Ask::of(machine).port(8080).host("app.test");
    let stripped = app.clone().path("/v1/");
    let inner = app.clone().path("/env/PORT");
    let known = inner.clone().header("Authorization: Basic bWU6c2VjcmV0");
    let asks = [
        stripped.clone(),
        inner.clone().expects(401),
        known.clone(),
        known.clone().port(8443),
    ];
    serves_and_switches(&project, &asks, |version| {
        assert_eq!(stripped.version(), version);
        assert_eq!(app.get().unwrap().0, 404);
        let late = stripped.clone().path("/v1/sleep/1500").get().unwrap().0;
        assert_eq!(late, 504);
        assert_eq!(stripped.clone().port(8443).get().unwrap().0, 404);
        assert_eq!(inner.get().unwrap().0, 401);
        let wrong = inner.clone().header("Authorization: Basic bWU6d3Jvbmc=");
        assert_eq!(wrong.get().unwrap().0, 401);
        let (status, body) = known.get().unwrap();
        assert_eq!((status, body.as_slice()), (200, &b"9000"[..]));
        let board = Ask::of(machine).port(8443).path("/api/version");
        assert_eq!(board.get().unwrap().0, 200);
        assert_eq!(board.port(8080).get().unwrap().0, 404);
    });
}
