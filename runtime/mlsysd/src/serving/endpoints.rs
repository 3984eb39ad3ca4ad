//! Where requests are answered: one listener for each port, whichever deployments share it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use mlsys_engine::serving::ServeJob;
use mlsys_plan::{Call, Deployment, Value};
use mlsys_serve::{Server, grpc, http};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::told::{Failure, tell};

/// How long requests have to finish when the process stops.
const GRACE: Duration = Duration::from_secs(30);

/// A port that is listened on.
pub(super) struct Endpoint {
    transport: String,
    listener: TcpListener,
}

/// Listens on all ports of these deployments. A server answers for all deployments on each of them.
pub(super) async fn listen(job: &ServeJob, deployments: &[Deployment]) -> Result<Vec<Endpoint>, Failure> {
    let mut ports: BTreeMap<u16, (String, BTreeSet<&str>)> = BTreeMap::new();
    for deployment in deployments {
        for endpoint in &deployment.endpoints {
            let (port, transport) = (port(&endpoint.transport), &endpoint.transport.name);
            let (known, names) = ports.entry(port).or_insert_with(|| (transport.clone(), BTreeSet::new()));
            if known != transport {
                let message = format!("port {port} is asked for by `{known}` and by `{transport}`");
                return Err(Failure::new("E0949", message, Some("give each of them a port of its own")));
            }
            names.insert(&deployment.name);
        }
    }
    let mut endpoints = Vec::new();
    for (port, (transport, names)) in ports {
        let listener = TcpListener::bind((job.host.as_str(), port)).await.map_err(|error| {
            let message = format!("cannot listen on {}:{port} for `{transport}`: {error}", job.host);
            Failure::new("E0949", message, Some("end what has the port, or give the deployment another one"))
        })?;
        let at = listener.local_addr().map_or_else(|_| format!("{}:{port}", job.host), |at| at.to_string());
        let names: Vec<&str> = names.into_iter().collect();
        tell(&format!("{transport} on {at}: {}", names.join(", ")));
        endpoints.push(Endpoint { transport, listener });
    }
    Ok(endpoints)
}

/// Answers on all ports until the process is to stop; without any port, waits for that.
pub(super) async fn answer(endpoints: Vec<Endpoint>, server: Arc<Server>, stop: watch::Receiver<bool>) {
    let mut running = JoinSet::new();
    for Endpoint { transport, listener } in endpoints {
        let (server, mut stop) = (Arc::clone(&server), stop.clone());
        running.spawn(async move {
            let stopped = async move {
                let _ = stop.wait_for(|stop| *stop).await;
            };
            if transport == "grpc" {
                if let Err(error) = grpc::serve(server, listener, GRACE, stopped).await {
                    tell(&format!("grpc ended: {error}"));
                }
            } else {
                let limits = http::ConnectionLimits { grace: GRACE, ..http::ConnectionLimits::default() };
                http::serve(server, listener, limits, stopped).await;
            }
        });
    }
    let mut stop = stop;
    let _ = stop.wait_for(|stop| *stop).await;
    while running.join_next().await.is_some() {}
}

fn port(transport: &Call) -> u16 {
    let port = match transport.args.get("port") {
        Some(Value::Int(port)) => u16::try_from(*port).ok(),
        _ => None,
    };
    port.unwrap_or(if transport.name == "grpc" { 8_081 } else { 8_080 })
}
