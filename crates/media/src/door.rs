//! Which DTLS records are worth a handshake.
//!
//! The DTLS stack keeps whatever it is given and cannot go back, so one ClientHello with a
//! spoofed sender spoils it (RECIPES.md B.6).  The door lets a ClientHello in only with the
//! cookie that was sent to its address (RFC 6347 section 4.2.1) and keeps nothing before; all
//! other records pass in small numbers and only while a handshake can use them.
//!
//! ```text
//!   hello without cookie ──► "say it again with this cookie"      (nothing kept)
//!   hello with cookie ─────► collected if in pieces ──► a handshake begins (anew)
//!   other records ─────────► to the handshake there is, within its allowance
//! ```
//!
//! # Invariants
//!
//! - Before a hello with a valid cookie nothing is kept and nothing reaches the stack.
//! - One handshake is given at most [`HANDSHAKE_BYTES_MAX`] bytes in clear and
//!   [`QUEUED_RECORDS_MAX`] records it cannot open yet; at most [`HANDSHAKES_MAX`] are begun.

use crate::records::{Content, Piece, handshake_record, pieces, records};

/// Bytes of a cookie.
pub(crate) const COOKIE_BYTES: usize = 20;
/// Largest ClientHello taken.  With post-quantum key shares one has about 1.5 kB.
const HELLO_BYTES_MAX: usize = 4096;
/// Bytes in clear one handshake may take.  A certificate flight has about 1 kB.
pub(crate) const HANDSHAKE_BYTES_MAX: usize = 32 * 1024;
/// Records a handshake may have to queue because it cannot open them yet.
pub(crate) const QUEUED_RECORDS_MAX: u32 = 16;
/// Handshakes begun for one peer connection.
pub(crate) const HANDSHAKES_MAX: u32 = 16;
/// Most records one datagram may hold.
const RECORDS_PER_DATAGRAM_MAX: usize = 16;

const CLIENT_HELLO: u8 = 1;
const HELLO_VERIFY_REQUEST: u8 = 3;
/// The client's messages after its second hello: certificate, key exchange, verify, finished.
const NUMBERS_AFTER_HELLO: std::ops::RangeInclusive<u16> = 2..=6;

/// What to do with (part of) a datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Send this back.
    SayAgain(Vec<u8>),
    /// Begin a handshake: two hello records for a fresh stack, the first without the cookie.
    Begin {
        /// The hello as if it were the first.
        first: Vec<u8>,
        /// The hello as it came.
        second: Vec<u8>,
    },
    /// The client has not heard the answer to its hello: say it again.
    Repeat,
    /// Give this datagram to the handshake.
    Pass(Vec<u8>),
}

/// How far the handshake behind the door is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// There is none.
    None,
    /// It has no keys yet.
    Clear,
    /// It has keys, so that sealed records are opened or dropped at once.
    Keyed,
    /// It is over.
    Complete,
}

/// Watches what one peer sends.
#[derive(Debug, Default)]
pub(crate) struct Door {
    hello: Option<Collecting>,
    /// The random of the hello the current handshake began with.
    begun_with: Option<[u8; 32]>,
    n_begun: u32,
    bytes_in_clear: usize,
    n_queued: u32,
}

/// A hello with a valid cookie, of which pieces are missing.
#[derive(Debug)]
struct Collecting {
    random: [u8; 32],
    bytes: Vec<u8>,
    /// Which bytes are there.
    there: Vec<bool>,
}

/// The beginning of a ClientHello, which always comes in its first piece.
struct HelloStart<'a> {
    random: [u8; 32],
    cookie: &'a [u8],
    /// Where the length of the cookie is.
    cookie_at: usize,
}

fn hello_start(body: &[u8]) -> Option<HelloStart<'_>> {
    let random = *body.get(2..)?.first_chunk()?;
    // A session to resume: nobody has one, and rtc-dtls 0.21.1 cannot read past it.
    if *body.get(34)? != 0 {
        return None;
    }
    let cookie_at = 35;
    let length = usize::from(*body.get(cookie_at)?);
    let cookie = body.get(cookie_at + 1..cookie_at + 1 + length)?;
    Some(HelloStart { random, cookie, cookie_at })
}

