//! Approval of a plan: digests and SSH signatures, by the program and by `ssh-keygen`. No lab, no network.

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use mrsk::plan::wire;

const DEPLOY: &str = "\
service: shop
image: acme/shop
servers: [192.0.2.1]
registry: {server: registry.example.com, username: robot, password: [MRSK_REGISTRY_PASSWORD]}
builder: {multiarch: false}
";

/// A directory with a plan and the keys of some people.
struct Desk {
    dir: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        for (file, text) in [("deploy.yml", DEPLOY), ("Dockerfile", "FROM scratch\n")] {
            std::fs::write(desk.path(file), text).unwrap();
        }
        desk.plan("plan.json", "1");
        for (person, allowed) in [("ann", "ann"), ("ann2", "ann"), ("bob", "bob"), ("eve", "")] {
            let arguments = ["-q", "-t", "ed25519", "-N", "", "-f", person];
            desk.run("ssh-keygen", &arguments, 0);
            if !allowed.is_empty() {
                let key = std::fs::read_to_string(desk.path(&format!("{person}.pub"))).unwrap();
                let line = format!("{allowed} namespaces=\"mrsk-plan\" {key}");
                let file = desk.path("allowed");
                let before = std::fs::read_to_string(&file).unwrap_or_default();
                std::fs::write(file, before + &line).unwrap();
            }
        }
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn plan(&self, file: &str, version: &str) {
        let arguments = [
            "plan",
            "--fresh",
            "--no-secrets",
            "-c",
            "deploy.yml",
            "--skip-push",
        ];
        let (plan, _) = self.mrsk(&[&arguments[..], &["--version", version]].concat(), 0);
        std::fs::write(self.path(file), plan).unwrap();
    }

    fn digest(&self, plan: &str) -> String {
        let text = std::fs::read_to_string(self.path(plan)).unwrap();
        wire::read_strict(&text).unwrap().digest.to_string()
    }

    #[track_caller]
    fn run(&self, program: &str, args: &[&str], code: i32) -> (String, String) {
        self.run_with(program, args, "", code)
    }

