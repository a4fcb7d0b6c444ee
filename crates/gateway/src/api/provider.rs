//! `/api/sign-in/provider`, `/api/account/provider`: the agency's own sign-in, and what it is
//! good for here: to sign in, to take the operator's link up, to link one's account.
//!
//! Somebody unknown, somebody shut out, a code that was used and a token that does not hold are
//! one answer (`cannot_sign_in`); so are a browser that did not begin, an answer of another
//! sign-in and one that comes too late (`expired`).

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use protocol::account::{BeginProvider, ProviderAddress, ProviderAnswer};
use protocol::id::AccountId;
use protocol::limits::ACCOUNTS_MAX;
use protocol::reject::Reject;
use store::records::Hash;
use store::{Accepted, Account, SignInRecord, Stage};

use super::account::must_be_fresh;
use super::door::{Stranger, Whole, alive};
use super::{invitation, setup, sign_in};
use crate::app::{App, Shared};
use crate::oidc::flow::{self, Flow, What};
use crate::oidc::{Answer, Provider, Trouble};
use crate::refusal::Refusal;
use crate::server_key::Purpose;
use crate::words::Words;
use crate::{cookie, random};

/// Where the provider sends browsers back to, at the origin they came from.
const RETURN_PATH: &str = "/desk";

pub(super) async fn begin(
    State(app): State<Shared>,
    stranger: Stranger,
    headers: HeaderMap,
    Words(words): Words<BeginProvider>,
) -> Result<Response, Refusal> {
    let provider = provider(&app)?;
    sign_in::pace(&app, stranger, None)?;
    let what = match words.invitation {
        None => What::SignIn,
        Some(given) => {
            let token_hash = random::sha256(given.token.as_slice());
            let (_, back) = invitation::found(&app, token_hash).await?;
            let name = match back {
                Some(account) => account.name,
                None => free_name(&app, &given.name).await?,
            };
            What::Invitation { token_hash, name }
        }
    };
    lead(&app, provider, &headers, what).await
}

/// Begins to link the account.
pub(super) async fn begin_link(
    State(app): State<Shared>,
    Whole(here): Whole,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let provider = provider(&app)?;
    must_be_fresh(&app, &here)?;
    sign_in::pace_code(&app, here.account)?;
    let what = What::Link { account: here.account, sign_in: here.id };
    lead(&app, provider, &headers, what).await
}

/// Unlinks the account, if there is another way to sign in.
pub(super) async fn unlink(
    State(app): State<Shared>,
    Whole(here): Whole,
) -> Result<StatusCode, Refusal> {
    must_be_fresh(&app, &here)?;
    let account = app.store.account(here.account).await?.ok_or(Reject::NotSignedIn)?;
    let has_passkey = !app.store.passkeys_of(account.id).await?.is_empty();
    if account.password_hash.is_empty() && !has_passkey {
        return Err(Reject::NeedsSecondFactor.into());
    }
    if !app.store.put_identity(account.id, None, Some(here.token_hash)).await? {
        return Err(Reject::NotSignedIn.into());
    }
    tracing::info!(account = ?account.id, "An account was unlinked from the provider");
    Ok(StatusCode::NO_CONTENT)
}

/// What the browser came back with.  Whatever comes of it, its flow is over.
pub(super) async fn answer(
    State(app): State<Shared>,
    stranger: Stranger,
    headers: HeaderMap,
    Words(words): Words<ProviderAnswer>,
) -> Response {
    let outcome = conclude(&app, stranger, &headers, &words).await;
    let mut response = outcome.unwrap_or_else(IntoResponse::into_response);
    response.headers_mut().append(header::SET_COOKIE, flow::take_back());
    response
}

async fn conclude(
    app: &Shared,
    stranger: Stranger,
    headers: &HeaderMap,
    words: &ProviderAnswer,
) -> Result<Response, Refusal> {
    let provider = provider(app)?;
    let now = app.clock.unix();
    let flow = Flow::brought(&app.accounts.key, headers, &words.state, now);
    let is_new = |flow: &Flow| app.answered().take(words.state.as_bytes(), flow.until(), now);
    // Whoever began was slowed down then: at nine o'clock many come from one address.
    let Some(flow) = flow.filter(is_new) else {
        sign_in::pace(app, stranger, None)?;
        return Err(Reject::Expired.into());
    };
    let redirect = redirect(headers)?;
    let answer = Answer { code: &words.code, iss: words.iss.as_deref(), redirect: &redirect };
    let times = (app.clock.now(), now);
    let subject = provider.identify(&flow, &answer, times).await;
    let subject = subject.map_err(|trouble| refused(app, &trouble))?;
    let issuer = provider.rules.issuer.as_str().as_bytes();
    let identity = app.accounts.key.mark(Purpose::Identity, &[issuer, subject.as_bytes()]);
    match flow.what {
        What::SignIn => let_in(app, provider, identity, headers).await,
        What::Invitation { token_hash, name } => {
            accept(app, provider, headers, (token_hash, name), identity).await
        }
        What::Link { account, sign_in } => {
            let here = holder(app, headers).await?;
            let here = here.filter(|here| (here.account, here.id) == (account, sign_in));
            link(app, &here.ok_or(Reject::NotSignedIn)?, identity).await
        }
    }
}

