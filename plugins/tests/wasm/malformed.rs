//! Files and answers that make no sense.

use clipmill_core::probe::{Live, Transport};
use clipmill_core::{Code, Retry};
use clipmill_plugins::wasm::State;
use clipmill_plugins::{Plan, conformance};

use crate::guest::Guest;
use crate::host::{Host, resolve};
use crate::image::{Format, Info, Record};

type Change = fn(&mut Info);

fn source(change: Change) -> Guest {
    let mut info = Info::good();
    change(&mut info);
    Guest::source("site").info(&info)
}

/// What is said of a guest whose `resolve` makes no sense.
async fn fault(guest: Guest) -> String {
    let host = Host::of(std::slice::from_ref(&guest)).await;
    let error = resolve(host.source(&guest.name).as_ref(), "x").await.expect_err("it is taken");
    assert_eq!((error.code, error.retry), (Code::PluginFailed, Retry::Later));
    let (faults, last) = host.faults(&guest.name);
    assert_eq!(faults, 1);
    last
}

#[tokio::test]
async fn files_that_are_no_plugins_say_why() {
    let good = Guest::source("x").component();
    let wasi = r#"(component (import "wasi:cli/environment@0.2.3" (instance)))"#;
    let later = r#"(component (import "clipmill:plugin/http@0.2.0" (instance)))"#;
    let more = r#"(component (import "clipmill:plugin/files@0.1.0" (instance
        (export "open" (func)))))"#;
    let typed = r#"(component
        (core module $m (func (export "d") (result i32) (i32.const 0)))
        (core instance $i (instantiate $m))
        (func (export "describe") (result u32) (canon lift (core func $i "d"))))"#;
    let text = |wat: &str| wat::parse_str(wat).unwrap();
    let files: Vec<(&str, Vec<u8>, &str)> = vec![
        ("module", Guest::source("module").module(), "core module"),
        ("empty", Vec::new(), "not WebAssembly"),
        ("text", b"#!/bin/sh\nexit 0\n".to_vec(), "not WebAssembly"),
        ("head", good[..8].to_vec(), "it is no source plugin"),
        ("half", good[..good.len() / 2].to_vec(), "it is no valid component"),
        ("cut", good[..good.len() - 1].to_vec(), "it is no valid component"),
        ("wasi", text(wasi), "build it for a target without WASI"),
        ("later", text(later), "built for version 0.2.0 of the interface, not for 0.1"),
        ("more", text(more), "it is no source plugin"),
        ("typed", text(typed), "it is no source plugin"),
        ("codec", Guest::codec("codec").component(), "it is no source plugin"),
    ];
    let host = Host::of(&[Guest::source("fine")]).await;
    for (name, bytes, _) in &files {
        host.write(&format!("{name}.toml"), Guest::source(name).manifest());
        host.write(&format!("{name}.wasm"), bytes);
    }
    host.plugins.scan().await;
    for (name, _, part) in &files {
        let told = host.broken(name);
        assert!(told.contains(part), "{name}: {told}");
        assert!(told.len() < 1000 && !told.contains(host.root.path().to_str().unwrap()), "{told}");
    }
    assert!(resolve(host.source("fine").as_ref(), "x").await.is_ok());
}

#[tokio::test]
async fn imports_of_another_world_are_refused() {
    let host = Host::of(&[]).await;
    let http = r#"(component (import "clipmill:plugin/http@0.1.0" (instance
        (export "x" (func)))))"#;
    host.write("vp.toml", Guest::codec("vp").manifest());
    host.write("vp.wasm", wat::parse_str(http).unwrap());
    host.plugins.scan().await;
    assert!(host.broken("vp").contains("it is no codec plugin"), "{}", host.broken("vp"));
}

#[tokio::test]
async fn every_truncation_is_refused() {
    let host = Host::of(&[]).await;
    let whole = Guest::source("site").single();
    for end in (0..whole.len()).step_by(whole.len() / 60) {
        host.write("site.wasm", &whole[..end]);
        host.plugins.scan().await;
        host.broken("site");
    }
    host.write("site.wasm", &whole);
    host.plugins.scan().await;
    assert_eq!(host.state("site").state, State::Active);
}

