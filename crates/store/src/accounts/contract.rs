//! Does a store keep its promises about accounts?  Part of [`check`](crate::contract::check).

use protocol::id::{AccountId, InvitationId, PasskeyId, SignInId};
use protocol::time::UnixSeconds;

use crate::accounts::records::{
    Account, AccountRole, Hash, InvitationRecord, PasskeyRecord, SignInRecord, Stage,
    TotpRecord,
};
use crate::accounts::{Accepted, SetUp};
use crate::programs::contract as programs;
use crate::{Created, Store, StoreError};

const ANA: AccountId = AccountId::from_bytes([1; 16]);
const BEN: AccountId = AccountId::from_bytes([2; 16]);
const NOBODY: AccountId = AccountId::from_bytes([9; 16]);
const TOKEN: Hash = [9; 32];

/// Goes through every promise of [`AccountStore`](crate::AccountStore).  Leaves the account 1.
pub(crate) async fn check(store: &dyn Store) -> Result<(), StoreError> {
    setup_works_once(store).await?;
    sign_ins_come_and_go(store).await?;
    sign_ins_are_ended_together(store).await?;
    an_account_has_so_many_sign_ins(store).await?;
    who_only_knows_the_password_puts_nobody_out(store).await?;
    what_was_ended_is_not_renewed(store).await?;
    who_is_shut_out_is_signed_out(store).await?;
    a_time_step_is_used_once(store).await?;
    a_recovery_code_is_used_once(store).await?;
    passkeys_come_and_go(store).await?;
    the_counter_of_a_passkey_rises(store).await?;
    an_invitation_makes_one_account(store).await?;
    what_was_ended_adds_nothing(store).await?;
    an_invitation_back_takes_every_factor_away(store).await?;
    nobody_is_two_accounts(store).await?;
    invitations_are_taken_back(store).await?;
    purging_forgets_sign_ins_and_invitations(store).await
}

async fn setup_works_once(store: &dyn Store) -> Result<(), StoreError> {
    assert!(!store.has_account().await?);
    assert_eq!(store.create_first_account(TOKEN, account(ANA)).await?, SetUp::Refused);

    store.put_setup_token([8; 32]).await?;
    store.put_setup_token(TOKEN).await?;
    assert!(!store.is_setup_token([8; 32]).await?, "a new token replaces the old one");
    assert!(store.is_setup_token(TOKEN).await?);
    assert_eq!(store.create_first_account([8; 32], account(ANA)).await?, SetUp::Refused);
    assert!(!store.has_account().await?);

    assert_eq!(store.create_first_account(TOKEN, account(ANA)).await?, SetUp::Done);
    assert!(store.has_account().await?);
    assert!(!store.is_setup_token(TOKEN).await?, "the token is used up");

    store.put_setup_token(TOKEN).await?;
    assert_eq!(store.create_first_account(TOKEN, account(BEN)).await?, SetUp::Refused);

    assert_eq!(store.account(ANA).await?, Some(account(ANA)));
    assert_eq!(store.account(BEN).await?, None);
    assert_eq!(store.account_by_name("name 1").await?, Some(account(ANA)));
    for other in ["Name 1", "name 1 ", "", "name 1' OR 1=1 --", "%"] {
        assert_eq!(store.account_by_name(other).await?, None, "{other}");
    }

    let (first, second) = (account(ANA).password_hash, "$argon2id$other");
    assert!(store.put_password(ANA, &first, second).await?);
    assert!(!store.put_password(NOBODY, &first, second).await?);
    let other = Account { password_hash: second.into(), ..account(ANA) };
    for late in [first.as_str(), ""] {
        assert!(!store.put_password(ANA, late, "$argon2id$late").await?);
    }
    assert_eq!(store.accounts().await?, [other], "it was another one meanwhile");
    assert!(store.put_password(ANA, second, &first).await?);
    Ok(())
}

