//! Which of several processes this one is: from options, or from the variables that `torchrun` sets.

use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use mlsys_torch::{Place, Rendezvous};

/// How processes that train one model together find each other.
#[derive(Args)]
#[command(next_help_heading = "Training together with other processes")]
pub(crate) struct Joining {
    /// The number of this process, from 0. Rank 0 judges, keeps checkpoints and writes the model; all need the same
    /// job and files [variable: RANK]
    #[arg(long)]
    rank: Option<u32>,
    /// How many processes train together [variable: WORLD_SIZE]
    #[arg(long)]
    world_size: Option<u32>,
    /// Where they meet: a host that rank 0 runs on, and a free port there. With port 0 rank 0 takes any and prints it
    /// [variables: MASTER_ADDR, MASTER_PORT]
    #[arg(long, value_name = "HOST:PORT")]
    rendezvous: Option<Rendezvous>,
    /// The number of this process among those on its machine, by which it takes a GPU [variable: LOCAL_RANK]
    #[arg(long)]
    local_rank: Option<u32>,
    /// Seconds to wait for others, when they meet and whenever one is late, before training fails
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=604_800))]
    timeout: u64,
}

/// A process's place among those that train together.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) at: Rendezvous,
    pub(crate) place: Place,
    pub(crate) timeout: Duration,
}

/// The value of an environment variable, if it has one.
type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Joining {
    /// The place of this process; none if it trains alone. What an option does not say a variable does.
    ///
    /// # Errors
    /// What is said is no place, or not all of it is said.
    pub(crate) fn member(&self, variables: Variables<'_>) -> Result<Option<Member>, String> {
        let Some(size) = self.world_size.map_or_else(|| number(variables, "WORLD_SIZE"), |size| Ok(Some(size)))? else {
            return match (self.rank, &self.rendezvous) {
                (None, None) => Ok(None),
                _ => Err("how many processes train together? Give `--world-size`, or set WORLD_SIZE".to_owned()),
            };
        };
        let rank = self.rank.map_or_else(|| number(variables, "RANK"), |rank| Ok(Some(rank)))?;
        let rank = match rank {
            Some(rank) if rank < size => rank,
            Some(rank) => return Err(format!("rank {rank} is not below the world size {size}: ranks count from 0")),
            None if size == 1 => 0,
            None => return Err(format!("which of {size} processes is this? Give `--rank`, or set RANK")),
        };
        if size < 2 {
            return Ok(None);
        }
        let local = self.local_rank.map_or_else(|| number(variables, "LOCAL_RANK"), |local| Ok(Some(local)))?;
        let place = Place { rank, size, local_rank: local.unwrap_or(0) };
        let at = self.rendezvous.clone().map_or_else(|| of_torchrun(variables), Ok)?;
        if at.port == 0 && rank > 0 {
            let message = format!("rank {rank} needs the port that rank 0 listens on: port 0 is for rank 0 alone");
            return Err(message);
        }
        Ok(Some(Member { at, place, timeout: Duration::from_secs(self.timeout) }))
    }
}

/// The meeting that `torchrun` and others name by variables. `torchrun` may hold the store itself, and counts its attempts.
fn of_torchrun(variables: Variables<'_>) -> Result<Rendezvous, String> {
    let host = variables("MASTER_ADDR").filter(|host| !host.is_empty());
    let (Some(host), Some(port)) = (host, number(variables, "MASTER_PORT")?) else {
        return Err(
            "where do the processes meet? Give `--rendezvous HOST:PORT`, or set MASTER_ADDR and MASTER_PORT".to_owned()
        );
    };
    let mut at = Rendezvous::at(&host, port);
    if variables("TORCHELASTIC_USE_AGENT_STORE").as_deref() == Some("True") {
        at.is_held = true;
    }
    if let Some(attempt) = variables("TORCHELASTIC_RESTART_COUNT") {
        at.prefix = format!("mlsys/attempt_{attempt}");
    }
    Ok(at)
}

fn number<T: FromStr>(variables: Variables<'_>, name: &str) -> Result<Option<T>, String> {
    let Some(text) = variables(name).filter(|text| !text.is_empty()) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| format!("the variable {name} is `{text}`, which is no such number"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mlsys_torch::Rendezvous;

    use super::Joining;

    fn joining(rank: Option<u32>, world_size: Option<u32>, rendezvous: Option<&str>) -> Joining {
        let rendezvous = rendezvous.map(|text| text.parse().unwrap());
        Joining { rank, world_size, rendezvous, local_rank: None, timeout: 5 }
    }

    fn of<'a>(set: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |name| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn without_a_word_it_is_alone() {
        for set in [&[][..], &[("RANK", "3")], &[("WORLD_SIZE", "1"), ("RANK", "0")], &[("WORLD_SIZE", "")]] {
            assert!(joining(None, None, None).member(&of(set)).unwrap().is_none(), "{set:?}");
        }
    }

    #[test]
    fn options_count_before_variables() {
        let set = [
            ("RANK", "1"),
            ("WORLD_SIZE", "4"),
            ("MASTER_ADDR", "head"),
            ("MASTER_PORT", "29500"),
            ("LOCAL_RANK", "1"),
        ];
        let member = joining(None, None, None).member(&of(&set)).unwrap().unwrap();
        assert_eq!((member.place.rank, member.place.size, member.place.local_rank), (1, 4, 1));
        assert_eq!((member.at, member.timeout), (Rendezvous::at("head", 29500), Duration::from_secs(5)));
        let member = joining(Some(2), Some(3), Some("other:1")).member(&of(&set)).unwrap().unwrap();
        assert_eq!((member.place.rank, member.place.size), (2, 3));
        assert_eq!(member.at.to_string(), "other:1");
        let held =
            [&set[..], &[("TORCHELASTIC_USE_AGENT_STORE", "True"), ("TORCHELASTIC_RESTART_COUNT", "2")]].concat();
        let member = joining(None, None, None).member(&of(&held)).unwrap().unwrap();
        assert!(member.at.is_held && member.at.prefix == "mlsys/attempt_2");
    }

    #[test]
    fn what_is_no_place_is_refused_by_name() {
        let whole = [("RANK", "x"), ("WORLD_SIZE", "2"), ("MASTER_ADDR", "head"), ("MASTER_PORT", "1")];
        for (joining, set, says) in [
            (joining(Some(0), None, None), &[][..], "WORLD_SIZE"),
            (joining(Some(2), Some(2), Some("head:1")), &[], "rank 2 is not below the world size 2"),
            (joining(Some(0), Some(0), Some("head:1")), &[], "rank 0 is not below the world size 0"),
            (joining(None, Some(2), Some("head:1")), &[], "`--rank`"),
            (joining(Some(1), Some(2), None), &[], "--rendezvous"),
            (joining(Some(1), Some(2), Some("head:0")), &[], "port 0"),
            (joining(None, None, None), &whole, "RANK is `x`"),
            (
                joining(Some(1), None, None),
                &[("WORLD_SIZE", "2"), ("MASTER_ADDR", "a"), ("MASTER_PORT", "99999")],
                "99999",
            ),
        ] {
            let message = joining.member(&of(set)).unwrap_err();
            assert!(message.contains(says), "{message}");
        }
    }
}
