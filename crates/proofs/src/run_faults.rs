//! `prove run-faults`: a store fails while a migration works. It fails twice and then works: three attempts
//! with growing waits, in the log and in the report, and CERT as after an undisturbed run. It fails for good:
//! four attempts, exit 8, CERT as before, what was extracted kept, and what is recommended then works.

mod cases;
mod fault;
mod judge;
mod place;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context, Result};
use redistrict_estate::EstateOptions;
use redistrict_testkit::postgres::TestServer;

use crate::servers::Servers;
use crate::world::World;
use crate::{Options, Proof, say};
use cases::{Case, Which};
use place::{Golden, Home, Kinds};

const DISTRICT: &str = "2";

/// So many cases at once: each waits most of the time.
const AT_ONCE: usize = 4;

pub(crate) fn prove(options: Options) -> Result<Proof> {
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    let estate = EstateOptions {
        seed: options.seed,
        students_per_district: 8,
        ..EstateOptions::default()
    };
    let which = if options.quick {
        Which::Quick
    } else {
        Which::All
    };
    let mut ends = on_postgres(estate, which, &runtime)?;
    if !options.quick {
        ends.extend(on_own_servers(estate, &runtime)?);
    }
    Ok(proof(&ends))
}

/// A case, and what is wrong with it.
type End = (Case, Option<String>);

/// On databases of one server, several cases at once.
fn on_postgres(
    estate: EstateOptions,
    which: Which,
    runtime: &tokio::runtime::Runtime,
) -> Result<Vec<End>> {
    let cases = cases::of_postgres(which);
    let locking = cases.iter().filter(|case| case.locks()).count();
    let home = Home::Shared(TestServer::start(), locking);
    let golden = Golden::of(home, Kinds::Postgres, estate, runtime)?;
    let next = AtomicUsize::new(0);
    // Each thread takes the next case until there is none.
    let work = || -> Result<Vec<End>> {
        let mut ends = Vec::new();
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::SeqCst)) {
            ends.push(try_case(&golden, case, None, runtime)?);
        }
        Ok(ends)
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        let mut ends = Vec::new();
        for thread in threads {
            match thread.join() {
                Ok(more) => ends.extend(more?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(ends)
    })
}

/// On servers that can be killed, with a graph: one case after the other.
fn on_own_servers(estate: EstateOptions, runtime: &tokio::runtime::Runtime) -> Result<Vec<End>> {
    let mut servers = Servers::launch()?;
    let golden = Golden::of(Home::Own(&servers), Kinds::WithGraph, estate, runtime)?;
    let mut ends = Vec::new();
    for case in cases::of_own_servers() {
        ends.push(try_case(&golden, &case, Some(&mut servers), runtime)?);
    }
    Ok(ends)
}

fn try_case(
    golden: &Golden,
    case: &Case,
    servers: Option<&mut Servers>,
    runtime: &tokio::runtime::Runtime,
) -> Result<End> {
    let start = Instant::now();
    let dir = tempfile::tempdir().context("make a directory")?;
    let world: World = golden.beside(dir.path(), case, servers.as_deref(), runtime)?;
    let problem =
        judge::judge(golden, case, &world, servers, runtime).with_context(|| case.to_string())?;
    let told = problem.as_deref().unwrap_or("as it is to be");
    say(&format!("{case}: {told} ({} s)", start.elapsed().as_secs()));
    Ok((case.clone(), problem))
}

fn proof(ends: &[End]) -> Proof {
    let good = ends.iter().filter(|(_, problem)| problem.is_none()).count();
    let count = |is: fn(&Case) -> bool| ends.iter().filter(|(case, _)| is(case)).count();
    let figures = format!(
        "{good} of {} faults ({} of PROD, {} of CERT; {} that passed: 3 attempts with growing waits, 4 where a \
         killed server was slow to start; {} that stayed: 4 attempts, exit 8, CERT as before, and then again)",
        ends.len(),
        count(Case::is_of_prod),
        count(|case| !case.is_of_prod()),
        count(|case| !case.stays),
        count(|case| case.stays),
    );
    Proof {
        figures,
        passed: good == ends.len() && !ends.is_empty(),
    }
}
