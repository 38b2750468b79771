//! The proof over the masked artifact as it was written: every cell against V, every output against
//! its mask's range, every row against its own originals.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use arrow::array::Array;
use redistrict_model::{ColumnClass, ColumnRef, ColumnType, MaskKind, MaskName};
use serde_json::json;

use super::canary::Canaries;
use super::form::{
    is_all_reserved, is_same, is_text, key, may_match_by_chance, never_keeps, paired_elements,
};
use super::members::{collect_row, element_bytes, is_date, is_made_of_parts};
use super::normal::Normal;
use super::nothing::says_nothing;
use super::own::{Own, OwnRow};
use super::rows::Pair;
use super::scan::{ENCODINGS, Hit, Scanner};
use super::statistics::{expected_digits, expected_pattern, whole_digits};
use super::tally::Tally;
use super::values::Kind;
use crate::cells::{Cell, cell};
use crate::documents::{Parted, is_key_of};
use crate::engine::{Action, ColumnMask, in_row};
use crate::error::AnonymizeError;
use crate::masks::keeps_format;
use crate::names;
use crate::parts::{self, Part};

/// So many values of each column are planted to measure the scanner.
const PLANTED: u64 = 3;
/// Columns named in a failure.
const NAMED: usize = 20;

/// Collects the proof, table by table.
pub(crate) struct Prover<'a> {
    scanner: Scanner<'a>,
    tallies: BTreeMap<ColumnRef, (Arc<ColumnMask>, Tally)>,
    domains: BTreeMap<String, (HashSet<u64>, HashSet<u64>)>,
    planted: BTreeMap<ColumnRef, u64>,
    canaries: Canaries,
    bytes: u64,
}

/// What was proved, value-free.
pub(crate) struct ProofSummary {
    pub(crate) line: String,
    pub(crate) facts: serde_json::Value,
    /// Masked cells that were not NULL.
    pub(crate) fields: u64,
}

/// Where in a cell a member stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Value,
    /// The name of a member, which is structure: it is kept.
    Name,
    /// The same where somebody said so.
    Said,
    /// A number of a JSON document: permuted within its format, chance brings members of V.
    Number,
}

impl<'a> Prover<'a> {
    pub(crate) fn new(scanner: Scanner<'a>) -> Self {
        Self {
            scanner,
            tallies: BTreeMap::new(),
            domains: BTreeMap::new(),
            planted: BTreeMap::new(),
            canaries: Canaries::default(),
            bytes: 0,
        }
    }

    /// Looks at rows of a table; `columns` are in the order of the batches' columns.
    pub(crate) fn rows(&mut self, columns: &[Arc<ColumnMask>], pair: &Pair) {
        let mut tallies: Vec<Tally> = columns.iter().map(|one| self.take(one)).collect();
        self.bytes += pair
            .masked
            .columns()
            .iter()
            .map(|array| size(array.as_ref()))
            .sum::<u64>();
        for row in 0..pair.masked.num_rows() {
            self.row(columns, &mut tallies, pair, row);
        }
        for (column, tally) in columns.iter().zip(tallies) {
            let key = column.decision.column.clone();
            self.tallies.insert(key, (Arc::clone(column), tally));
        }
    }

    fn take(&mut self, column: &ColumnMask) -> Tally {
        self.tallies
            .remove(&column.decision.column)
            .map(|(_, tally)| tally)
            .unwrap_or_default()
    }

