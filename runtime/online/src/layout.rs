//! What is kept for a group of features: plain data, without expressions.

use std::fmt::Write;
use std::hash::Hasher;

use arrow::datatypes::DataType;
use mlsys_aggregates::{Input, Kernel, Parameter, Parameters, Summary};
use mlsys_plan::Window;
use twox_hash::XxHash64;

use crate::code;
use crate::columns;
use crate::error::OnlineError;

/// The most rows of a block. Smaller ones are merged more often, larger ones are read and stored as a whole for less.
const BLOCK: usize = 128;

/// What is to be kept for a group.
#[derive(Clone)]
pub struct Kept {
    /// The types of the entity's keys.
    pub keys: Vec<DataType>,
    /// The types of what aggregates read of a row, one for each different argument.
    pub arguments: Vec<DataType>,
    /// What orders rows of one instant: the source's key, or without one the rows' content.
    pub order: Vec<Order>,
    /// Whether the order identifies a row, so that a row of the same instant and order takes the place of the one before.
    pub is_keyed: bool,
    /// The features.
    pub measures: Vec<Measure>,
}

/// A column that orders rows of one instant.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// One that comes with the rows.
    Column(DataType),
    /// One of the arguments.
    Argument(usize),
}

/// A feature: an aggregate over an argument and a window.
#[derive(Clone)]
pub struct Measure {
    /// The aggregate.
    pub kernel: &'static dyn Kernel,
    /// Which argument it reads; none counts rows.
    pub argument: Option<usize>,
    /// The constants of the call.
    pub parameters: Parameters,
    /// Which rows it sees.
    pub frame: Frame,
}

/// A window, how far it is shifted into the past, and in which steps its far end moves; in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The window.
    pub window: Window,
    /// The shift.
    pub offset: i64,
    /// By how much the far end moves at once; none if it moves with time.
    pub step: Option<i64>,
}

impl Frame {
    /// A window that is not shifted and moves with time.
    pub fn of(window: Window) -> Self {
        Frame { window, offset: 0, step: None }
    }

    /// The instant before which rows are seen at a moment.
    pub(crate) fn end(&self, at: i64) -> i64 {
        at.saturating_sub(self.offset)
    }

    /// The first instant that is seen at a moment, where the window has a length. Steps are counted from 1970, also
    /// before it.
    pub(crate) fn begin(&self, at: i64) -> Option<i64> {
        let begin = self.end(at).saturating_sub(self.length()?);
        Some(self.step.map_or(begin, |step| begin.saturating_sub(begin.rem_euclid(step))))
    }

    /// The window's length, where it has one.
    pub(crate) fn length(&self) -> Option<i64> {
        match self.window {
            Window::Range { width } => Some(width),
            Window::All | Window::Last { .. } => None,
        }
    }
}

/// What is kept for a group, checked, with what its features share.
pub struct Layout {
    pub(crate) keys: Vec<DataType>,
    pub(crate) arguments: Vec<DataType>,
    pub(crate) order: Vec<Order>,
    pub(crate) is_keyed: bool,
    /// The different aggregates of arguments, whatever the window.
    pub(crate) calls: Vec<Call>,
    pub(crate) frames: Vec<Frame>,
    /// For each feature, its call and its frame.
    pub(crate) measures: Vec<(usize, usize)>,
    /// The types of the features.
    outputs: Vec<DataType>,
    /// The most rows of a block.
    pub(crate) block: usize,
    fingerprint: u64,
}

/// An aggregate of an argument, and the frames that are asked of it.
pub(crate) struct Call {
    pub(crate) kernel: &'static dyn Kernel,
    pub(crate) argument: Option<usize>,
    pub(crate) parameters: Parameters,
    pub(crate) frames: Vec<usize>,
}

impl Layout {
    /// Checks what is to be kept.
    ///
    /// # Errors
    /// [`OnlineError::Layout`] if it refers to what is not there or a number is out of its bounds; [`OnlineError::Type`]
    /// if values of a type cannot be kept; [`OnlineError::Aggregate`] if an aggregate is not defined on its argument.
    pub fn new(kept: Kept) -> Result<Self, OnlineError> {
        check(&kept)?;
        let fingerprint = fingerprint(&kept);
        let mut layout = Layout {
            keys: kept.keys,
            arguments: kept.arguments,
            order: kept.order,
            is_keyed: kept.is_keyed,
            calls: Vec::new(),
            frames: Vec::new(),
            measures: Vec::new(),
            outputs: Vec::new(),
            block: BLOCK,
            fingerprint,
        };
        for measure in kept.measures {
            layout.add(measure)?;
        }
        Ok(layout)
    }

    /// A number that tells states of different layouts apart: what is kept under another one means something else.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// The types of the entity's keys.
    pub fn keys(&self) -> &[DataType] {
        &self.keys
    }

    /// The types of the arguments.
    pub fn arguments(&self) -> &[DataType] {
        &self.arguments
    }

    /// The types of the columns that order rows of one instant and come with them, in order.
    pub fn order_columns(&self) -> Vec<DataType> {
        let column = |order: &Order| match order {
            Order::Column(ty) => Some(ty.clone()),
            Order::Argument(_) => None,
        };
        self.order.iter().filter_map(column).collect()
    }

