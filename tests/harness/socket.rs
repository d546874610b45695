//! Servers in this process on a socket of this machine.

use std::path::Path;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use memory_s3::embedded::{Disk, Service};
use tokio::net::TcpListener;

/// Serves a router on a free port, and gives `host:port`.
pub(crate) async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// The embedded S3 on a socket.
pub(crate) async fn s3(folder: &Path, access_key: &str, secret_key: &str) -> String {
    let service = Service::new(Disk::create(folder).unwrap(), access_key, secret_key);
    let answer = move |request: Request| {
        let service = service.clone();
        async move {
            let response = service
                .call(request.map(s3s::Body::http_body_unsync))
                .await
                .unwrap();
            response.map(Body::new)
        }
    };
    serve(Router::new().fallback(answer)).await
}