    fn row(&mut self, columns: &[Arc<ColumnMask>], tallies: &mut [Tally], pair: &Pair, row: usize) {
        let raw = |at: usize| cell(pair.raw.column(at).as_ref(), row);
        let mut own_row = OwnRow {
            scanner: &self.scanner,
            own: Own::default(),
        };
        let in_row = |at: usize| in_row(columns, at, &pair.raw, row);
        let places = 0..columns.len();
        collect_row(places.map(|at| (in_row(at), raw(at))), &mut own_row);
        let own = own_row.own;
        let mut found: BTreeSet<u64> = BTreeSet::new();
        let mut last_place = None;
        for (at, tally) in tallies.iter_mut().enumerate() {
            let column = in_row(at);
            let masked = cell(pair.masked.column(at).as_ref(), row);
            let original = raw(at);
            self.compare(column, tally, original.as_ref(), masked.as_ref());
            let Some(masked) = masked else { continue };
            tally.cells += 1;
            let before = found.len();
            // Equal values are masked equally: what chance does to one of them, it does to all.
            let chance = (tally.format_hits, tally.format_expected);
            let is_first = !may_match_by_chance(column)
                || tally.is_first(self.scanner.digester.exact(&key(&masked, column)));
            self.search(column, tally, &masked, &own, &mut found);
            if !is_first {
                (tally.format_hits, tally.format_expected) = chance;
            }
            if found.len() > before {
                last_place = Some(at);
            }
            if let Some(Cell::Text(text)) = &original {
                self.plant(column, text);
            }
        }
        if found.len() >= 2
            && let Some(at) = last_place
        {
            tallies[at].own_rows += 1;
        }
    }

    /// Searches one cell for members.
    fn search(
        &self,
        column: &ColumnMask,
        tally: &mut Tally,
        masked: &Cell<'_>,
        own: &Own,
        found: &mut BTreeSet<u64>,
    ) {
        if let Cell::Text(text) = masked
            && let Some(parted) = column.parted(text)
        {
            for (mask, key) in parted.linked {
                let mask = if is_key_of(mask, &key) { mask } else { column };
                self.search_cell(mask, tally, &Cell::Text(Cow::Owned(key)), own, found);
            }
            return self.search_cell(
                column,
                tally,
                &Cell::Text(Cow::Owned(parted.rest)),
                own,
                found,
            );
        }
        self.search_cell(column, tally, masked, own, found);
    }

    fn search_cell(
        &self,
        column: &ColumnMask,
        tally: &mut Tally,
        masked: &Cell<'_>,
        own: &Own,
        found: &mut BTreeSet<u64>,
    ) {
        let is_masked = column.action.is_some();
        let by_chance = may_match_by_chance(column);
        let (mut survives, mut coincides, mut format_hit) = (false, false, false);
        let (mut last, mut names) = (None, BTreeSet::new());
        let is_nobodys = matches!(column.decision.mask, MaskName::Phone | MaskName::NationalId)
            && matches!(masked, Cell::Text(text) if is_all_reserved(column, text));
        let is_key = matches!(
            column.decision.class,
            ColumnClass::SurrogateKey
                | ColumnClass::TenantKey
                | ColumnClass::Reference
                | ColumnClass::Public
        );
        let mut on_hit = |hit: Hit, place: Place| {
            let own_word = own.digests.get(&hit.digest);
            let is_name = matches!(place, Place::Name | Place::Said);
            if is_masked && own_word == Some(&false) && !is_name {
                found.insert(hit.digest);
            }
            match hit.kind {
                Kind::Low => {}
                // Digits of a reserved range that are also a number of another kind.
                _ if is_nobodys && own_word.is_none() => coincides = true,
                _ if (by_chance || place == Place::Number) && own_word.is_none() => {
                    format_hit = true;
                    last = Some(hit.digest);
                }
                Kind::Strong => {
                    survives = true;
                    last = Some(hit.digest);
                }
                // A key that says nothing about anybody may be named in a column that nobody linked.
                Kind::Unique if !is_key => {
                    survives = true;
                    last = Some(hit.digest);
                }
                Kind::Unique | Kind::Phrase | Kind::Word if is_masked && !is_name => {
                    survives = true;
                    last = Some(hit.digest);
                }
                Kind::Phrase | Kind::Word if is_masked && place == Place::Name => {
                    names.insert(hit.digest);
                    last = Some(hit.digest);
                }
                Kind::Unique | Kind::Phrase | Kind::Word => coincides = true,
            }
        };
        match masked {
            Cell::Text(text) => column.each_text(text, &mut |text| {
                self.search_text(column, text, tally, &mut on_hit);
            }),
            Cell::Bytes(bytes) => self
                .scanner
                .bytes(bytes, &mut |hit| on_hit(hit, Place::Value)),
            Cell::Days(_) | Cell::Micros(_) | Cell::Bool(_) => {}
        }
        if by_chance
            && let Cell::Text(text) = masked
            && column.decision.kind == MaskKind::InFormat
            && is_text(column.scalar_type)
        {
            column.each_text(text, &mut |text| {
                let whole = self.scanner.digester.whole(&Normal::of(text));
                if self.scanner.values.kind(whole).is_some() {
                    format_hit = true;
                    last = Some(whole);
                }
            });
        }
        if let Some(digest) = last {
            tally.keep(digest);
        }
        for digest in names {
            *tally.names.entry(digest).or_insert(0) += 1;
        }
        tally.survivors += u64::from(survives);
        tally.coincidences += u64::from(coincides && !survives);
        tally.format_hits += u64::from(format_hit && !survives);
    }

