//! One suite for every kind of store: what the contracts of `redistrict-store` promise, as tests
//! over a [`Harness`]. Must not depend on any store crate.
//!
//! Tests say what a plain client makes in [words] of no language; a kind implements [`Harness`] (fresh
//! databases, plain clients that understand the words, what it does not have) and calls
//! [`conformance_suite!`](crate::conformance_suite) in its `tests/main.rs`, once:
//!
//! ```ignore
//! mod conformance {
//!     redistrict_testkit::conformance_suite!(crate::MyHarness::start());
//! }
//! ```
//!
//! Where the contract leaves the kind of an error open, the suite fixes it: a stale epoch, or a lease
//! that was given back, is `Superseded`; a target that was never enrolled is `Config`; a delete that
//! would reach rows of others is `Constraint`; a name that is not in the catalog is `Bug`.

mod catalogs;
mod cuts;
mod fixture;
mod harness;
mod keyless;
mod keys;
mod leases;
mod merging;
mod passing;
mod preparing;
mod rows;
pub mod sql;
mod staging;
mod undoing;
mod words;

pub use catalogs::{
    a_computed_column_is_marked_and_comes_out_right_in_the_target,
    a_trigger_fires_only_if_the_catalog_says_so, hostile_names_are_read_and_written_like_any_other,
    our_own_objects_are_not_in_the_catalog, the_catalog_tells_foreign_keys_and_checks,
    the_catalog_tells_keys_in_the_order_of_the_key, the_catalog_tells_the_type_of_each_column,
    the_catalog_tells_types_nullability_defaults_and_lengths,
};
pub use cuts::{
    a_cut_does_not_see_what_is_written_beside_it, a_cut_names_its_store_and_time,
    a_cut_tells_whether_it_was_one_state, fingerprints_tell_the_same_database_from_another,
    reading_a_source_changes_nothing_in_it,
};
pub use harness::{Abilities, Database, Harness, LogicalType, World};
pub use keyless::{
    a_delete_by_locator_wants_every_row_to_be_there, a_locked_locator_is_a_row_that_still_is_there,
    equal_rows_move_as_often_as_they_are_there, only_staged_places_can_be_marked,
    rows_are_read_by_their_locators, rows_without_a_key_are_locked_and_deleted_by_locator,
    rows_without_a_key_are_told_by_locators, staged_rows_without_a_key_are_inserted_or_left,
    the_ledger_of_rows_without_a_key_comes_back,
};
pub use keys::{
    a_tally_counts_every_row_once, composite_keys_match_as_tuples,
    keys_are_found_by_their_canonical_text_only,
    nulls_are_told_and_repeated_keys_give_each_row_once, odd_texts_are_found_as_themselves,
    requests_beyond_the_catalog_are_refused, requests_may_be_of_any_size,
    samples_are_repeatable_and_counts_exact,
};
pub use leases::{
    a_held_lease_is_busy_for_everybody_else,
    a_process_that_did_not_hear_that_it_got_the_lease_gets_it_again,
    a_resume_takes_over_the_lease_of_its_own_run, a_stale_epoch_can_neither_stage_nor_merge,
    a_takeover_finds_what_its_run_has_staged, a_target_that_was_never_enrolled_is_not_written,
    enrolling_again_replaces_the_mark_and_keeps_the_ledger, what_runs_leave_can_be_seen,
    whoever_was_taken_over_gets_no_lease_again,
};
pub use merging::{
    a_dropped_merge_leaves_no_trace, a_refused_row_is_a_constraint_error_without_values,
    a_self_reference_is_applied_in_one_go, an_orphan_is_found_by_the_check_of_constraints,
    an_update_pulls_no_rows_of_others_along, empty_tables_are_merged_like_others,
    mandatory_unique_values_move_in_order_or_not_at_all, only_staged_rows_can_be_marked,
    staged_rows_are_inserted_updated_or_left, tables_in_a_cycle_are_applied_together,
    the_record_of_a_run_is_committed_with_its_data,
    the_state_of_a_run_changes_with_the_commit_only, unique_values_move_from_row_to_row,
    what_is_left_is_not_locked,
};
pub use passing::{a_further_reader_sees_the_same_cut, rows_stream_by_what_they_refer_to};
pub use preparing::{
    runs_of_one_name_prepare_in_two_databases, what_is_prepared_ends_as_it_was_decided,
};
pub use rows::{
    every_type_moves_exactly, rows_are_found_by_composite_identity,
    rows_come_in_key_order_in_bounded_batches, values_that_cannot_travel_are_counted,
};
pub use staging::{
    a_part_is_staged_exactly_once, a_part_that_breaks_off_leaves_nothing,
    clearing_the_staging_is_complete_and_may_be_repeated, parts_of_a_table_add_up,
    runs_do_not_see_the_staging_of_others,
};
pub use undoing::{
    a_delete_sees_children_in_tables_that_were_not_named,
    a_delete_that_would_reach_rows_of_others_is_refused, a_delete_wants_every_row_to_be_there,
    a_self_reference_is_deleted_as_a_whole, an_entry_that_is_not_whole_is_no_entry,
    rows_are_deleted_by_key, sequences_only_move_up, the_ledger_comes_back_as_it_was_written,
};
pub use words::{
    Action, Change, NULL, NewCheck, NewColumn, NewForeignKey, NewTable, NewUnique, Row,
    ValueSource, rows,
};

