//! What mrsk has written on a host: serials, plans, routes, the lock, assets.

use std::fs;

use mrsk::facts::Query;
use mrsk::facts::model::Privilege;
use mrsk::name::PlanDigest;

use crate::facts_fake::Fake;
use crate::{SHELLS, query};

#[test]
fn the_state_of_earlier_runs_and_the_lock_are_reported() {
    let fake = Fake::bare();
    let (done, open) = ("a".repeat(64), "b".repeat(64));
    fake.file(".mrsk/app@it's/serial", &format!("2 sha256:{open}\n"));
    fake.file(".mrsk/app@it's/finished", &format!("sha256:{done} run 1\n"));
    fake.file(&format!(".mrsk/app@it's/runs/{done}/x"), "");
    fake.file(&format!(".mrsk/app@it's/runs/{open}/x"), "");
    fake.file("mrsk_lock/details", "TG9ja2Vk\nIGJ5OiBtZQ==\n");
    fake.program("sudo", "#!/bin/sh\n[ \"$*\" = '-n true' ]\n");
    let asked = Query {
        destination: Some("it's".into()),
        ..query()
    };
    for shell in SHELLS {
        let facts = fake.ask(shell, &asked);
        assert_eq!(facts.privilege, Privilege::Sudo);
        assert_eq!(facts.serial.number, 2);
        assert_eq!(
            facts.finished,
            [PlanDigest::from(format!("sha256:{done}"))].into()
        );
        assert_eq!(
            facts.unfinished,
            [PlanDigest::from(format!("sha256:{open}"))].into()
        );
        assert_eq!(facts.lock.as_deref(), Some("Locked by: me"));
    }
    // `Service: shop`: mrsk has locked something else.
    fake.file("mrsk_lock/details", "U2VydmljZTogc2hvcAo=\n");
    for shell in SHELLS {
        assert_eq!(fake.ask(shell, &asked).lock, None);
    }
    fake.file("mrsk_lock/app@it's/details", "TG9ja2Vk\nIGJ5OiBtZQ==\n");
    for shell in SHELLS {
        let lock = fake.ask(shell, &asked).lock;
        assert_eq!(lock.as_deref(), Some("Locked by: me"));
    }
}

#[test]
fn the_last_routes_are_reported_and_those_of_a_version() {
    let fake = Fake::bare();
    let line = |version: &str, at: u64| format!("web {version} - app-web-{version} {at}\n");
    let old = (0..30).map(|at| line("v1", 1_700_000_000 + at));
    let new = (0..110).map(|at| line("v2", 1_700_000_100 + at));
    let text: String = old.chain(new).collect();
    fake.file(".mrsk/app@/routed", &format!("{text}web v3 torn"));
    for shell in SHELLS {
        let facts = fake.ask(shell, &query());
        assert_eq!(facts.routed.len(), 99, "{shell:?}");
        assert!(facts.routed.iter().all(|route| route.version == "v2"));
        let asked = Query {
            version: "v1".into(),
            ..query()
        };
        let routed = fake.ask(shell, &asked).routed;
        assert_eq!(routed.len(), 119, "{shell:?}");
        assert_eq!(
            (routed[0].version.as_str(), routed[0].at),
            ("v1", 1_700_000_010)
        );
        let none = Query {
            version: "v1.*".into(),
            ..query()
        };
        assert_eq!(fake.ask(shell, &none).routed.len(), 99, "{shell:?}");
    }
}

#[test]
fn a_plan_counts_from_its_first_claim_on() {
    let fake = Fake::bare();
    let (before, last) = ("a".repeat(64), "b".repeat(64));
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    fake.file(
        ".mrsk/app@/serial",
        &format!("4 sha256:{last} 3 sha256:{before}\n"),
    );
    let begun = format!(".mrsk/app@/runs/{last}/begun");
    let claim = |attempt: &str| format!(".mrsk/app@/runs/{last}/step/{attempt}");
    let check = |number: u64, digits: &str| {
        for shell in SHELLS {
            let serial = fake.ask(shell, &query()).serial;
            let plan = Some(PlanDigest::from(format!("sha256:{digits}")));
            assert_eq!((serial.number, serial.plan), (number, plan), "{shell:?}");
        }
    };
    // Nobody knows what a power cut has taken.
    check(4, &last);
    fake.file(&begun, &format!("run {boot}"));
    check(3, &before);
    fake.file(&format!("{}/claim", claim("1")), "0 0 - run\n");
    check(3, &before);
    fake.file(&format!("{}/about", claim("1")), "pull\n");
    check(4, &last);
    fake.file(
        &format!("{}/receipt", claim("1")),
        "refused 0 run 1 2 - end\n",
    );
    check(3, &before);
    fake.file(&format!("{}/about", claim("2")), "pull\n");
    fake.file(&format!("{}/claim", claim("2")), "1 2 boot run\n");
    fake.file(
        &format!("{}/receipt", claim("2")),
        "failed 1 run 1 2 - end\n",
    );
    check(4, &last);
    fs::remove_dir_all(fake.path(&format!("home/{}", claim("2")))).unwrap();
    check(3, &before);
    let finished = ".mrsk/app@/finished";
    fake.file(finished, &format!("sha256:{last}\n"));
    check(4, &last);
    fake.file(finished, &format!("sha256:{before}\n"));
    fake.file(&begun, "run of-another-boot\n");
    check(4, &last);
}

