//! `add HOST:PORT RANK SIZE`: one rank of a group that adds vectors and hears what rank 0 says, for trying out who can join.
//!
//! Every rank has one vector, of which the place `i` holds `(rank + 1) / (i + 3)`. The sum's bytes and what rank 0 said are
//! printed as hexadecimal digits.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program speaks")]

use std::process::ExitCode;
use std::time::Duration;

use mlsys_collective::{Group, Place, Rendezvous};

/// More than travels at a time, and no multiple of it.
const LENGTH: u32 = 300_001;

fn main() -> ExitCode {
    match add(&std::env::args().skip(1).collect::<Vec<String>>()) {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("error: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn add(arguments: &[String]) -> Result<String, String> {
    let [at, rank, size] = arguments else { return Err("add HOST:PORT RANK SIZE".to_owned()) };
    let at: Rendezvous = at.parse().map_err(|error| format!("{at}: {error}"))?;
    let number = |text: &String| text.parse::<u32>().map_err(|error| format!("{text}: {error}"));
    let place = Place { rank: number(rank)?, size: number(size)?, local_rank: 0 };
    let mut met = |at: &Rendezvous| eprintln!("{at}");
    let group = Group::join(&at, place, Duration::from_secs(60), &mut met).map_err(|error| error.to_string())?;
    let own: Vec<f32> = (0..LENGTH).map(|place| (group.rank() + 1) as f32 / (place as f32 + 3.0)).collect();
    let mut total = vec![0.0_f32; own.len()];
    let pieces = group.size() as usize;
    group.sum(&[&own], pieces, &mut total).map_err(|error| error.to_string())?;
    let said = if group.leads() { b"what rank 0 says".to_vec() } else { Vec::new() };
    let said = group.broadcast_bytes(said).map_err(|error| error.to_string())?;
    let digits = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let total: Vec<u8> = total.iter().flat_map(|number| number.to_le_bytes()).collect();
    Ok(format!("{} {}", digits(&total), digits(&said)))
}
