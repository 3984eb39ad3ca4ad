//! The shim: a safe face of its C interface.

#![allow(unsafe_code, reason = "a C interface")]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::time::Duration;

use crate::numbers::sealed::Plain;

/// Bytes that a reason, or a text of the store, may have.
const ROOM: usize = 2048;

unsafe extern "C" {
    fn mlsys_meeting_open(
        host: *const c_char,
        port: u16,
        listener: c_int,
        size: u64,
        prefix: *const c_char,
        milliseconds: i64,
        opened: *mut *mut c_void,
        error: *mut c_char,
        room: usize,
    ) -> c_int;
    fn mlsys_meeting_wait(meeting: *mut c_void, error: *mut c_char, room: usize) -> c_int;
    fn mlsys_meeting_connect(
        meeting: *mut c_void,
        rank: c_int,
        size: c_int,
        address: *const c_char,
        interface: *const c_char,
        error: *mut c_char,
        room: usize,
    ) -> c_int;
    fn mlsys_meeting_send(
        meeting: *mut c_void,
        data: *const c_void,
        length: i64,
        to: c_int,
        error: *mut c_char,
        room: usize,
    ) -> c_int;
    fn mlsys_meeting_receive(
        meeting: *mut c_void,
        data: *mut c_void,
        length: i64,
        from: c_int,
        error: *mut c_char,
        room: usize,
    ) -> c_int;
    fn mlsys_meeting_keep_first(
        meeting: *mut c_void,
        key: *const c_char,
        text: *const c_char,
        kept: *mut c_char,
        kept_room: usize,
        error: *mut c_char,
        room: usize,
    ) -> c_int;
    fn mlsys_meeting_close(meeting: *mut c_void);
}

/// How a store is opened.
pub(crate) struct Opening<'a> {
    pub(crate) host: &'a str,
    pub(crate) port: u16,
    /// A bound socket that the store takes over and listens on; none to be its client.
    pub(crate) listener: Option<c_int>,
    pub(crate) size: u32,
    pub(crate) prefix: &'a str,
    pub(crate) timeout: Duration,
}

/// A store and, once connected, the group that met at it. Closed when dropped.
#[derive(Debug)]
pub(crate) struct Meeting(*mut c_void);

// SAFETY: the objects behind the handle belong to no thread, and `&mut` keeps two threads from using them at once.
unsafe impl Send for Meeting {}

impl Meeting {
    /// Opens the store.
    pub(crate) fn open(opening: &Opening<'_>) -> Result<Self, String> {
        let (host, prefix) = (text(opening.host)?, text(opening.prefix)?);
        let milliseconds = i64::try_from(opening.timeout.as_millis()).unwrap_or(i64::MAX);
        let mut opened = std::ptr::null_mut();
        // SAFETY: texts end with zero and outlive the call, as does the place for the handle.
        checked(|error, room| unsafe {
            mlsys_meeting_open(
                host.as_ptr(),
                opening.port,
                opening.listener.unwrap_or(-1),
                u64::from(opening.size),
                prefix.as_ptr(),
                milliseconds,
                &raw mut opened,
                error,
                room,
            )
        })?;
        Ok(Meeting(opened))
    }

    /// Counts this process in; the store's server waits for all others.
    pub(crate) fn wait(&mut self) -> Result<(), String> {
        // SAFETY: the handle is open.
        checked(|error, room| unsafe { mlsys_meeting_wait(self.0, error, room) })
    }

    /// Connects this process with all others, over an address of this machine or a network interface by its name.
    pub(crate) fn connect(&mut self, rank: u32, size: u32, address: &str, interface: &str) -> Result<(), String> {
        let (address, interface) = (text(address)?, text(interface)?);
        let (rank, size) = (rank_of(rank)?, rank_of(size)?);
        // SAFETY: the handle is open; texts end with zero and outlive the call.
        checked(|error, room| unsafe {
            mlsys_meeting_connect(self.0, rank, size, address.as_ptr(), interface.as_ptr(), error, room)
        })
    }

    /// Sends numbers to a rank that receives as many; the group must be connected.
    pub(crate) fn send<T: Plain>(&mut self, data: &[T], to: u32) -> Result<(), String> {
        let (length, to) = (length_of(data)?, rank_of(to)?);
        // SAFETY: the handle is open, and as many bytes are read as the slice has, which outlives the call.
        checked(|error, room| unsafe { mlsys_meeting_send(self.0, data.as_ptr().cast(), length, to, error, room) })
    }

    /// Receives numbers from a rank that sends as many; the group must be connected.
    pub(crate) fn receive<T: Plain>(&mut self, data: &mut [T], from: u32) -> Result<(), String> {
        let (length, from) = (length_of(data)?, rank_of(from)?);
        // SAFETY: as for sending; whatever bytes arrive are values of a plain type.
        checked(|error, room| unsafe {
            mlsys_meeting_receive(self.0, data.as_mut_ptr().cast(), length, from, error, room)
        })
    }

    /// Keeps a text in the store under a key unless there is one already; the one that is kept.
    pub(crate) fn keep_first(&mut self, key: &str, words: &str) -> Result<String, String> {
        let (key, words) = (text(key)?, text(words)?);
        let mut kept = [0; ROOM];
        // SAFETY: the handle is open; texts end with zero and outlive the call; no more is written than there is room.
        checked(|error, room| unsafe {
            mlsys_meeting_keep_first(self.0, key.as_ptr(), words.as_ptr(), kept.as_mut_ptr(), ROOM, error, room)
        })?;
        Ok(read(&kept))
    }
}

impl Drop for Meeting {
    fn drop(&mut self) {
        // SAFETY: the handle is open, and nobody has it any more.
        unsafe { mlsys_meeting_close(self.0) }
    }
}

/// Calls the shim, and gives the reason where it refuses.
fn checked(call: impl FnOnce(*mut c_char, usize) -> c_int) -> Result<(), String> {
    let mut error = [0; ROOM];
    if call(error.as_mut_ptr(), ROOM) == 0 { Ok(()) } else { Err(read(&error)) }
}

/// The text in a buffer up to its zero.
fn read(buffer: &[c_char; ROOM]) -> String {
    // SAFETY: the shim ends what it writes with zero, and the buffer was zero before.
    unsafe { CStr::from_ptr(buffer.as_ptr()) }.to_string_lossy().into_owned()
}

fn text(text: &str) -> Result<CString, String> {
    CString::new(text.replace('\0', " ")).map_err(|error| error.to_string())
}

fn rank_of(rank: u32) -> Result<c_int, String> {
    c_int::try_from(rank).map_err(|error| error.to_string())
}

fn length_of<T>(data: &[T]) -> Result<i64, String> {
    i64::try_from(std::mem::size_of_val(data)).map_err(|error| error.to_string())
}
