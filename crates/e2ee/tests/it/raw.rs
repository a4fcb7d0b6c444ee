//! What an attacker has: OpenMLS without our rules, and our layouts written down once more.
//!
//! Nothing here uses the crate's own way of making claims, policies, MACs or commits, so it can
//! make wrong ones; that it can make right ones too shows that the layouts are as documented.

use e2ee::identity::CounsellorKey;
use e2ee::link::{DeskSecret, RoomSecret};
use e2ee::policy::{self, SUITE};
use hmac::{Hmac, KeyInit, Mac};
use openmls::prelude::tls_codec::{Deserialize as _, Serialize as _};
use openmls::prelude::{
    BasicCredential, Capabilities, CommitMessageBundle, CredentialType, CredentialWithKey,
    Extension, ExtensionType, Extensions, GroupContext, GroupId, KeyPackage, KeyPackageIn,
    LeafNodeIndex, Lifetime, MlsGroup, MlsMessageIn, OpenMlsProvider,
    PURE_CIPHERTEXT_WIRE_FORMAT_POLICY, PreSharedKeyProposal, ProcessedMessageContent,
    Proposal, ProtocolVersion, StagedWelcome, UnknownExtension,
};
use openmls::schedule::PreSharedKeyId;
use openmls_basic_credential::SignatureKeyPair;
use openmls_rust_crypto::OpenMlsRustCrypto;
use protocol::client::Knock;
use protocol::id::{Generation, InviteId, ParticipantId, RoomId};
use protocol::opaque::Opaque;
use protocol::time::UnixSeconds;
use sha2::{Digest, Sha256};

const POLICY_EXTENSION: u16 = 0xf0a1;

pub(crate) const POLICY_TYPE: ExtensionType = ExtensionType::Unknown(POLICY_EXTENSION);

/// A device that runs OpenMLS as it is.
pub(crate) struct Raw {
    pub(crate) provider: OpenMlsRustCrypto,
    pub(crate) signer: SignatureKeyPair,
    pub(crate) credential: CredentialWithKey,
    pub(crate) group: Option<MlsGroup>,
}

/// What a raw commit is to do.
#[derive(Default)]
pub(crate) struct Evil {
    pub(crate) adds: Vec<KeyPackage>,
    pub(crate) removes: Vec<u32>,
    pub(crate) psks: Vec<Vec<u8>>,
    pub(crate) context: Option<Extensions<GroupContext>>,
    pub(crate) new_claim: Option<Vec<u8>>,
}

impl Raw {
    /// A device whose claim is made from its leaf key.
    pub(crate) fn new(claim: impl FnOnce(&[u8]) -> Vec<u8>) -> Self {
        let signer = SignatureKeyPair::new(SUITE.signature_algorithm()).unwrap();
        let credential = CredentialWithKey {
            credential: BasicCredential::new(claim(signer.public())).into(),
            signature_key: signer.public().into(),
        };
        Self { provider: OpenMlsRustCrypto::default(), signer, credential, group: None }
    }

    pub(crate) fn know_psk(&self, id: &[u8], secret: &RoomSecret) {
        PreSharedKeyId::external(id.to_vec(), vec![0; 32])
            .store(&self.provider, secret.expose())
            .unwrap();
    }

