//! `/metrics` and `/healthz` over HTTP, for monitoring on this machine.

use std::{convert::Infallible, io, net::SocketAddr, time::Duration};

use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::CONTENT_TYPE,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::TcpListener,
    task::JoinSet,
    time::{sleep, timeout},
};
use tracing::debug;

use crate::{
    metrics,
    operator::{Operator, Order, Reply},
};

/// Connections at one time; more wait.
const CONNECTIONS_MAX: usize = 16;
/// Time for the server's loop and store to answer; longer is not healthy.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Time for a request's head to come.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// Time that one connection may last.
const CONNECTION_WITHIN: Duration = Duration::from_mins(5);
/// Pause after the system gave no connection, as when files ran out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Opens the socket.
pub async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// Answers until this is dropped.
pub async fn serve(listener: TcpListener, operator: Operator) {
    let mut connections = JoinSet::new();
    loop {
        while connections.len() >= CONNECTIONS_MAX {
            connections.join_next().await;
        }
        match listener.accept().await {
            Ok((stream, _from)) => {
                let operator = operator.clone();
                let service = service_fn(move |request| answer(request, operator.clone()));
                let connection = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(HEAD_WITHIN)
                    .max_buf_size(16 * 1024)
                    .serve_connection(TokioIo::new(stream), service);
                connections.spawn(timeout(CONNECTION_WITHIN, connection));
            }
            Err(error) => {
                debug!(%error, "no connection for monitoring");
                sleep(ACCEPT_PAUSE).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn answer(
    request: Request<Incoming>,
    operator: Operator,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let is_reading = matches!(*request.method(), Method::GET | Method::HEAD);
    let (status, kind, text) = match request.uri().path() {
        "/metrics" | "/healthz" if !is_reading => {
            (StatusCode::METHOD_NOT_ALLOWED, PLAIN, "only GET\n".to_owned())
        }
        "/metrics" => metrics_page(&operator).await,
        "/healthz" => health_page(&operator).await,
        _ => (StatusCode::NOT_FOUND, PLAIN, "/metrics or /healthz\n".to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
    Ok(response)
}

const PLAIN: &str = "text/plain; charset=utf-8";
const METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Page = (StatusCode, &'static str, String);

async fn metrics_page(operator: &Operator) -> Page {
    match timeout(ANSWER_WITHIN, operator.order(Order::Status)).await {
        Ok(Reply::Status(snapshot)) => match metrics::encode(*snapshot) {
            Ok(text) => (StatusCode::OK, METRICS, text),
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, PLAIN, error.to_string()),
        },
        _ => (StatusCode::SERVICE_UNAVAILABLE, PLAIN, "the server does not answer\n".to_owned()),
    }
}

async fn health_page(operator: &Operator) -> Page {
    let (status, text) = match timeout(ANSWER_WITHIN, operator.order(Order::Status)).await {
        Ok(Reply::Status(snapshot)) if snapshot.now.busy => (StatusCode::OK, "busy\n"),
        Ok(Reply::Status(_)) => (StatusCode::OK, "ok\n"),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "the server does not answer\n"),
    };
    (status, PLAIN, text.to_owned())
}
