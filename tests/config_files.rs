//! Reading the file itself, and looking up the secrets that it names.

mod erb_world;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use mrsk::config::dotenv::Environment;
use mrsk::config::secrets::{Purpose, accessory_secret_names, resolve_names, secret_names};
use mrsk::config::secrets_files::{SecretSources, SecretsFiles};
use mrsk::config::{self, Destination, PASSWORD_SECRET, render};
use mrsk::diagnostic::{self, Diagnostic};
use mrsk::name::RoleName;
use mrsk::secret::Secrets;

use erb_world::Fixed;

const DEPLOY: &str = "service: hey
image: 37s/hey
servers:
  web: [192.168.0.1]
  job:
    hosts: [192.168.0.2]
    env:
      secret: [MAILER]
registry:
  username: [USERNAME]
  password: hunter2
env:
  secret: [MASTER]
builder:
  multiarch: false
  secrets: [GITHUB_TOKEN, MASTER]
";

fn places(diagnostics: &[Diagnostic]) -> Vec<String> {
    let places = diagnostics
        .iter()
        .map(|diagnostic| match &diagnostic.place {
            Some(place) => format!("{place}: {}", diagnostic.message),
            None => diagnostic.message.clone(),
        });
    places.collect()
}

fn environment(variables: &[(&str, &str)]) -> Environment {
    let pairs = variables.iter();
    pairs
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// Resolves all names of secrets that a configuration has.
fn resolve_all(
    loaded: &config::Loaded,
    environment: &Environment,
) -> Result<Secrets, Vec<Diagnostic>> {
    resolve_names(
        &secret_names(&loaded.config),
        &loaded.config,
        &SecretSources::new(environment.clone(), SecretsFiles::default()),
        &loaded.literal_secrets,
        &loaded.places,
    )
}

#[test]
fn a_missing_file_says_how_to_name_another() {
    let dir = tempfile::tempdir().unwrap();
    let problems = config::load(&dir.path().join("deploy.yml"), None, &mut Fixed).unwrap_err();
    let help = problems[0].help.as_deref().unwrap();
    assert!(problems[0].message.contains("does not exist"));
    assert!(help.contains("-c") && help.contains("mrsk init"));
}

#[test]
fn a_file_that_is_not_utf8_is_refused_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("deploy.yml");
    fs::write(&path, b"service: hey\nimage: a\xff\n").unwrap();
    let problems = config::load(&path, None, &mut Fixed).unwrap_err();
    assert!(
        places(&problems)[0].contains("deploy.yml:2:9: "),
        "{problems:?}"
    );
}

#[test]
fn the_file_of_a_destination_is_merged_over_the_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("deploy.yml");
    fs::write(&path, DEPLOY).unwrap();
    let over = "servers: [10.0.0.1]\nenv: {clear: {A: b}}\n";
    fs::write(dir.path().join("deploy.staging.yml"), over).unwrap();
    let staging = config::load(&path, Some("staging"), &mut Fixed)
        .unwrap()
        .config;
    assert_eq!(staging.destination.as_deref(), Some("staging"));
    assert_eq!(staging.path, "deploy.yml");
    assert_eq!(staging.hosts.len(), 1);
    assert_eq!(staging.roles[0].env.clear["A"], "b");
    assert_eq!(staging.roles[0].env.secret, ["MASTER".into()]);
    let plain = config::load(&path, None, &mut Fixed).unwrap().config;
    assert_eq!((plain.destination, plain.hosts.len()), (None, 2));
}

#[test]
fn a_destination_without_a_file_is_refused_with_those_that_have_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("deploy.yml");
    fs::write(&path, DEPLOY).unwrap();
    let refused = |name: &str| {
        let problem = config::load(&path, Some(name), &mut Fixed)
            .unwrap_err()
            .remove(0);
        let file = dir.path().join(format!("deploy.{name}.yml"));
        let message = format!("destination file {} does not exist", file.display());
        assert_eq!(problem.message, message);
        problem.help.unwrap()
    };
    assert!(refused("staging").starts_with("create it"));
    for name in ["production", "staging"] {
        fs::write(dir.path().join(format!("deploy.{name}.yml")), "").unwrap();
    }
    let known = "known destinations: `production` and `staging`";
    assert_eq!(refused("qa"), known);
    assert_eq!(
        refused("stagin"),
        format!("did you mean `-d staging`? {known}")
    );
    let named = config::load(&path, Some("../x"), &mut Fixed).unwrap_err();
    assert_eq!(named[0].message, "`../x` is not a valid destination name");
}

