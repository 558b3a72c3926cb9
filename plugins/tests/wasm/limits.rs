//! What the operator decides, and what calls leave behind.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clipmill_plugins::wasm::{Each, State, WasmSettings};
use clipmill_plugins::{Order, Registry, wasm};

use crate::guest::{Guest, SPIN};
use crate::host::{Host, resolve, settings};
use crate::image::{Format, Info, Record};

async fn title(host: &Host, name: &str, path: &str) -> String {
    let info = resolve(host.source(name).as_ref(), path).await.unwrap();
    info.title.clone().unwrap_or_default()
}

#[tokio::test]
async fn ceilings_bound_what_is_wanted() {
    let grow = "(loop $on (br_if $on (i32.ne (i32.const -1) (memory.grow (i32.const 16)))))
        unreachable";
    let wants = "memory_mb = 4096\nseconds = 3600\nmax_body_kb = 65536";
    let change = |settings: &mut WasmSettings| {
        settings.ceilings.memory_mb = 8;
        settings.ceilings.call = Duration::from_secs(1);
    };
    let host = Host::with(
        change,
        &[
            Guest::source("memory").with("resolve", grow).wants(wants),
            Guest::source("time").with("resolve", SPIN).wants(wants),
            Guest::source("modest").wants("memory_mb = 2\nseconds = 1"),
        ],
    )
    .await;
    let loaded = host.state("memory").loaded.unwrap();
    assert_eq!((loaded.wants.memory_mb, loaded.wants.seconds), (4096, 3600));
    assert_eq!((loaded.has.memory_mb, loaded.has.seconds), (8, 1));
    assert_eq!(host.state("modest").loaded.unwrap().has.memory_mb, 2);
    resolve(host.source("memory").as_ref(), "x").await.unwrap_err();
    assert!(host.faults("memory").1.ends_with("more than its 8 MiB of memory"));
    let began = Instant::now();
    resolve(host.source("time").as_ref(), "x").await.unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[tokio::test]
async fn settings_are_texts_of_their_own_plugin() {
    let table = "text = 'plain'\nnumber = 7\nyes = true\nlist = ['a', 'b']\n[table]\nkey = 1\n";
    let each = Each { settings: table.parse().unwrap(), ..Each::default() };
    let guests: Vec<_> = ["text", "number", "yes", "list", "table", "absent"]
        .map(|key| Guest::source(&format!("of_{key}")).titled_by("$setting", key, ""))
        .into();
    let change = |settings: &mut WasmSettings| {
        for name in ["of_text", "of_number", "of_yes", "of_list", "of_table", "of_absent"] {
            settings.each.insert(name.to_owned(), each.clone());
        }
    };
    let mut all = guests;
    all.push(Guest::source("other").titled_by("$setting", "text", ""));
    let host = Host::with(change, &all).await;
    for (name, text) in [
        ("of_text", "plain"),
        ("of_number", "7"),
        ("of_yes", "true"),
        ("of_list", r#"["a","b"]"#),
        ("of_table", r#"{"key":1}"#),
        ("of_absent", "A title"),
        ("other", "A title"),
    ] {
        assert_eq!(title(&host, name, "x").await, text, "{name}");
    }
}

/// A source that remembers a word, and answers it when it knows it.
fn remembering(name: &str) -> Guest {
    let mut guest = Guest::source(name);
    let (key, length) = guest.image.text("key");
    let (word, letters) = guest.image.text("known");
    let remember = format!(
        "(call $remember (i32.const {key}) (i32.const {length}) (i32.const {word})
           (i32.const {letters}) (i32.const 60))"
    );
    guest.titled_by("$recall", "key", &remember)
}

#[tokio::test]
async fn what_is_remembered_outlives_calls_and_no_replacement() {
    let host = Host::of(&[remembering("site"), remembering("other")]).await;
    assert_eq!(title(&host, "site", "1").await, "A title");
    assert_eq!(title(&host, "site", "2").await, "known");
    assert_eq!(title(&host, "other", "1").await, "A title", "one reads what the other remembers");
    host.put(&remembering("site").version("2.0"));
    host.plugins.scan().await;
    assert_eq!(title(&host, "site", "1").await, "A title");
}

#[tokio::test]
async fn what_is_remembered_has_a_measure() {
    // Remembers 64 KiB under each of 2000 keys, then counts those that it knows.
    let mut guest = Guest::source("site").wants("seconds = 20\nmemory_mb = 256");
    let key = guest.image.place(&[0; 8]);
    let came = guest.image.place(&[0; 16]);
    // A key is a text, so a number becomes two characters of ASCII.
    let number = format!(
        "(i32.store (i32.const {key}) (i32.or (i32.and (local.get $n) (i32.const 127))
           (i32.shl (i32.shr_u (local.get $n) (i32.const 7)) (i32.const 8))))"
    );
    let fill = format!(
        "(local $n i32) (local $known i32) (local $heap i32)
         (drop (memory.grow (i32.const 2)))
         (local.set $heap (global.get $heap))
         (loop $on
           {number}
           (call $remember (i32.const {key}) (i32.const 4) (i32.const 0) (i32.const 65536)
             (i32.const 3600))
           (local.set $n (i32.add (local.get $n) (i32.const 1)))
           (br_if $on (i32.lt_u (local.get $n) (i32.const 2000))))
         (local.set $n (i32.const 0))
         (loop $on
           (global.set $heap (local.get $heap))
           {number}
           (call $recall (i32.const {key}) (i32.const 4) (i32.const {came}))
           (local.set $known (i32.add (local.get $known) (i32.load8_u (i32.const {came}))))
           (local.set $n (i32.add (local.get $n) (i32.const 1)))
           (br_if $on (i32.lt_u (local.get $n) (i32.const 2000))))
         (f64.store offset=40 (i32.const {answer})
           (f64.convert_i32_u (i32.add (i32.const 1) (local.get $known))))
         (i32.const {answer})",
        answer = guest.answer,
    );
    // Too large, too long a key, no time: none of these is remembered.
    let mut refused = Guest::source("refused");
    let (word, _) = refused.image.text("x".repeat(70_000));
    let tries = format!(
        "(call $remember (i32.const {word}) (i32.const 4) (i32.const {word}) (i32.const 65537)
           (i32.const 60))
         (call $remember (i32.const {word}) (i32.const 257) (i32.const {word}) (i32.const 1)
           (i32.const 60))
         (call $remember (i32.const {word}) (i32.const 4) (i32.const {word}) (i32.const 1)
           (i32.const 0))
         (call $recall (i32.const {word}) (i32.const 4) (i32.const 8))
         (if (i32.load8_u (i32.const 8)) (then unreachable))
         (call $recall (i32.const {word}) (i32.const 257) (i32.const 8))
         (if (i32.load8_u (i32.const 8)) (then unreachable))
         (i32.const {})",
        refused.answer
    );
    let host = Host::of(&[guest.with("resolve", &fill), refused.with("resolve", &tries)]).await;
    let info = resolve(host.source("site").as_ref(), "x").await.unwrap();
    let known = info.duration.unwrap() - 1.0;
    println!("of 2000 values of 64 KiB, {known} are remembered");
    assert!((1.0..=64.0).contains(&known), "{known} values are remembered");
    assert!(resolve(host.source("refused").as_ref(), "x").await.is_ok());
}

