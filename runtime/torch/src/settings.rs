//! The settings of a `train` block as training needs them, by their names in the language.

use std::time::Duration;

use mlsys_plan::{Call, Train, Value};
use tch::{Cuda, Device, Kind};

use crate::error::TrainError;
use crate::implemented::named;

/// How often a checkpoint is kept where the program does not say.
const USUAL: Duration = Duration::from_secs(600);

/// How a device is found.
type Found = fn() -> Result<Device, TrainError>;

/// Every device by its name in the language.
pub(crate) const DEVICES: &[(&str, Found)] =
    &[("auto", || Ok(Device::cuda_if_available())), ("cpu", || Ok(Device::Cpu)), ("cuda", cuda)];

/// Every type of numbers that is computed with, by its name in the language.
pub(crate) const PRECISIONS: &[(&str, Kind)] = &[("bf16", Kind::BFloat16), ("float32", Kind::Float)];

/// Settings, with what stands for those that are left out.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) device: Device,
    pub(crate) kind: Kind,
    /// The norm above which gradients are scaled down.
    pub(crate) clip: Option<f64>,
    pub(crate) schedule: Option<Call>,
    /// Whether every class is drawn equally often.
    pub(crate) balanced: bool,
    /// How often a checkpoint is kept.
    pub(crate) checkpoint: Duration,
}

impl Settings {
    /// The settings of a training.
    ///
    /// # Errors
    /// The device is not there, or a setting has a value that is not known.
    pub(crate) fn of(train: &Train) -> Result<Self, TrainError> {
        let value = |name: &str| {
            let setting = train.training.settings.iter().find(|setting| setting.name == name)?;
            setting.args.get("value").or_else(|| setting.args.get("every"))
        };
        let nested = |name: &str| match value(name) {
            Some(Value::Call(call)) => Some(call),
            _ => None,
        };
        Ok(Settings {
            device: match nested("device") {
                Some(call) => named("device", DEVICES, call)?()?,
                None => Device::cuda_if_available(),
            },
            kind: match nested("precision") {
                Some(call) => named("precision", PRECISIONS, call)?,
                None => Kind::Float,
            },
            clip: match value("clip") {
                Some(Value::Float(norm)) => Some(*norm),
                _ => None,
            },
            schedule: nested("schedule").cloned(),
            balanced: nested("sample").is_some(),
            checkpoint: match value("checkpoint") {
                Some(Value::Duration(micros)) => Duration::from_micros(micros.unsigned_abs()),
                _ => USUAL,
            },
        })
    }

    /// The settings on a machine where several processes train: each takes a GPU, as long as there are enough.
    pub(crate) fn on_rank(mut self, local_rank: u32) -> Self {
        if let Device::Cuda(_) = self.device {
            let local_rank = usize::try_from(local_rank).unwrap_or(0);
            self.device = Device::Cuda(local_rank % usize::try_from(Cuda::device_count()).unwrap_or(1).max(1));
        }
        self
    }
}

fn cuda() -> Result<Device, TrainError> {
    if Cuda::is_available() {
        return Ok(Device::Cuda(0));
    }
    let message = "there is no GPU that libtorch can use: take `device auto`, or a libtorch built for CUDA";
    Err(TrainError::Unsupported(message.to_owned()))
}
