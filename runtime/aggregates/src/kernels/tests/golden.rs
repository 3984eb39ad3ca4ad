//! The byte form of every kernel: what was written once is read for ever.
