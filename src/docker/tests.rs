use super::image::{Build, Layers, Pin};
use super::{container, image, names};
use crate::action::{Arg, Run};
use crate::config::model::Config;
use crate::name::HostName;

fn config(more: &str) -> Config {
    config_with(&format!(
        "registry:\n  username: team\n  password: [PASSWORD]\nservers:\n  web:\n    hosts: [a]\n{more}"
    ))
}

fn build_of<'a>(dockerfile: &'a str, context: &'a str, source: &'a str) -> Build<'a> {
    Build {
        version: "v1",
        dockerfile,
        context,
        source,
        layers: Layers::Cached,
    }
}

fn config_with(text: &str) -> Config {
    let head = "service: hey\nimage: team/hey\n";
    let builder = if text.contains("builder:") {
        ""
    } else {
        "builder: {multiarch: false}\n"
    };
    crate::config::parse("deploy.yml", &format!("{head}{builder}{text}"), None)
        .unwrap()
        .config
}

/// Returns a command as its words; what comes from the environment as `$NAME`.
fn words(run: &Run) -> Vec<String> {
    run.argv
        .iter()
        .map(|arg| match arg {
            Arg::Literal(text) => text.clone(),
            Arg::FromEnv(name) => format!("${name}"),
            Arg::Pushed(image) => image.named(None),
        })
        .collect()
}

fn create(config: &Config) -> container::Create {
    let role = &config.roles[0];
    let name = names::container(config, role, "v1");
    let reference = image::reference(config, "v1");
    let host = &config.hosts[0].name;
    container::create(
        config,
        (role, host, 0),
        &name,
        "v1",
        &reference,
        "/home/app",
    )
}

fn after<'a>(words: &'a [String], flag: &str) -> Vec<&'a str> {
    let pairs = words.windows(2).filter(|pair| pair[0] == flag);
    pairs.map(|pair| pair[1].as_str()).collect()
}

#[test]
fn a_container_is_created_with_everything_that_the_configuration_says() {
    let config = config(
        "    cmd: bin/web --port '80 80'
    labels: {team: 'a b', empty: ''}
    options: {memory: 1g, init: true, volumes: [~/cache:/cache], add-host: ['x:192.0.2.1', 'y:192.0.2.2']}
env:
  clear: {PLAIN: 'a=b c', DASHED: --rm, EMPTY: ''}
  secret: [TOKEN]
volumes: ['~/data:/data']
logging: {driver: local, options: {max-size: 1m}}
healthcheck: {path: /health, port: 8080}
",
    );
    let create = create(&config);
    let words = words(&create.run);
    assert_eq!(
        words[..8],
        [
            "docker",
            "create",
            "--name",
            "hey-web-v1",
            "--pull",
            "never",
            "--restart",
            "unless-stopped"
        ]
    );
    assert_eq!(
        after(&words, "--env"),
        [
            "DASHED=--rm",
            "EMPTY=",
            "MRSK_CONTAINER_NAME=hey-web-v1",
            "PLAIN=a=b c",
            "TOKEN"
        ]
    );
    assert_eq!(create.run.env, ["TOKEN".into()]);
    assert_eq!(after(&words, "--volume"), ["/home/app/data:/data"]);
    assert_eq!(after(&words, "--log-driver"), ["local"]);
    assert_eq!(after(&words, "--log-opt"), ["max-size=1m"]);
    let labels = after(&words, "--label");
    for label in [
        "empty=",
        "team=a b",
        "role=web",
        "service=hey",
        "mrsk.service=hey",
        "mrsk.version=v1",
        "mrsk.healthcheck=8080 /health",
    ] {
        assert!(labels.contains(&label), "{label}: {labels:?}");
    }
    let digest = format!("mrsk.create={}", create.digest);
    assert_eq!(labels.last(), Some(&digest.as_str()));
    for option in [
        "--memory=1g",
        "--init",
        "--volume=/home/app/cache:/cache",
        "--add-host=x:192.0.2.1",
        "--add-host=y:192.0.2.2",
    ] {
        assert!(
            words.iter().any(|word| word == option),
            "{option}: {words:?}"
        );
    }
    assert_eq!(
        words[words.len() - 4..],
        ["team/hey:v1", "bin/web", "--port", "80 80"]
    );
}

