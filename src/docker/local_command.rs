//! The closed list of commands that a plan may run on the machine that applies it. Whatever is not of the list is shown on top
//! of a review, and needs an approval.

use crate::action::{Arg, OwnConfig, Run};
use crate::config::{is_cache_option, is_read_at_start};
use crate::digest;
use crate::docker::names::LABEL_SOURCE;

/// The commands. A word in capitals stands for one argument of that kind, `[…]` may be absent, `{…}` may be repeated.
const COMMANDS: [&str; 12] = [
    "docker login --username USER --password-stdin [SERVER]",
    "docker login [SERVER]",
    "[env DOCKER_BUILDKIT=1] docker [--host ADDRESS] build [--platform PLATFORMS] [--no-cache] {--tag IMAGE} {--label LABEL} {--build-arg VARIABLE} {--secret SECRET} [--ssh default] [--provenance ATTESTATION] [--sbom ATTESTATION] [--target NAME] --file PATH PATH",
    "docker [--host ADDRESS] push IMAGE",
    "docker [--host ADDRESS] image inspect --format TEMPLATE IMAGE",
    "docker buildx create --name NAME [--append] --node NAME --driver docker-container [--platform PLATFORMS] [ADDRESS]",
    "docker buildx inspect --bootstrap NAME",
    "docker buildx rm NAME",
    "docker buildx ls --format TEMPLATE",
    "docker buildx build --builder NAME [--platform PLATFORMS] --push --progress plain [--no-cache] {--tag IMAGE} {--label LABEL} {--build-arg VARIABLE} {--secret SECRET} [--ssh default] [--provenance ATTESTATION] [--sbom ATTESTATION] [--target NAME] [--cache-from CACHE --cache-to CACHE] --file PATH PATH",
    "docker buildx imagetools inspect --format TEMPLATE IMAGE",
    "docker manifest inspect --verbose IMAGE",
];

/// The argument of a build that chooses the program which carries it out.
const FRONTEND: &str = "BUILDKIT_SYNTAX";

/// Returns whether `run` is of the list, and gets exactly the secrets that its arguments name.
pub fn is_listed(run: &Run) -> bool {
    let is_of_list = COMMANDS.iter().any(|command| {
        let grammar: Vec<&str> = command.split(' ').collect();
        matches(&grammar, &run.argv)
    });
    let is_login = run
        .argv
        .contains(&Arg::Literal("--password-stdin".to_owned()));
    is_of_list
        && run.stdin.is_some() == is_login
        && match run.own_config {
            None => !is_login,
            Some(own_config) => own_config == OwnConfig::Temporary,
        }
        && build_secrets(&run.argv)
            .iter()
            .eq(run.env.iter().map(|variable| &variable.name))
        && run.env_file.is_empty()
}

/// Returns whether `argv`, which gets no secret, is of the list.
pub fn is_listed_argv(argv: &[String]) -> bool {
    is_listed(&Run::literal(argv))
}

/// Returns whether the whole of `argv` fits the whole of `grammar`.
fn matches(grammar: &[&str], argv: &[Arg]) -> bool {
    let Some((first, rest)) = grammar.split_first() else {
        return argv.is_empty();
    };
    let closing = match first.as_bytes().first() {
        Some(b'[') => "]",
        Some(b'{') => "}",
        _ => {
            return argv
                .split_first()
                .is_some_and(|(word, others)| fits(first, word) && matches(rest, others));
        }
    };
    let end = grammar.iter().position(|word| word.ends_with(closing));
    let (group, after) = grammar.split_at(end.map_or(grammar.len(), |end| end + 1));
    if matches(after, argv) {
        return true;
    }
    let fitting = group
        .iter()
        .zip(argv)
        .all(|(word, argument)| fits(word.trim_matches(['[', ']', '{', '}']), argument));
    let again = if closing == "}" { grammar } else { after };
    fitting && argv.len() >= group.len() && matches(again, &argv[group.len()..])
}

