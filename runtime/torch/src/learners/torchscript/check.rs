//! What is asked of a module before it is trained: that it reads what it is given and returns what the task needs, by running it
//! on two rows.

use mlsys_plan::Train;
use tch::{Device, IValue, Kind, Tensor};

use super::is_trained;
use crate::chance::FLOAT;
use crate::encoders::{Encoded, Encoders, Form};
use crate::error::TrainError;
use crate::heads::Head;
use crate::module::{Module, ModuleFile, kind_name};
use crate::settings::Settings;

/// How many rows it is tried on.
const TRIED: i64 = 2;

/// How many names a message lists.
const LISTED: usize = 12;

/// Holds a module against what it will read and what it has to return. It is loaded for that alone: trying changes nothing.
///
/// # Errors
/// An input is no number, the module does not run on these inputs, does not return what the task needs, has parameters that
/// cannot be trained, or its predictions depend on chance.
pub(crate) fn check(
    train: &Train,
    file: &ModuleFile,
    encoders: &Encoders,
    head: &Head,
    rows: &Encoded,
) -> Result<(), TrainError> {
    reads_numbers(encoders)?;
    let settings = Settings::of(train)?;
    let module = file.load(settings.device)?;
    if is_trained(&train.learner) {
        if settings.kind != FLOAT {
            return Err(module.unusable("is trained in float32: leave out `precision`".to_owned()));
        }
        can_be_trained(&module)?;
    }
    let tried = rows.numbers.narrow(0, 0, TRIED.min(rows.rows())).to_device(settings.device);
    runs(&module, &tried, encoders, head)?;
    depends_on_no_chance(&module, &tried)?;
    if is_trained(&train.learner) { learns(&module, &tried, head) } else { Ok(()) }
}

/// Embeddings would stand outside of the module, which would then be of no use without them.
fn reads_numbers(encoders: &Encoders) -> Result<(), TrainError> {
    for (input, form) in encoders.forms() {
        let instead = match form {
            Form::Numbers(..) => continue,
            Form::Category(..) => "encode it with `one_hot` or `code`, and embed it in the module",
            Form::Items(..) | Form::Series(..) => "take features of it, such as its length or mean",
        };
        let message =
            format!("`torchscript` reads numbers, and `{input}` is a list or has an embedding here: {instead}");
        return Err(TrainError::Unsupported(message));
    }
    Ok(())
}

/// Parameters are float32, and some of them are to be learnt.
fn can_be_trained(module: &Module) -> Result<(), TrainError> {
    let parameters = module.parameters()?;
    if let Some((name, other)) = parameters.iter().find(|(_, parameter)| parameter.kind() != Kind::Float) {
        let kind = kind_name(other.kind());
        return Err(module.unusable(format!(
            "has the parameter `{name}` of type {kind}: parameters are trained in float32, which `module.float()` makes of \
             them, and what is no weight belongs into a buffer"
        )));
    }
    if parameters.iter().any(|(_, parameter)| parameter.requires_grad()) {
        return Ok(());
    }
    Err(module.unusable(
        "has no parameter that requires a gradient: say `train: false` to run it as it is, or save it before \
         `torch.jit.freeze`"
            .to_owned(),
    ))
}

/// The module's `forward` returns what the head takes, and else a message says what it was given and what is asked of it.
fn runs(module: &Module, tried: &Tensor, encoders: &Encoders, head: &Head) -> Result<(), TrainError> {
    let failed = match tch::no_grad(|| module.run(tried, None, head.outputs())) {
        Ok(_) => return Ok(()),
        Err(TrainError::Module { reason, .. }) => reason,
        Err(other) => return Err(other),
    };
    Err(module.unusable(format!(
        "{failed}; its `forward` is given float32{:?} ({}) and must return float32[{}, {}], {}",
        tried.size(),
        layout(encoders),
        tried.size()[0],
        head.outputs(),
        meaning(head),
    )))
}

/// Predictions of the same rows are the same: the generator of random numbers stands where it stood.
fn depends_on_no_chance(module: &Module, tried: &Tensor) -> Result<(), TrainError> {
    let draw = || Tensor::f_rand([1], (Kind::Double, Device::Cpu));
    tch::manual_seed(0);
    let before = draw()?;
    tch::manual_seed(0);
    let first = tch::no_grad(|| module.answer(tried, None))?;
    let after = draw()?;
    let second = tch::no_grad(|| module.answer(tried, None))?;
    if before == after && same(&first, &second) {
        return Ok(());
    }
    Err(module.unusable(
        "draws by chance in evaluation mode, so that no prediction could be repeated: let dropout follow `self.training`"
            .to_owned(),
    ))
}

/// In training mode the module runs as well, and its answer depends on parameters that are to be learnt.
fn learns(module: &Module, tried: &Tensor, head: &Head) -> Result<(), TrainError> {
    let answer = tch::with_grad(|| module.run(tried, Some(0), head.outputs()));
    let answer = answer.map_err(|error| match error {
        TrainError::Module { reason, .. } => {
            module.unusable(format!("cannot be trained: in training mode it {reason}"))
        }
        other => other,
    })?;
    if answer.requires_grad() {
        return Ok(());
    }
    Err(module.unusable(
        "returns what no gradient flows from to its parameters: look for `detach` and `no_grad`, or say `train: false` to \
         run it as it is"
            .to_owned(),
    ))
}

fn same(left: &IValue, right: &IValue) -> bool {
    match (left, right) {
        (IValue::Tensor(left), IValue::Tensor(right)) => {
            left.size() == right.size() && left.nan_to_num(None, None, None) == right.nan_to_num(None, None, None)
        }
        _ => false,
    }
}

/// The columns of the matrix, in their order.
fn layout(encoders: &Encoders) -> String {
    let columns: Vec<String> = encoders
        .forms()
        .map(|(input, form)| format!("`{input}` {}", if let Form::Numbers(width, _) = form { width } else { 0 }))
        .collect();
    shortened(columns)
}

/// What outputs mean.
fn meaning(head: &Head) -> String {
    match head {
        Head::Binary => "the logit that the label holds".to_owned(),
        Head::Multiclass { classes } => {
            format!(
                "a logit for each class in the order {}",
                shortened(classes.iter().map(|class| format!("`{class}`")))
            )
        }
        Head::Quantile { quantiles, .. } => {
            format!("a number for each of the quantiles {}", shortened(quantiles.iter().map(f64::to_string)))
        }
        Head::Ranking { graded: false } => "the logit that the label holds".to_owned(),
        _ => "a number in the label's unit".to_owned(),
    }
}

fn shortened(all: impl IntoIterator<Item = String>) -> String {
    let mut all = all.into_iter();
    let mut listed: Vec<String> = all.by_ref().take(LISTED).collect();
    match all.count() {
        0 => {}
        more => listed.push(format!("and {more} more")),
    }
    listed.join(", ")
}
