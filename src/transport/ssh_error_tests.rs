use super::*;

fn told(log: &str, proxy: Option<&str>, proxy_log: &str, is_pinned: bool) -> String {
    let context = Context {
        host: "app1",
        user: "deploy",
        port: Some(2222),
        proxy,
        is_pinned,
    };
    classify(&context, log, proxy_log).to_string()
}

const CHANGED: &str =
    "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.";
const UNKNOWN: &str = "No ED25519 host key is known for app1 and you have requested strict checking.\nHost key verification failed.";

#[test]
fn words_of_ssh() {
    for (log, proxy, proxy_log, is_pinned, expected) in [
        (
            "ssh: Could not resolve hostname app1: Name or service not known",
            None,
            "",
            false,
            "app1 cannot be reached: ",
        ),
        (
            "ssh: connect to host app1 port 22: Connection refused",
            None,
            "",
            false,
            "app1 cannot be reached: ",
        ),
        (
            "ssh: connect to host app1 port 22: Connection timed out",
            None,
            "",
            false,
            "app1 cannot be reached: ",
        ),
        (
            "ssh: connect to host app1 port 22: No route to host",
            None,
            "",
            true,
            "app1 cannot be reached: ",
        ),
        (
            "Connection closed by 10.0.0.1 port 22",
            None,
            "",
            false,
            "app1 cannot be reached: ",
        ),
        (
            "deploy@app1: Permission denied (publickey,password).",
            None,
            "",
            false,
            "app1 refuses the login of deploy: ",
        ),
        (
            "Load key \"k\": bad permissions\ndeploy@app1: Permission denied (publickey).",
            None,
            "",
            false,
            "app1 refuses the login of deploy: ",
        ),
        (
            "Received disconnect from 10.0.0.1 port 22:2: Too many authentication failures",
            None,
            "",
            false,
            "app1 refuses the login of deploy: ",
        ),
        (
            UNKNOWN,
            None,
            "",
            false,
            "the host key of app1 is not known",
        ),
        (UNKNOWN, None, "", true, "the host key of app1 has changed"),
        (CHANGED, None, "", false, "the host key of app1 has changed"),
        (CHANGED, None, "", true, "the host key of app1 has changed"),
        (
            "Connection closed by UNKNOWN port 65535",
            Some("jump"),
            "ops@jump: Permission denied (publickey).",
            false,
            "app1 cannot be reached through jump: ",
        ),
        (
            "kex_exchange_identification: Connection closed by remote host",
            Some("jump"),
            "",
            false,
            "app1 cannot be reached through jump: ",
        ),
        (
            "deploy@app1: Permission denied (publickey).",
            Some("jump"),
            "",
            false,
            "app1 refuses the login of deploy: ",
        ),
        (
            "Bad owner or permissions on config",
            None,
            "",
            false,
            "no connection to app1: ",
        ),
        ("", None, "", false, "no connection to app1: "),
    ] {
        let text = told(log, proxy, proxy_log, is_pinned);
        assert!(text.starts_with(expected), "{log}: {text}");
    }
}

#[test]
fn the_words_that_matter_are_told() {
    let text = told(
        "Load key \"k\": bad permissions\ndeploy@app1: Permission denied (publickey).\n",
        None,
        "",
        false,
    );
    assert!(
        text.contains("deploy@app1: Permission denied (publickey); check"),
        "{text}"
    );
    let text = told(UNKNOWN, None, "", false);
    assert!(text.contains("`ssh -p 2222 deploy@app1`"), "{text}");
    assert!(text.contains("--accept-new-host-keys"), "{text}");
    let log = format!("Offending ED25519 key in /home/me/.ssh/known_hosts:7\r\n{CHANGED}");
    let text = told(&log, None, "", false);
    assert!(
        text.contains("line 7 of /home/me/.ssh/known_hosts"),
        "{text}"
    );
    let command = "`ssh-keygen -f /home/me/.ssh/known_hosts -R '[app1]:2222'`";
    assert!(text.contains(command), "{text}");
    let text = told(
        "Connection closed by UNKNOWN port 65535",
        Some("jump"),
        "ssh: connect to host jump port 22: Connection refused\n",
        false,
    );
    assert!(
        text.contains("through jump") && text.contains("refused"),
        "{text}"
    );
}

#[test]
fn only_dropped_connections_are_tried_again() {
    assert!(is_worth_another_try(
        "kex_exchange_identification: Connection closed by remote host",
        ""
    ));
    assert!(is_worth_another_try(
        "Connection closed by UNKNOWN port 65535",
        "kex_exchange_identification: x"
    ));
    assert!(!is_worth_another_try(
        "Connection closed by UNKNOWN port 65535",
        "ops@jump: Permission denied (publickey)."
    ));
    assert!(!is_worth_another_try(
        "ssh: connect to host app1 port 22: Connection refused",
        ""
    ));
}
