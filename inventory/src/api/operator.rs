// SPDX-License-Identifier: MIT OR Apache-2.0
//! The operator's API, below `/api/v1`: the operator's commands over HTTP.
//!
//! | call | body, response |
//! | --- | --- |
//! | `GET hosts`, `GET hosts/HOST` | as `host list --json` and `host show --json` print |
//! | `DELETE hosts/HOST` | 204 |
//! | `POST hosts/HOST/accept` | as `host accept` does; 204 |
//! | `PUT hosts/HOST/action` | `{"action": "boot"}`, null for the default; 204 |
//! | `PUT hosts/HOST/profile` | `{"profile": "compute-1"}`, null for none; 204 |
//! | `PUT hosts/HOST/detail` | a detail of the contract; 204, or 422 with `errors` by field |
//! | `PUT hosts/HOST/bmc` | a desired BMC configuration of the contract, null for that of `bmc.toml`; 204 |
//! | `GET profiles` | all profiles |
//! | `PUT profiles/NAME` | a profile of the contract, its files anywhere; 201 or 204 |
//! | `DELETE profiles/NAME` | 204; 409 while it is assigned |

use std::fmt::Display;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::Value;
use stage1_contract::{DesiredBmcConfig, Detail, Profile};

use crate::api::request::{Checked, Name, Text, authorize};
use crate::api::response::Failure;
use crate::api::state::Inventory;
use crate::document::json;
use crate::profiles::{self, PutError, RemovalError};
use crate::store::hosts::{Host, Selected, Summary, parse_action};

pub(crate) fn routes(inventory: &Arc<Inventory>) -> Router<Arc<Inventory>> {
    Router::new()
        .route("/hosts", get(hosts))
        .route("/hosts/{host}", get(host).delete(remove_host))
        .route("/hosts/{host}/accept", post(accept))
        .route("/hosts/{host}/action", put(put_action))
        .route("/hosts/{host}/profile", put(assign))
        .route("/hosts/{host}/detail", put(put_detail))
        .route("/hosts/{host}/bmc", put(put_bmc))
        .route("/profiles", get(list_profiles))
        .route("/profiles/{name}", put(put_profile).delete(remove_profile))
        .route_layer(from_fn_with_state(inventory.clone(), authorize_operator))
}

async fn authorize_operator(
    State(inventory): State<Arc<Inventory>>,
    request: Request,
    next: Next,
) -> Result<Response, Failure> {
    authorize(request.headers(), &inventory.folder.operator_token(), false)?;
    Ok(next.run(request).await)
}

async fn hosts(State(inventory): State<Arc<Inventory>>) -> Result<Json<Vec<Summary>>, Failure> {
    Ok(Json(inventory.query(|inventory| Ok(inventory.store.hosts()?)).await?))
}

async fn host(State(inventory): State<Arc<Inventory>>, Name(host): Name) -> Result<Json<Host>, Failure> {
    let host = inventory.query(move |inventory| Ok(inventory.store.host(&one(inventory, &host)?)?)).await?;
    Ok(Json(host))
}

