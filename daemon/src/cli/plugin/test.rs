//! `clipmill plugin test`: runs a plugin once, with the limits and grants that
//! the daemon would give it, and reports what it answers and what that costs.

use std::path::Path;
use std::sync::Arc;

use clipmill_core::{Code, Error, Retry, net};
use clipmill_pipeline::ffmpeg::Tools;
use clipmill_plugins::{Codec, Handler, Plan, ResolveOptions, Source};
use serde_json::{Map, Value, json};
use url::Url;

use super::cost::Cost;
use super::encode::{TestEncode, TestEncoded, encode_file};
use super::facts::{plan_facts, print_media};
use super::table::{TextTable, bytes};
use crate::cli::arguments::TestPluginArguments;
use crate::cli::error::CommandError;
use crate::cli::local_job::refuse_existing;
use crate::cli::setup;
use crate::config::{Config, Log};
use crate::telemetry::init_logging;

/// The filter for the log: an author wants to see the lines of the plugin.
const LOG_FILTER: &str = "error,clipmill_plugins::wasm=debug";

/// Runs the command.
pub async fn run(config: Config, test: &TestPluginArguments) -> Result<(), CommandError> {
    if let Some(path) = &test.output {
        refuse_existing(path, test.force)?;
    }
    init_logging(&Log { level: LOG_FILTER.to_owned(), file: None })?;
    let client = setup::client(&config)?;
    let registry = setup::registry(&config, &client);
    let cost = Arc::new(Cost::default());
    let plugins = setup::plugin_host(&config, client.clone(), registry, Some(cost.clone()));
    let inspected = plugins.inspect(&test.plugin).await?;
    let report = TestReport { json: test.json, object: Map::new() };
    let mut trial = Trial { config: &config, test, client, report };
    trial.report.put("name", json!(inspected.state.name));
    trial.report.put("version", json!(inspected.state.loaded.map(|loaded| loaded.version)));
    let ended = match (&inspected.handler, &test.url, &test.file) {
        (Handler::Source(source), Some(url), _) => trial.resolve(source, url).await,
        (Handler::Codec(codec), _, Some(file)) => trial.encode(codec, file).await,
        (Handler::Source(_), ..) => Err(CommandError::usage("it is a source: give --url")),
        (Handler::Codec(_), ..) => Err(CommandError::usage("it is a codec: give --file")),
    };
    // Wrong arguments say nothing about the plugin.
    if !ended.as_ref().is_err_and(|error| error.code == Code::Usage) {
        trial.report.end(&cost, &ended);
    }
    ended
}

/// One run of a plugin.
struct Trial<'a> {
    config: &'a Config,
    test: &'a TestPluginArguments,
    client: net::Client,
    report: TestReport,
}

impl Trial<'_> {
    async fn resolve(&mut self, source: &Arc<dyn Source>, text: &str) -> Result<(), CommandError> {
        let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let url =
            url.ok_or_else(|| CommandError::usage(format!("`{text}` is no http(s) address")))?;
        let claims = source.claims(&url).await;
        let report = &mut self.report;
        report.put("claims", json!(claims));
        report.line(&format!("claims   {}", if claims { "yes" } else { "no" }));
        if !claims {
            let message = "it does not claim this address, so it is never asked to resolve it";
            return Err(CommandError::new(3, Code::UnsupportedUrl, message));
        }
        match source.resolve(&url, ResolveOptions { fresh: self.test.fresh }).await {
            Ok(info) => {
                report.put("result", serde_json::to_value(&*info).unwrap_or_default());
                report.line("resolve  answers");
                if !report.json {
                    print_media(&info);
                }
                Ok(())
            }
            Err(error) => {
                report.line(&format!("resolve  refuses, and says {}", retry(&error)));
                report.put("retry", json!(retry(&error)));
                Err(error.into())
            }
        }
    }

    async fn encode(&mut self, codec: &Arc<dyn Codec>, file: &Path) -> Result<(), CommandError> {
        if !file.is_file() {
            return Err(CommandError::usage(format!("{} is no file", file.display())));
        }
        let description = codec.describe();
        let best = description.qualities.first().cloned().unwrap_or_default();
        let quality = self.test.quality.clone().unwrap_or(best);
        let tools = Tools::discover(&self.config.tool_paths(), &self.config.encode).await?;
        let probe = tools.probe(file).await?;
        let plan = codec.plan(&probe, &quality, &tools.abilities().await?.encoders).await?;
        self.report.put("quality", json!(quality));
        self.report.line(&format!("plan     for quality {quality}"));
        self.report.plan(&plan);
        // A plan for ffmpeg is all that the plugin does; frames it encodes itself.
        if matches!(plan, Plan::Ffmpeg(_)) && self.test.output.is_none() {
            return Ok(());
        }
        let output = self.test.output.as_deref();
        let encode = TestEncode { codec, quality: &quality, file, output };
        let encoded = encode_file(self.config, self.client.clone(), tools, encode).await?;
        self.report.encoded(encoded);
        Ok(())
    }
}

/// What the host does after this error.
fn retry(error: &Error) -> String {
    match error.retry {
        Retry::Never => "give up".to_owned(),
        Retry::Later => "try again later".to_owned(),
        Retry::After(wait) => format!("try again after {} s", wait.as_secs()),
    }
}

/// What the command prints: lines for people at once, an object for scripts at the
/// end.
struct TestReport {
    json: bool,
    object: Map<String, Value>,
}

impl TestReport {
    fn put(&mut self, key: &str, value: Value) {
        self.object.insert(key.to_owned(), value);
    }

    fn line(&self, line: &str) {
        if !self.json {
            println!("{line}");
        }
    }

    fn plan(&mut self, plan: &Plan) {
        let facts = plan_facts(plan);
        let mut table = TextTable::plain();
        facts.iter().for_each(|(name, value)| table.row([(*name).to_owned(), value.clone()]));
        self.line(table.to_string().trim_end());
        let facts = facts.into_iter().map(|(name, value)| (name.replace(' ', "_"), json!(value)));
        self.put("result", Value::Object(facts.collect()));
    }

    fn encoded(&mut self, encoded: TestEncoded) {
        let TestEncoded { path, size, duration, width, height, note } = encoded;
        self.put(
            "encoded",
            json!({
                "path": path, "size_bytes": size, "duration": duration,
                "width": width, "height": height, "note": note,
            }),
        );
        let kept = path.map_or("not kept".to_owned(), |path| path.display().to_string());
        let length = duration.map_or("?".to_owned(), |seconds| format!("{seconds:.2}"));
        self.line(&format!("encode   {width}x{height}, {length} s, {}, {kept}", bytes(size)));
        if let Some(note) = note {
            self.line(&format!("  -> {note}"));
        }
    }

    fn end(mut self, cost: &Cost, ended: &Result<(), CommandError>) {
        if self.json {
            self.put("ok", json!(ended.is_ok()));
            if let Err(error) = ended {
                self.put("code", json!(error.code));
                self.put("message", json!(error.message));
                self.put("causes", json!(error.causes));
            }
            self.put("calls", json!(cost.objects()));
            println!("{}", Value::Object(self.object));
            return;
        }
        println!("cost");
        print!("{}", cost.table());
        match ended {
            Ok(()) => println!("OK   it answers"),
            Err(error) => println!("BAD  {}", error.code),
        }
    }
}
