//! The files of a role's certificate, beside its routing file.

use crate::action::Run;
use crate::config::model::Config;
use crate::name::RoleName;
use crate::plan::compile::{Draft, HostView, Placement};
use crate::traefik;

/// What puts the files of a certificate on a host.
#[derive(Default)]
pub struct Delivery {
    /// What is done, before the routing file that names them is written.
    pub runs: Vec<Run>,
    /// The names of the secrets.
    pub secrets: Vec<String>,
}

/// Returns what puts the certificate of a placement's role on its host. Operations that deploy nothing leave the files as they are.
pub fn delivery(draft: &Draft, placement: &Placement) -> Delivery {
    let certificate = placement.role.proxy.certificate.as_ref();
    let Some(certificate) = certificate.filter(|_| draft.operation.deploys()) else {
        return Delivery::default();
    };
    let secrets = certificate.secret_names();
    let paths = paths(draft.config, &placement.role.name, &placement.routing_path);
    let parts = paths.iter().zip(&secrets);
    Delivery {
        runs: parts.flat_map(|(path, name)| write(path, name)).collect(),
        secrets: secrets.to_vec(),
    }
}

/// Returns the commands that write the value of a secret into a file that nobody else can read, which is there as a whole or as
/// it was.
fn write(path: &str, name: &str) -> [Run; 4] {
    let new = format!("{path}.new");
    [
        Run::literal(["touch", &new]),
        Run::literal(["chmod", "0600", &new]),
        Run {
            stdin: Some(name.to_owned()),
            ..Run::literal(["cp", "/dev/stdin", &new])
        },
        Run::literal(["mv", "-f", &new, path]),
    ]
}

/// Returns the paths of the files that a role has on a host: as the configuration says, or its routing file there.
pub fn files_of(draft: &Draft, host: &HostView, role: &RoleName) -> Vec<String> {
    let config = draft.config;
    let directory = &host.facts.routing_directory;
    let destination = config.destination.as_deref();
    let file = traefik::file_name(&config.service, destination, role.as_str());
    let paths = paths(config, role, &format!("{directory}/{file}"));
    let mut roles = config.roles.iter();
    let is_configured = roles.any(|one| one.name == *role && one.proxy.certificate.is_some());
    let text = host.facts.files.get(&format!("{directory}/{file}"));
    let is_named = text.is_some_and(|file| {
        let names = traefik::certificate_files(&config.service, destination, role.as_str());
        names.iter().any(|name| file.text.contains(name))
    });
    match is_configured || is_named {
        true => Vec::from(paths),
        false => Vec::new(),
    }
}

fn paths(config: &Config, role: &RoleName, routing_path: &str) -> [String; 2] {
    let destination = config.destination.as_deref();
    let directory = routing_path.rsplit_once('/').map_or("", |(path, _)| path);
    let names = traefik::certificate_files(&config.service, destination, role.as_str());
    names.map(|name| format!("{directory}/{name}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::plan::compile::testing::{case, routes, running};

    const OWN: &str = "proxy: {ssl: {certificate_pem: C, private_key_pem: K}}";

    #[test]
    fn a_certificate_comes_with_the_routes_and_goes_with_them() {
        let args = [
            "web.address=:80",
            "websecure.address=:443",
            "mrsk-probe.address=:7583",
        ];
        let traefik = json!({
            "container": "traefik", "image": "traefik:v3.3", "directory": "/s/traefik", "writable": true,
            "args": args.map(|arg| format!("--entrypoints.{arg}")),
        });
        let deploy = case(OWN).a(json!({"traefik": traefik})).plan().unwrap();
        let route = deploy
            .steps
            .iter()
            .find(|step| step.id.as_str().ends_with("/route"));
        let secrets: Vec<&str> = route
            .unwrap()
            .secrets
            .iter()
            .map(|one| one.name.as_str())
            .collect();
        assert_eq!(secrets, ["C", "K"]);

        let file = "/s/traefik/mrsk-app@web.key";
        for (config, text, is_removed) in [
            (OWN, "old", true),
            ("", "keyFile: /etc/mrsk/traefik/mrsk-app@web.key", true),
            ("", "old", false),
        ] {
            let mut files = routes("2");
            files["/s/traefik/mrsk-app@web.yml"]["text"] = text.into();
            let host = json!({"containers": {"app-web-2": running("2", 20)}, "files": files});
            let remove = case(config).asks_for(json!({"name": "app remove"})).a(host);
            let plan = remove.plan().unwrap();
            let plan = serde_json::to_string(&plan).unwrap();
            assert_eq!(plan.contains(file), is_removed, "{config} {text}");
        }
        let stop = case(OWN).asks_for(json!({"name": "app stop"}));
        let stop =
            stop.a(json!({"containers": {"app-web-2": running("2", 20)}, "files": routes("2")}));
        let stop = serde_json::to_string(&stop.plan().unwrap()).unwrap();
        assert!(!stop.contains(file), "a start needs it again");
    }
}