#[tokio::test]
async fn descriptions_are_checked() {
    let lies = |mut guest: Guest, at: u32, text: &str| {
        let (text, length) = guest.image.text(text);
        let bytes = [text.to_le_bytes(), length.to_le_bytes()].concat();
        guest.describe_poke(at, &bytes)
    };
    let host = Host::of(&[
        lies(Guest::source("name"), 0, "other"),
        lies(Guest::source("version"), 8, "1\n2"),
        lies(Guest::codec("mime"), 20, "text/html"),
        lies(Guest::codec("extension"), 28, "../sh"),
        Guest::codec("none").describe_poke(12, &0_u32.to_le_bytes()),
        Guest::codec("many").describe_poke(12, &0x0fff_ffff_u32.to_le_bytes()),
        Guest::codec("container").describe_poke(16, &[9]),
    ])
    .await;
    for (name, part) in [
        ("name", "it calls itself \"other\", and its manifest calls it \"name\""),
        ("version", "its version is no line of text"),
        ("mime", "the MIME type \"text/html\""),
        ("extension", "the extension"),
        ("none", "the qualities"),
        ("many", "it could not say who it is"),
        ("container", "it could not say who it is"),
    ] {
        assert!(host.broken(name).contains(part), "{name}: {}", host.broken(name));
    }
}

#[tokio::test]
async fn answers_that_break_the_calling_convention_are_traps() {
    let out = 0xffff_fff0_u32.to_le_bytes();
    let answer = Guest::source("site").answer;
    let guests = [
        source(|_| ()).poke(0, &[7]),
        source(|_| ()).poke(16, &[7]),
        source(|info| info.live.0 = 9),
        source(|info| info.formats[0].container = 9),
        source(|info| info.formats[0].transport = 9),
        source(|info| info.id = vec![b'a', 0xff, 0xfe]),
        source(|info| info.id = b"\xed\xa0\x80".to_vec()),
        source(|_| ()).poke(8, &out),
        source(|_| ()).poke(12, &out),
        source(|_| ()).poke(72, &out),
        source(|_| ()).poke(76, &0x0100_0000_u32.to_le_bytes()),
        Guest::source("site").answers("resolve", answer + 1),
        Guest::source("site").answers("resolve", 0xffff_fff8),
        Guest::source("site").edit("(local.get $at))", "(i32.const -16))"),
        Guest::source("site").edit("(local.get $at))", "unreachable)"),
    ];
    for (n, guest) in guests.into_iter().enumerate() {
        let told = fault(guest).await;
        println!("{n}: {told}");
        assert!(told.starts_with("resolve: it broke off: "), "{n}: {told}");
        assert!(told.len() < 300, "{n}: {told}");
    }
}

#[tokio::test]
async fn memory_that_the_guest_gives_away_twice_is_its_own_loss() {
    let same = Guest::source("site").edit("(local.get $at))", "(i32.const 1024))");
    let host = Host::of(&[same]).await;
    let _ = resolve(host.source("site").as_ref(), "x").await;
    let _ = host.source("site").claims(&"https://a.example/".parse().unwrap()).await;
}

