//! What the counsellor's desk says over HTTP: one file per resource.

mod account;
pub(crate) mod door;
mod factors;
mod invitation;
mod invites;
mod keys;
mod me;
mod openapi;
mod pairing;
mod passkeys;
mod program;
mod provider;
mod rooms;
pub(crate) mod setup;
mod sign_in;
mod state;
mod ticket;
mod webhooks;

use axum::Router;
use axum::http::StatusCode;
use protocol::account::{
    AcceptInvitation, AccountView, BeginProvider, ChangePassword, ConfirmPassword, ConfirmTotp,
    FactorAdded, InvitationView, NewPairing, NewPasskey, NewPasskeyChallenge, OpenInvitation,
    PairingParcel, PairingView, PairingWords, PasskeyChallenge, PasskeyProof, ProviderAddress,
    ProviderAnswer, RecoveryCodes, SignInCode, TotpOffer,
};
use protocol::api::{
    Card, ChangeRoom, InviteView, KeyScope, KeyView, MadeKey, MadeWebhook, Me, NewInvite,
    NewKey, NewRoom, NewWebhook, OpenCard, RoomView, ServerState, Setup, SignIn, Ticket,
    WebhookView,
};
use protocol::media::Probe;
use protocol::reject::Reject;

use crate::app::Shared;
use crate::openapi::{Operation, Routes};
use crate::refusal::Refusal;

/// Everything below `/api`, as a router.
pub(crate) fn router() -> Router<Shared> {
    routes().router().fallback(unknown).method_not_allowed_fallback(async || {
        Refusal::new(StatusCode::METHOD_NOT_ALLOWED, Reject::Malformed)
    })
}

/// Everything below `/api`, with what describes it.
pub(crate) fn routes() -> Routes {
    programs(rooms(devices(account(provider(signing_in(Routes::new()))))))
}

fn signing_in(routes: Routes) -> Routes {
    let get = |path, summary| Operation::get(path, summary).by_strangers();
    let post = |path, summary| Operation::post(path, summary).by_strangers();
    routes
        .on(
            get("/state", "What the operator tells everybody").answers::<ServerState>(200),
            state::read,
        )
        .on(get("/openapi.json", "This document").answers_json(), openapi::read)
        .on(
            post("/setup", "Makes the first account by the one-time link")
                .takes::<Setup>()
                .answers::<Me>(200)
                .refuses(&[404, 422]),
            setup::create,
        )
        .on(
            post("/sign-in", "Gives the cookie for name and password")
                .takes::<SignIn>()
                .answers::<Me>(200)
                .refuses(&[401]),
            sign_in::create,
        )
        .on(
            Operation::post("/sign-in/code", "The second factor: a one-time or recovery code")
                .takes::<SignInCode>()
                .answers::<Me>(200)
                .refuses(&[422]),
            sign_in::code,
        )
        .on(
            post("/sign-in/passkey-challenge", "Begins to sign in with a passkey")
                .answers::<PasskeyChallenge>(200),
            passkeys::sign_in_challenge,
        )
        .on(
            post("/sign-in/passkey", "Signs in with a passkey")
                .takes::<PasskeyProof>()
                .answers::<Me>(200)
                .refuses(&[401]),
            passkeys::sign_in,
        )
        .on(post("/sign-out", "Takes the cookie back"), sign_in::delete)
        .on(
            post("/invitation", "Where the operator's link leads")
                .takes::<OpenInvitation>()
                .answers::<InvitationView>(200)
                .refuses(&[404, 410]),
            invitation::open,
        )
        .on(
            post("/invitation/accept", "Makes the account, or gives it a new password")
                .takes::<AcceptInvitation>()
                .answers::<Me>(200)
                .refuses(&[404, 409, 410, 422]),
            invitation::accept,
        )
}

/// The agency's own sign-in.
fn provider(routes: Routes) -> Routes {
    let by_strangers = |path, summary| Operation::post(path, summary).by_strangers();
    routes
        .on(
            by_strangers("/sign-in/provider", "Begins to sign in at the agency's own provider")
                .takes::<BeginProvider>()
                .answers::<ProviderAddress>(200)
                .refuses(&[404, 409, 410, 502]),
            provider::begin,
        )
        .on(
            by_strangers(
                "/sign-in/provider/answer",
                "Signs in with what the provider answered",
            )
            .takes::<ProviderAnswer>()
            .answers::<Me>(200)
            .refuses(&[401, 404, 409, 410, 502]),
            provider::answer,
        )
        .on(
            Operation::post(
                "/account/provider",
                "Begins to link the account to the agency's provider",
            )
            .answers::<ProviderAddress>(200)
            .refuses(&[404, 502]),
            provider::begin_link,
        )
        .on(
            Operation::delete("/account/provider", "Unlinks the account from the provider"),
            provider::unlink,
        )
}

