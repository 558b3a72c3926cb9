//! Counters for Prometheus.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use clipmill_storage::Stage;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    route: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StageLabels {
    stage: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FlowLabels {
    flow: ByteFlow,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CodeLabels {
    code: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    plugin: String,
    call: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    plugin: String,
    call: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    state: &'static str,
}

/// Which way bytes went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum ByteFlow {
    /// From a source to us.
    Fetched,
    /// From a client to us.
    Uploaded,
    /// Into the artifact store.
    Retained,
    /// From us to a client.
    Served,
}

/// All counters of one daemon.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    stages: Family<StageLabels, Histogram>,
    bytes: Family<FlowLabels, Counter>,
    failures: Family<CodeLabels, Counter>,
    queue_depth: Gauge<f64, AtomicU64>,
    plugin_calls: Family<OutcomeLabels, Counter>,
    plugin_seconds: Family<CallLabels, Histogram>,
    plugins: Family<StateLabels, Gauge>,
}

impl Default for Metrics {
    fn default() -> Metrics {
        let mut registry = Registry::with_prefix("clipmill");
        let requests = Family::default();
        registry.register("http_requests", "Answered requests", requests.clone());
        let stages = Family::<StageLabels, Histogram>::new_with_constructor(|| {
            Histogram::new([0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0])
        });
        registry.register("stage_seconds", "Duration of a stage of a job", stages.clone());
        let bytes = Family::default();
        registry.register("bytes", "Bytes moved", bytes.clone());
        let failures = Family::default();
        registry.register("job_failures", "Failed attempts at a job by code", failures.clone());
        let queue_depth = Gauge::<f64, AtomicU64>::default();
        registry.register("queue_depth", "Jobs waiting or running", queue_depth.clone());
        let plugin_calls = Family::default();
        registry.register("plugin_calls", "Calls into plugins", plugin_calls.clone());
        let plugin_seconds = Family::<CallLabels, Histogram>::new_with_constructor(|| {
            Histogram::new([
                0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0,
            ])
        });
        registry.register(
            "plugin_call_seconds",
            "Duration of a call into a plugin",
            plugin_seconds.clone(),
        );
        let plugins = Family::default();
        registry.register("plugins", "Plugins in the folder", plugins.clone());
        Metrics {
            registry,
            requests,
            stages,
            bytes,
            failures,
            queue_depth,
            plugin_calls,
            plugin_seconds,
            plugins,
        }
    }
}

impl Metrics {
    /// Counts an answer. `route` is the pattern, never the path itself: ids
    /// and tokens don't belong into labels.
    pub fn request(&self, method: &str, route: &'static str, status: u16) {
        let labels = RequestLabels { method: method.to_owned(), route, status };
        self.requests.get_or_create(&labels).inc();
    }

    /// Notes how long a stage took.
    pub fn stage(&self, stage: Stage, took: Duration) {
        let stage = match stage {
            Stage::Fetch => "fetch",
            Stage::Trim => "trim",
            Stage::Transcode => "transcode",
            Stage::Retain => "retain",
        };
        self.stages.get_or_create(&StageLabels { stage }).observe(took.as_secs_f64());
    }

    /// Counts bytes.
    pub fn bytes(&self, flow: ByteFlow, count: u64) {
        self.bytes.get_or_create(&FlowLabels { flow }).inc_by(count);
    }

    /// Counts a failed attempt.
    pub fn failure(&self, code: &str) {
        self.failures.get_or_create(&CodeLabels { code: code.to_owned() }).inc();
    }

    /// Counts a call into a plugin. An error that the plugin answers is an
    /// answer; a fault is what cost it the call.
    pub fn plugin_call(&self, plugin: &str, call: &'static str, fault: bool, took: Duration) {
        let plugin = plugin.to_owned();
        let outcome = if fault { "fault" } else { "answered" };
        let labels = OutcomeLabels { plugin: plugin.clone(), call, outcome };
        self.plugin_calls.get_or_create(&labels).inc();
        self.plugin_seconds.get_or_create(&CallLabels { plugin, call }).observe(took.as_secs_f64());
    }

    /// Notes how many plugins are in which state; all states are named.
    pub fn plugins(&self, states: impl IntoIterator<Item = (&'static str, usize)>) {
        for (state, count) in states {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            self.plugins.get_or_create(&StateLabels { state }).set(count);
        }
    }

    /// The page that Prometheus reads, in the OpenMetrics text format. A depth
    /// that is not known is `NaN` there.
    pub fn page(&self, queue_depth: Option<usize>) -> String {
        self.queue_depth.set(queue_depth.map_or(f64::NAN, |depth| depth as f64));
        let mut page = String::new();
        // Writing to a String has no way to fail.
        let _ = text::encode(&mut page, &self.registry);
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_plugins_are_counted_by_outcome() {
        let metrics = Metrics::default();
        metrics.plugin_call("tube", "claims", false, Duration::from_micros(50));
        metrics.plugin_call("tube", "claims", true, Duration::from_millis(200));
        metrics.plugins([("active", 2), ("broken", 0)]);
        let page = metrics.page(None);
        for line in [
            r#"clipmill_plugin_calls_total{plugin="tube",call="claims",outcome="answered"} 1"#,
            r#"clipmill_plugin_calls_total{plugin="tube",call="claims",outcome="fault"} 1"#,
            r#"clipmill_plugin_call_seconds_count{plugin="tube",call="claims"} 2"#,
            r#"clipmill_plugins{state="active"} 2"#,
            r#"clipmill_plugins{state="broken"} 0"#,
        ] {
            assert!(page.contains(line), "{line} is not in\n{page}");
        }
    }
}