impl Door {
    /// Looks at a datagram.  `cookie` makes the cookie for a hello's random.
    pub(crate) fn look(
        &mut self,
        datagram: &[u8],
        stage: Stage,
        cookie: impl Fn(&[u8; 32]) -> [u8; COOKIE_BYTES],
    ) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        let mut pass = Vec::new();
        for record in records(datagram).take(RECORDS_PER_DATAGRAM_MAX) {
            let is_clear = record.epoch == 0;
            let hello = pieces(record.body)
                .next()
                .filter(|piece| piece.kind == CLIENT_HELLO)
                .filter(|_| is_clear && record.content == Content::Handshake);
            if let Some(piece) = hello {
                if stage != Stage::Complete {
                    verdicts.extend(self.hello(&piece, &cookie));
                }
            } else if self.may_pass(record.content, is_clear, record.body, stage) {
                pass.extend_from_slice(record.whole);
            }
        }
        if !pass.is_empty() {
            verdicts.push(Verdict::Pass(pass));
        }
        verdicts
    }

    fn may_pass(
        &mut self,
        content: Content,
        is_clear: bool,
        body: &[u8],
        stage: Stage,
    ) -> bool {
        if stage == Stage::None {
            return false;
        }
        match (content, is_clear) {
            // Sealed: opened or dropped at once, or queued until there are keys.
            (Content::Handshake | Content::Alert, false) => {
                stage != Stage::Clear || self.may_queue()
            }
            (Content::ChangeCipherSpec, true) => stage != Stage::Complete && self.may_queue(),
            (Content::Handshake, true) => {
                let mut numbers = pieces(body).map(|piece| piece.number);
                let is_expected = numbers.all(|number| NUMBERS_AFTER_HELLO.contains(&number));
                self.bytes_in_clear = self.bytes_in_clear.saturating_add(body.len());
                is_expected && self.bytes_in_clear <= HANDSHAKE_BYTES_MAX
            }
            // In clear, these can be forged by anybody; sealed data is for data channels,
            // which are not offered.
            (Content::Alert, true)
            | (Content::ChangeCipherSpec, false)
            | (Content::ApplicationData | Content::Other, _) => false,
        }
    }

    fn may_queue(&mut self) -> bool {
        self.n_queued = self.n_queued.saturating_add(1);
        self.n_queued <= QUEUED_RECORDS_MAX
    }

    fn hello(
        &mut self,
        piece: &Piece<'_>,
        cookie: impl Fn(&[u8; 32]) -> [u8; COOKIE_BYTES],
    ) -> Option<Verdict> {
        if piece.length > HELLO_BYTES_MAX || piece.offset + piece.body.len() > piece.length {
            return None;
        }
        if piece.offset == 0 {
            let start = hello_start(piece.body)?;
            let expected = cookie(&start.random);
            if piece.number != 1 || start.cookie != expected {
                return Some(Verdict::SayAgain(say_again(&expected)));
            }
            if self.begun_with == Some(start.random) {
                return Some(Verdict::Repeat);
            }
            let is_known = self.hello.as_ref().is_some_and(|hello| {
                hello.random == start.random && hello.bytes.len() == piece.length
            });
            if !is_known {
                self.hello = Some(Collecting {
                    random: start.random,
                    bytes: vec![0; piece.length],
                    there: vec![false; piece.length],
                });
            }
        }
        let hello = self
            .hello
            .as_mut()
            .filter(|hello| piece.number == 1 && hello.bytes.len() == piece.length)?;
        let range = piece.offset..piece.offset + piece.body.len();
        hello.bytes.get_mut(range.clone())?.copy_from_slice(piece.body);
        hello.there.get_mut(range)?.fill(true);
        if hello.there.contains(&false) {
            return None;
        }
        let hello = self.hello.take()?;
        self.begin(&hello)
    }

    fn begin(&mut self, hello: &Collecting) -> Option<Verdict> {
        if self.n_begun >= HANDSHAKES_MAX {
            return None;
        }
        let start = hello_start(&hello.bytes)?;
        let (before, cookie) = hello.bytes.split_at_checked(start.cookie_at)?;
        let after = cookie.get(1 + start.cookie.len()..)?;
        let without_cookie = [before, &[0], after].concat();
        self.n_begun += 1;
        self.begun_with = Some(hello.random);
        self.bytes_in_clear = 0;
        self.n_queued = 0;
        Some(Verdict::Begin {
            first: handshake_record(CLIENT_HELLO, 0, 0, &without_cookie),
            second: handshake_record(CLIENT_HELLO, 1, 1, &hello.bytes),
        })
    }

    /// The handshake failed: another may begin, with the same hello too.
    pub(crate) const fn failed(&mut self) {
        self.begun_with = None;
    }

    /// Whether no further handshake will be begun.
    pub(crate) const fn is_worn_out(&self) -> bool {
        self.n_begun >= HANDSHAKES_MAX
    }
}

/// The request to send the hello again, with the cookie.  It has the record number 0 each
/// time: whoever got an earlier one does not need a later one, and the stack goes on from 1.
fn say_again(cookie: &[u8; COOKIE_BYTES]) -> Vec<u8> {
    let mut body = vec![0xfe, 0xfd];
    body.extend(u8::try_from(COOKIE_BYTES));
    body.extend(cookie);
    handshake_record(HELLO_VERIFY_REQUEST, 0, 0, &body)
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "the numbers are small")]
mod tests {
    use super::*;

