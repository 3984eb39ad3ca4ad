//! Plan in, run out: schedules nodes, skips what is current, reports progress.
