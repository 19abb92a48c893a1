//! Secrets files and `mrsk secrets`: stand-ins for the programs of stores.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::ended::Ended;
use crate::project::{DEPLOY, Project};

const PLAN: [&str; 5] = ["plan", "--fresh", "--skip-push", "--version", "1"];

/// Returns a project whose PATH has these programs first; each notes its arguments in `asked`.
fn project(programs: &[(&str, &str)]) -> Project {
    let project = Project::new(DEPLOY);
    for (name, script) in programs {
        let path = format!("bin/{name}");
        project.write(
            &path,
            &format!("#!/bin/sh\necho \"{name} $*\" >>\"$HOME/asked\"\n{script}\n"),
        );
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(project.path(&path), mode).unwrap();
    }
    project
}

fn mrsk(project: &Project, args: &[&str], stdin: &str) -> Ended {
    let path = format!("{}:/usr/bin:/bin", project.path("bin").display());
    project.mrsk_with(args, &[("PATH", &path)], stdin)
}

/// Runs mrsk without the programs of this machine.
fn alone(project: &Project, args: &[&str]) -> Ended {
    let path = project.path("bin").display().to_string();
    project.mrsk_with(args, &[("PATH", &path)], "")
}

fn asked(project: &Project) -> Vec<String> {
    let text = std::fs::read_to_string(project.path("asked")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Arguments after `mrsk secrets fetch`, the stand-in of a program, what is printed, and what the program is asked.
type Row = (
    &'static [&'static str],
    (&'static str, &'static str),
    &'static str,
    &'static [&'static str],
);

const FETCHES: &[Row] = &[
    (
        &[
            "-a",
            "1password",
            "--account",
            "acme",
            "--from",
            "Prod/App",
            "DB",
            "KEY/x",
        ],
        (
            "op",
            "case \"$*\" in *label=DB*) echo '[{\"reference\": \"op://Prod/App/DB/password\", \"value\": \"one\"}, \
             {\"reference\": \"op://Prod/App/KEY/x\", \"value\": \"t\\\"wo\"}]' ;; esac",
        ),
        r#"{"Prod/App/DB":"one","Prod/App/KEY/x":"t\"wo"}"#,
        &[
            "op account get --account acme",
            "op item get App --vault Prod --format json --account acme --fields label=DB,label=KEY.x",
        ],
    ),
    (
        &[
            "--adapter",
            "bitwarden",
            "--account",
            "a@b.c",
            "app/KEY",
            "db",
        ],
        (
            "bw",
            "case \"$*\" in\nstatus) [ \"$BW_SESSION\" = s3ssion ] && echo '{\"status\": \"unlocked\"}' || echo '{\"status\": \"locked\"}' ;;\n\
             'unlock --raw') echo s3ssion ;;\n'get item app') echo '{\"fields\": [{\"name\": \"KEY\", \"value\": \"one\"}]}' ;;\n\
             'get item db') echo '{\"login\": {\"password\": \"two\"}}' ;;\nesac",
        ),
        r#"{"app/KEY":"one","db":"two"}"#,
        &[
            "bw status",
            "bw unlock --raw",
            "bw status",
            "bw sync",
            "bw get item app",
            "bw get item db",
        ],
    ),
    (
        &["--adapter", "bitwarden-sm", "project-id/all"],
        (
            "bws",
            "echo '[{\"key\": \"A\", \"value\": \"one\"}, {\"key\": \"B\", \"value\": \"two\"}]'",
        ),
        r#"{"A":"one","B":"two"}"#,
        &["bws secret list project-id"],
    ),
    (
        &[
            "--adapter",
            "lastpass",
            "--account",
            "me",
            "--from",
            "Prod",
            "A",
            "B",
        ],
        (
            "lpass",
            "case $1 in status) echo 'Logged in as me.' ;; *) echo '[{\"fullname\": \"Prod/A\", \"password\": \"one\"}, \
             {\"fullname\": \"Prod/B\", \"password\": \"two\"}]' ;; esac",
        ),
        r#"{"Prod/A":"one","Prod/B":"two"}"#,
        &[
            "lpass status --color never",
            "lpass show Prod/A Prod/B --json",
        ],
    ),
    (
        &[
            "--adapter",
            "aws_secrets_manager",
            "--account",
            "profile",
            "app",
            "key",
        ],
        (
            "aws",
            "echo '{\"SecretValues\": [{\"Name\": \"app\", \"SecretString\": \"{\\\"A\\\": \\\"one\\\"}\"}, \
             {\"Name\": \"key\", \"SecretString\": \"two\"}], \"Errors\": []}'",
        ),
        r#"{"app/A":"one","key":"two"}"#,
        &[
            "aws secretsmanager batch-get-secret-value --secret-id-list app key --profile profile --output json",
        ],
    ),
    (
        &["--adapter", "gcp", "--account", "me|robot", "A", "shop/B/3"],
        (
            "gcloud",
            "case $1 in auth) echo '[{}]' ;; *) echo '{\"payload\": {\"data\": \"b25l\"}}' ;; esac",
        ),
        r#"{"default/A":"one","shop/B":"one"}"#,
        &[
            "gcloud auth list --format=json",
            "gcloud secrets versions access latest --secret=A --account=me --impersonate-service-account=robot --format=json",
            "gcloud secrets versions access 3 --secret=B --project=shop --account=me --impersonate-service-account=robot --format=json",
        ],
    ),
    (
        &["--adapter", "doppler", "--from", "shop/prd", "A", "B"],
        (
            "doppler",
            "echo '{\"A\": {\"computed\": \"one\"}, \"B\": {\"computed\": \"two\"}}'",
        ),
        r#"{"A":"one","B":"two"}"#,
        &[
            "doppler me --json",
            "doppler secrets get A B --json -p shop -c prd",
        ],
    ),
    (
        &["--adapter", "command", "--from", "store 'of ours'", "A"],
        ("store", "[ \"$1\" = 'of ours' ] && echo '{\"A\": \"one\"}'"),
        r#"{"A":"one"}"#,
        &["store of ours A"],
    ),
];