    fn cookie(random: &[u8; 32]) -> [u8; COOKIE_BYTES] {
        [random[0] ^ 0x55; COOKIE_BYTES]
    }

    fn hello(random: u8, cookie: &[u8], padding: usize) -> Vec<u8> {
        let mut body = vec![0xfe, 0xfd];
        body.extend([random; 32]);
        body.push(0);
        body.push(cookie.len() as u8);
        body.extend(cookie);
        body.extend(vec![9; padding]);
        body
    }

    fn piece(number: u16, body: &[u8], range: std::ops::Range<usize>) -> Vec<u8> {
        let mut record = handshake_record(CLIENT_HELLO, number, 0, &body[range.clone()]);
        let at = crate::records::RECORD_HEADER_BYTES;
        record[at + 1..at + 4].copy_from_slice(&(body.len() as u32).to_be_bytes()[1..]);
        record[at + 6..at + 9].copy_from_slice(&(range.start as u32).to_be_bytes()[1..]);
        record
    }

    #[test]
    fn a_hello_without_cookie_leaves_nothing_behind() {
        let mut door = Door::default();
        for n in 0..1000u32 {
            let record = handshake_record(CLIENT_HELLO, 0, 0, &hello(n as u8, &[], 30));
            let verdicts = door.look(&record, Stage::None, cookie);
            assert!(matches!(verdicts[..], [Verdict::SayAgain(_)]));
        }
        assert!(door.hello.is_none());
        assert_eq!(door.n_begun, 0);
    }

    #[test]
    fn a_hello_with_its_cookie_begins_a_handshake_once() {
        let mut door = Door::default();
        let body = hello(3, &cookie(&[3; 32]), 30);
        let record = handshake_record(CLIENT_HELLO, 1, 1, &body);
        let Some(Verdict::Begin { first, second }) =
            door.look(&record, Stage::None, cookie).pop()
        else {
            panic!("no handshake");
        };
        assert_eq!(first, handshake_record(CLIENT_HELLO, 0, 0, &hello(3, &[], 30)));
        assert_eq!(second, record);
        assert_eq!(door.look(&record, Stage::Clear, cookie), [Verdict::Repeat]);
        door.failed();
        assert_eq!(door.look(&record, Stage::None, cookie).len(), 1);
    }

    #[test]
    fn a_hello_in_pieces_is_put_together_in_any_order_after_the_first() {
        let mut door = Door::default();
        let body = hello(3, &cookie(&[3; 32]), 1500);
        for range in [0..700, 1200..body.len()] {
            assert_eq!(door.look(&piece(1, &body, range), Stage::None, cookie), []);
        }
        let verdicts = door.look(&piece(1, &body, 650..1300), Stage::None, cookie);
        assert!(matches!(verdicts[..], [Verdict::Begin { .. }]));
    }

    #[test]
    fn handshakes_are_begun_a_limited_number_of_times() {
        let mut door = Door::default();
        let mut begun = 0;
        for n in 0..100u8 {
            let body = hello(n, &cookie(&[n; 32]), 30);
            let record = handshake_record(CLIENT_HELLO, 1, 1, &body);
            begun += door.look(&record, Stage::None, cookie).len();
        }
        assert_eq!(begun, HANDSHAKES_MAX as usize);
        assert!(door.is_worn_out());
    }

    #[test]
    fn sealed_records_pass_in_small_numbers_before_there_are_keys() {
        let mut door = Door::default();
        let mut sealed = handshake_record(20, 0, 0, &[0; 200]);
        sealed[4] = 1;
        assert_eq!(door.look(&sealed, Stage::None, cookie), []);
        let passed = (0..10_000)
            .filter(|_| !door.look(&sealed, Stage::Clear, cookie).is_empty())
            .count();
        assert_eq!(passed, QUEUED_RECORDS_MAX as usize);
        assert_eq!(door.look(&sealed, Stage::Keyed, cookie).len(), 1);
    }

    #[test]
    fn alerts_and_data_in_clear_do_not_pass() {
        let mut door = Door::default();
        for kind in [21, 23, 99] {
            let record =
                [&[kind, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2][..], &[2, 40]].concat();
            for stage in [Stage::None, Stage::Clear, Stage::Keyed, Stage::Complete] {
                assert_eq!(door.look(&record, stage, cookie), []);
            }
        }
    }

    #[test]
    fn bytes_in_clear_are_limited() {
        let mut door = Door::default();
        let record = handshake_record(11, 2, 0, &[0; 1000]);
        let passed = (0..10_000)
            .filter(|_| !door.look(&record, Stage::Clear, cookie).is_empty())
            .count();
        assert_eq!(passed, HANDSHAKE_BYTES_MAX / 1012);
    }
}
