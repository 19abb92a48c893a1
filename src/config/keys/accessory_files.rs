//! `accessories.NAME.files`: files to upload, each as `LOCAL:CONTAINER[:MODE]` or as a map that also says its mode and owner.

use serde_json::{Value, json};

use crate::config::decoder::{Decoder, Field};
use crate::config::model::AccessoryFile;
use crate::config::node::Kind;
use crate::config::schema::{self, Property, described, filled, matching, record};
use crate::config::values::mount;
use crate::name::is_file_owner;

/// One user or group, by name or number. Neither can pass for an option of `chown`.
const PART: &str = "[A-Za-z0-9_][A-Za-z0-9_.-]*";

const PERMISSIONS: &str = "^0?[0-7]{3}$";

const KEYS: [Property; 5] = [
    ("local", || {
        filled("Path of the local file; one that ends in `.erb` is a template.")
    }),
    ("remote", || {
        matching("Its absolute path in the container.", "^/[^:]+$")
    }),
    ("mode", || {
        let kinds = json!({ "anyOf": [
            { "type": "string", "pattern": PERMISSIONS },
            { "type": "integer" },
        ] });
        described(
            "Its permission bits on the host in octal; by default 0600 for templates, and those of the local file for others.",
            kinds,
        )
    }),
    ("owner", || {
        let pattern = format!("^{PART}(:{PART})?$");
        matching(
            "Its owner on the host, as `USER` or `USER:GROUP`; by default the SSH user.",
            &pattern,
        )
    }),
    ("options", || {
        matching(
            "What follows the path in docker's `--volume`, such as `ro`.",
            mount::OPTIONS,
        )
    }),
];

/// Returns the schema.
pub(super) fn schema() -> Value {
    let mut map = record("File.", &KEYS);
    map["type"] = json!("object");
    map["required"] = json!(["local", "remote"]);
    let one = json!({ "anyOf": [mount::schema("File."), map] });
    schema::list(
        "Files to upload, as `LOCAL:PATH_IN_CONTAINER[:MODE]` or as maps; those that end in `.erb` are templates.",
        &one,
    )
}

/// Reads one file.
pub(super) fn decode(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<AccessoryFile> {
    if !matches!(field.node.kind, Kind::Mapping(_)) {
        let (local, remote, mode) = mount::decode(decoder, field, mount::Kind::File)?;
        return Some(AccessoryFile {
            local,
            remote,
            mode,
            permissions: None,
            owner: None,
        });
    }
    let file = decoder.record(field, &KEYS);
    for (key, help) in [
        ("local", "set the path of the local file"),
        ("remote", "set its path in the container"),
    ] {
        if file.get(key).is_none() {
            decoder.missing(field, key, help);
        }
    }
    let local = file.read(decoder, "local", Decoder::filled);
    let remote = file.read(decoder, "remote", Decoder::filled);
    let options = file.read(decoder, "options", Decoder::filled);
    let permissions = file.read(decoder, "mode", permissions);
    let owner = file.read(decoder, "owner", owner);
    let parts = (local?, remote?, options);
    let (local, remote, mode) = mount::check(decoder, field, parts, mount::Kind::File)?;
    Some(AccessoryFile {
        local,
        remote,
        mode,
        permissions,
        owner,
    })
}

fn permissions(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<String> {
    let text = decoder.filled(field)?;
    let digits = text.strip_prefix('0').filter(|rest| rest.len() == 3);
    let digits = digits.unwrap_or(&text);
    if digits.len() != 3 || !digits.bytes().all(|digit| matches!(digit, b'0'..=b'7')) {
        let help = "use three octal digits, such as `0640`";
        return decoder.invalid(field.node.mark, "file mode", &text, help);
    }
    Some(format!("0{digits}"))
}

fn owner(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<String> {
    let text = decoder.filled(field)?;
    if !is_file_owner(&text) {
        let help = "use `USER` or `USER:GROUP` of the host, such as `999:999`";
        return decoder.invalid(field.node.mark, "file owner", &text, help);
    }
    Some(text)
}