#[test]
fn each_store_is_asked_by_its_own_program() {
    for (args, program, printed, expected) in FETCHES {
        let project = project(&[*program]);
        let args = [&["secrets", "fetch"], *args].concat();
        let said = mrsk(&project, &args, "").expect(0);
        assert_eq!(said.stdout.trim_end(), *printed, "{args:?}");
        assert_eq!(asked(&project), *expected);
        let extracted = mrsk(&project, &["secrets", "extract", "A", "-"], &said.stdout);
        assert!([0, 78].contains(&extracted.code), "{}", extracted.stderr);
    }
}

#[test]
fn a_program_that_is_missing_or_fails_is_named() {
    let project = project(&[(
        "aws",
        "echo leaked-value; echo 'no leaked-value' >&2; exit 4",
    )]);
    let adapters = [
        ("1password", "op"),
        ("bitwarden", "bw"),
        ("bitwarden-sm", "bws"),
        ("lastpass", "lpass"),
        ("gcp", "gcloud"),
        ("doppler", "doppler"),
    ];
    for (adapter, program) in adapters {
        let args = [
            "secrets",
            "fetch",
            "--adapter",
            adapter,
            "--account",
            "a",
            "--from",
            "b/c",
            "D",
        ];
        let said = alone(&project, &args).expect(78);
        assert!(
            said.stderr
                .contains(&format!("`{program}` is not installed")),
            "{}",
            said.stderr
        );
        assert!(said.stderr.contains("https://"), "{}", said.stderr);
    }
    let said = mrsk(&project, &["secrets", "fetch", "--adapter", "aws", "A"], "").expect(78);
    assert!(
        said.stderr.contains("exit status 4") && !said.stderr.contains("leaked-value"),
        "{}",
        said.stderr
    );
    let said = mrsk(
        &project,
        &["secrets", "extract", "A", "{\"B\": \"hunter2\"}"],
        "",
    )
    .expect(78);
    assert!(
        said.stderr.contains("no secret `A`") && !said.stderr.contains("hunter2"),
        "{}",
        said.stderr
    );
}

#[test]
fn a_plan_names_files_and_commands_and_runs_none() {
    let project = project(&[("vault", "echo value-of-$1")]);
    let text = "MRSK_REGISTRY_PASSWORD=$(vault password)\nDATABASE_URL=postgres://$USER_OF_DB@db\nOTHER=$(vault other)\n";
    project.write(".kamal/secrets", text);
    project.write(".env", "USER_OF_DB=app\n");
    let said = mrsk(&project, &PLAN, "").expect(0);
    assert_eq!(asked(&project), Vec::<String>::new());
    let plan: Value = serde_json::from_str(&said.stdout).unwrap();
    let sha256: String = Sha256::digest(text)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(
        plan["secrets_files"],
        serde_json::json!([{"path": ".kamal/secrets", "sha256": sha256}])
    );
    assert_eq!(
        plan["secret_commands"],
        serde_json::json!({"MRSK_REGISTRY_PASSWORD": ["vault password"]})
    );
    assert!(
        said.stderr
            .contains("vault password, for MRSK_REGISTRY_PASSWORD"),
        "{}",
        said.stderr
    );
    // A stranger's repository is planned the same.
    let sealed = mrsk(&project, &[&PLAN[..], &["--no-exec"]].concat(), "").expect(0);
    let sealed: Value = serde_json::from_str(&sealed.stdout).unwrap();
    assert_eq!(sealed["secret_commands"], plan["secret_commands"]);
    assert_eq!(asked(&project), Vec::<String>::new());
    // Without commands a file may change, as .env may.
    project.write(
        ".kamal/secrets",
        "MRSK_REGISTRY_PASSWORD=$PASSWORD\nDATABASE_URL=x\n",
    );
    project.write(".env", "PASSWORD=hunter2hunter2\n");
    let plain: Value = serde_json::from_str(&mrsk(&project, &PLAN, "").expect(0).stdout).unwrap();
    assert_eq!(
        plain["secrets_files"],
        serde_json::json!([{"path": ".kamal/secrets"}])
    );
    assert!(plain["secret_commands"].is_null());
}

