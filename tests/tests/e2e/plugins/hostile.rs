//! Plugins that do wrong, in a daemon that goes on.

use std::path::Path;
use std::time::{Duration, Instant};

use clipmill_plugins::wasm::pack;
use clipmill_tests::api::{Account, http};
use clipmill_tests::daemon::Daemon;
use clipmill_tests::tool;
use serde_json::{Value, json};
use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::{clipmill, logged, text};
use crate::support::{assert_exact, served};

/// A source in WebAssembly's text whose two functions have these bodies.
fn source(plugins: &Path, name: &str, claims: &str, resolve: &str) {
    let length = name.len();
    let module = format!(
        r#"(module
          (memory (export "memory") 2)
          (data (i32.const 16) "\20\00\00\00\{length:02x}\00\00\00\60\00\00\00\01\00\00\00")
          (data (i32.const 32) "{name}")
          (data (i32.const 96) "1")
          (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
          (func (export "describe") (result i32) (i32.const 16))
          (func (export "claims") (param i32 i32) (result i32) {claims})
          (func (export "resolve") (param i32 i32 i32 i32) (result i32) {resolve}))"#
    );
    let mut module = wat::parse_str(module).unwrap();
    let mut interface = Resolve::default();
    let folder = tool::workspace().join("plugins/wit/0.1.0");
    let (package, _) = interface.push_dir(folder).unwrap();
    let world = interface.select_world(&[package], Some("source")).unwrap();
    embed_component_metadata(&mut module, &interface, world, StringEncoding::UTF8).unwrap();
    let manifest = format!("name = '{name}'\nversion = '1'\napi = '0.1'\nkind = 'source'\n");
    let packed = pack(&module, Some(&manifest)).unwrap();
    let draft = plugins.join(".draft");
    std::fs::write(&draft, packed).unwrap();
    std::fs::rename(draft, plugins.join(format!("{name}.wasm"))).unwrap();
}

/// What `plugin list` tells of one, once it tells that it is so. A daemon writes down what it has
/// to tell some moments later.
fn once(daemon: &Daemon, name: &str, is: &str) -> Value {
    let data = daemon.data();
    let began = Instant::now();
    loop {
        let listed = clipmill(data.parent().unwrap(), &[], &["plugin", "list", "--json"]);
        assert!(listed.status.success(), "{}", text(&listed.stderr));
        let all: Vec<Value> = serde_json::from_slice(&listed.stdout).unwrap();
        match all.iter().find(|plugin| plugin["name"] == name && plugin["state"]["is"] == is) {
            Some(plugin) => return plugin.clone(),
            None => assert!(began.elapsed() < Duration::from_secs(10), "not {is}: {all:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_loops_costs_its_own_calls_and_nobody_else_s() {
    let (server, clip) = served();
    let daemon = Daemon::start("");
    let account = Account::register(&daemon).await;
    source(
        &daemon.data().join("plugins"),
        "aloops",
        "(loop $on (br $on)) unreachable",
        "unreachable",
    );
    logged(&daemon, &["plugin loaded", "aloops"]).await;

    // Fifty a second, while six clips are saved, each of which asks the plugin first.
    let asking = {
        let (client, url, token) = (http(), daemon.url("/api/auth/me"), account.token.clone());
        tokio::spawn(async move {
            let mut taken = Vec::new();
            let mut tick = tokio::time::interval(Duration::from_millis(20));
            for _ in 0..200 {
                tick.tick().await;
                let began = Instant::now();
                let answer = client.get(&url).bearer_auth(&token).send().await.unwrap();
                assert_eq!(answer.status(), 200);
                taken.push(began.elapsed());
            }
            taken.sort();
            taken
        })
    };
    let mut id = String::new();
    for _ in 0..6 {
        id = account.save(&server.url("/main.mp4"), 1.0, 2.0).await;
    }
    let taken = asking.await.unwrap();
    let (middle, last) = (taken[taken.len() / 2], taken[taken.len() - 1]);
    println!("200 requests while it looped: p50 {middle:?}, slowest {last:?}");
    assert!(middle < Duration::from_millis(500) && last < Duration::from_secs(5), "{taken:?}");

    let it = once(&daemon, "aloops", "set_aside");
    let reason = it["state"]["reason"].as_str().unwrap();
    assert!(reason.contains("claims: it computed for more than 0.2 s"), "{reason}");
    assert!(it["loaded"]["faults"].as_u64().is_some_and(|faults| faults >= 5), "{it}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("clip.mp4");
    account.download_to(&id, &json!({}), &file).await;
    assert_exact(&file, &clip, 1.0, 2.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_breaks_off_fails_its_clips_and_hands_over_when_set_aside() {
    let (server, clip) = served();
    let daemon = Daemon::start("");
    let account = Account::register(&daemon).await;
    source(&daemon.data().join("plugins"), "abreaks", "(i32.const 1)", "unreachable");
    logged(&daemon, &["plugin loaded", "abreaks"]).await;
    let id = account.save(&server.url("/main.mp4"), 1.0, 2.0).await;
    let failed = account.get(&format!("/api/video/formats/{id}")).await;
    assert_eq!(failed.body["code"], "plugin_failed", "{failed:?}");
    let message = failed.body["message"].as_str().unwrap();
    assert!(message.contains("abreaks") && message.contains("unreachable"), "{message}");
    for _ in 0..5 {
        account.get(&format!("/api/video/formats/{id}")).await;
    }
    once(&daemon, "abreaks", "set_aside");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("clip.mp4");
    account.download_to(&id, &json!({}), &file).await;
    assert_exact(&file, &clip, 1.0, 2.0);

    // Its author mends it: it is asked again, and this time claims nothing.
    source(&daemon.data().join("plugins"), "abreaks", "(i32.const 0)", "unreachable");
    logged(&daemon, &["plugin replaced", "abreaks"]).await;
    once(&daemon, "abreaks", "active");
}
