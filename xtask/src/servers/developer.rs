//! Servers that a developer keeps: one PostgreSQL with a database per relational store and side, one
//! Neo4j per side. Their folder holds all of it; starting what runs does nothing.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, bail};

use super::installed::Installed;
use super::supervised::free_port;
use crate::process::{random_text, root, say, variable, write};

/// The stores of the estate that are relational; `sp` can be either.
const RELATIONAL: [&str; 5] = ["ids", "hcp1", "hcp2", "adb", "sp"];
const SIDES: [&str; 2] = ["prod", "cert"];

/// What is decided once and kept beside the data.
struct Decided {
    postgres_port: u16,
    neo4j_ports: [u16; 2],
    password: String,
}

/// What runs the demo on them once the lines are pasted.
const DEMO: &str = "cargo run --release --bin redistrict -- demo --servers";

/// Starts what does not run and waits until it answers. Gives the lines to paste.
pub(crate) fn up(installed: &Installed) -> Result<Vec<String>> {
    let folder = folder()?;
    std::fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    let decided = decide(&folder)?;
    let (folder_of, decided_ref) = (|side| folder.join(format!("neo4j-{side}")), &decided);
    std::thread::scope(|scope| {
        let graphs = SIDES.into_iter().zip(decided_ref.neo4j_ports);
        let graphs: Vec<_> = graphs
            .map(|(side, port)| {
                let data = folder_of(side);
                scope.spawn(move || start_neo4j(installed, &data, port, &decided_ref.password))
            })
            .collect();
        start_postgres(installed, &folder, decided_ref)?;
        graphs
            .into_iter()
            .try_for_each(|one| one.join().expect("a thread that starts a server"))
    })?;
    say(&format!(
        "{} and two {} run; data in {}; stop them with: cargo xtask servers down",
        installed.postgres,
        installed.neo4j,
        folder.display()
    ));
    say("Paste these lines: databases for your own use, and the servers of the demo.\n");
    Ok(lines(&decided))
}

/// What to do when the lines have been pasted.
pub(crate) fn say_next() {
    say(&format!("\nThen the demo runs on these servers: {DEMO}"));
}

/// Stops what runs; without servers there is nothing to do.
pub(crate) fn down(is_removed: bool) -> Result<()> {
    let folder = folder()?;
    for side in SIDES {
        let pid = folder.join(format!("neo4j-{side}/neo4j.pid"));
        succeed(Command::new(script("stop.sh")).arg(pid))?;
    }
    let data = folder.join("postgres");
    if data.join("postmaster.pid").exists() {
        let installed = super::require()?;
        let mut stop = as_owner_of(&data)?;
        stop.arg(installed.postgres_programs.join("pg_ctl"));
        succeed(stop.args(["stop", "-w", "-m", "fast", "-D"]).arg(&data))?;
    }
    if is_removed && folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("remove {}", folder.display()))?;
    }
    say("the servers are down");
    Ok(())
}

/// `export NAME_PROD_URL=…`, as the configuration of the estate names them. The graph is the store `sp`;
/// its relational twin is there under another name. The last three are for `redistrict demo --servers`.
fn lines(decided: &Decided) -> Vec<String> {
    let mut lines = Vec::new();
    for store in RELATIONAL {
        for side in SIDES {
            let Decided {
                postgres_port,
                password,
                ..
            } = decided;
            let url =
                format!("postgres://postgres:{password}@127.0.0.1:{postgres_port}/{side}_{store}");
            let name = if store == "sp" {
                "sp_relational"
            } else {
                store
            };
            lines.push(export(name, side, &url));
        }
    }
    for (side, port) in SIDES.into_iter().zip(decided.neo4j_ports) {
        let url = format!("bolt://neo4j:{}@127.0.0.1:{port}", decided.password);
        lines.push(export("sp", side, &url));
    }
    lines.extend(demo_lines(decided));
    lines
}

/// A server where the demo makes databases of its own, and the two graphs.
fn demo_lines(decided: &Decided) -> Vec<String> {
    let Decided {
        postgres_port,
        password,
        ..
    } = decided;
    let postgres = format!("postgres://postgres:{password}@127.0.0.1:{postgres_port}/postgres");
    let mut lines = vec![assignment("REDISTRICT_DEMO_POSTGRES", &postgres)];
    for (side, port) in SIDES.into_iter().zip(decided.neo4j_ports) {
        let name = format!("REDISTRICT_DEMO_NEO4J_{}", side.to_uppercase());
        let url = format!("bolt://neo4j:{password}@127.0.0.1:{port}");
        lines.push(assignment(&name, &url));
    }
    lines
}

fn export(store: &str, side: &str, url: &str) -> String {
    assignment(&format!("{store}_{side}_URL").to_uppercase(), url)
}

fn assignment(name: &str, url: &str) -> String {
    format!("export {name}='{url}'")
}

