//! A counsellor's desk without a browser: sets a server up, signs in, makes rooms and links.
//!
//! What the web client derives from keys its browser guards, a [`Desk`] draws at random and
//! keeps in memory: it lives as long as the test that made it.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use ed25519_dalek::{Signer as _, SigningKey};
use participant::{
    InviteMaterials, ModeratorDraft, ModeratorStart, Participant, Refusal, randomness,
};
use protocol::api::{
    InviteView, Me, NewInvite, NewRoom, Password, RoomView, ServerState, Setup, SignIn, Ticket,
};
use protocol::id::{InviteId, RoomId};
use protocol::limits::SEALED_TITLE_BYTES_MAX;
use protocol::opaque::{Opaque, decode_base64url};
use protocol::secret::Secret;
use protocol::time::UnixSeconds;

use crate::http::{Failure, Http};
use crate::server::Server;

/// A counsellor at their desk.
pub struct Desk {
    http: Http,
    identity: SigningKey,
    rooms: BTreeMap<RoomId, RoomSecrets>,
}

struct RoomSecrets {
    room_secret: Secret<32>,
    /// Each at the place of its invite's number.
    links: Vec<Secret<32>>,
}

/// A link, and how the server knows it.
#[derive(Clone, Debug)]
pub struct Invite {
    /// Which invite.
    pub invite: InviteId,
    /// What is handed to the person.
    pub link: Link,
}

/// A link: whoever has it is the person invited.
#[derive(Clone, PartialEq, Eq)]
pub struct Link(String);

impl Link {
    /// Takes the text.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for the person it is meant for.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// A link holds a secret: it is not for logs.
impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[link]")
    }
}

impl Desk {
    /// A desk that has not signed in.
    ///
    /// # Errors
    ///
    /// When the system gives no randomness.
    pub fn new(server: Server) -> Result<Self, Refusal> {
        let identity = SigningKey::from_bytes(&randomness()?.bytes());
        Ok(Self { http: Http::new(server), identity, rooms: BTreeMap::new() })
    }

    /// Whether the server still waits for its first account.
    ///
    /// # Errors
    ///
    /// See [`Failure`].
    pub async fn server_state(&mut self) -> Result<ServerState, Failure> {
        self.http.get("/api/state").await
    }

    /// Makes the first account with the token of the setup link, and signs in.
    ///
    /// # Errors
    ///
    /// See [`Failure`].
    pub async fn set_up(
        &mut self,
        setup_link: &str,
        name: &str,
        password: &str,
    ) -> Result<Me, Failure> {
        let token = setup_token(setup_link).map_err(Failure::Broken)?;
        let password = Password::new(password.to_owned());
        self.http.post("/api/setup", &Setup { token, name: name.to_owned(), password }).await
    }

    /// Signs in.
    ///
    /// # Errors
    ///
    /// See [`Failure`].
    pub async fn sign_in(&mut self, name: &str, password: &str) -> Result<Me, Failure> {
        let password = Password::new(password.to_owned());
        self.http.post("/api/sign-in", &SignIn { name: name.to_owned(), password }).await
    }

    /// The rooms of this counsellor.
    ///
    /// # Errors
    ///
    /// See [`Failure`].
    pub async fn rooms(&mut self) -> Result<Vec<RoomView>, Failure> {
        self.http.get("/api/rooms").await
    }

    /// Makes a room.
    ///
    /// # Errors
    ///
    /// See [`Failure`].
    pub async fn new_room(
        &mut self,
        sealed_title: Opaque<SEALED_TITLE_BYTES_MAX>,
    ) -> Result<RoomId, Failure> {
        let room: RoomView =
            self.http.post("/api/rooms", &NewRoom::titled(sealed_title)).await?;
        let random = randomness().map_err(|error| Failure::Broken(error.into()))?;
        let secrets = RoomSecrets { room_secret: random.secret(), links: Vec::new() };
        self.rooms.insert(room.room, secrets);
        Ok(room.room)
    }

    /// Makes a link for one person.
    ///
    /// # Errors
    ///
    /// See [`Failure`]; also when the room is not one this desk made.
    pub async fn invite(
        &mut self,
        room: RoomId,
        expires_at: UnixSeconds,
    ) -> Result<Invite, Failure> {
        self.invite_with(room, expires_at, None).await
    }

