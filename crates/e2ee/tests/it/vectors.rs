//! The vectors of RFC 9605 (appendix C), and those of our own key schedule.
//!
//! A handful is transcribed in `tests/vectors`, so that a public clone tests too; all of them
//! run when the folder `shared` lies beside the repository.

use std::path::{Path, PathBuf};

use aes::cipher::{KeyIvInit, StreamCipher};
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes128Gcm, Aes256Gcm, Nonce};
use e2ee::link::{CounsellorPin, DeskSecret, InviteKeys, LinkSecret};
use e2ee::policy;
use e2ee::sframe::{self, Header};
use hmac::{Hmac, Mac};
use protocol::id::{Generation, RoomId};
use protocol::opaque::encode_base64url;
use serde::Deserialize;
use sha2::{Sha256, Sha512};

#[derive(Deserialize)]
struct SFrameFile {
    #[serde(default)]
    header: Vec<HeaderVector>,
    #[serde(default)]
    aes_ctr_hmac: Vec<CtrHmacVector>,
    #[serde(default)]
    aes_256_ctr_hmac: Vec<CtrHmacVector>,
    #[serde(default)]
    sframe: Vec<SFrameVector>,
    #[serde(default)]
    sframe_aes_256_ctr_hmac: Vec<SFrameVector>,
}

#[derive(Deserialize)]
struct HeaderVector {
    kid: u64,
    ctr: u64,
    encoded: String,
}

#[derive(Deserialize)]
struct CtrHmacVector {
    cipher_suite: u16,
    key: String,
    nonce: String,
    aad: String,
    pt: String,
    ct: String,
}

#[derive(Deserialize)]
struct SFrameVector {
    cipher_suite: u16,
    kid: u64,
    ctr: u64,
    base_key: String,
    sframe_key: String,
    sframe_salt: String,
    metadata: String,
    nonce: String,
    aad: String,
    pt: String,
    ct: String,
}

#[test]
fn the_transcribed_sframe_vectors_hold() {
    let checked = check(&repository().join("tests/vectors/sframe.json"));
    assert!(checked >= 12, "{checked} are too few to mean anything");
}

#[test]
fn all_published_sframe_vectors_hold_where_they_are_at_hand() {
    let folder = repository().join("../shared/vectors/sframe");
    // A public clone has only the transcribed ones, which the test above checks.
    if folder.is_dir() {
        assert_eq!(check(&folder.join("test-vectors.json")), 289 + 3 + 3 + 5);
        assert_eq!(check(&folder.join("test-vectors-aes256.json")), 3);
    }
}

#[test]
fn a_changed_vector_does_not_hold() {
    let vector = HeaderVector { kid: 255, ctr: 256, encoded: "89ff0101".into() };
    assert_ne!(Header { kid: 255, ctr: 256 }.encode().as_slice(), unhex(&vector.encoded));
}

/// Checks a file and says how many vectors it had.
fn check(path: &Path) -> usize {
    let text = std::fs::read_to_string(path).unwrap();
    let file: SFrameFile = serde_json::from_str(&text).unwrap();
    for vector in &file.header {
        let (header, encoded) =
            (Header { kid: vector.kid, ctr: vector.ctr }, unhex(&vector.encoded));
        assert_eq!(header.encode().as_slice(), encoded);
        assert_eq!(Header::decode(&encoded), Some((header, &[][..])));
    }
    let ctr_hmac = file.aes_ctr_hmac.iter().chain(&file.aes_256_ctr_hmac);
    for vector in ctr_hmac.clone() {
        let [key, nonce, aad, pt, ct] =
            [&vector.key, &vector.nonce, &vector.aad, &vector.pt, &vector.ct].map(|t| unhex(t));
        assert_eq!(seal(vector.cipher_suite, &key, &nonce, &aad, &pt), ct);
    }
    let whole = file.sframe.iter().chain(&file.sframe_aes_256_ctr_hmac);
    for vector in whole.clone() {
        check_whole(vector);
    }
    file.header.len() + ctr_hmac.count() + whole.count()
}

fn check_whole(vector: &SFrameVector) {
    let suite = vector.cipher_suite;
    let mut key = vec![0; key_bytes(suite)];
    let mut salt = [0; sframe::NONCE_BYTES];
    let base_key = unhex(&vector.base_key);
    if matches!(suite, 1..=4) {
        sframe::derive::<Sha256>(&base_key, vector.kid, suite, &mut key, &mut salt);
    } else {
        sframe::derive::<Sha512>(&base_key, vector.kid, suite, &mut key, &mut salt);
    }
    assert_eq!(key, unhex(&vector.sframe_key));
    assert_eq!(salt.as_slice(), unhex(&vector.sframe_salt));

    let nonce = sframe::nonce(&salt, vector.ctr);
    assert_eq!(nonce.as_slice(), unhex(&vector.nonce));
    let header = Header { kid: vector.kid, ctr: vector.ctr }.encode();
    let aad = [header.as_slice(), &unhex(&vector.metadata)].concat();
    assert_eq!(aad, unhex(&vector.aad));
    let sealed = seal(suite, &key, &nonce, &aad, &unhex(&vector.pt));
    assert_eq!([header.as_slice(), &sealed].concat(), unhex(&vector.ct));
}

