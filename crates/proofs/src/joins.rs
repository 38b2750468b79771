//! Every link of the answer key after masking: the masked row that refers has in its columns what the
//! masked row it refers to has in its own. Rows are paired with their originals by their place in the
//! artifacts, which masking keeps.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use anyhow::{Context, Result, bail};
use redistrict_artifact::{Artifact, keys_of};
use redistrict_estate::{KeyText, Side};
use redistrict_model::{DistrictId, TableRef};

use crate::estate::{keys, layout, newest_raw, root_key, spec_of};
use crate::world::World;

/// The masked texts of a side's columns by the original key of the row.
type Masked = BTreeMap<KeyText, Vec<Option<String>>>;

/// Checks the joins of one district; gives how many there are, adds what is wrong.
pub(crate) fn check(world: &World, district: u32, problems: &mut Vec<String>) -> Result<usize> {
    let raw = newest_raw(world, district)?;
    let masked = newest_masked(world, district)?;
    let mut sides: BTreeMap<(usize, bool), Masked> = BTreeMap::new();
    let (mut checked, mut broken) = (0, 0);
    for join in &world.estate.answer_key.joins {
        let link = join.link();
        for (is_from, side) in [(true, &link.from), (false, &link.to)] {
            if let Entry::Vacant(side_of) = sides.entry((join.link, is_from)) {
                side_of.insert(pair(world, &raw, &masked, side)?);
            }
        }
        let from = sides[&(join.link, true)].get(&join.from_key);
        let to = sides[&(join.link, false)].get(&join.to_key);
        // Both rows are in the district, or the join is another district's.
        if let (Some(from), Some(to)) = (from, to) {
            checked += 1;
            broken += usize::from(from != to || from.iter().any(Option::is_none));
        }
    }
    if checked == 0 {
        bail!("the answer key has no join in district {district}");
    }
    if broken > 0 {
        problems.push(format!(
            "{broken} of {checked} key joins are broken by masks"
        ));
    }
    Ok(checked)
}

fn pair(world: &World, raw: &Artifact, masked: &Artifact, side: &Side) -> Result<Masked> {
    let mut pairs = Masked::new();
    let find = |artifact: &Artifact| -> Option<TableRef> {
        let tables = artifact.manifest().tables.iter();
        let mut names = tables.map(|table| table.table.clone());
        names.find(|name| spec_of(world, name).is_ok_and(|(spec, _)| spec == side.table))
    };
    let (Some(name), Some(masked_name)) = (find(raw), find(masked)) else {
        return Ok(pairs);
    };
    let (spec, kind) = spec_of(world, &name)?;
    let mut originals = Vec::new();
    let mut numbers: BTreeMap<KeyText, u32> = BTreeMap::new();
    for part in raw.rows(&name) {
        let (batch, _) = part?;
        for mut key in keys(spec, kind, &batch)? {
            if spec.is_keyless() {
                let number = numbers.entry(key.clone()).or_default();
                *number += 1;
                key.push(number.to_string());
            }
            originals.push(key);
        }
    }
    let mut originals = originals.into_iter();
    for part in masked.rows(&masked_name) {
        let (batch, _) = part?;
        let mut rows = vec![Vec::new(); batch.num_rows()];
        for column in side.columns {
            let cells = keys_of(&batch, &[spec.column_in(kind, column).to_owned()]);
            for (row, cell) in rows.iter_mut().zip(cells) {
                row.push(cell.and_then(|key| Some(key.parts().first()?.to_string())));
            }
        }
        for row in rows {
            let key = originals
                .next()
                .context("the masked artifact has more rows")?;
            pairs.insert(key, row);
        }
    }
    if originals.next().is_some() {
        bail!("the masked artifact has fewer rows than the raw one");
    }
    Ok(pairs)
}

fn newest_masked(world: &World, district: u32) -> Result<Artifact> {
    let key = root_key(world)?;
    let parent = layout(world).masked_of(&DistrictId::new(district.to_string()), &key);
    let dir = Artifact::newest(&parent).context("no masked artifact was sealed")?;
    Ok(Artifact::open(&dir, &key)?)
}
