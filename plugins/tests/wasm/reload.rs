//! Plugins that come, change and go while the host watches.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clipmill_plugins::wasm::State;
use tokio::task::JoinHandle;

use crate::guest::{Guest, SPIN};
use crate::host::{Host, resolve, until};
use crate::image::Info;
use crate::journal;
use crate::server::{Answer, Server, ok};

/// Watches until it is dropped.
struct Watching(JoinHandle<()>);

impl Watching {
    fn of(host: &Host) -> Watching {
        let plugins = host.plugins.clone();
        Watching(tokio::spawn(async move { plugins.watch().await }))
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A source whose title is its version.
fn version(name: &str, version: &str) -> Guest {
    let info = Info { title: Some(version.to_owned()), ..Info::good() };
    Guest::source(name).info(&info).version(version)
}

/// Waits until this version is in use.
async fn becomes(host: &Host, name: &str, version: Option<&str>) {
    let what = format!("{name} is {version:?}");
    let took = until(&what, || host.version(name).as_deref() == version).await;
    println!("{what} after {} ms", took.as_millis());
}

async fn title(host: &Host, name: &str, path: &str) -> Option<String> {
    resolve(host.source(name).as_ref(), path).await.unwrap().title.clone()
}

#[tokio::test]
async fn pairs_folders_and_single_files_come_change_and_go() {
    journal::begin();
    let host = Host::empty(|_| ());
    let _watching = Watching::of(&host);
    until("the folder is made", || host.folder.is_dir()).await;

    host.put(&version("pair", "1"));
    becomes(&host, "pair", Some("1")).await;
    host.put(&version("pair", "2"));
    becomes(&host, "pair", Some("2")).await;
    assert_eq!(title(&host, "pair", "x").await.as_deref(), Some("2"));

    for v in ["1", "2"] {
        let guest = version("boxed", v);
        host.write("boxed/boxed.toml", guest.manifest());
        host.write("boxed/boxed.wasm", guest.component());
        becomes(&host, "boxed", Some(v)).await;
    }
    for v in ["1", "2"] {
        host.write("single.wasm", version("single", v).single());
        becomes(&host, "single", Some(v)).await;
    }
    assert_eq!(host.plugins.list().len(), 3);
    assert_eq!(host.ears.told(), host.plugins.list());

    fs::remove_file(host.folder.join("pair.wasm")).unwrap();
    becomes(&host, "pair", None).await;
    fs::remove_dir_all(host.folder.join("boxed")).unwrap();
    becomes(&host, "boxed", None).await;
    fs::remove_file(host.folder.join("single.wasm")).unwrap();
    becomes(&host, "single", None).await;
    assert!(host.registry.sources().is_empty() && host.plugins.list().is_empty());

    // Each change is one line.
    let lines = journal::of("single");
    let words = ["plugin loaded", "plugin replaced", "plugin removed"];
    assert_eq!(lines.len(), words.len(), "{lines:?}");
    for (line, word) in lines.iter().zip(words) {
        assert!(line.contains(word), "{lines:?}");
    }
}

#[tokio::test]
async fn a_call_ends_on_the_version_that_it_began_with() {
    let server = Server::start(|path| {
        Answer::After(Duration::from_millis(if path == "/slow" { 1500 } else { 0 }), ok("body"))
    })
    .await;
    let asks = |v: &str| {
        let guest = Guest::source("site").sends(1, 0, &[], "").version(v);
        let guest = guest.wants("hosts = ['127.0.0.1']\nseconds = 10");
        let at = guest.answer;
        // The id is the version.
        let mut guest = guest;
        let (text, length) = guest.image.text(v);
        guest.image.poke(at + 8, &[text.to_le_bytes(), length.to_le_bytes()].concat());
        guest
    };
    let host = Host::of(&[asks("old")]).await;
    let _watching = Watching::of(&host);
    let source = host.source("site");
    let path = format!("?{}", server.url("slow"));
    let began = Instant::now();
    let slow = tokio::spawn(async move { resolve(source.as_ref(), &path).await });
    until("the server is asked", || !server.requests().is_empty()).await;
    host.put(&asks("new"));
    becomes(&host, "site", Some("new")).await;
    let path = format!("?{}", server.url("fast"));
    assert_eq!(resolve(host.source("site").as_ref(), &path).await.unwrap().id, "new");
    fs::remove_file(host.folder.join("site.wasm")).unwrap();
    becomes(&host, "site", None).await;
    assert!(!slow.is_finished() || began.elapsed() > Duration::from_millis(1400));
    assert_eq!(slow.await.unwrap().unwrap().id, "old");
}

#[tokio::test]
async fn a_file_that_is_being_copied_unloads_nothing() {
    let host = Host::of(&[]).await;
    host.write("site.wasm", version("site", "1").single());
    let _watching = Watching::of(&host);
    becomes(&host, "site", Some("1")).await;
    let path = host.folder.join("site.wasm");
    // Slower than what counts as settled, then faster.
    for (v, pause) in [("2", 250), ("3", 20)] {
        let before = host.version("site");
        let bytes = version("site", v).single();
        fs::write(&path, b"").unwrap();
        for chunk in bytes.chunks(bytes.len() / 8 + 1) {
            let now = host.version("site");
            assert_eq!(now, before, "the good version is gone");
            let part = format!("{v}/{}", chunk.len());
            assert_eq!(title(&host, "site", &part).await, before);
            append(&path, chunk);
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        becomes(&host, "site", Some(v)).await;
        assert_eq!(host.state("site").state, State::Active);
        assert_eq!(title(&host, "site", v).await.as_deref(), Some(v));
    }
}

fn append(path: &Path, bytes: &[u8]) {
    use std::io::Write as _;
    let mut file = fs::OpenOptions::new().append(true).open(path).unwrap();
    file.write_all(bytes).unwrap();
}

#[tokio::test]
async fn a_broken_file_keeps_the_good_version() {
    let host = Host::of(&[version("site", "1")]).await;
    let _watching = Watching::of(&host);
    let is_broken = || matches!(host.state("site").state, State::Broken { .. });
    host.write("site.wasm", "this is no program");
    until("it is broken", is_broken).await;
    assert_eq!(host.broken("site"), "it is not WebAssembly");
    assert_eq!(host.version("site").as_deref(), Some("1"));
    assert_eq!(title(&host, "site", "x").await.as_deref(), Some("1"));
    host.put(&version("site", "2").with("describe", "unreachable"));
    until("it is broken otherwise", || host.broken("site").contains("who it is")).await;
    assert_eq!(title(&host, "site", "y").await.as_deref(), Some("1"));
    host.write("site.toml", "name = 'site'\nversion = 2\n");
    until("the manifest is broken", || host.broken("site").contains("manifest")).await;
    assert_eq!(title(&host, "site", "z").await.as_deref(), Some("1"));
    host.put(&version("site", "3"));
    becomes(&host, "site", Some("3")).await;
}

#[tokio::test]
async fn a_file_of_the_same_size_and_time_is_a_new_one() {
    let host = Host::of(&[]).await;
    let epoch = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1);
    for v in ["1", "2"] {
        let beside = host.folder.join("site.part");
        fs::create_dir_all(&host.folder).unwrap();
        fs::write(&beside, version("site", v).single()).unwrap();
        fs::File::options().write(true).open(&beside).unwrap().set_modified(epoch).unwrap();
        fs::rename(&beside, host.folder.join("site.wasm")).unwrap();
        host.plugins.scan().await;
        assert_eq!(host.version("site").as_deref(), Some(v));
    }
}

#[tokio::test]
async fn ways_out_of_the_folder_are_refused() {
    let host = Host::of(&[]).await;
    fs::create_dir_all(&host.folder).unwrap();
    let outside = host.root.path().join("outside");
    fs::create_dir_all(outside.join("boxed")).unwrap();
    let link = |from: &Path, name: &str| {
        std::os::unix::fs::symlink(from, host.folder.join(name)).unwrap();
    };
    for name in ["linked", "boxed", "inside", "half", "dots"] {
        let guest = Guest::source(name);
        let home = if name == "boxed" { outside.join(name) } else { outside.clone() };
        fs::write(home.join(format!("{name}.wasm")), guest.component()).unwrap();
        fs::write(home.join(format!("{name}.toml")), guest.manifest()).unwrap();
    }
    link(&outside.join("linked.wasm"), "linked.wasm");
    link(&outside.join("linked.toml"), "linked.toml");
    link(&outside.join("boxed"), "boxed");
    link(&outside.join("half.toml"), "half.toml");
    fs::copy(outside.join("half.wasm"), host.folder.join("half.wasm")).unwrap();
    link(Path::new("../outside/dots.wasm"), "dots.wasm");
    link(Path::new("../outside/dots.toml"), "dots.toml");
    // A link that stays within is fine.
    fs::create_dir_all(host.folder.join("kept.d")).unwrap();
    for end in ["wasm", "toml"] {
        let kept = format!("kept.d/inside.{end}");
        fs::copy(outside.join(format!("inside.{end}")), host.folder.join(&kept)).unwrap();
        link(Path::new(&kept), &format!("inside.{end}"));
    }
    // And what is no file is none.
    link(Path::new("/dev/zero"), "zero.wasm");
    fs::create_dir_all(host.folder.join("empty")).unwrap();
    fs::create_dir_all(host.folder.join("folder.wasm")).unwrap();
    link(Path::new("/nowhere"), "nowhere.wasm");
    host.plugins.scan().await;
    for name in ["linked", "boxed", "half", "dots"] {
        assert!(host.broken(name).contains("leads out of the plugin folder"), "{name}");
    }
    assert_eq!(host.state("inside").state, State::Active);
    assert_eq!(host.plugins.list().len(), 5);
}

#[tokio::test]
async fn who_loads_slowly_holds_up_no_other() {
    let host = Host::of(&[version("z_gone", "1")]).await;
    for name in ["a_slow", "b_slow", "c_slow"] {
        host.put(&Guest::source(name).with("describe", SPIN));
    }
    host.put(&version("z_good", "1"));
    fs::remove_file(host.folder.join("z_gone.wasm")).unwrap();
    let plugins = host.plugins.clone();
    let looked = tokio::spawn(async move { plugins.scan().await });
    becomes(&host, "z_gone", None).await;
    becomes(&host, "z_good", Some("1")).await;
    assert!(!looked.is_finished(), "the slow ones were not slow");
    looked.await.unwrap();
    assert!(host.broken("a_slow").contains(" more than "));
}

#[tokio::test]
async fn names_are_kept_apart() {
    let host = Host::of(&[Guest::codec("h264")]).await;
    assert!(host.broken("h264").contains("built-in handler"), "{}", host.broken("h264"));
    assert!(host.registry.codec("h264").is_some());
    let guest = Guest::source("site");
    host.write("other.toml", guest.manifest());
    host.write("other.wasm", guest.component());
    host.write("alone.wasm", guest.component());
    host.write("Bad-Name.wasm", guest.component());
    host.write("big.wasm", Guest::source("big").component());
    host.write("big.toml", format!("{}#{}", Guest::source("big").manifest(), "x".repeat(70_000)));
    host.plugins.scan().await;
    assert!(host.broken("other").contains("names \"site\", and the file \"other\""));
    assert!(host.broken("alone").contains("there is no manifest"));
    assert!(host.broken("big").contains("big.toml: it has more than 65536 bytes"));
    assert_eq!(host.plugins.list().len(), 4);
    // The file counts more than the folder of its name.
    host.put(&version("twice", "file"));
    let boxed = version("twice", "folder");
    host.write("twice/twice.toml", boxed.manifest());
    host.write("twice/twice.wasm", boxed.component());
    host.plugins.scan().await;
    assert_eq!(host.version("twice").as_deref(), Some("file"));
}

#[tokio::test]
async fn a_folder_that_goes_and_comes_again_is_watched() {
    let host = Host::empty(|_| ());
    host.plugins.scan().await;
    assert!(host.plugins.list().is_empty());
    let _watching = Watching::of(&host);
    until("the folder is made", || host.folder.is_dir()).await;
    host.put(&version("site", "1"));
    becomes(&host, "site", Some("1")).await;
    fs::remove_dir_all(&host.folder).unwrap();
    becomes(&host, "site", None).await;
    // Long enough for all that there was to tell of it.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!host.folder.exists(), "who takes the folder away means it");
    for v in ["2", "3"] {
        host.put(&version("site", v));
        becomes(&host, "site", Some(v)).await;
    }
}

#[tokio::test]
async fn reloads_under_load_lose_no_call() {
    let host = Arc::new(Host::of(&[version("site", "0")]).await);
    let _watching = Watching::of(&host);
    let asking = Arc::clone(&host);
    let asked = tokio::spawn(async move {
        for n in 0..1500 {
            let url = format!("https://site.example/{n}").parse().unwrap();
            let source = asking.registry.source_for(&url).await;
            let source = source.unwrap_or_else(|| panic!("nobody claims call {n}"));
            source.resolve(&url, Default::default()).await.unwrap();
        }
    });
    let mut n = 0;
    while !asked.is_finished() {
        n += 1;
        host.put(&version("site", &n.to_string()));
        tokio::time::sleep(Duration::from_millis(120)).await;
    }
    asked.await.unwrap();
    becomes(&host, "site", Some(&n.to_string())).await;
}