async fn remove_host(
    State(inventory): State<Arc<Inventory>>,
    Name(host): Name,
) -> Result<StatusCode, Failure> {
    inventory.query(move |inventory| Ok(inventory.store.remove(&one(inventory, &host)?)?)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn accept(State(inventory): State<Arc<Inventory>>, Name(host): Name) -> Result<StatusCode, Failure> {
    inventory.query(move |inventory| Ok(inventory.store.accept(&one(inventory, &host)?)?)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `{"action": "boot"}`; null restores the default.
#[derive(Deserialize)]
struct ActionBody {
    action: Option<String>,
}

async fn put_action(
    State(inventory): State<Arc<Inventory>>,
    Name(host): Name,
    Text(body): Text,
) -> Result<StatusCode, Failure> {
    let ActionBody { action } = json(&body)?;
    let action = action.as_deref().map(parse_action).transpose().map_err(unprocessable)?;
    inventory
        .query(move |inventory| {
            Ok(inventory.store.put_action(&one_or_new(inventory, &host)?, action.as_ref())?)
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `{"profile": "compute"}`; null removes the assignment.
#[derive(Deserialize)]
struct Assignment {
    profile: Option<String>,
}

async fn assign(
    State(inventory): State<Arc<Inventory>>,
    Name(host): Name,
    Text(body): Text,
) -> Result<StatusCode, Failure> {
    let Assignment { profile } = json(&body)?;
    inventory
        .query(move |inventory| {
            let id = one_or_new(inventory, &host)?;
            if inventory.store.assign(&id, profile.as_deref())? {
                return Ok(());
            }
            let name = profile.unwrap_or_default();
            Err(Failure::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                format!("assigning profile {name:?}: no such profile"),
            ))
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn put_detail(
    State(inventory): State<Arc<Inventory>>,
    Name(host): Name,
    body: Checked<Detail>,
) -> Result<StatusCode, Failure> {
    let errors = body.value.check();
    if !errors.is_empty() {
        return Err(Failure::fields(errors));
    }
    inventory
        .query(move |inventory| Ok(inventory.store.put_detail(&one_or_new(inventory, &host)?, &body.text)?))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A desired BMC configuration; null restores that of the data folder.
async fn put_bmc(
    State(inventory): State<Arc<Inventory>>,
    Name(host): Name,
    Text(body): Text,
) -> Result<StatusCode, Failure> {
    DesiredBmcConfig::check_shape(&json::<Value>(&body)?).map_err(unprocessable)?;
    let config: Option<DesiredBmcConfig> = json(&body)?;
    config.iter().try_for_each(DesiredBmcConfig::check).map_err(unprocessable)?;
    inventory
        .query(move |inventory| {
            Ok(inventory.store.put_bmc_config(&one_or_new(inventory, &host)?, config.as_ref())?)
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn list_profiles(State(inventory): State<Arc<Inventory>>) -> Result<Json<Vec<Profile>>, Failure> {
    Ok(Json(inventory.query(|inventory| Ok(inventory.store.profiles()?)).await?))
}

async fn put_profile(
    State(inventory): State<Arc<Inventory>>,
    Name(name): Name,
    body: Checked<Profile>,
) -> Result<StatusCode, Failure> {
    let profile = body.value;
    if profile.name != name {
        let detail = format!("the profile is named {:?}, the path is for {name:?}", profile.name);
        return Err(Failure::new(StatusCode::UNPROCESSABLE_ENTITY, detail));
    }
    let new = inventory
        .query(move |inventory| Ok(profiles::put(&inventory.folder, &inventory.store, &profile)?))
        .await?;
    Ok(if new { StatusCode::CREATED } else { StatusCode::NO_CONTENT })
}

async fn remove_profile(
    State(inventory): State<Arc<Inventory>>,
    Name(name): Name,
) -> Result<StatusCode, Failure> {
    inventory.query(move |inventory| Ok(profiles::remove(&inventory.store, &name)?)).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<PutError> for Failure {
    fn from(error: PutError) -> Self {
        match error {
            PutError::Refused(_) => Failure::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()),
            PutError::Store(error) => error.into(),
        }
    }
}

impl From<RemovalError> for Failure {
    fn from(error: RemovalError) -> Self {
        let status = match error {
            RemovalError::Unknown(_) => StatusCode::NOT_FOUND,
            RemovalError::Assigned { .. } => StatusCode::CONFLICT,
            RemovalError::Store(error) => return error.into(),
        };
        Failure::new(status, error.to_string())
    }
}

fn one(inventory: &Inventory, host: &str) -> Result<String, Failure> {
    let selected = inventory.store.find(host)?;
    let status = selection_status(&selected);
    selected.one(host).map_err(|error| Failure::new(status, format!("{error:#}")))
}

fn one_or_new(inventory: &Inventory, host: &str) -> Result<String, Failure> {
    let selected = inventory.store.find(host)?;
    let status = selection_status(&selected);
    selected.one_or_new(host, &inventory.store).map_err(|error| Failure::new(status, format!("{error:#}")))
}

/// The status for a selector that does not match exactly one host.
fn selection_status(selected: &Selected) -> StatusCode {
    if *selected == Selected::None { StatusCode::NOT_FOUND } else { StatusCode::CONFLICT }
}

fn unprocessable(error: impl Display) -> Failure {
    Failure::new(StatusCode::UNPROCESSABLE_ENTITY, format!("{error:#}"))
}
