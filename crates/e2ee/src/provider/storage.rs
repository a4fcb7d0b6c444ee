//! What OpenMLS may put down and look up: keys it has use for later, and nothing else.
//!
//! OpenMLS writes the whole state of a group to its storage after every message, for programs
//! that load it again another day.  We never do: a group lives in its
//! [`MlsGroup`](openmls::group::MlsGroup) and dies with it.  So of a group's *state* nothing is
//! kept here, and a group that is looked up is not found; fewer copies of its secrets are made,
//! and a message costs no serialisation.  What OpenMLS takes from storage while it works is
//! kept: KeyPackages, key pairs, PSKs.
//!
//! Values are kept as bytes (`postcard`), because OpenMLS gives no more than `serde`.  They are
//! wiped when they are replaced, deleted or dropped, and so is every buffer on the way.

use std::cell::RefCell;
use std::collections::BTreeMap;

use openmls_traits::storage::{CURRENT_VERSION, StorageProvider, traits};
use postcard::ser_flavors::Flavor;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

/// Room for most values, so that they are written without growing.
const VALUE_BYTES: usize = 256;

/// A value could not be put into bytes or taken out of them.  Nothing can be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key could not be put down or looked up")]
pub(crate) struct StorageFailed;

impl From<postcard::Error> for StorageFailed {
    fn from(_: postcard::Error) -> Self {
        Self
    }
}

/// Which kind of value it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    KeyPackage,
    Psk,
    SignatureKeyPair,
    EncryptionKeyPair,
    EpochKeyPairs,
}

type Name = (Kind, Vec<u8>);

/// See the module.
#[derive(Default)]
pub(crate) struct KeyStorage {
    values: RefCell<BTreeMap<Name, Zeroizing<Vec<u8>>>>,
}

/// Bytes being written, wiped where they stood when they have to move.
struct Wiped(Zeroizing<Vec<u8>>);

impl Flavor for Wiped {
    type Output = Zeroizing<Vec<u8>>;

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.try_extend(&[byte])
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        let needed = self.0.len() + bytes.len();
        if self.0.capacity() < needed {
            let mut larger = Vec::with_capacity(needed.max(2 * self.0.capacity()));
            larger.extend_from_slice(&self.0);
            self.0 = Zeroizing::new(larger);
        }
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<Self::Output> {
        Ok(self.0)
    }
}

fn to_bytes(value: &(impl Serialize + ?Sized)) -> Result<Zeroizing<Vec<u8>>, StorageFailed> {
    let empty = Wiped(Zeroizing::new(Vec::with_capacity(VALUE_BYTES)));
    Ok(postcard::serialize_with_flavor(value, empty)?)
}

fn name(kind: Kind, key: &impl Serialize) -> Result<Name, StorageFailed> {
    Ok((kind, to_bytes(key)?.to_vec()))
}

impl KeyStorage {
    fn put(&self, name: Name, value: Zeroizing<Vec<u8>>) {
        self.values.borrow_mut().insert(name, value);
    }

    fn get<T: DeserializeOwned>(&self, name: &Name) -> Result<Option<T>, StorageFailed> {
        let values = self.values.borrow();
        let Some(bytes) = values.get(name) else { return Ok(None) };
        Ok(Some(postcard::from_bytes(bytes)?))
    }

    fn delete(&self, name: &Name) {
        self.values.borrow_mut().remove(name);
    }
}

/// One kind of value that is kept, under one key.
macro_rules! kept {
    ($kind:ident: $key:ident => $value:ident, $write:ident, $delete:ident) => {
        fn $write<K: traits::$key<CURRENT_VERSION>, T: traits::$value<CURRENT_VERSION>>(
            &self,
            key: &K,
            value: &T,
        ) -> Result<(), StorageFailed> {
            self.put(name(Kind::$kind, key)?, to_bytes(value)?);
            Ok(())
        }

        fn $delete<K: traits::$key<CURRENT_VERSION>>(
            &self,
            key: &K,
        ) -> Result<(), StorageFailed> {
            self.delete(&name(Kind::$kind, key)?);
            Ok(())
        }
    };
}

