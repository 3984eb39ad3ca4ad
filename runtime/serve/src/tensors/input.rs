//! Tensors of a request as rows of a deployment's columns.

use arrow::array::RecordBatch;
use mlsys_plan::{Field, Type};
use mlsys_rows::{Given, RowBuilder, RowError, nearest};

use super::Values;
use crate::refusal::{Kind, Refusal};

/// A tensor of a request.
pub(crate) struct Tensor<'a> {
    pub(crate) name: &'a str,
    pub(crate) shape: &'a [i64],
    pub(crate) values: Values<'a>,
}

/// The rows that tensors are: one for each column, all with the same number of rows.
pub(crate) fn rows(fields: &[Field], most: usize, tensors: &[Tensor<'_>]) -> Result<RecordBatch, Refusal> {
    let mut builder = RowBuilder::new(fields).map_err(|error| Refusal::new(Kind::Failed, error.to_string()))?;
    let mut places: Vec<(usize, usize)> = Vec::with_capacity(tensors.len());
    let mut count = None;
    for tensor in tensors {
        let place = place(&builder, tensor)?;
        if places.iter().any(|(known, _)| *known == place) {
            return Err(Refusal::invalid(format!("input `{}` comes twice", tensor.name)));
        }
        let (rows, width) = shape(tensor, &fields[place])?;
        if *count.get_or_insert(rows) != rows {
            let reason = format!("input `{}` has {rows} rows, others have {}", tensor.name, count.unwrap_or(0));
            return Err(Refusal::invalid(reason));
        }
        places.push((place, width));
    }
    let count = count.unwrap_or(0);
    if count > most {
        return Err(Refusal::new(Kind::TooLarge, format!("{count} rows where {most} are allowed")));
    }
    for row in 0..count {
        fill(&mut builder, tensors, &places, row)
            .map_err(|error| Refusal::from(RowError { row: Some(row), ..error }))?;
    }
    builder.finish().map_err(|error| Refusal::new(Kind::Failed, error.to_string()))
}

fn fill(
    builder: &mut RowBuilder,
    tensors: &[Tensor<'_>],
    places: &[(usize, usize)],
    row: usize,
) -> Result<(), RowError> {
    for (tensor, &(place, width)) in tensors.iter().zip(places) {
        let column = builder.open(place)?;
        let ty = column.ty().clone();
        if column.items().is_none() {
            builder.set(place, given(&tensor.values, row, &ty))?;
            continue;
        }
        let added = (row * width..(row + 1) * width).try_for_each(|element| {
            let Some(items) = column.items() else { return Ok(()) };
            let ty = items.ty().clone();
            if !items.push(given(&tensor.values, element, &ty))? {
                items.push_null();
            }
            Ok(())
        });
        if let Err(misfit) = added.and_then(|()| column.close_list()) {
            return Err(builder.misfit(place, misfit));
        }
    }
    builder.end_row()
}

fn place(builder: &RowBuilder, tensor: &Tensor<'_>) -> Result<usize, Refusal> {
    builder.place(tensor.name, 0).ok_or_else(|| {
        let names = builder.fields().iter().map(|field| field.name.as_str());
        let hint = nearest(tensor.name, names).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        let shown: String = tensor.name.chars().take(60).collect();
        Refusal::invalid(format!("the model has no input `{shown}`{hint}"))
    })
}

/// How many rows a tensor has, and how many elements a row.
fn shape(tensor: &Tensor<'_>, field: &Field) -> Result<(usize, usize), Refusal> {
    let wrong = |expected: &str| {
        let reason = format!("input `{}` has shape {:?}, expected {expected}", tensor.name, tensor.shape);
        Err(Refusal::invalid(reason))
    };
    let sizes: Option<Vec<usize>> = tensor.shape.iter().map(|size| usize::try_from(*size).ok()).collect();
    let Some((&rows, row)) = sizes.as_deref().and_then(<[usize]>::split_first) else {
        return wrong("one dimension or more, none of them negative");
    };
    let width = row.iter().try_fold(1_usize, |width, size| width.checked_mul(*size));
    let Some(width) = width.filter(|width| rows.checked_mul(*width) == Some(tensor.values.len())) else {
        return wrong(&format!("a shape of its {} elements", tensor.values.len()));
    };
    match &field.ty.ty {
        Type::Vector(length) if width != *length as usize => wrong(&format!("[n, {length}]")),
        Type::Vector(_) | Type::List(_) => Ok((rows, width)),
        _ if width != 1 => wrong("[n] or [n, 1]"),
        _ => Ok((rows, width)),
    }
}

/// An element as a value of a type. What has no such form is refused by the column.
fn given<'a>(values: &'a Values<'_>, element: usize, ty: &Type) -> Given<'a> {
    match values {
        Values::Bools(values) => Given::Bool(values[element]),
        Values::Ints(values) => integer(values[element], ty),
        Values::Unsigned(values) => match i64::try_from(values[element]) {
            Ok(value) => integer(value, ty),
            Err(_) => Given::Unsigned(values[element]),
        },
        Values::Floats(values) => Given::Float(values[element]),
        Values::Bytes(values) if *ty == Type::Bytes => Given::Bytes(&values[element]),
        Values::Bytes(values) => match std::str::from_utf8(&values[element]) {
            Ok(text) => Given::Text(text),
            Err(_) => Given::Other("bytes that are no UTF-8 text"),
        },
    }
}

fn integer(value: i64, ty: &Type) -> Given<'static> {
    match ty {
        Type::Timestamp => Given::Instant(value),
        Type::Duration => Given::Duration(value),
        Type::Date => i32::try_from(value).map_or(Given::Int(value), Given::Day),
        _ => Given::Int(value),
    }
}