    fn search_text(
        &self,
        column: &ColumnMask,
        text: &str,
        tally: &mut Tally,
        on_hit: &mut dyn FnMut(Hit, Place),
    ) {
        let values = self.scanner.values;
        match column.scalar_type {
            ColumnType::Int16 | ColumnType::Int32 | ColumnType::Int64 | ColumnType::Numeric => {
                let digits = whole_digits(text);
                tally.format_expected += expected_digits(digits, values.with_digits(digits.len()));
                self.scanner
                    .whole_digits(digits, &mut |hit| on_hit(hit, Place::Value));
            }
            ColumnType::Float32 | ColumnType::Float64 | ColumnType::Time | ColumnType::Interval => {
            }
            ColumnType::Uuid => {
                let whole = self.scanner.digester.whole(&Normal::of(text));
                if let Some(kind) = values.kind(whole) {
                    on_hit(
                        Hit {
                            kind,
                            digest: whole,
                        },
                        Place::Value,
                    );
                }
            }
            ColumnType::Bits => {}
            one if is_date(one) => {}
            ColumnType::Bytes => {
                if let Some(bytes) = element_bytes(column, text) {
                    self.scanner
                        .bytes(&bytes, &mut |hit| on_hit(hit, Place::Value));
                }
            }
            one if is_made_of_parts(one) || one == ColumnType::Money => {
                if let Some(names) = &column.names {
                    names.each(column, text, &mut |kind, name| {
                        let place = match kind {
                            names::Kind::Said => Place::Said,
                            names::Kind::Structure => Place::Name,
                            names::Kind::Data => Place::Value,
                        };
                        self.scanner.text(name, &mut |hit| on_hit(hit, place));
                    });
                }
                parts::each(one, text, &mut |part| {
                    let is_searched = column.names.is_some() && one == ColumnType::Json;
                    if !(is_searched && matches!(part, Part::Name(_))) {
                        self.search_part(part, tally, on_hit);
                    }
                });
            }
            _ => {
                if may_match_by_chance(column) {
                    let normal = Normal::of(text);
                    let same = values.with_pattern(self.scanner.digester.pattern(&normal));
                    // As a whole, or by its digits: of a UUID in text chance makes numbers of people.
                    let by_format = expected_pattern(&normal, same);
                    tally.format_expected += by_format.max(self.scanner.expected_in_runs(&normal));
                }
                self.scanner
                    .text(text, &mut |hit| on_hit(hit, Place::Value));
            }
        }
    }

    fn search_part(&self, part: Part<'_>, tally: &mut Tally, on_hit: &mut dyn FnMut(Hit, Place)) {
        let mut scan = |text, place| self.scanner.text(text, &mut |hit| on_hit(hit, place));
        match part {
            Part::Name(name) => scan(name, Place::Name),
            Part::Text { text, .. } => scan(text, Place::Value),
            // As dates of columns: found by their rows, not one by one.
            Part::Date(_) => {}
            Part::Number { text, .. } => {
                let digits = whole_digits(text);
                let members = self.scanner.values.with_digits(digits.len());
                tally.format_expected += expected_digits(digits, members);
                let on_number = &mut |hit| on_hit(hit, Place::Number);
                self.scanner.whole_digits(digits, on_number);
            }
        }
    }

