//! How many payments a second come from a stream into columns, and what processor time that takes.
//!
//! `cargo run --release -p mlsys-connectors --example measure_streams -- file` and `… -- kafka ADDRESS`, the latter with a broker that
//! has no topic `payments` yet. Only the reading process is measured, the broker is another one.

#![allow(clippy::print_stdout, reason = "an example speaks")]

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use mlsys_connectors::{Decoder, Opening, Record, open_sink, open_stream};
use mlsys_plan::{Call, Field, Type, Value};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;

type Failure = Box<dyn std::error::Error>;

const ROWS: usize = 1_000_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let folder = tempfile::tempdir()?;
    let call = match (arguments.next().as_deref(), arguments.next()) {
        (Some("file"), None) => fill_file(folder.path())?,
        (Some("kafka"), Some(address)) => fill_topic(&address, folder.path()).await?,
        _ => return Err("expected `file` or `kafka ADDRESS`".into()),
    };
    for _ in 0..3 {
        measure(&call, folder.path()).await?;
    }
    Ok(())
}

/// Reads all rows once, as a new reader.
async fn measure(call: &Call, folder: &Path) -> Result<(), Failure> {
    let mut call = call.clone();
    if call.name == "kafka" {
        let group = format!("measure {:?}", Instant::now());
        call.args.insert("group".to_owned(), Value::String(group));
    }
    let mut decoder = Decoder::new(&call, &BTreeMap::new(), &|_| None, &payments())?;
    let mut stream = open_stream(&opening(&call, &folder.join("state")))?;
    let mut rows = 0;
    let (mut begin, mut processor) = (Instant::now(), processor_time()?);
    while rows < ROWS {
        let delivery = stream.next(8192, Duration::from_secs(10)).await?;
        if rows == 0 && !delivery.messages.is_empty() {
            // Joining a group takes seconds and nothing else.
            (begin, processor) = (Instant::now(), processor_time()?);
        }
        let decoded = decoder.decode(&delivery.messages).await?;
        rows += decoded.rows.num_rows();
        stream.taken(&delivery.next).await?;
    }
    let (wall, processor) = (begin.elapsed().as_secs_f64(), processor_time()? - processor);
    stream.close().await;
    println!(
        "{}: {:.0} rows/s, {:.0} rows per second of processor time",
        call.name,
        rows as f64 / wall,
        rows as f64 / processor
    );
    Ok(())
}

fn opening<'a>(call: &'a Call, folder: &'a Path) -> Opening<'a> {
    const NONE: &BTreeMap<String, String> = &BTreeMap::new();
    Opening { call, settings: NONE, environment: &|_| None, project: Path::new("/"), folder }
}

fn fill_file(folder: &Path) -> Result<Call, Failure> {
    let path = folder.join("payments.ndjson");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path)?);
    for row in 0..ROWS {
        writeln!(file, "{}", payment(row))?;
    }
    file.flush()?;
    let path = path.to_str().ok_or("a path that is no text")?.to_owned();
    Ok(Call { name: "file".to_owned(), args: BTreeMap::from([("path".to_owned(), Value::String(path))]) })
}

async fn fill_topic(address: &str, folder: &Path) -> Result<Call, Failure> {
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new().set("bootstrap.servers", address).create()?;
    let topic = NewTopic::new("payments", 4, TopicReplication::Fixed(1));
    admin.create_topics(&[topic], &AdminOptions::new()).await?;
    let args = [("topic", "payments"), ("brokers", address)];
    let args = args.map(|(name, value)| (name.to_owned(), Value::String(value.to_owned())));
    let call = Call { name: "kafka".to_owned(), args: BTreeMap::from(args) };
    let mut sink = open_sink(&opening(&call, folder))?;
    let begin = Instant::now();
    for chunk in (0..ROWS).collect::<Vec<_>>().chunks(10_000) {
        let record = |row: &usize| Record { key: None, payload: Bytes::from(payment(*row)) };
        sink.write(chunk.iter().map(record).collect()).await?;
    }
    println!("kafka: wrote {:.0} records/s", ROWS as f64 / begin.elapsed().as_secs_f64());
    Ok(call)
}

fn payments() -> Vec<Field> {
    let columns = [
        ("payment_id", Type::Int64),
        ("paid_at", Type::Timestamp),
        ("customer_id", Type::Int64),
        ("terminal_id", Type::Int64),
        ("amount", Type::Float64),
        ("email", Type::String),
        ("is_fraud", Type::Bool),
    ];
    let field = |(name, ty): (&str, Type)| Field {
        name: name.to_owned(),
        ty: ty.required(),
        default: None,
        pii: name == "email",
        line: 1,
    };
    columns.map(field).to_vec()
}

fn payment(row: usize) -> String {
    let (minute, second, customer) = (row / 60 % 60, row % 60, row * 7919 % 100_003);
    format!(
        "{{\"payment_id\":{row},\"paid_at\":\"2018-04-01T10:{minute:02}:{second:02}.{:06}Z\",\"customer_id\":{customer},\
         \"terminal_id\":{},\"amount\":{}.{:02},\"email\":\"customer{customer}@example.com\",\"is_fraud\":{}}}",
        row % 1_000_000,
        row % 10_007,
        row % 500,
        row % 100,
        row.is_multiple_of(97)
    )
}

/// Seconds that this process's threads have run: the sum over what the kernel counts of each, in nanoseconds.
fn processor_time() -> Result<f64, Failure> {
    let mut nanos = 0.0;
    for thread in std::fs::read_dir("/proc/self/task")? {
        let counted = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        nanos += counted.split_whitespace().next().ok_or("nothing counted")?.parse::<f64>()?;
    }
    Ok(nanos / 1e9)
}
