//! What a worker says: events, one JSON object a line, on the standard output and alone there.
//!
//! Native libraries write to the standard output as well: LightGBM warns from threads of its own, which its callback for messages
//! does not reach. What they say there goes to the standard error instead.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;

use mlsys_training::TrainEvent;

/// The standard output as it was, for events alone.
pub(crate) struct Speech(File);

impl Speech {
    /// Takes the standard output over; whoever writes to it from now on writes to the standard error.
    ///
    /// # Errors
    /// One of both is closed.
    pub(crate) fn claim() -> io::Result<Self> {
        let own = io::stdout().as_fd().try_clone_to_owned()?;
        rustix::stdio::dup2_stdout(io::stderr())?;
        Ok(Speech(File::from(own)))
    }

    /// Says an event. Nobody listens any more if that fails: whoever started this worker is gone, and so is its purpose.
    pub(crate) fn say(&mut self, event: &TrainEvent) {
        let line = serde_json::to_string(event).unwrap_or_default() + "\n";
        if self.0.write_all(line.as_bytes()).is_err() {
            std::process::exit(1);
        }
    }
}