#[test]
fn what_is_missing_is_judged_after_the_merge() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("deploy.yml");
    let (base, servers) = DEPLOY.split_once("servers:").unwrap();
    let (servers, rest) = servers.split_once("registry:").unwrap();
    fs::write(&path, format!("{base}registry:{rest}")).unwrap();
    let staging = dir.path().join("deploy.staging.yml");
    fs::write(&staging, format!("servers:{servers}")).unwrap();
    assert_eq!(
        config::load(&path, Some("staging"), &mut Fixed)
            .unwrap()
            .config
            .hosts
            .len(),
        2
    );
    let help = |destination| {
        let problem = config::load(&path, destination, &mut Fixed)
            .unwrap_err()
            .remove(0);
        assert_eq!(problem.message, "missing key `servers`");
        problem.help.unwrap()
    };
    assert!(help(None).contains("or name a destination with `-d`: `staging`"));
    fs::write(&staging, "# nothing yet\n").unwrap();
    let elsewhere = format!("here or in {}", staging.display());
    assert!(help(Some("staging")).contains(&elsewhere));
    fs::write(&path, "").unwrap();
    let empty = config::load(&path, Some("staging"), &mut Fixed)
        .unwrap_err()
        .remove(0);
    assert_eq!(empty.message, "the configuration is empty");
}

#[test]
fn every_problem_is_shown_in_the_file_it_stands_in() {
    let over = Destination {
        name: "staging",
        path: "deploy.staging.yml",
        text: "labels: [x]\nservers:\n  job:\n    hosts: [root@192.168.0.1:99]\nregistry:\n  password: hunter3\n  sever: y\n",
    };
    let problems = config::parse("deploy.yml", DEPLOY, Some(over)).unwrap_err();
    assert_eq!(
        places(&problems),
        [
            "deploy.staging.yml:1:1: `labels` must be a map, not a list",
            "deploy.staging.yml:4:13: conflicting definitions of host `192.168.0.1`: `root@192.168.0.1:99` here, `root@192.168.0.1` in deploy.yml:4",
            "deploy.staging.yml:6:3: registry password in plain text",
            "deploy.staging.yml:7:3: unknown key `registry.sever`",
        ]
    );
    let text = |file: &str| {
        Some(
            if file == "deploy.yml" {
                DEPLOY
            } else {
                over.text
            }
            .to_owned(),
        )
    };
    let shown = diagnostic::render(&problems, &text, mrsk::text::Styling::Plain);
    assert!(
        shown.contains("sever: y") && !shown.contains("hunter"),
        "{shown}"
    );
    for (base, over) in [("a: [\n", "b: }\n"), ("- a\n", "text\n")] {
        let over = Destination {
            name: "staging",
            path: "deploy.staging.yml",
            text: over,
        };
        let problems = config::parse("deploy.yml", base, Some(over)).unwrap_err();
        let files = problems.iter().filter_map(|problem| problem.place.as_ref());
        let files: BTreeSet<&str> = files.map(|place| place.file.as_str()).collect();
        assert_eq!(files.len(), 2, "{problems:?}");
    }
}

#[test]
fn missing_secrets_are_named_where_the_destination_asks_for_them() {
    let over = Destination {
        name: "staging",
        path: "deploy.staging.yml",
        text: "env:\n  secret: [OTHER]\n",
    };
    let loaded = config::parse("deploy.yml", DEPLOY, Some(over)).unwrap();
    let environment = environment(&[("GITHUB_TOKEN", "t"), ("MASTER", "m"), ("USERNAME", "u")]);
    let problems = resolve_all(&loaded, &environment).unwrap_err();
    assert_eq!(
        places(&problems),
        [
            "deploy.staging.yml:2:12: secret `OTHER` is not set",
            "deploy.yml:8:16: secret `MAILER` is not set",
        ]
    );
    let help = problems[0].help.as_deref().unwrap();
    assert!(help.contains("to .env.staging or .env,"), "{help}");
}

