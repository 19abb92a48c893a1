//! Text that shells like to bend, on the lab: it arrives in the container as it stands in the configuration.

use std::collections::BTreeMap;

use crate::lab_project::{Project, lab};

const NASTY: [(&str, &str); 14] = [
    ("EMPTY", ""),
    ("SPACES", "  two  and  two  "),
    ("SINGLE", "it's 'quoted' ''"),
    ("DOUBLE", "she said \"no\" \"\""),
    ("BACKTICK", "`touch /tmp/mrsk-pwned`"),
    ("DOLLAR", "$(touch /tmp/mrsk-pwned) $HOME ${PATH} $$ $1 $"),
    ("LINES", "first\nsecond\n\nfourth\n"),
    ("UNICODE", "é 漢字 \u{1f980} \u{202e}"),
    ("DASH", "--rm"),
    ("DASH_E", "-e EVIL=1"),
    ("BACKSLASH", "\\ \\n \\\\ \\0 \\'"),
    (
        "OPERATORS",
        "; & && | || > /tmp/mrsk-pwned < * ? [a] {a,b} ! # ~ %s",
    ),
    ("EQUALS", "=a=b="),
    ("TAB", "a\tb\r"),
];

/// Returns a YAML mapping or list item text: a double-quoted scalar.
fn yaml(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

fn mapping(indent: &str, prefix: &str) -> String {
    let line = |(name, value): &(&str, &str)| format!("{indent}{prefix}{name}: {}\n", yaml(value));
    NASTY.iter().map(line).collect()
}

/// Returns the words after quoting each as `cmd` splits them.
fn command_line(words: &[&str]) -> String {
    let quoted = |word: &&str| format!("'{}'", word.replace('\'', "'\\''"));
    words.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn values_labels_commands_and_volumes_arrive_exactly() {
    let project = Project::new("lab-quoting", &["172.30.0.16"]);
    let mut words = vec!["/app"];
    words.extend(NASTY.iter().map(|(_, value)| *value));
    let servers = format!(
        "  web:\n    hosts:\n      - {}\n    cmd: {}\n",
        project.machines[0].ip,
        yaml(&command_line(&words))
    );
    project.configure_servers(
        &servers,
        &format!(
            "env:\n  clear:\n{}labels:\n{}volumes:\n  - \"/tmp/a dir'$(id)`:/in side:ro\"\n",
            mapping("    ", ""),
            mapping("  ", "nasty."),
        ),
    );
    let version = project.commit("");
    project.mrsk(&["deploy"]).expect(0);

    let machine = &project.machines[0];
    let text = machine.sh(&format!("docker inspect {}", project.container(&version)));
    let inspected: serde_json::Value = serde_json::from_str(&text).unwrap();
    let inspected = &inspected[0];
    let env: BTreeMap<&str, &str> = inspected["Config"]["Env"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|entry| entry.as_str().unwrap().split_once('='))
        .collect();
    for (name, value) in NASTY {
        assert_eq!(env[name], value, "{name} in docker inspect");
        let label = &inspected["Config"]["Labels"][format!("nasty.{name}")];
        assert_eq!(label, value, "label {name}");
        let (status, body) = machine.get(&format!("/env/{name}")).unwrap();
        assert_eq!(
            (status, String::from_utf8(body).unwrap()),
            (200, value.to_owned()),
            "{name}"
        );
    }
    assert!(!env.contains_key("EVIL"));
    let (_, arguments) = machine.get("/args").unwrap();
    let expected: Vec<String> = words.iter().map(|word| hex(word)).collect();
    let arguments = String::from_utf8(arguments).unwrap();
    assert_eq!(arguments.lines().collect::<Vec<_>>(), expected);
    assert_eq!(
        inspected["HostConfig"]["Binds"][0],
        "/tmp/a dir'$(id)`:/in side:ro"
    );
    assert_eq!(inspected["HostConfig"]["AutoRemove"], false);
    assert_eq!(machine.sh("ls /tmp/mrsk-pwned 2>/dev/null || :"), "");
    assert!(!std::path::Path::new("/tmp/mrsk-pwned").exists());

    project
        .mrsk(&["plan", "--detailed-exitcode"])
        .expect(0)
        .says(&["nothing to do"]);
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn build_arguments_and_paths_arrive_exactly() {
    let project = Project::new("lab-build", &["172.30.0.17"]);
    let base = lab("LAB_BASE_IMAGE");
    project.write(
        "docker file's $(id)",
        &format!(
            "FROM {base}\nARG NASTY\nENV BUILT=$NASTY\nCOPY app behaviour /\nCMD [\"/app\"]\n"
        ),
    );
    let value = "a 'b' \"c\" $HOME $(id) `id` \\ é -- ;";
    project.configure(&format!(
        "  dockerfile: \"docker file's $(id)\"\n  args:\n    NASTY: {}\n",
        yaml(value)
    ));
    project.commit("");
    project.mrsk(&["deploy"]).expect(0);
    let (status, body) = project.machines[0].get("/env/BUILT").unwrap();
    assert_eq!(
        (status, String::from_utf8(body).unwrap()),
        (200, value.to_owned())
    );
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn versions_and_names_that_are_no_names_are_refused_before_any_host_is_asked() {
    let project = Project::new("lab-names", &["172.30.0.17"]);
    project.commit("");
    for version in [
        "a b", "$(id)", "a;b", "../x", "a/b", "é", "v1\nv2", ".x", "`id`",
    ] {
        let option = format!("--version={version}");
        project
            .mrsk(&["deploy", &option])
            .expect(64)
            .says(&["is not a valid version"]);
    }
    let text = std::fs::read_to_string(project.directory.join("config/deploy.yml")).unwrap();
    for (line, bad) in [
        ("service: lab-names", "service: \"a b\""),
        ("service: lab-names", "service: \"$(id)\""),
        ("service: lab-names", "service: ../x"),
        ("image: lab-names", "image: \"a b;c\""),
        ("  - 172.30.0.17", "  - \"-oProxyCommand=id\""),
        ("  - 172.30.0.17", "  - \"172.30.0.17; id\""),
    ] {
        project.write("config/deploy.yml", &text.replace(line, bad));
        let said = project.mrsk(&["deploy"]).expect(78);
        said.says(&["config/deploy.yml:"]);
    }
    assert_eq!(project.machines[0].serial("lab-names"), "");
    assert_eq!(project.machines[0].containers(), Vec::<String>::new());
}