    /// Compares a cell with its original: range, own value, uniqueness.
    fn compare(
        &mut self,
        column: &ColumnMask,
        tally: &mut Tally,
        raw: Option<&Cell<'_>>,
        masked: Option<&Cell<'_>>,
    ) {
        if let (Some(Cell::Text(raw)), Some(Cell::Text(masked))) = (raw, masked)
            && column.decision.mask != MaskName::Null
            && let Some(own) = column.parted(raw)
        {
            match column.parted(masked) {
                Some(made) if made.linked.len() == own.linked.len() => {
                    self.compare_linked(column, tally, own, made);
                }
                _ => tally.outside += 1,
            }
            return;
        }
        let Some(action) = &column.action else {
            tally.outside += u64::from(!is_same(raw, masked));
            return;
        };
        let (raw, masked) = match (raw, masked) {
            (None, None) => return,
            (Some(_), None) if column.decision.mask == MaskName::Null => return,
            (Some(raw), Some(masked)) if column.decision.mask != MaskName::Null => (raw, masked),
            _ => {
                tally.outside += 1;
                return;
            }
        };
        if let (true, Cell::Text(raw), Cell::Text(masked)) = (column.is_list(), raw, masked) {
            let Some(pairs) = paired_elements(raw, masked) else {
                tally.outside += 1;
                return;
            };
            for (raw, masked) in pairs {
                let cell = |text| Cell::Text(Cow::Owned(text));
                self.compare_value(column, action, tally, &cell(raw), &cell(masked));
            }
            return;
        }
        self.compare_value(column, action, tally, raw, masked);
    }

    /// Documents of which some members refer to rows: each of these as what it refers to, and the rest.
    fn compare_linked(
        &mut self,
        column: &ColumnMask,
        tally: &mut Tally,
        raw: Parted<'_>,
        masked: Parted<'_>,
    ) {
        let cell = |text| Cell::Text(Cow::Owned(text));
        for ((mask, raw), (_, masked)) in raw.linked.into_iter().zip(masked.linked) {
            match &mask.action {
                _ if !is_key_of(mask, &raw) => {}
                Some(action) => {
                    self.compare_value(mask, action, tally, &cell(raw), &cell(masked));
                }
                None => tally.outside += u64::from(raw != masked),
            }
        }
        match &column.action {
            None => tally.outside += u64::from(raw.rest != masked.rest),
            Some(action) => {
                let (raw, masked) = (cell(raw.rest), cell(masked.rest));
                self.compare_value(column, action, tally, &raw, &masked);
            }
        }
    }

    /// The same for one single value.
    fn compare_value(
        &mut self,
        column: &ColumnMask,
        action: &Action,
        tally: &mut Tally,
        raw: &Cell<'_>,
        masked: &Cell<'_>,
    ) {
        tally.compared += 1;
        if says_nothing(raw, column) {
            return;
        }
        let digester = &self.scanner.digester;
        let (input, output) = (
            digester.exact(&key(raw, column)),
            digester.exact(&key(masked, column)),
        );
        tally.same += u64::from(input == output);
        if column.decision.kind == MaskKind::Synthetic {
            *tally.originals.entry(input).or_insert(0) += 1;
            *tally.outputs.entry(output).or_insert(0) += 1;
        }
        if column.decision.unique {
            let (inputs, outputs) = self
                .domains
                .entry(column.decision.domain.clone())
                .or_default();
            inputs.insert(input);
            outputs.insert(output);
        }
        if let (Cell::Text(raw), Cell::Text(masked)) = (raw, masked) {
            let (raw, masked) = (raw.trim_end_matches(' '), masked.trim_end_matches(' '));
            let has_its_names = column
                .names
                .as_ref()
                .is_none_or(|names| names.are_masked(column, raw, masked));
            let is_permuted = column.decision.mask == MaskName::Text
                && column.decision.kind == MaskKind::InFormat;
            let is_inside = action.mask.is_output(masked, &action.field.shape)
                && (!is_permuted || keeps_format(raw, masked))
                && has_its_names;
            tally.outside += u64::from(!is_inside);
        }
    }