/// Returns whether `argument` is what `word` of the grammar stands for.
fn fits(word: &str, argument: &Arg) -> bool {
    let text = match argument {
        Arg::Literal(text) => text.as_str(),
        Arg::FromEnv(name) => return word == "USER" && is_variable(name),
        Arg::Pushed(_) => return false,
    };
    match word {
        "USER" => !text.is_empty() && !text.starts_with('-'),
        "SERVER" | "NAME" => is_plain(text, ".:_-"),
        "IMAGE" => is_plain(text, "./:_-@"),
        "PLATFORMS" => is_plain(text, "/,._-"),
        "ADDRESS" => is_address(text),
        "LABEL" => is_label(text),
        "VARIABLE" => match text.split_once('=') {
            Some((name, _)) => is_variable(name) && name != FRONTEND,
            None => is_variable(text) && text != FRONTEND && !is_read_at_start(text),
        },
        "ATTESTATION" => is_attestation(text),
        "CACHE" => is_cache(text),
        "SECRET" => secret_of(text).is_some(),
        "PATH" => is_path_below(text),
        "TEMPLATE" => is_template(text),
        word => text == word,
    }
}

/// Returns whether `text` has only letters, digits and the characters of `others`, and begins with a letter or a digit.
fn is_plain(text: &str, others: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || others.contains(c))
}

fn is_variable(text: &str) -> bool {
    !text.starts_with(|first: char| first.is_ascii_digit()) && is_plain(&format!("x{text}"), "_")
}

/// Returns whether `text` is the address of an engine. ssh would take a host that begins with `-` for an option.
fn is_address(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else {
        return is_plain(text, "._-");
    };
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    matches!(scheme, "ssh" | "tcp" | "unix" | "npipe")
        && !rest.starts_with('-')
        && !host.starts_with('-')
        && rest
            .chars()
            .all(|c| c.is_ascii_graphic() && !"'\"`$\\%".contains(c))
}

fn is_label(text: &str) -> bool {
    match text.split_once('=') {
        Some(("service", value)) => is_plain(value, "._-"),
        Some((name, value)) => name == LABEL_SOURCE && digest::digits(value).is_some(),
        None => false,
    }
}

/// Returns the variable of a build secret: `id=NAME,env=NAME`.
fn secret_of(text: &str) -> Option<&str> {
    let name = text.strip_prefix("id=")?.split_once(",env=")?.1;
    let is_same = text == format!("id={name},env={name}");
    (is_same && is_variable(name) && !is_read_at_start(name)).then_some(name)
}

/// Returns whether `text` says what is attested of an image, and to nobody else.
fn is_attestation(text: &str) -> bool {
    let generator = text.strip_prefix("generator=");
    ["true", "false", "mode=min", "mode=max"].contains(&text)
        || generator.is_some_and(|image| is_plain(image, "./:_-@"))
}

/// Returns whether `text` is a cache of GitHub's or of a registry, without a file of this machine or an address.
fn is_cache(text: &str) -> bool {
    let mut parts = text.split(',');
    let kind = parts.next();
    let place = match kind {
        Some("type=gha") => true,
        Some("type=registry") => parts
            .next()
            .and_then(|part| part.strip_prefix("ref="))
            .is_some_and(|image| is_plain(image, "./:_-@")),
        _ => false,
    };
    place && parts.all(is_cache_option)
}

/// Returns the secrets that the options of a build name, each once.
fn build_secrets(argv: &[Arg]) -> Vec<String> {
    let pairs = argv.iter().zip(argv.iter().skip(1));
    let named = pairs.filter_map(|pair| match pair {
        (Arg::Literal(option), Arg::Literal(value)) => match option.as_str() {
            "--secret" => secret_of(value),
            // Without a value, docker takes that of the environment.
            "--build-arg" => Some(value.as_str()).filter(|value| !value.contains('=')),
            _ => None,
        },
        _ => None,
    });
    let mut names: Vec<String> = Vec::new();
    for name in named {
        if !names.iter().any(|other| other == name) {
            names.push(name.to_owned());
        }
    }
    names
}

/// Returns whether `text` is a path below the git root, and nothing that docker would fetch or read from its standard input.
fn is_path_below(text: &str) -> bool {
    let is_remote =
        text.contains("://") || text.starts_with("git@") || text.starts_with("github.com/");
    !is_remote
        && !text.is_empty()
        && !text.starts_with(['/', '-'])
        && !text.contains(|c: char| c.is_control())
        && text.split('/').all(|part| part != "..")
}

