//! What can go wrong among processes that train together.

/// Why a group cannot be joined or cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GroupError {
    /// The place in the group does not exist.
    #[error("rank {rank} is not below the world size {size}")]
    Place {
        /// The rank.
        rank: u32,
        /// How many processes there are.
        size: u32,
    },
    /// The processes do not meet.
    #[error("rank {rank} of {size} found no group at {at}: {reason}")]
    Meeting {
        /// The rank that waited.
        rank: u32,
        /// How many processes it waited for, itself included.
        size: u32,
        /// The address of the meeting.
        at: String,
        /// Why.
        reason: String,
    },
    /// A process of the group failed, or is gone: the group is at its end.
    #[error("{0}")]
    Lost(String),
}
