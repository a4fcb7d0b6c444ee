//! `/api/pairing`: the keys of a counsellor on their way from one browser to the next.
//!
//! Both are signed in to the same account, with every factor.  What they leave for each other
//! is sealed under a secret that never comes here.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use protocol::account::{NewPairing, PairingParcel, PairingView, PairingWords};
use protocol::id::PairingId;
use protocol::reject::Reject;
use store::SignInRecord;

use super::account::must_be_fresh;
use super::door::{Named, Whole};
use crate::app::Shared;
use crate::pairings::Asks;
use crate::refusal::Refusal;
use crate::words::Words;

pub(super) async fn create(
    State(app): State<Shared>,
    Whole(here): Whole,
    Words(new): Words<NewPairing>,
) -> Result<(StatusCode, Json<PairingView>), Refusal> {
    must_be_fresh(&app, &here)?;
    let view = app.pairings().begin(asks(&app, &here, new.pairing))?;
    tracing::info!(account = ?here.account, "A second device is to be paired");
    Ok((StatusCode::CREATED, Json(view)))
}

pub(super) async fn read(
    State(app): State<Shared>,
    Whole(here): Whole,
    Named(pairing): Named<PairingId>,
) -> Result<Json<PairingView>, Refusal> {
    let asks = under_way(&app, &here, pairing).await?;
    Ok(Json(app.pairings().view(asks)?))
}

pub(super) async fn say(
    State(app): State<Shared>,
    Whole(here): Whole,
    Named(pairing): Named<PairingId>,
    Words(words): Words<PairingWords>,
) -> Result<Json<PairingView>, Refusal> {
    let asks = under_way(&app, &here, pairing).await?;
    Ok(Json(app.pairings().say(asks, words.step, words.bytes)?))
}

pub(super) async fn fetch(
    State(app): State<Shared>,
    Whole(here): Whole,
    Named(pairing): Named<PairingId>,
) -> Result<Json<PairingParcel>, Refusal> {
    let asks = under_way(&app, &here, pairing).await?;
    let parcel = app.pairings().fetch(asks)?;
    tracing::info!(account = ?here.account, "A second device was paired");
    Ok(Json(PairingParcel { parcel }))
}

pub(super) async fn delete(
    State(app): State<Shared>,
    Whole(here): Whole,
    Named(pairing): Named<PairingId>,
) -> Result<StatusCode, Refusal> {
    app.pairings().forget(asks(&app, &here, pairing))?;
    Ok(StatusCode::NO_CONTENT)
}

/// It is over once the sign-in that began it is.
async fn under_way(
    app: &Shared,
    here: &SignInRecord,
    pairing: PairingId,
) -> Result<Asks, Refusal> {
    let asks = asks(app, here, pairing);
    let begun_by = app.pairings().begun_by(asks)?;
    let sign_in = app.store.sign_in(begun_by).await?;
    if sign_in.is_none_or(|found| found.expires_at <= asks.now) {
        app.pairings().forget(asks)?;
        return Err(Reject::NoSuchRight.into());
    }
    Ok(asks)
}

fn asks(app: &Shared, here: &SignInRecord, pairing: PairingId) -> Asks {
    Asks { account: here.account, sign_in: here.token_hash, pairing, now: app.clock.unix() }
}
