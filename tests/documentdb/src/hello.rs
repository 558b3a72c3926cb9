//! What this server says about itself when a driver connects.
//!
//! It introduces itself as a standalone server, not as a router (`"msg": "isdbgrid"`) or a replica
//! set. Drivers then send every write once. To the other kinds they send a write again after a cut
//! connection, with a number by which the server knows that it is the same write; this server keeps
//! no such numbers and would carry it out twice. Reads are repeated in either case.

use bson::{DateTime, Document, doc};

use crate::{scram::MECHANISM, wire};

/// Speaks like MongoDB 7.0.
const VERSION: [i32; 4] = [7, 0, 0, 0];
const WIRE_VERSION: i32 = 21;
const MAX_WRITES: i32 = 25_000;
const SESSION_MINUTES: i32 = 30;

/// The reply to `hello` and its older name. Drivers ask in it how a user may log in.
pub fn hello(request: &Document, connection: i32, wants_log_in: bool) -> Document {
    let mut reply = doc! {
        "helloOk": true,
        "ismaster": true,
        "isWritablePrimary": true,
        "maxBsonObjectSize": wire::MAX_DOCUMENT,
        "maxMessageSizeBytes": wire::MAX_MESSAGE as i32,
        "maxWriteBatchSize": MAX_WRITES,
        "localTime": DateTime::now(),
        "logicalSessionTimeoutMinutes": SESSION_MINUTES,
        "connectionId": connection,
        "minWireVersion": 0,
        "maxWireVersion": WIRE_VERSION,
        "readOnly": false,
        "ok": 1.0,
    };
    if wants_log_in && request.contains_key("saslSupportedMechs") {
        reply.insert("saslSupportedMechs", vec![MECHANISM]);
    }
    reply
}

/// The reply to `buildInfo`.
pub fn build_info() -> Document {
    let version = VERSION.map(|part| part.to_string());
    doc! {
        "version": version[..3].join("."),
        "versionArray": VERSION.to_vec(),
        "maxBsonObjectSize": wire::MAX_DOCUMENT,
        "ok": 1.0,
    }
}
