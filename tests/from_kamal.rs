//! `mrsk init --from-kamal`: the project of `fixtures/kamal/shop`, and what it becomes. No lab. `MRSK_BLESS=1` rewrites what is expected.

mod golden;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use golden::Golden;

fn fixture(name: &str) -> PathBuf {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/kamal");
    fixtures.join(name)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

/// Runs mrsk in `directory`. Returns its exit code, its output and its standard error.
fn mrsk(directory: &Path, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::cargo_bin("mrsk").unwrap();
    let output = command
        .current_dir(directory)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", directory)
        .args(args)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let code = output.status.code().unwrap();
    (code, text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_project_of_kamal_2_is_translated_into_files_beside_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    copy(&fixture("shop"), path);
    let before = fs::read_to_string(path.join("config/deploy.yml")).unwrap();

    let (code, _, error) = mrsk(path, &["config"]);
    assert_eq!(code, 78);
    assert_eq!(error.matches(" × ").count(), 1, "{error}");
    assert!(error.contains("mrsk init --from-kamal"), "{error}");

    let (code, said, error) = mrsk(path, &["init", "--from-kamal"]);
    assert_eq!(code, 0, "{error}");
    let mut golden = Golden::default();
    golden.check(&fixture("expected/said.txt"), &said);
    for name in ["mrsk.yml", "mrsk.staging.yml", "mrsk.md"] {
        let text = fs::read_to_string(path.join("config").join(name)).unwrap();
        golden.check(&fixture("expected").join(name), &text);
    }
    for arguments in [
        &["config", "-c", "config/mrsk.yml"][..],
        &["config", "-c", "config/mrsk.yml", "-d", "staging"],
    ] {
        let (code, config, error) = mrsk(path, arguments);
        assert_eq!(code, 0, "{error}");
        assert!(config.contains("\ntranslated:"), "{config}");
    }
    let page = fs::read_to_string(path.join("config/mrsk.md")).unwrap();
    assert!(
        !page.contains("=staging") && !page.contains("master.key"),
        "{page}"
    );

    let (code, _, error) = mrsk(path, &["init", "--from-kamal"]);
    assert_eq!(code, 1, "{error}");
    assert!(error.contains("config/mrsk.yml exists"), "{error}");
    let after = fs::read_to_string(path.join("config/deploy.yml")).unwrap();
    assert_eq!(before, after);
}

#[test]
fn the_commands_that_are_named_have_the_destination_that_is_required() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    copy(&fixture("shop"), path);
    let file = path.join("config/deploy.yml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{text}require_destination: true\n")).unwrap();
    let (code, said, error) = mrsk(path, &["init", "--from-kamal"]);
    assert_eq!(code, 0, "{error}");
    let options = "-c config/mrsk.yml -d staging";
    assert!(said.contains(&format!("`mrsk config {options}`")), "{said}");
    let page = fs::read_to_string(path.join("config/mrsk.md")).unwrap();
    for command in ["mrsk config", "mrsk plan", "mrsk secrets print"] {
        assert!(page.contains(&format!("{command} {options}")), "{page}");
    }
    let command: Vec<&str> = ["config"].into_iter().chain(options.split(' ')).collect();
    let (code, _, error) = mrsk(path, &command);
    assert_eq!(code, 0, "{error}");
}

#[test]
fn the_project_can_be_named_and_needs_a_configuration() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let (code, _, error) = mrsk(path, &["init", "--from-kamal"]);
    assert_eq!(code, 78, "{error}");
    assert!(error.contains("config/deploy.yml"), "{error}");

    copy(&fixture("shop"), &path.join("shop"));
    let (code, _, error) = mrsk(path, &["init", "--from-kamal", "shop"]);
    assert_eq!(code, 0, "{error}");
    assert!(path.join("shop/config/mrsk.yml").exists());
}

