//! The group coordinator as its clients see it: a story a test, and operations at random.

mod classic_group_test;
mod generated_operations_test;
mod group_metadata_manager_test;
mod harness;
mod offsets_test;
mod state_by_operation_test;
mod static_membership_test;
