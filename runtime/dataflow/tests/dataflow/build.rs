//! Short ways to write plans and tables, and to read results.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::concat_batches;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use mlsys_dataflow::{DataError, Dataflow, Options, SourceReport};
use mlsys_plan::{
    BinaryOp, Call, Derived, Expectation, Expr, ExprKind, Field, Literal, Observe, OnViolation, Source, Split,
    TimeSplit, Type, Value, ValueType,
};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;

/// A project folder.
pub(crate) struct Project {
    pub(crate) folder: TempDir,
    pub(crate) dataflow: Dataflow,
}

impl Project {
    pub(crate) fn new() -> Self {
        Project::with(3, 8192)
    }

    pub(crate) fn with(threads: usize, batch: usize) -> Self {
        let options = Options { threads: Some(threads), ..Options::default() };
        let dataflow = Dataflow::new(&options).unwrap().with_batch_size(batch);
        Project { folder: tempfile::tempdir().unwrap(), dataflow }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Runs a source node; its table is `out.parquet`, its quarantine `quarantine.parquet`.
    pub(crate) async fn source(&self, source: &Source) -> Result<SourceReport, DataError> {
        let (output, quarantine) = (self.path("out.parquet"), self.path("quarantine.parquet"));
        let read = self.dataflow.source(source, self.folder.path(), &output, &quarantine, &|_| {}).await?;
        Ok(read.report)
    }

    /// Runs a source node and shows its table.
    pub(crate) async fn rows(&self, source: &Source) -> Vec<String> {
        self.source(source).await.unwrap();
        show(&read_table(&self.path("out.parquet")))
    }

    pub(crate) fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

pub(crate) fn write_table(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
            .unwrap();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

pub(crate) fn read_table(path: &Path) -> RecordBatch {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let schema = Arc::clone(builder.schema());
    let batches: Vec<RecordBatch> = builder.build().unwrap().map(Result::unwrap).collect();
    concat_batches(&schema, &batches).unwrap()
}

/// Each row as text: values separated by `|`, missing ones as `-`.
pub(crate) fn show(batch: &RecordBatch) -> Vec<String> {
    let options = FormatOptions::new().with_null("-");
    let columns: Vec<ArrayFormatter<'_>> =
        batch.columns().iter().map(|column| ArrayFormatter::try_new(column.as_ref(), &options).unwrap()).collect();
    (0..batch.num_rows())
        .map(|row| columns.iter().map(|column| column.value(row).to_string()).collect::<Vec<_>>().join("|"))
        .collect()
}

pub(crate) fn names(batch: &RecordBatch) -> Vec<String> {
    batch.schema().fields().iter().map(|field| field.name().clone()).collect()
}

pub(crate) fn csv(path: &str) -> Call {
    let args = [
        ("path", Value::String(path.to_owned())),
        ("null", Value::String("NA".to_owned())),
        ("header", Value::Bool(true)),
        ("delimiter", Value::String(",".to_owned())),
    ];
    call("csv", args)
}

pub(crate) fn call<const N: usize>(name: &str, args: [(&str, Value); N]) -> Call {
    let args: BTreeMap<String, Value> = args.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Call { name: name.to_owned(), args }
}

pub(crate) fn source(connector: Call, schema: &[(&str, ValueType)]) -> Source {
    let field = |(index, (name, ty)): (usize, &(&str, ValueType))| Field {
        name: (*name).to_owned(),
        ty: ty.clone(),
        default: None,
        pii: false,
        line: u32::try_from(index).unwrap() + 10,
    };
    Source {
        name: "rides".to_owned(),
        connector,
        schema: schema.iter().enumerate().map(field).collect(),
        ..Source::default()
    }
}

/// A model's observations of each ride at its time, without a label, keys and inputs; those before `test` are learnt from.
pub(crate) fn observing(model: &str, test: i64) -> Observe {
    Observe {
        model: model.to_owned(),
        source: "rides".to_owned(),
        at: column("at", Type::Timestamp),
        time: Some("at".to_owned()),
        every: None,
        filter: None,
        feature_filter: None,
        label: None,
        group: None,
        debias: None,
        keys: Vec::new(),
        slices: Vec::new(),
        inputs: Vec::new(),
        split: Split::Time(TimeSplit { from: None, validate: None, test, until: None }),
    }
}

pub(crate) fn expectation(predicate: Expr, on_violation: OnViolation, line: u32) -> Expectation {
    Expectation { predicate, on_violation, line }
}

pub(crate) fn derived(name: &str, expr: Expr) -> Derived {
    Derived { name: name.to_owned(), expr }
}

pub(crate) fn column(name: &str, ty: Type) -> Expr {
    Expr::column(name, ty.optional())
}

pub(crate) fn int(value: i64) -> Expr {
    Expr::literal(Literal::Int(value), Type::Int64.required())
}

pub(crate) fn float(value: f64) -> Expr {
    Expr::literal(Literal::Float(value), Type::Float64.required())
}

pub(crate) fn duration(micros: i64) -> Expr {
    Expr::literal(Literal::Duration(micros), Type::Duration.required())
}

pub(crate) fn timestamp(micros: i64) -> Expr {
    Expr::literal(Literal::Timestamp(micros), Type::Timestamp.required())
}

pub(crate) fn null(ty: Type) -> Expr {
    Expr::literal(Literal::Null, ty.optional())
}

pub(crate) fn binary(operator: BinaryOp, left: Expr, right: Expr, ty: Type) -> Expr {
    let kind = ExprKind::Binary { operator, left: Box::new(left), right: Box::new(right) };
    Expr { kind, ty: ty.optional() }
}

pub(crate) fn compare(operator: BinaryOp, left: Expr, right: Expr) -> Expr {
    binary(operator, left, right, Type::Bool)
}

pub(crate) fn is_null(arg: Expr) -> Expr {
    Expr { kind: ExprKind::IsNull { arg: Box::new(arg) }, ty: Type::Bool.required() }
}

pub(crate) fn function(name: &str, args: Vec<Expr>, ty: Type) -> Expr {
    Expr { kind: ExprKind::Call { function: name.to_owned(), args }, ty: ty.optional() }
}
