#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sockdoctor::fuzzed::target("symptom").unwrap()(bytes));
