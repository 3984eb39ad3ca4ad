//! A broker that speaks Kafka's protocol, for tests: it binds a free port of 127.0.0.1, prints the address, keeps
//! everything in memory, and ends when its standard input closes or at SIGTERM.

use std::error::Error;
use std::io::Write;

use rama::{Context, Service};
use tansu_broker::coordinator::group::administrator::Controller;
use tansu_broker::service::services;
use tansu_storage::{BrokerRegistrationRequest, Storage, StorageContainer};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use url::Url;
use uuid::Uuid;

/// The name of the cluster that clients are told.
const CLUSTER: &str = "tests";

/// The number of the only node.
const NODE: i32 = 1;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let storage = in_memory(Url::parse(&format!("tcp://{address}"))?).await?;
    println!("{address}");
    std::io::stdout().flush()?;
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        served = serve(listener, storage) => served,
        () = input_closed() => Ok(()),
        _ = terminated.recv() => Ok(()),
    }
}

/// An empty store whose metadata names the address.
async fn in_memory(advertised: Url) -> Result<StorageContainer, Box<dyn Error>> {
    let storage = StorageContainer::builder()
        .cluster_id(CLUSTER)
        .node_id(NODE)
        .advertised_listener(advertised)
        .storage(Url::parse("memory://tests/")?)
        .silent(true)
        .build()
        .await?;
    let registration = BrokerRegistrationRequest {
        broker_id: NODE,
        cluster_id: CLUSTER.to_owned(),
        incarnation_id: Uuid::new_v4(),
        rack: None,
    };
    storage.register_broker(registration).await?;
    Ok(storage)
}

/// Answers every connection until the process ends. A connection that fails is no failure of the broker.
async fn serve(listener: TcpListener, storage: StorageContainer) -> Result<(), Box<dyn Error>> {
    let groups = Controller::with_storage(storage.clone())?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let service = services(CLUSTER, groups.clone(), storage.clone(), None)?;
        tokio::spawn(async move {
            // What a client did wrong is told to the client; here nobody would read it.
            let _ = service.serve(Context::default(), stream).await;
        });
    }
}

/// Waits until whoever started the broker closes its end of the pipe, or ends.
async fn input_closed() {
    let mut input = tokio::io::stdin();
    let mut ignored = [0; 64];
    while matches!(input.read(&mut ignored).await, Ok(count) if count > 0) {}
}
