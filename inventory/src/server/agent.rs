// SPDX-License-Identifier: MIT OR Apache-2.0
//! The agents' API, below `/ipxe`: the contract itself.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use stage1_contract::firmware::Journal;
use stage1_contract::{Action, BmcCredentials, Event, Installed, Registration, Report, VERSION};

use crate::server::answer::{Checked, Failure, HostId, Text, authorize, check_length, json, parse};
use crate::server::bmc;
use crate::server::output::log_line;
use crate::server::serve::Inventory;
use crate::server::wanted::check_password;

/// Seconds after which a host without profile, or one that is to wait, asks again.
const ASK_AGAIN_SECONDS: u32 = 10;

/// An event is kept 500 times per host, so it has to be small.
const EVENT_LIMIT: usize = 256 << 10;

/// Attempts at firmware are few: those of every version that was ever tried.
const JOURNAL_LIMIT: usize = 1 << 20;

/// Passwords go over these, so https is all that they may be served by.
pub fn routes(inventory: &Arc<Inventory>) -> Router<Arc<Inventory>> {
    Router::new()
        .route("/{id}", put(register).patch(amend))
        .route("/{id}/profile", get(profile))
        .route("/{id}/detail", get(detail))
        .route("/{id}/installed", post(installed))
        .route("/{id}/bmc-credentials", put(bmc_credentials))
        .route("/{id}/events", post(event))
        .route("/{id}/firmware", get(journal).put(put_journal))
        .route("/firmware-manifests", get(manifests))
        .route_layer(from_fn_with_state(inventory.clone(), authorize_agent))
}

async fn authorize_agent(
    State(inventory): State<Arc<Inventory>>,
    request: Request,
    next: Next,
) -> Result<Response, Failure> {
    authorize(request.headers(), &inventory.folder.agent_token(), true)?;
    Ok(next.run(request).await)
}

async fn register(
    State(inventory): State<Arc<Inventory>>,
    HostId(id): HostId,
    body: Checked<Report>,
) -> Result<Response, Failure> {
    check_identity(&body.value, &id)?;
    let (action, new, bmc) = inventory
        .query(move |inventory| {
            let default = &inventory.default_action;
            let (action, new) = inventory.store.register(&body.value, &body.text, default)?;
            Ok((action, new, wanted_bmc(inventory, &id)))
        })
        .await?;
    let seconds = (action == Action::Wait).then_some(ASK_AGAIN_SECONDS);
    let registration = Registration { version: VERSION, action, seconds, bmc };
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(registration)).into_response())
}

/// A BMC that nobody can say anything about is left as it is: that is no reason not to boot.
fn wanted_bmc(inventory: &Inventory, id: &str) -> Option<serde_json::Value> {
    let wanted = || {
        let wanted = bmc::wanted(&inventory.folder, &inventory.store, id)?;
        let told = wanted.map(|wanted| inventory.store.tell_bmc(id, wanted)).transpose()?;
        anyhow::Ok(told.map(serde_json::to_value).transpose()?)
    };
    wanted().unwrap_or_else(|error| {
        log_line(&format!("error: host {id} is told nothing about its BMC: {error:#}"));
        None
    })
}

