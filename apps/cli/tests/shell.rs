//! The command line itself: completions that a shell can read, and what a slip of the finger says.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::environment::Environment;

const CONFIG: &str = "redistrict-demo/redistrict.toml";

#[test]
fn bash_reads_its_completions_and_completes() {
    let environment = Environment::new();
    let script = environment.must(&["completions", "bash"]).out;
    let ask = "\nCOMP_WORDS=(redistrict artifacts s); COMP_CWORD=2\n\
        _redistrict redistrict s artifacts; echo \"${COMPREPLY[@]}\"\n\
        COMP_WORDS=(redistrict migrate --sk); COMP_CWORD=2\n\
        _redistrict redistrict --sk migrate; echo \"${COMPREPLY[@]}\"\n";
    let mut bash = Command::new("bash")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = bash.stdin.take().unwrap();
    input
        .write_all(format!("{script}{ask}").as_bytes())
        .unwrap();
    drop(input);
    let output = bash.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said, "shred\n--skip-extraction --skip-load\n");
    let (value, code) = environment.json(&["completions", "zsh"]);
    assert_eq!(code, 0);
    assert!(
        value["script"]
            .as_str()
            .unwrap()
            .starts_with("#compdef redistrict")
    );
}

#[test]
fn a_slip_is_answered_with_the_nearest_word_and_a_district_never() {
    let environment = Environment::new();
    environment.must(&["demo", "--students", "12", "--prepare-only"]);
    let (run, _) = environment.json(&["migrate", "2", "--dry-run", "--config", CONFIG]);
    let run = run["run"].as_str().unwrap();
    let slip = run.replace("mig-", "mgi-");
    let hinted = format!("did you mean `{run}`?");
    for (arguments, said) in [
        (&["migrte", "2"][..], "'migrate'"),
        (&["artifacts", "verfy"], "'verify'"),
        (&["config", "chek"], "'check'"),
        (&["migrate", "2", "--dry-rum"], "'--dry-run'"),
        (&["runs", "--output", "jsno"], "'json'"),
        (&["completions", "bsh"], "'bash'"),
        (&["status", &slip], &hinted),
        (&["report", &slip], &hinted),
        (&["resume", &slip], &hinted),
        (&["rollback", &slip], &hinted),
        (&["artifacts", "verify", &slip], &hinted),
        (&["enroll", "hpc1", "--name", "x"], "did you mean `hcp1`?"),
    ] {
        let ended = environment.run(&[arguments, &["--config", CONFIG]].concat());
        assert_eq!(ended.code, 2, "{arguments:?}: {}", ended.err);
        assert!(ended.err.contains(said), "{arguments:?}: {}", ended.err);
    }
    let district = environment.run(&["migrate", "22", "--config", CONFIG]);
    assert_eq!(district.code, 2);
    assert!(!district.err.contains("did you mean"), "{}", district.err);
}

#[test]
fn init_names_the_nearest_table_for_a_root_that_is_none() {
    let mut environment = Environment::new();
    environment.must(&["demo", "--students", "12", "--prepare-only"]);
    environment.set("PROD", "redistrict-demo/prod/ids.db");
    environment.set("CERT", "redistrict-demo/cert/ids.db");
    let store = ["--store", "ids=sqlite:PROD:CERT"];
    for (root, said) in [
        ("ids.distrcts", "did you mean ids.main.districts?"),
        ("distrcts", "did you mean ids.main.districts?"),
        ("nothing_like_it", "--root STORE.TABLE"),
    ] {
        let ended = environment.run(&[&["init", "--root", root][..], &store].concat());
        assert_eq!(ended.code, 2, "{}", ended.err);
        assert!(ended.err.contains(said), "{root}: {}", ended.err);
    }
}
