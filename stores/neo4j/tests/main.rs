//! Tests of store kind `neo4j` against a real server, which is also the oracle.

#[cfg(test)]
mod harness;

#[cfg(test)]
mod conformance {
    redistrict_testkit::conformance_suite!(crate::harness::Graphs::Nodes);
}

#[cfg(test)]
mod relationships {
    redistrict_testkit::conformance_suite!(
        crate::harness::Graphs::Relationships; only
        the_catalog_tells_the_type_of_each_column
        the_catalog_tells_keys_in_the_order_of_the_key
        hostile_names_are_read_and_written_like_any_other
        keys_are_found_by_their_canonical_text_only
        nulls_are_told_and_repeated_keys_give_each_row_once
        composite_keys_match_as_tuples
        requests_beyond_the_catalog_are_refused
        a_tally_counts_every_row_once
        every_type_moves_exactly
        rows_come_in_key_order_in_bounded_batches
        rows_are_found_by_composite_identity
        values_that_cannot_travel_are_counted
        rows_stream_by_what_they_refer_to
        staged_rows_are_inserted_updated_or_left
        a_dropped_merge_leaves_no_trace
        a_refused_row_is_a_constraint_error_without_values
        only_staged_rows_can_be_marked
        rows_are_deleted_by_key
        a_delete_wants_every_row_to_be_there
        the_ledger_comes_back_as_it_was_written
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
}

#[cfg(test)]
mod connection;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod leases;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod merge;
#[cfg(test)]
mod names;
#[cfg(test)]
mod proxy;
#[cfg(test)]
mod reading;
#[cfg(test)]
mod source;
#[cfg(test)]
mod staging;
#[cfg(test)]
mod support;
#[cfg(test)]
mod undo;
#[cfg(test)]
mod world;
