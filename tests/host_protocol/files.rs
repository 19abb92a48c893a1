//! Files that may hold secrets: their mode and owner whatever was there, names that nobody can foresee, directories of others.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use mrsk::action::{Action, Upload, Write};
use mrsk::name::{RunId, Sha256Hex};
use mrsk::record::{Ending, LockDetails};
use mrsk::transport::request::{Holder, Inputs, LockTerms, StepRequest};
use mrsk::transport::script;
use tempfile::TempDir;

use crate::fixture::{Fixture, Sh, block, names, scope, step};

const TEXT: &str = "password = s3ntinel\n";

/// Makes an upload another.
type Change = fn(&mut Upload);

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Uploads a rendered template to `path`; returns how the step ended, and what it printed.
fn upload(fixture: &Fixture, path: &Path, change: impl FnOnce(&mut Upload)) -> (Ending, String) {
    let mut upload = Upload {
        source: "secret.erb".into(),
        sha256: Sha256Hex::of(b"the template's"),
        path: path.display().to_string(),
        mode: "0600".into(),
        owner: None,
        template: true,
        env: BTreeMap::new(),
        aliases: Vec::new(),
    };
    change(&mut upload);
    let inputs = Inputs {
        uploads: [(upload.clone(), TEXT.as_bytes().to_vec())].into(),
        ..Inputs::default()
    };
    let request = StepRequest {
        actions: vec![Action::Upload(upload)],
        ..step("upload", &[])
    };
    let (receipt, ..) = fixture.run_one(&request, &inputs);
    (receipt.ending, fixture.output(&request))
}

/// Returns a directory on another disk than the state directory's, if this machine has one.
fn another_disk(fixture: &Fixture) -> Option<TempDir> {
    let directory = TempDir::new_in("/dev/shm").ok()?;
    let disk = |path: &Path| fs::metadata(path).map(|found| found.dev()).ok();
    (disk(directory.path()) != disk(fixture.directory.path())).then_some(directory)
}

#[test]
fn a_rendered_file_is_private_whatever_was_there() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        let shm = another_disk(&fixture);
        let places = [
            Some(fixture.path("files")),
            shm.as_ref().map(|shm| shm.path().join("files")),
        ];
        for directory in places.into_iter().flatten() {
            fs::create_dir(&directory).unwrap();
            let victim = directory.join("victim");
            fs::write(&victim, "kept").unwrap();
            let (open, link) = (directory.join("open"), directory.join("link"));
            fs::write(&open, "old").unwrap();
            set_mode(&open, 0o666);
            symlink(&victim, &link).unwrap();
            for path in [directory.join("new"), open, link] {
                // What an attempt left that was killed, and a trap for one that would use this name.
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                symlink(&victim, directory.join(format!(".{name}.mrsk-1"))).unwrap();
                fs::write(directory.join(format!(".{name}.mrsk-abcdefghij")), TEXT).unwrap();
                let (ending, output) = upload(&fixture, &path, |_| ());
                assert_eq!((ending, output.as_str()), (Ending::Succeeded, ""), "{sh:?}");
                assert_eq!(fs::read_to_string(&path).unwrap(), TEXT);
                assert!(!path.is_symlink());
                assert_eq!(mode(&path), 0o600, "{sh:?} {}", path.display());
            }
            assert_eq!(fs::read_to_string(&victim).unwrap(), "kept");
            let is_other_disk = directory.starts_with("/dev/shm");
            let expected = ["link", "new", "open", "victim"];
            if is_other_disk {
                assert_eq!(names(&directory), expected, "{sh:?}");
            }
        }
    }
}

#[test]
fn a_failure_leaves_nothing_beside_the_file() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        fixture.fake("sudo", "exit 1");
        let shm = another_disk(&fixture);
        let places = [
            Some(fixture.path("files")),
            shm.as_ref().map(|shm| shm.path().join("files")),
        ];
        for directory in places.into_iter().flatten() {
            fs::create_dir_all(directory.join("taken")).unwrap();
            let rows: [(&str, Change, &str); 3] = [
                ("taken", |_| (), "taken is a directory"),
                (
                    "new",
                    |upload| upload.owner = Some("no-such-user-1:0".into()),
                    "cannot give the file to no-such-user-1:0",
                ),
                ("new", |upload| upload.template = false, "have SHA-256"),
            ];
            for (name, change, message) in rows {
                let (ending, output) = upload(&fixture, &directory.join(name), change);
                assert_eq!(ending, Ending::Failed { code: 1 }, "{sh:?} {output}");
                assert!(output.contains(message), "{sh:?} {output}");
                assert_eq!(names(&directory), ["taken"], "{sh:?}");
                assert_eq!(names(&directory.join("taken")), [""; 0], "{sh:?}");
            }
        }
        let left = find(&fixture.path("state"), "new");
        assert!(left.is_empty(), "{sh:?} {left:?}");
    }
}

/// Returns the files named `name` below `directory`.
fn find(directory: &Path, name: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(find(&path, name));
        } else if path.file_name().unwrap() == name {
            found.push(path);
        }
    }
    found
}