async fn sign_ins_come_and_go(store: &dyn Store) -> Result<(), StoreError> {
    assert_eq!(store.sign_in([3; 32]).await?, None);

    for stage in [Stage::Password, Stage::Bare, Stage::Whole] {
        let mine = SignInRecord { stage, ..sign_in(3, 10) };
        store.put_sign_in(mine, 9).await?;
        assert_eq!(store.sign_in([3; 32]).await?, Some(mine));
    }
    assert_eq!(store.sign_in([4; 32]).await?, None);

    store.touch_sign_in([3; 32], UnixSeconds(20)).await?;
    store.touch_sign_in([3; 32], UnixSeconds(15)).await?;
    store.touch_sign_in([4; 32], UnixSeconds(15)).await?;
    let seen = store.sign_in([3; 32]).await?.map(|sign_in| sign_in.last_seen_at);
    assert_eq!(seen, Some(UnixSeconds(20)), "it only rises");

    store.delete_sign_in([3; 32]).await?;
    store.delete_sign_in([3; 32]).await?;
    assert_eq!(store.sign_in([3; 32]).await?, None);
    Ok(())
}

async fn sign_ins_are_ended_together(store: &dyn Store) -> Result<(), StoreError> {
    for n in 1..=4 {
        store.put_sign_in(sign_in(n, u64::from(n)), 9).await?;
    }
    let listed = store.sign_ins_of(ANA).await?;
    assert_eq!(listed, [sign_in(4, 4), sign_in(3, 3), sign_in(2, 2), sign_in(1, 1)]);
    assert_eq!(store.sign_ins_of(BEN).await?, []);

    assert!(!store.delete_sign_in_by_id(BEN, sign_in(4, 4).id).await?, "not theirs");
    assert!(store.delete_sign_in_by_id(ANA, sign_in(4, 4).id).await?);
    assert!(!store.delete_sign_in_by_id(ANA, sign_in(4, 4).id).await?);

    store.delete_sign_ins_of(BEN, None).await?;
    store.delete_sign_ins_of(ANA, Some([2; 32])).await?;
    assert_eq!(store.sign_ins_of(ANA).await?, [sign_in(2, 2)]);
    store.delete_sign_ins_of(ANA, None).await?;
    assert_eq!(store.sign_ins_of(ANA).await?, []);
    Ok(())
}

async fn an_account_has_so_many_sign_ins(store: &dyn Store) -> Result<(), StoreError> {
    for n in 1..=3 {
        store.put_sign_in(sign_in(n, u64::from(n)), 3).await?;
    }
    store.touch_sign_in([1; 32], UnixSeconds(9)).await?;
    store.put_sign_in(sign_in(4, 4), 3).await?;

    assert_eq!(store.sign_in([2; 32]).await?, None, "the one unused for longest goes");
    assert_eq!(store.sign_ins_of(ANA).await?.len(), 3);
    store.delete_sign_ins_of(ANA, None).await
}

async fn who_only_knows_the_password_puts_nobody_out(
    store: &dyn Store,
) -> Result<(), StoreError> {
    store.put_sign_in(sign_in(1, 1), 3).await?;
    for n in 2..=6 {
        let half = SignInRecord { stage: Stage::Password, ..sign_in(n, u64::from(n)) };
        store.put_sign_in(half, 3).await?;
    }
    assert_eq!(store.sign_in([1; 32]).await?, Some(sign_in(1, 1)));
    assert_eq!(store.sign_ins_of(ANA).await?.len(), 4, "they are bounded all the same");
    store.delete_sign_ins_of(ANA, None).await
}

async fn what_was_ended_is_not_renewed(store: &dyn Store) -> Result<(), StoreError> {
    store.put_sign_in(sign_in(1, 1), 3).await?;
    assert!(store.renew_sign_in([1; 32], UnixSeconds(7)).await?);
    let renewed = SignInRecord { created_at: UnixSeconds(7), ..sign_in(1, 1) };
    assert_eq!(store.sign_in([1; 32]).await?, Some(renewed));
    store.delete_sign_in([1; 32]).await?;
    assert!(!store.renew_sign_in([1; 32], UnixSeconds(8)).await?);
    assert_eq!(store.sign_in([1; 32]).await?, None);
    Ok(())
}

