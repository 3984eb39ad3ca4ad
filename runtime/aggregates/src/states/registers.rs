//! The registers of HyperLogLog where nothing leaves them: the greatest rank of each.

use std::collections::BTreeMap;

use arrow::datatypes::DataType;

use super::bags::{Bag, Store};
use super::hyperloglog::{Code, GREATEST, Histogram, REGISTERS, Ranks, no_ranks, register_and_rank};
use crate::bytes::{Reader, write_count};
use crate::error::AggregateError;

/// With so many registers in use, all of them take less room than the list of those.
const MANY: usize = 512;

/// The greatest rank of each register that has a value.
#[derive(Clone, Debug)]
pub(crate) enum Registers {
    /// Few of them.
    Few(BTreeMap<u16, u8>),
    /// All of them, where 0 is that of no value.
    All(Box<[u8]>),
}

impl Default for Registers {
    fn default() -> Self {
        Registers::Few(BTreeMap::new())
    }
}

impl Registers {
    fn raise(&mut self, register: u16, rank: u8) {
        match self {
            Registers::All(ranks) => {
                let known = &mut ranks[usize::from(register)];
                *known = rank.max(*known);
            }
            Registers::Few(ranks) => {
                let known = ranks.entry(register).or_default();
                *known = rank.max(*known);
                if ranks.len() >= MANY {
                    self.spread();
                }
            }
        }
    }

    fn spread(&mut self) {
        let mut all = vec![0; REGISTERS];
        self.used().for_each(|(register, rank)| all[usize::from(register)] = rank);
        *self = Registers::All(all.into_boxed_slice());
    }

    /// The registers that have a value, in order.
    fn used(&self) -> Box<dyn Iterator<Item = (u16, u8)> + '_> {
        match self {
            Registers::Few(ranks) => Box::new(ranks.iter().map(|(register, rank)| (*register, *rank))),
            Registers::All(ranks) => Box::new((0..).zip(ranks.iter().copied()).filter(|(_, rank)| *rank > 0)),
        }
    }
}

impl Ranks for Registers {
    fn histogram(&self) -> Histogram {
        let mut histogram = no_ranks();
        for (_, rank) in self.used() {
            histogram[0] -= 1;
            histogram[usize::from(rank)] += 1;
        }
        histogram
    }
}

impl Bag for Registers {
    type Item = Code;

    #[expect(clippy::cast_possible_truncation, reason = "there are 4096 registers")]
    fn add(&mut self, code: &Code) {
        let (register, rank) = register_and_rank(*code);
        self.raise(register as u16, rank);
    }

    fn bytes(&self) -> usize {
        match self {
            Registers::Few(ranks) => ranks.len() * 2 * size_of::<(u16, u8)>(),
            Registers::All(ranks) => ranks.len(),
        }
    }
}

impl Store for Registers {
    fn merge(&mut self, other: &Self) {
        other.used().for_each(|(register, rank)| self.raise(register, rank));
    }

    /// The number of registers in use, and then either each one's distance from the one before and its rank, or, where
    /// they are many, the ranks of all.
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Registers::Few(ranks) => {
                write_count(out, ranks.len() as u64);
                let mut last = 0;
                for (register, rank) in ranks {
                    write_count(out, u64::from(register - last));
                    out.push(*rank);
                    last = *register;
                }
            }
            Registers::All(ranks) => {
                write_count(out, self.used().count() as u64);
                out.extend_from_slice(ranks);
            }
        }
    }

    fn read(&mut self, _ty: &DataType, reader: &mut Reader<'_>) -> Result<(), AggregateError> {
        let used = reader.items()?;
        if used >= MANY {
            let ranks = reader.take(REGISTERS)?;
            let counted = ranks.iter().filter(|rank| **rank > 0).count();
            if counted != used || ranks.iter().any(|rank| *rank > GREATEST) {
                return Err(reader.error("a register is corrupted"));
            }
            *self = Registers::All(ranks.into());
            return Ok(());
        }
        let mut register = 0;
        for place in 0..used {
            let distance = reader.count()?;
            let next = u64::checked_add(register, distance).filter(|next| *next < REGISTERS as u64);
            let (next, rank) = (next.and_then(|next| u16::try_from(next).ok()), reader.byte()?);
            match next {
                Some(next) if (1..=GREATEST).contains(&rank) && (place == 0 || distance > 0) => self.raise(next, rank),
                _ => return Err(reader.error("a register is corrupted")),
            }
            register += distance;
        }
        Ok(())
    }
}
