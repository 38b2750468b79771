//! The redistrict command.
fn main() {}