    /// Plants the first values of a column that are high-entropy members.
    fn plant(&mut self, column: &ColumnMask, text: &str) {
        let is_plain =
            column.decision.sensitive && is_text(column.scalar_type) && !column.is_list();
        if !is_plain || self.planted.get(&column.decision.column) >= Some(&PLANTED) {
            return;
        }
        let whole = self.scanner.digester.whole(&Normal::of(text));
        if self.scanner.values.kind(whole).is_some_and(Kind::is_high) {
            self.canaries.plant(&self.scanner, text);
            *self
                .planted
                .entry(column.decision.column.clone())
                .or_insert(0) += 1;
        }
    }

    /// Searches a text of ours (the manifest, file names): strong members and phrases only.
    pub(crate) fn own_text(&mut self, what: &str, text: &str) -> Result<(), AnonymizeError> {
        self.bytes += text.len() as u64;
        let count = strong_hits(&self.scanner, text);
        if count > 0 {
            return Err(AnonymizeError::Leak(format!(
                "{count} values of PROD stand in {what}"
            )));
        }
        Ok(())
    }

    /// The proof.
    ///
    /// # Errors
    /// A survivor, an output outside its range, a row with its own value, a planted value that was
    /// not found: with table, column and count. Two values with one pseudonym.
    pub(crate) fn finish(self) -> Result<ProofSummary, AnonymizeError> {
        let wrong: Vec<String> = self
            .tallies
            .values()
            .flat_map(|(column, tally)| {
                tally.verdict(&column.decision, never_keeps(column), self.scanner.values)
            })
            .collect();
        if !wrong.is_empty() {
            let named = wrong[..wrong.len().min(NAMED)].join("; ");
            return Err(AnonymizeError::Leak(named));
        }
        if self.canaries.found < self.canaries.planted {
            return Err(AnonymizeError::ProofFailed(format!(
                "the scanner found {} of {} planted values",
                self.canaries.found, self.canaries.planted
            )));
        }
        for (domain, (inputs, outputs)) in &self.domains {
            if inputs.len() != outputs.len() {
                return Err(AnonymizeError::NotInjective {
                    domain: domain.clone(),
                    inputs: inputs.len(),
                    outputs: outputs.len(),
                });
            }
        }
        Ok(self.summary())
    }

    fn summary(&self) -> ProofSummary {
        let values = self.scanner.values;
        let canaries = self.canaries;
        let line = format!(
            "0 survivors of {} values × {ENCODINGS} encodings in {} bytes, scanner sensitivity {}/{} canaries",
            values.values, self.bytes, canaries.found, canaries.planted
        );
        let mut fields: BTreeMap<String, u64> = BTreeMap::new();
        let mut kinds: BTreeMap<String, u64> = BTreeMap::new();
        let mut coincidences = Vec::new();
        for (column, tally) in self.tallies.values() {
            let decision = &column.decision;
            if decision.mask != MaskName::Keep {
                *fields.entry(text_of(&decision.class)).or_insert(0) += tally.cells;
                *kinds.entry(text_of(&decision.kind)).or_insert(0) += 1;
            }
            let count = tally.coincidences + tally.format_hits;
            if count > 0 {
                coincidences.push(json!({"column": decision.column.to_string(), "count": count}));
            }
        }
        ProofSummary {
            facts: json!({
                "result": line,
                "survivors": 0,
                "values": values.values,
                "high_entropy_digests": values.high(),
                "already_reserved": values.reserved,
                "encodings": ENCODINGS,
                "bytes": self.bytes,
                "canaries": {"planted": canaries.planted, "found": canaries.found},
                "columns_by_kind": kinds,
                "fields_by_class": fields,
                "coincidences": coincidences,
            }),
            fields: fields.values().sum(),
            line,
        }
    }
}

/// Strong members and phrases that stand in a text.
fn strong_hits(scanner: &Scanner<'_>, text: &str) -> u64 {
    let mut digests = BTreeSet::new();
    scanner.text(text, &mut |hit| {
        if hit.kind == Kind::Strong {
            digests.insert(hit.digest);
        }
    });
    digests.len() as u64
}

fn text_of<T: serde::Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        _ => String::new(),
    }
}

fn size(array: &dyn Array) -> u64 {
    array.to_data().get_slice_memory_size().unwrap_or(0) as u64
}
