use super::*;

fn whose(destination: Option<&str>, purpose: Purpose) -> Intercepted {
    Intercepted {
        service: "shop".to_owned(),
        destination: destination.map(str::to_owned),
        role: "web".to_owned(),
        purpose,
    }
}

/// Returns the file of a maintenance in place of these routers.
fn file(intercept: &Intercept, routers: &str) -> Value {
    let routing = format!("http: {{routers: {{{routers}}}}}");
    let whose = whose(None, Purpose::Maintenance);
    let file = intercept.file(&whose, &[&routing]).unwrap();
    serde_yaml::from_str(&unescaped(&file.text)).unwrap()
}

fn router(document: &Value, name: &str) -> String {
    let router = &document["http"]["routers"][name];
    let line = |key: &str| serde_json::to_string(&router[key]).unwrap();
    let keys = ["rule", "priority", "entryPoints", "tls", "middlewares"];
    keys.map(line).join(" ")
}

const WEB: &str =
    "a: {rule: 'PathPrefix(`/`)', service: app}, p: {rule: x, entryPoints: [mrsk-probe]}";

#[test]
fn each_router_gets_one_that_comes_just_before_it() {
    let intercept = Intercept {
        allow: vec!["10.0.0.0/8".into(), "::1".into()],
        except: vec!["/up".into(), "/admin/".into()],
        ..Intercept::default()
    };
    let routers = "a: {rule: 'Host(`a`) || Host(`b`)', tls: {certResolver: le}, entryPoints: 'web, secure'}, \
                   b: {rule: 'Path(`/x`)', priority: '70'}";
    let document = file(&intercept, routers);
    let rest =
        "!ClientIP(`10.0.0.0/8`) && !ClientIP(`::1`) && !Path(`/up`) && !PathPrefix(`/admin/`)";
    assert_eq!(
        [0, 1].map(|at| router(&document, &format!("maintenance:shop:web:{at}"))),
        [
            format!(
                r#""(Host(`a`) || Host(`b`)) && {rest}" 23 "web, secure" {{"certResolver":"le"}} null"#
            ),
            format!(r#""(Path(`/x`)) && {rest}" 71 null null null"#),
        ]
    );
    let service = &document["http"]["services"]["maintenance:shop:web:none"];
    assert_eq!(
        serde_json::to_string(service).unwrap(),
        r#"{"loadBalancer":{"servers":[]}}"#
    );
}

#[test]
fn what_people_are_told_is_in_headers_and_a_page_of_the_role() {
    let intercept = Intercept {
        message: Some("Back at 10 {{x}}".into()),
        retry_after: Some(300),
        page: Some("/503.html".into()),
        ..Intercept::default()
    };
    let document = file(&intercept, WEB);
    let middlewares = &document["http"]["middlewares"];
    let headers = &middlewares["maintenance:shop:web:headers"]["headers"]["customResponseHeaders"];
    assert_eq!(headers["Retry-After"], "300");
    assert_eq!(headers["X-Maintenance-Message"], "Back at 10 {{x}}");
    let page = &middlewares["maintenance:shop:web:page-0"]["errors"];
    assert_eq!(page["service"], "app");
    assert_eq!(
        router(&document, "maintenance:shop:web:page-0"),
        r#""(PathPrefix(`/`))" 17 null null ["maintenance:shop:web:headers","maintenance:shop:web:page-0"]"#
    );
    // It may lack its service: the proof must not depend on it.
    let probe = router(&document, "maintenance:shop:web:probe");
    assert!(!probe.contains("page"), "{probe}");
}

#[test]
fn the_proof_is_of_this_file_alone() {
    let whose = whose(Some("staging"), Purpose::Drain);
    let routing = format!("http: {{routers: {{{WEB}}}}}");
    let drained = Intercept {
        only: Some("/up".into()),
        by: "a {{b".into(),
        since: 5,
        ..Intercept::default()
    };
    let one = drained.file(&whose, &[&routing, &routing]).unwrap();
    assert_eq!(one, drained.file(&whose, &[&routing]).unwrap());
    assert_eq!(Intercept::read(&one.text), Some(drained.clone()));
    assert!(one.text.contains("(PathPrefix(`/`)) && Path(`/up`)"));
    let document: Value = serde_yaml::from_str(&unescaped(&one.text)).unwrap();
    let probe = router(&document, "drain:shop:web:staging:probe");
    assert!(
        probe.contains(&format!("{}.mrsk.internal", one.proof)),
        "{probe}"
    );
    let other = Intercept {
        only: Some("/health".into()),
        ..drained.clone()
    };
    assert!(!drained.answers_as(&other));
    let other = other.file(&whose, &[&routing]).unwrap();
    assert_ne!((one.proof, one.probe_host), (other.proof, other.probe_host));
    let later = Intercept {
        since: 6,
        by: "b".into(),
        ..drained.clone()
    };
    assert!(drained.answers_as(&later));
}

#[test]
fn a_role_without_http_has_no_such_file() {
    let routing = "tcp: {routers: {t: {rule: 'HostSNI(`*`)'}}}";
    let whose = whose(None, Purpose::Maintenance);
    for text in [routing, "", "- no\n", ": : :"] {
        assert_eq!(Intercept::default().file(&whose, &[text]), None, "{text}");
    }
    for text in [
        "",
        "http: {}",
        "# mrsk intercepts: {",
        "# mrsk intercepts: 1",
        r#"# mrsk intercepts: {"allow": ["10.0.0.0/8`) || Path(`/"]}"#,
        r#"# mrsk intercepts: {"message": "a\r\nb"}"#,
    ] {
        assert_eq!(Intercept::read(text), None, "{text}");
    }
}

#[test]
fn whose_requests_are_answered_is_known_by_the_name() {
    for destination in [None, Some("staging"), Some("é@b")] {
        for purpose in Purpose::ALL {
            let whose = whose(destination, purpose);
            let name = whose.file_name();
            assert_eq!(Intercepted::of_file(&name), Some(whose));
            assert_eq!(crate::traefik::owner_of_file(&name), None, "{name}");
        }
    }
    assert_eq!(
        whose(None, Purpose::Maintenance).file_name(),
        "mrsk-shop@web@@maintenance.yml"
    );
    for name in [
        "mrsk-a@b.yml",
        "mrsk-a@b@c@d.yml",
        "try-mrsk-a@b@@drain.yml",
    ] {
        assert_eq!(Intercepted::of_file(name), None, "{name}");
    }
}
