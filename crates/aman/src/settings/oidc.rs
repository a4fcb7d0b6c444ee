//! Is there a sign-in of the agency's own, and with which provider?

use std::fs;

use gateway::{ClientSecret, Issuer, OidcRules, Operator};

use super::given::Given;

/// What the operator set about the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OidcSettings {
    pub(super) issuer: Option<Issuer>,
    pub(super) name: String,
    pub(super) client_id: String,
    pub(super) client_secret: Option<ClientSecret>,
    pub(super) is_second_factor: bool,
    pub(super) prompt: Prompt,
}

/// What the provider is told to ask people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prompt {
    Login,
    SelectAccount,
    AsItLikes,
}

impl Default for OidcSettings {
    fn default() -> Self {
        Self {
            issuer: None,
            name: String::new(),
            client_id: String::new(),
            client_secret: None,
            is_second_factor: true,
            prompt: Prompt::Login,
        }
    }
}

impl OidcSettings {
    /// For the gateway; `None` if there is no such sign-in.
    pub(crate) fn rules(&self) -> Option<OidcRules> {
        let prompt = match self.prompt {
            Prompt::Login => "login",
            Prompt::SelectAccount => "select_account",
            Prompt::AsItLikes => "",
        };
        Some(OidcRules {
            issuer: self.issuer.clone()?,
            client_id: self.client_id.clone(),
            client_secret: self.client_secret.clone(),
            name: self.name.clone(),
            is_second_factor: self.is_second_factor,
            prompt: prompt.to_owned(),
        })
    }

    /// What no key can tell alone.
    pub(super) fn faults(&self) -> Vec<&'static str> {
        let mut faults = Vec::new();
        let has_name = !self.name.is_empty();
        let has_id = !self.client_id.is_empty();
        if self.issuer.is_none() {
            if has_name || has_id || self.client_secret.is_some() {
                faults.push("oidc.issuer: the other settings of oidc need it");
            }
            return faults;
        }
        if !has_name {
            faults.push("oidc.name: the button needs a name");
        }
        if !has_id {
            faults.push("oidc.client_id: the provider needs it");
        }
        faults
    }

    pub(super) fn put_issuer(&mut self, given: &Given) -> Result<(), String> {
        let text = given.text()?;
        self.issuer = match text {
            "" => None,
            text => Some(Issuer::parse(text).ok_or_else(|| {
                format!("{text:?} is not an https address, nor http on this machine")
            })?),
        };
        Ok(())
    }

    /// The secret itself is never repeated, not even in a fault.
    pub(super) fn put_secret(&mut self, given: &Given) -> Result<(), String> {
        match given {
            Given::Text(text) => self.client_secret = ClientSecret::new(text),
            Given::Toml(toml::Value::String(text)) if text.is_empty() => (),
            Given::Toml(_) => {
                return Err("belongs into the environment, or into a file of its own that \
                            oidc.client_secret_file names"
                    .to_owned());
            }
        }
        Ok(())
    }

    pub(super) fn put_secret_file(&mut self, given: &Given) -> Result<(), String> {
        let Some(path) = given.path_or_none()? else { return Ok(()) };
        let text = fs::read_to_string(&path)
            .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
        let secret = ClientSecret::new(&text);
        self.client_secret =
            Some(secret.ok_or_else(|| format!("{} is empty", path.display()))?);
        Ok(())
    }

    pub(super) fn put_second_factor(&mut self, given: &Given) -> Result<(), String> {
        self.is_second_factor = match given.text()? {
            "provider" => true,
            "ask" => false,
            other => return Err(format!("{other:?} is neither provider nor ask")),
        };
        Ok(())
    }

    pub(super) fn put_prompt(&mut self, given: &Given) -> Result<(), String> {
        self.prompt = match given.text()? {
            "login" => Prompt::Login,
            "select_account" => Prompt::SelectAccount,
            "none" => Prompt::AsItLikes,
            other => return Err(format!("{other:?} is not login, select_account or none")),
        };
        Ok(())
    }
}

/// One line.
pub(super) fn line(given: &Given) -> Result<String, String> {
    let text = given.text()?;
    if !Operator::is_line(text) {
        return Err("is not one line of at most 200 bytes".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_provider_is_a_fault_and_all_of_it_are_told() {
        let mut settings = OidcSettings::default();
        assert_eq!((settings.faults().len(), settings.rules().is_none()), (0, true));
        settings.client_id = "aman".to_owned();
        assert_eq!(settings.faults(), ["oidc.issuer: the other settings of oidc need it"]);
        settings.client_id.clear();
        settings.put_issuer(&text("https://id.example")).unwrap();
        assert_eq!(settings.faults().len(), 2);
        settings.name = "Agency".to_owned();
        settings.client_id = "aman".to_owned();
        assert_eq!(settings.faults().len(), 0);
        let rules = settings.rules().unwrap();
        assert!(rules.is_second_factor && rules.prompt == "login");
    }

    #[test]
    fn a_secret_is_taken_from_the_environment_or_a_file_and_never_shown() {
        let secret = "canary of the client secret";
        let mut settings = OidcSettings::default();
        settings.put_secret(&text(secret)).unwrap();
        assert_eq!(settings.client_secret, ClientSecret::new(secret));
        assert!(!format!("{settings:?}").contains("canary"));
        for bad in [toml::Value::String(secret.to_owned()), toml::Value::Integer(4711)] {
            let fault = settings.put_secret(&Given::Toml(bad)).unwrap_err();
            assert!(!fault.contains("canary") && !fault.contains("4711"), "{fault}");
        }

        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        let mut settings = OidcSettings::default();
        let path = text(&file.display().to_string());
        assert!(settings.put_secret_file(&path).is_err(), "it is not there");
        fs::write(&file, "\n").unwrap();
        assert!(settings.put_secret_file(&path).is_err(), "it is empty");
        fs::write(&file, format!("{secret}\n")).unwrap();
        settings.put_secret_file(&path).unwrap();
        assert_eq!(settings.client_secret, ClientSecret::new(secret));
    }

    #[test]
    fn what_cannot_be_is_a_fault() {
        let mut settings = OidcSettings::default();
        assert!(settings.put_issuer(&text("http://id.example")).is_err());
        assert!(settings.put_prompt(&text("consent")).is_err());
        assert!(settings.put_second_factor(&text("maybe")).is_err());
        assert!(line(&text("two\nlines")).is_err());
        assert_eq!(settings, OidcSettings::default());
    }

    fn text(text: &str) -> Given {
        Given::Text(text.to_owned())
    }
}
