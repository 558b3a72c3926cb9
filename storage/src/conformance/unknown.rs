//! Rules of what clipmill does not know.

use std::sync::Arc;

use clipmill_core::Span;

use super::fixtures::saved;
use super::fixtures::{
    at, claim, done, encode, enqueue, new_id, new_video, rendition, upload, why,
};
use super::room::Room;
use crate::{Cancelled, Enqueued, JobUpdate, LeaseHeld, Stage, Storage};

/// Through every call that changes a record.
pub async fn videos_unknown_fields_survive(storage: Arc<dyn Storage>, room: &dyn Room) {
    let id = saved(&*storage).await;
    room.scribble(id).await;
    let still = async |call: &str| assert!(room.is_scribbled(id).await, "{call} removed it");
    still("nothing").await;
    let claimed = async |now| {
        let claimed = claim(&*storage, at(now)).await.unwrap();
        assert_eq!(claimed.video.id, id);
        claimed.lease.id
    };

    storage.set_available_formats(id, &["720p".to_owned()]).await.unwrap();
    still("set_available_formats").await;
    enqueue(&*storage, id, at(1)).await;
    still("enqueue").await;
    let lease = claimed(1).await;
    still("claim").await;
    let held = storage.heartbeat(id, lease, at(2), super::fixtures::MINUTE).await.unwrap();
    assert_eq!(held, LeaseHeld::Yes);
    still("heartbeat").await;
    let update = JobUpdate {
        stage: Some(Stage::Trim),
        span: Some(Span { start: 1.0, end: 2.0 }),
        available_formats: Some(vec!["480p".to_owned()]),
        note: Some("noted".to_owned()),
    };
    assert_eq!(storage.update_job(id, lease, update).await.unwrap(), LeaseHeld::Yes);
    still("update_job").await;
    assert_eq!(storage.retry(id, lease, why(), at(3)).await.unwrap(), LeaseHeld::Yes);
    still("retry").await;
    let lease = claimed(3).await;
    assert_eq!(storage.release(id, lease, at(4)).await.unwrap(), LeaseHeld::Yes);
    still("release").await;
    let lease = claimed(4).await;
    assert_eq!(storage.reclaim("worker", at(5)).await.unwrap(), 1);
    still("reclaim").await;
    assert_eq!(storage.cancel(id).await.unwrap(), Cancelled::Requested);
    still("cancel").await;
    assert_eq!(storage.stopped(id, lease).await.unwrap(), LeaseHeld::Yes);
    still("stopped").await;
    enqueue(&*storage, id, at(6)).await;
    assert_eq!(storage.cancel(id).await.unwrap(), Cancelled::Idle);
    still("cancel of a job that waits").await;
    enqueue(&*storage, id, at(7)).await;
    let lease = claimed(7).await;
    assert_eq!(storage.finish(id, lease, done(at(8))).await.unwrap(), LeaseHeld::Yes);
    still("finish").await;
    assert!(storage.set_expiry(id, at(5_000)).await.unwrap());
    still("set_expiry").await;
    storage.enqueue(id, &rendition("webm"), at(9)).await.unwrap();
    let lease = claimed(9).await;
    assert_eq!(storage.fail(id, lease, why(), at(500)).await.unwrap(), LeaseHeld::Yes);
    still("fail").await;

    let sent = storage.insert_video(new_video(new_id(), upload(), at(0))).await.unwrap();
    room.scribble(sent.id).await;
    let queued = storage.enqueue(sent.id, &encode(), at(1)).await.unwrap();
    assert!(matches!(queued, Enqueued::Queued(_)));
    assert!(room.is_scribbled(sent.id).await);
}
