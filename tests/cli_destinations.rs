//! Destinations on the command line: which files count, and what each command makes of them. No lab, no network.

use std::path::PathBuf;

use assert_cmd::Command;
use serde_json::Value;

const BASE: &str = "\
service: shop
image: acme/shop
registry:
  server: registry.example.com
  username: robot
  password:
    - MRSK_REGISTRY_PASSWORD
env:
  clear:
    LOG_LEVEL: info
builder:
  multiarch: false
";

const STAGING: &str = "\
servers:
  - 127.0.0.1
env:
  clear:
    LOG_LEVEL: debug
";

/// A git repository with a configuration that is complete with its destination alone.
struct Project {
    dir: tempfile::TempDir,
}

impl Project {
    fn new() -> Self {
        let project = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        // A port that was free a moment ago: nobody listens there.
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        project.write("config/deploy.yml", BASE);
        let staging = format!("{STAGING}ssh:\n  port: {port}\n");
        project.write("config/deploy.staging.yml", &staging);
        project.write("Dockerfile", "FROM scratch\n");
        for args in [
            &["init", "-q"][..],
            &["add", "-A"],
            &[
                "-c",
                "user.name=A",
                "-c",
                "user.email=a@example.com",
                "commit",
                "-qm",
                "First",
            ],
        ] {
            project.command("git").args(args).assert().success();
        }
        project
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.dir.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.dir.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .timeout(std::time::Duration::from_secs(60));
        command
    }

    /// Returns standard output and error of a command that ends with `code`.
    #[track_caller]
    fn mrsk(&self, args: &[&str], code: i32) -> (String, String) {
        let output = self.command(env!("CARGO_BIN_EXE_mrsk")).args(args).output();
        let output = output.unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            output.status.code(),
            Some(code),
            "{args:?}\n{stdout}\n{stderr}"
        );
        (stdout, stderr)
    }
}

#[test]
fn every_command_of_a_project_takes_a_destination() {
    let project = Project::new();
    project.write(".env", "MRSK_REGISTRY_PASSWORD=some-password\n");
    for args in [
        &["plan"][..],
        &["plan", "setup"],
        &["deploy"],
        &["redeploy"],
        &["setup"],
        &["inspect"],
        &["audit"],
        &["lock", "status"],
        &["lock", "release"],
    ] {
        let (_, without) = project.mrsk(args, 78);
        assert!(
            without.contains("name a destination with `-d`: `staging`"),
            "{without}"
        );
        for flag in ["-d", "--destination"] {
            let args = [args, &[flag, "staging"]].concat();
            let (_, stderr) = project.mrsk(&args, 69);
            assert!(stderr.contains("127.0.0.1"), "{stderr}");
        }
        let (_, unknown) = project.mrsk(&[args, &["-d", "stagging"]].concat(), 78);
        for part in [
            "config/deploy.stagging.yml does not exist",
            "did you mean `-d staging`?",
        ] {
            assert!(unknown.contains(part), "{unknown}");
        }
    }
    let (config, _) = project.mrsk(&["config", "-d", "staging"], 0);
    assert!(config.contains("destination: staging") && config.contains("LOG_LEVEL: debug"));
    project.mrsk(&["lock", "-d", "staging", "status"], 69);
}

#[test]
fn another_configuration_has_destinations_of_its_own() {
    let project = Project::new();
    project.write("other.yml", BASE);
    project.write("other.qa.yml", "servers: [192.0.2.7]\n");
    let (config, _) = project.mrsk(&["config", "-c", "other.yml", "-d", "qa"], 0);
    assert!(config.contains("192.0.2.7"), "{config}");
    let (_, stderr) = project.mrsk(&["config", "-c", "other.yml", "-d", "staging"], 78);
    assert!(stderr.contains("other.staging.yml"), "{stderr}");
}

#[test]
fn the_plan_is_that_of_the_destination() {
    let project = Project::new();
    let plan = |args: &[&str]| {
        let args = [&["plan", "--fresh", "--no-secrets", "-d"], args].concat();
        serde_json::from_str::<Value>(&project.mrsk(&args, 0).0).unwrap()
    };
    let staging = plan(&["staging"]);
    assert_eq!(staging["operation"]["destination"], "staging");
    assert_eq!(staging["config"]["path"], "config/deploy.yml");
    assert!(staging.to_string().contains("shop-web-staging-"));
    project.write("config/deploy.qa.yml", STAGING);
    let qa = plan(&["qa"]);
    assert_ne!(qa["config"]["sha256"], staging["config"]["sha256"]);
    let changed = STAGING.replace("debug", "trace");
    project.write("config/deploy.qa.yml", &changed);
    assert_ne!(plan(&["qa"])["config"]["sha256"], qa["config"]["sha256"]);
}

#[test]
fn problems_are_shown_in_the_file_that_has_them() {
    let project = Project::new();
    project.write(
        "config/deploy.qa.yml",
        &format!("{STAGING}labls: {{a: b}}\n"),
    );
    let (_, stderr) = project.mrsk(&["config", "-d", "qa"], 78);
    for part in [
        "config/deploy.qa.yml:6:1",
        "labls: {a: b}",
        "did you mean `labels`?",
    ] {
        assert!(stderr.contains(part), "{stderr}");
    }
}

