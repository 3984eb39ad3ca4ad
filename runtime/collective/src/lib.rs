//! Processes that train together: a group on libtorch's c10d, and numbers that it adds in order.
//!
//! The processes, numbered by rank, meet at a store that rank 0 or the starter holds ([`Rendezvous`]), and are then all
//! connected with each other over TCP ([`Group`]). Sums are made in the order of the ranks, so that they are those of one
//! process to the last bit. Stores are TCPStore, connections ProcessGroupGloo (PyTorch's `torch.distributed`), reached
//! through a C++ shim in `shim/`; all that is unsafe is in `ffi`. Whoever reaches the address of the meeting can join it:
//! the network between the processes must be one that is trusted.

mod error;
mod ffi;
mod group;
mod numbers;
mod rendezvous;

pub use error::GroupError;
pub use group::{Group, Place};
pub use numbers::Number;
pub use rendezvous::Rendezvous;
