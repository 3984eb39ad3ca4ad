//! The gradient of a step, computed in shares on several threads and by several processes.
//!
//! A step is cut into shares by its size alone, each share is computed by one thread, and shares are added in their order:
//! the sum is the same on any number of threads. A share is large enough for matrix products to be worth their calls,
//! and threads never wait for each other inside of a product, as those of one product would.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use mlsys_collective::Group;
use mlsys_training::shares;
use tch::{Device, Kind, TchError, Tensor};

use super::replica::{Original, Replica, Share, Slope};
use super::weights::Weights;
use crate::encoders::Encoded;
use crate::error::TrainError;

/// Those who compute gradients in this process.
pub(crate) struct Crew {
    workers: Vec<Worker>,
    /// Whether a step is one share: on a GPU, and of a module, which sees its batch as a whole.
    is_whole: bool,
    /// The weights in the type of numbers that is computed with, if it is another one than theirs.
    narrow: Option<Tensor>,
    /// Where the sum over processes is made: as many numbers as there are weights.
    total: Vec<f32>,
    device: Device,
}

enum Worker {
    /// Computes on the training's own thread.
    Here(Box<Post>),
    /// Computes on a thread of its own.
    There(Sender<Share>, Receiver<Result<Slope, TrainError>>, Option<JoinHandle<()>>),
}

/// A replica with the examples that it learns from.
struct Post {
    replica: Replica,
    examples: Encoded,
    targets: Tensor,
}

impl Post {
    fn slope(&self, share: &Share) -> Result<Slope, TrainError> {
        self.replica.slope(&self.examples, &self.targets, share)
    }
}

impl Crew {
    /// A crew for this process's shares of steps of so many rows; on a GPU one of one, which the device's own threads serve.
    pub(crate) fn new(
        original: &Original<'_>,
        examples: &Encoded,
        targets: &Tensor,
        batch: usize,
        threads: usize,
        group: &Group,
    ) -> Result<Self, TrainError> {
        let is_narrow = original.kind != original.weights.flat.kind();
        let narrow = is_narrow.then(|| original.weights.flat.to_kind(original.kind));
        let weights = narrow.as_ref().unwrap_or(&original.weights.flat);
        let is_whole = original.device != Device::Cpu || original.module.is_some();
        let count = if is_whole { 1 } else { threads.min(group.own(shares(batch)).len()).max(1) };
        let mut workers = Vec::new();
        for _ in 0..count {
            let post = Post {
                replica: Replica::of(original, weights)?,
                examples: examples.to(original.device, Kind::Float),
                targets: targets.to_device(original.device),
            };
            workers.push(if count == 1 { Worker::Here(Box::new(post)) } else { Worker::there(post) });
        }
        let total = if group.is_alone() { Vec::new() } else { vec![0.0; original.weights.flat.numel()] };
        Ok(Crew { workers, is_whole, narrow, total, device: original.device })
    }

    /// The gradient of the mean loss of some rows, and the sum of their losses: of all processes, the same to the last bit as
    /// that of one. `place` says where in training this is.
    pub(crate) fn slope(&mut self, rows: &[i64], place: [u64; 3], group: &Group) -> Result<(Tensor, f64), TrainError> {
        let count = if self.is_whole && group.is_alone() { 1 } else { shares(rows.len()) };
        let size = rows.len().div_ceil(count).max(1);
        let pieces = rows.len().div_ceil(size);
        let own = group.own(pieces);
        let shares: Vec<Share> = rows
            .chunks(size)
            .enumerate()
            .skip(own.start)
            .take(own.len())
            .map(|(number, part)| Share { number, rows: part.to_vec(), of: rows.len(), place })
            .collect();
        let mut slopes = self.compute(shares)?;
        slopes.sort_by_key(|slope| slope.number);
        if group.is_alone() { sum(slopes) } else { self.sum_of_all(&slopes, pieces, group) }
    }

    /// The sum of the slopes of all processes, in the order of the shares.
    fn sum_of_all(&mut self, own: &[Slope], pieces: usize, group: &Group) -> Result<(Tensor, f64), TrainError> {
        let losses: Vec<[f64; 1]> = own.iter().map(|slope| [slope.loss]).collect();
        let losses: Vec<&[f64]> = losses.iter().map(<[f64; 1]>::as_slice).collect();
        let mut loss = [0.0];
        group.sum(&losses, pieces, &mut loss)?;
        let gradients: Vec<Vec<f32>> = own
            .iter()
            .map(|slope| Vec::<f32>::try_from(&slope.gradient.to_device(Device::Cpu)))
            .collect::<Result<_, _>>()?;
        let gradients: Vec<&[f32]> = gradients.iter().map(Vec::as_slice).collect();
        group.sum(&gradients, pieces, &mut self.total)?;
        Ok((Tensor::f_from_slice(&self.total)?.to_device(self.device), loss[0]))
    }

    /// Takes up changed weights, where computing has a copy of them.
    pub(crate) fn renew(&mut self, weights: &Weights) -> Result<(), TrainError> {
        if let Some(narrow) = &mut self.narrow {
            tch::no_grad(|| narrow.f_copy_(&weights.flat).map(drop))?;
        }
        Ok(())
    }

    fn compute(&self, shares: Vec<Share>) -> Result<Vec<Slope>, TrainError> {
        let numbers: Vec<usize> = shares.iter().map(|share| share.number).collect();
        let mut slopes = Vec::with_capacity(numbers.len());
        for share in shares {
            match &self.workers[share.number % self.workers.len()] {
                Worker::Here(post) => slopes.push(post.slope(&share)?),
                Worker::There(ask, ..) => ask.send(share).map_err(|_| lost())?,
            }
        }
        for number in numbers {
            if let Worker::There(_, answers, _) = &self.workers[number % self.workers.len()] {
                slopes.push(answers.recv().map_err(|_| lost())??);
            }
        }
        Ok(slopes)
    }
}

/// The sum of slopes in their order.
fn sum(slopes: Vec<Slope>) -> Result<(Tensor, f64), TrainError> {
    let loss = slopes.iter().map(|slope| slope.loss).sum();
    let mut gradients = slopes.into_iter().map(|slope| slope.gradient);
    let Some(mut total) = gradients.next() else {
        return Err(TrainError::NothingToLearn("a step has no rows".to_owned()));
    };
    for gradient in gradients {
        let _ = total.f_add_(&gradient)?;
    }
    Ok((total, loss))
}

impl Worker {
    fn there(post: Post) -> Self {
        let (ask, asked) = channel::<Share>();
        let (answer, answers) = channel();
        let handle = std::thread::spawn(move || {
            // Threads of one product would wait for each other longer than they work.
            tch::set_num_threads(1);
            while let Ok(share) = asked.recv() {
                if answer.send(post.slope(&share)).is_err() {
                    break;
                }
            }
        });
        Worker::There(ask, answers, Some(handle))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Worker::There(ask, _, handle) = self {
            // Without anyone to ask it the thread ends.
            *ask = channel().0;
            let _ = handle.take().map(JoinHandle::join);
        }
    }
}

fn lost() -> TrainError {
    TchError::Torch("a thread that computes gradients was lost".to_owned()).into()
}