/// The user's cache; that of the system for root, because PostgreSQL does not run as root and cannot
/// look into root's home.
fn folder() -> Result<PathBuf> {
    if let Some(folder) = variable("REDISTRICT_SERVERS") {
        return Ok(PathBuf::from(folder));
    }
    if is_root() {
        return Ok(PathBuf::from("/var/cache/redistrict-servers"));
    }
    let cache = variable("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(variable("HOME")?).join(".cache")));
    Ok(cache
        .context("find the user's cache: set HOME")?
        .join("redistrict-servers"))
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// Ports and password: those of the first start, else free ones.
fn decide(folder: &Path) -> Result<Decided> {
    let path = folder.join("decided.json");
    if !path.exists() {
        let ports = [free_port()?, free_port()?, free_port()?];
        let decided = serde_json::json!({ "ports": ports, "password": random_text()? });
        write(&path, &decided.to_string())?;
        let private = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&path, private)?;
    }
    let text = std::fs::read_to_string(&path)?;
    read_decided(&text).with_context(|| format!("read {}: remove the folder", path.display()))
}

fn read_decided(text: &str) -> Option<Decided> {
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    let port = |at: usize| u16::try_from(value["ports"][at].as_u64()?).ok();
    Some(Decided {
        postgres_port: port(0)?,
        neo4j_ports: [port(1)?, port(2)?],
        password: value["password"].as_str()?.to_owned(),
    })
}

fn start_postgres(installed: &Installed, folder: &Path, decided: &Decided) -> Result<()> {
    let data = folder.join("postgres");
    // The client may be a package of its own, in another place.
    let program = |name: &str| {
        let place = installed.postgres_programs.join(name);
        if place.is_file() { place } else { name.into() }
    };
    if !data.join("PG_VERSION").exists() {
        make_cluster(&program("initdb"), &data, decided)?;
    }
    let mut status = as_owner_of(&data)?;
    let status = status
        .arg(program("pg_ctl"))
        .args(["status", "-D"])
        .arg(&data);
    if !status.output().context("run pg_ctl")?.status.success() {
        let mut start = as_owner_of(&data)?;
        start
            .arg(program("pg_ctl"))
            .args(["start", "-w", "-t", "60", "-D"]);
        succeed(start.arg(&data).arg("-l").arg(data.join("server.log")))?;
    }
    let psql = |sql: &str| {
        let mut psql = as_owner_of(&data)?;
        psql.arg(program("psql"))
            .args(["-X", "-A", "-t", "-d", "postgres", "-U", "postgres"]);
        psql.arg("-h")
            .arg(&data)
            .args(["-p", &decided.postgres_port.to_string(), "-c", sql]);
        succeed(&mut psql)
    };
    let there = psql("select datname from pg_database")?;
    for side in SIDES {
        for store in RELATIONAL {
            let name = format!("{side}_{store}");
            if !there.lines().any(|line| line == name) {
                psql(&format!("create database {name} template template0"))?;
            }
        }
    }
    Ok(())
}

fn make_cluster(initdb: &Path, data: &Path, decided: &Decided) -> Result<()> {
    std::fs::create_dir_all(data)?;
    if is_root() {
        succeed(Command::new("chown").arg("postgres").arg(data))?;
    }
    std::fs::set_permissions(data, std::fs::Permissions::from_mode(0o700))?;
    let script = "initdb=$1 data=$2 password=$3; printf '%s\\n' \"$password\" | \"$initdb\" -D \"$data\" \
         -U postgres -E UTF8 --locale=C --no-sync --auth-local=trust --auth-host=scram-sha-256 \
         --pwfile=/dev/stdin";
    let mut make = as_owner_of(data)?;
    make.args(["sh", "-c", script, "initdb"])
        .arg(initdb)
        .arg(data);
    succeed(make.arg(&decided.password))?;
    let settings = format!(
        "listen_addresses = '127.0.0.1'\nport = {}\nunix_socket_directories = '{}'\n\
         max_connections = 200\n",
        decided.postgres_port,
        data.display()
    );
    let mut append = as_owner_of(data)?;
    append.args(["sh", "-c", "printf '%s' \"$2\" >>\"$1\"", "sh"]);
    succeed(append.arg(data.join("postgresql.conf")).arg(settings))?;
    Ok(())
}

/// `env` as ourselves, or, because the server refuses to run as root, as the owner of its data.
fn as_owner_of(data: &Path) -> Result<Command> {
    let mut command = Command::new("env");
    command.current_dir("/");
    if !is_root() {
        return Ok(command);
    }
    let owner = std::fs::metadata(data).with_context(|| format!("look at {}", data.display()))?;
    let mut command = Command::new("setpriv");
    command.arg(format!("--reuid={}", owner.uid()));
    command.args(["--regid=postgres", "--init-groups", "--", "env"]);
    command.current_dir("/");
    Ok(command)
}

fn start_neo4j(installed: &Installed, data: &Path, port: u16, password: &str) -> Result<()> {
    let mut start = Command::new(script("start.sh"));
    start.arg(port.to_string()).arg(data).arg(password);
    succeed(start.env("NEO4J_HOME", &installed.neo4j_home))?;
    Ok(())
}

fn script(name: &str) -> PathBuf {
    root().join("crates/testkit/neo4j").join(name)
}

/// Runs a program that has to succeed, without showing its arguments: there are passwords in them.
fn succeed(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().with_context(|| format!("run {program}"))?;
    if !status.success() {
        bail!(
            "{program} ended with {status}:\n{}",
            String::from_utf8_lossy(&stderr)
        );
    }
    Ok(String::from_utf8_lossy(&stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_name_each_store_on_both_sides() {
        let decided = read_decided(r#"{"ports":[1,2,3],"password":"p"}"#).unwrap();
        let lines = lines(&decided);
        assert_eq!(lines.len(), 15);
        assert_eq!(
            lines[0],
            "export IDS_PROD_URL='postgres://postgres:p@127.0.0.1:1/prod_ids'"
        );
        assert_eq!(lines[11], "export SP_CERT_URL='bolt://neo4j:p@127.0.0.1:3'");
        assert_eq!(
            lines[12..],
            [
                "export REDISTRICT_DEMO_POSTGRES='postgres://postgres:p@127.0.0.1:1/postgres'",
                "export REDISTRICT_DEMO_NEO4J_PROD='bolt://neo4j:p@127.0.0.1:2'",
                "export REDISTRICT_DEMO_NEO4J_CERT='bolt://neo4j:p@127.0.0.1:3'",
            ]
        );
        assert!(read_decided("{}").is_none());
    }
}
