//! A file to which lines of JSON are appended, and those that take its place when it is rotated.
//!
//! The stream is one partition. A message's number is its place in bytes in all files together, one after the other, so that
//! it grows when a file is rotated or cut; which file begins where is remembered in a folder of the stream's own, before
//! anything of the file is delivered. A file is known again by its inode and its first bytes: neither alone would do, since
//! inodes are used again and files are renamed.
//!
//! The last line counts when its end is written. Of a file that was rotated away what is left is read first, for as long as
//! its writer may still hold it; then comes what was rotated after it, and then the file that has its name now.
//!
//! Files are read where the caller waits, at most a megabyte at once: a detour over other threads would take longer.

mod files;
mod known;
mod lines;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use async_trait::async_trait;

use self::files::Candidate;
use self::known::{Known, Mark};
use self::lines::Lines;
use crate::connectors::Opening;
use crate::error::ConnectorError;
use crate::health::{Health, Pulse};
use crate::settings::{Settings, required};
use crate::stream::{Change, Delivery, Partition, Positions, Start, Stream};

pub(crate) const NAME: &str = "file";

/// How often a file without news is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// How long a file that was rotated away is still watched: writers notice late.
const GRACE: Duration = Duration::from_secs(1);

/// The only partition.
const PARTITION: Partition = 0;

/// Opens a file as a stream.
pub(crate) fn open_stream(opening: &Opening<'_>) -> Result<Box<dyn Stream>, ConnectorError> {
    let path = opening.project.join(required(NAME, opening.call, "path", opening.environment)?);
    let mut settings = Settings::new(NAME, opening.settings, opening.environment);
    let grace = settings.parsed("rotation_grace_ms", "milliseconds")?.map_or(GRACE, Duration::from_millis);
    settings.finish()?;
    Ok(Box::new(FileStream {
        known: Known::open(opening.folder, &path)?,
        path,
        grace,
        pulse: Pulse::default(),
        state: State::New,
        start: Start::Beginning,
        told: Vec::new(),
        is_caught_up: false,
    }))
}

struct FileStream {
    path: PathBuf,
    grace: Duration,
    known: Known,
    pulse: Pulse,
    state: State,
    start: Start,
    /// Changes that are to be told with the next delivery.
    told: Vec<Change>,
    /// Whether it was told that everything has been delivered, and nothing has come since.
    is_caught_up: bool,
}

enum State {
    /// The partition has not been assigned.
    New,
    /// It has been; the reader may say where to begin.
    Assigned,
    /// There is no file yet; it will be read from its beginning, and its first byte has this number.
    Waiting(u64),
    Reading(Box<Reading>),
    Closed,
}

struct Reading {
    /// The number of the file's first byte.
    base: u64,
    mark: Mark,
    lines: Lines,
    /// Whether all that was there has been read.
    is_at_end: bool,
    /// Since when another file has its name.
    rotated: Option<Instant>,
}

#[async_trait]
impl Stream for FileStream {
    async fn next(&mut self, most: usize, wait: Duration) -> Result<Delivery, ConnectorError> {
        let deadline = tokio::time::Instant::now() + wait;
        loop {
            let delivery = self.look(most)?;
            if !delivery.is_empty() {
                return Ok(delivery);
            }
            let now = tokio::time::Instant::now();
            if now >= deadline {
                return Ok(delivery);
            }
            tokio::time::sleep_until(deadline.min(now + LOOK)).await;
        }
    }

    async fn seek(&mut self, partition: Partition, start: Start) -> Result<(), ConnectorError> {
        if partition != PARTITION || !matches!(self.state, State::Assigned) {
            let reason = format!("partition {partition} is not assigned");
            return Err(ConnectorError::Argument { connector: NAME, argument: "partition".to_owned(), reason });
        }
        self.start = start;
        Ok(())
    }

    async fn taken(&mut self, positions: &Positions) -> Result<(), ConnectorError> {
        match positions.get(PARTITION) {
            Some(position) => self.known.forget_before(position),
            None => Ok(()),
        }
    }

    fn health(&self) -> Health {
        self.pulse.read()
    }

    async fn close(&mut self) {
        self.state = State::Closed;
        self.pulse.down();
    }
}

impl FileStream {
    /// What there is now.
    fn look(&mut self, most: usize) -> Result<Delivery, ConnectorError> {
        let mut delivery = Delivery::default();
        if matches!(self.state, State::Assigned) {
            self.begin()?;
        }
        match &mut self.state {
            State::Closed | State::Assigned => {}
            State::New => {
                self.state = State::Assigned;
                delivery.changes.push(Change::Assigned(vec![PARTITION]));
                return Ok(delivery);
            }
            State::Waiting(base) => {
                let base = *base;
                if let Some(candidate) = self.present()? {
                    self.read_from(candidate, base, 0)?;
                    self.read(most, &mut delivery)?;
                }
            }
            State::Reading(_) => self.read(most, &mut delivery)?,
        }
        self.tell_end(&mut delivery);
        delivery.changes.splice(0..0, self.told.drain(..));
        Ok(delivery)
    }

