//! How does a type of the wire look in JSON Schema (2020-12, the dialect of OpenAPI 3.1)?
//!
//! Read from its TypeScript declaration, which `ts-rs` makes from the Rust type: one
//! description for browsers, readers and programs.  Only what our declarations use is read.

use std::any::TypeId;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use ts_rs::{Config, TS, TypeVisitor};

/// Sixteen bytes in unpadded base64url.
pub(crate) const ID_PATTERN: &str = "^[A-Za-z0-9_-]{21}[AQgw]$";

/// The schemas met so far, by the name of their type.
#[derive(Default)]
pub(crate) struct Schemas {
    config: Config,
    seen: BTreeSet<TypeId>,
    named: BTreeMap<String, Value>,
}

impl Schemas {
    /// Adds a type and all it stands on, and returns how to refer to it.
    pub(crate) fn add<T: TS + 'static + ?Sized>(&mut self) -> Value {
        self.visit::<T>();
        T::visit_generics(self);
        let name = T::name(&self.config);
        Reader::new(&name).whole()
    }

    /// All of them.
    pub(crate) fn written(self) -> Value {
        json!(self.named)
    }
}

impl TypeVisitor for Schemas {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        // Only types of ours have a file; numbers and lists have none.
        if T::output_path().is_none() || !self.seen.insert(TypeId::of::<T>()) {
            return;
        }
        let name = T::ident(&self.config);
        let declaration = without_comments(&T::decl(&self.config));
        let body = declaration.split_once('=').map_or("", |(_, body)| body);
        let schema = special(&name).unwrap_or_else(|| Reader::new(body).whole());
        self.named.insert(name, described(schema, T::docs().as_deref()));
        T::visit_dependencies(self);
    }
}

/// What TypeScript cannot say of a type.
fn special(name: &str) -> Option<Value> {
    match name {
        "RoomId" | "InviteId" | "AccountId" | "KeyId" | "WebhookId" | "PasskeyId"
        | "SignInId" | "InvitationId" | "PairingId" => {
            Some(json!({"type": "string", "pattern": ID_PATTERN}))
        }
        // The calendar of every database and language can name them.
        "UnixSeconds" => {
            Some(json!({"type": "integer", "minimum": 0, "maximum": 253_402_300_799_u64}))
        }
        _ => None,
    }
}

fn described(mut schema: Value, docs: Option<&str>) -> Value {
    let lines = docs.unwrap_or_default().lines();
    let words = lines.map(|line| line.trim().trim_start_matches(['/', '*']).trim());
    let text = words.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    if let Some(schema) = schema.as_object_mut()
        && !text.is_empty()
    {
        schema.insert("description".to_owned(), json!(text));
    }
    schema
}

fn without_comments(declaration: &str) -> String {
    let mut text = String::new();
    let mut rest = declaration;
    while let Some((before, comment)) = rest.split_once("/**") {
        text.push_str(before);
        rest = comment.split_once("*/").map_or("", |(_, after)| after);
    }
    text + rest
}

/// Reads a TypeScript type.
struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        Self { rest: text.trim() }
    }

    fn whole(mut self) -> Value {
        self.union()
    }

    fn union(&mut self) -> Value {
        self.take("|");
        let mut members = vec![self.one()];
        while self.take("|") {
            members.push(self.one());
        }
        joined(members)
    }

    fn one(&mut self) -> Value {
        let mut schema = if self.take("{") {
            self.object()
        } else if self.take("(") {
            let inner = self.union();
            self.take(")");
            inner
        } else if self.take("\"") {
            let (text, rest) = self.rest.split_once('"').unwrap_or((self.rest, ""));
            self.rest = rest.trim_start();
            json!({"const": text})
        } else {
            self.named()
        };
        while self.take("[]") {
            schema = json!({"type": "array", "items": schema});
        }
        // `A & B` holds what both hold.
        if self.take("&") {
            let other = self.one();
            return json!({"allOf": [schema, other]});
        }
        schema
    }

    fn object(&mut self) -> Value {
        let (mut properties, mut required) = (Map::new(), Vec::new());
        while !self.take("}") && !self.rest.is_empty() {
            if self.take("[") {
                self.rest = self.rest.split_once(']').map_or("", |(_, rest)| rest);
                self.take("?");
                self.take(":");
                let values = self.union();
                self.take(",");
                self.take("}");
                return json!({"type": "object", "additionalProperties": values});
            }
            self.take("\"");
            let name = self.word().to_owned();
            self.take("\"");
            let is_optional = self.take("?");
            self.take(":");
            let schema = self.union();
            self.take(",");
            self.take(";");
            if !is_optional {
                required.push(json!(name));
            }
            properties.insert(name, schema);
        }
        json!({
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        })
    }

    fn named(&mut self) -> Value {
        let name = self.word().to_owned();
        match &*name {
            "string" => json!({"type": "string"}),
            // There is no fraction on our wire.
            "number" | "bigint" => json!({"type": "integer"}),
            "boolean" => json!({"type": "boolean"}),
            "null" => json!({"type": "null"}),
            "Array" => {
                self.take("<");
                let items = self.union();
                self.take(">");
                json!({"type": "array", "items": items})
            }
            _ => json!({"$ref": format!("#/components/schemas/{name}")}),
        }
    }

    fn word(&mut self) -> &'a str {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        // Whatever it is, reading goes on behind it.
        self.rest = if word.is_empty() {
            let mut chars = rest.chars();
            chars.next();
            chars.as_str()
        } else {
            rest
        }
        .trim_start();
        word
    }

    fn take(&mut self, sign: &str) -> bool {
        match self.rest.strip_prefix(sign) {
            // Within quotes every blank counts.
            Some(rest) => {
                self.rest = if sign == "\"" { rest } else { rest.trim_start() };
                true
            }
            None => false,
        }
    }
}

/// One of several, as JSON Schema says it best.
fn joined(mut members: Vec<Value>) -> Value {
    if members.len() == 1 {
        return members.pop().unwrap_or_default();
    }
    if members.iter().all(|member| member.get("const").is_some()) {
        let texts: Vec<_> = members.iter().filter_map(|member| member.get("const")).collect();
        return json!({"type": "string", "enum": texts});
    }
    let is_null = |member: &Value| *member == json!({"type": "null"});
    if let [one, other] = members.as_slice()
        && is_null(other)
        && let Some(kind) =
            one.get("type").filter(|_| one.as_object().is_some_and(|o| o.len() == 1))
    {
        return json!({"type": [kind, "null"]});
    }
    json!({"oneOf": members})
}