async fn amend(
    State(inventory): State<Arc<Inventory>>,
    HostId(id): HostId,
    Text(patch): Text,
) -> Result<StatusCode, Failure> {
    // A patch that is no object would replace the whole report (RFC 7396, section 2).
    json::<serde_json::Map<String, serde_json::Value>>(&patch)?;
    inventory
        .query(move |inventory| {
            let accept = |patched: &str| {
                let report = parse(patched)?;
                check_identity(&report, &id).map(|()| report)
            };
            registered(inventory.store.amend(&id, &patch, accept)?, &id)
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn profile(State(inventory): State<Arc<Inventory>>, HostId(id): HostId) -> Result<Response, Failure> {
    let profile = inventory
        .query(move |inventory| {
            let assigned = inventory.store.boot(&id)?.ok_or_else(|| Failure::not_registered(&id))?;
            let profile = assigned.map(|name| inventory.store.profile(&name)).transpose()?;
            Ok(profile.flatten())
        })
        .await?;
    Ok(match profile {
        Some(profile) => Json(profile).into_response(),
        None => (StatusCode::NO_CONTENT, [(RETRY_AFTER, ASK_AGAIN_SECONDS)]).into_response(),
    })
}

async fn detail(State(inventory): State<Arc<Inventory>>, HostId(id): HostId) -> Result<Response, Failure> {
    let detail = inventory
        .query(move |inventory| inventory.store.detail(&id)?.ok_or_else(|| Failure::not_registered(&id)))
        .await?;
    Ok(Json(detail).into_response())
}

async fn installed(
    State(inventory): State<Arc<Inventory>>,
    HostId(id): HostId,
    body: Checked<Installed>,
) -> Result<StatusCode, Failure> {
    inventory.query(move |inventory| registered(inventory.store.installed(&id, &body.text)?, &id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn bmc_credentials(
    State(inventory): State<Arc<Inventory>>,
    HostId(id): HostId,
    body: Checked<BmcCredentials>,
) -> Result<StatusCode, Failure> {
    let made_up = body.value;
    check_password(made_up.password.reveal())
        .map_err(|error| Failure::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()))?;
    inventory
        .query(move |inventory| {
            registered(inventory.store.is_registered(&id)?, &id)?;
            let wanted = bmc::wanted(&inventory.folder, &inventory.store, &id)?.unwrap_or_default();
            if !wanted.users.iter().any(|user| user.generate && user.name == made_up.user) {
                let detail = format!("nobody wants a password made up for the BMC's user {:?}", made_up.user);
                return Err(Failure::new(StatusCode::CONFLICT, detail));
            }
            registered(inventory.store.keep_credentials(&id, &made_up)?, &id)
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Also of hosts that never registered: one that failed before that has to be heard.
async fn event(
    State(inventory): State<Arc<Inventory>>,
    HostId(id): HostId,
    body: Checked<Event>,
) -> Result<StatusCode, Failure> {
    check_length(body.text.len(), EVENT_LIMIT)?;
    inventory.query(move |inventory| Ok(inventory.store.event(&id, &body.value.kind, &body.text)?)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Of a host that the inventory does not know too: it has tried nothing.
async fn journal(State(inventory): State<Arc<Inventory>>, HostId(id): HostId) -> Result<Response, Failure> {
    let journal = inventory.query(move |inventory| Ok(inventory.store.firmware(&id)?)).await?;
    Ok(match journal {
        Some(journal) => Json(journal).into_response(),
        None => Json(Journal { version: VERSION, attempts: Vec::new() }).into_response(),
    })
}

async fn put_journal(
    State(inventory): State<Arc<Inventory>>,
    HostId(id): HostId,
    body: Checked<Journal>,
) -> Result<StatusCode, Failure> {
    check_length(body.text.len(), JOURNAL_LIMIT)?;
    inventory.query(move |inventory| Ok(inventory.store.put_firmware(&id, &body.text)?)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn manifests(State(inventory): State<Arc<Inventory>>) -> Result<Response, Failure> {
    let manifests = inventory.query(|inventory| Ok(inventory.store.manifests()?)).await?;
    Ok(match manifests {
        Some(manifests) => Json(manifests).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

fn registered(known: bool, id: &str) -> Result<(), Failure> {
    if known { Ok(()) } else { Err(Failure::not_registered(id)) }
}

fn check_identity(report: &Report, id: &str) -> Result<(), Failure> {
    if report.identity.id.eq_ignore_ascii_case(id) {
        return Ok(());
    }
    let detail = format!("the report is of host {:?}, the call is for {id}", report.identity.id);
    Err(Failure::new(StatusCode::UNPROCESSABLE_ENTITY, detail))
}
