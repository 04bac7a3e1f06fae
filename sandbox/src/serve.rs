//! Serving a router over TCP, down to what only the connection can show: dropped answers, header case.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::Sandbox;
use crate::answer::ConnectionDropped;
use crate::knobs::HeaderCase;

impl Sandbox {
    /// Serves one of this sandbox's routers on a listener until the future is dropped, and with it all connections.
    pub async fn serve(&self, listener: TcpListener, router: Router) -> Infallible {
        let mut connections = JoinSet::new();
        loop {
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of file descriptors, most likely: some connection has to end first.
                    tracing::warn!(%error, "accepting a connection failed");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let router = router.clone();
            let service = service_fn(move |request| answer(router.clone(), request));
            let title_case = self.lock().knobs.correlation_header_case == HeaderCase::Title;
            // The Date header has to come from the sandbox's clock, not from hyper.
            let connection = http1::Builder::new()
                .auto_date_header(false)
                .title_case_headers(title_case)
                .serve_connection(TokioIo::new(stream), service);
            connections.spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "connection ended early");
                }
            });
            while connections.try_join_next().is_some() {}
        }
    }
}

/// An error from here makes hyper close the connection without a byte.
async fn answer(router: Router, request: Request<Incoming>) -> Result<Response<Body>, io::Error> {
    let Ok(response) = router.oneshot(request.map(Body::new)).await;
    if response.extensions().get::<ConnectionDropped>().is_some() {
        return Err(io::Error::new(
            io::ErrorKind::ConnectionAborted,
            "dropped on command",
        ));
    }
    Ok(response)
}