async fn who_is_shut_out_is_signed_out(store: &dyn Store) -> Result<(), StoreError> {
    store.put_sign_in(sign_in(1, 1), 9).await?;
    assert!(!store.set_disabled(NOBODY, true).await?);
    assert!(store.set_disabled(ANA, true).await?);
    assert!(store.account(ANA).await?.is_some_and(|account| account.is_disabled));
    assert_eq!(store.sign_ins_of(ANA).await?, []);

    store.put_sign_in(sign_in(1, 1), 9).await?;
    assert_eq!(store.sign_in([1; 32]).await?, None, "one that came too late opens nothing");
    store.delete_sign_ins_of(ANA, None).await?;
    assert!(store.set_disabled(ANA, false).await?);
    assert_eq!(store.account(ANA).await?, Some(account(ANA)));
    Ok(())
}

async fn a_time_step_is_used_once(store: &dyn Store) -> Result<(), StoreError> {
    let totp = |n: u8| TotpRecord { sealed_secret: vec![n; 48], last_step: 100 };
    assert_eq!(store.totp(ANA).await?, None);
    assert!(!store.use_totp_step(ANA, 7).await?);

    store.put_totp(ANA, totp(1), None).await?;
    store.put_totp(ANA, totp(2), None).await?;
    assert_eq!(store.totp(ANA).await?, Some(totp(2)), "the newer one counts");
    assert_eq!(store.totp(BEN).await?, None);

    for (step, fits) in [(100, false), (101, true), (101, false), (99, false), (103, true)] {
        assert_eq!(store.use_totp_step(ANA, step).await?, fits, "{step}");
    }
    store.delete_totp(ANA).await?;
    assert_eq!(store.totp(ANA).await?, None);
    Ok(())
}

async fn a_recovery_code_is_used_once(store: &dyn Store) -> Result<(), StoreError> {
    assert_eq!(store.n_recovery_codes(ANA).await?, 0);
    store.put_recovery_codes(ANA, vec![[9; 32]]).await?;
    store.put_recovery_codes(ANA, vec![[1; 32], [2; 32]]).await?;
    assert_eq!(store.n_recovery_codes(ANA).await?, 2, "new ones replace the old ones");
    assert_eq!(store.n_recovery_codes(BEN).await?, 0);

    assert!(!store.use_recovery_code(ANA, [9; 32]).await?);
    assert!(!store.use_recovery_code(BEN, [1; 32]).await?);
    assert!(store.use_recovery_code(ANA, [1; 32]).await?);
    assert!(!store.use_recovery_code(ANA, [1; 32]).await?);
    assert_eq!(store.n_recovery_codes(ANA).await?, 1);
    store.put_recovery_codes(ANA, Vec::new()).await?;
    assert_eq!(store.n_recovery_codes(ANA).await?, 0);
    Ok(())
}

async fn passkeys_come_and_go(store: &dyn Store) -> Result<(), StoreError> {
    assert_eq!(store.create_passkey(passkey(2, ANA), 2, None).await?, Created::Done);
    assert_eq!(store.create_passkey(passkey(2, BEN), 2, None).await?, Created::Exists);
    let same = PasskeyRecord { id: passkey(3, ANA).id, ..passkey(2, ANA) };
    assert_eq!(store.create_passkey(same, 9, None).await?, Created::Exists, "same credential");
    assert_eq!(store.create_passkey(passkey(1, ANA), 2, None).await?, Created::Done);
    assert_eq!(store.create_passkey(passkey(3, ANA), 2, None).await?, Created::Full);

    assert_eq!(store.passkeys_of(ANA).await?, [passkey(1, ANA), passkey(2, ANA)]);
    assert_eq!(store.passkeys_of(BEN).await?, []);
    assert_eq!(store.passkey(&[1; 20]).await?, Some(passkey(1, ANA)));
    for other in [[1; 19].as_slice(), &[], &[3; 20]] {
        assert_eq!(store.passkey(other).await?, None);
    }

    assert!(!store.delete_passkey(BEN, passkey(1, ANA).id).await?, "not theirs");
    assert!(store.delete_passkey(ANA, passkey(1, ANA).id).await?);
    assert!(!store.delete_passkey(ANA, passkey(1, ANA).id).await?);
    assert_eq!(store.passkeys_of(ANA).await?, [passkey(2, ANA)]);
    Ok(())
}

