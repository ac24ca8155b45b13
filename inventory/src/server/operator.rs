// SPDX-License-Identifier: MIT OR Apache-2.0
//! The operator's API, below `/api/v1`: what the verbs do, over HTTP.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::Value;
use stage1_contract::{Detail, Profile, WantedBmc};

use crate::server::answer::{Checked, Failure, Name, Text, authorize, json};
use crate::server::hosts::{Host, Selected, Summary, action};
use crate::server::profiles;
use crate::server::serve::Inventory;
use crate::server::wanted::{check, check_shape};

pub fn routes(inventory: &Arc<Inventory>) -> Router<Arc<Inventory>> {
    Router::new()
        .route("/hosts", get(hosts))
        .route("/hosts/{host}", get(host).delete(remove_host))
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

/// `{"action": "boot"}`; null leaves it to the default again.
#[derive(Deserialize)]
struct Wanted {
    action: Option<String>,
}

async fn put_action(
    State(inventory): State<Arc<Inventory>>,
    Name(host): Name,
    Text(body): Text,
) -> Result<StatusCode, Failure> {
    let Wanted { action: word } = json(&body)?;
    let action = word.as_deref().map(action).transpose().map_err(unprocessable)?;
    inventory
        .query(move |inventory| {
            Ok(inventory.store.put_action(&one_or_new(inventory, &host)?, action.as_ref())?)
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `{"profile": "compute"}`; null takes the assignment back.
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
            Err(Failure::new(StatusCode::UNPROCESSABLE_ENTITY, format!("there is no profile {name:?}")))
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn put_detail(
    State(inventory): State<Arc<Inventory>>,
    Name(host): Name,
    body: Checked<Detail>,
) -> Result<StatusCode, Failure> {
    inventory
        .query(move |inventory| Ok(inventory.store.put_detail(&one_or_new(inventory, &host)?, &body.text)?))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The settings of a BMC; null leaves it to the folder's again.
async fn put_bmc(
    State(inventory): State<Arc<Inventory>>,
    Name(host): Name,
    Text(body): Text,
) -> Result<StatusCode, Failure> {
    check_shape(&json::<Value>(&body)?).map_err(unprocessable)?;
    let wanted: Option<WantedBmc> = json(&body)?;
    wanted.iter().try_for_each(check).map_err(unprocessable)?;
    inventory
        .query(move |inventory| {
            Ok(inventory.store.put_bmc(&one_or_new(inventory, &host)?, wanted.as_ref())?)
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
    profiles::check(&profile).map_err(unprocessable)?;
    if profile.name != name {
        let detail = format!("the profile's name is {:?}, the call is for {name:?}", profile.name);
        return Err(Failure::new(StatusCode::UNPROCESSABLE_ENTITY, detail));
    }
    let new = inventory.query(move |inventory| Ok(inventory.store.put_profile(&profile)?)).await?;
    Ok(if new { StatusCode::CREATED } else { StatusCode::NO_CONTENT })
}

async fn remove_profile(
    State(inventory): State<Arc<Inventory>>,
    Name(name): Name,
) -> Result<StatusCode, Failure> {
    inventory
        .query(move |inventory| match profiles::remove(&inventory.store, &name)? {
            profiles::Removal::Done => Ok(StatusCode::NO_CONTENT),
            removal => {
                let status = match removal {
                    profiles::Removal::Unknown => StatusCode::NOT_FOUND,
                    _ => StatusCode::CONFLICT,
                };
                Err(Failure::new(status, removal.describe(&name)))
            }
        })
        .await
}

fn one(inventory: &Inventory, host: &str) -> Result<String, Failure> {
    let selected = inventory.store.find(host)?;
    let status = missing(&selected);
    selected.one(host).map_err(|error| Failure::new(status, format!("{error:#}")))
}

fn one_or_new(inventory: &Inventory, host: &str) -> Result<String, Failure> {
    let selected = inventory.store.find(host)?;
    let status = missing(&selected);
    selected.one_or_new(host, &inventory.store).map_err(|error| Failure::new(status, format!("{error:#}")))
}

fn missing(selected: &Selected) -> StatusCode {
    if *selected == Selected::None { StatusCode::NOT_FOUND } else { StatusCode::CONFLICT }
}

fn unprocessable(error: anyhow::Error) -> Failure {
    Failure::new(StatusCode::UNPROCESSABLE_ENTITY, format!("{error:#}"))
}