/// Parts of a group's state, which are not kept: nothing to write, nothing to find, nothing to
/// delete.
macro_rules! not_kept {
    ($($value:ident: $write:ident, $read:ident, $delete:ident;)*) => {$(
        fn $write<G: traits::GroupId<CURRENT_VERSION>, T: traits::$value<CURRENT_VERSION>>(
            &self,
            _: &G,
            _: &T,
        ) -> Result<(), StorageFailed> {
            Ok(())
        }

        fn $read<G: traits::GroupId<CURRENT_VERSION>, T: traits::$value<CURRENT_VERSION>>(
            &self,
            _: &G,
        ) -> Result<Option<T>, StorageFailed> {
            Ok(None)
        }

        fn $delete<G: traits::GroupId<CURRENT_VERSION>>(&self, _: &G) -> Result<(), StorageFailed> {
            Ok(())
        }
    )*};
}

impl StorageProvider<CURRENT_VERSION> for KeyStorage {
    type Error = StorageFailed;

    kept!(KeyPackage: HashReference => KeyPackage, write_key_package, delete_key_package);
    kept!(Psk: PskId => PskBundle, write_psk, delete_psk);
    kept!(SignatureKeyPair: SignaturePublicKey => SignatureKeyPair,
        write_signature_key_pair, delete_signature_key_pair);
    kept!(EncryptionKeyPair: EncryptionKey => HpkeKeyPair,
        write_encryption_key_pair, delete_encryption_key_pair);

    fn key_package<
        K: traits::HashReference<CURRENT_VERSION>,
        T: traits::KeyPackage<CURRENT_VERSION>,
    >(
        &self,
        reference: &K,
    ) -> Result<Option<T>, StorageFailed> {
        self.get(&name(Kind::KeyPackage, reference)?)
    }

    fn psk<T: traits::PskBundle<CURRENT_VERSION>, K: traits::PskId<CURRENT_VERSION>>(
        &self,
        id: &K,
    ) -> Result<Option<T>, StorageFailed> {
        self.get(&name(Kind::Psk, id)?)
    }

    fn signature_key_pair<
        K: traits::SignaturePublicKey<CURRENT_VERSION>,
        T: traits::SignatureKeyPair<CURRENT_VERSION>,
    >(
        &self,
        public: &K,
    ) -> Result<Option<T>, StorageFailed> {
        self.get(&name(Kind::SignatureKeyPair, public)?)
    }

    fn encryption_key_pair<
        T: traits::HpkeKeyPair<CURRENT_VERSION>,
        K: traits::EncryptionKey<CURRENT_VERSION>,
    >(
        &self,
        public: &K,
    ) -> Result<Option<T>, StorageFailed> {
        self.get(&name(Kind::EncryptionKeyPair, public)?)
    }

    fn write_encryption_epoch_key_pairs<
        G: traits::GroupId<CURRENT_VERSION>,
        E: traits::EpochKey<CURRENT_VERSION>,
        T: traits::HpkeKeyPair<CURRENT_VERSION>,
    >(
        &self,
        group: &G,
        epoch: &E,
        leaf: u32,
        pairs: &[T],
    ) -> Result<(), StorageFailed> {
        self.put(name(Kind::EpochKeyPairs, &(group, epoch, leaf))?, to_bytes(pairs)?);
        Ok(())
    }

    fn encryption_epoch_key_pairs<
        G: traits::GroupId<CURRENT_VERSION>,
        E: traits::EpochKey<CURRENT_VERSION>,
        T: traits::HpkeKeyPair<CURRENT_VERSION>,
    >(
        &self,
        group: &G,
        epoch: &E,
        leaf: u32,
    ) -> Result<Vec<T>, StorageFailed> {
        let pairs = self.get(&name(Kind::EpochKeyPairs, &(group, epoch, leaf))?)?;
        Ok(pairs.unwrap_or_default())
    }

    fn delete_encryption_epoch_key_pairs<
        G: traits::GroupId<CURRENT_VERSION>,
        E: traits::EpochKey<CURRENT_VERSION>,
    >(
        &self,
        group: &G,
        epoch: &E,
        leaf: u32,
    ) -> Result<(), StorageFailed> {
        self.delete(&name(Kind::EpochKeyPairs, &(group, epoch, leaf))?);
        Ok(())
    }

