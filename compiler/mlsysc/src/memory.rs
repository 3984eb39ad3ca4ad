//! How this process keeps memory: what was freed is used again before the system is asked.

/// Lets the C library keep freed blocks of up to 32 MiB, and up to 1 GiB of them, for what comes next. By default it gives
/// large blocks back at once, and every batch of rows then waits for the system to clear new pages. Variables of the user's
/// own, such as `MALLOC_TRIM_THRESHOLD_`, win.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) fn keep_freed() {
    for (variable, parameter, bytes) in [
        ("MALLOC_MMAP_THRESHOLD_", libc::M_MMAP_THRESHOLD, 32 << 20),
        ("MALLOC_TRIM_THRESHOLD_", libc::M_TRIM_THRESHOLD, 1 << 30),
    ] {
        if std::env::var_os(variable).is_none() {
            // SAFETY: it sets a number of the allocator, and no other thread has begun.
            unsafe { libc::mallopt(parameter, bytes) };
        }
    }
}

/// Other C libraries keep it by rules of their own.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn keep_freed() {}