#[test]
fn a_file_gets_the_mode_and_owner_that_it_is_given() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        let path = fixture.path("key.pem");
        let (uid, gid) = match user() {
            0 => (12345, 23456),
            own => (own, fs::metadata(fixture.directory.path()).unwrap().gid()),
        };
        let (ending, output) = upload(&fixture, &path, |upload| {
            upload.mode = "0640".into();
            upload.owner = Some(format!("{uid}:{gid}"));
        });
        assert_eq!((ending, output.as_str()), (Ending::Succeeded, ""), "{sh:?}");
        let found = fs::metadata(&path).unwrap();
        assert_eq!(
            (found.uid(), found.gid(), mode(&path)),
            (uid, gid, 0o640),
            "{sh:?}"
        );
    }
    let upload = Upload {
        source: "a".into(),
        sha256: Sha256Hex::of(b""),
        path: "/a".into(),
        mode: "0600".into(),
        owner: None,
        template: false,
        env: BTreeMap::new(),
        aliases: Vec::new(),
    };
    for owner in [
        "", "-R", ":", "a:", ":a", "a b", "a;id", "a:b:c", "$(id)", "a'b",
    ] {
        let upload = Upload {
            owner: Some(owner.into()),
            ..upload.clone()
        };
        let inputs = Inputs {
            uploads: [(upload.clone(), Vec::new())].into(),
            ..Inputs::default()
        };
        let request = StepRequest {
            actions: vec![Action::Upload(upload)],
            ..step("owner", &[])
        };
        let place = Fixture::new(Sh::Dash).place();
        let rendered = script::start(&place, &RunId::from("r"), &[request], &inputs);
        assert!(
            matches!(rendered, Err(script::RenderError::Owner(ref text)) if text == owner),
            "{owner}"
        );
    }
}

fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

#[test]
fn the_state_directory_is_left_to_its_owner() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        fs::create_dir_all(fixture.path("state/app@")).unwrap();
        for name in ["state", "state/app@"] {
            set_mode(&fixture.path(name), 0o777);
        }
        fixture.fence("r1");
        for name in [
            "state",
            "state/app@",
            "state/app@/runs",
            "state/app@/runs/a1",
        ] {
            assert_eq!(mode(&fixture.path(name)), 0o700, "{sh:?} {name}");
        }
    }
}

#[test]
fn a_directory_that_others_can_write_is_told() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        for (bits, expected) in [(0o755, false), (0o775, true), (0o757, true), (0o700, false)] {
            let directory = fixture.path(&format!("of the user {bits:o}"));
            fs::create_dir(&directory).unwrap();
            set_mode(&directory, bits);
            let (ending, output) = upload(&fixture, &directory.join("file"), |_| ());
            assert_eq!(ending, Ending::Succeeded, "{sh:?} {output}");
            let warning = format!(
                "warning: other users can write to {}\n",
                directory.display()
            );
            assert_eq!(output == warning, expected, "{sh:?} {bits:o} {output}");
            assert_eq!(mode(&directory), bits);
        }
        let text = "x";
        let content = Sha256Hex::of(text.as_bytes());
        let own = fixture.path("state/traefik");
        fs::create_dir_all(&own).unwrap();
        set_mode(&own, 0o777);
        let request = StepRequest {
            actions: vec![Action::Write(Write {
                path: own.join("a.yml").display().to_string(),
                content: content.clone(),
                mode: "0644".into(),
            })],
            ..step("own", &[])
        };
        let inputs = Inputs {
            contents: [(content, text.to_owned())].into(),
            ..Inputs::default()
        };
        fixture.run_one(&request, &inputs);
        assert_eq!(fixture.output(&request), "", "{sh:?}");
    }
}

#[test]
fn the_lock_follows_no_link_and_sweeps_what_the_dead_left() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        let home = fixture.path("home");
        let victim = fixture.path("victim");
        fs::create_dir(&victim).unwrap();
        // No process has this number.
        symlink(&victim, home.join(".mrsk_lock.4194305")).unwrap();
        fs::create_dir(home.join(".mrsk_lock.4194306.abcdefghij")).unwrap();
        let living = home.join(format!(".mrsk_lock.{}.abcdefghij", std::process::id()));
        fs::create_dir(&living).unwrap();
        let noted = fixture.path("noted");
        fs::write(&noted, "kept").unwrap();
        symlink(&noted, home.join(".mrsk_lock.released.app@")).unwrap();
        let details = LockDetails {
            run: Some(RunId::from("r1")),
            ..LockDetails::default()
        };
        block(fixture.host.lock(&scope(), &details, &LockTerms::default())).unwrap();
        block(fixture.host.release_any(&scope(), Holder::Any, "A Person")).unwrap();
        assert_eq!(names(&victim), [""; 0], "{sh:?}");
        assert_eq!(fs::read_to_string(&noted).unwrap(), "kept", "{sh:?}");
        assert!(living.is_dir());
        fs::remove_dir(&living).unwrap();
        let left = [".mrsk_lock.released.app@", ".mrsk_lock.turns"];
        assert_eq!(names(&home), left, "{sh:?}");
    }
}
