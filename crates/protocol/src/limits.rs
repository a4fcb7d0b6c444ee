//! Upper bounds.  Every queue, list and message has one, and it is named here.

use std::time::Duration;

/// Largest WebSocket message either way, in bytes of JSON text.  More closes the connection
/// with 1009.  Less would not carry the Welcome of a full room.
pub const MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// Largest MLS commit, in bytes.  A path commit at 64 members has about 6 kB.
pub const COMMIT_BYTES_MAX: usize = 16 * 1024;

/// Largest MLS Welcome, in bytes.  At 64 members one has about 24 kB.
pub const WELCOME_BYTES_MAX: usize = 26 * 1024;

/// Largest MLS KeyPackage, in bytes.  Ours has about 350; post-quantum ones reach 2 kB.
pub const KEY_PACKAGE_BYTES_MAX: usize = 4 * 1024;

/// Largest MLS application message (chat, acknowledgements), in bytes, sealed.
pub const APPLICATION_BYTES_MAX: usize = 16 * 1024;

/// Longest chat text, in bytes of UTF-8 before sealing.
pub const CHAT_TEXT_BYTES_MAX: usize = 8 * 1024;

/// Longest saying of one device to the others (real-time text, a receipt), in bytes of UTF-8
/// before sealing.
pub const SAYING_TEXT_BYTES_MAX: usize = 2 * 1024;

/// Longest text of a note between a moderator and somebody who waits, in bytes of UTF-8 before
/// sealing.
pub const DOORSTEP_TEXT_BYTES_MAX: usize = 2048 - 15;

/// Largest such note, sealed: 2048 bytes with its padding, nonce and tag.
pub const DOORSTEP_NOTE_BYTES_MAX: usize = 2048 + 28;

/// Most notes one page writes to one person.
pub const DOORSTEP_NOTES_MAX: usize = 32;

/// Notes of those who wait by one invite at once.  Each is shown to the moderator; a page that
/// comes back sends all of its notes again.
pub const DOORSTEP_NOTES_BURST_MAX: u32 = 40;

/// How long it takes until one more may come.
pub const DOORSTEP_NOTE_INTERVAL: Duration = Duration::from_millis(500);

/// Longest name a person may give, in bytes of UTF-8 before sealing.
pub const NAME_BYTES_MAX: usize = 128;

/// Largest sealed name with the few words that go with it in the waiting room.
pub const SEALED_NAME_BYTES_MAX: usize = 512;

/// Largest sealed text about a room that only the counsellor can open (its title).
pub const SEALED_TITLE_BYTES_MAX: usize = 512;

/// Largest sealed text about a session that the holder of a link may open before being let in.
pub const SEALED_CARD_BYTES_MAX: usize = 2 * 1024;

/// The room secret, sealed for one invite: nonce, 32 bytes, tag.
pub const WRAPPED_SECRET_BYTES_MAX: usize = 64;

/// Largest session description, in bytes.
pub const SDP_BYTES_MAX: usize = 32 * 1024;

/// Longest `a=mid`, in bytes.  Browsers count from 0; one SDES header extension must carry it.
pub const MID_BYTES_MAX: usize = 16;

/// Most m-lines one participant may offer: its tracks and its slots.
pub const M_LINES_MAX: usize = 64;

/// Most people a room can hold, the waiting room not counted.  Leaf indexes stay below it, so
/// that they fit the six bits of the SFrame key id (E2EE.md 1.7).
pub const ROOM_MEMBERS_MAX: usize = 64;

/// Most people who can wait for one room at a time.
pub const WAITING_MAX: usize = 16;

/// Most devices that can wait by one invite at a time.  One is the rule; more lets the person
/// start again elsewhere, and lets the counsellor see that a link went astray.
pub const WAITING_PER_INVITE_MAX: usize = 3;

/// Knocks by one invite at once, whoever holds it.  Each is shown to the moderator, whose
/// browser checks it: more would let a stranger with a link keep her busy.
pub const KNOCKS_BURST_MAX: u32 = 8;