#[tokio::test]
async fn answers_without_measure_are_cut_off() {
    // A hundred thousand headers whose names and values are the same megabyte.
    let mut overlapping = Guest::source("site");
    let megabyte = overlapping.image.text(vec![b'x'; 1 << 20]);
    let header = Record::new(16).text(0, megabyte).text(8, megabyte).0;
    let headers = overlapping.image.place(&header.repeat(100_000));
    let mut info = Info::good();
    info.formats[0].url = "https://a.example/".to_owned();
    let overlapping = overlapping.info(&info);
    let formats = overlapping.answer;
    let overlapping = overlapping.with(
        "resolve",
        &format!(
            "(i32.store offset=140 (i32.load offset=72 (i32.const {formats})) (i32.const {headers}))
             (i32.store offset=144 (i32.load offset=72 (i32.const {formats})) (i32.const 100000))
             (i32.const {formats})"
        ),
    );
    // A list of formats without end, all zeros.
    let list = Guest::source("site");
    let answer = list.answer;
    let list = list.wants("memory_mb = 100\nseconds = 5").with(
        "resolve",
        &format!(
            "(i32.store offset=72 (i32.const {answer}) (i32.mul (i32.const 65536)
               (memory.grow (i32.const 1000))))
             (i32.store offset=76 (i32.const {answer}) (i32.const 400000))
             (i32.const {answer})"
        ),
    );
    // The same towards a function of the host.
    let line = Guest::source("site").wants("memory_mb = 100\nseconds = 5").with(
        "resolve",
        "(drop (memory.grow (i32.const 1000)))
         (call $log (i32.const 0) (i32.const 65536) (i32.const 60000000))
         unreachable",
    );
    for (n, guest) in [overlapping, list, line].into_iter().enumerate() {
        assert_eq!(fault(guest).await, "resolve: its answer is too large", "{n}");
    }
}

#[tokio::test]
async fn videos_that_make_no_sense_are_faults() {
    let changes: [(&str, Change); 26] = [
        ("an id", |info| info.id.clear()),
        ("an id", |info| info.id = vec![b'x'; 200]),
        ("an id", |info| info.id = b"a\nb".to_vec()),
        ("a duration", |info| info.duration = Some(f64::NAN)),
        ("a duration", |info| info.duration = Some(f64::INFINITY)),
        ("a duration", |info| info.duration = Some(-1.0)),
        ("a duration", |info| info.duration = Some(0.0)),
        ("0 formats", |info| info.formats.clear()),
        ("257 formats", |info| info.formats = vec![Format::good("x"); 257]),
        ("two formats", |info| info.formats.push(Format::good("720p"))),
        ("a format's id", |info| info.formats[0].id = "x".repeat(65)),
        ("neither", |info| (info.formats[0].video, info.formats[0].sound) = (None, false)),
        ("bitrate", |info| info.formats[0].bitrate = Some(f64::NAN)),
        ("a size", |info| info.formats[0].video = Some((Some(0), None, None))),
        ("a size", |info| info.formats[0].video = Some((None, Some(70_000), None))),
        ("frame rate", |info| info.formats[0].video = Some((None, None, Some(f64::NAN)))),
        ("http and https", |info| info.formats[0].url = "file:///etc/passwd".into()),
        ("http and https", |info| info.formats[0].url = "concat:/etc/passwd".into()),
        ("no address", |info| info.formats[0].url = "-i".into()),
        ("no address", |info| info.formats[0].url = String::new()),
        ("user name", |info| info.formats[0].url = "https://me:x@a.example/".into()),
        ("more than", |info| {
            info.formats[0].url = format!("https://a.example/{}", "x".repeat(9000))
        }),
        ("malformed", |info| info.formats[0].headers = vec![("X".into(), "a\r\nHost: b".into())]),
        ("malformed", |info| info.formats[0].headers = vec![("X y".into(), "a".into())]),
        ("a time", |info| info.expires_at = Some(u64::MAX)),
        ("a time", |info| info.live = (2, Some(u64::MAX))),
    ];
    for (part, change) in changes {
        let told = fault(source(change)).await;
        assert!(told.starts_with("resolve: its answer makes no sense: "), "{part}: {told}");
        assert!(told.contains(part) && told.len() < 400, "{part}: {told}");
    }
}

#[tokio::test]
async fn what_is_odd_and_harmless_is_taken() {
    let guest = source(|info| {
        info.title = Some("a\n\u{1b}[2J".to_owned());
        info.live = (3, Some(1_700_000_000));
        info.formats.push(Format { transport: 1, video: None, ..Format::good("hls") });
    });
    let host = Host::of(&[guest]).await;
    let info = resolve(host.source("site").as_ref(), "x").await.unwrap();
    assert_eq!(info.title.as_deref(), Some("a  [2J"));
    assert!(matches!(info.live, Live::Ended { began: Some(_) }));
    assert!(matches!(info.formats[0].transport, Transport::Progressive { .. }));
}