/// Returns whether `text` is a template of the compiler: it compares the source's label, and prints digests.
fn is_template(text: &str) -> bool {
    if text == PRINTED_DIGEST || is_builder_template(text) {
        return true;
    }
    let Some(source) = digest::find(text) else {
        return false;
    };
    is_engine_template(text, source) || is_registry_template(text, source)
}

fn is_builder_template(text: &str) -> bool {
    let name = text.split('"').nth(1);
    name.is_some_and(|name| is_plain(name, "._-") && text == without_builder(name))
}

fn is_engine_template(text: &str, source: &str) -> bool {
    [built(source), pushed(source)]
        .iter()
        .any(|template| template == text)
}

fn is_registry_template(text: &str, source: &str) -> bool {
    let Some(mut rest) = text.strip_suffix(MANIFEST_DIGEST) else {
        return false;
    };
    if rest == built_alone(source) {
        return true;
    }
    while let Some(platform) = rest.split('"').nth(1) {
        match rest.strip_prefix(&built_for(platform, source)) {
            Some(after) if is_plain(platform, "/._-") => rest = after,
            _ => return false,
        }
    }
    rest.is_empty()
}

/// What makes a template fail: an index into nothing. docker has no command that compares.
const FAILURE: &str = "{{index \"\" 1}}{{end}}";

/// Prints the digest of a manifest, and nothing else: buildx takes a template that begins with `{{.Manifest` for a wish for its
/// own table.
pub(super) const PRINTED_DIGEST: &str = "{{print .Manifest.Digest}}";

/// Prints the digest of a manifest.
pub(super) const MANIFEST_DIGEST: &str = "{{.Manifest.Digest}}";

/// Returns the template that fails if there is a builder of this name; docker adds `*` to that of the one in use.
pub(super) fn without_builder(name: &str) -> String {
    format!("{{{{if or (eq .Name {name:?}) (eq .Name \"{name}*\")}}}}{FAILURE}")
}

/// Returns the template that fails if an image of an engine was not built from `source`.
pub(super) fn built(source: &str) -> String {
    format!("{{{{if ne (index .Config.Labels {LABEL_SOURCE:?}) {source:?}}}}}{FAILURE}")
}

/// Returns the template that fails if an image of an engine was not built from `source` or not pushed, and prints its digests.
pub(super) fn pushed(source: &str) -> String {
    format!(
        "{{{{if or (not .RepoDigests) (ne (index .Config.Labels {LABEL_SOURCE:?}) {source:?})}}}}{FAILURE}{{{{range .RepoDigests}}}}{{{{println .}}}}{{{{end}}}}"
    )
}

/// Returns the template that fails if an image of a registry, which is for one platform, was not built from `source`.
pub(super) fn built_alone(source: &str) -> String {
    format!("{{{{if ne (index .Image.Config.Labels {LABEL_SOURCE:?}) {source:?}}}}}{FAILURE}")
}

