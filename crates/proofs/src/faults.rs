//! Faults that are built into the `faulty` twin of the product: death at an effect point, a mask that
//! does not mask.

mod journal;
mod points;
mod source;
mod target;

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use redistrict_anonymize::{
    Field, FieldShape, Mask, MaskDefinition, MaskRegistry, Masked, Unmaskable, Value,
};
use redistrict_cli::Composition;
use redistrict_model::{ColumnType, MaskName};

use points::Points;
pub(crate) use points::{PAUSED, STRUCK};
pub(crate) use target::ONE_AFTER_ANOTHER;

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `trace:FILE`: nothing; the names of the effect points are appended to the file.
    Trace(PathBuf),
    /// `kill:N`: the process is killed (SIGKILL) at the N-th effect point, counted from 1.
    Kill(u64),
    /// `pause:N`: the process says so at the N-th effect point and waits for a line on its input.
    Pause(u64),
    /// `at:NAME`: as `pause:N`, at the first effect point that is called so (`before cert commit ids`).
    PauseAt(String),
    /// `each:NAME`: as `at:NAME`, at every effect point that is called so.
    PauseEach(String),
    /// `lose:N`: as `pause:N`; if that point comes after a commit, its answer is lost.
    Lose(u64),
    /// `drop:N`: the answer to what was done right before the N-th effect point is lost.
    Drop(u64),
    /// `pass:MASK`: the mask gives back what it is given.
    PassThrough(MaskName),
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, rest) = text.split_once(':').ok_or("a fault is kind:argument")?;
        match kind {
            "trace" => Ok(Self::Trace(PathBuf::from(rest))),
            "kill" => rest
                .parse()
                .map(Self::Kill)
                .map_err(|_| "kill: takes a number".to_owned()),
            "pause" => rest
                .parse()
                .map(Self::Pause)
                .map_err(|_| "pause: takes a number".to_owned()),
            "at" => Ok(Self::PauseAt(rest.to_owned())),
            "each" => Ok(Self::PauseEach(rest.to_owned())),
            "lose" => rest
                .parse()
                .map(Self::Lose)
                .map_err(|_| "lose: takes a number".to_owned()),
            "drop" => rest
                .parse()
                .map(Self::Drop)
                .map_err(|_| "drop: takes a number".to_owned()),
            "pass" => serde_json::from_value(serde_json::Value::String(rest.to_owned()))
                .map(Self::PassThrough)
                .map_err(|_| "pass: takes the name of a mask".to_owned()),
            other => Err(format!("no fault is called {other:?}")),
        }
    }
}

/// The composition with that fault in it.
#[must_use]
pub fn composition(fault: Option<Fault>) -> Composition {
    let points = match fault {
        None => return Composition::default(),
        Some(Fault::PassThrough(mask)) => {
            return Composition {
                masks: Some(pass_through(mask)),
                ..Composition::default()
            };
        }
        Some(Fault::Trace(file)) => Points::trace(file),
        Some(Fault::Kill(at)) => Points::kill(at),
        Some(Fault::Pause(at)) => Points::pause(at),
        Some(Fault::PauseAt(name)) => Points::pause_at(name),
        Some(Fault::PauseEach(name)) => Points::pause_each(name),
        Some(Fault::Lose(at)) => Points::lose(at),
        Some(Fault::Drop(at)) => Points::drop_answer(at),
    };
    let points = Arc::new(points);
    let (for_sources, for_targets) = (Arc::clone(&points), Arc::clone(&points));
    Composition {
        masks: None,
        wrap_journal: Some(Arc::new(move |inner| journal::wrap(inner, &points))),
        wrap_source: Some(Arc::new(move |inner| source::wrap(inner, &for_sources))),
        wrap_target: Some(Arc::new(move |inner| target::wrap(inner, &for_targets))),
    }
}

fn pass_through(name: MaskName) -> MaskRegistry {
    let real = MaskRegistry::default();
    match real.get(name, &[ColumnType::Text]) {
        Some(mask) => real.clone().with(Arc::new(PassThrough(Arc::clone(mask)))),
        None => real,
    }
}

/// A mask that has all properties of the real one, but gives back what it is given.
struct PassThrough(Arc<dyn Mask>);

impl Mask for PassThrough {
    fn definition(&self) -> MaskDefinition {
        self.0.definition()
    }

    fn capacity_bits(&self, shape: &FieldShape) -> f64 {
        self.0.capacity_bits(shape)
    }

    fn mask(&self, value: Value<'_>, _: &Field) -> Result<Masked, Unmaskable> {
        Ok(match value {
            Value::Text(text) => Masked::Text(text.to_owned()),
            Value::Days(days) => Masked::Days(days),
            Value::Micros(micros) => Masked::Micros(micros),
            Value::Bytes(bytes) => Masked::Bytes(bytes.to_vec()),
        })
    }

    fn is_output(&self, output: &str, shape: &FieldShape) -> bool {
        self.0.is_output(output, shape)
    }
}
