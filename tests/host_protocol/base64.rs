//! Texts that the scripts code in base64 by themselves, and those for which they start a program.

use mrsk::record::LockDetails;
use mrsk::transport::request::LockTerms;

use crate::fixture::{Fixture, Sh, block, scope};
use crate::lock;

#[test]
fn any_text_in_the_lock_arrives() {
    let printable: String = (' '..='~').collect();
    let texts = [
        "",
        "a",
        "ab",
        "abc",
        "*",
        "\\",
        "$x `id` \\n %s \"'",
        printable.as_str(),
        "Zoë\tçoğ",
        &"long ".repeat(500),
    ];
    for sh in Sh::all() {
        let fixture = Fixture::new(sh);
        for text in texts {
            let details = LockDetails {
                message: format!("x{text}x"),
                ..lock::details("r1")
            };
            let terms = LockTerms::default();
            block(fixture.host.lock(&scope(), &details, &terms)).unwrap();
            let held = block(fixture.host.lock_status(&scope())).unwrap().unwrap();
            assert!(
                held.text.contains(&format!("Message: x{text}x\n")),
                "{sh:?} {text:?}: {held:?}"
            );
            lock::release(&fixture, "r1");
        }
    }
}

/// Without the program nothing else of what a deploy needs is lost.
#[test]
fn what_is_short_and_plain_needs_no_program() {
    for sh in Sh::all().into_iter().filter(|sh| *sh != Sh::Busybox) {
        let fixture = Fixture::new(sh);
        fixture.fake("base64", "exit 1");
        lock::take(&fixture, "r1");
        let held = block(fixture.host.lock_status(&scope())).unwrap().unwrap();
        assert!(held.text.contains("Run: r1"), "{sh:?} {held:?}");
    }
}