async fn the_counter_of_a_passkey_rises(store: &dyn Store) -> Result<(), StoreError> {
    let id = passkey(2, ANA).id;
    let uses = [(0, true), (0, true), (5, true), (5, false), (4, false), (0, false), (6, true)];
    for (at, (n_signatures, fits)) in (70..).zip(uses) {
        let used = store.use_passkey(id, n_signatures, UnixSeconds(at)).await?;
        assert_eq!(used, fits, "{n_signatures}");
    }
    let used = store.passkey(&[2; 20]).await?.expect("it stays");
    assert_eq!((used.n_signatures, used.last_used_at), (6, Some(UnixSeconds(76))));
    assert!(!store.use_passkey(passkey(7, ANA).id, 9, UnixSeconds(80)).await?);
    assert!(store.delete_passkey(ANA, id).await?);
    Ok(())
}

async fn an_invitation_makes_one_account(store: &dyn Store) -> Result<(), StoreError> {
    let now = UnixSeconds(50);
    store.put_invitation(invitation(1, None)).await?;
    store.put_invitation(invitation(2, None)).await?;
    assert_eq!(store.invitation([1; 32]).await?, Some(invitation(1, None)));
    assert_eq!(store.invitations().await?, [invitation(1, None), invitation(2, None)]);

    let cid = AccountId::from_bytes([3; 16]);
    let same_name = Account { name: "name 1".into(), ..account(cid) };
    assert_eq!(
        store.accept_invitation([7; 32], account(cid), 9, now).await?,
        Accepted::Refused
    );
    let late = UnixSeconds(100);
    assert_eq!(
        store.accept_invitation([1; 32], account(cid), 9, late).await?,
        Accepted::Refused
    );
    assert_eq!(store.accept_invitation([1; 32], same_name, 9, now).await?, Accepted::NameTaken);
    assert_eq!(store.accept_invitation([1; 32], account(cid), 1, now).await?, Accepted::Full);
    assert_eq!(store.account(cid).await?, None);

    assert_eq!(store.accept_invitation([1; 32], account(cid), 9, now).await?, Accepted::Done);
    assert_eq!(store.account(cid).await?, Some(account(cid)));
    let dan = account(AccountId::from_bytes([4; 16]));
    assert_eq!(store.accept_invitation([1; 32], dan, 9, now).await?, Accepted::Refused);
    let used = store.invitation([1; 32]).await?.and_then(|invitation| invitation.used_at);
    assert_eq!(used, Some(now));
    assert_eq!(store.invitations().await?, [invitation(2, None)]);
    Ok(())
}

async fn what_was_ended_adds_nothing(store: &dyn Store) -> Result<(), StoreError> {
    let totp = TotpRecord { sealed_secret: vec![1; 48], last_step: 100 };
    let cid = AccountId::from_bytes([3; 16]);
    store.put_sign_in(SignInRecord { account: cid, ..sign_in(2, 1) }, 3).await?;
    for by in [Some([1; 32]), Some([2; 32])] {
        assert!(!store.put_totp(ANA, totp.clone(), by).await?, "{by:?}");
        let made = store.create_passkey(passkey(1, ANA), 9, by).await?;
        assert_eq!(made, Created::NoRoom, "{by:?}");
        assert!(!store.put_identity(ANA, Some([7; 32]), by).await?, "{by:?}");
    }
    assert_eq!((store.totp(ANA).await?, store.passkeys_of(ANA).await?), (None, vec![]));
    assert_eq!(store.account(ANA).await?, Some(account(ANA)));

    store.put_sign_in(sign_in(1, 1), 3).await?;
    let by = Some([1; 32]);
    assert!(store.put_totp(ANA, totp, by).await?);
    assert_eq!(store.create_passkey(passkey(1, ANA), 9, by).await?, Created::Done);
    assert!(store.put_identity(ANA, Some([7; 32]), by).await?);
    store.delete_totp(ANA).await?;
    assert!(store.delete_passkey(ANA, passkey(1, ANA).id).await?);
    assert!(store.put_identity(ANA, None, by).await?);
    store.delete_sign_ins_of(cid, None).await?;
    store.delete_sign_ins_of(ANA, None).await
}

