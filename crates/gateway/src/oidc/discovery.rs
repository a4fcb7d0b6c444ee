//! What does the provider say about itself, and can we work with it?  (Discovery sections 3
//! and 4.3.)

use serde::Deserialize;

use super::address::{Address, Issuer};

/// Where the provider is asked what, and how.
#[derive(Clone, Debug)]
pub(super) struct Metadata {
    pub(super) authorization: Address,
    pub(super) token: Address,
    pub(super) jwks: Address,
    /// Whether its answers say whose they are (RFC 9207).
    pub(super) says_iss: bool,
    /// Whether our secret goes into a header; otherwise into the form.
    pub(super) takes_basic: bool,
}

/// Why it cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MetadataFault {
    /// Not a description.
    #[error("it is no description of a provider")]
    Unreadable,
    /// It describes somebody else.
    #[error("it names another issuer than oidc.issuer")]
    Issuer,
    /// An address that is not allowed.
    #[error("one of its addresses is not https")]
    Address,
    /// It has no authorization code flow with PKCE (S256) that answers in the fragment.
    #[error("it lacks response type code, response mode fragment or PKCE with S256")]
    Flow,
    /// It wants to see our secret in a way that we do not have.
    #[error(
        "it takes a client secret neither by client_secret_basic nor by client_secret_post"
    )]
    ClientAuthentication,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    response_types_supported: Option<Vec<String>>,
    response_modes_supported: Option<Vec<String>>,
    code_challenge_methods_supported: Option<Vec<String>>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl Metadata {
    /// Reads what came from the address of the issuer.
    pub(super) fn read(bytes: &[u8], issuer: &Issuer) -> Result<Self, MetadataFault> {
        let document: Document =
            serde_json::from_slice(bytes).map_err(|_| MetadataFault::Unreadable)?;
        if document.issuer != issuer.as_str() {
            return Err(MetadataFault::Issuer);
        }
        // What is not said is so by default, or (PKCE) is found out when it is used.
        let has = |list: &Option<Vec<String>>, word: &str| {
            list.as_ref().is_none_or(|list| list.iter().any(|one| one == word))
        };
        let has_flow = has(&document.response_types_supported, "code")
            && has(&document.response_modes_supported, "fragment")
            && has(&document.code_challenge_methods_supported, "S256");
        if !has_flow {
            return Err(MetadataFault::Flow);
        }
        let methods = &document.token_endpoint_auth_methods_supported;
        let takes_basic = has(methods, "client_secret_basic");
        if !takes_basic && !has(methods, "client_secret_post") && !has(methods, "none") {
            return Err(MetadataFault::ClientAuthentication);
        }
        let address =
            |text: &str| Address::parse(text, issuer.is_http()).ok_or(MetadataFault::Address);
        Ok(Self {
            authorization: address(&document.authorization_endpoint)?,
            token: address(&document.token_endpoint)?,
            jwks: address(&document.jwks_uri)?,
            says_iss: document.authorization_response_iss_parameter_supported,
            takes_basic,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ISSUER: &str = "https://id.example";

    #[test]
    fn a_description_with_defaults_is_taken() {
        let metadata = read(ISSUER, &json!({})).unwrap();
        assert!(metadata.takes_basic);
        assert!(!metadata.says_iss);
        let metadata = read(
            ISSUER,
            &json!({
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
                "authorization_response_iss_parameter_supported": true,
            }),
        )
        .unwrap();
        assert!(!metadata.takes_basic);
        assert!(metadata.says_iss);
    }

    #[test]
    fn a_description_of_somebody_else_or_of_another_flow_is_refused() {
        for (changes, fault) in [
            (json!({ "issuer": "https://id.example/" }), MetadataFault::Issuer),
            (json!({ "jwks_uri": 7 }), MetadataFault::Unreadable),
            (json!({ "token_endpoint": "http://id.example/token" }), MetadataFault::Address),
            (json!({ "jwks_uri": "http://localhost/jwks" }), MetadataFault::Address),
            (
                json!({ "authorization_endpoint": "javascript:alert(1)" }),
                MetadataFault::Address,
            ),
            (json!({ "response_types_supported": ["id_token"] }), MetadataFault::Flow),
            (json!({ "response_modes_supported": ["query"] }), MetadataFault::Flow),
            (json!({ "code_challenge_methods_supported": ["plain"] }), MetadataFault::Flow),
            (
                json!({ "token_endpoint_auth_methods_supported": ["private_key_jwt"] }),
                MetadataFault::ClientAuthentication,
            ),
        ] {
            assert_eq!(read(ISSUER, &changes).unwrap_err(), fault, "{changes}");
        }
        let issuer = Issuer::parse(ISSUER).unwrap();
        for bytes in [&b""[..], b"[]", b"{}", b"\xff"] {
            let fault = Metadata::read(bytes, &issuer).unwrap_err();
            assert_eq!(fault, MetadataFault::Unreadable);
        }
    }

    #[test]
    fn on_this_machine_addresses_may_be_http() {
        let here = "http://127.0.0.1:9";
        let changes = json!({
            "issuer": here,
            "authorization_endpoint": "http://127.0.0.1:9/auth",
            "token_endpoint": "http://localhost:9/token",
        });
        assert!(read(here, &changes).is_ok());
        let away = json!({ "issuer": here, "token_endpoint": "http://id.example/token" });
        assert_eq!(read(here, &away).unwrap_err(), MetadataFault::Address);
    }

    fn read(issuer: &str, changes: &Value) -> Result<Metadata, MetadataFault> {
        let mut document = json!({
            "issuer": ISSUER,
            "authorization_endpoint": "https://id.example/auth",
            "token_endpoint": "https://id.example/token",
            "jwks_uri": "https://keys.example/jwks",
        });
        for (name, value) in changes.as_object().unwrap() {
            document[name] = value.clone();
        }
        let bytes = serde_json::to_vec(&document).unwrap();
        Metadata::read(&bytes, &Issuer::parse(issuer).unwrap())
    }
}
