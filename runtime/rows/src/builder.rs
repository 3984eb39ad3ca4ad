//! Rows under construction: values come in any order of fields, and a row counts once it is whole.

use std::collections::HashMap;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use mlsys_plan::{Field, Literal};

use crate::arrow_schema;
use crate::column::{Column, Given, Misfit};
use crate::error::{RowError, SchemaError};

/// Builds rows of fields. A row is begun by its first value; [`RowBuilder::end_row`] makes it count, after
/// [`RowBuilder::truncate`] or an error nothing of it is left.
#[derive(Debug)]
pub struct RowBuilder {
    fields: Vec<Field>,
    columns: Vec<Column>,
    places: HashMap<String, usize>,
    schema: SchemaRef,
    rows: usize,
}

impl RowBuilder {
    /// Rows of these fields.
    ///
    /// # Errors
    /// Two fields have one name, or a default is no value of its field's type.
    pub fn new(fields: &[Field]) -> Result<Self, SchemaError> {
        let mut places = HashMap::with_capacity(fields.len());
        for (index, field) in fields.iter().enumerate() {
            if places.insert(field.name.clone(), index).is_some() {
                return Err(SchemaError::Twice(field.name.clone()));
            }
            check_default(field)?;
        }
        let columns = fields.iter().map(|field| Column::new(&field.ty.ty)).collect();
        Ok(RowBuilder { fields: fields.to_vec(), columns, places, schema: arrow_schema(fields), rows: 0 })
    }

    /// The fields.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The columns that [`RowBuilder::finish`] gives.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// How many whole rows there are.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there is no whole row.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Bytes that are held, about.
    pub fn bytes(&self) -> usize {
        self.columns.iter().map(Column::bytes).sum()
    }

    /// The place of a field by its name. Rows mostly have their fields in one order: the place that is expected is looked
    /// at first.
    #[inline]
    pub fn place(&self, name: &str, expected: usize) -> Option<usize> {
        match self.fields.get(expected) {
            Some(field) if field.name == name => Some(expected),
            _ => self.places.get(name).copied(),
        }
    }

    /// The column of a field, which has no value of the present row yet.
    ///
    /// # Errors
    /// It has one.
    #[inline]
    pub fn open(&mut self, place: usize) -> Result<&mut Column, RowError> {
        if self.columns[place].len() > self.rows {
            return Err(RowError::twice(&self.fields[place]));
        }
        Ok(&mut self.columns[place])
    }

    /// Gives a field its value in the present row; null becomes the field's default.
    ///
    /// # Errors
    /// The field has a value already, the value is none of its type, or it is missing and must not be.
    #[inline]
    pub fn set(&mut self, place: usize, given: Given<'_>) -> Result<(), RowError> {
        match self.open(place)?.push(given) {
            Ok(true) => Ok(()),
            Ok(false) => self.set_missing(place, "null"),
            Err(misfit) => Err(self.misfit(place, misfit)),
        }
    }

    /// Gives a field that has no value its default, or null where that is allowed.
    ///
    /// # Errors
    /// The field must have a value; `found` says what there is instead.
    pub fn set_missing(&mut self, place: usize, found: &str) -> Result<(), RowError> {
        let field = &self.fields[place];
        match &field.default {
            // Checked when the fields were given.
            Some(default) if *default != Literal::Null => {
                push_literal(&mut self.columns[place], default).map_err(|misfit| RowError::misfit(field, misfit))
            }
            _ if field.ty.nullable => {
                self.columns[place].push_null();
                Ok(())
            }
            _ => Err(RowError::missing(field, found)),
        }
    }

    /// The error that a value is none of a field's.
    pub fn misfit(&self, place: usize, misfit: Misfit) -> RowError {
        RowError::misfit(&self.fields[place], misfit)
    }

    /// Makes the present row count; fields without a value get their defaults, or null where that is allowed.
    ///
    /// # Errors
    /// A field must have a value and has none. Then nothing of the row is left.
    pub fn end_row(&mut self) -> Result<(), RowError> {
        for place in 0..self.columns.len() {
            if self.columns[place].len() == self.rows
                && let Err(error) = self.set_missing(place, "nothing")
            {
                self.truncate(self.rows);
                return Err(error);
            }
        }
        self.rows += 1;
        Ok(())
    }

    /// Takes back everything after the first rows, and what there is of the present one.
    pub fn truncate(&mut self, rows: usize) {
        self.rows = rows.min(self.rows);
        for column in &mut self.columns {
            column.truncate(self.rows);
        }
    }

    /// The whole rows as columns; there are none afterwards.
    ///
    /// # Errors
    /// Arrow refuses the columns, which it does not do for what can be set here.
    pub fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        self.truncate(self.rows);
        let options = RecordBatchOptions::new().with_row_count(Some(std::mem::take(&mut self.rows)));
        let columns: Vec<ArrayRef> = self.columns.iter_mut().map(Column::finish).collect::<Result<_, _>>()?;
        RecordBatch::try_new_with_options(SchemaRef::clone(&self.schema), columns, &options)
    }
}

fn check_default(field: &Field) -> Result<(), SchemaError> {
    let Some(default) = field.default.as_ref().filter(|default| **default != Literal::Null) else { return Ok(()) };
    push_literal(&mut Column::new(&field.ty.ty), default).map_err(|_| SchemaError::Default {
        field: field.name.clone(),
        ty: field.ty.ty.to_string(),
        default: default.to_string(),
    })
}

/// Adds a constant of the plan to a column.
fn push_literal(column: &mut Column, literal: &Literal) -> Result<(), Misfit> {
    let given = match literal {
        Literal::Null => Given::Null,
        Literal::Bool(value) => Given::Bool(*value),
        Literal::Int(value) => Given::Int(*value),
        Literal::Float(value) => Given::Float(*value),
        Literal::String(value) => Given::Text(value),
        Literal::Timestamp(micros) => Given::Instant(*micros),
        Literal::Date(days) => Given::Day(*days),
        Literal::Duration(micros) => Given::Duration(*micros),
        Literal::List(items) => {
            if let Some(column) = column.items() {
                items.iter().try_for_each(|item| push_literal(column, item))?;
            }
            return column.close_list();
        }
    };
    if !column.push(given)? {
        column.push_null();
    }
    Ok(())
}
