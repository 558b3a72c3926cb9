//! `clipmill plugin test`: runs a plugin once, with the limits and grants that
//! the daemon would give it, and tells what it answered and what that cost.

use std::path::Path;
use std::sync::Arc;

use clipmill_core::net;
use clipmill_core::{Code, Error, Retry};
use clipmill_pipeline::ffmpeg::Tools;
use clipmill_plugins::{Codec, Handler, Plan, ResolveOptions, Source};
use serde_json::{Map, Value, json};
use url::Url;

use super::cost::Cost;
use super::encode::{self, Encoded};
use super::table::{Table, bytes};
use super::{media, plan};
use crate::cli::arguments::TestPlugin;
use crate::cli::exit::Failure;
use crate::cli::setup;
use crate::cli::walk::refuse_existing;
use crate::config::{Config, Log};
use crate::telemetry::init_logging;

/// What an author wants to see of the log: the lines of the plugin.
const LINES: &str = "error,clipmill_plugins::wasm=debug";

/// Runs the command.
pub async fn run(config: Config, test: &TestPlugin) -> Result<(), Failure> {
    if let Some(path) = &test.output {
        refuse_existing(path, test.force)?;
    }
    init_logging(&Log { level: LINES.to_owned(), file: None })?;
    let client = setup::client(&config)?;
    let registry = setup::registry(&config, &client);
    let cost = Arc::new(Cost::default());
    let plugins = setup::plugins(&config, client.clone(), registry, Some(cost.clone()));
    let inspected = plugins.inspect(&test.plugin).await?;
    let mut told = Told { json: test.json, object: Map::new() };
    told.put("name", json!(inspected.state.name));
    told.put("version", json!(inspected.state.loaded.map(|loaded| loaded.version)));
    let ran = match (&inspected.handler, &test.url, &test.file) {
        (Handler::Source(source), Some(url), _) => {
            resolve(source, url, test.fresh, &mut told).await
        }
        (Handler::Codec(codec), _, Some(file)) => {
            encode(&config, client, codec, file, test, &mut told).await
        }
        (Handler::Source(_), ..) => Err(Failure::usage("it is a source: give --url")),
        (Handler::Codec(_), ..) => Err(Failure::usage("it is a codec: give --file")),
    };
    // What was asked in vain is not told of the plugin.
    if !ran.as_ref().is_err_and(|failure| failure.exit == 2) {
        told.end(&cost, &ran);
    }
    ran
}

async fn resolve(
    source: &Arc<dyn Source>,
    text: &str,
    fresh: bool,
    told: &mut Told,
) -> Result<(), Failure> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let url = url.ok_or_else(|| Failure::usage(format!("`{text}` is no http(s) address")))?;
    let claims = source.claims(&url).await;
    told.put("claims", json!(claims));
    told.line(&format!("claims   {}", if claims { "yes" } else { "no" }));
    if !claims {
        return Err(Failure {
            exit: 3,
            code: Code::UnsupportedUrl,
            message: "it does not claim this address, so it is never asked to resolve it"
                .to_owned(),
        });
    }
    let options = ResolveOptions { fresh };
    match source.resolve(&url, options).await {
        Ok(info) => {
            told.put("result", serde_json::to_value(&*info).unwrap_or_default());
            told.line("resolve  answers");
            if !told.json {
                media::print(&info);
            }
            Ok(())
        }
        Err(error) => {
            told.line(&format!("resolve  refuses, and says {}", retry(&error)));
            told.put("retry", json!(retry(&error)));
            Err(error.into())
        }
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

async fn encode(
    config: &Config,
    client: net::Client,
    codec: &Arc<dyn Codec>,
    file: &Path,
    test: &TestPlugin,
    told: &mut Told,
) -> Result<(), Failure> {
    if !file.is_file() {
        return Err(Failure::usage(format!("{} is no file", file.display())));
    }
    let description = codec.describe();
    let best = description.qualities.first().cloned().unwrap_or_default();
    let quality = test.quality.clone().unwrap_or(best);
    let tools = Tools::discover(&config.tool_paths(), &config.encode).await?;
    let probe = tools.probe(file).await.map_err(Failure::from)?;
    let planned = codec.plan(&probe, &quality, &tools.abilities().await?.encoders).await?;
    told.put("quality", json!(quality));
    told.line(&format!("plan     for quality {quality}"));
    let facts = plan::facts(&planned);
    let mut table = Table::plain();
    facts.iter().for_each(|(name, value)| table.row([(*name).to_owned(), value.clone()]));
    told.line(table.to_string().trim_end());
    let facts = facts.into_iter().map(|(name, value)| (name.replace(' ', "_"), json!(value)));
    told.put("result", Value::Object(facts.collect()));
    // A plan for ffmpeg is all that the plugin does; frames it encodes itself.
    if matches!(planned, Plan::Ffmpeg(_)) && test.output.is_none() {
        return Ok(());
    }
    let Encoded { path, size, duration, width, height, note } =
        encode::encode(config, client, tools, codec, &quality, file, test.output.as_deref())
            .await?;
    told.put(
        "encoded",
        json!({
            "path": path, "size_bytes": size, "duration": duration,
            "width": width, "height": height, "note": note,
        }),
    );
    let kept = path.map_or("not kept".to_owned(), |path| path.display().to_string());
    let length = duration.map_or("?".to_owned(), |seconds| format!("{seconds:.2}"));
    told.line(&format!("encode   {width}x{height}, {length} s, {}, {kept}", bytes(size)));
    if let Some(note) = note {
        told.line(&format!("  -> {note}"));
    }
    Ok(())
}

/// What is told, for people at once, for scripts at the end.
struct Told {
    json: bool,
    object: Map<String, Value>,
}

impl Told {
    fn put(&mut self, key: &str, value: Value) {
        self.object.insert(key.to_owned(), value);
    }

    fn line(&self, line: &str) {
        if !self.json {
            println!("{line}");
        }
    }

    fn end(mut self, cost: &Cost, ran: &Result<(), Failure>) {
        if self.json {
            self.put("ok", json!(ran.is_ok()));
            if let Err(failure) = ran {
                self.put("code", json!(failure.code));
                self.put("message", json!(failure.message));
            }
            self.put("calls", json!(cost.objects()));
            println!("{}", Value::Object(self.object));
            return;
        }
        println!("cost");
        print!("{}", cost.table());
        match ran {
            Ok(()) => println!("OK   it answers"),
            Err(failure) => println!("BAD  {}", failure.code),
        }
    }
}
