//! A module of PyTorch, kept as TorchScript: read, run, and written again.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tch::{CModule, Device, IValue, Kind, TchError, Tensor};

use crate::error::TrainError;
use crate::sizes::dimension;

/// The most bytes of a module's file.
const MOST_BYTES: u64 = 2 << 30;

/// With what every zip archive begins, and so every TorchScript file.
const ARCHIVE: &[u8] = b"PK\x03\x04";

/// A module's file as it was read.
#[derive(Clone, Debug)]
pub(crate) struct ModuleFile {
    /// What the program calls it.
    name: String,
    bytes: Arc<[u8]>,
}

/// A loaded module. What it keeps beside its weights, such as running means, is in it alone: a clone is the same module, and
/// sees what the other one's training changes.
#[derive(Clone, Debug)]
pub(crate) struct Module {
    name: Arc<str>,
    shared: Arc<Mutex<CModule>>,
    device: Device,
}

impl ModuleFile {
    /// Reads a file, of which messages speak under a name.
    ///
    /// # Errors
    /// It cannot be read, is too large, or is no archive.
    pub(crate) fn read(path: &Path, name: &str) -> Result<Self, TrainError> {
        let unusable = |reason: String| TrainError::Module { name: name.to_owned(), reason };
        let unreadable = |error: std::io::Error| unusable(format!("cannot be read: {error}"));
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(unreadable)?;
        file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > MOST_BYTES {
            return Err(unusable(format!("is larger than {} GiB, the most that is read", MOST_BYTES >> 30)));
        }
        if !bytes.starts_with(ARCHIVE) {
            return Err(unusable(format!("is no TorchScript: {SAVED}")));
        }
        Ok(ModuleFile { name: name.to_owned(), bytes: bytes.into() })
    }

    /// The file that was once read, from its bytes.
    pub(crate) fn of(name: &str, bytes: Vec<u8>) -> Self {
        ModuleFile { name: name.to_owned(), bytes: bytes.into() }
    }

    /// Loads it, apart from all that were loaded before.
    ///
    /// # Errors
    /// It is no TorchScript that libtorch reads.
    pub(crate) fn load(&self, device: Device) -> Result<Module, TrainError> {
        let loaded = CModule::load_data_on_device(&mut &*self.bytes, device);
        let module = loaded.map_err(|error| {
            let said = said(&error);
            // What follows the first sentence guesses at damaged files.
            let first = said.split(". ").next().unwrap_or_default();
            let reason = format!("is no TorchScript that libtorch reads ({first}): {SAVED}");
            TrainError::Module { name: self.name.clone(), reason }
        })?;
        Ok(Module { name: self.name.as_str().into(), shared: Arc::new(Mutex::new(module)), device })
    }
}

/// How a file comes to be one.
const SAVED: &str = "save it in Python with `torch.jit.script(module).save(…)`; `torch.save` writes something else";

impl Module {
    /// What the program calls its file.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its parameters by name, in the order of the module. They are the module's own: who changes one changes the module.
    pub(crate) fn parameters(&self) -> Result<Vec<(String, Tensor)>, TrainError> {
        Ok(self.lock().named_parameters()?)
    }

    /// What its `forward` makes of a matrix, whatever that is; in training mode with a seed for what it draws by chance,
    /// otherwise in evaluation mode.
    ///
    /// # Errors
    /// The module raised an exception.
    pub(crate) fn answer(&self, rows: &Tensor, seed: Option<i64>) -> Result<IValue, TrainError> {
        // Without the optimiser of graphs a module computes what it does in eager Python, in its first run as in its
        // hundredth: optimised graphs draw other random numbers and round otherwise.
        tch::jit::f_set_graph_executor_optimize(false)?;
        let mut module = self.lock();
        match seed {
            Some(seed) => {
                tch::manual_seed(seed);
                module.f_set_train()?;
            }
            None => module.f_set_eval()?,
        }
        // A module may change what it is given, and these rows may be read again.
        let answer = module.forward_is(&[IValue::Tensor(rows.copy())]);
        answer.map_err(|error| self.unusable(format!("raised an exception: {}", said(&error))))
    }