/// Makes one `#[tokio::test]` of each test of the suite. The expression gives a
/// [`Harness`](crate::conformance::Harness); it is evaluated once per test. The calling crate needs
/// tokio with `macros` and `rt-multi-thread`. `conformance_suite!(harness; only NAME NAME …)` takes some of
/// them, for a second harness of a kind that has passed all.
#[macro_export]
macro_rules! conformance_suite {
    ($harness:expr) => {
        $crate::conformance_suite!(@tests $harness;
            the_catalog_tells_types_nullability_defaults_and_lengths
            the_catalog_tells_the_type_of_each_column
            the_catalog_tells_keys_in_the_order_of_the_key
            the_catalog_tells_foreign_keys_and_checks
            a_computed_column_is_marked_and_comes_out_right_in_the_target
            our_own_objects_are_not_in_the_catalog
            hostile_names_are_read_and_written_like_any_other
            a_trigger_fires_only_if_the_catalog_says_so
            keys_are_found_by_their_canonical_text_only
            nulls_are_told_and_repeated_keys_give_each_row_once
            composite_keys_match_as_tuples
            odd_texts_are_found_as_themselves
            requests_may_be_of_any_size
            samples_are_repeatable_and_counts_exact
            a_tally_counts_every_row_once
            requests_beyond_the_catalog_are_refused
            every_type_moves_exactly
            rows_come_in_key_order_in_bounded_batches
            rows_are_found_by_composite_identity
            values_that_cannot_travel_are_counted
            rows_stream_by_what_they_refer_to
            a_further_reader_sees_the_same_cut
            a_cut_does_not_see_what_is_written_beside_it
            a_cut_tells_whether_it_was_one_state
            a_cut_names_its_store_and_time
            fingerprints_tell_the_same_database_from_another
            reading_a_source_changes_nothing_in_it
            a_target_that_was_never_enrolled_is_not_written
            enrolling_again_replaces_the_mark_and_keeps_the_ledger
            a_held_lease_is_busy_for_everybody_else
            a_resume_takes_over_the_lease_of_its_own_run
            a_stale_epoch_can_neither_stage_nor_merge
            a_takeover_finds_what_its_run_has_staged
            whoever_was_taken_over_gets_no_lease_again
            what_is_prepared_ends_as_it_was_decided
            runs_of_one_name_prepare_in_two_databases
            a_process_that_did_not_hear_that_it_got_the_lease_gets_it_again
            what_runs_leave_can_be_seen
            a_part_is_staged_exactly_once
            parts_of_a_table_add_up
            a_part_that_breaks_off_leaves_nothing
            clearing_the_staging_is_complete_and_may_be_repeated
            runs_do_not_see_the_staging_of_others
            staged_rows_are_inserted_updated_or_left
            a_dropped_merge_leaves_no_trace
            a_refused_row_is_a_constraint_error_without_values
            an_orphan_is_found_by_the_check_of_constraints
            tables_in_a_cycle_are_applied_together
            a_self_reference_is_applied_in_one_go
            an_update_pulls_no_rows_of_others_along
            what_is_left_is_not_locked
            unique_values_move_from_row_to_row
            mandatory_unique_values_move_in_order_or_not_at_all
            only_staged_rows_can_be_marked
            the_record_of_a_run_is_committed_with_its_data
            the_state_of_a_run_changes_with_the_commit_only
            empty_tables_are_merged_like_others
            rows_are_deleted_by_key
            a_delete_that_would_reach_rows_of_others_is_refused
            a_delete_sees_children_in_tables_that_were_not_named
            a_delete_wants_every_row_to_be_there
            a_self_reference_is_deleted_as_a_whole
            the_ledger_comes_back_as_it_was_written
            an_entry_that_is_not_whole_is_no_entry
            sequences_only_move_up
            rows_without_a_key_are_told_by_locators
            rows_are_read_by_their_locators
            staged_rows_without_a_key_are_inserted_or_left
            equal_rows_move_as_often_as_they_are_there
            only_staged_places_can_be_marked
            rows_without_a_key_are_locked_and_deleted_by_locator
            a_delete_by_locator_wants_every_row_to_be_there
            a_locked_locator_is_a_row_that_still_is_there
            the_ledger_of_rows_without_a_key_comes_back
        );
    };
    ($harness:expr; only $($name:ident)*) => {
        $crate::conformance_suite!(@tests $harness; $($name)*);
    };
    (@tests $harness:expr; $($name:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                Box::pin($crate::conformance::$name(&$harness)).await;
            }
        )*
    };
}
