//! The part of yt-dlp's JSON that matters, read without trust: a field of an
//! unexpected kind is a missing field.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// What `--dump-single-json` prints.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Document {
    #[serde(rename = "_type", deserialize_with = "lenient")]
    pub(super) kind: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) entries: Option<Vec<Value>>,
    #[serde(deserialize_with = "lenient")]
    pub(super) id: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) title: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) duration: Option<f64>,
    #[serde(deserialize_with = "lenient")]
    pub(super) live_status: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) is_live: Option<bool>,
    #[serde(deserialize_with = "lenient")]
    pub(super) was_live: Option<bool>,
    #[serde(deserialize_with = "lenient")]
    pub(super) release_timestamp: Option<f64>,
    #[serde(deserialize_with = "lenient")]
    pub(super) formats: Option<Vec<Value>>,
}

/// One format. A document without a list of formats is one itself.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct YtDlpFormat {
    #[serde(deserialize_with = "lenient")]
    pub(super) format_id: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) url: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) manifest_url: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) protocol: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) ext: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) vcodec: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) acodec: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) width: Option<f64>,
    #[serde(deserialize_with = "lenient")]
    pub(super) height: Option<f64>,
    #[serde(deserialize_with = "lenient")]
    pub(super) fps: Option<f64>,
    #[serde(deserialize_with = "lenient")]
    pub(super) tbr: Option<f64>,
    #[serde(deserialize_with = "lenient")]
    pub(super) filesize: Option<f64>,
    #[serde(deserialize_with = "lenient")]
    pub(super) language_preference: Option<f64>,
    #[serde(deserialize_with = "lenient")]
    pub(super) http_headers: Option<BTreeMap<String, String>>,
    #[serde(deserialize_with = "lenient")]
    pub(super) cookies: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) has_drm: Option<bool>,
    #[serde(deserialize_with = "lenient")]
    pub(super) hls_aes: Option<Value>,
    #[serde(deserialize_with = "lenient")]
    pub(super) extra_param_to_segment_url: Option<String>,
}

/// None where the value is missing, null or of another kind.
fn lenient<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    Ok(serde_json::from_value(Value::deserialize(deserializer)?).ok())
}