    not_kept! {
        MlsGroupJoinConfig: write_mls_join_config, mls_group_join_config, delete_group_config;
        TreeSync: write_tree, tree, delete_tree;
        InterimTranscriptHash: write_interim_transcript_hash, interim_transcript_hash,
            delete_interim_transcript_hash;
        GroupContext: write_context, group_context, delete_context;
        ConfirmationTag: write_confirmation_tag, confirmation_tag, delete_confirmation_tag;
        MessageSecrets: write_message_secrets, message_secrets, delete_message_secrets;
        ResumptionPskStore: write_resumption_psk_store, resumption_psk_store,
            delete_all_resumption_psk_secrets;
        LeafNodeIndex: write_own_leaf_index, own_leaf_index, delete_own_leaf_index;
        GroupEpochSecrets: write_group_epoch_secrets, group_epoch_secrets,
            delete_group_epoch_secrets;
    }

    fn write_group_state<
        T: traits::GroupState<CURRENT_VERSION>,
        G: traits::GroupId<CURRENT_VERSION>,
    >(
        &self,
        _: &G,
        _: &T,
    ) -> Result<(), StorageFailed> {
        Ok(())
    }

    fn group_state<
        T: traits::GroupState<CURRENT_VERSION>,
        G: traits::GroupId<CURRENT_VERSION>,
    >(
        &self,
        _: &G,
    ) -> Result<Option<T>, StorageFailed> {
        Ok(None)
    }

    fn delete_group_state<G: traits::GroupId<CURRENT_VERSION>>(
        &self,
        _: &G,
    ) -> Result<(), StorageFailed> {
        Ok(())
    }

    fn append_own_leaf_node<
        G: traits::GroupId<CURRENT_VERSION>,
        T: traits::LeafNode<CURRENT_VERSION>,
    >(
        &self,
        _: &G,
        _: &T,
    ) -> Result<(), StorageFailed> {
        Ok(())
    }

    fn own_leaf_nodes<
        G: traits::GroupId<CURRENT_VERSION>,
        T: traits::LeafNode<CURRENT_VERSION>,
    >(
        &self,
        _: &G,
    ) -> Result<Vec<T>, StorageFailed> {
        Ok(Vec::new())
    }

    fn delete_own_leaf_nodes<G: traits::GroupId<CURRENT_VERSION>>(
        &self,
        _: &G,
    ) -> Result<(), StorageFailed> {
        Ok(())
    }

    fn queue_proposal<
        G: traits::GroupId<CURRENT_VERSION>,
        R: traits::ProposalRef<CURRENT_VERSION>,
        T: traits::QueuedProposal<CURRENT_VERSION>,
    >(
        &self,
        _: &G,
        _: &R,
        _: &T,
    ) -> Result<(), StorageFailed> {
        Ok(())
    }

    fn queued_proposal_refs<
        G: traits::GroupId<CURRENT_VERSION>,
        R: traits::ProposalRef<CURRENT_VERSION>,
    >(
        &self,
        _: &G,
    ) -> Result<Vec<R>, StorageFailed> {
        Ok(Vec::new())
    }

    fn queued_proposals<
        G: traits::GroupId<CURRENT_VERSION>,
        R: traits::ProposalRef<CURRENT_VERSION>,
        T: traits::QueuedProposal<CURRENT_VERSION>,
    >(
        &self,
        _: &G,
    ) -> Result<Vec<(R, T)>, StorageFailed> {
        Ok(Vec::new())
    }

    fn remove_proposal<
        G: traits::GroupId<CURRENT_VERSION>,
        R: traits::ProposalRef<CURRENT_VERSION>,
    >(
        &self,
        _: &G,
        _: &R,
    ) -> Result<(), StorageFailed> {
        Ok(())
    }

    fn clear_proposal_queue<
        G: traits::GroupId<CURRENT_VERSION>,
        R: traits::ProposalRef<CURRENT_VERSION>,
    >(
        &self,
        _: &G,
    ) -> Result<(), StorageFailed> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use openmls_traits::storage::{Entity, Key};
    use serde::Deserialize;

