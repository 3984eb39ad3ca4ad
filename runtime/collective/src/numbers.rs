//! Numbers that travel between processes, as their bytes.

use std::ops::AddAssign;

/// A number that processes can send to each other: every pattern of bits is one, and all of its bytes count.
pub trait Number: Copy + Default + AddAssign + sealed::Plain {}

impl Number for f32 {}
impl Number for f64 {}

pub(crate) mod sealed {
    //! Which types are plain bytes is decided here alone.

    /// A type without padding of which every pattern of bits is a value.
    pub trait Plain {}

    impl Plain for u8 {}
    impl Plain for f32 {}
    impl Plain for f64 {}
}
