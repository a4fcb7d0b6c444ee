//! How is the HTTP interface described?  OpenAPI 3.1, made from the very calls that build the
//! router.
//!
//! A route can only be added with an [`Operation`], so that none is missing from the document;
//! the schemas are made from the types of the wire as TypeScript sees them ([`schema`]), so
//! that there is one description of each.  `docs/openapi.json` is a copy for readers.

mod schema;

use std::collections::BTreeMap;

use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodFilter, on};
use protocol::api::KeyScope;
use serde_json::{Map, Value, json};
use ts_rs::TS;

use crate::app::Shared;
use crate::openapi::schema::Schemas;

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// Everybody.
    Strangers,
    /// Whoever has the cookie of a sign-in that is whole, or on its way there.
    SignedIn,
    /// The same, and programs with a key of this scope.
    Programs(KeyScope),
}

/// One thing that can be asked.
#[derive(Clone)]
pub(crate) struct Operation {
    method: &'static str,
    path: &'static str,
    summary: &'static str,
    door: Door,
    takes: Option<Type>,
    answers: u16,
    content: Option<Type>,
    refusals: &'static [u16],
}

/// A type of the wire.
#[derive(Clone, Copy)]
struct Type {
    add: fn(&mut Schemas) -> Value,
}

impl Type {
    fn of<T: TS + 'static + ?Sized>() -> Self {
        Self { add: |schemas| schemas.add::<T>() }
    }
}

impl Operation {
    const fn new(method: &'static str, path: &'static str, summary: &'static str) -> Self {
        Self {
            method,
            path,
            summary,
            door: Door::SignedIn,
            takes: None,
            answers: 204,
            content: None,
            refusals: &[],
        }
    }

    /// `GET`; says in a few words what it does.
    pub(crate) const fn get(path: &'static str, summary: &'static str) -> Self {
        Self::new("get", path, summary)
    }

    /// `POST`.
    pub(crate) const fn post(path: &'static str, summary: &'static str) -> Self {
        Self::new("post", path, summary)
    }

    /// `PUT`.
    pub(crate) const fn put(path: &'static str, summary: &'static str) -> Self {
        Self::new("put", path, summary)
    }

    /// `PATCH`.
    pub(crate) const fn patch(path: &'static str, summary: &'static str) -> Self {
        Self::new("patch", path, summary)
    }

    /// `DELETE`.
    pub(crate) const fn delete(path: &'static str, summary: &'static str) -> Self {
        Self::new("delete", path, summary)
    }

    /// Strangers may ask.
    pub(crate) const fn by_strangers(mut self) -> Self {
        self.door = Door::Strangers;
        self
    }

    /// Programs with a key of this scope may ask.
    pub(crate) const fn by_programs(mut self, scope: KeyScope) -> Self {
        self.door = Door::Programs(scope);
        self
    }

    /// With these words.
    pub(crate) fn takes<T: TS + 'static>(mut self) -> Self {
        self.takes = Some(Type::of::<T>());
        self
    }

    /// Answered with these words.
    pub(crate) fn answers<T: TS + 'static>(mut self, status: u16) -> Self {
        self.answers = status;
        self.content = Some(Type::of::<T>());
        self
    }

    /// Answered with JSON of no type of ours.
    pub(crate) fn answers_json(mut self) -> Self {
        self.answers = 200;
        self.content = Some(Type { add: |_| json!({"type": "object"}) });
        self
    }

    /// What it may be refused with, besides what anything may be refused with.
    pub(crate) const fn refuses(mut self, statuses: &'static [u16]) -> Self {
        self.refusals = statuses;
        self
    }

    fn filter(&self) -> MethodFilter {
        match self.method {
            "get" => MethodFilter::GET,
            "put" => MethodFilter::PUT,
            "patch" => MethodFilter::PATCH,
            "delete" => MethodFilter::DELETE,
            _ => MethodFilter::POST,
        }
    }

    fn described(&self, schemas: &mut Schemas) -> Value {
        let mut responses = Map::new();
        let answer = match self.content {
            Some(content) => json!({
                "description": "Done",
                "content": {"application/json": {"schema": (content.add)(schemas)}},
            }),
            None => json!({"description": "Done; no content"}),
        };
        responses.insert(self.answers.to_string(), answer);
        for status in self.statuses() {
            let reference = json!({"$ref": "#/components/responses/Refused"});
            responses.insert(status.to_string(), reference);
        }
        let parameters: Vec<_> = self.path_names().map(id_parameter).collect();
        let takes = self.takes.map(|takes| {
            json!({
                "required": true,
                "content": {"application/json": {"schema": (takes.add)(schemas)}},
            })
        });
        let mut described = json!({
            "summary": self.summary,
            "operationId": self.id(),
            "parameters": parameters,
            "security": self.security(),
            "responses": responses,
        });
        if let (Some(takes), Some(described)) = (takes, described.as_object_mut()) {
            described.insert("requestBody".to_owned(), takes);
        }
        described
    }

    /// Every status it may be refused with.
    fn statuses(&self) -> Vec<u16> {
        // Too fast, too much at once, a foreign origin, and our own faults: anything may be.
        let mut statuses = vec![400, 403, 429, 500];
        if self.takes.is_some() {
            statuses.extend([408, 413, 415]);
        }
        if self.door != Door::Strangers {
            statuses.push(401);
        }
        if self.path_names().next().is_some() {
            statuses.push(404);
        }
        statuses.extend(self.refusals);
        statuses.sort_unstable();
        statuses.dedup();
        statuses
    }

    fn path_names(&self) -> impl Iterator<Item = &'static str> {
        let parts = self.path.split('/');
        parts.filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }

    fn security(&self) -> Value {
        match self.door {
            Door::Strangers => json!([]),
            Door::SignedIn => json!([{"cookie": []}]),
            Door::Programs(scope) => json!([{"cookie": []}, {"key": [scope]}]),
        }
    }

    /// Made of method and path, so that it cannot be given twice.
    fn id(&self) -> String {
        let is_name = |c: char| c.is_ascii_alphanumeric();
        let words = self.path.split(|c| !is_name(c)).filter(|word| !word.is_empty());
        let words: Vec<_> = std::iter::once(self.method).chain(words).collect();
        words.join("_")
    }
}

