//! An Avro schema, compiled into the way its bytes are read. (Apache Avro 1.12, "Specification".)

use std::collections::HashMap;

use apache_avro::Schema;
use apache_avro::schema::{Name, ResolvedSchema, UnionSchema};
use mlsys_rows::RowBuilder;

/// How records of a schema become rows.
#[derive(Debug)]
pub(super) struct Plan {
    /// All shapes; they name each other by their places, so that a type may contain itself.
    pub(super) shapes: Vec<Shape>,
    /// The fields of the record in their order.
    pub(super) fields: Vec<Step>,
}

/// A field of the record.
#[derive(Debug)]
pub(super) struct Step {
    /// The column that it goes to; none if it is skipped.
    pub(super) column: Option<usize>,
    /// What its bytes are.
    pub(super) shape: usize,
}

/// What the bytes of a value are.
#[derive(Debug)]
pub(super) enum Shape {
    Null,
    Bool,
    /// Zigzag, at most 32 bits.
    Int(Meaning),
    /// Zigzag, at most 64 bits.
    Long(Meaning),
    Float,
    Double,
    Bytes,
    Text,
    Fixed(usize),
    /// An integer in two's complement, divided by a power of ten; in so many bytes, or in counted ones.
    Decimal(Option<usize>, u32),
    Enum(Vec<String>),
    Array(usize),
    Map(usize),
    Union(Vec<usize>),
    Record(Vec<usize>),
    /// A name whose type is being compiled; there is none of these left in the end.
    Pending,
}

/// What an integer stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Number,
    /// Days since 1970-01-01.
    Day,
    /// Since 1970-01-01T00:00:00Z; so many of them are a microsecond, or so many microseconds are one.
    Instant(Unit),
    /// Since midnight.
    Duration(Unit),
}

/// The unit of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Millis,
    Micros,
    Nanos,
}

/// Shapes that one schema may have: what is sent around is far smaller.
const MOST_SHAPES: usize = 10_000;

impl Plan {
    /// Compiles the last of these schemas, which may refer to those before it.
    pub(super) fn new(texts: &[String], rows: &RowBuilder) -> Result<Self, String> {
        let schemas = Schema::parse_list(texts).map_err(|error| error.to_string())?;
        let resolved =
            ResolvedSchema::try_from(schemas.iter().collect::<Vec<_>>()).map_err(|error| error.to_string())?;
        let Some(Schema::Record(record)) = schemas.last() else {
            return Err("expected a record".to_owned());
        };
        let mut compiler = Compiler { names: resolved.get_names(), done: HashMap::new(), shapes: Vec::new() };
        let mut fields = Vec::with_capacity(record.fields.len());
        for (index, field) in record.fields.iter().enumerate() {
            fields.push(Step { column: rows.place(&field.name, index), shape: compiler.shape(&field.schema)? });
        }
        Ok(Plan { shapes: compiler.shapes, fields })
    }
}

struct Compiler<'a> {
    names: &'a HashMap<Name, &'a Schema>,
    /// Named types that have a place.
    done: HashMap<Name, usize>,
    shapes: Vec<Shape>,
}

impl Compiler<'_> {
    /// The place of a type's shape.
    fn shape(&mut self, schema: &Schema) -> Result<usize, String> {
        let name = match schema {
            Schema::Ref { name } => Some(name),
            Schema::Record(record) => Some(&record.name),
            _ => None,
        };
        if let Some(place) = name.and_then(|name| self.done.get(name)) {
            return Ok(*place);
        }
        if let Schema::Ref { name } = schema {
            let target = self.names.get(name).ok_or_else(|| format!("the type {name} is not there"))?;
            return self.shape(target);
        }
        if self.shapes.len() >= MOST_SHAPES {
            return Err(format!("it has more than {MOST_SHAPES} types"));
        }
        let place = self.shapes.len();
        self.shapes.push(Shape::Pending);
        if let Some(name) = name {
            self.done.insert(name.clone(), place);
        }
        self.shapes[place] = self.compile(schema)?;
        Ok(place)
    }

    fn compile(&mut self, schema: &Schema) -> Result<Shape, String> {
        Ok(match schema {
            Schema::Null => Shape::Null,
            Schema::Boolean => Shape::Bool,
            Schema::Int => Shape::Int(Meaning::Number),
            Schema::Long => Shape::Long(Meaning::Number),
            Schema::Float => Shape::Float,
            Schema::Double => Shape::Double,
            Schema::Bytes | Schema::BigDecimal => Shape::Bytes,
            Schema::String | Schema::Uuid => Shape::Text,
            Schema::Array(array) => Shape::Array(self.shape(&array.items)?),
            Schema::Map(map) => Shape::Map(self.shape(&map.types)?),
            Schema::Union(union) => Shape::Union(self.variants(union)?),
            Schema::Record(record) => {
                let fields = record.fields.iter().map(|field| self.shape(&field.schema));
                Shape::Record(fields.collect::<Result<_, _>>()?)
            }
            Schema::Enum(named) => Shape::Enum(named.symbols.clone()),
            Schema::Fixed(fixed) => Shape::Fixed(fixed.size),
            Schema::Decimal(decimal) => decimal_shape(&decimal.inner, decimal.scale)?,
            Schema::Duration => Shape::Fixed(12),
            Schema::Date => Shape::Int(Meaning::Day),
            Schema::TimeMillis => Shape::Int(Meaning::Duration(Unit::Millis)),
            Schema::TimeMicros => Shape::Long(Meaning::Duration(Unit::Micros)),
            Schema::TimestampMillis | Schema::LocalTimestampMillis => Shape::Long(Meaning::Instant(Unit::Millis)),
            Schema::TimestampMicros | Schema::LocalTimestampMicros => Shape::Long(Meaning::Instant(Unit::Micros)),
            Schema::TimestampNanos | Schema::LocalTimestampNanos => Shape::Long(Meaning::Instant(Unit::Nanos)),
            Schema::Ref { name } => return Err(format!("the type {name} refers to itself alone")),
        })
    }

    fn variants(&mut self, union: &UnionSchema) -> Result<Vec<usize>, String> {
        union.variants().iter().map(|variant| self.shape(variant)).collect()
    }
}

fn decimal_shape(inner: &Schema, scale: usize) -> Result<Shape, String> {
    let size = match inner {
        Schema::Fixed(fixed) => Some(fixed.size),
        _ => None,
    };
    let scale = u32::try_from(scale).ok().filter(|scale| *scale <= 38);
    Ok(Shape::Decimal(size, scale.ok_or("a decimal has a scale of more than 38")?))
}
