//! A server of small models that need nothing but their request: for clients of the protocols, and to see what a request
//! costs besides its model.
//!
//! `cargo run --release -p mlsys-serve --example linear` says where it listens, and stops when its input ends.
#![allow(clippy::print_stdout, reason = "that is what it is for")]

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, AsArray, Float64Array, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type};
use async_trait::async_trait;
use mlsys_plan::{Deployment, Field, Literal, Type, ValueType};
use mlsys_rows::arrow_schema;
use mlsys_serve::{Metrics, Options, ScoreError, Scored, Scorer, Served, Server, Version, grpc, http};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

/// A sum of the request's numbers, beside the first text and the first vector as they came.
struct Linear {
    version: Version,
    outputs: Vec<Field>,
}

impl Linear {
    fn new(model: &str, request: &[Field]) -> Self {
        let version = Version {
            model: model.to_owned(),
            number: 3,
            variant: "champion".to_owned(),
            artefact: "0123456789abcdef".to_owned(),
        };
        let mut outputs = vec![field("prediction", Type::Float64.required())];
        outputs.extend(copied(request).map(|index| Field { name: "copy".to_owned(), ..request[index].clone() }));
        Linear { version, outputs }
    }
}

/// The column that comes back as it is.
fn copied(request: &[Field]) -> Option<usize> {
    request.iter().position(|field| matches!(field.ty.ty, Type::Enum(_) | Type::Vector(_)))
}

#[async_trait]
impl Scorer for Linear {
    fn version(&self) -> &Version {
        &self.version
    }

    fn outputs(&self) -> &[Field] {
        &self.outputs
    }

    async fn score(&self, rows: RecordBatch, _now: i64) -> Result<Scored, ScoreError> {
        let mut sums = vec![0.0; rows.num_rows()];
        for column in rows.columns() {
            for (row, sum) in sums.iter_mut().enumerate() {
                if let Some(floats) = column.as_primitive_opt::<Float64Type>() {
                    *sum += 0.5 * floats.value(row);
                } else if let Some(ints) = column.as_primitive_opt::<Int64Type>() {
                    *sum += ints.value(row) as f64;
                }
            }
        }
        let failed = sums.iter().enumerate().filter(|(_, sum)| **sum < 0.0);
        let failed = failed.map(|(row, _)| (row, "the sum is negative".to_owned())).collect();
        let mut columns: Vec<ArrayRef> = vec![Arc::new(Float64Array::from(sums))];
        if let Some(copy) = self.outputs.get(1) {
            let index = rows
                .schema()
                .fields()
                .iter()
                .position(|field| field.data_type() == &mlsys_rows::arrow_type(&copy.ty.ty));
            columns.extend(index.map(|index| Arc::clone(rows.column(index))));
        }
        let predictions = RecordBatch::try_new(arrow_schema(&self.outputs), columns);
        let predictions = predictions.map_err(|error| ScoreError::Failed(error.to_string()))?;
        Ok(Scored { predictions, failed, features: None })
    }
}

fn field(name: &str, ty: ValueType) -> Field {
    Field { name: name.to_owned(), ty, default: None, pii: false, line: 1 }
}

fn served(name: &str, request: Vec<Field>, metrics: &Metrics) -> Result<Served, Box<dyn Error>> {
    let scorer = Arc::new(Linear::new(name, &request));
    let deployment = Deployment { name: name.to_owned(), request, ..Deployment::default() };
    Ok(Served::new(deployment, scorer, Options::default(), metrics)?)
}

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let metrics = Metrics::new();
    let countries = Type::Enum(vec!["de".to_owned(), "fr".to_owned()]);
    let payments = vec![
        field("country", countries.required()),
        field("customer_id", Type::Int64.required()),
        field("amount", Type::Float64.required()),
        field("paid_at", Type::Timestamp.optional()),
        Field { default: Some(Literal::Bool(true)), ..field("online", Type::Bool.required()) },
        field("note", Type::String.optional()),
    ];
    let embed = vec![field("embedding", Type::Vector(3).required())];
    let mut bench = vec![field("entity", Type::Int64.required())];
    bench.extend(["a", "b", "c", "d", "e"].map(|name| field(name, Type::Float64.required())));
    let deployments =
        [served("payments", payments, &metrics)?, served("embed", embed, &metrics)?, served("bench", bench, &metrics)?];
    let server = Arc::new(Server::new(deployments, metrics));
    let (over_http, over_grpc) = (TcpListener::bind("127.0.0.1:0").await?, TcpListener::bind("127.0.0.1:0").await?);
    println!("{} {}", over_http.local_addr()?, over_grpc.local_addr()?);
    let (told, mut stop) = tokio::sync::watch::channel(false);
    tokio::spawn(async move {
        let mut nothing = Vec::new();
        let _ = tokio::io::stdin().read_to_end(&mut nothing).await;
        told.send(true)
    });
    let mut stop_grpc = stop.clone();
    let (http, grpc) = tokio::join!(
        http::serve(Arc::clone(&server), over_http, http::ConnectionLimits::default(), async move {
            let _ = stop.wait_for(|stop| *stop).await;
        }),
        grpc::serve(Arc::clone(&server), over_grpc, Duration::from_secs(5), async move {
            let _ = stop_grpc.wait_for(|stop| *stop).await;
        }),
    );
    server.stop().await;
    println!("finished: {http} {}", grpc?);
    Ok(())
}
