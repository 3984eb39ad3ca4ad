//! How a connection is doing: what a readiness check and a status page show.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// How a connection is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Since when it stands without a break; none while it does not.
    pub connected_since: Option<SystemTime>,
    /// What went wrong last, although it may be over.
    pub last_error: Option<Failure>,
    /// How many messages are there that have not been delivered, as far as that is known.
    pub lag: Option<u64>,
}

/// Something that went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// When.
    pub at: SystemTime,
    /// What, for people.
    pub reason: String,
}

/// Health that several threads write.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pulse(Arc<Mutex<Health>>);

impl Pulse {
    /// The health now.
    pub(crate) fn read(&self) -> Health {
        self.with(|health| health.clone())
    }

    /// The connection stands.
    pub(crate) fn up(&self) {
        self.with(|health| {
            health.connected_since.get_or_insert_with(SystemTime::now);
        });
    }

    /// The connection does not stand.
    pub(crate) fn down(&self) {
        self.with(|health| health.connected_since = None);
    }

    /// Something went wrong.
    pub(crate) fn failed(&self, reason: impl Into<String>) {
        let failure = Failure { at: SystemTime::now(), reason: reason.into() };
        self.with(|health| health.last_error = Some(failure));
    }

    /// So many messages wait.
    pub(crate) fn lag(&self, lag: Option<u64>) {
        self.with(|health| health.lag = lag);
    }

    /// What went wrong last, in words.
    pub(crate) fn reason(&self) -> Option<String> {
        self.with(|health| health.last_error.as_ref().map(|failure| failure.reason.clone()))
    }

    fn with<T>(&self, act: impl FnOnce(&mut Health) -> T) -> T {
        // Nothing panics while it holds the lock, and a health of an unknown age is better than none.
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::Pulse;

    #[test]
    fn a_connection_that_stands_keeps_its_beginning() {
        let pulse = Pulse::default();
        assert_eq!(pulse.read().connected_since, None);
        pulse.up();
        let since = pulse.read().connected_since;
        pulse.failed("a broker is away");
        pulse.up();
        assert_eq!(pulse.read().connected_since, since);
        assert_eq!(pulse.reason().as_deref(), Some("a broker is away"));
        pulse.down();
        assert_eq!(pulse.read().connected_since, None);
    }
}
