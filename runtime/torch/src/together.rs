//! Processes that train together: how one joins, what they must agree on, and what rank 0 tells the others.

use std::hash::Hasher;
use std::time::Duration;

use mlsys_collective::{Group, GroupError, Place, Rendezvous};
use mlsys_plan::{Part, Train};
use mlsys_training::{TrainEvent, TrainJob, refused_together};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};
use twox_hash::XxHash64;

use crate::data::Data;
use crate::encoders::Sequence;
use crate::error::TrainError;

/// How many rows are hashed at a time.
const BLOCK: i64 = 65_536;

/// Joins the processes that do a job together, as one of them; see [`Group::join`]. Rank 0 says where it waits.
///
/// # Errors
/// The job cannot be done by so many, there is no such place among them, or not all come in time.
pub fn join(
    job: &TrainJob,
    at: &Rendezvous,
    place: Place,
    timeout: Duration,
    emit: &mut dyn FnMut(&TrainEvent),
) -> Result<Group, TrainError> {
    if let Some((what, help)) = refused_together(&job.train, place.size) {
        return Err(TrainError::Unsupported(format!("this runtime cannot {what}: {help}")));
    }
    let mut met = |at: &Rendezvous| emit(&TrainEvent::Rendezvous { address: at.to_string() });
    Ok(Group::join(at, place, timeout, &mut met)?)
}

/// Sees to it that all train the same on the same examples.
pub(crate) fn agree(group: &Group, train: &Train, data: &Data) -> Result<(), TrainError> {
    if group.is_alone() {
        return Ok(());
    }
    let own = (digest_of_job(train, data)?, digest_of_examples(data)?);
    let (job, examples) = heard(group, || Ok(own))?;
    let differs = match own {
        (own, _) if own != job => "another job",
        (_, own) if own != examples => "other examples",
        _ => return Ok(()),
    };
    let message = format!(
        "rank {} has {differs} than rank 0: give all processes the same job and the same files, and the same build of mlsysd",
        group.rank()
    );
    Err(TrainError::Group(GroupError::Lost(message)))
}

/// What rank 0 makes and all others hear.
pub(crate) fn heard<T: Serialize + DeserializeOwned>(
    group: &Group,
    make: impl FnOnce() -> Result<T, TrainError>,
) -> Result<T, TrainError> {
    if group.is_alone() {
        return make();
    }
    let lost = |error: serde_json::Error| GroupError::Lost(format!("what rank 0 says is not understood: {error}"));
    let bytes = if group.leads() { serde_json::to_vec(&make()?).map_err(lost)? } else { Vec::new() };
    Ok(serde_json::from_slice(&group.broadcast_bytes(bytes)?).map_err(lost)?)
}

/// The outline of a tensor that is told of.
#[derive(Serialize, Deserialize)]
struct Outline {
    name: String,
    shape: Vec<i64>,
    /// Its value, where it is a single integer.
    integer: Option<i64>,
}

/// The named tensors of rank 0: float32, or single integers.
pub(crate) fn tensors(group: &Group, own: Vec<(String, Tensor)>) -> Result<Vec<(String, Tensor)>, TrainError> {
    let outline = |(name, tensor): &(String, Tensor)| Outline {
        name: name.clone(),
        shape: tensor.size(),
        integer: (tensor.kind() == Kind::Int64 && tensor.numel() == 1).then(|| tensor.int64_value(&[])),
    };
    let outlines = heard(group, || Ok(own.iter().map(outline).collect::<Vec<_>>()))?;
    let mut own = own.into_iter();
    let mut all = Vec::with_capacity(outlines.len());
    for Outline { name, shape, integer } in outlines {
        let mine = own.next().filter(|_| group.leads());
        let tensor = match integer {
            Some(integer) => Tensor::from(integer),
            None => {
                let mut numbers = match mine {
                    Some((_, tensor)) => Vec::<f32>::try_from(&tensor.reshape([-1]))?,
                    None => vec![0.0; usize::try_from(shape.iter().product::<i64>()).unwrap_or(0)],
                };
                group.broadcast(&mut numbers)?;
                Tensor::f_from_slice(&numbers)?.f_reshape(shape.as_slice())?
            }
        };
        all.push((name, tensor));
    }
    Ok(all)
}

/// A number that follows from what is trained and how inputs are encoded.
fn digest_of_job(train: &Train, data: &Data) -> Result<u64, TrainError> {
    let rows: Vec<(Part, usize)> = data.beside.iter().map(|(part, beside)| (*part, beside.labels.len())).collect();
    let text = serde_json::to_vec(&(train, &data.encoders, &data.head, rows));
    let text = text.map_err(|error| GroupError::Lost(format!("the job cannot be told to others: {error}")))?;
    Ok(XxHash64::oneshot(0, &text))
}

/// A number that follows from the encoded training part and what it is held against.
fn digest_of_examples(data: &Data) -> Result<u64, TrainError> {
    let mut hasher = XxHash64::with_seed(0);
    let encoded = &data.encoded[&Part::Train];
    let sequences = encoded.sequences.iter().map(|sequence| match sequence {
        Sequence::Items(tensor) | Sequence::Numbers(tensor) => tensor,
    });
    for tensor in [&encoded.numbers, &encoded.categories, &data.targets].into_iter().chain(sequences) {
        let rows = tensor.size().first().copied().unwrap_or(0);
        for start in (0..rows).step_by(usize::try_from(BLOCK).unwrap_or(usize::MAX)) {
            // Indices of categories are far below 2^24: as numbers they stay apart.
            let block = tensor.f_narrow(0, start, BLOCK.min(rows - start))?.f_reshape([-1])?.to_kind(Kind::Float);
            for number in Vec::<f32>::try_from(&block)? {
                hasher.write_u32(number.to_bits());
            }
        }
    }
    Ok(hasher.finish())
}