    /// The types of the features, in order.
    pub fn outputs(&self) -> &[DataType] {
        &self.outputs
    }

    /// How long a row can be seen after its instant, in microseconds; none if that has no end, as with `over all`.
    pub fn reach(&self) -> Option<i64> {
        let reach = |frame: &Frame| {
            let step = frame.step.unwrap_or(0);
            Some(frame.length()?.saturating_add(frame.offset).saturating_add(step))
        };
        self.frames.iter().map(reach).try_fold(0, |most, reach| Some(most.max(reach?)))
    }

    /// The summary of no rows.
    pub(crate) fn summary(&self, call: &Call) -> Result<Box<dyn Summary>, OnlineError> {
        Ok(call.kernel.summary(&self.input(call))?)
    }

    /// What a call's kernel needs to know.
    pub(crate) fn input<'a>(&'a self, call: &'a Call) -> Input<'a> {
        let argument = call.argument.map(|argument| &self.arguments[argument]);
        Input { argument, parameters: &call.parameters, windows: &[] }
    }

    /// Whether a call is asked for over all rows, so that rows may only leave into a summary of it.
    pub(crate) fn is_over_all(&self, call: &Call) -> bool {
        call.frames.iter().any(|frame| self.frames[*frame].window == Window::All)
    }

    fn add(&mut self, measure: Measure) -> Result<(), OnlineError> {
        let Measure { kernel, argument, parameters, frame } = measure;
        let frame = position_or_push(&mut self.frames, frame);
        let is_same = |call: &Call| {
            call.kernel.name() == kernel.name() && call.argument == argument && call.parameters == parameters
        };
        let call = self.calls.iter().position(is_same).unwrap_or_else(|| {
            self.calls.push(Call { kernel, argument, parameters: parameters.clone(), frames: Vec::new() });
            self.calls.len() - 1
        });
        position_or_push(&mut self.calls[call].frames, frame);
        self.measures.push((call, frame));
        // Whatever the kernel refuses, it refuses now.
        self.summary(&self.calls[call])?;
        let output = kernel.output(argument.map(|argument| &self.arguments[argument]));
        self.outputs.push(output.unwrap_or(DataType::Null));
        Ok(())
    }
}

fn check(kept: &Kept) -> Result<(), OnlineError> {
    let refuse = |reason: String| Err(OnlineError::Layout { reason });
    if kept.keys.is_empty() || kept.measures.is_empty() {
        return refuse("it needs a key and a feature".to_owned());
    }
    if let Some(ty) = kept.keys.iter().find(|ty| !code::is_encodable(ty)) {
        return Err(OnlineError::Type { ty: ty.clone(), place: "a key" });
    }
    if let Some(ty) = kept.arguments.iter().find(|ty| !columns::is_kept(ty)) {
        return Err(OnlineError::Type { ty: ty.clone(), place: "an argument" });
    }
    for order in &kept.order {
        let ty = match order {
            Order::Column(ty) => ty,
            Order::Argument(index) => match kept.arguments.get(*index) {
                Some(ty) => ty,
                None => return refuse(format!("rows are ordered by argument {index}, which is not there")),
            },
        };
        if !code::is_encodable(ty) {
            return Err(OnlineError::Type { ty: ty.clone(), place: "the order" });
        }
    }
    kept.measures.iter().try_for_each(|measure| check_measure(measure, kept.arguments.len()))
}

fn check_measure(measure: &Measure, arguments: usize) -> Result<(), OnlineError> {
    let refuse = |reason: String| Err(OnlineError::Layout { reason });
    let name = measure.kernel.name();
    if measure.argument.is_some_and(|argument| argument >= arguments) {
        return refuse(format!("`{name}` reads an argument that is not there"));
    }
    let frame = &measure.frame;
    match frame.window {
        Window::Range { width } if width <= 0 => {
            return refuse(format!("`{name}` has a window of {width} microseconds"));
        }
        Window::Last { rows: 0 } => return refuse(format!("`{name}` has a window of no rows")),
        _ => {}
    }
    if frame.offset < 0 || frame.step.is_some_and(|step| step <= 0) {
        return refuse(format!("`{name}` has a negative offset, or a step that is not positive"));
    }
    Ok(())
}

/// The hash of a text that says all that decides what is stored and what it means.
fn fingerprint(kept: &Kept) -> u64 {
    let mut text = format!("1 {:?} {:?} {:?} {}", kept.keys, kept.arguments, kept.order, kept.is_keyed);
    for measure in &kept.measures {
        let _ = write!(text, "\n{} {:?} {:?}", measure.kernel.tag(), measure.argument, measure.frame);
        for (name, parameter) in measure.parameters.iter() {
            let value = match parameter {
                Parameter::Integer(value) => format!("integer {value}"),
                Parameter::Number(value) => format!("number {:x}", value.to_bits()),
                Parameter::Duration(value) => format!("duration {value}"),
            };
            let _ = write!(text, " {name:?} {value}");
        }
    }
    let mut hasher = XxHash64::with_seed(0);
    hasher.write(text.as_bytes());
    hasher.finish()
}

fn position_or_push<T: PartialEq>(items: &mut Vec<T>, item: T) -> usize {
    items.iter().position(|known| *known == item).unwrap_or_else(|| {
        items.push(item);
        items.len() - 1
    })
}
