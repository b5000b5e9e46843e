//! The units and files that Debian's packages ship, read where they are: no error, and nothing found in them.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::binary::json;
use crate::world::{isolated, skip};

/// Where packages put what `scan` reads: this machine's, and the unpacked ones.
fn shipped() -> Vec<PathBuf> {
    let unpacked = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("test-root");
    let roots = [Path::new("/"), &unpacked];
    let below = ["lib/systemd/system", "usr/lib/systemd/system", "usr/lib/tmpfiles.d"];
    let all = roots.iter().flat_map(|root| below.iter().map(|place| root.join(place)));
    let mut found: Vec<PathBuf> = all.filter_map(|place| place.canonicalize().ok()).collect();
    found.sort();
    found.dedup();
    found
}

#[test]
fn what_debian_ships_has_no_finding() {
    let name = "scan_shipped::what_debian_ships_has_no_finding";
    isolated(name, |_| {
        let places = shipped();
        if places.is_empty() {
            return skip(name, "no packages with units");
        }
        for place in &places {
            let document = json(["scan".as_ref(), "--config".as_ref(), place.as_os_str()]);
            let findings = document["findings"].as_array().unwrap();
            let worse: Vec<&Value> =
                findings.iter().filter(|finding| finding["severity"] != "info").collect();
            assert!(worse.is_empty(), "{}: {worse:#?}", place.display());
            assert!(document["data"]["files"].as_u64() > Some(0), "{}: {document:#}", place.display());
        }
    });
}
