//! Files that are wrong where a secret is.

use crate::project::World;
use crate::sentinel::PASSWORD;

const PLAN: [&str; 5] = ["plan", "--fresh", "--skip-push", "--version", "1"];

/// Commands that read the configuration, the secrets, or both.
const READERS: [&[&str]; 2] = [&["config"], &PLAN];

const DEPLOY: &str =
    "service: shop\nimage: acme/shop\nservers: [192.0.2.1]\nbuilder: {multiarch: false}\n";

/// A configuration that is right, with its registry.
fn right() -> String {
    format!(
        "{DEPLOY}registry: {{server: registry.example.com, username: robot, password: [{PASSWORD}]}}\n"
    )
}

/// Runs what reads `file` with `text` in place of its own, and expects that it is wrong, or that it is read all the same.
#[track_caller]
fn read(world: &World, file: &str, text: &str) -> usize {
    world.write(&format!("repository/{file}"), text);
    let mut wrong = 0;
    for args in READERS {
        let mut command = world.command(env!("CARGO_BIN_EXE_mrsk"));
        let password = world.sentinels.iter().filter(|(name, _)| *name == PASSWORD);
        let output = command.args(args).envs(password.cloned()).output().unwrap();
        let code = output.status.code();
        assert!(matches!(code, Some(0 | 78)), "{text}: {output:?}");
        // What is printed of a configuration that is right is what the user wrote there; of one that is wrong, nothing.
        if code == Some(78) {
            world.said(args, output);
            wrong += 1;
        }
    }
    wrong
}

#[test]
fn wrong_yaml_shows_none() {
    let world = World::new();
    let mut wrong = 0;
    for (_, value) in &world.sentinels {
        let indented = value.replace('\n', "\n    ");
        for text in [
            // Broken at the value.
            format!("{DEPLOY}registry:\n  username: robot\n  password: [{value}\n"),
            format!("{DEPLOY}registry:\n  username: robot\n  password: \"{value}\n"),
            format!("{DEPLOY}registry:\n  username: robot\n  password: '{value}\n"),
            format!("{DEPLOY}registry:\n  username: robot\n  password: {value}: x: y\n"),
            format!("{DEPLOY}registry:\n  username: robot\n  password: @{value}\n"),
            format!("{DEPLOY}registry:\n  username: robot\n  password: |\n{value}\n  x\n"),
            format!(
                "{DEPLOY}registry:\n  username: robot\n  password: |\n    {indented}\n   x: [\n"
            ),
            format!("{DEPLOY}registry: {{username: robot, password: {value}, other: [}}\n"),
            // Of another kind than it is to be.
            format!("{DEPLOY}registry:\n  username: robot\n  password: {{a: {value:?}}}\n"),
            format!("{DEPLOY}registry:\n  username: robot\n  pasword: {value:?}\n"),
            format!("{DEPLOY}registry:\n  username: robot\n  password: [[{value:?}]]\n"),
            format!("{}env:\n  secret:\n    - API_TOKEN: {value:?}\n", right()),
            format!("{}env:\n  secret: {{API_TOKEN: {value:?}}}\n", right()),
            format!("{}env:\n  secret:\n    API_TOKEN: \"{value}\n", right()),
            format!("{}env:\n  secret:\n    - \"API_TOKEN={value}\"\n", right()),
            format!("{}env:\n  secret:\n    - API_TOKEN={value}\n", right()),
        ] {
            wrong += read(&world, "config/deploy.yml", &text);
        }
    }
    assert!(wrong > 400, "{wrong}");
}

#[test]
fn wrong_env_files_show_none() {
    let world = World::new();
    let deploy = format!("{}env: {{secret: [API_TOKEN]}}\n", right());
    world.write("repository/config/deploy.yml", &deploy);
    let mut wrong = 0;
    for (_, value) in &world.sentinels {
        for text in [
            format!("{value}\n"),
            format!("API TOKEN={value}\n"),
            format!("API_TOKEN = \"{value}\n"),
            format!("API_TOKEN='{value}\n"),
            format!("API_TOKEN={value} x y\n"),
            format!("API_TOKEN=\"{value}\" {value}\n"),
            format!("={value}\n"),
            format!("export {value}\n"),
            format!("OTHER={value}$HOME\n"),
            format!("API_TOKEN: {value}\n"),
        ] {
            wrong += read(&world, ".env", &text);
        }
    }
    assert!(wrong > 100, "{wrong}");
}

#[test]
fn templates_that_fail_show_none() {
    let world = World::new();
    let mut wrong = 0;
    for (name, _) in world.sentinels.clone() {
        let secret = format!("ENV['{name}']");
        for template in [
            format!("<% raise {secret} %>"),
            format!("<% raise \"no #{{{secret}}} here\" %>"),
            format!("<% raise ArgumentError, {secret} %>"),
            format!("<%= {secret} + 1 %>"),
            format!("<%= 1 + {secret} %>"),
            format!("<%= {secret}.no_such_method %>"),
            format!("<%= {secret} < 1 %>"),
            format!("<%= ENV[{secret}] + 'x' %>"),
            format!("<%= ENV.fetch({secret}) %>"),
            format!("<%= `printf '%s' \"${name}\" >&2; exit 3` %>"),
            format!("<%= `printf '%s' \"${name}\" | base64 >&2; exit 3` %>"),
            format!("<%= `ls -- \"/nowhere/${name}\"` %>"),
            format!("<%= `#{{{secret}}}` %>"),
        ] {
            // Of the configuration, of `.env`, and of an accessory, while it is applied.
            world.write(
                "repository/config/deploy.yml",
                &format!(
                    "{}labels: {{a: '{}'}}\n",
                    right(),
                    template.replace('\'', "\"")
                ),
            );
            let said = world.mrsk(&PLAN);
            wrong += usize::from(said.code == 78);
            world.write("repository/config/deploy.yml", &right());
            world.write("repository/.env.erb", &format!("A=1\nB={template}\n"));
            let said = world.mrsk(&["envify"]);
            wrong += usize::from(said.code == 78);
            let _ = std::fs::remove_file(world.path("repository/.env"));
        }
        // What a template makes of it is not what a file of variables may hold.
        world.write(
            "repository/.env.erb",
            &format!("A=1\nB='<%= {secret} %> <%= {secret} %>\n"),
        );
        world.mrsk(&["envify"]).expect(78);
    }
    assert!(wrong > 200, "{wrong}");
}

#[test]
fn templates_of_accessories_that_fail_show_none() {
    let world = World::new();
    for template in [
        "<% raise ENV['S_URL'] %>",
        "<%= `printf '%s' \"$S_URL $S_JSON\" >&2; exit 3` %>",
        "<%= ENV.fetch(ENV['S_LINES']) %>",
        "<%= ENV['S_KEY'].no_such_method %>",
    ] {
        world.write("repository/config/init.sql.erb", template);
        let said = world.mrsk(&["accessory", "boot", "db", "-v"]);
        said.expect(78).says(&["init.sql.erb"]);
    }
}
