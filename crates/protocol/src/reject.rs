//! Why the server said no.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::id::Epoch;

/// A refusal, as the client that asked will see it.
///
/// Each variant is one thing a client can do something about, and its doc says what.
/// Codes are stable; the texts are for logs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, thiserror::Error)]
#[serde(tag = "code", rename_all = "snake_case")]
#[ts(export_to = "wire.ts")]
#[non_exhaustive]
pub enum Reject {
    /// Not a message of this protocol.  A correct client never sees this.
    #[error("not a message of this protocol")]
    Malformed,
    /// Over the limit for its kind.  A correct client never sees this.
    #[error("message is too large")]
    TooLarge,
    /// Too many messages in a short time.  Slow down; the connection closes if it goes on.
    #[error("too many messages")]
    TooFast,
    /// The first message must be `hello`, and only the first.
    #[error("not the moment for this message")]
    OutOfOrder,
    /// The invite, ticket or resume token is not known: mistyped, revoked, or used up.
    /// One answer for all, so that guessing teaches nothing.
    #[error("no such right to enter")]
    NoSuchRight,
    /// The invite's time is over.  Ask the counsellor for a new link.
    #[error("the invite has expired")]
    Expired,
    /// The room has ended.
    #[error("the room has ended")]
    RoomEnded,
    /// The waiting room or the room is full.  Try again later.
    #[error("the room is full")]
    RoomFull,
    /// The sender is in the waiting room.  Wait for the Welcome, then ask again.
    #[error("sender has not been admitted")]
    NotAdmitted,
    /// Only a moderator may do this.
    #[error("only a moderator may do this")]
    NotModerator,
    /// The participant named is not (or no longer) where the request needs it.
    #[error("no such participant")]
    NoSuchParticipant,
    /// Somebody else's commit came first.  Merge it, then commit again if still needed.
    #[error("commit is for epoch {got:?}, group is at {current:?}")]
    StaleEpoch {
        /// The epoch the message was made in.
        got: Epoch,
        /// The epoch the group is in.
        current: Epoch,
    },
    /// The group named is not the room's group.  A newer one may be on its way.
    #[error("not the group of this room")]
    NoSuchGroup,
    /// The group cannot be opened: the generation is not newer than the one there is.
    #[error("generation is not newer")]
    StaleGeneration,
    /// The session description cannot be used.  Reload, or use another browser.
    #[error("the media offer cannot be used")]
    BadOffer,
    /// More was missed than the server keeps.  Knock again.
    #[error("too much was missed")]
    BacklogGone,
    /// Not signed in, or not any more.
    #[error("not signed in")]
    NotSignedIn,
    /// Name or password is wrong, or sign-in is slowed down.  One answer for all.
    #[error("cannot sign in")]
    CannotSignIn,
    /// The password is too short or too long.
    #[error("the password cannot be used")]
    BadPassword,
    /// A second factor has to be set up before anything else.
    #[error("a second factor has to be set up")]
    NeedsSecondFactor,
    /// The sign-in is too old for something that matters.  Confirm the password, then again.
    #[error("the password has to be confirmed")]
    NotFresh,
    /// The code, or what the passkey said, does not fit.  Try again with a new one.
    #[error("wrong code")]
    WrongCode,
    /// Somebody else has that name.
    #[error("the name is taken")]
    NameTaken,
    /// The limit of rooms or invites is reached.  End some first.
    #[error("too many")]
    TooMany,
    /// Our fault.  Try again.
    #[error("internal error")]
    Internal,
}

impl Reject {
    /// Whether no correct client ever earns it, however late or lossy its network.
    #[must_use]
    pub const fn is_misconduct(&self) -> bool {
        match self {
            Self::Malformed
            | Self::TooLarge
            | Self::OutOfOrder
            | Self::NotAdmitted
            | Self::NotModerator => true,
            Self::TooFast
            | Self::NoSuchRight
            | Self::Expired
            | Self::RoomEnded
            | Self::RoomFull
            | Self::NoSuchParticipant
            | Self::StaleEpoch { .. }
            | Self::NoSuchGroup
            | Self::StaleGeneration
            | Self::BadOffer
            | Self::BacklogGone
            | Self::NotSignedIn
            | Self::CannotSignIn
            | Self::BadPassword
            | Self::NeedsSecondFactor
            | Self::NotFresh
            | Self::WrongCode
            | Self::NameTaken
            | Self::TooMany
            | Self::Internal => false,
        }
    }

    /// The stable name of the wire, for counting.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::TooLarge => "too_large",
            Self::TooFast => "too_fast",
            Self::OutOfOrder => "out_of_order",
            Self::NoSuchRight => "no_such_right",
            Self::Expired => "expired",
            Self::RoomEnded => "room_ended",
            Self::RoomFull => "room_full",
            Self::NotAdmitted => "not_admitted",
            Self::NotModerator => "not_moderator",
            Self::NoSuchParticipant => "no_such_participant",
            Self::StaleEpoch { .. } => "stale_epoch",
            Self::NoSuchGroup => "no_such_group",
            Self::StaleGeneration => "stale_generation",
            Self::BadOffer => "bad_offer",
            Self::BacklogGone => "backlog_gone",
            Self::NotSignedIn => "not_signed_in",
            Self::CannotSignIn => "cannot_sign_in",
            Self::BadPassword => "bad_password",
            Self::NeedsSecondFactor => "needs_second_factor",
            Self::NotFresh => "not_fresh",
            Self::WrongCode => "wrong_code",
            Self::NameTaken => "name_taken",
            Self::TooMany => "too_many",
            Self::Internal => "internal",
        }
    }
}

/// Why somebody's part in a room is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export_to = "wire.ts")]
pub enum FarewellReason {
    /// They left.
    Left,
    /// The moderator did not let them in.
    Declined,
    /// The moderator removed them.
    Removed,
    /// The moderator ended the room.
    RoomEnded,
    /// Another connection of the same participant took over.
    Replaced,
    /// The invite was revoked.
    Revoked,
    /// Their connection was gone for too long.
    Lost,
    /// The server is stopping.  Reconnect: it may come back.
    ServerStopping,
    /// Something broke on our side.  Reconnect.
    Internal,
}

impl FarewellReason {
    /// Whether coming back by itself is what the person would expect.
    #[must_use]
    pub const fn may_reconnect(self) -> bool {
        match self {
            Self::ServerStopping | Self::Internal | Self::Lost => true,
            Self::Left
            | Self::Declined
            | Self::Removed
            | Self::RoomEnded
            | Self::Replaced
            | Self::Revoked => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_the_one_of_the_wire() {
        let stale = Reject::StaleEpoch { got: Epoch(1), current: Epoch(2) };
        for reject in [Reject::NoSuchRight, Reject::BacklogGone, Reject::TooMany, stale] {
            let wire = serde_json::to_value(&reject).unwrap();
            assert_eq!(wire["code"], reject.code());
        }
    }
}
