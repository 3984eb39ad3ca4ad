//! How long a server is waited for.

use std::time::Duration;

/// How long a server is waited for, and how often it is asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How long a connection may take to come about.
    pub connect: Duration,
    /// How long a request may take; one that carries a file has a second more for each [`Pace::bytes_per_second`].
    pub request: Duration,
    /// How often a request is sent before its server counts as away.
    pub attempts: u32,
    /// The pause before the second time; it doubles with each further one.
    pub pause: Duration,
    /// The longest pause, also where the server asks for a longer one (`Retry-After`).
    pub longest_pause: Duration,
    /// How long a server that is away is left alone while the run goes on.
    pub away: Duration,
    /// How long the end of a run may wait for the server; longer by a second for each [`Pace::bytes_per_second`] of files.
    pub flush: Duration,
    /// How fast files go at the least.
    pub bytes_per_second: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Pace {
            connect: Duration::from_secs(5),
            request: Duration::from_secs(15),
            attempts: 4,
            pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(10),
            away: Duration::from_secs(30),
            flush: Duration::from_secs(30),
            bytes_per_second: 1 << 20,
        }
    }
}

impl Pace {
    /// What so many bytes may take.
    pub(crate) fn of_bytes(&self, bytes: u64) -> Duration {
        Duration::from_secs(bytes / self.bytes_per_second.max(1))
    }
}