fn account(routes: Routes) -> Routes {
    let (get, post) = (Operation::get, Operation::post);
    routes
        .on(
            get("/me", "Who is signed in, or whose key it is")
                .by_programs(KeyScope::AccountsRead)
                .answers::<Me>(200),
            me::read,
        )
        .on(get("/account", "Factors and sign-ins").answers::<AccountView>(200), account::read)
        .on(
            post("/account/confirm", "The password once more").takes::<ConfirmPassword>(),
            account::confirm,
        )
        .on(
            post("/account/password", "Another password")
                .takes::<ChangePassword>()
                .refuses(&[422]),
            account::change_password,
        )
        .on(
            post("/account/totp", "Offers a secret for one-time codes")
                .answers::<TotpOffer>(200),
            factors::offer_totp,
        )
        .on(
            Operation::put("/account/totp", "Turns one-time codes on")
                .takes::<ConfirmTotp>()
                .answers::<FactorAdded>(200)
                .refuses(&[422]),
            factors::confirm_totp,
        )
        .on(
            Operation::delete("/account/totp", "Turns one-time codes off")
                .refuses(&[404, 409, 422]),
            factors::remove_totp,
        )
        .on(
            post("/account/recovery-codes", "New recovery codes").answers::<RecoveryCodes>(200),
            factors::renew_recovery_codes,
        )
        .on(
            post("/account/passkey-challenge", "Begins to add a passkey")
                .answers::<NewPasskeyChallenge>(200),
            passkeys::new_challenge,
        )
        .on(
            post("/account/passkeys", "Adds a passkey")
                .takes::<NewPasskey>()
                .answers::<FactorAdded>(200)
                .refuses(&[409, 422]),
            passkeys::create,
        )
        .on(
            Operation::delete("/account/passkeys/{passkey}", "Forgets a passkey")
                .refuses(&[409, 422]),
            passkeys::delete,
        )
        .on(
            Operation::delete("/account/sign-ins/{sign_in}", "Ends a sign-in"),
            account::end_sign_in,
        )
        .on(
            post("/account/sign-out-everywhere", "Ends every sign-in"),
            account::sign_out_everywhere,
        )
}

fn devices(routes: Routes) -> Routes {
    let post = Operation::post;
    routes
        .on(
            post("/pairing", "Begins to bring the keys to a second device")
                .takes::<NewPairing>()
                .answers::<PairingView>(201)
                .refuses(&[409]),
            pairing::create,
        )
        .on(
            Operation::get("/pairing/{pairing}", "How far that got")
                .answers::<PairingView>(200)
                .refuses(&[410]),
            pairing::read,
        )
        .on(
            post("/pairing/{pairing}", "What one device says to the other")
                .takes::<PairingWords>()
                .answers::<PairingView>(200)
                .refuses(&[409, 410]),
            pairing::say,
        )
        .on(
            post("/pairing/{pairing}/fetch", "The keys, sealed, once")
                .answers::<PairingParcel>(200)
                .refuses(&[409, 410]),
            pairing::fetch,
        )
        .on(Operation::delete("/pairing/{pairing}", "Calls it off"), pairing::delete)
}

fn rooms(routes: Routes) -> Routes {
    let (read, write) = (KeyScope::SessionsRead, KeyScope::SessionsWrite);
    let get = |path, summary| Operation::get(path, summary).by_programs(read);
    routes
        .on(
            get("/rooms", "Own sessions that are not over, by date")
                .answers::<Vec<RoomView>>(200),
            rooms::list,
        )
        .on(
            Operation::post("/rooms", "Plans a session")
                .by_programs(write)
                .takes::<NewRoom>()
                .answers::<RoomView>(201)
                .refuses(&[409]),
            rooms::create,
        )
        .on(
            get("/rooms/{room}", "One session").answers::<RoomView>(200).refuses(&[410]),
            rooms::read,
        )
        .on(
            Operation::patch("/rooms/{room}", "Changes a session")
                .by_programs(write)
                .takes::<ChangeRoom>()
                .answers::<RoomView>(200)
                .refuses(&[410]),
            rooms::change,
        )
        .on(
            Operation::delete("/rooms/{room}", "Ends or cancels a session for everybody")
                .by_programs(write),
            rooms::end,
        )
        .on(
            Operation::post("/rooms/{room}/ticket", "The right to enter as moderator, once")
                .answers::<Ticket>(200)
                .refuses(&[409, 410]),
            ticket::create,
        )
        .on(
            Operation::post("/rooms/{room}/invites", "Registers a link that a browser made")
                .by_programs(KeyScope::InvitesWrite)
                .takes::<NewInvite>()
                .answers::<InviteView>(201)
                .refuses(&[409, 410]),
            invites::create,
        )
        .on(
            Operation::delete("/invites/{invite}", "Takes a link back")
                .by_programs(KeyScope::InvitesWrite),
            invites::revoke,
        )
        .on(
            Operation::post("/invites/{invite}/card", "What the holder of a link may know")
                .by_strangers()
                .takes::<OpenCard>()
                .answers::<Card>(200)
                .refuses(&[410]),
            invites::open_card,
        )
        .on(
            Operation::post("/invites/{invite}/probe", "What tries the way to the media port")
                .by_strangers()
                .takes::<OpenCard>()
                .answers::<Probe>(200)
                .refuses(&[410]),
            invites::probe,
        )
}

fn programs(routes: Routes) -> Routes {
    routes
        .on(Operation::get("/keys", "Own keys").answers::<Vec<KeyView>>(200), keys::list)
        .on(
            Operation::post("/keys", "Makes a key, shown this once")
                .takes::<NewKey>()
                .answers::<MadeKey>(201)
                .refuses(&[409]),
            keys::create,
        )
        .on(Operation::delete("/keys/{key}", "Revokes a key"), keys::delete)
        .on(
            Operation::get("/webhooks", "Own webhooks").answers::<Vec<WebhookView>>(200),
            webhooks::list,
        )
        .on(
            Operation::post("/webhooks", "Tells a program what happens")
                .takes::<NewWebhook>()
                .answers::<MadeWebhook>(201)
                .refuses(&[409]),
            webhooks::create,
        )
        .on(Operation::delete("/webhooks/{webhook}", "Forgets a webhook"), webhooks::delete)
        .on(
            Operation::post(
                "/webhooks/{webhook}/test",
                "Calls a webhook once, to see it arrive",
            ),
            webhooks::test,
        )
}

/// There is nothing of that name.
pub(crate) async fn unknown() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, Reject::Malformed)
}
