//! What a serving process tells people, and how it hears that it is to stop.

use mlsys_engine::RunError;
use mlsys_live::LiveError;
use tokio::sync::watch;

/// Why a process does not serve.
#[derive(Debug)]
pub(super) struct Failure {
    code: String,
    message: String,
    help: Option<String>,
}

impl Failure {
    pub(super) fn new(code: &str, message: impl Into<String>, help: Option<&str>) -> Self {
        Failure { code: code.to_owned(), message: message.into(), help: help.map(str::to_owned) }
    }

    pub(super) fn internal(message: impl Into<String>) -> Self {
        Failure::new("E0999", message, None)
    }

    /// Tells it on the standard error.
    pub(super) fn tell(&self) {
        eprintln!("error[{}]: {}", self.code, self.message);
        if let Some(help) = &self.help {
            eprintln!("  help: {help}");
        }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        Failure { code: error.code, message: error.message, help: error.help }
    }
}

impl From<LiveError> for Failure {
    fn from(error: LiveError) -> Self {
        let (code, help) = match &error {
            LiveError::Data(data) => {
                return Failure::new(data.code(), data.message(), data.help());
            }
            LiveError::Online(_) => ("E0947", "see that the online store is there and not in use by another process"),
            LiveError::Connector(_) => {
                ("E0948", "see the stream's arguments, and its connector's settings in the profile")
            }
            LiveError::History { .. } => ("E0950", "`mlsysc run` reads the source anew"),
            LiveError::TakenOver { .. } => {
                ("E0947", "stop one of the two, or give it an online store of its own: another `online` in its profile")
            }
            LiveError::Arrow(_) | LiveError::Missing(_) => return Failure::internal(error.to_string()),
        };
        Failure::new(code, error.to_string(), Some(help))
    }
}

/// Tells something that is good to know.
pub(super) fn tell(message: &str) {
    eprintln!("mlsys: {message}");
}

/// Waits until the process is to stop.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // Without anybody to tell it goes on until it is ended.
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Waits for a signal to stop; a second one ends the process at once.
pub(super) async fn signals(stop: watch::Sender<bool>) {
    signal().await;
    tell("stopping: requests that are being answered are finished");
    let _ = stop.send(true);
    signal().await;
    tell("stopped");
    std::process::exit(130);
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminated = match signal(SignalKind::terminate()) {
        Ok(terminated) => terminated,
        Err(_) => return std::future::pending().await,
    };
    tokio::select! {
        _ = terminated.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

#[cfg(not(unix))]
async fn signal() {
    let _ = tokio::signal::ctrl_c().await;
}