fn id_parameter(name: &str) -> Value {
    json!({
        "name": name,
        "in": "path",
        "required": true,
        "schema": {"type": "string", "pattern": schema::ID_PATTERN},
    })
}

/// Routes with their descriptions.
pub(crate) struct Routes {
    router: Router<Shared>,
    operations: Vec<Operation>,
}

impl Routes {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self { router: Router::new(), operations: Vec::new() }
    }

    /// One more.
    pub(crate) fn on<H, T>(mut self, operation: Operation, handler: H) -> Self
    where
        H: Handler<T, Shared>,
        T: 'static,
    {
        self.router = self.router.route(operation.path, on(operation.filter(), handler));
        self.operations.push(operation);
        self
    }

    /// What answers.
    pub(crate) fn router(self) -> Router<Shared> {
        self.router
    }

    /// What describes it.
    pub(crate) fn document(&self) -> Value {
        let mut schemas = Schemas::default();
        let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
        for operation in &self.operations {
            let path = paths.entry(format!("/api{}", operation.path)).or_default();
            path.insert(operation.method.to_owned(), operation.described(&mut schemas));
        }
        let refused = json!({
            "description": "Refused, with a stable code",
            "content": {"application/json": {"schema": schemas.add::<protocol::reject::Reject>()}},
        });
        json!({
            "openapi": "3.1.0",
            "info": {
                "title": "Aman",
                "version": env!("CARGO_PKG_VERSION"),
                "description": ABOUT,
                "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
            },
            "paths": paths,
            "components": {
                "schemas": schemas.written(),
                "responses": {"Refused": refused},
                "securitySchemes": {
                    "cookie": {
                        "type": "apiKey",
                        "in": "cookie",
                        "name": "__Host-aman",
                        "description": "A browser that is signed in. All but GET need an Origin that is the server's own.",
                    },
                    "key": {
                        "type": "http",
                        "scheme": "bearer",
                        "description": "A key that a counsellor made, with scopes. Never together with a cookie.",
                    },
                },
            },
        })
    }

    /// The document as text, the same each time.
    pub(crate) fn text(&self) -> String {
        format!("{:#}\n", self.document())
    }
}

/// The document as it was when this was built; a test holds it against the routes.
pub(crate) const COPY: &str = include_str!("../../../../docs/openapi.json");

const ABOUT: &str = "Sessions, invites and accounts of an Aman server. Titles, cards and room \
    secrets are sealed by the counsellor's browser: a program can make and read appointments, \
    and the counsellor's browser adds the link.";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_copy_in_the_documents_is_fresh() {
        let stale = "docs/openapi.json is stale: run `cargo xtask codegen` and commit it";
        assert!(COPY == crate::api::routes().text(), "{stale}");
    }

    #[test]
    fn every_reference_leads_somewhere_and_every_operation_has_a_name_of_its_own() {
        let document = crate::api::routes().document();
        let text = document.to_string();
        let mut n_references = 0;
        for rest in text.split("\"$ref\":\"#").skip(1) {
            let pointer = rest.split('"').next().unwrap_or_default();
            assert!(document.pointer(pointer).is_some(), "{pointer}");
            n_references += 1;
        }
        assert!(n_references > 20);

        let ids: Vec<_> = text.split("\"operationId\":\"").skip(1).collect();
        let ids: Vec<_> = ids.iter().filter_map(|rest| rest.split('"').next()).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    }

    #[test]
    fn words_of_the_wire_look_as_their_types_say() {
        let document = crate::api::routes().document();
        let schema = |name: &str| document["components"]["schemas"][name].clone();
        assert_eq!(schema("RoomKind")["enum"], json!(["video", "audio", "text"]));
        let new = schema("NewRoom");
        assert_eq!(new["required"], json!(["sealed_title"]));
        assert_eq!(new["additionalProperties"], json!(false));
        assert_eq!(new["properties"]["minutes"], json!({"type": ["integer", "null"]}));
        let view = schema("RoomView");
        assert_eq!(view["properties"]["live"], json!({"type": "boolean"}));
        let invites = &view["properties"]["invites"];
        assert_eq!(invites["items"], json!({"$ref": "#/components/schemas/InviteView"}));
        assert!(schema("Reject")["oneOf"].as_array().is_some_and(|codes| codes.len() > 10));
    }
}