/// Key bytes of a suite: RFC 9605 section 4.5, and the draft's AES-256 suites.
fn key_bytes(suite: u16) -> usize {
    match suite {
        1..=3 => 16 + 32,
        4 => 16,
        5 => 32,
        6..=8 => 32 + 64,
        _ => panic!("no such suite: {suite}"),
    }
}

fn seal(suite: u16, key: &[u8], nonce: &[u8], aad: &[u8], pt: &[u8]) -> Vec<u8> {
    let payload = Payload { msg: pt, aad };
    match suite {
        4 => Aes128Gcm::new_from_slice(key)
            .unwrap()
            .encrypt(Nonce::from_slice(nonce), payload)
            .unwrap(),
        5 => Aes256Gcm::new_from_slice(key)
            .unwrap()
            .encrypt(Nonce::from_slice(nonce), payload)
            .unwrap(),
        _ => seal_ctr_hmac(suite, key, nonce, aad, pt),
    }
}

/// RFC 9605 section 4.5.1.  Not one of our suites: it proves the schedule around it.
fn seal_ctr_hmac(suite: u16, key: &[u8], nonce: &[u8], aad: &[u8], pt: &[u8]) -> Vec<u8> {
    let tag_bytes = match suite {
        1 | 6 => 10,
        2 | 7 => 8,
        _ => 4_usize,
    };
    let counter = [nonce, &[0; 4]].concat();
    let mut ct = pt.to_vec();
    let auth_key = if suite <= 3 {
        let (enc_key, auth_key) = key.split_at(16);
        ctr::Ctr32BE::<aes::Aes128>::new_from_slices(enc_key, &counter)
            .unwrap()
            .apply_keystream(&mut ct);
        auth_key
    } else {
        let (enc_key, auth_key) = key.split_at(32);
        ctr::Ctr32BE::<aes::Aes256>::new_from_slices(enc_key, &counter)
            .unwrap()
            .apply_keystream(&mut ct);
        auth_key
    };
    let lengths = [aad.len(), ct.len(), tag_bytes].map(|n| (n as u64).to_be_bytes()).concat();
    let message = [lengths.as_slice(), nonce, aad, &ct].concat();
    let tag = if suite <= 3 {
        let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(auth_key).unwrap();
        mac.update(&message);
        mac.finalize().into_bytes().to_vec()
    } else {
        let mut mac = <Hmac<Sha512> as hmac::KeyInit>::new_from_slice(auth_key).unwrap();
        mac.update(&message);
        mac.finalize().into_bytes().to_vec()
    };
    ct.extend_from_slice(&tag[..tag_bytes]);
    ct
}

/// Our own key schedule, as `tests/vectors/keys.json` has it.
#[derive(Deserialize)]
struct KeysFile {
    link_secret: String,
    desk_secret: String,
    idc_public: String,
    room: String,
    number: u32,
    generation: u32,
    pin: String,
    invite: String,
    server_auth: String,
    server_auth_hash: String,
    desk_link: String,
    desk_room_secret: String,
    group: String,
    psk_id: String,
    fragment: String,
}

#[test]
fn our_key_schedule_is_as_written_down() {
    let path = repository().join("tests/vectors/keys.json");
    let file: KeysFile = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let room = RoomId::from_bytes(array(&file.room));
    let link = LinkSecret::from_bytes(array(&file.link_secret));
    let desk = DeskSecret::from_bytes(array(&file.desk_secret));
    let keys = InviteKeys::derive(&link);
    let pin = CounsellorPin::of(&array(&file.idc_public));
    let group = policy::group_id(room, Generation(file.generation));

    let actual = [
        hex(pin.as_bytes()),
        hex(keys.invite.as_bytes()),
        hex(keys.server_auth().expose()),
        hex(&keys.server_auth_hash()),
        hex(desk.link(room, file.number).expose()),
        hex(desk.room_secret(room).expose()),
        hex(group.as_bytes()),
        String::from_utf8(policy::psk_id(room)).unwrap(),
        e2ee::link::format_fragment(&link, &pin),
    ];
    let expected = [
        file.pin,
        file.invite,
        file.server_auth,
        file.server_auth_hash,
        file.desk_link,
        file.desk_room_secret,
        file.group,
        file.psk_id,
        file.fragment,
    ];
    assert_eq!(actual, expected);
    assert!(expected[7].contains(&encode_base64url(room.as_bytes())));
}

/// The root of the repository.
fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

fn array<const N: usize>(text: &str) -> [u8; N] {
    unhex(text).try_into().unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
