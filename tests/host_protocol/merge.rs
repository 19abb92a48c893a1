//! Files of a directory that another one gets, while somebody reads there.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use mrsk::action::{Action, Merge};
use mrsk::record::Ending;
use mrsk::transport::request::{Inputs, StepRequest};

use crate::fixture::{Fixture, Sh, names, step};

fn merge(fixture: &Fixture, from: &Path, into: &Path) -> (Ending, String) {
    let merge = Merge {
        from: from.display().to_string(),
        into: into.display().to_string(),
    };
    let request = StepRequest {
        actions: vec![Action::Merge(merge)],
        ..step("merge", &[])
    };
    let (receipt, ..) = fixture.run_one(&request, &Inputs::default());
    (receipt.ending, fixture.output(&request))
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn what_is_missing_is_added_and_what_is_there_stays() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        let (from, into) = (fixture.path("one image"), fixture.path("joined"));
        for name in [
            "app-2.js",
            "app-1.js",
            "-n",
            ".manifest.json",
            "a b/c'd/e\nf.css",
            "a b/$(touch x)*.css",
        ] {
            write(&from.join(name), "new");
        }
        fs::create_dir(from.join("empty")).unwrap();
        symlink("app-2.js", from.join("app.js")).unwrap();
        fs::set_permissions(from.join("app-2.js"), fs::Permissions::from_mode(0o644)).unwrap();
        write(&into.join("app-1.js"), "old");
        write(&into.join(".manifest.json"), "old");
        write(&into.join("a b/only-old.css"), "old");
        for _ in 0..2 {
            let (ending, output) = merge(&fixture, &from, &into);
            assert_eq!(ending, Ending::Succeeded, "{sh:?}: {output}");
            assert_eq!(output, "");
            assert_eq!(
                names(&into),
                [
                    "-n",
                    ".manifest.json",
                    "a b",
                    "app-1.js",
                    "app-2.js",
                    "app.js",
                    "empty"
                ],
                "{sh:?}"
            );
            assert_eq!(
                names(&into.join("a b")),
                ["$(touch x)*.css", "c'd", "only-old.css"]
            );
            assert_eq!(names(&into.join("a b/c'd")), ["e\nf.css"]);
            for (name, text) in [
                ("app-1.js", "old"),
                (".manifest.json", "old"),
                ("app.js", "new"),
            ] {
                assert_eq!(
                    fs::read_to_string(into.join(name)).unwrap(),
                    text,
                    "{sh:?} {name}"
                );
            }
            let mode = |name: &str| fs::metadata(into.join(name)).unwrap().permissions().mode();
            assert_eq!(mode("app-2.js") & 0o777, 0o644);
            assert_eq!(mode("empty") & 0o777, 0o755, "others may read it: {sh:?}");
        }
    }
}

#[test]
fn no_link_leads_out_of_the_directory() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        let (from, into) = (fixture.path("image"), fixture.path("joined"));
        let outside = fixture.path("outside");
        for name in ["link/deep/er/x", "link/y", "file/z", "good"] {
            write(&from.join(name), "new");
        }
        fs::create_dir_all(outside.join("deep")).unwrap();
        fs::create_dir(&into).unwrap();
        symlink(&outside, into.join("link")).unwrap();
        write(&into.join("file"), "old");
        let (ending, output) = merge(&fixture, &from, &into);
        assert_eq!(ending, Ending::Succeeded, "{sh:?}: {output}");
        assert_eq!(names(&outside), ["deep"], "{sh:?}");
        assert_eq!(names(&outside.join("deep")), Vec::<String>::new(), "{sh:?}");
        assert_eq!(names(&into), ["file", "good", "link"], "{sh:?}");
    }
}

#[test]
fn a_directory_that_is_not_there_fails() {
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        let (from, into) = (fixture.path("image"), fixture.path("joined"));
        fs::create_dir(&from).unwrap();
        for (from, into) in [(&from, &into), (&into, &from)] {
            let (ending, output) = merge(&fixture, from, into);
            assert!(
                matches!(ending, Ending::Failed { .. }),
                "{sh:?}: {ending:?}"
            );
            assert!(output.contains("joined"), "{sh:?}: {output}");
        }
    }
}
