// SPDX-License-Identifier: MIT OR Apache-2.0
//! The agents' API, below `/ipxe`: the calls of the contract.

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

use crate::api::request::{Checked, HostId, Text, authorize, check_length};
use crate::api::response::Failure;
use crate::api::state::Inventory;
use crate::bmc_config;
use crate::document::{json, parse};
use crate::output::log_line;
use crate::store::reports::Registered;

/// Seconds until a host retries that has no profile yet, or the action `wait`.
const RETRY_AFTER_SECONDS: u32 = 10;

/// Bytes of an event. 500 are kept per host.
const EVENT_LIMIT: usize = 256 << 10;

/// Bytes of a firmware journal. It has one attempt per version that was ever tried.
const JOURNAL_LIMIT: usize = 1 << 20;

/// These carry passwords: serve them over HTTPS only.
pub(crate) fn routes(inventory: &Arc<Inventory>) -> Router<Arc<Inventory>> {
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
            let registered = inventory.store.register(&body.value, &body.text, default)?;
            let Registered { action, new, conflicts, is_changed } = registered;
            if conflicts.is_empty() {
                return Ok((action, new, bmc_config_for(inventory, &id)));
            }
            if is_changed {
                let conflicts: Vec<String> = conflicts.iter().map(|conflict| conflict.words(&id)).collect();
                log_line(&format!("host {id} is held: {}", conflicts.join("; ")));
            }
            // It may be another machine, whose BMC must not get the address and passwords of this one.
            Ok((action, new, None))
        })
        .await?;
    let seconds = (action == Action::Wait).then_some(RETRY_AFTER_SECONDS);
    let registration = Registration { version: VERSION, action, seconds, bmc };
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(registration)).into_response())
}

/// The configuration sent to a host. If it cannot be read, the BMC stays as it is and the host boots nevertheless.
fn bmc_config_for(inventory: &Inventory, id: &str) -> Option<serde_json::Value> {
    let prepare = || {
        let config = bmc_config::of_host(&inventory.folder, &inventory.store, id)?;
        let config = config.map(|config| inventory.store.prepare_bmc_config(id, config)).transpose()?;
        anyhow::Ok(config.map(serde_json::to_value).transpose()?)
    };
    prepare().unwrap_or_else(|error| {
        log_line(&format!("error: no BMC configuration is sent to host {id}: {error:#}"));
        None
    })
}

async fn amend(
    State(inventory): State<Arc<Inventory>>,
    HostId(id): HostId,
    Text(patch): Text,
) -> Result<StatusCode, Failure> {
    // A patch that is not an object would replace the whole report (RFC 7396, section 2).
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
        None => (StatusCode::NO_CONTENT, [(RETRY_AFTER, RETRY_AFTER_SECONDS)]).into_response(),
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
    let generated = body.value;
    let unprocessable = |error| Failure::new(StatusCode::UNPROCESSABLE_ENTITY, error);
    generated.password.check().map_err(unprocessable)?;
    inventory
        .query(move |inventory| {
            registered(inventory.store.is_registered(&id)?, &id)?;
            let config = bmc_config::of_host(&inventory.folder, &inventory.store, &id)?.unwrap_or_default();
            if !config.users.iter().any(|user| user.generate && user.name == generated.user) {
                let detail =
                    format!("BMC user {:?} is not configured to have a generated password", generated.user);
                return Err(Failure::new(StatusCode::CONFLICT, detail));
            }
            registered(inventory.store.put_credentials(&id, &generated)?, &id)
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Accepted from unregistered hosts too: a host may fail before it registers.
async fn event(
    State(inventory): State<Arc<Inventory>>,
    HostId(id): HostId,
    body: Checked<Event>,
) -> Result<StatusCode, Failure> {
    check_length(body.text.len(), EVENT_LIMIT)?;
    inventory.query(move |inventory| Ok(inventory.store.event(&id, &body.value.kind, &body.text)?)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// An unknown host has an empty journal.
async fn journal(State(inventory): State<Arc<Inventory>>, HostId(id): HostId) -> Result<Response, Failure> {
    let journal = inventory.query(move |inventory| Ok(inventory.store.firmware_journal(&id)?)).await?;
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
    inventory.query(move |inventory| Ok(inventory.store.put_firmware_journal(&id, &body.text)?)).await?;
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
    let detail = format!("the report is for host {:?}, the path for host {id}", report.identity.id);
    Err(Failure::new(StatusCode::UNPROCESSABLE_ENTITY, detail))
}