#[test]
fn the_digest_tells_each_group_of_settings_apart() {
    let before = create(&config(""));
    let settings = |create: &container::Create| {
        let words = words(&create.run);
        let labels = after(&words, "--label");
        let prefix = "mrsk.settings=";
        let label = labels.iter().find_map(|label| label.strip_prefix(prefix));
        label.unwrap().to_owned()
    };
    for (text, group) in [
        ("env: {A: 1}\n", "env"),
        ("env: {secret: [A]}\n", "env"),
        ("volumes: ['data:/x']\n", "volumes"),
        ("logging: {driver: local}\n", "logging"),
        ("labels: {a: b}\n", "labels"),
        ("    options: {init: true}\n", "options"),
        ("    cmd: serve\n", "command"),
        ("healthcheck: {path: /x}\n", "healthcheck"),
        ("healthcheck: {cmd: check}\n", "healthcheck"),
        ("    healthcheck: {port: 1}\n", "healthcheck"),
        ("stop_signal: QUIT\n", "stop"),
    ] {
        let changed = create(&config(text));
        assert_ne!(changed.digest, before.digest, "{text}");
        assert_eq!(
            changed.changed_settings(&settings(&before)),
            [group],
            "{text}"
        );
    }
    assert_eq!(create(&config("")).digest, before.digest);
    assert!(before.changed_settings(&settings(&before)).is_empty());
    assert!(before.changed_settings("odd =x env").len() >= 4);
}

#[test]
fn a_health_check_of_docker_has_the_time_that_a_deploy_waits() {
    let own =
        "    healthcheck: {cmd: bin/check | tee log, interval: 1500ms}\n    stop_signal: QUIT\n";
    let words = words(&create(&config(own)).run);
    assert_eq!(after(&words, "--health-cmd"), ["bin/check | tee log"]);
    assert_eq!(after(&words, "--health-interval"), ["1500ms"]);
    assert_eq!(after(&words, "--health-start-period"), ["28s"]);
    assert_eq!(after(&words, "--stop-signal"), ["QUIT"]);
    let job = "    traefik: false\n    healthcheck: {port: 9100, path: /ok}\ndeploy_timeout: 60\n";
    let of_job = self::words(&create(&config(job)).run);
    assert_eq!(
        after(&of_job, "--health-cmd"),
        ["curl -f http://localhost:9100/ok || exit 1"]
    );
    assert_eq!(after(&of_job, "--health-start-period"), ["60s"]);
    // A shell reads it.
    let odd = "    traefik: false\n    healthcheck: {port: 9100, path: '/ok?a=1&b=$(id)'}\n";
    let words = self::words(&create(&config(odd)).run);
    let expected = ["curl -f 'http://localhost:9100/ok?a=1&b=$(id)' || exit 1"];
    assert_eq!(after(&words, "--health-cmd"), expected);
    let global = "    traefik: false\nhealthcheck: {cmd: bin/check}\n";
    let of_global = self::words(&create(&config(global)).run);
    assert!(
        after(&of_global, "--health-cmd").is_empty(),
        "of roles with Traefik alone"
    );
}

#[test]
fn what_does_not_concern_the_container_leaves_its_digest_alone() {
    let before = create(&config("")).digest;
    for text in [
        "boot: {limit: 2}\n",
        "drain_timeout: 5\n",
        "ssh: {user: app}\n",
        "traefik: {host_port: 8080}\n",
        "healthcheck: {log_lines: 9, max_attempts: 3, interval: 10s}\n",
        "deploy_timeout: 60\n",
        "stop_wait_time: 60\n",
        "    stop_wait_time: 60\n",
    ] {
        assert_eq!(create(&config(text)).digest, before, "{text}");
    }
}

#[test]
fn names_are_those_of_the_original_and_aliases_are_unique_to_a_start() {
    let plain = config("");
    let mut staging = config("");
    staging.destination = Some("staging".into());
    assert_eq!(
        names::container(&plain, &plain.roles[0], "v1"),
        "hey-web-v1"
    );
    assert_eq!(
        names::container(&staging, &staging.roles[0], "v1"),
        "hey-web-staging-v1"
    );
    let alias = |config: &Config, host: &str, version: &str, serial| {
        names::alias(
            config,
            &config.roles[0],
            &HostName::from(host),
            version,
            serial,
        )
    };
    let known = alias(&plain, "a", "v1", 0);
    // Aliases stand in routing files on hosts: another way to make them would be another format.
    assert_eq!(known, "m-592f419ed9e1c995");
    let all = [
        known.clone(),
        alias(&staging, "a", "v1", 0),
        alias(&plain, "b", "v1", 0),
        alias(&plain, "a", "v2", 0),
        alias(&plain, "a", "v1", 1),
    ];
    let unique: std::collections::BTreeSet<&String> = all.iter().collect();
    assert_eq!(unique.len(), all.len());
    assert!(all.iter().all(|alias| names::is_alias(alias)));
    for other in [
        "m-",
        "m-0123456789abcdeg",
        "m-0123456789ABCDEF",
        "x-0123456789abcdef",
        "m-0123456789abcdef0",
    ] {
        assert!(!names::is_alias(other), "{other}");
    }
}

