//! Secrets on the lab: they arrive byte for byte in the container, and are found nowhere else.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::lab_project::{Machine, Project, lab};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What stands at both ends of every secret of these tests, and nowhere else.
const MARK: &str = "q7ZsentinelX4w";

/// Returns secrets that shells, docker and files of variables like to bend.
fn secrets() -> Vec<(&'static str, String)> {
    let marked = |text: &str| format!("{MARK}{text}{MARK}");
    vec![
        ("LINES", marked("\nsecond 'quoted' \"twice\"\n\n\tend\n")),
        (
            "BENT",
            marked(" $HOME ${PATH} $(id) `id` $$ ~ * ; & | > < \\ \\n \\\\ !! % # "),
        ),
        ("UNICODE", marked(" é 漢 \u{1f512} \u{301} ")),
        ("TRAILING", format!("{MARK}\n\n")),
        ("DASHES", format!("--{MARK} -n -e")),
        ("LONG", marked(&"0123456789abcde\n".repeat(4096))),
        ("APP_VERSION", format!("{MARK} which the app prints")),
    ]
}

/// Returns the forms in which a secret would be found: itself, and base64 at each offset, without what depends on its neighbours.
fn forms(secret: &str) -> Vec<String> {
    let mut forms = vec![secret.to_owned()];
    for offset in 0..3 {
        let text = STANDARD.encode(format!("{}{secret}", &"xxx"[..offset]).as_bytes());
        let bits = secret.len() * 8;
        let first = (offset * 8).div_ceil(6);
        let last = (offset * 8 + bits) / 6;
        forms.push(text[first..last].to_owned());
    }
    forms
}

/// Fails where `text` holds a secret.
#[track_caller]
fn assert_clean(place: &str, text: &str) {
    for form in [forms(MARK), forms(&lab("LAB_REGISTRY_PASSWORD"))].concat() {
        if let Some(at) = text.find(&form) {
            let before: String = text[..at]
                .chars()
                .rev()
                .take(300)
                .collect::<Vec<_>>()
                .into_iter()
                .rev()
                .collect();
            panic!("{place} holds {form}, after: {before}");
        }
    }
}

/// Returns every file below `directory` that is of the runner's.
fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(files_below(&path)),
            false => files.push(path),
        }
    }
    files
}

/// Records every program that sshd of a host starts, and what that starts.
struct Recorder {
    machine: Machine,
    strace: Child,
}

impl Recorder {
    const FILE: &str = "/tmp/mrsk-execve";

    fn start(machine: &Machine) -> Self {
        let script = format!(
            "rm -f {0}; exec strace -f -s 65536 -e trace=execve -o {0} -p $(cat /run/sshd.pid)",
            Self::FILE
        );
        let name = format!(
            "mrsk-lab-host-{}",
            machine
                .ip
                .rsplit('.')
                .next()
                .unwrap()
                .parse::<u8>()
                .unwrap()
                - 10
        );
        let strace = Command::new("docker")
            .args(["exec", &name, "sh", "-c", &script])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        crate::lab_project::eventually(10, || {
            machine
                .sh("grep TracerPid /proc/$(cat /run/sshd.pid)/status")
                .trim()
                != "TracerPid:\t0"
        });
        Self {
            machine: machine.clone(),
            strace,
        }
    }

    /// Ends the recording and returns it.
    fn stop(mut self) -> String {
        self.machine.sh("kill -INT $(pgrep -x strace)");
        let _ = self.strace.wait();
        self.machine.sh(&format!("cat {0}; rm {0}", Self::FILE))
    }
}

/// Fails unless the record is of a whole run, with arguments in full, and without secrets.
#[track_caller]
fn assert_clean_record(place: &str, record: &str, programs: &[&str]) {
    for program in programs {
        assert!(
            record.contains(program),
            "{place}: no {program} in {} bytes",
            record.len()
        );
    }
    assert!(
        !record.contains("\"..."),
        "{place}: an argument was cut off"
    );
    assert_clean(place, record);
}

fn env_config(health: &str) -> String {
    let names: Vec<String> = secrets()
        .iter()
        .map(|(name, _)| format!("    - {name}\n"))
        .collect();
    format!(
        "env:\n  secret:\n{}healthcheck:\n  max_attempts: 2\n{health}",
        names.concat()
    )
}

/// Looks for secrets wherever mrsk writes: on this machine and on the hosts.
fn assert_clean_state(project: &Project) {
    let files = files_below(&project.directory.join(".mrsk"));
    assert!(files.len() >= 2, "{files:?}");
    for file in files {
        let text = String::from_utf8_lossy(&std::fs::read(&file).unwrap()).into_owned();
        assert_clean(&file.display().to_string(), &text);
    }
    for machine in &project.machines {
        let text = machine.sh(
            "find /var/lib/mrsk /root /tmp /run /home /etc -xdev -type f -not -path '/run/docker*' \
             -not -path '/run/containerd*' -newer /etc/hostname -size -4096k -exec sh -c 'for f; do echo \"== $f\"; cat \"$f\"; done' sh {} +",
        );
        assert!(text.contains("/receipt") && text.contains("audit.log"));
        assert_clean(&machine.ip, &text);
        let open = machine.sh(
            "find /var/lib/mrsk /root/mrsk* -not -path '*/traefik/*' \\( -type d -not -perm 0700 -o -type f -not -perm 0600 \\) -ls",
        );
        assert_eq!(open, "", "{}", machine.ip);
        assert_eq!(machine.sh("stat -c %a /var/lib/mrsk"), "700\n");
    }
}

