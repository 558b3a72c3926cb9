//! `GET /api/encode/codecs`

use std::collections::BTreeMap;

use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::call::Call;
use super::super::reply;
use super::super::route::Answer;

#[derive(Serialize, ToSchema)]
pub struct CodecsBody {
    /// The qualities of each codec, best first.
    #[schema(example = json!({"h264": ["lossless", "high", "medium"]}))]
    codecs: BTreeMap<String, Vec<String>>,
}

/// What uploads can be encoded to.
#[utoipa::path(
    get,
    path = "/api/encode/codecs",
    tag = "encode",
    responses((status = 200, description = "Codecs and their qualities", body = CodecsBody))
)]
pub async fn codecs(call: Call, (): ()) -> Answer {
    let offered = call.app.registry.offered_codecs().into_iter().map(|codec| codec.describe());
    let codecs = offered.map(|codec| (codec.name, codec.qualities)).collect();
    Ok(reply::json(StatusCode::OK, &CodecsBody { codecs }))
}