#[test]
fn a_login_hands_over_the_password_on_standard_input_only() {
    let servers = "servers: [a]\n";
    for (registry, expected, password) in [
        (
            "registry: {username: team, password: [PASSWORD]}\n",
            "docker login --username team --password-stdin",
            "PASSWORD",
        ),
        (
            "registry: {server: 'r.example.com:5000', username: [WHO], password: [PASSWORD]}\n",
            "docker login --username $WHO --password-stdin r.example.com:5000",
            "PASSWORD",
        ),
    ] {
        let registry = config_with(&format!("{registry}{servers}")).registry;
        let credentials = registry.push_credentials().unwrap();
        let run = image::login(registry.server.as_deref(), &credentials);
        assert_eq!(words(&run).join(" "), expected);
        assert_eq!(run.stdin.as_deref(), Some(password));
        assert!(run.env.is_empty() && run.own_config.is_some());
        let (_, name, server) = image::as_login(&run).unwrap();
        assert_eq!((name, server), (password, registry.server.as_deref()));
    }
    assert_eq!(image::as_login(&image::pull_reference("app:1")), None);
}

#[test]
fn a_build_gets_arguments_literally_and_secrets_by_name() {
    let config = config_with(
        "registry: {username: team, password: [PASSWORD]}
servers: [a]
builder: {multiarch: false, args: {A: '-x y', B: ''}, secrets: [TOKEN]}
",
    );
    let run = image::build(&config, &build_of("docker/Dockerfile", "app", "sha256:1"));
    assert_eq!(
        words(&run),
        [
            "env",
            "DOCKER_BUILDKIT=1",
            "docker",
            "build",
            "--tag",
            "team/hey:v1",
            "--tag",
            "team/hey:latest",
            "--label",
            "service=hey",
            "--label",
            "mrsk.source=sha256:1",
            "--build-arg",
            "A=-x y",
            "--build-arg",
            "B=",
            "--secret",
            "id=TOKEN,env=TOKEN",
            "--file",
            "docker/Dockerfile",
            "app"
        ]
    );
    assert_eq!(run.env, ["TOKEN".into()]);
    let dashed = words(&image::build(&config, &build_of("-f", "-", "sha256:1")));
    assert_eq!(dashed[dashed.len() - 3..], ["--file", "./-f", "./-"]);
}

#[test]
fn a_pull_of_a_known_digest_takes_nothing_else() {
    let by_tag = image::pull("team/hey", "v1", Pin::Tag);
    assert_eq!(
        by_tag.iter().map(words).collect::<Vec<_>>(),
        [["docker", "pull", "team/hey:v1"]]
    );
    let pinned = image::pull("team/hey", "v1", Pin::Digest("sha256:1"));
    let pinned: Vec<String> = pinned.iter().map(|run| words(run).join(" ")).collect();
    assert_eq!(
        pinned,
        [
            "docker pull team/hey@sha256:1",
            "docker tag team/hey@sha256:1 team/hey:v1"
        ]
    );
    let push = "local/push".into();
    let pushed = image::pull("team/hey", "v1", Pin::PushedBy(&push));
    let exact = pushed.iter().flat_map(|run| &run.argv);
    let exact = exact.filter_map(|arg| match arg {
        Arg::Pushed(image) => Some(image.named(Some("sha256:2"))),
        Arg::Literal(_) | Arg::FromEnv(_) => None,
    });
    assert_eq!(
        exact.collect::<Vec<_>>(),
        ["team/hey@sha256:2", "team/hey@sha256:2"]
    );
}