/// Looks for secrets in the images that containers were started from: their history, their configuration and their layers.
fn assert_clean_images(project: &Project) {
    for machine in &project.machines {
        let images = "$(docker ps -aq | xargs docker inspect --format '{{.Image}}' | sort -u)";
        let about = machine.sh(&format!(
            "docker image inspect {images}; for image in {images}; do docker history --no-trunc $image; done"
        ));
        assert!(
            about.contains("\"Cmd\"") && about.contains("COPY"),
            "{about}"
        );
        assert_clean(&machine.ip, &about);
        let layers = machine.sh(&format!(
            "docker save {images} | tar -xO | grep -acF -e {MARK} -e '{}' || :",
            lab("LAB_REGISTRY_PASSWORD")
        ));
        assert_eq!(layers, "0\n", "{}", machine.ip);
    }
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn secrets_arrive_byte_for_byte_and_are_found_nowhere_else() {
    let mut project = Project::new("lab-secrets", &["172.30.0.14", "172.30.0.15"]);
    project.configure(&env_config(""));
    for (name, value) in secrets() {
        project.variables.insert(name.into(), value);
    }
    project.commit("");

    let plan = project.mrsk(&["plan"]).expect(0);
    assert_clean("plan", &plan.out);
    assert_clean("standard error of plan", &plan.err);
    let path = project.beside("plan.json");
    std::fs::write(&path, &plan.out).unwrap();

    let record = project.beside("execve");
    let strace = [
        "strace",
        "-f",
        "-s",
        "65536",
        "-e",
        "trace=execve",
        "-o",
        record.to_str().unwrap(),
    ];
    project.wrapper = strace.map(str::to_owned).to_vec();
    let recorders = project.each(Recorder::start);
    let said = project.mrsk(&["apply", "-v", path.to_str().unwrap()]);
    let records: Vec<String> = recorders.into_iter().map(Recorder::stop).collect();
    project.wrapper.clear();
    let said = said.expect(0);

    assert_clean("standard output", &said.out);
    assert_clean("standard error", &said.err);
    let own = std::fs::read_to_string(&record).unwrap();
    assert_clean_record(
        "this machine",
        &own,
        &["\"ssh\"", "\"--password-stdin\"", "\"build\"", "\"push\""],
    );
    for (machine, record) in project.machines.iter().zip(&records) {
        assert_clean_record(
            &machine.ip,
            record,
            &["\"--password-stdin\"", "\"pull\"", "\"create\"", "\"curl\""],
        );
    }
    for machine in &project.machines {
        for (name, value) in secrets() {
            let (status, body) = machine.get(&format!("/env/{name}")).unwrap();
            assert_eq!(status, 200, "{name}");
            assert!(
                body == value.as_bytes(),
                "{name}: {:?}",
                String::from_utf8_lossy(&body)
                    .chars()
                    .take(300)
                    .collect::<String>()
            );
        }
    }
    assert_clean_state(&project);
    assert_clean_images(&project);
    let audit = project.mrsk(&["audit"]).expect(0);
    assert_clean("audit", &audit.out);

    // A new version that fails after it has printed a secret: the tail of its log is shown.
    project.commit("APP_HEALTH=never\n");
    let said = project.mrsk(&["deploy", "-v"]).expect(1);
    assert!(
        said.err.contains("listening on 3000 version"),
        "{}",
        said.err
    );
    assert_clean("standard output of a failure", &said.out);
    assert_clean("standard error of a failure", &said.err);
    assert_clean_state(&project);
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_secret_of_the_env_file_arrives_and_a_changed_one_replaces_the_container() {
    let project = Project::new("lab-env-file", &["172.30.0.14"]);
    project.configure("env:\n  secret:\n    - TOKEN\n");
    let value = format!("{MARK} 'a' \"b\" $HOME `id` \\ \n second");
    project.secret_file(&[("TOKEN", &value)]);
    project.commit("");
    project.mrsk(&["deploy"]).expect(0);
    let machine = &project.machines[0];
    assert_eq!(
        machine.get("/env/TOKEN").unwrap(),
        (200, value.into_bytes())
    );
    project.mrsk(&["deploy"]).expect(0).says(&["nothing to do"]);

    let changed = format!("{MARK} another\n");
    project.secret_file(&[("TOKEN", &changed)]);
    let said = project.mrsk(&["deploy", "-v"]).expect(0);
    assert_clean("standard error", &said.err);
    assert_eq!(
        machine.get("/env/TOKEN").unwrap(),
        (200, changed.into_bytes())
    );
    assert_clean_state(&project);
}

#[test]
fn a_secret_is_found_in_base64_whatever_stands_before_it() {
    for before in ["", "a", "ab", "abc", "lab:"] {
        let text = STANDARD.encode(format!("{before}{MARK} and more").as_bytes());
        assert!(forms(MARK).iter().any(|form| text.contains(form)), "{text}");
    }
    assert!(
        !forms(MARK)
            .iter()
            .any(|form| STANDARD.encode(b"something else").contains(form))
    );
}