async fn let_in(
    app: &App,
    provider: &Provider,
    identity: Hash,
    headers: &HeaderMap,
) -> Result<Response, Refusal> {
    let account = app.store.account_by_identity(identity).await?;
    let Some(account) = account.filter(|account| !account.is_disabled) else {
        app.counters.sign_ins_refused.bump();
        return Err(Reject::CannotSignIn.into());
    };
    let stage = stage(app, provider, &account).await?;
    sign_in::welcome(app, &account, stage, cookie::token_hash(headers)).await
}

async fn accept(
    app: &App,
    provider: &Provider,
    headers: &HeaderMap,
    (token_hash, name): (Hash, String),
    identity: Hash,
) -> Result<Response, Refusal> {
    let (found, back) = invitation::found(app, token_hash).await?;
    let now = app.clock.unix();
    let (password_hash, identity) = (String::new(), Some(identity));
    let account = match back {
        Some(account) => Account { password_hash, identity, ..account },
        None => Account {
            id: AccountId::from_bytes(random::bytes().map_err(|_| Reject::Internal)?),
            name,
            password_hash,
            created_at: now,
            role: found.role,
            is_disabled: false,
            needs_second_factor: app.accounts.second_factor_required,
            identity,
        },
    };
    let accepted = app.store.accept_invitation(token_hash, account.clone(), ACCOUNTS_MAX, now);
    match accepted.await? {
        Accepted::Done => {
            app.sign_ins_ended(account.id);
            tracing::info!(account = ?account.id, "An invitation was accepted with the provider");
            let stage = stage(app, provider, &account).await?;
            sign_in::welcome(app, &account, stage, cookie::token_hash(headers)).await
        }
        Accepted::Refused => Err(Reject::NoSuchRight.into()),
        Accepted::NameTaken => Err(Reject::NameTaken.into()),
        Accepted::IdentityTaken => Err(Reject::CannotSignIn.into()),
        Accepted::Full => Err(Reject::TooMany.into()),
    }
}

async fn link(app: &App, here: &SignInRecord, identity: Hash) -> Result<Response, Refusal> {
    let account = app.store.account(here.account).await?.ok_or(Reject::NotSignedIn)?;
    let by = Some(here.token_hash);
    if !app.store.put_identity(account.id, Some(identity), by).await? {
        return Err(Reject::CannotSignIn.into());
    }
    tracing::info!(account = ?account.id, "An account was linked to the provider");
    Ok(Json(sign_in::me(&account, here.stage)).into_response())
}

/// How far the word of the provider leads.
async fn stage(app: &App, provider: &Provider, account: &Account) -> Result<Stage, Refusal> {
    if provider.rules.is_second_factor {
        return Ok(Stage::Whole);
    }
    sign_in::stage_after_password(app, account).await
}

/// The way there, and what the browser holds meanwhile.
async fn lead(
    app: &App,
    provider: &Provider,
    headers: &HeaderMap,
    what: What,
) -> Result<Response, Refusal> {
    let flow = Flow::begin(what, app.clock.unix()).map_err(|_| Reject::Internal)?;
    let address = provider.address(&flow, &redirect(headers)?, app.clock.now()).await;
    let address = address.map_err(|trouble| refused(app, &trouble))?;
    let cookie = flow.give(&app.accounts.key).ok_or(Reject::Internal)?;
    Ok(([(header::SET_COOKIE, cookie)], Json(ProviderAddress { address })).into_response())
}

/// What people hear of it.  The cause goes to the log; it names nobody.
fn refused(app: &App, trouble: &Trouble) -> Refusal {
    tracing::warn!(error = trouble as &dyn std::error::Error, "The provider's sign-in failed");
    match trouble {
        Trouble::Busy => Reject::TooFast.into(),
        Trouble::Provider(_) | Trouble::Metadata(_) => {
            Refusal::new(StatusCode::BAD_GATEWAY, Reject::Internal)
        }
        Trouble::Refused | Trouble::MixedUp | Trouble::Token(_) => {
            app.counters.sign_ins_refused.bump();
            Reject::CannotSignIn.into()
        }
    }
}

fn provider(app: &App) -> Result<&Provider, Reject> {
    app.provider.as_ref().ok_or(Reject::NoSuchRight)
}

/// Where browsers come back to: the page that asks.  The guard has let in no other than ours,
/// and the provider knows each by its whole address.
fn redirect(headers: &HeaderMap) -> Result<String, Reject> {
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    origin.map(|origin| format!("{origin}{RETURN_PATH}")).ok_or(Reject::Malformed)
}

async fn free_name(app: &App, given: &str) -> Result<String, Refusal> {
    let name = setup::name(given)?;
    if app.store.account_by_name(&name).await?.is_some() {
        return Err(Reject::NameTaken.into());
    }
    Ok(name)
}

/// The sign-in of the browser, if it is whole.
async fn holder(app: &App, headers: &HeaderMap) -> Result<Option<SignInRecord>, Refusal> {
    let Some(token_hash) = cookie::token_hash(headers) else { return Ok(None) };
    let found = alive(app, token_hash).await?;
    Ok(found.filter(|found| found.stage == Stage::Whole))
}