#[tokio::test]
async fn times_far_away_are_taken() {
    for (duration, moment) in [(1e300, 8_000_000_000_000), (1e-300, 0)] {
        let mut info = Info { duration: Some(duration), ..Info::good() };
        (info.expires_at, info.live) = (Some(moment), (2, Some(moment)));
        let host = Host::of(&[Guest::source("site").info(&info)]).await;
        for _ in 0..2 {
            let info = resolve(host.source("site").as_ref(), "x").await.unwrap();
            assert!(info.expires_at.is_some() && info.live.began().is_some());
        }
    }
    // Not only where a running stream bounds it.
    let info = Info { expires_at: Some(8_000_000_000_000), ..Info::good() };
    let host = Host::of(&[Guest::source("site").info(&info)]).await;
    for path in ["x", "y"] {
        assert!(resolve(host.source("site").as_ref(), path).await.is_ok());
    }
}

#[tokio::test]
async fn errors_of_the_guest_are_answers() {
    let mut guest = Guest::source("site");
    let reason = guest.image.text("slow down\nplease");
    let error = Record::new(96).u8(0, 1).u8(8, 2).u8(12, 8).text(16, reason).u32(24, 4_000_000_000);
    let at = error.place(&mut guest.image);
    let host = Host::of(&[guest.answers("resolve", at)]).await;
    let error = resolve(host.source("site").as_ref(), "x").await.unwrap_err();
    assert_eq!((error.code, error.message.as_str()), (Code::RateLimited, "slow down please"));
    assert!(matches!(error.retry, Retry::After(wait) if wait.as_secs() == 24 * 3600));
    assert_eq!(host.faults("site").0, 0);
}

#[tokio::test]
async fn plans_that_can_not_be_are_faults() {
    let changes: [(&str, u32, &[u8]); 8] = [
        ("it broke off", 8, &[9]),
        ("no speed 200", 9, &[200]),
        ("it broke off", 10, &[9]),
        ("no rate factor 200", 11, &[200]),
        ("where its description says", 4, &[0]),
        ("keyframe interval", 24, &[1]),
        ("0 kbit/s", 36, &[0]),
        ("does not take", 16, &[3]),
    ];
    for (part, at, bytes) in changes {
        let host = Host::of(&[Guest::codec("vp").poke(at, bytes)]).await;
        let (probe, have) = (conformance::probes().remove(0), conformance::all_encoders());
        let error = host.codec("vp").plan(&probe, "high", &have).await.unwrap_err();
        assert_eq!(error.code, Code::PluginFailed);
        assert!(error.message.contains(part), "{part}: {error}");
        assert_eq!(host.faults("vp").0, 1);
    }
}

#[tokio::test]
async fn frames_that_can_not_be_are_faults() {
    let changes: [(&str, u32, u32); 5] = [
        ("frames of 0x8", 4, 0),
        ("frames of 16x9000", 8, 9000),
        ("it broke off", 12, 9),
        ("0/1 frames", 16, 0),
        ("25/0 frames", 20, 0),
    ];
    let (probe, have) = (conformance::probes().remove(0), conformance::all_encoders());
    for (part, at, value) in changes {
        let host = Host::of(&[Guest::frames("anim").poke(at, &value.to_le_bytes())]).await;
        let error = host.codec("anim").plan(&probe, "high", &have).await.unwrap_err();
        assert!(
            error.code == Code::PluginFailed && error.message.contains(part),
            "{part}: {error}"
        );
    }
    let host = Host::of(&[Guest::frames("anim")]).await;
    let plan = host.codec("anim").plan(&probe, "low", &have).await;
    assert!(matches!(plan, Ok(Plan::Frames(plan)) if plan.frame_bytes() == 16 * 8 * 3));
}