#[tokio::test]
async fn every_call_meets_a_fresh_instance() {
    let counts = "(global.set $n (i32.add (global.get $n) (i32.const 1)))
        (i32.eq (global.get $n) (i32.const 1))";
    let guest = Guest::source("site").more("(global $n (mut i32) (i32.const 0))");
    let host = Host::of(&[guest.with("claims", counts)]).await;
    for _ in 0..5 {
        assert!(host.source("site").claims(&"https://a.example/".parse().unwrap()).await);
    }
}

#[tokio::test]
async fn order_and_disabling_are_the_operators() {
    let all = |name: &str| Guest::source(name).with("claims", "(i32.const 1)");
    let host = Host::of(&[all("a"), all("b"), all("c")]).await;
    let url = "https://any.example/".parse().unwrap();
    let first = async |first: &[&str], disabled: &[&str]| {
        let order = Order {
            first: first.iter().map(|name| (*name).to_owned()).collect(),
            disabled: disabled.iter().map(|name| (*name).to_owned()).collect(),
        };
        let registry = Arc::new(Registry::new(Vec::new(), order));
        let plugins = wasm::Plugins::new(settings(&host.folder), Arc::clone(&registry));
        plugins.scan().await;
        let off = plugins.list().into_iter().filter(|it| it.state == State::Disabled);
        let off: Vec<_> = off.map(|it| it.name).collect();
        (registry.source_for(&url).await.map(|source| source.describe().name), off)
    };
    assert_eq!(first(&[], &[]).await, (Some("a".to_owned()), vec![]));
    assert_eq!(first(&["c", "b"], &[]).await, (Some("c".to_owned()), vec![]));
    assert_eq!(
        first(&["c"], &["a", "c"]).await,
        (Some("b".to_owned()), vec!["a".into(), "c".into()])
    );
}