#[test]
fn the_digest_of_a_manifest_is_that_of_one_platform_only() {
    let digest = image::digest_of_manifest;
    let own = format!("sha256:{}", "ab".repeat(32));
    let manifest = format!(r#"{{"Ref": "x", "Descriptor": {{"digest": "{own}"}}}}"#);
    assert_eq!(digest(&manifest), Some(own));
    let list = format!("[{manifest}]");
    for other in ["", "[]", &list, r#"{"Descriptor": {"digest": "md5:1"}}"#] {
        assert_eq!(digest(other), None, "{other}");
    }
}

#[test]
fn the_size_of_an_image_is_that_of_its_layers() {
    let image = |name: &str, sizes: &str| {
        format!(r#"{{"Ref": "x", "{name}": {{"config": {{"size": 9}}, "layers": [{sizes}]}}}}"#)
    };
    let one = image("SchemaV2Manifest", r#"{"size": 3}, {"size": 4}"#);
    let two = image("OCIManifest", r#"{"size": 5}"#);
    for (answer, expected) in [
        (one.as_str(), Some(7)),
        (&two, Some(5)),
        (&format!("[{two}, {one}]"), Some(7)),
        (&image("SchemaV2Manifest", r#"{"size": -3}"#), None),
        (
            &image("SchemaV2Manifest", r#"{"size": 18446744073709551616}"#),
            None,
        ),
        (r#"{"Ref": "x"}"#, None),
        ("[]", None),
        ("", None),
    ] {
        assert_eq!(image::bytes_of_manifest(answer), expected, "{answer}");
    }
}

#[test]
fn containers_are_named_literally_in_every_command() {
    let text = |run: Run| words(&run).join(" ");
    assert_eq!(text(container::start("a")), "docker start a");
    assert_eq!(text(container::stop("a", 10)), "docker stop --time 10 a");
    assert_eq!(text(container::remove("a")), "docker rm --force a");
    assert_eq!(text(container::logs("a")), "docker logs --tail 50 a");
    assert_eq!(
        text(container::connect("a", None)),
        "docker network connect mrsk a"
    );
    assert_eq!(
        text(container::connect("a", Some("m-1"))),
        "docker network connect --alias m-1 mrsk a"
    );
}

#[test]
fn a_stage_is_named_before_the_dockerfile() {
    let config = config_with(
        "registry: {username: team, password: [PASSWORD]}
servers: [a]
builder: {multiarch: false, target: production}
",
    );
    let source = format!("sha256:{}", "0".repeat(64));
    let run = image::build(&config, &build_of("Dockerfile", ".", &source));
    let words = words(&run);
    let tail = ["--target", "production", "--file", "Dockerfile", "."].map(str::to_owned);
    assert!(words.ends_with(&tail), "{words:?}");
    assert!(crate::docker::local_command::is_listed(&run));
}

#[test]
fn a_container_gets_the_environment_of_its_host() {
    let config = config_with(
        "registry: {server: r.example.com}
servers:
  web: {hosts: [a: [eu, loud], b], env: {ROLE: web}}
env:
  clear: {REGION: us}
  secret: [TOKEN]
  tags:
    eu: {clear: {REGION: eu}, secret: [EU_TOKEN]}
    loud: {REGION: loud, TOKEN: none}
",
    );
    let role = &config.roles[0];
    let of = |host: &str| {
        let host = HostName::from(host);
        let create = container::create(&config, (role, &host, 0), "x", "v1", "i", "/home");
        let words = words(&create.run);
        let env = after(&words, "--env");
        env.iter()
            .map(|word| (*word).to_owned())
            .filter(|word| !word.starts_with("MRSK_"))
            .collect::<Vec<String>>()
    };
    assert_eq!(
        of("a"),
        ["REGION=loud", "ROLE=web", "TOKEN=none", "EU_TOKEN"]
    );
    assert_eq!(of("b"), ["REGION=us", "ROLE=web", "TOKEN"]);
    let names = crate::config::secrets::secret_names(&config);
    assert_eq!(Vec::from_iter(names.into_keys()), ["EU_TOKEN", "TOKEN"]);
}

#[test]
fn a_variable_has_the_value_of_a_secret_of_another_name() {
    let config = config("    env: {secret: [DB:WEB_DB, PATH:OTHER]}\n");
    let create = create(&config);
    let words = words(&create.run);
    assert!(after(&words, "--env").contains(&"DB"));
    assert_eq!(create.run.env, ["DB:WEB_DB".into()]);
    assert_eq!(create.run.env_file, ["PATH:OTHER".into()]);
    assert!(create.run.secrets().eq(["WEB_DB", "OTHER"]));
}

#[test]
fn a_role_has_its_own_log_and_volumes_beside_the_global_ones() {
    let config = config_with(
        "registry: {server: r.example, username: u, password: [P]}\n\
         servers:\n  web:\n    hosts: [a]\n    volumes: ['./own:/data/', 'spool:/x']\n    logging: {options: {max-file: '3'}}\n\
         volumes: ['data:/data', '~/y:/y']\nlogging: {driver: local, options: {max-size: 1m}}\n",
    );
    let words = words(&create(&config).run);
    let after = |option: &str| {
        let pairs = words.windows(2).filter(|pair| pair[0] == option);
        Vec::from_iter(pairs.map(|pair| pair[1].as_str()))
    };
    let volumes = ["/home/app/y:/y", "/home/app/own:/data/", "spool:/x"];
    assert_eq!(after("--volume"), volumes);
    assert_eq!(after("--log-driver"), ["local"]);
    assert_eq!(after("--log-opt"), ["max-file=3", "max-size=1m"]);
}
