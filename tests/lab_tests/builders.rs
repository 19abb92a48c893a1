//! Builders on the lab: what an engine builds, here and over SSH, with a secret of the build, through BuildKit; and what is said
//! where something that a builder needs is not there.
//!
//! Docker's buildx plugin is needed, which `tests/lab/up` puts into the lab. A builder in a container (`docker-container`) needs an
//! image of BuildKit from Docker Hub, which the lab has not: of such builders the plans are tested, and how they are created.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::lab_project::{Project, lab, run};

const HOST: &str = "172.30.0.13";
const TOKEN: &str = "q7Ztoken $HOME `id` 'quoted'";

/// Gives the project a docker with the buildx plugin and a configuration of its own, and an ssh that knows the lab's hosts.
fn with_buildx(project: &mut Project) -> PathBuf {
    let config = project.beside("docker");
    let plugins = config.join("cli-plugins");
    std::fs::create_dir_all(&plugins).unwrap();
    let plugin = lab("LAB_BUILDX");
    assert!(
        Path::new(&plugin).exists(),
        "the lab has no buildx plugin at {plugin}: run tests/lab/up"
    );
    std::os::unix::fs::symlink(plugin, plugins.join("docker-buildx")).unwrap();
    let bin = project.beside("bin");
    std::fs::create_dir_all(&bin).unwrap();
    let ssh = bin.join("ssh");
    let script = format!(
        "#!/bin/sh\nexec /usr/bin/ssh -F '{}' \"$@\"\n",
        lab("LAB_SSH_CONFIG")
    );
    std::fs::write(&ssh, script).unwrap();
    std::fs::set_permissions(&ssh, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var("PATH").unwrap();
    let variables = [
        ("DOCKER_CONFIG", config.display().to_string()),
        ("PATH", format!("{}:{path}", bin.display())),
    ];
    for (name, value) in variables {
        project.variables.insert(name.into(), value);
    }
    config
}

/// Writes a Dockerfile that keeps a digest of the secret, and nothing else of it.
fn wants_secret(project: &Project) {
    let dockerfile = std::fs::read_to_string(project.directory.join("Dockerfile")).unwrap();
    let mount = "RUN --mount=type=secret,id=GITHUB_TOKEN sha256sum < /run/secrets/GITHUB_TOKEN > /token.sha256\n";
    let at = dockerfile.rfind("CMD").expect("the app has a command");
    let text = format!("{}{mount}{}", &dockerfile[..at], &dockerfile[at..]);
    project.write("Dockerfile", &text);
    project.commit("APP_VERSION=one\n");
    project.secret_file(&[("GITHUB_TOKEN", TOKEN)]);
}

fn sha256(text: &str) -> String {
    mrsk::name::Sha256Hex::of(text.as_bytes())
        .as_str()
        .to_owned()
}

/// Deploys, and asserts that the secret reached the build and nothing else.
fn deploy_with_secret(project: &Project, more: &str) -> String {
    project.configure(more);
    let file = project.directory.join("config/deploy.yml");
    let text = std::fs::read_to_string(&file).unwrap();
    if more.contains("remote:") {
        std::fs::write(&file, text.replace("  multiarch: false\n", "")).unwrap();
    }
    wants_secret(project);
    let plan = project.mrsk(&["plan"]).expect(0).out;
    let said = project.mrsk(&["deploy"]).expect(0);
    let machine = &project.machines[0];
    let name = machine
        .containers()
        .into_iter()
        .find(|name| name.starts_with(project.service))
        .unwrap();
    let kept = machine.sh(&format!("docker exec {name} cat /token.sha256"));
    assert!(kept.starts_with(&sha256(TOKEN)), "{kept}");
    let history = machine.sh("docker history --no-trunc $(docker images -q | head -n 1); docker inspect $(docker images -q)");
    let journal = run(Command::new("grep")
        .args(["-rl", "q7Ztoken", ".mrsk"])
        .current_dir(&project.directory));
    assert_eq!(journal.out, "");
    for text in [&plan, &said.out, &said.err, &history] {
        assert!(!text.contains("q7Ztoken"), "{text}");
    }
    plan
}

#[test]
#[ignore = "needs the lab"]
fn the_engine_of_this_machine_builds_with_a_secret() {
    let mut project = Project::new("lab-native", &[HOST]);
    with_buildx(&mut project);
    let plan = deploy_with_secret(&project, "  secrets: [GITHUB_TOKEN]\n");
    assert!(plan.contains("\"id=GITHUB_TOKEN,env=GITHUB_TOKEN\""));

    // Without the plugin a client has no BuildKit: the message says what to install, and what serves goes on serving.
    let before = project.machines[0].version();
    let plugin = project.beside("docker/cli-plugins/docker-buildx");
    std::fs::remove_file(plugin).unwrap();
    project.commit("APP_VERSION=two\n");
    if run(Command::new("docker").args(["version", "--format", "{{.Client.Version}}"]))
        .out
        .split('.')
        .next()
        .and_then(|major| major.parse::<u32>().ok())
        .is_some_and(|major| major >= 23)
    {
        let said = project.mrsk(&["deploy"]).expect(1);
        said.says(&["install docker's buildx plugin"]);
        assert_eq!(project.machines[0].version(), before);
    }
}

#[test]
#[ignore = "needs the lab"]
fn the_engine_of_another_machine_builds_and_pushes() {
    let mut project = Project::new("lab-remote", &[HOST]);
    with_buildx(&mut project);
    // The engine that builds has the base image; BuildKit of this age asks no registry without TLS.
    let registry = lab("LAB_REGISTRY");
    project.machines[0].sh(&format!(
        "echo '{}' | docker login --username '{}' --password-stdin {registry} && docker pull {registry}/mrsk-lab/base \
         && docker tag {registry}/mrsk-lab/base mrsk-lab/base && docker logout {registry}",
        lab("LAB_REGISTRY_PASSWORD"),
        lab("LAB_REGISTRY_USER"),
    ));
    let remote = format!(
        "  remote:\n    arch: amd64\n    host: ssh://root@{HOST}\n  secrets: [GITHUB_TOKEN]\n"
    );
    let plan = deploy_with_secret(&project, &remote);
    assert!(plan.contains(&format!("ssh://root@{HOST}")));
    let image = format!("{}/lab-remote", lab("LAB_REGISTRY"));
    let here = run(Command::new("docker").args(["images", "-q", &image]));
    assert_eq!(here.out, "", "nothing was built here");
}

#[test]
#[ignore = "needs the lab"]
fn a_builder_is_created_again_without_harm_and_refused_with_other_nodes() {
    let mut project = Project::new("lab-multi", &[HOST]);
    let config = with_buildx(&mut project);
    let text = std::fs::read_to_string(project.directory.join("config/deploy.yml")).unwrap();
    project.write(
        "config/deploy.yml",
        &text.replace("builder:\n  multiarch: false\n", ""),
    );
    project.commit("APP_VERSION=one\n");
    // No image of BuildKit is to be had here: the builder is created twice, and does not start.
    for _ in 0..2 {
        let said = project.mrsk(&["deploy"]).expect(1);
        said.says(&["mrsk-lab-multi-multiarch", "booting buildkit"]);
    }
    let instance = config.join("buildx/instances/mrsk-lab-multi-multiarch");
    let text = std::fs::read_to_string(&instance).unwrap();
    assert_eq!(
        text.matches("mrsk-lab-multi-multiarch0").count(),
        1,
        "{text}"
    );
    std::fs::write(
        &instance,
        text.replace("mrsk-lab-multi-multiarch0", "somebody-elses"),
    )
    .unwrap();
    let said = project.mrsk(&["deploy"]).expect(1);
    said.says(&["docker buildx rm"]);
    assert!(!project.machines[0].is_locked());
}