#[test]
fn secrets_of_the_destination_come_before_the_common_ones() {
    let project = Project::new();
    let plan = ["plan", "--fresh", "-d", "staging"];
    let (_, missing) = project.mrsk(&plan, 78);
    assert!(missing.contains(".env.staging or .env"), "{missing}");
    project.write(".env.qa", "MRSK_REGISTRY_PASSWORD=of-qa\n");
    project.write(".dockerignore", ".env.*\n.env\n");
    project.mrsk(&plan, 78);
    project.write(".env.staging", "MRSK_REGISTRY_PASSWORD=of-staging\n");
    project.mrsk(&plan, 0);
    std::fs::remove_file(project.path(".env.staging")).unwrap();
    project.write(".env", "MRSK_REGISTRY_PASSWORD=for-all\n");
    project.mrsk(&plan, 0);
    // A plan that would hold the value is refused: so one sees which of the values counts.
    let version = [&plan[..], &["--version", "of-staging-42"]].concat();
    project.mrsk(&version, 0);
    project.write(".env.staging", "MRSK_REGISTRY_PASSWORD=of-staging-42\n");
    let (_, refused) = project.mrsk(&version, 78);
    assert!(
        refused.contains("would contain the value of secret"),
        "{refused}"
    );
    project.mrsk(&[&plan[..], &["--version", "for-all"]].concat(), 0);
}

#[test]
fn apply_takes_the_destination_from_the_plan() {
    let project = Project::new();
    let (plan, _) = project.mrsk(&["plan", "--fresh", "--no-secrets", "-d", "staging"], 0);
    project.write("plan.json", &plan);
    project.write(".env.qa", "MRSK_REGISTRY_PASSWORD=of-qa\n");
    let (_, missing) = project.mrsk(&["apply", "plan.json"], 78);
    assert!(
        missing.contains("in the environment or in .env.staging or .env;"),
        "{missing}"
    );
    project.write(".env.staging", "MRSK_REGISTRY_PASSWORD=of-staging\n");
    let (_, stderr) = project.mrsk(&["apply", "plan.json"], 69);
    assert!(stderr.contains("127.0.0.1"), "{stderr}");
}

#[test]
fn the_example_of_the_documentation_works_when_pasted() {
    let text = include_str!("../docs/destinations.md");
    let blocks: Vec<&str> = text
        .split("```yaml\n")
        .skip(1)
        .filter_map(|block| block.split("```").next())
        .collect();
    let project = Project::new();
    project.write("config/deploy.yml", blocks[0]);
    for (over, expected) in [
        (blocks[1], "LOG_LEVEL: debug"),
        (blocks[2], "traefik.http.routers"),
    ] {
        project.write("config/deploy.staging.yml", over);
        let (config, _) = project.mrsk(&["config", "-d", "staging"], 0);
        assert!(
            config.contains(expected) && config.contains("- DATABASE_URL"),
            "{config}"
        );
    }
}

/// The facts of one host, on which a container of accessory `db` runs that says nothing of whose it is.
fn with_database() -> String {
    serde_json::json!({"format_version": "1.0", "hosts": {"10.0.0.1": {
        "home": "/root", "user": "root", "privilege": "root", "state_dir": "/var/lib/mrsk",
        "package_manager": "apt-get", "service_manager": "systemd",
        "curl": {"installed": true}, "docker": {"installed": true, "answers": true},
        "containers": {"shop-db": {"id": "d", "state": "running", "image": "db:1"}},
        "directories": {"/root/shop-db": {"entries": 3}},
    }}})
    .to_string()
}

#[test]
fn an_accessory_that_another_destination_may_use_is_not_removed() {
    let project = Project::new();
    let database = "accessories:\n  db:\n    image: db:1\n    host: 10.0.0.1\n";
    let both = "servers: [10.0.0.1]\n";
    project.write("config/deploy.staging.yml", both);
    project.write("config/deploy.yml", &format!("{BASE}{database}"));
    project.write("facts.json", &with_database());
    let remove = ["plan", "remove", "-d", "staging", "--facts", "facts.json"];
    let accessory = [
        "plan",
        "accessory",
        "remove",
        "db",
        "-d",
        "staging",
        "--facts",
        "facts.json",
    ];
    let plan = |args: &[&str], code| project.mrsk(args, code);
    // Nobody else has it: the configuration alone has no servers.
    assert!(plan(&remove, 0).0.contains("%2Froot%2Fshop-db/remove"));
    plan(&accessory, 0);
    // Production has hosts of its own, which are not among the facts, and the same database.
    project.write("config/deploy.production.yml", "servers: [10.0.0.2]\n");
    let (kept, said) = plan(&remove, 0);
    assert!(
        !kept.contains("shop-db/remove") && !kept.contains("accessory/db/stop"),
        "{kept}"
    );
    assert!(
        said.contains("destination production has it on this host, too"),
        "{said}"
    );
    let (_, said) = plan(&accessory, 78);
    assert!(
        said.contains("destination production has it on this host, too"),
        "{said}"
    );
    // What nobody can read may have it.
    project.write(
        "config/deploy.production.yml",
        "servers: <%= `touch ran` %>\n",
    );
    for args in [&remove[..], &accessory] {
        let args = [args, &["--no-exec"]].concat();
        let (_, said) = plan(&args, if args.contains(&"accessory") { 78 } else { 0 });
        let expected =
            "config/deploy.production.yml cannot be read, and may have it on this host, too";
        assert!(said.contains(expected), "{said}");
    }
    assert!(!project.path("ran").exists());
}