    pub(crate) fn found(
        &mut self,
        room: RoomId,
        generation: u32,
        extensions: Extensions<GroupContext>,
    ) {
        let id = policy::group_id(room, Generation(generation));
        let group = MlsGroup::builder()
            .with_group_id(GroupId::from_slice(id.as_bytes()))
            .ciphersuite(SUITE)
            .with_wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY)
            .padding_size(256)
            .use_ratchet_tree_extension(true)
            .with_capabilities(capabilities())
            .with_group_context_extensions(extensions)
            .build(&self.provider, &self.signer, self.credential.clone())
            .unwrap();
        self.group = Some(group);
    }

    pub(crate) fn key_package(&self, lifetime: Lifetime) -> KeyPackage {
        KeyPackage::builder()
            .key_package_lifetime(lifetime)
            .leaf_node_capabilities(capabilities())
            .build(SUITE, &self.provider, &self.signer, self.credential.clone())
            .unwrap()
            .key_package()
            .clone()
    }

    /// Makes a commit of any content.
    pub(crate) fn try_commit(&mut self, evil: Evil) -> Option<CommitMessageBundle> {
        let psks = evil.psks.into_iter().map(|id| {
            let psk = PreSharedKeyId::external(id, vec![1; 32]);
            Proposal::PreSharedKey(Box::new(PreSharedKeyProposal::new(psk)))
        });
        let mut leaf = openmls::prelude::LeafNodeParameters::builder();
        if let Some(claim) = evil.new_claim {
            leaf = leaf.with_credential_with_key(CredentialWithKey {
                credential: BasicCredential::new(claim).into(),
                signature_key: self.signer.public().into(),
            });
        }
        let mut builder = self.group.as_mut().unwrap().commit_builder().force_self_update(true);
        if let Some(context) = evil.context {
            builder = builder.propose_group_context_extensions(context).ok()?;
        }
        let bundle = builder
            .leaf_node_parameters(leaf.build())
            .propose_adds(evil.adds)
            .propose_removals(evil.removes.into_iter().map(LeafNodeIndex::new))
            .add_proposals(psks)
            .load_psks(self.provider.storage())
            .ok()?
            .build(self.provider.rand(), self.provider.crypto(), &self.signer, |_| true)
            .ok()?
            .stage_commit(&self.provider)
            .ok()?;
        Some(bundle)
    }

    pub(crate) fn commit(&mut self, evil: Evil) -> (Vec<u8>, Option<Vec<u8>>) {
        let (commit, welcome, _) =
            self.try_commit(evil).expect("OpenMLS makes it").into_messages();
        let bytes = |m: openmls::prelude::MlsMessageOut| m.tls_serialize_detached().unwrap();
        (bytes(commit), welcome.map(bytes))
    }

    pub(crate) fn merge_own(&mut self) {
        self.group.as_mut().unwrap().merge_pending_commit(&self.provider).unwrap();
    }

    /// Joins without looking: what a naive device would do.
    pub(crate) fn join(&mut self, welcome: &[u8]) -> Result<(), String> {
        let message = MlsMessageIn::tls_deserialize_exact(welcome).unwrap();
        let openmls::prelude::MlsMessageBodyIn::Welcome(welcome) = message.extract() else {
            panic!("not a Welcome")
        };
        let config = openmls::prelude::MlsGroupJoinConfig::builder()
            .wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY)
            .use_ratchet_tree_extension(true)
            .build();
        let group = StagedWelcome::new_from_welcome(&self.provider, &config, welcome, None)
            .and_then(|staged| staged.into_group(&self.provider))
            .map_err(|e| format!("{e:?}"))?;
        self.group = Some(group);
        Ok(())
    }

    /// Processes and merges whatever OpenMLS accepts: what a naive device would do.
    pub(crate) fn accept(&mut self, message: &[u8]) -> Result<(), String> {
        let message = MlsMessageIn::tls_deserialize_exact(message).unwrap();
        let message = message.try_into_protocol_message().unwrap();
        let group = self.group.as_mut().unwrap();
        let processed =
            group.process_message(&self.provider, message).map_err(|e| format!("{e:?}"))?;
        match processed.into_content() {
            ProcessedMessageContent::StagedCommitMessage(staged) => {
                group.merge_staged_commit(&self.provider, *staged).map_err(|e| format!("{e:?}"))
            }
            ProcessedMessageContent::ApplicationMessage(_)
            | ProcessedMessageContent::ProposalMessage(_)
            | ProcessedMessageContent::ExternalJoinProposalMessage(_) => Ok(()),
            ProcessedMessageContent::OwnPrivateMessage
            | ProcessedMessageContent::OwnPendingCommit => Err("own".into()),
        }
    }

    /// What the epoch's frame keys come from.
    pub(crate) fn base_key(&self) -> Vec<u8> {
        let group = self.group.as_ref().unwrap();
        group.export_secret(self.provider.crypto(), "SFrame 1.0 Base Key", b"", 16).unwrap()
    }
}