/// Writes a project with this configuration, and translates it. Returns what mrsk said, and the new configuration.
fn translated(path: &Path, text: &str) -> (String, String) {
    fs::create_dir_all(path.join("config")).unwrap();
    fs::write(path.join("config/deploy.yml"), text).unwrap();
    let (code, said, error) = mrsk(path, &["init", "--from-kamal"]);
    assert_eq!(code, 0, "{error}");
    let new = fs::read_to_string(path.join("config/mrsk.yml")).unwrap();
    (said, new)
}

const APP: &str = "service: shop\nimage: acme/shop\nservers: [192.0.2.1]\nregistry: {username: u, password: [P]}\n";

/// Those that ask hosts are run on the lab.
#[test]
fn the_commands_of_the_migration_page_that_need_no_host_work_in_its_order() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    copy(&fixture("shop"), path);
    fs::write(path.join("Dockerfile"), "FROM scratch\n").unwrap();
    for hook in fs::read_dir(path.join(".kamal/hooks")).unwrap() {
        fs::set_permissions(hook.unwrap().path(), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/migrating.md"));
    let page = page.unwrap().replace('\n', " ");
    for command in [
        "mrsk init --from-kamal",
        "mrsk config -c config/mrsk.yml",
        "mrsk plan -c config/mrsk.yml --fresh --no-secrets",
        "mrsk show plan.json",
        "--format commands",
    ] {
        assert!(page.contains(&format!("`{command}`")), "{command}");
        let command = match command {
            "--format commands" => "mrsk show plan.json --format commands",
            command => command,
        };
        let words: Vec<&str> = command.split(' ').skip(1).collect();
        let words = match words[0] {
            "plan" => [words.as_slice(), &["--version", "v1", "-o", "plan.json"]].concat(),
            _ => words,
        };
        let (code, _, error) = mrsk(path, &words);
        assert_eq!(code, 0, "{command}: {error}");
    }
}

#[test]
fn a_file_of_an_earlier_tool_keeps_the_port_of_the_app() {
    for (more, has_port_80) in [
        ("asset_path: /assets\n", false),
        ("healthcheck: {port: 4000}\n", false),
        ("traefik: {args: {accesslog: true}}\n", false),
        ("builder: {arch: amd64}\n", true),
        ("builder: {arch: amd64}\nproxy: {app_port: 4000}\n", false),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let (_, new) = translated(directory.path(), &format!("{APP}{more}"));
        assert_eq!(new.contains("app_port: 80\n"), has_port_80, "{more}: {new}");
        let (code, _, error) = mrsk(directory.path(), &["config", "-c", "config/mrsk.yml"]);
        assert_eq!(code, 0, "{more}: {error}");
    }
}

#[test]
fn keys_that_are_not_read_are_named_and_those_in_braces_each_with_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let (said, new) = translated(
        path,
        &format!(
            "{APP}builder: {{arch: amd64, pack: {{builder: x}}}}\nproxy:\n  host: a.example.com\nminimum_version: 2.3.0\n\
             error_pages_path: <%= ENV.fetch(\"PAGES\", \"a\") %>\naccessories:\n  db:\n    image: x\n    tags: [a]\n    host: 192.0.2.1\n\
             sshkit:\n  dns_retries: 3\n"
        ),
    );
    for key in [
        "error_pages_path",
        "minimum_version",
        "accessories.db.tags",
        "sshkit.dns_retries",
    ] {
        assert!(said.contains(&format!("`{key}`")), "{said}");
    }
    assert!(
        said.contains("to be removed from config/mrsk.yml by hand: `builder.pack`\n"),
        "{said}"
    );
    assert!(new.contains("# error_pages_path: <%%= ENV"), "{new}");
    let (code, _, error) = mrsk(path, &["config", "-c", "config/mrsk.yml"]);
    assert_eq!(code, 78);
    assert!(
        error.contains("unknown key `builder.pack`: it is a key of Kamal 2")
            && error.contains("write a Dockerfile")
            && !error.contains("--from-kamal"),
        "{error}"
    );
    fs::write(
        path.join("config/mrsk.yml"),
        new.replace(", pack: {builder: x}", ""),
    )
    .unwrap();
    let (code, _, error) = mrsk(path, &["config", "-c", "config/mrsk.yml"]);
    assert_eq!(code, 0, "{error}");
}
