//! A group of processes: messages along the ranks, sums in their order.

use std::ops::Range;
use std::os::fd::IntoRawFd;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use crate::error::GroupError;
use crate::ffi::{Meeting, Opening};
use crate::numbers::Number;
use crate::numbers::sealed::Plain;
use crate::rendezvous::Rendezvous;

/// Bytes that travel at a time: while a rank adds a piece, the next one adds the piece before.
const PIECE: usize = 1 << 20;

/// The most bytes that a text or table which is broadcast may have.
const MAX_BROADCAST: u64 = 1 << 36;

/// The key under which the first failure is told.
const FAILURE: &str = "failure";

/// The key under which the first to come says how many there are to be.
const SIZE: &str = "size";

/// The variable that names the network interface to connect over, as for PyTorch.
const INTERFACE: &str = "GLOO_SOCKET_IFNAME";

/// A process's place in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its number, from 0.
    pub rank: u32,
    /// How many processes there are: the world size.
    pub size: u32,
    /// Its number among those on its machine, from 0.
    pub local_rank: u32,
}

/// Processes that train together, or one that is alone.
///
/// All of them call the same functions in the same order. After an error the group is at its end.
#[derive(Debug)]
pub struct Group {
    place: Place,
    meeting: Option<Mutex<Meeting>>,
    timeout: Duration,
}

impl Group {
    /// A process that is alone: it sends nothing, and sums are its own.
    pub fn alone() -> Self {
        let place = Place { rank: 0, size: 1, local_rank: 0 };
        Group { place, meeting: None, timeout: Duration::ZERO }
    }

    /// Meets the others and connects with them. Rank 0 holds the store unless the starter does; it tells `met` the
    /// address before it waits, which is how a port that was left to the system becomes known.
    ///
    /// `timeout` bounds the meeting as well as every later wait for another rank.
    ///
    /// # Errors
    /// There is no such place, the address cannot be used, or not all of them come in time.
    pub fn join(
        at: &Rendezvous,
        place: Place,
        timeout: Duration,
        met: &mut dyn FnMut(&Rendezvous),
    ) -> Result<Self, GroupError> {
        let Place { rank, size, .. } = place;
        if rank >= size {
            return Err(GroupError::Place { rank, size });
        }
        if size == 1 {
            return Ok(Group { place, ..Group::alone() });
        }
        let fail = |reason: String| GroupError::Meeting { rank, size, at: at.to_string(), reason };
        let mut meeting = open(at, place, timeout, met).map_err(fail)?;
        let told = meeting.keep_first(SIZE, &size.to_string()).map_err(fail)?;
        if told != size.to_string() {
            return Err(fail(format!("others there are {told}: every process must be told the same world size")));
        }
        let own = own_name();
        if meeting.keep_first(&format!("rank {rank}"), &own).map_err(fail)? != own {
            return Err(fail(format!("another process is rank {rank} already: every process needs a rank of its own")));
        }
        if !at.is_held {
            meeting.wait().map_err(fail)?;
        }
        let address = at.own_address().map_err(fail)?;
        // Processes of one machine stay on it, whatever others connect over.
        let named = std::env::var(INTERFACE).ok().filter(|_| !address.is_loopback()).unwrap_or_default();
        let interface = named.split(',').next().unwrap_or_default();
        meeting.connect(rank, size, &address.to_string(), interface).map_err(fail)?;
        Ok(Group { place, meeting: Some(Mutex::new(meeting)), timeout })
    }

    /// The number of this process, from 0.
    pub fn rank(&self) -> u32 {
        self.place.rank
    }

    /// How many processes there are.
    pub fn size(&self) -> u32 {
        self.place.size
    }

    /// The number of this process among those on its machine, from 0.
    pub fn local_rank(&self) -> u32 {
        self.place.local_rank
    }

    /// Whether there are no others.
    pub fn is_alone(&self) -> bool {
        self.place.size == 1
    }

    /// Whether this process decides, writes and speaks for all.
    pub fn leads(&self) -> bool {
        self.place.rank == 0
    }

    /// Which of so many pieces of work are this rank's: neighbours, as evenly as can be, the first ranks first.
    pub fn own(&self, pieces: usize) -> Range<usize> {
        let (rank, size) = (self.place.rank as usize, self.place.size as usize);
        let (each, more) = (pieces / size, pieces % size);
        let start = rank * each + rank.min(more);
        start..start + each + usize::from(rank < more)
    }

    /// Adds vectors of `pieces` pieces of work, those of [`Group::own`] on each rank, from the first to the last: the sum is
    /// that of one process which has them all, to the last bit. Every rank gets it in `total`, whose length all vectors have.
    ///
    /// The sum goes from rank to rank, each of which adds its own, and then from the last one to all: each rank sends and
    /// receives twice what the vector has, however many ranks there are.
    ///
    /// # Errors
    /// Another rank is gone or does not answer in time, or the vectors are not those of this rank's pieces.
    pub fn sum<N: Number>(&self, own: &[&[N]], pieces: usize, total: &mut [N]) -> Result<(), GroupError> {
        if own.len() != self.own(pieces).len() || own.iter().any(|vector| vector.len() != total.len()) {
            return Err(GroupError::Lost(format!("rank {} adds other vectors than its own", self.place.rank)));
        }
        let Some(last) = pieces.min(self.place.size as usize).checked_sub(1) else { return Ok(()) };
        let last = u32::try_from(last).unwrap_or(u32::MAX);
        if !own.is_empty() {
            let mut start = 0;
            for part in total.chunks_mut(PIECE / size_of::<N>()) {
                self.add_part(own, start..start + part.len(), last, part)?;
                start += part.len();
            }
        }
        self.pass_on(total, last)
    }

