//! The binary that holds libtorch.
fn main() {}
