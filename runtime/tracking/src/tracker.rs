//! The seam: whoever passes news on to a server.

use async_trait::async_trait;

use crate::news::News;

/// Passes news on to a server of one kind.
#[async_trait]
pub trait Tracker: Send {
    /// The server's address without credentials, for messages.
    fn address(&self) -> String;

    /// Sends one piece of news, or epochs that belong together. What was sent before may be sent again, and changes nothing.
    /// What the server does not want is told and passed over.
    ///
    /// # Errors
    /// The server cannot take anything now, or for good.
    async fn send(&mut self, news: &[News]) -> Result<Vec<Refusal>, Trouble>;
}

/// What a server did not want, in one sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

/// Why nothing can be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// For now: it cannot be reached, is too busy, or fails.
    #[error("{reason}")]
    Away {
        /// Why.
        reason: String,
        /// After how many seconds it wants to be asked again.
        again: Option<u64>,
        /// What it calls the error, where it says so.
        code: Option<String>,
    },
    /// Until somebody does something about it: credentials are refused, or something else answers.
    #[error("{reason}")]
    Closed {
        /// Why.
        reason: String,
        /// What to do about it.
        help: &'static str,
    },
    /// This request alone.
    #[error("{reason}")]
    Refused {
        /// What the server calls the error.
        code: String,
        /// Why.
        reason: String,
    },
}

impl Trouble {
    /// A server that is away.
    pub(crate) fn away(reason: impl Into<String>) -> Self {
        Trouble::Away { reason: reason.into(), again: None, code: None }
    }

    /// The same after the last attempt. A server that fails on a request, and knows what it does, would fail on it for ever:
    /// what comes after it is not to wait for that.
    pub(crate) fn given_up(self) -> Self {
        match self {
            Trouble::Away { reason, code: Some(code), .. } if code != "TEMPORARILY_UNAVAILABLE" => {
                Trouble::Refused { code, reason }
            }
            other => other,
        }
    }

    /// Whether the server said that what is asked for is not there.
    pub(crate) fn is_absent(&self) -> bool {
        matches!(self, Trouble::Refused { code, .. } if code == "RESOURCE_DOES_NOT_EXIST")
    }

    /// Whether the server said that what is to be made is there.
    pub(crate) fn is_there(&self) -> bool {
        matches!(self, Trouble::Refused { code, .. } if code == "RESOURCE_ALREADY_EXISTS")
    }
}
