//! How does a refusal look over HTTP?  A [`Reject`] as JSON, with the status that fits it.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use protocol::reject::Reject;
use store::StoreError;

/// A refusal on its way out.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    reject: Reject,
}

impl Refusal {
    /// A refusal whose status is not the usual one.
    pub(crate) fn new(status: StatusCode, reject: Reject) -> Self {
        Self { status, reject }
    }
}

impl From<Reject> for Refusal {
    fn from(reject: Reject) -> Self {
        let status = match reject {
            Reject::Malformed => StatusCode::BAD_REQUEST,
            Reject::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Reject::TooFast => StatusCode::TOO_MANY_REQUESTS,
            Reject::NotSignedIn | Reject::CannotSignIn => StatusCode::UNAUTHORIZED,
            Reject::NotAdmitted
            | Reject::NotModerator
            | Reject::NeedsSecondFactor
            | Reject::NotFresh => StatusCode::FORBIDDEN,
            Reject::NoSuchRight | Reject::NoSuchParticipant | Reject::NoSuchGroup => {
                StatusCode::NOT_FOUND
            }
            Reject::Expired | Reject::RoomEnded | Reject::BacklogGone => StatusCode::GONE,
            Reject::OutOfOrder
            | Reject::RoomFull
            | Reject::StaleEpoch { .. }
            | Reject::StaleGeneration
            | Reject::NameTaken
            | Reject::TooMany => StatusCode::CONFLICT,
            Reject::BadOffer | Reject::BadPassword | Reject::WrongCode => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Reject::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        };
        Self { status, reject }
    }
}

/// Our fault: the cause goes to the log, not to the client.
impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        tracing::error!(error = &error as &dyn std::error::Error, "The store failed");
        Reject::Internal.into()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(self.reject)).into_response()
    }
}
