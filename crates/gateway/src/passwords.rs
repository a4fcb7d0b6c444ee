//! How are passwords hashed and checked, and what does that cost at most?
//!
//! argon2id with 19 MiB and two passes (OWASP's first choice for interactive sign-in), two at a
//! time: more would let strangers buy memory with requests.  A name nobody has costs as much as
//! a wrong password, so time tells nothing about names.

use std::sync::Arc;

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use protocol::api::Password;
use protocol::limits::PASSWORD_CHARS_MIN;
use protocol::reject::Reject;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::random;

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const AT_A_TIME: usize = 2;

/// Hashes and checks passwords.
#[derive(Debug)]
pub(crate) struct Passwords {
    slots: Arc<Semaphore>,
}

impl Passwords {
    pub(crate) fn new() -> Self {
        Self { slots: Arc::new(Semaphore::new(AT_A_TIME)) }
    }

    /// Whether the password keeps the rules for a new one: long enough and not too long.  No
    /// rules about kinds of characters (NIST SP 800-63B section 3.1.1.2).
    pub(crate) fn check_new(password: &Password) -> Result<(), Reject> {
        let text = password.expose().ok_or(Reject::BadPassword)?;
        if text.chars().count() < PASSWORD_CHARS_MIN {
            return Err(Reject::BadPassword);
        }
        Ok(())
    }

    /// The hash to keep.
    pub(crate) async fn hash(&self, password: Password) -> Result<String, Reject> {
        self.run(move || hash(&password).ok_or(Reject::Internal)).await
    }

    /// Whether the password fits the hash.  Without a hash, or with an empty one, it takes as
    /// long, and does not.
    pub(crate) async fn fits(
        &self,
        password: Password,
        kept: Option<String>,
    ) -> Result<bool, Reject> {
        self.run(move || {
            let Some(kept) = kept.filter(|kept| !kept.is_empty()) else {
                return hash(&password).map(|_| false).ok_or(Reject::CannotSignIn);
            };
            let kept = PasswordHash::new(&kept).map_err(|_| Reject::Internal)?;
            let text = password.expose().ok_or(Reject::CannotSignIn)?;
            Ok(argon2().verify_password(text.as_bytes(), &kept).is_ok())
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Reject> + Send + 'static,
    ) -> Result<T, Reject> {
        let slot = self.slots.clone().acquire_owned().await.map_err(|_| Reject::Internal)?;
        let work = spawn_blocking(move || {
            let outcome = work();
            drop(slot);
            outcome
        });
        work.await.unwrap_or(Err(Reject::Internal))
    }
}

fn hash(password: &Password) -> Option<String> {
    let salt = SaltString::encode_b64(&random::bytes::<16>().ok()?).ok()?;
    let text = password.expose()?;
    Some(argon2().hash_password(text.as_bytes(), &salt).ok()?.to_string())
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_only() {
        let passwords = Passwords::new();
        let kept = passwords.hash(password("correct horse battery")).await.unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");

        let right = passwords.fits(password("correct horse battery"), Some(kept.clone())).await;
        assert_eq!(right, Ok(true));
        let wrong = passwords.fits(password("correct horse batterY"), Some(kept)).await;
        assert_eq!(wrong, Ok(false));
        assert_eq!(passwords.fits(password("correct horse battery"), None).await, Ok(false));
    }

    #[test]
    fn new_passwords_have_a_length_in_characters() {
        for (text, fits) in [
            ("12345678901", false),
            ("123456789012", true),
            ("كلمة السر هذه طويلة", true),
            ("密码密码密码", false),
            (&"x".repeat(256), true),
            (&"x".repeat(257), false),
        ] {
            assert_eq!(Passwords::check_new(&password(text)).is_ok(), fits, "{text}");
        }
    }

    fn password(text: &str) -> Password {
        Password::new(text.to_owned())
    }
}
