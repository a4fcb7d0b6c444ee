//! Who is at an address: STUN Binding requests, as an ICE-lite agent answers them
//! (RFC 8445 sections 2.5 and 7.3, RFC 8489).  The adapter to `rtc-stun`.
//!
//! A request is looked at in two steps: [`username`] reads the name without a stack, so that a
//! flood of wrong names costs next to nothing; [`verify`] checks the rest.

use std::net::SocketAddr;

use rtc_crypto::RTCCrypto;
use rtc_stun::attributes::{ATTR_MESSAGE_INTEGRITY, ATTR_USE_CANDIDATE};
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{BINDING_REQUEST, BINDING_SUCCESS, Message, TransactionId};
use rtc_stun::xoraddr::XorMappedAddress;

const HEADER_BYTES: usize = 20;
const USERNAME: u16 = 0x0006;
const MAGIC: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
/// Longer requests are nobody's: the longest of browsers have about 150 bytes.
const REQUEST_BYTES_MAX: usize = 600;

/// An authentic Binding request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Binding {
    pub(crate) transaction: [u8; 12],
    /// The client has chosen this path.
    pub(crate) nominates: bool,
}

/// The two halves of the name in a Binding request: ours and theirs.
pub(crate) fn username(datagram: &[u8]) -> Option<(&str, &str)> {
    if datagram.len() > REQUEST_BYTES_MAX
        || datagram.get(..2)? != [0, 1]
        || datagram.get(4..8)? != MAGIC
    {
        return None;
    }
    let mut rest = datagram.get(HEADER_BYTES..)?;
    loop {
        let (&[k0, k1, l0, l1], body) = rest.split_first_chunk()?;
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        if u16::from_be_bytes([k0, k1]) == USERNAME {
            return std::str::from_utf8(body.get(..length)?).ok()?.split_once(':');
        }
        rest = body.get(length.next_multiple_of(4)..)?;
    }
}

/// The request, if its MESSAGE-INTEGRITY was made with `password`.
pub(crate) fn verify(
    datagram: &[u8],
    password: &str,
    crypto: &dyn RTCCrypto,
) -> Option<Binding> {
    let mut message = Message::new();
    message.unmarshal_binary(datagram).ok()?;
    if message.typ != BINDING_REQUEST {
        return None;
    }
    MessageIntegrity::check(&mut message, password.as_bytes(), crypto).ok()?;
    // What comes after MESSAGE-INTEGRITY is not covered by it (RFC 8489 section 14.5).
    let mut covered = message
        .attributes
        .0
        .iter()
        .take_while(|attribute| attribute.typ != ATTR_MESSAGE_INTEGRITY);
    Some(Binding {
        transaction: message.transaction_id.0,
        nominates: covered.any(|attribute| attribute.typ == ATTR_USE_CANDIDATE),
    })
}

/// The answer: "this is how I see you".
pub(crate) fn answer(
    binding: &Binding,
    from: SocketAddr,
    password: &str,
    crypto: &dyn RTCCrypto,
) -> Option<Vec<u8>> {
    let mut message = Message::new();
    message
        .build(&[
            Box::new(BINDING_SUCCESS),
            Box::new(TransactionId(binding.transaction)),
            Box::new(XorMappedAddress { ip: from.ip().to_canonical(), port: from.port() }),
            Box::new(MessageIntegrity::new_short_term_integrity_with_provider(
                password.to_owned(),
                crypto,
            )),
            Box::new(FINGERPRINT),
        ])
        .ok()?;
    Some(message.raw)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rtc_stun::attributes::ATTR_USERNAME;
    use rtc_stun::message::{Getter, Setter};
    use rtc_stun::textattrs::TextAttribute;

    use super::*;

    const PASSWORD: &str = "a password of twenty-four";

    struct Nominate;
    impl Setter for Nominate {
        fn add_to(&self, message: &mut Message) -> rtc_shared::error::Result<()> {
            message.add(ATTR_USE_CANDIDATE, &[]);
            Ok(())
        }
    }

    fn request(setters: Vec<Box<dyn Setter + '_>>) -> Vec<u8> {
        let mut all: Vec<Box<dyn Setter + '_>> = vec![
            Box::new(BINDING_REQUEST),
            Box::new(TransactionId([7; 12])),
            Box::new(TextAttribute::new(ATTR_USERNAME, "ours:theirs".to_owned())),
        ];
        all.extend(setters);
        let mut message = Message::new();
        message.build(&all).unwrap();
        message.raw
    }

    fn integrity<'a>(crypto: &'a dyn RTCCrypto) -> Box<dyn Setter + 'a> {
        let password = PASSWORD.to_owned();
        Box::new(MessageIntegrity::new_short_term_integrity_with_provider(password, crypto))
    }

    #[test]
    fn an_authentic_request_is_answered_with_the_address_it_came_from() {
        let provider = rtc_crypto::default_provider().unwrap();
        let crypto = provider.crypto();
        let datagram =
            request(vec![Box::new(Nominate), integrity(crypto), Box::new(FINGERPRINT)]);
        assert_eq!(username(&datagram), Some(("ours", "theirs")));
        let binding = verify(&datagram, PASSWORD, crypto).unwrap();
        assert_eq!(binding, Binding { transaction: [7; 12], nominates: true });
        let from: SocketAddr = "192.0.2.1:4711".parse().unwrap();
        let answer = answer(&binding, from, PASSWORD, crypto).unwrap();
        let mut message = Message::new();
        message.unmarshal_binary(&answer).unwrap();
        let mut mapped = XorMappedAddress::default();
        mapped.get_from(&message).unwrap();
        assert_eq!((mapped.ip, mapped.port), (from.ip(), from.port()));
        assert!(MessageIntegrity::check(&mut message, PASSWORD.as_bytes(), crypto).is_ok());
    }

    #[test]
    fn a_request_with_another_password_or_none_is_not_authentic() {
        let provider = rtc_crypto::default_provider().unwrap();
        let crypto = provider.crypto();
        assert_eq!(verify(&request(vec![integrity(crypto)]), "another", crypto), None);
        assert_eq!(verify(&request(vec![]), PASSWORD, crypto), None);
    }

    #[test]
    fn a_nomination_behind_the_integrity_does_not_count() {
        let provider = rtc_crypto::default_provider().unwrap();
        let crypto = provider.crypto();
        let datagram = request(vec![integrity(crypto), Box::new(Nominate)]);
        assert!(!verify(&datagram, PASSWORD, crypto).unwrap().nominates);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(mut bytes in prop::collection::vec(any::<u8>(), 20..200)) {
            let provider = rtc_crypto::default_provider().unwrap();
            bytes[..2].copy_from_slice(&[0, 1]);
            let length = u16::try_from(bytes.len() - 20).unwrap();
            bytes[2..4].copy_from_slice(&length.to_be_bytes());
            bytes[4..8].copy_from_slice(&MAGIC);
            username(&bytes);
            prop_assert_eq!(verify(&bytes, PASSWORD, provider.crypto()), None);
        }
    }
}
