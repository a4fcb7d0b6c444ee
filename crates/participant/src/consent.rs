//! The exchange of consent receipts: the attendee's device signs what was agreed to, the
//! counsellor's signs that it was received, and both end up with the same paper.
//!
//! ```text
//!  attendee: agree | withdraw ─► signed, said (topic consent) ─► both signatures hold ─► kept
//!  moderator:                 heard, is it theirs? ─► countersigned, said ─► kept
//! ```
//!
//! A statement waits until there is a group with a counsellor in it, and is said again in each
//! new group until its receipt is there.
//!
//! # Invariants
//!
//! - Nobody keeps a receipt whose two signatures were not checked against the group.
//! - At most [`OPEN_MAX`] statements wait for their receipt.

use e2ee::group::Group;
use e2ee::message::Topic;
use e2ee::receipt::{Item, Kind, Receipt, Statement};
use protocol::id::{GroupId, ParticipantId};
use protocol::opaque::Opaque;
use protocol::reject::Reject;
use protocol::server::{Place, Role};
use protocol::time::{Timestamp, UnixSeconds};

use crate::output::Output;
use crate::participant::Participant;

/// Most statements that wait for their receipt.
const OPEN_MAX: usize = 4;

struct Open {
    statement: Statement,
    said_in: Option<GroupId>,
}

/// What an attendee stated.
#[derive(Default)]
pub(crate) struct Consent {
    open: Vec<Open>,
    last: Option<Statement>,
}

impl Consent {
    fn state(&mut self, statement: Statement) -> Result<(), Reject> {
        if statement.to_sign().is_none() {
            return Err(Reject::TooLarge);
        }
        if self.open.len() >= OPEN_MAX {
            return Err(Reject::TooMany);
        }
        self.last = Some(statement.clone());
        self.open.push(Open { statement, said_in: None });
        Ok(())
    }

    /// The statement that takes back the last one.
    fn withdrawal(&self, at: UnixSeconds) -> Option<Statement> {
        let last = self.last.as_ref().filter(|last| last.kind == Kind::Agreed)?;
        let items = last.items.iter().map(|item| Item { agreed: false, ..item.clone() });
        let items = items.collect();
        Some(Statement { kind: Kind::Withdrawn, at, items, ..last.clone() })
    }
}

impl Participant {
    /// The attendee agreed.
    pub(crate) fn agree(
        &mut self,
        now: Timestamp,
        version: String,
        language: String,
        items: Vec<Item>,
    ) {
        let id: [u8; 16] = self.random.bytes();
        let statement = Statement {
            kind: Kind::Agreed,
            id: Opaque::new(id.to_vec()).unwrap_or_default(),
            at: self.unix_at(now),
            version,
            language,
            items,
        };
        self.make_statement(statement);
    }

    /// The attendee takes it back.
    pub(crate) fn withdraw(&mut self, now: Timestamp) {
        match self.consent.withdrawal(self.unix_at(now)) {
            Some(statement) => self.make_statement(statement),
            None => self.refuse(Reject::OutOfOrder),
        }
    }

    fn make_statement(&mut self, statement: Statement) {
        let outcome = match self.role() {
            Role::Attendee => self.consent.state(statement),
            Role::Moderator => Err(Reject::OutOfOrder),
        };
        if let Err(reject) = outcome {
            self.refuse(reject);
        }
    }

    /// Says what has no receipt yet, once there is somebody to sign it.
    pub(crate) fn pump_consent(&mut self) {
        let Some(group) = self.group.as_ref().filter(|group| group.is_sound()) else {
            return;
        };
        let is_heard = group.members().iter().any(|member| member.role == Role::Moderator);
        if self.place != Place::Room || !is_heard {
            return;
        }
        let due = self.consent.open.iter_mut().filter(|one| one.said_in != Some(group.id()));
        for open in due {
            let signed = group.sign_statement(open.statement.clone());
            let text = signed.and_then(|receipt| serde_json::to_string(&receipt).ok());
            let said = text.map(|text| self.mouth.add(Topic::Consent, text));
            if said == Some(Ok(())) {
                open.said_in = Some(group.id());
            }
        }
    }

    /// A member said something about consent.
    pub(crate) fn heard_consent(&mut self, from: ParticipantId, text: &str) {
        let receipt = serde_json::from_str::<Receipt>(text).ok();
        let (Some(group), Some(receipt)) = (self.group.as_ref(), receipt) else {
            return self.ignore();
        };
        let kept = match self.role() {
            Role::Moderator => countersigned(group, receipt, from),
            Role::Attendee => self.consent.received(group, receipt, from),
        };
        let Some(receipt) = kept.and_then(|receipt| serde_json::to_string(&receipt).ok())
        else {
            return self.ignore();
        };
        let is_said = match self.role() {
            Role::Moderator => self.mouth.add(Topic::Consent, receipt.clone()).is_ok(),
            Role::Attendee => true,
        };
        if is_said {
            let participant = if self.role() == Role::Moderator { Some(from) } else { self.me };
            self.out.push_back(Output::Receipt { participant, receipt });
        }
    }
}

fn countersigned(group: &Group, receipt: Receipt, from: ParticipantId) -> Option<Receipt> {
    // What another moderator signed needs no more names.
    if receipt.counsellor.is_some() {
        return None;
    }
    group.countersign(receipt, from).ok()
}

impl Consent {
    fn received(
        &mut self,
        group: &Group,
        receipt: Receipt,
        from: ParticipantId,
    ) -> Option<Receipt> {
        let at = self.open.iter().position(|open| open.statement == receipt.statement)?;
        group.check_receipt(&receipt, from).ok()?;
        self.open.remove(at);
        Some(receipt)
    }
}