    /// One part of a sum: what comes from the rank before, with this rank's vectors added, goes to the next one.
    fn add_part<N: Number>(
        &self,
        own: &[&[N]],
        places: Range<usize>,
        last: u32,
        part: &mut [N],
    ) -> Result<(), GroupError> {
        let mut vectors = own.iter().map(|vector| &vector[places.clone()]);
        if self.leads() {
            // Not added to zero: that would make a positive zero of a negative one.
            if let Some(first) = vectors.next() {
                part.copy_from_slice(first);
            }
        } else {
            self.receive(part, self.place.rank - 1)?;
        }
        for vector in vectors {
            part.iter_mut().zip(vector).for_each(|(total, number)| *total += *number);
        }
        if self.place.rank < last { self.send(part, self.place.rank + 1) } else { Ok(()) }
    }

    /// Gives every rank the numbers of rank 0.
    ///
    /// # Errors
    /// Another rank is gone or does not answer in time.
    pub fn broadcast<N: Number>(&self, numbers: &mut [N]) -> Result<(), GroupError> {
        self.pass_on(numbers, 0)
    }

    /// Gives every rank the bytes of rank 0; those of others are not looked at.
    ///
    /// # Errors
    /// Another rank is gone or does not answer in time.
    pub fn broadcast_bytes(&self, bytes: Vec<u8>) -> Result<Vec<u8>, GroupError> {
        let mut length = (bytes.len() as u64).to_le_bytes();
        self.pass_on(&mut length, 0)?;
        let length = u64::from_le_bytes(length);
        if length > MAX_BROADCAST {
            return Err(GroupError::Lost(format!("{length} bytes are more than ranks tell each other")));
        }
        let mut bytes = bytes;
        bytes.resize(usize::try_from(length).unwrap_or(usize::MAX), 0);
        self.pass_on(&mut bytes, 0)?;
        Ok(bytes)
    }

    /// Passes numbers from a rank to the next, round the ring, until all have them.
    fn pass_on<T: Plain>(&self, numbers: &mut [T], from: u32) -> Result<(), GroupError> {
        let Place { rank, size, .. } = self.place;
        for part in numbers.chunks_mut((PIECE / size_of::<T>()).max(1)) {
            if rank != from {
                self.receive(part, (rank + size - 1) % size)?;
            }
            let next = (rank + 1) % size;
            if next != from {
                self.send(part, next)?;
            }
        }
        Ok(())
    }

    /// Tells the others why this process fails, unless one of them has said why it does.
    pub fn tell(&self, reason: &str) {
        if let Some(mut meeting) = self.meeting() {
            let words = format!("rank {} failed: {reason}", self.place.rank);
            // Where nobody can be told, they find out when the connection closes.
            let _ = meeting.keep_first(FAILURE, &words);
        }
    }

    fn send<T: Plain>(&self, numbers: &[T], to: u32) -> Result<(), GroupError> {
        let Some(mut meeting) = self.meeting() else { return Ok(()) };
        meeting.send(numbers, to).map_err(|reason| self.lost(&mut meeting, to, &reason))
    }

    fn receive<T: Plain>(&self, numbers: &mut [T], from: u32) -> Result<(), GroupError> {
        let Some(mut meeting) = self.meeting() else { return Ok(()) };
        meeting.receive(numbers, from).map_err(|reason| self.lost(&mut meeting, from, &reason))
    }

    /// What happened when another rank could not be reached: the first failure that was told, of whoever saw it first.
    fn lost(&self, meeting: &mut Meeting, other: u32, reason: &str) -> GroupError {
        // Gloo's messages begin with a place in its own code.
        let reason = reason.strip_prefix('[').and_then(|reason| Some(reason.split_once("] ")?.1)).unwrap_or(reason);
        let seconds = self.timeout.as_secs_f64();
        let own = if reason.contains("Timed out") || reason.contains("timed out") {
            format!("rank {other} of {} did not answer within {seconds} s", self.place.size)
        } else {
            format!("rank {other} of {} was lost: {reason}", self.place.size)
        };
        GroupError::Lost(meeting.keep_first(FAILURE, &own).unwrap_or(own))
    }

    fn meeting(&self) -> Option<MutexGuard<'_, Meeting>> {
        self.meeting.as_ref().map(|meeting| meeting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What no other process is called.
fn own_name() -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let thread = std::thread::current().id();
    format!("{} {thread:?} {}", std::process::id(), now.as_nanos())
}

/// Opens the store: rank 0 as its server, unless the starter is that.
fn open(at: &Rendezvous, place: Place, timeout: Duration, met: &mut dyn FnMut(&Rendezvous)) -> Result<Meeting, String> {
    let mut at = at.clone();
    let mut listener = None;
    if place.rank == 0 && !at.is_held {
        let bound = at.bind(timeout)?;
        at.port = bound.local_addr().map_err(|error| error.to_string())?.port();
        listener = Some(bound);
    } else if at.port == 0 {
        return Err("port 0 is for rank 0 alone: others must be told the port that it has".to_owned());
    }
    let opening = Opening {
        host: &at.host,
        port: at.port,
        // The store owns the socket from here on.
        listener: listener.map(IntoRawFd::into_raw_fd),
        size: place.size,
        prefix: &at.prefix,
        timeout,
    };
    let meeting = Meeting::open(&opening)?;
    if place.rank == 0 {
        met(&at);
    }
    Ok(meeting)
}