    /// The same, with a card that its page shows before anybody is let in.
    ///
    /// # Errors
    ///
    /// See [`Failure`]; also when the room is not one this desk made, or the card is too long.
    pub async fn invite_with(
        &mut self,
        room: RoomId,
        expires_at: UnixSeconds,
        card: Option<&str>,
    ) -> Result<Invite, Failure> {
        let random = randomness().map_err(|error| Failure::Broken(error.into()))?;
        let idc_public = self.identity.verifying_key().to_bytes();
        let secrets = self.rooms.get_mut(&room).context("not a room of this desk");
        let secrets = secrets.map_err(Failure::Broken)?;
        let link_secret = random.secret();
        let card = card.map(|card| participant::seal_card(&link_secret, card, &random));
        let card = card.transpose().map_err(|error| Failure::Broken(error.into()))?;
        let card = card.and_then(|card| decode_base64url(&card)).unwrap_or_default();
        let sealed_card = Opaque::new(card).map_err(|error| Failure::Broken(error.into()))?;
        let materials = InviteMaterials::make(
            room,
            &link_secret,
            &secrets.room_secret,
            &idc_public,
            &random,
        );
        let number = u32::try_from(secrets.links.len()).unwrap_or(u32::MAX);
        secrets.links.push(link_secret);
        let new = NewInvite {
            invite: materials.invite,
            number,
            server_auth_hash: materials.server_auth_hash,
            wrapped_room_secret: materials.wrapped_room_secret,
            expires_at,
            sealed_card,
        };
        let path = format!("/api/rooms/{room}/invites");
        let _: InviteView = self.http.post(&path, &new).await?;
        let link = Link::new(self.http.server().link(&materials.fragment));
        Ok(Invite { invite: materials.invite, link })
    }

    /// Takes a link back.
    ///
    /// # Errors
    ///
    /// See [`Failure`].
    pub async fn revoke(&mut self, invite: InviteId) -> Result<(), Failure> {
        self.http.delete(&format!("/api/invites/{invite}")).await
    }

    /// Ends a room for everybody.
    ///
    /// # Errors
    ///
    /// See [`Failure`].
    pub async fn end_room(&mut self, room: RoomId) -> Result<(), Failure> {
        self.http.delete(&format!("/api/rooms/{room}")).await
    }

    /// What fetches tickets for a room later on.
    #[must_use]
    pub fn tickets(&self, room: RoomId) -> Tickets {
        Tickets { http: self.http.clone(), room }
    }

    /// The moderator of a room, not yet connected.
    ///
    /// # Errors
    ///
    /// When the room is not one this desk made, or the name cannot be used.
    pub fn moderator(
        &self,
        room: RoomId,
        name: &str,
        unix: UnixSeconds,
    ) -> anyhow::Result<Participant> {
        let secrets = self.rooms.get(&room).context("not a room of this desk")?;
        let draft = ModeratorDraft::new(ModeratorStart {
            room,
            name: name.to_owned(),
            room_secret: secrets.room_secret.clone(),
            idc_public: self.identity.verifying_key().to_bytes(),
            link_secrets: secrets.links.clone(),
            unix,
            random: randomness()?,
        })?;
        let signature = self.identity.sign(draft.to_sign()).to_bytes();
        Ok(draft.finish(signature)?)
    }

    /// The server's counters, as text.
    ///
    /// # Errors
    ///
    /// See [`Failure`].
    pub async fn metrics(&mut self) -> Result<String, Failure> {
        self.http.text("/metrics").await
    }
}

/// Fetches tickets for one room.
#[derive(Clone, Debug)]
pub struct Tickets {
    http: Http,
    room: RoomId,
}

/// A ticket could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoTicket {
    /// Whether trying again later makes sense.
    pub retry: bool,
}

impl Tickets {
    /// The server that gives them.
    #[must_use]
    pub fn server(&self) -> &Server {
        self.http.server()
    }

    /// Fetches one; the text goes into [`Input::Ticket`](participant::Input::Ticket).
    ///
    /// # Errors
    ///
    /// [`NoTicket`].
    pub async fn fetch(&mut self) -> Result<String, NoTicket> {
        let path = format!("/api/rooms/{}/ticket", self.room);
        match self.http.post::<Ticket>(&path, &()).await {
            Ok(ticket) => Ok(protocol::opaque::encode_base64url(ticket.ticket.as_slice())),
            Err(Failure::Refused(status, _)) => {
                Err(NoTicket { retry: status.is_server_error() })
            }
            Err(Failure::Broken(_)) => Err(NoTicket { retry: true }),
        }
    }
}

/// How long links of tests are good.
pub const LINK_LIFETIME: Duration = Duration::from_secs(60 * 60);

fn setup_token(setup_link: &str) -> anyhow::Result<Opaque<32>> {
    let (_, token) = setup_link.trim().rsplit_once('#').context("not a setup link")?;
    let token = decode_base64url(token).context("not a setup link")?;
    Ok(Opaque::new(token)?)
}
