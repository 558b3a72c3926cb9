//! Guests that encode frames by themselves.

use std::time::{Duration, Instant};

use clipmill_core::Code;
use clipmill_plugins::wasm::State;
use clipmill_plugins::{Codec, FrameEncoder, FramePlan, PcmBlock, Plan, RawFrame, conformance};

use crate::guest::{Guest, SPIN};
use crate::host::Host;

async fn plan(codec: &dyn Codec) -> FramePlan {
    let (probe, have) = (conformance::probes().remove(0), conformance::all_encoders());
    match codec.plan(&probe, "high", &have).await {
        Ok(Plan::Frames(plan)) => plan,
        other => panic!("{other:?}"),
    }
}

async fn begin(host: &Host, name: &str) -> Box<dyn FrameEncoder> {
    let codec = host.codec(name);
    let plan = plan(codec.as_ref()).await;
    codec.begin(&plan, "high").await.unwrap().0
}

fn frame() -> RawFrame {
    RawFrame { pts_micros: 0, duration_micros: 40_000, data: vec![7; 16 * 8 * 3].into() }
}

#[tokio::test]
async fn one_instance_sees_one_file() {
    let mut guest = Guest::frames("anim");
    let count = guest.image.place(&[0; 16]);
    let answer = guest.image.place(&[0; 16]);
    let counts = format!(
        "(i32.store8 (i32.const {count}) (i32.add (i32.load8_u (i32.const {count})) (i32.const 1)))
         (i32.store offset=4 (i32.const {answer}) (i32.const {count}))
         (i32.store offset=8 (i32.const {answer}) (i32.const 1))
         (i32.const {answer})"
    );
    let host = Host::of(&[guest.with("push-video", &counts)]).await;
    let codec = host.codec("anim");
    let plan = plan(codec.as_ref()).await;
    for _ in 0..2 {
        let (mut one, head) = codec.begin(&plan, "high").await.unwrap();
        let mut file = head.to_vec();
        for _ in 0..3 {
            file.extend_from_slice(&one.push_video(frame()).await.unwrap());
        }
        let block = PcmBlock { pts_micros: 0, data: vec![0; 4].into() };
        file.extend_from_slice(&one.push_audio(block).await.unwrap());
        file.extend_from_slice(&one.finish().await.unwrap());
        assert_eq!(file, b"head\x01\x02\x03soundend");
    }
    assert_eq!(host.faults("anim").0, 0);
}

#[tokio::test]
async fn a_frame_that_becomes_a_film_is_cut_off() {
    let mut guest = Guest::frames("anim").wants("memory_mb = 1024\nseconds = 30");
    let answer = guest.image.place(&[0; 16]);
    let grows = format!(
        "(i32.store offset=4 (i32.const {answer})
           (i32.mul (i32.const 65536) (memory.grow (i32.const 4801))))
         (i32.store offset=8 (i32.const {answer}) (i32.const {}))
         (i32.const {answer})",
        300 << 20,
    );
    let guest = guest.with("push-video", &grows);
    let host = Host::with(|settings| settings.ceilings.memory_mb = 1024, &[guest]).await;
    let mut encoder = begin(&host, "anim").await;
    let error = encoder.push_video(frame()).await.unwrap_err();
    assert_eq!(error.code, Code::PluginFailed);
    assert_eq!(host.faults("anim"), (1, "push-video: its answer is too large".to_owned()));
    // The encode is over, and only this one.
    assert_eq!(encoder.push_video(frame()).await.unwrap_err().code, Code::PluginFailed);
    assert_eq!(encoder.finish().await.unwrap_err().code, Code::PluginFailed);
    assert_eq!(host.faults("anim").0, 1);
    begin(&host, "anim").await;
}

#[tokio::test]
async fn a_frame_that_never_ends_ends() {
    let host = Host::of(&[
        Guest::frames("pushes").with("push-video", SPIN),
        Guest::frames("begins").with("begin", SPIN),
        Guest::frames("finishes").with("finish", SPIN),
        Guest::frames("plans").with("plan", SPIN).wants("seconds = 30"),
    ])
    .await;
    let began = Instant::now();
    let mut encoder = begin(&host, "pushes").await;
    assert_eq!(encoder.push_video(frame()).await.unwrap_err().code, Code::PluginFailed);
    let codec = host.codec("begins");
    let plan = plan(codec.as_ref()).await;
    assert_eq!(codec.begin(&plan, "high").await.err().unwrap().code, Code::PluginFailed);
    let encoder = begin(&host, "finishes").await;
    assert_eq!(encoder.finish().await.unwrap_err().code, Code::PluginFailed);
    let probe = conformance::probes().remove(0);
    let planned = host.codec("plans").plan(&probe, "high", &Default::default()).await;
    assert_eq!(planned.unwrap_err().code, Code::PluginFailed);
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    for (name, call) in
        [("pushes", "push-video"), ("begins", "begin"), ("finishes", "finish"), ("plans", "plan")]
    {
        let (faults, told) = host.faults(name);
        assert!(faults == 1 && told.starts_with(&format!("{call}: it ")), "{name}: {told}");
        assert!(told.contains(" more than "), "{name}: {told}");
    }
}

#[tokio::test]
async fn encodes_that_are_dropped_make_room() {
    let host = Host::of(&[Guest::frames("anim")]).await;
    let codec = host.codec("anim");
    let plan = plan(codec.as_ref()).await;
    let mut all = Vec::new();
    for _ in 0..8 {
        all.push(begin(&host, "anim").await);
    }
    all[0].push_video(frame()).await.unwrap();
    let error = codec.begin(&plan, "high").await.err().unwrap();
    assert_eq!((error.code, error.retry), (Code::PluginFailed, clipmill_core::Retry::Later));
    all.clear();
    for _ in 0..8 {
        all.push(begin(&host, "anim").await);
    }
    assert_eq!((host.faults("anim").0, host.state("anim").state), (0, State::Active));
}

#[tokio::test]
async fn an_error_of_the_guest_ends_the_encode_and_is_no_fault() {
    let mut guest = Guest::frames("anim");
    let reason = guest.image.text("no more");
    let error = crate::image::Record::new(16).u8(0, 1).u8(4, 4).text(8, reason);
    let at = error.place(&mut guest.image);
    let host = Host::of(&[guest.answers("push-video", at)]).await;
    let mut encoder = begin(&host, "anim").await;
    let error = encoder.push_video(frame()).await.unwrap_err();
    assert_eq!((error.code, error.message.as_str()), (Code::CodecFailed, "no more"));
    assert_eq!(encoder.push_video(frame()).await.unwrap_err().code, Code::PluginFailed);
    assert_eq!(host.faults("anim").0, 0);
}
