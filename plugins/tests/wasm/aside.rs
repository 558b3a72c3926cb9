//! Plugins that fail again and again.

use clipmill_plugins::ResolveOptions;
use clipmill_plugins::wasm::State;

use crate::guest::Guest;
use crate::host::{Host, resolve};

fn failing() -> Guest {
    Guest::source("a_bad").with("resolve", "unreachable").with("claims", "(i32.const 1)")
}

fn next() -> Guest {
    Guest::source("b_next").with("claims", "(i32.const 1)")
}

#[tokio::test]
async fn five_faults_set_a_plugin_aside_and_the_next_gets_its_addresses() {
    let host = Host::of(&[failing(), next()]).await;
    // As requests do: who claims an address is asked for it.
    for n in 0..5 {
        assert_eq!(host.state("a_bad").state, State::Active, "after {n} faults");
        let url = format!("https://any.example/{n}").parse().unwrap();
        let source = host.registry.source_for(&url).await.unwrap();
        assert_eq!(source.describe().name, "a_bad");
        source.resolve(&url, ResolveOptions::default()).await.unwrap_err();
    }
    let State::SetAside { reason } = host.state("a_bad").state else {
        panic!("it is {:?}", host.state("a_bad"))
    };
    assert!(reason.starts_with("5 faults in a row; the last: resolve: it broke off: "), "{reason}");
    assert_eq!(host.ears.told(), host.plugins.list(), "nobody is told");
    let url = "https://any.example/".parse().unwrap();
    assert_eq!(host.registry.source_for(&url).await.unwrap().describe().name, "b_next");
    assert!(!host.registry.sources().iter().any(|source| source.describe().name == "a_bad"));
    let calls = host.state("a_bad").loaded.unwrap().calls;
    host.plugins.scan().await;
    assert!(matches!(host.state("a_bad").state, State::SetAside { .. }), "a look brings it back");
    assert_eq!(host.state("a_bad").loaded.unwrap().calls, calls, "it is asked all the same");

    host.put(&failing().info(&crate::image::Info::good()).version("1.1"));
    host.plugins.scan().await;
    assert_eq!(host.state("a_bad").state, State::Active);
    let source = host.registry.source_for(&url).await.unwrap();
    assert_eq!(source.describe().name, "a_bad");
    assert!(source.resolve(&url, ResolveOptions::default()).await.is_ok());
    assert_eq!(host.faults("a_bad").0, 0);
}

#[tokio::test]
async fn who_holds_one_that_is_set_aside_gets_no_claim_of_it() {
    let host = Host::of(&[failing()]).await;
    let source = host.source("a_bad");
    for n in 0..5 {
        resolve(source.as_ref(), &n.to_string()).await.unwrap_err();
    }
    assert!(!source.claims(&"https://any.example/".parse().unwrap()).await);
}

#[tokio::test]
async fn codecs_are_set_aside_too() {
    let host = Host::of(&[Guest::codec("vp").with("plan", "unreachable")]).await;
    let codec = host.codec("vp");
    let probe = clipmill_plugins::conformance::probes().remove(0);
    for _ in 0..5 {
        codec.plan(&probe, "high", &Default::default()).await.unwrap_err();
    }
    assert!(matches!(host.state("vp").state, State::SetAside { .. }));
    assert!(host.registry.codec("vp").is_none() && host.registry.codec("h264").is_some());
}