#[test]
fn no_absolute_path_gets_into_the_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("deploy.yml");
    fs::write(&path, DEPLOY).unwrap();
    assert_eq!(
        config::load(&path, None, &mut Fixed).unwrap().config.path,
        "deploy.yml"
    );
    let fixture = "fixtures/config/valid/roles.yml";
    for path in [
        Path::new(fixture).to_owned(),
        Path::new(env!("CARGO_MANIFEST_DIR")).join(fixture),
    ] {
        assert_eq!(
            config::load(&path, None, &mut Fixed).unwrap().config.path,
            fixture
        );
    }
}

#[test]
fn ten_thousand_hosts_are_read_quickly() {
    let hosts: String = (0..10_000)
        .map(|n| format!("    - app{n}.example.com\n"))
        .collect();
    let text = DEPLOY.replace(
        "  web: [192.168.0.1]\n",
        &format!("  web:\n{hosts}  other:\n{hosts}"),
    );
    let started = std::time::Instant::now();
    let loaded = config::parse("deploy.yml", &text, None).unwrap();
    assert_eq!(loaded.config.hosts.len(), 10_001);
    assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
}

#[test]
fn every_reference_is_known_by_name() {
    let loaded = config::parse("deploy.yml", DEPLOY, None).unwrap();
    let names = secret_names(&loaded.config);
    let role = |name: &str| Purpose::Role(RoleName::from(name));
    let expected = [
        ("GITHUB_TOKEN", BTreeSet::from([Purpose::Build])),
        ("MAILER", BTreeSet::from([role("job")])),
        (
            "MASTER",
            BTreeSet::from([Purpose::Build, role("job"), role("web")]),
        ),
        (PASSWORD_SECRET, BTreeSet::from([Purpose::RegistryPassword])),
        ("USERNAME", BTreeSet::from([Purpose::RegistryUsername])),
    ];
    let expected = expected.map(|(name, purposes)| (name.to_owned(), purposes));
    assert_eq!(names.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn secrets_of_accessories_are_needed_only_where_they_are_booted() {
    let accessory = |name: &str, secret: &str| {
        format!(
            "  {name}:\n    image: {name}\n    host: db1\n    env:\n      secret:\n        - {secret}\n"
        )
    };
    let (mysql, redis) = (
        accessory("mysql", "ROOT_PASSWORD"),
        accessory("redis", "REDIS_PASSWORD"),
    );
    let text = format!("{DEPLOY}\naccessories:\n{mysql}{redis}");
    let config = config::parse("deploy.yml", &text, None).unwrap().config;
    let app = config::parse("deploy.yml", DEPLOY, None).unwrap().config;
    assert_eq!(secret_names(&config), secret_names(&app));

    // Only an image of the registry needs its login.
    let names_of = |image: &str| {
        let mut accessory = config.accessories.first().unwrap().clone();
        accessory.image = image.to_owned();
        let names = accessory_secret_names(&config, [&accessory]);
        Vec::from_iter(names.into_keys())
    };
    let of_registry = match config.registry.server.as_deref() {
        Some(server) => format!("{server}/team/mysql"),
        None => "team/mysql".to_owned(),
    };
    assert_eq!(
        names_of(&of_registry),
        [PASSWORD_SECRET, "ROOT_PASSWORD", "USERNAME"]
    );
    assert_eq!(names_of("elsewhere.example/mysql"), ["ROOT_PASSWORD"]);
    let all = accessory_secret_names(&config, &config.accessories);
    let purpose = Purpose::Accessory("redis".to_owned());
    assert_eq!(all.get("REDIS_PASSWORD"), Some(&BTreeSet::from([purpose])));

    assert_eq!(config.primary_host(), app.primary_host());
    assert_eq!(config.hosts.len(), app.hosts.len() + 1);
    assert!(
        config
            .roles
            .iter()
            .all(|role| !role.hosts.iter().any(|host| host.as_str() == "db1"))
    );
}

#[test]
fn all_missing_secrets_are_named_at_every_reference() {
    let loaded = config::parse("deploy.yml", DEPLOY, None).unwrap();
    let environment = environment(&[("MAILER", "")]);
    let problems = resolve_all(&loaded, &environment).unwrap_err();
    assert_eq!(
        places(&problems),
        [
            "deploy.yml:10:14: secret `USERNAME` is not set",
            "deploy.yml:13:12: secret `MASTER` is not set",
            "deploy.yml:16:13: secret `GITHUB_TOKEN` is not set",
            "deploy.yml:16:27: secret `MASTER` is not set",
        ]
    );
}

#[test]
fn an_empty_value_is_a_value_unless_the_registry_needs_it() {
    let text = DEPLOY.replace("hunter2", "[TOKEN]");
    let loaded = config::parse("deploy.yml", &text, None).unwrap();
    let names = ["GITHUB_TOKEN", "MAILER", "MASTER", "TOKEN", "USERNAME"];
    let environment = environment(&names.map(|name| (name, "")));
    let problems = resolve_all(&loaded, &environment).unwrap_err();
    assert_eq!(
        places(&problems),
        [
            "deploy.yml:10:14: secret `USERNAME` is empty, but the registry login needs it",
            "deploy.yml:11:14: secret `TOKEN` is empty, but the registry login needs it",
        ]
    );
}

#[test]
fn values_come_from_the_file_or_the_environment() {
    let loaded = config::parse("deploy.yml", DEPLOY, None).unwrap();
    let environment = environment(&[
        ("MAILER", ""),
        ("MASTER", "a $b\n"),
        ("GITHUB_TOKEN", "t"),
        ("USERNAME", "u"),
        ("OTHER", "o"),
    ]);
    let secrets = resolve_all(&loaded, &environment).unwrap();
    let values: Vec<(&str, &str)> = secrets
        .iter()
        .map(|(name, secret)| (name.as_str(), secret.reveal()))
        .collect();
    assert_eq!(
        values,
        [
            ("GITHUB_TOKEN", "t"),
            ("MAILER", ""),
            ("MASTER", "a $b\n"),
            (PASSWORD_SECRET, "hunter2"),
            ("USERNAME", "u"),
        ]
    );
    assert!(!format!("{loaded:?}").contains("hunter2"));
    assert!(
        !render::to_json(&loaded.config)
            .to_string()
            .contains("hunter2")
    );
}

#[test]
fn the_fingerprint_depends_on_what_is_configured_alone() {
    let fingerprint = |path: &str, text: &str| {
        render::fingerprint(&config::parse(path, text, None).unwrap().config)
    };
    let one = fingerprint("deploy.yml", DEPLOY);
    let spaced = DEPLOY.replace("[MASTER]", "\n    - MASTER # the key");
    assert_eq!(one, fingerprint("other/deploy.yml", &spaced));
    assert_eq!(
        one,
        fingerprint(
            "deploy.yml",
            &DEPLOY.replace("hunter2", "[MRSK_REGISTRY_PASSWORD]")
        )
    );
    assert_ne!(
        one,
        fingerprint("deploy.yml", &DEPLOY.replace("37s/hey", "37s/hoy"))
    );
    assert_ne!(
        one,
        fingerprint("deploy.yml", &DEPLOY.replace("MAILER", "MAILED"))
    );
}

#[test]
fn a_certificate_that_is_none_is_told() {
    let text = "service: shop\nimage: acme/shop\nservers: [192.0.2.1]\nregistry: {server: r.example}\n\
                proxy: {ssl: {certificate_pem: CERT, private_key_pem: KEY}}\n";
    let loaded = config::parse("deploy.yml", text, None).unwrap();
    let certificate = "-----BEGIN CERTIFICATE-----\nMII\n";
    let environment = environment(&[("CERT", certificate), ("KEY", "shop.key")]);
    let problems = resolve_all(&loaded, &environment).unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].message, "secret `KEY` is not in PEM form");
}