    use super::*;

    #[derive(Serialize)]
    struct Id(&'static str);

    #[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
    struct Value(Vec<u8>);

    impl Key<CURRENT_VERSION> for Id {}
    impl traits::GroupId<CURRENT_VERSION> for Id {}
    impl traits::EpochKey<CURRENT_VERSION> for Id {}
    impl traits::HashReference<CURRENT_VERSION> for Id {}
    impl traits::PskId<CURRENT_VERSION> for Id {}
    impl traits::SignaturePublicKey<CURRENT_VERSION> for Id {}
    impl traits::EncryptionKey<CURRENT_VERSION> for Id {}
    impl Entity<CURRENT_VERSION> for Value {}
    impl traits::KeyPackage<CURRENT_VERSION> for Value {}
    impl traits::PskBundle<CURRENT_VERSION> for Value {}
    impl traits::SignatureKeyPair<CURRENT_VERSION> for Value {}
    impl traits::HpkeKeyPair<CURRENT_VERSION> for Value {}
    impl traits::TreeSync<CURRENT_VERSION> for Value {}

    fn value(byte: u8) -> Value {
        Value(vec![byte; 2 * VALUE_BYTES])
    }

    #[test]
    fn what_is_kept_is_found_until_it_is_deleted() {
        let storage = KeyStorage::default();
        let (a, b) = (Id("a"), Id("b"));
        storage.write_key_package(&a, &value(1)).unwrap();
        storage.write_psk(&a, &value(2)).unwrap();
        storage.write_signature_key_pair(&a, &value(3)).unwrap();
        storage.write_encryption_key_pair(&a, &value(4)).unwrap();

        assert_eq!(storage.key_package(&a), Ok(Some(value(1))));
        assert_eq!(storage.psk(&a), Ok(Some(value(2))));
        assert_eq!(storage.signature_key_pair(&a), Ok(Some(value(3))));
        assert_eq!(storage.encryption_key_pair(&a), Ok(Some(value(4))));
        assert_eq!(storage.psk::<Value, _>(&b), Ok(None));

        storage.delete_key_package(&a).unwrap();
        storage.delete_psk(&a).unwrap();
        storage.delete_signature_key_pair(&a).unwrap();
        storage.delete_encryption_key_pair(&a).unwrap();
        assert_eq!(storage.key_package::<_, Value>(&a), Ok(None));
        assert!(storage.values.borrow().is_empty());
    }

    #[test]
    fn a_newer_value_replaces_the_older() {
        let storage = KeyStorage::default();
        storage.write_psk(&Id("a"), &value(1)).unwrap();
        storage.write_psk(&Id("a"), &value(2)).unwrap();
        assert_eq!(storage.psk(&Id("a")), Ok(Some(value(2))));
    }

    #[test]
    fn key_pairs_belong_to_one_epoch_of_one_leaf_of_one_group() {
        let storage = KeyStorage::default();
        let pairs = [value(1), value(2)];
        let of = |group, epoch, leaf| {
            let found = storage.encryption_epoch_key_pairs(&Id(group), &Id(epoch), leaf);
            found.unwrap_or_else(|_| vec![value(9)])
        };
        storage.write_encryption_epoch_key_pairs(&Id("g"), &Id("e"), 7, &pairs).unwrap();
        assert_eq!(of("g", "e", 7), pairs);
        for (group, epoch, leaf) in [("h", "e", 7), ("g", "f", 7), ("g", "e", 8), ("ge", "", 7)]
        {
            assert_eq!(of(group, epoch, leaf), []);
        }
        storage.delete_encryption_epoch_key_pairs(&Id("g"), &Id("e"), 7).unwrap();
        assert_eq!(of("g", "e", 7), []);
    }

    #[test]
    fn nothing_of_a_groups_state_is_kept() {
        let storage = KeyStorage::default();
        storage.write_tree(&Id("g"), &value(1)).unwrap();
        assert_eq!(storage.tree::<_, Value>(&Id("g")), Ok(None));
        assert!(storage.values.borrow().is_empty());
    }
}