/// How long it takes until one more may come.  Correct clients wait 2 s after a refusal.
pub const KNOCK_INTERVAL: Duration = Duration::from_secs(1);

/// Most people one commit may add (E2EE.md 1.5).
pub const COMMIT_ADDS_MAX: usize = 8;

/// Most handshake and application messages kept for members who have not fetched them.
pub const BACKLOG_MESSAGES_MAX: usize = 256;

/// Most bytes kept for members who have not fetched them.
pub const BACKLOG_BYTES_MAX: usize = 2 * 1024 * 1024;

/// How long a message is kept for members who have not fetched it.
pub const BACKLOG_PATIENCE: Duration = Duration::from_secs(600);

/// How long a participant whose connection broke keeps the place in the room.
/// Less loses people in lifts; more keeps ghosts on the screen.
pub const RESUME_PATIENCE: Duration = Duration::from_secs(60);

/// How long a room nobody is in or waits for stays in memory.
pub const ROOM_IDLE_PATIENCE: Duration = Duration::from_secs(60);

/// How long the room waits for the media plane to answer an offer.
pub const OFFER_PATIENCE: Duration = Duration::from_secs(10);

/// Messages that wait for one room before its connections are held up.
pub const ROOM_MAILBOX_MAX: usize = 256;

/// Most rooms that run at a time in one process.
pub const ROOMS_OPEN_MAX: usize = 10_000;

/// Most orders of one room that wait for the media plane.  More means that it has stopped.
pub const MEDIA_ORDERS_MAX: usize = 8 * 1024;

/// How long a sender waits for slow members before it switches keys without them
/// (E2EE.md 1.7: 1.5 s; Zoom and DAVE take about 2 s).
pub const KEY_SWITCH_PATIENCE: Duration = Duration::from_millis(1500);

/// How long frames of the epoch before can still be opened after a key switch.
pub const OLD_KEYS_PATIENCE: Duration = Duration::from_secs(10);

/// The same after a removal, when late frames matter less than a closed door.
pub const OLD_KEYS_PATIENCE_AFTER_REMOVAL: Duration = Duration::from_secs(3);

/// How often a moderator renews the keys of a quiet group.
pub const REKEY_INTERVAL: Duration = Duration::from_secs(300);

/// Longest time without a new epoch after which a participant stops sending.
pub const EPOCH_AGE_MAX: Duration = Duration::from_secs(600);

/// Longest life of a KeyPackage.  OpenMLS's own default is 84 days.
pub const KEY_PACKAGE_LIFETIME: Duration = Duration::from_secs(2 * 60 * 60);

/// Most encoded frames a receiver may hold while a key is on its way (E2EE.md 1.7).  More
/// would only be shown late; fewer lose the first picture after somebody was let in.
pub const FRAMES_HELD_MAX: usize = 10;

/// Largest encoded frame, in bytes.  A 720p key frame has about 100 kB.
pub const FRAME_BYTES_MAX: usize = 1024 * 1024;

/// Messages a connection may send at once, and how fast that budget grows back.
pub const MESSAGES_BURST_MAX: u32 = 60;

/// Messages per second a connection may send for long.  Over it the connection is closed (1008).
pub const MESSAGES_PER_SECOND_MAX: u32 = 20;

/// Rejects a connection may earn before it is closed (1008).
pub const STRIKES_MAX: u32 = 16;

/// Messages the server queues for one connection before it gives that connection up.
pub const OUTBOX_MESSAGES_MAX: usize = 512;

/// How long a connection may stay silent before it says what it wants.
pub const HELLO_PATIENCE: Duration = Duration::from_secs(10);

/// How long a connection may stay silent later on.  Clients ping every 10 s.
pub const SILENCE_PATIENCE: Duration = Duration::from_secs(35);

/// How often a client says that it is there.
pub const PING_INTERVAL: Duration = Duration::from_secs(10);

/// Life of a ticket.  It is fetched right before it is used.
pub const TICKET_LIFETIME: Duration = Duration::from_secs(30);

/// Most tickets that are out at a time.
pub const TICKETS_MAX: usize = 4096;

