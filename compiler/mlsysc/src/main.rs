//! The binary users call.
fn main() {}
