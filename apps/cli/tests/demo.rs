//! The demo: what a newcomer types first.

use crate::environment::Environment;

#[test]
fn the_demo_migrates_shows_that_others_are_untouched_and_its_undo_brings_cert_back() {
    let environment = Environment::new();
    let demo = environment.must(&["demo", "--students", "40"]);
    for line in [
        "✅ Migration Complete: ",
        "Run ID: mig-",
        "Status: SUCCESS",
        "- Validated: PASSED",
        "- Loaded to CERT: ",
        "CERT is ready for testing!",
    ] {
        assert!(demo.out.contains(line), "{line}\n{}", demo.out);
    }
    for line in [
        "Phase 1 of 5: Extraction - 100% complete",
        "Phase 4 of 5: Loading",
        "are untouched",
    ] {
        assert!(demo.err.contains(line), "{line}\n{}", demo.err);
    }
    let after = |text: &str, prefix: &str| -> String {
        let at = text
            .find(prefix)
            .unwrap_or_else(|| panic!("no {prefix} in\n{text}"));
        text[at + prefix.len()..]
            .split_whitespace()
            .next()
            .unwrap()
            .to_owned()
    };
    let before = after(&demo.err, "CERT digest before: ");
    let command = demo
        .err
        .lines()
        .find_map(|line| {
            line.split_once("redistrict rollback ")
                .map(|(_, rest)| rest.to_owned())
        })
        .unwrap();
    let words: Vec<&str> = std::iter::once("rollback")
        .chain(command.split_whitespace())
        .collect();
    let undone = environment.must(&words);
    assert_eq!(after(&undone.err, "CERT digest: "), before);
    let again = environment.must(&words);
    assert!(again.err.contains("nothing to do"), "{}", again.err);
}

#[test]
fn the_demo_does_not_write_over_a_directory_that_is_not_its_own() {
    let environment = Environment::new();
    std::fs::create_dir(environment.path("redistrict-demo")).unwrap();
    environment.write("redistrict-demo/precious", "x");
    let demo = environment.run(&["demo"]);
    assert_eq!(demo.code, 2, "{}", demo.err);
    assert_eq!(environment.read("redistrict-demo/precious"), "x");
}