    #[track_caller]
    fn run_with(&self, program: &str, args: &[&str], input: &str, code: i32) -> (String, String) {
        let output = Command::new(program)
            .args(args)
            .current_dir(self.dir.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.dir.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .timeout(std::time::Duration::from_secs(60))
            .write_stdin(input)
            .output()
            .unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        let shown = format!("{program} {args:?}\n{stdout}\n{stderr}");
        assert_eq!(output.status.code(), Some(code), "{shown}");
        (stdout, stderr)
    }

    #[track_caller]
    fn mrsk(&self, args: &[&str], code: i32) -> (String, String) {
        self.run(env!("CARGO_BIN_EXE_mrsk"), args, code)
    }

    #[track_caller]
    fn sign(&self, person: &str) {
        let (said, _) = self.mrsk(&["sign", "plan.json", "--key", person], 0);
        assert!(said.contains("plan.json.sig"), "{said}");
    }

    #[track_caller]
    fn verify(&self, further: &[&str], code: i32) -> (String, String) {
        let arguments = ["verify", "plan.json", "--allowed-signers", "allowed"];
        self.mrsk(&[&arguments[..], further].concat(), code)
    }
}

/// A run that gets past the approval fails for its secret, before any host is reached.
const APPROVED: i32 = 78;

#[test]
fn apply_runs_only_the_expected_plan() {
    let desk = Desk::new();
    let (bare, _) = desk.mrsk(&["digest", "--bare", "plan.json"], 0);
    assert_eq!(bare, format!("{}\n", desk.digest("plan.json")));
    desk.mrsk(&["apply", "plan.json", "--expect", bare.trim()], APPROVED);
    desk.plan("other.json", "2");
    let (_, said) = desk.mrsk(&["apply", "other.json", "--expect", bare.trim()], 5);
    for part in ["not approved", bare.trim(), &desk.digest("other.json")] {
        assert!(said.contains(part), "{said}");
    }
    for word in ["", "latest", bare[7..].trim(), &bare.trim().to_uppercase()] {
        desk.mrsk(&["apply", "plan.json", "--expect", word], 64);
    }
}

#[test]
fn ssh_keygen_accepts_what_mrsk_signs_and_the_other_way_round() {
    let desk = Desk::new();
    let (line, _) = desk.mrsk(&["digest", "plan.json"], 0);
    assert_eq!(line, format!("mrsk-plan-v1 {}\n", desk.digest("plan.json")));
    desk.sign("ann");
    let verify = [
        "-Y",
        "verify",
        "-n",
        "mrsk-plan",
        "-I",
        "ann",
        "-f",
        "allowed",
        "-s",
    ];
    let verify = [&verify[..], &["plan.json.sig"]].concat();
    desk.run_with("ssh-keygen", &verify, &line, 0);
    std::fs::remove_file(desk.path("plan.json.sig")).unwrap();
    let sign = ["-q", "-Y", "sign", "-n", "mrsk-plan", "-f", "bob"];
    let (signature, _) = desk.run_with("ssh-keygen", &sign, &line, 0);
    std::fs::write(desk.path("plan.json.sig"), signature).unwrap();
    assert_eq!(desk.verify(&[], 0).0, "good signature by bob\n");
}

#[test]
fn what_is_not_signed_as_required_is_refused() {
    let desk = Desk::new();
    let apply = ["apply", "plan.json", "--allowed-signers", "allowed"];
    let two = [
        "apply",
        "plan.json",
        "--allowed-signers",
        "allowed",
        "--signatures",
        "2",
    ];
    for arguments in [
        &apply[..],
        &["verify", "plan.json", "--allowed-signers", "allowed"],
    ] {
        let (_, said) = desk.mrsk(arguments, 5);
        assert!(said.contains("not signed"), "{said}");
    }
    desk.sign("eve");
    let (_, said) = desk.verify(&[], 5);
    assert!(
        said.contains("signature 1: its key is not an allowed signer"),
        "{said}"
    );
    desk.mrsk(&apply, 5);
    desk.sign("ann");
    desk.verify(&[], 0);
    desk.mrsk(&apply, APPROVED);
    desk.mrsk(&two, 5);
    // A second key of the same person is no second person.
    desk.sign("ann2");
    desk.sign("ann");
    let (_, said) = desk.verify(&["--signatures", "2"], 5);
    assert!(said.contains("signed by 1 principal, 2 required"), "{said}");
    desk.mrsk(&two, 5);
    desk.sign("bob");
    desk.verify(&["--signatures", "2"], 0);
    desk.mrsk(&two, APPROVED);
}

#[test]
fn signatures_of_something_else_do_not_count() {
    let desk = Desk::new();
    desk.sign("ann");
    let signature = desk.path("plan.json.sig");
    let good = std::fs::read_to_string(&signature).unwrap();
    // Another plan in the same file.
    desk.plan("plan.json", "2");
    desk.verify(&[], 5);
    // The same line in another namespace.
    let (line, _) = desk.mrsk(&["digest", "plan.json"], 0);
    let sign = ["-q", "-Y", "sign", "-n", "file", "-f", "ann"];
    let (other, _) = desk.run_with("ssh-keygen", &sign, &line, 0);
    std::fs::write(&signature, other).unwrap();
    desk.verify(&[], 5);
    desk.plan("plan.json", "1");
    let rows = [
        ("", "0 principals"),
        ("approved\n", "line 1 is not part of an SSH signature"),
        (&good[..good.len() / 2], "is not part of an SSH signature"),
    ];
    for (text, expected) in rows {
        std::fs::write(&signature, text).unwrap();
        let (_, said) = desk.verify(&[], 5);
        assert!(said.contains(expected), "{said}");
    }
    let middle = good.len() / 2;
    let swapped = if &good[middle..=middle] == "A" {
        "B"
    } else {
        "A"
    };
    let mut flipped = good.clone();
    flipped.replace_range(middle..=middle, swapped);
    std::fs::write(&signature, flipped).unwrap();
    desk.verify(&[], 5);
    std::fs::write(&signature, good).unwrap();
    desk.verify(&[], 0);
}

#[test]
fn an_edited_plan_is_neither_signed_nor_verified_nor_applied() {
    let desk = Desk::new();
    desk.sign("ann");
    let file = desk.path("plan.json");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("acme/shop:1", "acme/shop:9")).unwrap();
    desk.verify(&[], 5);
    desk.mrsk(&["sign", "plan.json", "--key", "ann"], 5);
    desk.mrsk(&["digest", "plan.json"], 5);
    desk.mrsk(&["apply", "plan.json", "--allowed-signers", "allowed"], 5);
    for bytes in [&b"\xff\xfe{}"[..], b"", b"{", b"service: shop\n"] {
        std::fs::write(&file, bytes).unwrap();
        for command in ["apply", "show", "digest"] {
            desk.mrsk(&[command, "plan.json"], 5);
        }
    }
}

#[test]
fn wrong_options_are_named() {
    let desk = Desk::new();
    let rows: [(&[&str], &str); 5] = [
        (&["verify", "plan.json"], "no file of allowed signers"),
        (
            &["verify", "plan.json", "--allowed-signers", "nobody"],
            "cannot read the allowed signers nobody",
        ),
        (
            &["verify", "-", "--allowed-signers", "allowed"],
            "--signature-file",
        ),
        (
            &["apply", "plan.json", "--signatures", "2"],
            "need --allowed-signers",
        ),
        (&["sign", "-", "--key", "ann"], "no signature file"),
    ];
    for (arguments, expected) in rows {
        let plan = std::fs::read_to_string(desk.path("plan.json")).unwrap();
        let (_, said) = desk.run_with(env!("CARGO_BIN_EXE_mrsk"), arguments, &plan, 64);
        assert!(said.contains(expected), "{said}");
    }
    desk.mrsk(&["sign", "plan.json", "--key", "nobody"], 1);
    assert!(!Path::new(&desk.path("plan.json.sig")).exists());
    // The file that git uses is the default.
    desk.sign("ann");
    let allowed = desk.path("allowed");
    let setting = [
        "config",
        "--global",
        "gpg.ssh.allowedSignersFile",
        allowed.to_str().unwrap(),
    ];
    desk.run("git", &setting, 0);
    desk.mrsk(&["verify", "plan.json"], 0);
}
