//! `aman user …`: who may sign in, decided by whoever runs the server.
//!
//! It works on the data file beside a running server: SQLite lets one write at a time, and the
//! server looks at what is there with every request and, for calls, every few seconds.  What is
//! printed here is for a person; one-time links are printed once and kept nowhere.

use std::io::{self, Write};

use anyhow::{Context, bail};
use gateway::one_time_token;
use protocol::id::InvitationId;
use protocol::time::UnixSeconds;
use store::embedded::{Embedded, FILE_NAME};
use store::{Account, AccountRole, AccountStore, InvitationRecord};
use time::OffsetDateTime;

use crate::cli::UserCommand;
use crate::clock;
use crate::serve::base_address;
use crate::settings::Settings;

const DAY_SECS: u64 = 24 * 60 * 60;

/// Does what was asked.
pub(crate) fn run(settings: &Settings, command: &UserCommand) -> anyhow::Result<()> {
    let folder = &settings.data.dir;
    if !folder.join(FILE_NAME).is_file() {
        bail!("there is no {FILE_NAME} in {}: start the server once", folder.display());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let store = Embedded::open(folder)?;
    let said = runtime.block_on(answer(settings, &store, command))?;
    io::stdout().write_all(said.as_bytes()).context("cannot write")
}

async fn answer(
    settings: &Settings,
    store: &Embedded,
    command: &UserCommand,
) -> anyhow::Result<String> {
    match command {
        UserCommand::Invite { admin, days } => {
            if !store.has_account().await? {
                bail!("the first account is made with the link that the server printed");
            }
            let role = if *admin { AccountRole::Admin } else { AccountRole::Counsellor };
            let link = invite(settings, store, role, None, *days).await?;
            Ok(format!(
                "{link}\nIt makes one account, within {days} days.  Give it to that person alone.\n"
            ))
        }
        UserCommand::Reset { name, days } => {
            let account = named(store, name).await?;
            let link = invite(settings, store, account.role, Some(&account), *days).await?;
            Ok(format!(
                "{link}\nWhoever opens it within {days} days gives the account a new password.  \
                 Its codes, passkeys, sign-ins, link to the provider, keys for programs and \
                 webhooks are gone then; keys of rooms stay in the browser they were made in.\n"
            ))
        }
        UserCommand::Disable { name } => {
            store.set_disabled(named(store, name).await?.id, true).await?;
            Ok("Shut out and signed out everywhere.\n".to_owned())
        }
        UserCommand::Unlink { name } => {
            let account = named(store, name).await?;
            if account.password_hash.is_empty() {
                bail!("there is no password: `aman user reset` makes a link to a new one");
            }
            store.put_identity(account.id, None, None).await?;
            store.delete_sign_ins_of(account.id, None).await?;
            Ok("Unlinked from the provider and signed out everywhere.\n".to_owned())
        }
        UserCommand::Enable { name } => {
            store.set_disabled(named(store, name).await?.id, false).await?;
            Ok("May sign in again.\n".to_owned())
        }
        UserCommand::Withdraw { link } => {
            let id = InvitationId::parse(link).context("that is no link of the list")?;
            if !store.delete_invitation(id).await? {
                bail!("there is no such link, or it was used");
            }
            Ok("The link is worth nothing.\n".to_owned())
        }
        UserCommand::List => list(store).await,
    }
}

async fn named(store: &Embedded, name: &str) -> anyhow::Result<Account> {
    let found = store.account_by_name(name).await?;
    found.context("nobody has that name: `aman user list` shows all")
}

async fn invite(
    settings: &Settings,
    store: &Embedded,
    role: AccountRole,
    account: Option<&Account>,
    days: u16,
) -> anyhow::Result<String> {
    let token = one_time_token()?;
    let now = clock::unix();
    let invitation = InvitationRecord {
        id: InvitationId::from_bytes(token.id),
        token_hash: token.hash,
        role,
        account: account.map(|account| account.id),
        created_at: now,
        expires_at: now.plus(u64::from(days) * DAY_SECS),
        used_at: None,
    };
    store.put_invitation(invitation).await?;
    let base = base_address(settings, settings.web.listen);
    Ok(format!("{base}/setup#i.{}", token.text))
}

async fn list(store: &Embedded) -> anyhow::Result<String> {
    let mut text = String::new();
    for account in store.accounts().await? {
        let has_totp = store.totp(account.id).await?.is_some();
        let has_passkey = !store.passkeys_of(account.id).await?.is_empty();
        let factor = match (has_totp, has_passkey) {
            (true, true) => "codes and passkey",
            (true, false) => "codes",
            (false, true) => "passkey",
            (false, false) if account.password_hash.is_empty() => "provider",
            (false, false) => "password only",
        };
        let is_told = factor == "provider" || account.identity.is_none();
        let linked = if is_told { "" } else { ", provider" };
        let role = role_word(account.role);
        let state = if account.is_disabled { ", shut out" } else { "" };
        let made = day(account.created_at);
        text.push_str(&format!(
            "{}  ({role}, {factor}{linked}, since {made}{state})\n",
            account.name
        ));
    }
    for invitation in store.invitations().await? {
        let role = role_word(invitation.role);
        let kind = if invitation.account.is_some() { "reset" } else { "invitation" };
        let until = day(invitation.expires_at);
        text.push_str(&format!("{kind} {} ({role}, until {until})\n", invitation.id));
    }
    Ok(text)
}

const fn role_word(role: AccountRole) -> &'static str {
    match role {
        AccountRole::Counsellor => "counsellor",
        AccountRole::Admin => "admin",
    }
}

/// The day, in UTC.
fn day(at: UnixSeconds) -> String {
    let date =
        i64::try_from(at.0).ok().and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok());
    date.map_or_else(String::new, |date| {
        format!("{}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_written_as_the_standard_says() {
        assert_eq!(day(UnixSeconds(0)), "1970-01-01");
        assert_eq!(day(UnixSeconds(1_795_392_000)), "2026-11-23");
    }
}
