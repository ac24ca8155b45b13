// SPDX-License-Identifier: MIT OR Apache-2.0
//! `serve`: from the folder to listening sockets.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
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

use crate::server::answer::{Failure, read_body};
use crate::server::folder::Folder;
use crate::server::output::{log_line, print};
use crate::server::store::Store;
use crate::server::{agent, files, operator, tls, wanted};

/// How the server is started.
pub struct Options {
    pub dir: PathBuf,
    /// Where https listens.
    pub listen: SocketAddr,
    /// Where plain http listens, for the files in the folder's `boot/` only.
    pub boot_listen: Option<SocketAddr>,
    /// Further names that the certificate is for.
    pub names: Vec<ServerName<'static>>,
    /// What a host does that nobody asked for anything.
    pub default_action: Action,
}

/// What every request works on.
pub struct Inventory {
    pub folder: Folder,
    pub store: Store,
    pub default_action: Action,
}

impl Inventory {
    /// Runs `work`, which waits for the database, where it does not hold up other requests.
    pub async fn query<T: Send + 'static>(
        self: Arc<Self>,
        work: impl FnOnce(&Inventory) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        tokio::task::spawn_blocking(move || work(&self)).await.context("running a query")?
    }
}

/// How long running downloads may go on after the signal to end.
const GRACE: Duration = Duration::from_secs(3);

/// Serves until SIGTERM or SIGINT.
pub fn serve(options: Options) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("starting the runtime")?;
    runtime.block_on(run(options))
}

async fn run(options: Options) -> Result<()> {
    let folder = Folder::create(&options.dir)?;
    let store = Store::open(&folder.database())?;
    let (listener, address) = listen(options.listen)?;
    let boot = options.boot_listen.map(listen).transpose()?;
    let tls = tls::server_config(&folder, &certified_names(&options.names, address.ip()))?;

    print(&format!(
        "database           {}\nCA for the agents  {}\noperator's token   {}\n\
         agents' token      {} (asked for once this file is there)\n\
         BMC settings       {} (for every host, once this file is there)\nimages             {}\n",
        folder.database().display(),
        folder.ca_certificate().display(),
        folder.operator_token().display(),
        folder.agent_token().display(),
        folder.wanted_bmc().display(),
        folder.images().display()
    ))?;
    if let Some((_, address)) = &boot {
        print(&format!("boot files         {} at http://{address}/boot/\n", folder.boot().display()))?;
    }

    if let Err(error) = wanted::read(&folder.wanted_bmc()) {
        log_line(&format!("error: hosts are told nothing about their BMCs: {error:#}"));
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
        ended.context("ending the server")?.context("serving")?;
    }
    Ok(())
}

/// What both listeners have in common.
fn router(routes: Router) -> Router {
    let problem = |status: StatusCode, detail: &'static str| async move { Failure::new(status, detail) };
    routes
        .fallback(move || problem(StatusCode::NOT_FOUND, "there is nothing at this path"))
        .method_not_allowed_fallback(move || {
            problem(StatusCode::METHOD_NOT_ALLOWED, "this path does not know this method")
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

/// The names that the certificate is for: those asked for, and what this machine always answers to.
fn certified_names(asked: &[ServerName<'static>], address: IpAddr) -> Vec<ServerName<'static>> {
    let mut names = asked.to_vec();
    names.extend(ServerName::try_from("localhost"));
    names.extend([IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)].map(ServerName::from));
    names.extend((!address.is_unspecified()).then(|| address.into()));
    names.extend(host_name());
    names
}

/// The host part of the URL for the agents: the address where it is a certain one, else a name.
fn public_name(asked: &[ServerName<'static>], address: IpAddr) -> String {
    let name = asked.first().cloned().or_else(host_name).filter(|_| address.is_unspecified());
    match name.unwrap_or_else(|| address.into()) {
        ServerName::IpAddress(address) => match IpAddr::from(address) {
            IpAddr::V6(address) => format!("[{address}]"),
            IpAddr::V4(address) => address.to_string(),
        },
        name => name.to_str().into_owned(),
    }
}

fn host_name() -> Option<ServerName<'static>> {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    ServerName::try_from(name.trim().to_string()).ok()
}