#[test]
fn how_far_the_last_plan_is_follows_unless_it_is_finished() {
    let fake = Fake::bare();
    let (before, last) = ("a".repeat(64), "b".repeat(64));
    let serial = format!("4 sha256:{last} 3 sha256:{before}\n");
    fake.file(".mrsk/app@/serial", &serial);
    let check = |expected: Option<(&str, u64)>| {
        let mut seen = None;
        for shell in SHELLS {
            let unfinished = fake.ask(shell, &query()).serial.unfinished;
            let told = unfinished.as_ref().map(|last| (&last.plan, last.attempts));
            let plan = expected.map(|(digits, _)| PlanDigest::from(format!("sha256:{digits}")));
            let expected = plan.as_ref().zip(expected.map(|(_, attempts)| attempts));
            assert_eq!(told, expected, "{shell:?}");
            let checksum = unfinished.map(|last| last.checksum);
            assert_eq!(*seen.get_or_insert(checksum), checksum, "{shell:?}");
        }
        seen.flatten()
    };
    // A power cut may have taken all claims.
    check(Some((&last, 0)));
    let attempt = |digits: &str, number: u32, file: &str, text: &str| {
        let path = format!(".mrsk/app@/runs/{digits}/step/{number}/{file}");
        fake.file(&path, text);
    };
    let mut checksums = Vec::new();
    for number in 1..=3 {
        attempt(&last, number, "about", "pull\n");
        attempt(&last, number, "claim", "0008 09 - run\n");
        checksums.push(check(Some((&last, u64::from(number)))));
    }
    for receipt in ["succeeded 0 run 1 8 - end\n", "succeeded 0 run 1 9 - end\n"] {
        attempt(&last, 1, "receipt", receipt);
        checksums.push(check(Some((&last, 3))));
    }
    attempt(
        &last,
        2,
        "claim",
        "9999999999999999 99999999999999999999999 - run\n",
    );
    checksums.push(check(Some((&last, 3))));
    let differ: std::collections::BTreeSet<_> = checksums.iter().collect();
    assert_eq!(differ.len(), checksums.len(), "{checksums:?}");
    attempt(&last, 2, "receipt", "refused 0 run 1 2 - end\n");
    check(Some((&last, 2)));
    fake.file(
        ".mrsk/app@/finished",
        &format!("sha256:{before}\nsha256:{last}\n"),
    );
    check(None);
    // It has begun nothing: the one before it is the last.
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    fs::remove_dir_all(fake.path(&format!("home/.mrsk/app@/runs/{last}"))).unwrap();
    fake.file(
        &format!(".mrsk/app@/runs/{last}/begun"),
        &format!("run {boot}"),
    );
    fake.file(".mrsk/app@/finished", &format!("sha256:{before}\n"));
    check(None);
    fake.file(".mrsk/app@/finished", "");
    check(Some((&before, 0)));
}

#[test]
fn a_torn_serial_is_as_high_as_its_time() {
    let fake = Fake::bare();
    fake.file(".mrsk/app@/serial", "");
    let file = fs::metadata(fake.path("home/.mrsk/app@/serial")).unwrap();
    let time = file.modified().unwrap();
    let time = time.duration_since(std::time::UNIX_EPOCH).unwrap();
    for shell in SHELLS {
        let facts = fake.ask(shell, &query());
        assert_eq!(facts.serial.number, time.as_secs(), "{shell:?}");
        assert_eq!(facts.serial.plan, None);
    }
}

#[test]
fn directories_of_assets_are_reported_with_those_that_they_were_joined_with() {
    let fake = Fake::bare();
    for name in [
        "m-1/with/m-0",
        "m-1/with/m-2",
        "m-2/image",
        "part-m-3/joined",
        "other",
    ] {
        fs::create_dir_all(fake.path("home").join(".mrsk/app@/assets").join(name)).unwrap();
    }
    fake.file(".mrsk/app@/assets/m-4", "no directory");
    for shell in SHELLS {
        let assets = fake.ask(shell, &query()).assets;
        let found = assets.iter().map(|(name, joined)| {
            let joined = Vec::from_iter(joined.iter().map(String::as_str));
            (name.as_str(), joined)
        });
        assert_eq!(
            Vec::from_iter(found),
            [
                ("m-1", vec!["m-0", "m-2"]),
                ("m-2", vec![]),
                ("part-m-3", vec![])
            ],
            "{shell:?}"
        );
    }
}