async fn an_invitation_back_takes_every_factor_away(
    store: &dyn Store,
) -> Result<(), StoreError> {
    store.put_totp(ANA, TotpRecord { sealed_secret: vec![1], last_step: 0 }, None).await?;
    store.put_recovery_codes(ANA, vec![[1; 32]]).await?;
    assert_eq!(store.create_passkey(passkey(5, ANA), 9, None).await?, Created::Done);
    store.put_sign_in(sign_in(5, 5), 9).await?;
    assert_eq!(store.create_key(programs::key(ANA, 1), 9).await?, Created::Done);
    assert_eq!(store.create_webhook(programs::webhook(ANA, 1), 9).await?, Created::Done);

    store.put_invitation(invitation(5, Some(ANA))).await?;
    store.put_invitation(invitation(6, Some(ANA))).await?;
    assert_eq!(store.invitation([5; 32]).await?, None, "the newer link counts");
    let given = Account { password_hash: "$argon2id$new".into(), ..account(NOBODY) };
    let accepted = store.accept_invitation([6; 32], given, 0, UnixSeconds(50)).await?;
    assert_eq!(accepted, Accepted::Done);

    let expected = Account { password_hash: "$argon2id$new".into(), ..account(ANA) };
    assert_eq!(store.account(ANA).await?, Some(expected), "nothing else changes");
    assert_eq!(store.account(NOBODY).await?, None);
    assert_eq!(store.totp(ANA).await?, None);
    assert_eq!(store.n_recovery_codes(ANA).await?, 0);
    assert_eq!(store.passkeys_of(ANA).await?, []);
    assert_eq!(store.sign_ins_of(ANA).await?, []);
    assert_eq!(store.keys_of(ANA).await?, [], "somebody else may have made it");
    assert_eq!(store.webhooks_of(ANA).await?, []);
    Ok(())
}

async fn nobody_is_two_accounts(store: &dyn Store) -> Result<(), StoreError> {
    let cid = AccountId::from_bytes([3; 16]);
    assert_eq!(store.account_by_identity([7; 32]).await?, None);
    assert!(store.put_identity(ANA, Some([7; 32]), None).await?);
    assert!(store.put_identity(ANA, Some([7; 32]), None).await?, "the same again");
    let found = store.account_by_identity([7; 32]).await?.map(|account| account.id);
    assert_eq!(found, Some(ANA));
    assert_eq!(store.account(ANA).await?.and_then(|account| account.identity), Some([7; 32]));
    assert!(!store.put_identity(cid, Some([7; 32]), None).await?);
    assert!(store.put_identity(cid, None, None).await?);

    let now = UnixSeconds(50);
    let given = |identity| Account { identity, ..account(AccountId::from_bytes([4; 16])) };
    store.put_invitation(invitation(3, None)).await?;
    let taken = store.accept_invitation([3; 32], given(Some([7; 32])), 9, now).await?;
    assert_eq!(taken, Accepted::IdentityTaken, "to a new account");
    store.put_invitation(invitation(4, Some(cid))).await?;
    let taken = store.accept_invitation([4; 32], given(Some([7; 32])), 9, now).await?;
    assert_eq!(taken, Accepted::IdentityTaken, "back to another account");
    let free = store.accept_invitation([4; 32], given(Some([8; 32])), 9, now).await?;
    assert_eq!(free, Accepted::Done);
    let found = store.account_by_identity([8; 32]).await?.map(|account| account.id);
    assert_eq!(found, Some(cid));

    store.put_invitation(invitation(5, Some(ANA))).await?;
    let mine = Account { identity: Some([7; 32]), ..account(ANA) };
    assert_eq!(store.accept_invitation([5; 32], mine, 9, now).await?, Accepted::Done);
    store.put_invitation(invitation(6, Some(ANA))).await?;
    assert_eq!(store.accept_invitation([6; 32], account(ANA), 9, now).await?, Accepted::Done);
    assert_eq!(store.account_by_identity([7; 32]).await?, None, "a password alone unlinks");
    assert!(store.delete_invitation(invitation(3, None).id).await?);
    Ok(())
}

