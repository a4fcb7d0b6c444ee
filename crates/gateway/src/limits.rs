//! How much of one stranger does the door bear?  Defaults from [`protocol::limits`]; tests
//! take shorter ones.

use std::time::Duration;

use protocol::limits::{
    HELLO_PATIENCE, MESSAGE_BYTES_MAX, MESSAGES_BURST_MAX, MESSAGES_PER_SECOND_MAX,
    OUTBOX_MESSAGES_MAX, SILENCE_PATIENCE, STRIKES_MAX,
};

/// Upper bounds of the door.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time.  Each may cost up to a full outbox.
    pub connections_max: usize,
    /// Connections at a time from one address (IPv6: one /64).  Loopback is not counted: it is
    /// a reverse proxy on this host, or a test.
    pub connections_per_address_max: usize,
    /// How long a TLS handshake may take.
    pub handshake_patience: Duration,
    /// How long a request head may take, idle time before it included.
    pub head_patience: Duration,
    /// How long a request body may take.
    pub body_patience: Duration,
    /// Largest request body, in bytes.
    pub body_bytes_max: usize,
    /// How long a client may read nothing of what waits for it.
    pub write_patience: Duration,
    /// How long a WebSocket may take to say `hello`.
    pub hello_patience: Duration,
    /// How long a WebSocket may stay silent later on.
    pub silence_patience: Duration,
    /// Largest WebSocket message, in bytes.
    pub message_bytes_max: usize,
    /// WebSocket messages at once.
    pub messages_burst_max: u32,
    /// WebSocket messages per second for long.
    pub messages_per_second_max: u32,
    /// Unreadable or misplaced messages before the connection is closed.
    pub strikes_max: u32,
    /// Messages queued for a connection.
    pub outbox_messages_max: usize,
    /// REST requests of one account at once.
    pub requests_per_account_max: u32,
    /// How long it takes until it may make one more.
    pub request_per_account_interval: Duration,
    /// REST requests of strangers at one address (IPv6: one /64; loopback is not counted).
    pub requests_per_address_max: u32,
    /// How long it takes until they may make one more.
    pub request_per_address_interval: Duration,
    /// Sign-ins tried from one address at once.
    pub sign_ins_per_address_max: u32,
    /// How long it takes until one more may be tried from there.
    pub sign_in_per_address_interval: Duration,
    /// Sign-ins tried under one name from one address at once.
    pub sign_ins_per_name_max: u32,
    /// How long it takes until one more may be tried under that name from there.
    pub sign_in_per_name_interval: Duration,
    /// Sign-ins tried under one name from anywhere at once.
    pub sign_ins_per_name_anywhere_max: u32,
    /// How long it takes until one more may be tried under that name.
    pub sign_in_per_name_anywhere_interval: Duration,
    /// Sign-ins tried under any name at once.
    pub sign_ins_max: u32,
    /// How long it takes until one more may be tried.
    pub sign_in_interval: Duration,
    /// Codes tried for one account at once.  With three steps good at a time, an attacker who
    /// knows the password has a chance of 1 in 100 after a day.
    pub codes_per_account_max: u32,
    /// How long it takes until one more may be tried.
    pub code_per_account_interval: Duration,
    /// How far ahead an invite may expire.
    pub invite_lifetime_max: Duration,
    /// How long connections may take to end when the server stops.
    pub farewell_patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 4096,
            connections_per_address_max: 64,
            handshake_patience: Duration::from_secs(5),
            head_patience: Duration::from_secs(5),
            body_patience: Duration::from_secs(10),
            body_bytes_max: 16 * 1024,
            write_patience: Duration::from_secs(10),
            hello_patience: HELLO_PATIENCE,
            silence_patience: SILENCE_PATIENCE,
            message_bytes_max: MESSAGE_BYTES_MAX,
            messages_burst_max: MESSAGES_BURST_MAX,
            messages_per_second_max: MESSAGES_PER_SECOND_MAX,
            strikes_max: STRIKES_MAX,
            outbox_messages_max: OUTBOX_MESSAGES_MAX,
            requests_per_account_max: 300,
            request_per_account_interval: Duration::from_millis(50),
            requests_per_address_max: 60,
            request_per_address_interval: Duration::from_millis(500),
            sign_ins_per_address_max: 10,
            sign_in_per_address_interval: Duration::from_secs(6),
            sign_ins_per_name_max: 5,
            sign_in_per_name_interval: Duration::from_secs(20),
            sign_ins_per_name_anywhere_max: 20,
            sign_in_per_name_anywhere_interval: Duration::from_secs(4),
            sign_ins_max: 20,
            sign_in_interval: Duration::from_millis(200),
            codes_per_account_max: 8,
            code_per_account_interval: Duration::from_secs(30),
            invite_lifetime_max: Duration::from_secs(366 * 24 * 60 * 60),
            farewell_patience: Duration::from_secs(4),
        }
    }
}