#[tokio::test]
async fn what_was_found_is_not_kept_without_measure() {
    // Formats with all that they may have make an answer of some megabytes. The
    // guest says it in little: their headers are all the same.
    let mut info = Info::good();
    info.formats = (0..256).map(|n| Format::good(&n.to_string())).collect();
    let mut guest = Guest::source("site").wants("seconds = 30\nmemory_mb = 64");
    let fat = guest.image.text("x".repeat(32_000));
    let name = guest.image.text("x-fat");
    let headers = guest.image.place(&Record::new(16).text(0, name).text(8, fat).0);
    let guest = guest.info(&info);
    let answer = guest.answer;
    let fill = format!(
        "(local $at i32) (local $n i32)
         (local.set $at (i32.load offset=72 (i32.const {answer})))
         (loop $on
           (i32.store offset=140 (local.get $at) (i32.const {headers}))
           (i32.store offset=144 (local.get $at) (i32.const 1))
           (local.set $at (i32.add (local.get $at) (i32.const 152)))
           (local.set $n (i32.add (local.get $n) (i32.const 1)))
           (br_if $on (i32.lt_u (local.get $n) (i32.const 240))))
         (i32.const {answer})"
    );
    let host = Host::of(&[guest.with("resolve", &fill)]).await;
    let source = host.source("site");
    let mut kept = Vec::new();
    for n in 0..20 {
        kept.push(Arc::downgrade(&resolve(source.as_ref(), &n.to_string()).await.unwrap()));
    }
    // Forgetting takes place beside other work.
    let alive = || kept.iter().filter(|info| info.upgrade().is_some()).count();
    for n in 0..200 {
        let _ = resolve(source.as_ref(), &(n % 20).to_string()).await;
        if alive() <= 4 {
            return;
        }
    }
    panic!("{} of 20 large answers are kept", alive());
}

/// The regular files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            match entry.file_type().unwrap().is_dir() {
                true => folders.push(entry.path()),
                false => files.push(entry.path()),
            }
        }
    }
    files
}

#[tokio::test]
async fn compiled_plugins_are_kept_on_disk() {
    let root = tempfile::tempdir().unwrap();
    let cache = root.path().join("cache");
    let host = Host::of(&[Guest::source("site")]).await;
    // Each host is a start of the daemon.
    let load = async || {
        let registry = Arc::new(Registry::new(Vec::new(), Order::default()));
        let settings = WasmSettings { cache_folder: Some(cache.clone()), ..settings(&host.folder) };
        let plugins = wasm::Plugins::new(settings, registry);
        plugins.inspect(&host.folder.join("site.wasm")).await.unwrap().compile
    };
    let first = load().await;
    let is_component = |path: &PathBuf| path.metadata().unwrap().len() > 4096;
    let began = Instant::now();
    while !files(&cache).iter().any(is_component) {
        assert!(began.elapsed() < Duration::from_secs(5), "nothing is kept: {:?}", files(&cache));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let stamps = |kept: &[PathBuf]| -> BTreeMap<PathBuf, std::time::SystemTime> {
        kept.iter()
            .map(|path| (path.clone(), path.metadata().unwrap().modified().unwrap()))
            .collect()
    };
    let kept: Vec<_> = files(&cache).into_iter().filter(is_component).collect();
    let before = stamps(&kept);
    let second = load().await;
    println!("compiled in {first:?}, from the cache in {second:?}");
    assert!(second < first / 2, "{first:?} and {second:?}");
    assert_eq!(stamps(&kept), before, "it is compiled again");

    for garbage in [Vec::new(), vec![0xa5; 5000], b"\x28\xb5\x2f\xfd cut".to_vec()] {
        for path in &kept {
            fs::write(path, &garbage).unwrap();
        }
        load().await;
    }
    for path in &kept {
        fs::remove_file(path).unwrap();
        fs::create_dir(path).unwrap();
    }
    load().await;
}