async fn invitations_are_taken_back(store: &dyn Store) -> Result<(), StoreError> {
    assert!(!store.delete_invitation(invitation(1, None).id).await?, "it was used");
    assert!(store.delete_invitation(invitation(2, None).id).await?);
    assert!(!store.delete_invitation(invitation(2, None).id).await?);
    let erin = account(AccountId::from_bytes([5; 16]));
    let accepted = store.accept_invitation([2; 32], erin, 9, UnixSeconds(50)).await?;
    assert_eq!(accepted, Accepted::Refused);
    Ok(())
}

async fn purging_forgets_sign_ins_and_invitations(store: &dyn Store) -> Result<(), StoreError> {
    let until =
        |n, until| SignInRecord { expires_at: UnixSeconds(until), ..sign_in(n, u64::from(n)) };
    store.put_sign_in(until(1, 100), 9).await?;
    store.put_sign_in(until(2, 101), 9).await?;
    let longer = InvitationRecord { expires_at: UnixSeconds(101), ..invitation(8, None) };
    store.put_invitation(invitation(7, None)).await?;
    store.put_invitation(longer).await?;

    store.purge_expired(UnixSeconds(100)).await?;
    assert_eq!(store.sign_ins_of(ANA).await?, [until(2, 101)]);
    assert_eq!(store.invitations().await?, [longer]);
    store.purge_accounts(UnixSeconds(101)).await?;
    assert_eq!(store.sign_ins_of(ANA).await?, []);
    assert_eq!(store.invitations().await?, []);
    Ok(())
}

fn account(id: AccountId) -> Account {
    let [n, ..] = id.as_bytes();
    Account {
        id,
        name: format!("name {n}"),
        password_hash: format!("$argon2id${n}"),
        created_at: UnixSeconds(u64::from(*n)),
        role: if *n == 1 { AccountRole::Admin } else { AccountRole::Counsellor },
        is_disabled: false,
        needs_second_factor: *n == 3,
        identity: None,
    }
}

fn sign_in(n: u8, created_at: u64) -> SignInRecord {
    SignInRecord {
        token_hash: [n; 32],
        id: SignInId::from_bytes([n; 16]),
        account: ANA,
        stage: Stage::Whole,
        created_at: UnixSeconds(created_at),
        last_seen_at: UnixSeconds(created_at),
        expires_at: UnixSeconds(1_000),
    }
}

fn passkey(n: u8, account: AccountId) -> PasskeyRecord {
    PasskeyRecord {
        id: PasskeyId::from_bytes([n; 16]),
        account,
        credential: vec![n; 20],
        public_key: vec![n; 77],
        n_signatures: 0,
        created_at: UnixSeconds(u64::from(n)),
        last_used_at: None,
    }
}

fn invitation(n: u8, account: Option<AccountId>) -> InvitationRecord {
    InvitationRecord {
        id: InvitationId::from_bytes([n; 16]),
        token_hash: [n; 32],
        role: AccountRole::Counsellor,
        account,
        created_at: UnixSeconds(u64::from(n)),
        expires_at: UnixSeconds(100),
        used_at: None,
    }
}