pub(crate) fn capabilities() -> Capabilities {
    Capabilities::builder()
        .versions(vec![ProtocolVersion::Mls10])
        .ciphersuites(vec![SUITE])
        .extensions(vec![POLICY_TYPE])
        .proposals(Vec::new())
        .credentials(vec![CredentialType::Basic])
        .build()
}

/// The layout of the policy extension, a second time.
pub(crate) fn policy_bytes(room: RoomId, generation: u32, owner: &[u8; 16]) -> Vec<u8> {
    let mut bytes = vec![1];
    bytes.extend_from_slice(room.as_bytes());
    bytes.extend_from_slice(&generation.to_be_bytes());
    bytes.extend_from_slice(owner);
    bytes.push(16);
    bytes.extend_from_slice(owner);
    bytes.extend_from_slice(&[0, 4, 6, 0, 4, 1, 0]);
    bytes.extend_from_slice(&1_u32.to_be_bytes());
    bytes
}

pub(crate) fn extensions_of(policy: Vec<u8>) -> Extensions<GroupContext> {
    Extensions::single(Extension::Unknown(POLICY_EXTENSION, UnknownExtension(policy))).unwrap()
}

/// The layout of a counsellor's claim, a second time.
pub(crate) fn counsellor_claim(
    idc: &CounsellorKey,
    participant: ParticipantId,
    room: RoomId,
    leaf: &[u8],
    not_after: UnixSeconds,
) -> Vec<u8> {
    let not_after = not_after.0.to_be_bytes();
    let signed = [b"aman/leaf/v1", room.as_bytes().as_slice(), leaf, &not_after].concat();
    let mut bytes = vec![1, 1];
    bytes.extend_from_slice(&participant.raw().to_be_bytes());
    bytes.extend_from_slice(b"\x03Ana");
    bytes.extend_from_slice(&idc.public());
    bytes.extend_from_slice(&not_after);
    bytes.extend_from_slice(&idc.sign(&signed));
    bytes
}

/// The layout of an attendee's claim, a second time.
pub(crate) fn attendee_claim(participant: ParticipantId, invite: InviteId) -> Vec<u8> {
    let mut bytes = vec![1, 2];
    bytes.extend_from_slice(&participant.raw().to_be_bytes());
    bytes.extend_from_slice(invite.as_bytes());
    bytes
}

/// Two hours around now.
pub(crate) fn short(now: UnixSeconds) -> Lifetime {
    Lifetime::init(now.0 - 900, now.0 - 900 + 7200)
}

/// A knock made by hand, with the MAC key of `number`th link.
pub(crate) fn knock(
    desk: &DeskSecret,
    room: RoomId,
    number: u32,
    packages: [&KeyPackage; 2],
    sealed_name: Vec<u8>,
) -> Knock {
    let link = desk.link(room, number);
    let mut join_mac = [0; 32];
    hkdf::Hkdf::<Sha256>::new(Some(b"aman-link-v1"), link.expose())
        .expand(b"join-mac", &mut join_mac)
        .unwrap();
    let [package, spare] = packages.map(|p| p.tls_serialize_detached().unwrap());
    let nonce = [9; 16];
    let mut mac = Hmac::<Sha256>::new_from_slice(&join_mac).unwrap();
    mac.update(b"aman/join/v1");
    mac.update(room.as_bytes());
    mac.update(b"attendee");
    mac.update(&Sha256::digest(&package));
    mac.update(&Sha256::digest(&spare));
    mac.update(&nonce);
    Knock {
        key_package: Opaque::new(package).unwrap(),
        spare_key_package: Opaque::new(spare).unwrap(),
        nonce: Opaque::new(nonce.to_vec()).unwrap(),
        mac: Opaque::new(mac.finalize().into_bytes().to_vec()).unwrap(),
        sealed_name: Opaque::new(sealed_name).unwrap(),
    }
}

/// The KeyPackage inside a knock, as the server sees it.
pub(crate) fn package_of(knock: &Knock) -> KeyPackage {
    let provider = OpenMlsRustCrypto::default();
    KeyPackageIn::tls_deserialize_exact(knock.key_package.as_slice())
        .unwrap()
        .validate(provider.crypto(), ProtocolVersion::Mls10)
        .unwrap()
}
