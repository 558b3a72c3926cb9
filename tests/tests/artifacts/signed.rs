//! Addresses that anybody can GET for a while.

use std::time::Duration;

use clipmill::artifacts::Shown;
use clipmill_tests::api::http;
use clipmill_tests::s3::Asked;
use url::Url;

use crate::place::{Place, bytes};

const SHOWN: Shown<'static> = Shown {
    disposition: "attachment; filename=\"My Film (1).webm\"; filename*=UTF-8''My%20Film%2B.webm",
    media_type: "video/webm",
};

async fn sign(place: &Place, seconds: f64) -> Url {
    let life = Duration::from_secs_f64(seconds);
    place.store.sign("a b+c.webm", life, SHOWN).await.unwrap().expect("a bucket can sign")
}

#[tokio::test]
async fn a_signed_address_is_good_for_one_file_and_for_reading_it() {
    let place = Place::bucket();
    let all = bytes(100_000);
    place.put("a b+c.webm", &all).await;
    place.put("other.webm", b"other").await;
    let url = sign(&place, 60.0).await;
    let got = http().get(url.clone()).send().await.unwrap();
    assert_eq!(got.status(), 200);
    let header = |name: &str| got.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-disposition"), SHOWN.disposition);
    assert_eq!(header("content-type"), "video/webm");
    assert_eq!(header("cache-control"), "private, no-cache");
    assert_eq!(got.bytes().await.unwrap(), all);

    let part = http().get(url.clone()).header("range", "bytes=10-19").send().await.unwrap();
    assert_eq!(part.status(), 206);
    assert_eq!(part.bytes().await.unwrap(), &all[10..20]);

    // Neither to write it, nor to read another, nor to be shown something else.
    assert_eq!(http().put(url.clone()).body("x").send().await.unwrap().status(), 403);
    for (from, to) in [("a%20b%2Bc.webm", "other.webm"), ("webm&", "html&"), ("=60&", "=600&")] {
        let other = url.as_str().replace(from, to);
        assert_ne!(other, url.as_str(), "{from}");
        assert_eq!(http().get(other).send().await.unwrap().status(), 403, "{to}");
    }
    assert_eq!(place.get("a b+c.webm").await, all);
}

#[tokio::test]
async fn a_signed_address_ends_when_its_time_is_over() {
    let place = Place::bucket();
    place.put("a b+c.webm", b"x").await;
    // Whole seconds, never more than asked for.
    let url = sign(&place, 10.9).await;
    assert!(url.query().unwrap().contains("X-Amz-Expires=10&"), "{url}");
    assert_eq!(http().get(url).send().await.unwrap().status(), 200);
    let url = sign(&place, 1.9).await;
    assert!(url.query().unwrap().contains("X-Amz-Expires=1&"), "{url}");
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    let late = http().get(url).send().await.unwrap();
    assert_eq!(late.status(), 403);
    assert!(late.text().await.unwrap().contains("expired"));
    assert_eq!(place.s3().count(Asked::Get), 2);
    let over = place.store.sign("a b+c.webm", Duration::from_millis(900), SHOWN).await.unwrap();
    assert_eq!(over, None);
}
