//! Assets of two versions: a page of the one finds them while containers of the other answer, and after the switch.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use crate::lab_project::{Ask, Machine, Project, Users};
use crate::lab_support::PlanFile;

const HOSTS: [&str; 2] = ["172.30.0.14", "172.30.0.15"];
const SERVICE: &str = "lab-assets";
const STORE: &str = "/var/lib/mrsk/lab-assets@/assets";

/// Commits a version of the app with an asset of its own, and a manifest.
fn version(project: &Project, number: u32) -> String {
    let dockerfile = "FROM mrsk-lab/base\nCOPY app behaviour /\nCOPY public /public\nRUN chmod 600 /public/assets/app-*.js\n\
                      EXPOSE 3000\nUSER 1000\nCMD [\"/app\"]\n";
    project.write("Dockerfile", dockerfile);
    let old = project
        .directory
        .join(format!("public/assets/app-{}.js", number - 1));
    if old.exists() {
        std::fs::remove_file(old).unwrap();
    }
    project.write(
        &format!("public/assets/app-{number}.js"),
        &format!("js {number}"),
    );
    project.write("public/assets/manifest.json", &format!("manifest {number}"));
    project.write("public/assets/deep er/x.css", "css");
    project.commit(&format!("APP_VERSION={number}\nAPP_BOOT_MS=500\n"))
}

fn asset(machine: &Machine, name: &str) -> (u16, String) {
    let (status, body) = machine.get(&format!("/assets/{name}")).unwrap();
    (status, String::from_utf8(body).unwrap())
}

/// Fails unless each host serves `version` with its own manifest, the assets `has`, and not those of `lacks`.
#[track_caller]
fn serves(project: &Project, version: u32, has: &[u32], lacks: &[u32]) {
    for machine in &project.machines {
        assert_eq!(machine.version(), version.to_string());
        assert_eq!(
            asset(machine, "manifest.json"),
            (200, format!("manifest {version}"))
        );
        assert_eq!(
            asset(machine, "deep%20er/x.css").0,
            404,
            "the app decodes nothing"
        );
        for number in has {
            assert_eq!(
                asset(machine, &format!("app-{number}.js")),
                (200, format!("js {number}"))
            );
        }
        for number in lacks {
            assert_eq!(asset(machine, &format!("app-{number}.js")).0, 404);
        }
    }
}

/// Runs a command, while pages of the version `old` ask for their assets, and those of `new` as soon as there is one.
#[track_caller]
fn without_a_loss(project: &Project, arguments: &[&str], [old, new]: [u32; 2]) {
    let ask = |machine: &Machine| Ask::of(machine).path(&format!("/assets/app-{old}.js"));
    let users = Users::who(project.machines.iter().map(ask));
    let stop = Arc::new(AtomicBool::new(false));
    let (machines, ended) = (project.machines.clone(), stop.clone());
    let pages = std::thread::spawn(move || {
        let mut lost = Vec::new();
        while !ended.load(SeqCst) {
            if machines
                .iter()
                .any(|machine| machine.version() == new.to_string())
            {
                let found = machines
                    .iter()
                    .map(|machine| asset(machine, &format!("app-{new}.js")).0);
                lost.extend(found.filter(|status| *status != 200));
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        lost
    });
    let said = project.mrsk(arguments);
    stop.store(true, SeqCst);
    let lost = pages.join().unwrap();
    let asked = users.were_all_served();
    said.expect(0);
    assert!(asked > 50, "{asked}");
    assert_eq!(
        lost,
        Vec::<u16>::new(),
        "assets of version {new} on a host that still has {old}"
    );
}

fn directories(machine: &Machine) -> usize {
    let said = machine.sh(&format!("ls {STORE} 2>/dev/null || true"));
    said.lines().count()
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn pages_of_both_versions_find_their_assets_in_each_switch() {
    let project = Project::new(SERVICE, &HOSTS);
    project.configure("asset_path: /public/assets\nretain_containers: 1\nboot: {limit: 1}\n");
    let one = version(&project, 1);
    project.mrsk(&["deploy"]).expect(0);
    serves(&project, 1, &[1], &[2]);

    let two = version(&project, 2);
    without_a_loss(&project, &["deploy"], [1, 2]);
    serves(&project, 2, &[1, 2], &[]);
    // What ran half is begun anew: the container that is copied from, and its directory.
    let three = version(&project, 3);
    let plan = PlanFile::make(&project, "three.json");
    let text = std::fs::read_to_string(project.directory.join(plan.arg())).unwrap();
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let steps = document["steps"].as_array().unwrap();
    let mut halves = 0;
    for step in steps.iter().filter(|step| step["kind"] == "assets") {
        let id = step["id"].as_str().unwrap();
        let name = id.split('/').nth(2).unwrap();
        let host = project
            .machines
            .iter()
            .find(|machine| id.starts_with(&machine.ip));
        host.unwrap().sh(&format!(
            "mkdir -p {STORE}/part-{name}/image && echo torn >{STORE}/part-{name}/image/app-0.js && docker create --name \
             {name}-assets --label service={SERVICE} --label mrsk.extract={name} {}:{two} true",
            step_image(&project)
        ));
        halves += 1;
    }
    assert_eq!(halves, 2);
    project.mrsk(&["apply", plan.arg()]).expect(0);
    serves(&project, 3, &[2, 3], &[0, 1]);

    without_a_loss(&project, &["rollback", &two], [3, 2]);
    serves(&project, 2, &[1, 2, 3], &[]);
    for machine in &project.machines {
        let container = project.container(&two);
        let touch = format!("docker exec --user 0 {container} touch /public/assets/x");
        assert!(machine.try_sh(&touch).err.contains("Read-only file system"));
        assert!(directories(machine) >= 2, "of {one} and {three}");
    }
    project.mrsk(&["prune", "all", "--yes"]).expect(0);
    project
        .mrsk(&["plan", "--detailed-exitcode", "--version", &two])
        .expect(0);
    for machine in &project.machines {
        assert_eq!(
            directories(machine),
            2,
            "that of the version that serves, and of a rollback"
        );
    }
    serves(&project, 2, &[1, 2, 3], &[]);
    project.mrsk(&["remove", "--yes"]).expect(0);
    for machine in &project.machines {
        assert_eq!(directories(machine), 0);
        assert_eq!(machine.sh("docker ps -aq"), "");
    }
}

fn step_image(project: &Project) -> String {
    format!(
        "{}/{}",
        crate::lab_project::lab("LAB_REGISTRY"),
        project.service
    )
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_path_that_the_image_does_not_have_fails_before_anything_changes() {
    let project = Project::new(SERVICE, &HOSTS[..1]);
    project.configure("");
    version(&project, 1);
    project.mrsk(&["deploy"]).expect(0);
    project.configure("asset_path: /public/nowhere\n");
    version(&project, 2);
    let said = project.mrsk(&["deploy"]).expect(1);
    said.says(&["/public/nowhere", "Copy the assets of the image (web)"]);
    let [machine] = project.machines.as_slice() else {
        panic!("one host");
    };
    assert_eq!(machine.version(), "1");
    assert_eq!(machine.sh("docker ps -aq --filter label=mrsk.extract"), "");

    project.configure("asset_path: /public/assets\n");
    project.mrsk(&["deploy"]).expect(0);
    serves(&project, 2, &[2], &[1]);
}