    /// Finds the place where reading begins.
    fn begin(&mut self) -> Result<(), ConnectorError> {
        let Start::At(position) = self.start else {
            self.known.clear()?;
            self.state = State::Waiting(0);
            if self.start == Start::End
                && let Some(candidate) = self.present()?
            {
                let end = files::after_last_line(&candidate.file).map_err(ConnectorError::file(&candidate.path))?;
                self.read_from(candidate, 0, end)?;
            }
            return Ok(());
        };
        let Some((base, mark)) = self.known.at(position) else {
            // Nothing was ever read, or what was remembered is gone.
            self.state = State::Waiting(position);
            if position > 0 {
                self.tell_gap(position, "which files were read before is not known any more");
            }
            return Ok(());
        };
        let there = files::find(&self.path, &mark).map_err(ConnectorError::file(&self.path))?;
        match there.filter(|candidate| candidate.length >= position - base) {
            Some(candidate) => self.read_from(candidate, base, position - base),
            None => {
                self.tell_gap(position, "the file that was being read is gone, with what was not yet read of it");
                self.state = State::Waiting(position);
                Ok(())
            }
        }
    }

    /// The file that has the name now, if there is anything in it.
    fn present(&mut self) -> Result<Option<Candidate>, ConnectorError> {
        let found = files::open(&self.path).map_err(ConnectorError::file(&self.path))?;
        if found.is_none() {
            self.pulse.down();
            self.pulse.failed(format!("{} is not there, or there is nothing in it", self.path.display()));
        }
        Ok(found)
    }

    fn read_from(&mut self, candidate: Candidate, base: u64, byte: u64) -> Result<(), ConnectorError> {
        self.known.add(base, &candidate.mark)?;
        self.pulse.up();
        let lines = Lines::new(candidate.file, byte);
        let reading = Reading { base, mark: candidate.mark, lines, is_at_end: false, rotated: None };
        self.state = State::Reading(Box::new(reading));
        Ok(())
    }

    fn read(&mut self, most: usize, delivery: &mut Delivery) -> Result<(), ConnectorError> {
        let State::Reading(reading) = &mut self.state else { return Ok(()) };
        let failed = |error| ConnectorError::file(&self.path)(error);
        // Before more of it is read the file is looked at: it may be another one by now.
        if reading.lines.wants_more() {
            let length = reading.lines.length().map_err(failed)?;
            let is_cut = length < reading.lines.read_until();
            reading.is_at_end = length == reading.lines.read_until();
            if reading.is_at_end {
                return self.turn(delivery);
            }
            if is_cut || !reading.mark.is_of(reading.lines.file()).map_err(failed)? {
                // Written anew in place. What is in it comes after all that was in it before.
                let base = reading.base + reading.lines.finish(delivery, reading.base);
                self.is_caught_up &= delivery.messages.is_empty();
                self.state = State::Waiting(base);
                return Ok(());
            }
            if reading.mark.grow(reading.lines.file()).map_err(failed)? {
                self.known.add(reading.base, &reading.mark)?;
            }
        }
        reading.lines.read(most, reading.base, delivery).map_err(failed)?;
        if !delivery.is_empty() {
            (self.is_caught_up, reading.rotated) = (false, None);
        }
        Ok(())
    }

    /// Goes on to the next file, if there is one and this one has come to its end.
    fn turn(&mut self, delivery: &mut Delivery) -> Result<(), ConnectorError> {
        let State::Reading(reading) = &mut self.state else { return Ok(()) };
        let failed = |error| ConnectorError::file(&self.path)(error);
        if files::is_named(&self.path, &reading.mark).map_err(failed)? {
            reading.rotated = None;
            return Ok(());
        }
        let since = *reading.rotated.get_or_insert_with(Instant::now);
        if since.elapsed() < self.grace {
            return Ok(());
        }
        let next = files::after(&self.path, reading.lines.file(), &reading.mark).map_err(failed)?;
        let Some(next) = next else { return Ok(()) };
        let base = reading.base + reading.lines.finish(delivery, reading.base);
        self.read_from(next, base, 0)
    }

    /// Says once that everything has been delivered.
    fn tell_end(&mut self, delivery: &mut Delivery) {
        let at_end = match &self.state {
            State::Reading(reading) => reading.is_at_end && reading.rotated.is_none(),
            State::Waiting(_) => true,
            _ => false,
        };
        if at_end && !self.is_caught_up && delivery.messages.is_empty() {
            self.is_caught_up = true;
            delivery.changes.push(Change::CaughtUp(PARTITION));
        }
    }

    fn tell_gap(&mut self, position: u64, reason: &str) {
        self.pulse.failed(reason);
        self.told.push(Change::Gap { partition: PARTITION, from: position, to: position, reason: reason.to_owned() });
    }
}

#[cfg(test)]
mod tests;
