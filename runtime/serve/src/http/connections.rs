//! Connections: so many at once, a time for each request's head, and an end that lets requests finish.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::router;
use crate::server::Server;

/// What connections may take.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// How many there may be at once; more wait to be accepted.
    pub most: usize,
    /// How long the head of a request may take, and how long a connection may say nothing.
    pub head: Duration,
    /// How long requests have to finish after the server is told to stop.
    pub grace: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        ConnectionLimits { most: 4_096, head: Duration::from_secs(60), grace: Duration::from_secs(30) }
    }
}

/// Serves HTTP/1.1 on a listener until `stop` is ready. Then no connection is accepted any more, requests that are being
/// answered are finished as long as the limits allow it, and their connections are closed. True if all of them finished.
pub async fn serve(
    server: Arc<Server>,
    listener: TcpListener,
    limits: ConnectionLimits,
    stop: impl Future<Output = ()>,
) -> bool {
    let service = TowerToHyperService::new(router(Arc::clone(&server)));
    let (graceful, places) = (GracefulShutdown::new(), Arc::new(Semaphore::new(limits.most)));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.head).pipeline_flush(true);
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            () = &mut stop => break,
        };
        let Ok((stream, place)) = accepted else {
            // Mostly too many open files: what is open closes in a while.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service.clone()));
        tokio::spawn(async move {
            // A caller who breaks a connection gets no answer, and needs none.
            let _ = connection.await;
            drop(place);
        });
    }
    server.prepare_to_stop();
    drop(listener);
    tokio::time::timeout(limits.grace, graceful.shutdown()).await.is_ok()
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, place))
}
