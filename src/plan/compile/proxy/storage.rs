//! The files in which Traefik keeps certificates.

use std::collections::BTreeSet;

use crate::action::Run;
use crate::docker::container;
use crate::plan::compile::{Draft, HostView};

/// Returns the commands that make the files in which Traefik keeps certificates, if such a file is mounted by itself: docker would
/// make a directory of its name. Traefik reads one only if nobody else can.
pub fn storage_files(draft: &Draft, host: &HostView) -> Vec<Run> {
    let traefik = &draft.config.traefik;
    let stored: BTreeSet<&str> = traefik
        .args
        .iter()
        .filter(|arg| arg.name.to_lowercase().ends_with(".acme.storage"))
        .filter_map(|arg| arg.value.as_deref())
        .collect();
    let volumes = traefik.options.iter();
    let volumes = volumes.filter(|option| option.name == "volume");
    let mut runs = Vec::new();
    for volume in volumes.filter_map(|option| option.value.as_deref()) {
        let volume = container::on_host(volume, &host.facts.home);
        let mut parts = volume.split(':');
        let (Some(file), Some(mounted)) = (parts.next(), parts.next()) else {
            continue;
        };
        let Some((directory, _)) = file.rsplit_once('/').filter(|_| stored.contains(mounted))
        else {
            continue;
        };
        if !directory.is_empty() {
            runs.push(Run::literal(["mkdir", "-p", directory]));
        }
        runs.push(Run::literal(["touch", file]));
        runs.push(Run::literal(["chmod", "0600", file]));
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::compile::testing::case;

    #[test]
    fn only_a_file_that_is_mounted_by_itself_is_made() {
        for (volume, storage, expected) in [
            (
                "./letsencrypt/acme.json:/acme.json",
                "/acme.json",
                "mkdir -p /root/letsencrypt, touch /root/letsencrypt/acme.json, chmod 0600 /root/letsencrypt/acme.json",
            ),
            ("/le:/letsencrypt", "/letsencrypt/acme.json", ""),
            ("acme:/acme.json", "/acme.json", ""),
        ] {
            let config = format!(
                "traefik: {{options: {{volume: '{volume}'}}, args: {{certificatesResolvers.le.acme.storage: {storage}}}}}"
            );
            let runs = case(&config).look(&[], |draft| {
                let host = draft.hosts[0];
                let runs = storage_files(draft, &host);
                let words = runs.iter().map(|run| {
                    let words: Vec<String> =
                        run.argv.iter().map(|arg| format!("{arg:?}")).collect();
                    words.join(" ")
                });
                words.collect::<Vec<_>>().join(", ")
            });
            let runs = runs.replace("Literal(\"", "").replace("\")", "");
            assert_eq!(runs, expected, "{volume}");
        }
    }
}
