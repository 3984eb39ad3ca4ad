//! All weights of a network as one vector: variables are views of it, so that an optimiser, a checkpoint and an exchange
//! between processes each handle one tensor.

use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

use crate::error::TrainError;
use crate::sizes::dimension;

/// The weights of a network and how they are laid out.
pub(crate) struct Weights {
    pub(crate) flat: Tensor,
    layout: Vec<Place>,
}

/// A variable's place in the vector.
#[derive(Clone, Debug)]
struct Place {
    name: String,
    shape: Vec<i64>,
    start: i64,
    length: i64,
}

impl Weights {
    /// Takes the weights of a network's variables, which become views of them.
    pub(crate) fn of(variables: &VarStore) -> Result<Self, TrainError> {
        let mut named: Vec<(String, Tensor)> =
            variables.variables().into_iter().filter(|(_, variable)| variable.requires_grad()).collect();
        named.sort_by(|left, right| left.0.cmp(&right.0));
        let (mut layout, mut start) = (Vec::new(), 0);
        for (name, variable) in &named {
            let length = dimension(variable.numel());
            layout.push(Place { name: name.clone(), shape: variable.size(), start, length });
            start += length;
        }
        let pieces: Vec<Tensor> = named.iter().map(|(_, variable)| variable.detach().reshape([-1])).collect();
        let flat = if pieces.is_empty() {
            Tensor::zeros([0], (Kind::Float, variables.device()))
        } else {
            Tensor::f_cat(&pieces, 0)?
        };
        let weights = Weights { flat, layout };
        weights.put_into(variables, &weights.flat)?;
        Ok(weights)
    }

    /// Makes a network's variables views of a vector with these weights, and gives them in the order of the vector.
    pub(crate) fn put_into(&self, variables: &VarStore, flat: &Tensor) -> Result<Vec<Tensor>, TrainError> {
        let mut named = variables.variables();
        let mut ordered = Vec::with_capacity(self.layout.len());
        for place in &self.layout {
            let lost = || TrainError::Unsupported(format!("a network lacks the variable `{}`", place.name));
            let mut variable = named.remove(&place.name).ok_or_else(lost)?;
            variable.f_set_data(&flat.f_narrow(0, place.start, place.length)?.f_view(place.shape.as_slice())?)?;
            ordered.push(variable);
        }
        Ok(ordered)
    }

    /// How many weights there are.
    pub(crate) fn count(&self) -> u64 {
        self.flat.numel() as u64
    }

    /// Sets all weights.
    pub(crate) fn set(&mut self, flat: &Tensor) -> Result<(), TrainError> {
        tch::no_grad(|| self.flat.f_copy_(flat).map(drop))?;
        Ok(())
    }

    /// Gradients by variable as one vector.
    pub(crate) fn gradient(&self, gradients: &[Tensor], device: Device) -> Result<Tensor, TrainError> {
        let pieces = self.layout.iter().zip(gradients).map(|(place, gradient)| {
            if gradient.defined() {
                gradient.reshape([-1]).to_kind(Kind::Float)
            } else {
                Tensor::zeros([place.length], (Kind::Float, device))
            }
        });
        Ok(Tensor::f_cat(&pieces.collect::<Vec<_>>(), 0)?)
    }

    /// The same layout over the same vector, for another thread.
    pub(crate) fn share(&self) -> Self {
        Weights { flat: self.flat.shallow_clone(), layout: self.layout.clone() }
    }
}