    /// `rows × outputs` of a matrix of rows; one number a row may come without its dimension.
    ///
    /// # Errors
    /// The module raised an exception, or answered with something else.
    pub(crate) fn run(&self, rows: &Tensor, seed: Option<i64>, outputs: usize) -> Result<Tensor, TrainError> {
        let count = rows.size()[0];
        let wanted = [count, dimension(outputs)];
        let answer = match self.answer(rows, seed)? {
            IValue::Tensor(answer) if outputs == 1 && answer.size() == [count] => answer.unsqueeze(1),
            IValue::Tensor(answer) => answer,
            _ => return Err(self.unusable("does not return a tensor".to_owned())),
        };
        if answer.size() == wanted && answer.kind() == Kind::Float {
            return Ok(answer);
        }
        let found = format!("{}{:?}", kind_name(answer.kind()), answer.size());
        Err(self.unusable(format!("returns {found} for {count} rows, not float32{wanted:?}")))
    }

    /// Writes it as TorchScript, in evaluation mode, for any processor. The same module gives the same bytes in a file of the
    /// same name.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn save(&self, path: &Path) -> Result<(), TrainError> {
        if self.device != Device::Cpu {
            return self.file()?.load(Device::Cpu)?.save(path);
        }
        self.write(path)
    }

    /// The module as a file of its own.
    pub(crate) fn file(&self) -> Result<ModuleFile, TrainError> {
        let failed = |error: std::io::Error| self.unusable(format!("cannot be kept: {error}"));
        let folder = tempfile::tempdir().map_err(failed)?;
        // An archive repeats the name of its file within itself.
        let path = folder.path().join("module.pt");
        self.write(&path)?;
        Ok(ModuleFile::of(&self.name, std::fs::read(&path).map_err(failed)?))
    }

    /// The same as [`Module::file`], as a tensor of bytes.
    pub(crate) fn bytes(&self) -> Result<Tensor, TrainError> {
        Ok(Tensor::f_from_slice(&self.file()?.bytes)?)
    }

    fn write(&self, path: &Path) -> Result<(), TrainError> {
        let mut module = self.lock();
        module.f_set_eval()?;
        // Parameters may be views of a vector of all weights, and a view is written with all that it is a view of.
        let mut views = Vec::new();
        for (_, mut parameter) in module.named_parameters()? {
            let view = parameter.detach();
            parameter.f_set_data(&view.copy())?;
            views.push((parameter, view));
        }
        let saved = module.save(path);
        for (mut parameter, view) in views {
            parameter.f_set_data(&view)?;
        }
        saved.map_err(|error| TrainError::Artefact { path: path.to_path_buf(), reason: said(&error) })
    }

    fn lock(&self) -> MutexGuard<'_, CModule> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is wrong with it.
    pub(crate) fn unusable(&self, reason: String) -> TrainError {
        TrainError::Module { name: self.name().to_owned(), reason }
    }
}

/// The name of a type of numbers in PyTorch.
pub(crate) fn kind_name(kind: Kind) -> String {
    match kind {
        Kind::Float => "float32".to_owned(),
        Kind::Double => "float64".to_owned(),
        Kind::Half => "float16".to_owned(),
        Kind::BFloat16 => "bfloat16".to_owned(),
        other => format!("{other:?}").to_lowercase(),
    }
}

/// What an exception says: the last line of the interpreter's trace, or the first one of C++'s own, which may follow.
fn said(error: &TchError) -> String {
    let text = error.to_string();
    let lines = text.lines().map(str::trim);
    let before = lines.take_while(|line| !line.starts_with("Exception raised from") && !line.starts_with("frame #"));
    let last = before.filter(|line| !line.is_empty()).last();
    last.map_or_else(
        || "no reason was given".to_owned(),
        |line| line.trim_start_matches("Internal torch error: ").to_owned(),
    )
}
