// SPDX-License-Identifier: MIT OR Apache-2.0
//! The top of the server: opens the data folder, binds the sockets and mounts the routes.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use rustls::pki_types::ServerName;
use stage1_contract::Action;
use tokio::signal::unix::{SignalKind, signal};

use crate::api::names::{certified_names, public_name};
use crate::api::request::read_body;
use crate::api::response::Failure;
use crate::api::state::Inventory;
use crate::api::{agent, files, operator, tls};
use crate::bmc_config;
use crate::folder::Folder;
use crate::output::{columns, log_line, print};
use crate::store::Store;

/// The options of `serve`.
pub(crate) struct Options {
    pub(crate) dir: PathBuf,
    /// Address of HTTPS.
    pub(crate) listen: SocketAddr,
    /// Address of plain HTTP, which serves the data folder's `boot/` only.
    pub(crate) boot_listen: Option<SocketAddr>,
    /// Additional names in the certificate.
    pub(crate) names: Vec<ServerName<'static>>,
    /// Days for which the certificate is valid; `None`: until 2200.
    pub(crate) certificate_days: Option<u16>,
    /// The action for a host without an action or a profile of its own.
    pub(crate) default_action: Action,
}

/// How long running downloads may continue after the signal to stop.
const GRACE: Duration = Duration::from_secs(3);

/// Serves until SIGTERM or SIGINT.
pub(crate) fn serve(options: Options) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("starting the runtime")?;
    runtime.block_on(run(options))
}

async fn run(options: Options) -> Result<()> {
    let folder = Folder::create(&options.dir)?;
    let store = Store::open(&folder.database())?;
    let (listener, address) = listen(options.listen)?;
    let boot = options.boot_listen.map(listen).transpose()?;
    let names = certified_names(&options.names, address.ip());
    let tls = tls::server_config(&folder, &names, options.certificate_days)?;

    print_paths(&folder, boot.as_ref().map(|(_, address)| *address))?;
    if let Err(error) = bmc_config::read(&folder.bmc_config()) {
        log_line(&format!("error: no BMC configuration is sent to hosts: {error:#}; correct the file"));
    }

    let (images, boot_files) = (folder.images(), folder.boot());
    let inventory = Arc::new(Inventory { folder, store, default_action: options.default_action });
    let main = router(
        Router::new()
            .nest("/ipxe", agent::routes(&inventory))
            .nest("/api/v1", operator::routes(&inventory))
            .with_state(inventory)
            .merge(files::routes("/images", images)),
    );

    let handle = Handle::new();
    let mut servers = tokio::task::JoinSet::new();
    let tls = RustlsConfig::from_config(tls);
    let server = axum_server::from_tcp_rustls(listener, tls).context("listening")?.handle(handle.clone());
    servers.spawn(server.serve(main.into_make_service()));
    let mut handles = vec![handle];
    if let Some((listener, _)) = boot {
        let handle = Handle::new();
        let server = axum_server::from_tcp(listener).context("listening")?.handle(handle.clone());
        servers.spawn(server.serve(router(files::routes("/boot", boot_files)).into_make_service()));
        handles.push(handle);
    }
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    for handle in &handles {
        handle.listening().await;
    }
    let name = public_name(&options.names, address.ip());
    print(&format!("inventory ready at https://{name}:{}/ipxe\n", address.port()))?;

    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        Some(ended) = servers.join_next() => ended.context("running the server")?.context("serving")?,
    }
    handles.iter().for_each(|handle| handle.graceful_shutdown(Some(GRACE)));
    while let Some(ended) = servers.join_next().await {
        ended.context("stopping the server")?.context("serving")?;
    }
    Ok(())
}

/// Lists the files that an operator needs.
fn print_paths(folder: &Folder, boot: Option<SocketAddr>) -> Result<()> {
    let row =
        |label: &str, path: PathBuf, note: &str| vec![label.to_string(), format!("{}{note}", path.display())];
    let mut rows = vec![
        row("database", folder.database(), ""),
        row("CA for the agents", folder.ca_certificate(), ""),
        row("operator's token", folder.operator_token(), ""),
        row("agents' token", folder.agent_token(), " (optional: required from agents if it exists)"),
        row("BMC configuration", folder.bmc_config(), " (optional: for every host if it exists)"),
        row("images", folder.images(), ""),
    ];
    rows.extend(boot.map(|address| row("boot files", folder.boot(), &format!(" at http://{address}/boot/"))));
    print(&columns(rows))
}

/// The fallbacks and layers of both listeners.
fn router(routes: Router) -> Router {
    let problem = |status: StatusCode, detail: &'static str| async move { Failure::new(status, detail) };
    routes
        .fallback(move || problem(StatusCode::NOT_FOUND, "no such path"))
        .method_not_allowed_fallback(move || {
            problem(StatusCode::METHOD_NOT_ALLOWED, "this path does not support this method")
        })
        .layer(from_fn(read_body))
        .layer(from_fn(log_request))
}

async fn log_request(request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_string());
    let started = Instant::now();
    let response = next.run(request).await;
    let (status, took) = (response.status().as_u16(), started.elapsed().as_millis());
    log_line(&format!("{method} {path} {status} {took} ms"));
    response
}

fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr)> {
    let listen = || {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        std::io::Result::Ok((listener, address))
    };
    listen().with_context(|| format!("listening on {address}"))
}