/// Most rooms one account may have open at a time.
pub const ROOMS_PER_ACCOUNT_MAX: usize = 200;

/// Longest session that can be planned, in minutes.
pub const ROOM_MINUTES_MAX: u16 = 24 * 60;

/// How long a session is taken to last if nobody says.
pub const ROOM_MINUTES_ASSUMED: u16 = 60;

/// How long after the planned end of a session its links still work.
pub const LINK_LIFE_AFTER_END: Duration = Duration::from_secs(12 * 60 * 60);

/// Most keys of the API that one account may have.
pub const KEYS_PER_ACCOUNT_MAX: usize = 16;

/// Longest name of such a key, in bytes.
pub const KEY_LABEL_BYTES_MAX: usize = 64;

/// Most webhooks that one account may have.
pub const WEBHOOKS_PER_ACCOUNT_MAX: usize = 8;

/// Most invites of one room.
pub const INVITES_PER_ROOM_MAX: usize = 16;

/// Shortest password of an account, in characters (NIST SP 800-63B asks for at least 8 beside a
/// second factor; we ask for more because the first account may go without one).
pub const PASSWORD_CHARS_MIN: usize = 12;

/// Longest password taken, in bytes: argon2 would take any, for any price.
pub const PASSWORD_BYTES_MAX: usize = 256;

/// Most browsers one account can be signed in with at a time.  The one unused for longest goes.
pub const SIGN_INS_PER_ACCOUNT_MAX: usize = 32;

/// How long somebody stays signed in.
pub const SIGN_IN_LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);

/// How long the second factor may take after the password.
pub const SECOND_FACTOR_PATIENCE: Duration = Duration::from_secs(5 * 60);

/// How long after a sign-in factors may be changed without the password once more.
pub const FRESH_PATIENCE: Duration = Duration::from_secs(10 * 60);

/// How long keys may take to get from one device of a counsellor to the next.
pub const PAIRING_LIFETIME: Duration = Duration::from_secs(5 * 60);

/// Most of these that are under way at a time.
pub const PAIRINGS_MAX: usize = 256;

/// Largest thing one of two such devices tells the other: the keys, sealed and padded.
pub const PAIRING_BYTES_MAX: usize = 512;

/// How long somebody may take at the agency's own sign-in.
pub const PROVIDER_PATIENCE: Duration = Duration::from_secs(10 * 60);

/// How long a challenge for a passkey, or the offer of a secret, can be answered.
pub const CHALLENGE_LIFETIME: Duration = Duration::from_secs(5 * 60);

/// Most challenges whose answers are remembered, so that none is taken twice.
pub const ANSWERED_CHALLENGES_MAX: usize = 4096;

/// Most accounts of a server.
pub const ACCOUNTS_MAX: usize = 1000;

/// Most passkeys of an account.
pub const PASSKEYS_PER_ACCOUNT_MAX: usize = 16;

/// Recovery codes of an account.
pub const RECOVERY_CODES: usize = 10;

/// Longest id an authenticator may give a passkey (WebAuthn section 4).
pub const CREDENTIAL_BYTES_MAX: usize = 1023;

/// Largest `clientDataJSON` and `authenticatorData`.  Ours have about 300 bytes each.
pub const PASSKEY_WORDS_BYTES_MAX: usize = 2048;

/// Largest signature of a passkey: RSA with 4096 bits.
pub const SIGNATURE_BYTES_MAX: usize = 512;

/// Largest sealed secret of one-time codes.
pub const SEALED_TOTP_BYTES_MAX: usize = 64;

// A commit and its Welcome travel in one message, in base64 (4/3), with little around them.
const _: () =
    assert!((COMMIT_BYTES_MAX + WELCOME_BYTES_MAX) * 4 / 3 + 4096 <= MESSAGE_BYTES_MAX);
const _: () = assert!(SDP_BYTES_MAX + 8192 <= MESSAGE_BYTES_MAX);
const _: () = assert!(CHAT_TEXT_BYTES_MAX + 1024 <= APPLICATION_BYTES_MAX);