#[test]
fn the_files_of_a_destination_and_a_path_are_read() {
    let project = project(&[]);
    project.write("config/deploy.staging.yml", "env: {clear: {A: b}}\n");
    project.write(
        ".kamal/secrets-common",
        "MRSK_REGISTRY_PASSWORD=common\nDATABASE_URL=common\n",
    );
    project.write(".kamal/secrets", "DATABASE_URL=none\n");
    project.write(
        ".kamal/secrets.staging",
        "DATABASE_URL=staging-$MRSK_REGISTRY_PASSWORD\n",
    );
    let print = |args: &[&str]| {
        mrsk(&project, &[&["secrets", "print"], args].concat(), "")
            .expect(0)
            .stdout
    };
    assert_eq!(
        print(&[]),
        "DATABASE_URL=none\nMRSK_REGISTRY_PASSWORD=common\n"
    );
    assert_eq!(
        print(&["-d", "staging"]),
        "DATABASE_URL=staging-common\nMRSK_REGISTRY_PASSWORD=common\n"
    );
    project.write(".mrsk/secrets", "A=$(printf 'of mrsk')\n");
    assert_eq!(print(&[]), "A=of mrsk\n");
    project.write(
        "config/deploy.yml",
        &format!("{DEPLOY}secrets_path: config/secrets\n"),
    );
    project.write("config/secrets", "A=of config\n");
    assert_eq!(print(&[]), "A=of config\n");
    let sealed = [("MRSK_NO_EXEC", "1")];
    let said = project
        .mrsk_with(&["secrets", "print"], &sealed, "")
        .expect(64);
    assert!(said.stderr.contains("MRSK_NO_EXEC"), "{}", said.stderr);
}

#[test]
fn a_file_whose_link_leads_nowhere_is_not_left_out() {
    let project = project(&[]);
    std::fs::create_dir_all(project.path(".kamal")).unwrap();
    let link = project.path(".kamal/secrets");
    std::os::unix::fs::symlink("no-such-file", link).unwrap();
    let said = mrsk(&project, &PLAN, "").expect(78);
    let text = "cannot read .kamal/secrets: it is a link to a file that does not exist";
    assert!(said.stderr.contains(text), "{}", said.stderr);
}

#[test]
fn a_program_of_the_user_is_not_taken_for_a_store() {
    let project = project(&[
        ("own", "echo 'vault is sealed' >&2; exit 3"),
        ("silent", ""),
    ]);
    let fetch = |program: &str| {
        let args = ["secrets", "fetch", "-a", "command", "--from", program, "A"];
        mrsk(&project, &args, "").expect(78).stderr
    };
    for (program, expected) in [
        ("own", "exit status 3: vault is sealed"),
        ("own", "run it by hand to see why"),
        ("silent", "printed no JSON object"),
        ("silent", "it must print a JSON object"),
        ("missing", "not in PATH"),
    ] {
        let said = fetch(program);
        assert!(said.contains(expected), "{expected}: {said}");
        for other in ["log in to", "update `", "it reads"] {
            assert!(!said.contains(other), "{said}");
        }
    }
}

#[test]
fn what_is_wrong_with_a_file_is_said_with_its_place() {
    let project = project(&[]);
    for (text, expected) in [
        (
            "A=hunter2\nMRSK_REGISTRY_PASSWORD hunter2\n",
            [".kamal/secrets:2", "expected `NAME=value`"],
        ),
        (
            "MRSK_REGISTRY_PASSWORD=$(cat hunter2\n",
            [".kamal/secrets:1:24", "unclosed `$(`"],
        ),
        (
            "MRSK_REGISTRY_PASSWORD=$NOT_SET\nDATABASE_URL=x\n",
            [".kamal/secrets:1", "`$NOT_SET` is not set"],
        ),
    ] {
        project.write(".kamal/secrets", text);
        let said = mrsk(&project, &PLAN, "").expect(78);
        for part in expected {
            assert!(said.stderr.contains(part), "{part}: {}", said.stderr);
        }
        assert!(!said.stderr.contains("hunter2"), "{}", said.stderr);
    }
}