/// Returns the template that fails if an image of a registry was not built from `source` for `platform`.
pub(super) fn built_for(platform: &str, source: &str) -> String {
    format!(
        "{{{{if ne (index (index .Image {platform:?}).Config.Labels {LABEL_SOURCE:?}) {source:?}}}}}{FAILURE}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "sha256:6aea6fff58f8007417026007b30ecb2e2a6e0fa0df2628128d4987eb0094837e";

    fn words(line: &str) -> Vec<String> {
        line.split(' ')
            .map(|word| word.replace("SOURCE", SOURCE))
            .collect()
    }

    #[test]
    fn the_documents_list_each_command() {
        let document = include_str!("../../docs/plan-format.md");
        for command in COMMANDS {
            assert!(
                document.contains(&format!("\n    {command}\n")),
                "{command}"
            );
        }
    }

    #[test]
    fn the_compilers_commands_are_listed() {
        for line in [
            "docker login",
            "docker login registry.example.com:5000",
            "docker build --tag r.example.com/a/b:1 --tag r.example.com/a/b:latest --label service=b --label mrsk.source=SOURCE --file Dockerfile .",
            "docker build --tag b:1 --target production --file Dockerfile .",
            "docker --host ssh://build@192.0.2.9 build --platform linux/amd64 --tag b:1 --build-arg A= --build-arg B=x=y --file docker/Dockerfile ./app",
            "docker push r.example.com/a/b:latest",
            "docker buildx create --name mrsk-b --node mrsk-b0 --driver docker-container",
            "docker buildx create --name mrsk-b --append --node mrsk-b1 --driver docker-container --platform linux/arm64 unix:///run/docker.sock",
            "docker buildx inspect --bootstrap mrsk-b",
            "docker buildx rm mrsk-b",
            "docker manifest inspect --verbose r.example.com/a/b:1",
            "docker buildx build --builder mrsk-b --platform linux/amd64,linux/arm64 --push --progress plain --tag b:1 --file Dockerfile .",
            "docker buildx build --builder mrsk-b --push --progress plain --no-cache --tag b:1 --ssh default --provenance mode=max --sbom generator=docker/x:1 --target a --cache-from type=registry,ref=r.example.com:5000/a/b --cache-to type=registry,ref=r.example.com:5000/a/b,mode=max,image-manifest=true --file Dockerfile .",
            "docker buildx build --builder mrsk-b --push --progress plain --tag b:1 --cache-from type=gha --cache-to type=gha,scope=a-b --file Dockerfile .",
            "env DOCKER_BUILDKIT=1 docker build --no-cache --tag b:1 --ssh default --provenance false --file Dockerfile .",
        ] {
            assert!(is_listed_argv(&words(line)), "{line}");
        }
        let inspect = |template: String| {
            let mut argv = words("docker image inspect --format");
            argv.extend([template, "b:1".to_owned()]);
            argv
        };
        let mut gone = words("docker buildx ls --format");
        gone.push(without_builder("mrsk-b"));
        assert!(is_listed_argv(&gone));
        assert!(is_listed_argv(&inspect(built(SOURCE))));
        assert!(is_listed_argv(&inspect(pushed(SOURCE))));
        assert!(!is_listed_argv(&inspect("{{json .}}".to_owned())));
        let mut argv = words("docker buildx imagetools inspect --format");
        argv.extend([built_alone(SOURCE) + MANIFEST_DIGEST, "b:1".to_owned()]);
        assert!(is_listed_argv(&argv));
        let mut argv = words("docker buildx imagetools inspect --format");
        let template = [
            built_for("linux/amd64", SOURCE),
            built_for("linux/arm64", SOURCE),
        ]
        .concat();
        argv.extend([template + MANIFEST_DIGEST, "b:1".to_owned()]);
        assert!(is_listed_argv(&argv));
    }

    #[test]
    fn anything_else_is_not_listed() {
        for line in [
            "",
            "docker",
            "sh -c id",
            "docker run -v /:/h b:1",
            "docker build --tag b:1 --file Dockerfile /",
            "docker build --tag b:1 --file Dockerfile ../..",
            "docker build --tag b:1 --file ../x .",
            "docker build --tag b:1 --file - .",
            "docker build --tag b:1 --file Dockerfile -",
            "docker build --tag b:1 --file Dockerfile https://example.com/x.git",
            "docker build --tag b:1 --file Dockerfile git@example.com:x.git",
            "docker build --tag b:1 --file Dockerfile . .",
            "docker build --tag b:1 -o dest=/ --file Dockerfile .",
            "docker build --tag b:1 --target --output=dest=/ --file Dockerfile .",
            "docker build --tag b:1 --output type=local,dest=/ --file Dockerfile .",
            "docker build --tag --output=dest=/ --file Dockerfile .",
            "docker build --tag b:1 --secret id=x,src=/root/.ssh/id_rsa --file Dockerfile .",
            "docker build --tag b:1 --secret id=a,env=b --file Dockerfile .",
            "docker build --tag b:1 --secret id=LD_PRELOAD,env=LD_PRELOAD --file Dockerfile .",
            "docker build --tag b:1 --build-arg BUILDKIT_SYNTAX=example.com/x:1 --file Dockerfile .",
            "docker build --tag b:1 --ssh default=/root/.ssh/id_rsa --file Dockerfile .",
            "docker build --tag b:1 --ssh other --file Dockerfile .",
            "docker build --tag b:1 --build-arg BUILDKIT_SYNTAX --file Dockerfile .",
            "docker build --tag b:1 --build-arg TOKEN --file Dockerfile .",
            "docker build --tag b:1 --provenance type=x --file Dockerfile .",
            "docker build --tag b:1 --cache-from type=gha --cache-to type=gha --file Dockerfile .",
            "docker buildx build --builder b --push --progress plain --tag b:1 --cache-from type=local,src=/ --cache-to type=gha --file Dockerfile .",
            "docker buildx build --builder b --push --progress plain --tag b:1 --cache-from type=gha --cache-to type=local,dest=/ --file Dockerfile .",
            "docker buildx build --builder b --push --progress plain --tag b:1 --cache-from type=gha,url=http://x/ --cache-to type=gha --file Dockerfile .",
            "docker buildx build --builder b --push --progress plain --tag b:1 --cache-from type=gha --cache-to type=registry,mode=max --file Dockerfile .",
            "docker buildx build --builder b --push --progress plain --tag b:1 --cache-from type=gha --cache-to type=gha,type=local,dest=/ --file Dockerfile .",
            "docker --host ssh://-oProxyCommand=id build --tag b:1 --file Dockerfile .",
            "docker --host ssh://a@-oProxyCommand=id push b:1",
            "docker --host -H push b:1",
            "docker --config /tmp push b:1",
            "docker push --all-tags b",
            "docker push --help",
            "env LD_PRELOAD=x docker push b:1",
            "env DOCKER_BUILDKIT=1 docker push b:1",
            "docker login --password-stdin",
            "docker login -u x -p y",
            "docker buildx inspect --bootstrap --help",
            "docker buildx rm --all-inactive",
            "docker buildx rm mrsk-b other",
            "docker buildx ls --format {{.}}",
            "docker buildx create --name b --node b0 --driver docker-container --config x",
            "docker buildx build --builder b --platform linux/amd64 --push --progress plain -o dest=/ --tag b:1 --file Dockerfile .",
            "docker buildx build --builder b --platform linux/amd64 --load --progress plain --tag b:1 --file Dockerfile .",
            "docker buildx imagetools create b:1",
            "docker manifest inspect --insecure --verbose b:1",
            "docker manifest push b:1",
        ] {
            assert!(!is_listed_argv(&words(line)), "{line}");
        }
    }

    #[test]
    fn secrets_reach_only_what_names_them() {
        let build = "docker build --tag b:1 --secret id=TOKEN,env=TOKEN --file Dockerfile .";
        let run = |line: &str, env: &[&str], stdin: Option<&str>| Run {
            env: env.iter().map(|&name| name.into()).collect(),
            stdin: stdin.map(str::to_owned),
            ..Run::literal(words(line)).with_own_config(OwnConfig::Temporary)
        };
        let login = "docker login --username robot --password-stdin";
        let argument = "docker build --tag b:1 --build-arg TOKEN --file Dockerfile .";
        let both = "docker build --tag b:1 --build-arg TOKEN --secret id=TOKEN,env=TOKEN --file Dockerfile .";
        let of_start = "docker build --tag b:1 --build-arg PATH --file Dockerfile .";
        let rows = [
            (run(build, &["TOKEN"], None), true),
            (run(build, &[], None), false),
            (run(build, &["TOKEN", "OTHER"], None), false),
            (run(build, &["TOKEN"], Some("TOKEN")), false),
            (run(argument, &["TOKEN"], None), true),
            (run(argument, &[], None), false),
            (run(both, &["TOKEN"], None), true),
            (run(both, &["TOKEN", "TOKEN"], None), false),
            (run(of_start, &["PATH"], None), false),
            (run(login, &[], Some("PASSWORD")), true),
            (run(login, &[], None), false),
            (run(login, &["OTHER"], Some("PASSWORD")), false),
            (run("docker push b:1", &["TOKEN"], None), false),
        ];
        for (run, expected) in rows {
            assert_eq!(is_listed(&run), expected, "{run:?}");
        }
        for own_config in [None, Some(OwnConfig::ToKeep), Some(OwnConfig::Kept)] {
            let login = Run {
                own_config,
                ..run(login, &[], Some("PASSWORD"))
            };
            assert!(!is_listed(&login), "a login that stays: {own_config:?}");
        }
    }
}
