//! The suite that every backend passes: one case for each rule of the
//! contract, named like it.
//!
//! [`storage_conformance!`](crate::storage_conformance) makes tests of the
//! cases. Each case gets a backend of its own with an empty queue, so that a
//! claim finds what the case put there. Time is whatever a case says it is.

#![allow(clippy::unwrap_used, clippy::expect_used)]

pub mod cluster;
pub mod ephemeral;
mod fixtures;
pub mod health;
pub mod leases;
pub mod nodes;
pub mod queue;
mod room;
pub mod sessions;
pub mod transfer;
pub mod unknown;
pub mod users;
pub mod videos;

use std::time::Duration;

pub use room::Room;

/// The text of the contract, for tests that look for what they left out.
pub const CONTRACT: [&str; 7] = [
    include_str!("../contract/accounts.rs"),
    include_str!("../contract/cluster.rs"),
    include_str!("../contract/ephemeral.rs"),
    include_str!("../contract/health.rs"),
    include_str!("../contract/queue.rs"),
    include_str!("../contract/transfer.rs"),
    include_str!("../contract/videos.rs"),
];

/// How long one case may take.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Makes one multi-threaded tokio test of each case. The argument is the path
/// of an async function that answers a fresh, empty backend and the [`Room`]
/// that it is in, which lives as long as the case:
/// `async fn make() -> (Arc<dyn Storage>, impl Room)`. The crate that calls this needs tokio with `macros`, `rt-multi-thread` and
/// `time`.
#[macro_export]
macro_rules! storage_conformance {
    (@tests $make:path; $($group:ident: $($case:ident)+;)+
        @rooms $($of_rooms:ident: $($in_room:ident)+;)+) => {
        $($(
            #[tokio::test(flavor = "multi_thread")]
            async fn $in_room() {
                let (storage, room) = $make().await;
                let case = $crate::conformance::$of_rooms::$in_room(storage, &room);
                let ended = tokio::time::timeout($crate::conformance::DEADLINE, case).await;
                assert!(ended.is_ok(), "the case does not end");
            }
        )+)+
        $($(
            #[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                let (storage, _room) = $make().await;
                let case = $crate::conformance::$group::$case(storage);
                let ended = tokio::time::timeout($crate::conformance::DEADLINE, case).await;
                assert!(ended.is_ok(), "the case does not end");
            }
        )+)+
    };
    (@names; $($group:ident: $($case:ident)+;)+
        @rooms $($of_rooms:ident: $($in_room:ident)+;)+) => {
        &[$($(stringify!($case)),+,)+ $($(stringify!($in_room)),+),+]
    };
    (@all $($then:tt)+) => {
        $crate::storage_conformance! { $($then)+;
            users:
                users_register_and_read_back
                users_email_is_unique_under_concurrency
                users_password_change_ends_all_sessions
                users_list_pages_through_all;
            sessions:
                sessions_open_and_find
                sessions_end_at_their_expiry
                sessions_unknown_token_is_none
                sessions_close_is_seen_at_once
                sessions_purge_removes_only_expired;
            videos:
                videos_insert_and_read_back
                videos_insert_twice_is_refused
                videos_list_is_newest_first_and_only_ones_own
                videos_paging_is_stable_under_inserts
                videos_paging_goes_on_after_a_delete
                videos_available_formats_are_written
                videos_set_expiry_moves_only_completed
                videos_expired_are_found_unless_active
                videos_delete_expired_spares_the_living
                videos_delete_returns_the_record;
            queue:
                jobs_enqueue_from_every_state
                jobs_enqueue_keeps_file_and_expiry
                jobs_enqueue_refuses_a_foreign_want
                jobs_enqueue_of_the_finished_want_is_already_completed
                jobs_enqueue_is_once_under_concurrency
                jobs_claim_is_exactly_once
                jobs_claim_oldest_first
                jobs_claim_respects_due_time
                jobs_claim_takes_over_an_expired_lease
                jobs_reclaim_frees_ones_own
                jobs_skewed_clocks_finish_each_job_once
                jobs_cancel_idle_leaves_the_queue
                jobs_active_ids_are_those_in_the_queue
                jobs_next_due_tells_when_to_look_again;
            leases:
                jobs_claim_carries_a_cancel_over
                jobs_heartbeat_prolongs
                jobs_late_worker_writes_nothing
                jobs_deleted_record_loses_its_lease
                jobs_cancel_reaches_the_worker
                jobs_update_writes_only_what_is_given
                jobs_finish_completes
                jobs_end_wins_over_a_cancel
                jobs_finish_again_is_still_yes
                jobs_fail_is_final
                jobs_retry_waits_until_due
                jobs_given_back_after_a_cancel_are_stopped
                jobs_release_does_not_count
                jobs_stopped_is_pending_again;
            ephemeral:
                ephemeral_progress_is_read_back_and_cleared
                ephemeral_counters_count_per_window
                ephemeral_counters_lose_no_event_under_concurrency
                ephemeral_wake_ends_a_wait
                ephemeral_wake_before_the_wait_is_not_missed
                ephemeral_wait_ends_at_its_timeout;
            cluster:
                cluster_role_has_one_holder
                cluster_role_is_kept_and_taken_over
                cluster_role_given_up_is_free
                cluster_first_word_stays
                cluster_word_is_replaced
                cluster_time_does_not_stand_still;
            transfer:
                transfer_reads_all_live_sessions
                transfer_reads_all_videos
                transfer_writes_a_user_once
                transfer_writes_a_session_once
                transfer_writes_a_video_once;
            health:
                health_of_a_working_backend_is_empty
                health_closed_backend_is_unavailable;
            @rooms
            nodes:
                nodes_session_end_is_seen_at_once
                nodes_password_change_is_seen_at_once
                nodes_share_progress_and_counters
                nodes_wake_each_other
                nodes_claim_each_job_once;
            unknown:
                videos_unknown_fields_survive;
        }
    };
    ($make:path) => {
        $crate::storage_conformance! { @all @tests $make }
    };
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    fn set<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<&'a str> {
        let mut set = BTreeSet::new();
        for name in names {
            assert!(set.insert(name), "{name} is there twice");
        }
        set
    }

    /// What follows `before` in each line that begins with it, up to `until`.
    fn found<'a>(text: &'a str, before: &str, until: char) -> Vec<&'a str> {
        text.lines()
            .filter_map(|line| line.trim_start().strip_prefix(before)?.split(until).next())
            .collect()
    }

    #[test]
    fn every_rule_has_its_case_and_every_case_its_rule() {
        let cases: &[&str] = crate::storage_conformance! { @all @names };
        let cases = set(cases.iter().copied());
        let rules = set(super::CONTRACT.iter().flat_map(|file| found(file, "/// - `", '`')));
        assert!(rules.len() > 40, "the rules were not found: {rules:?}");
        assert_eq!(&rules - &cases, BTreeSet::new(), "rules without case");
        assert_eq!(&cases - &rules, BTreeSet::new(), "cases without rule");
    }

    #[test]
    fn every_case_that_is_written_runs() {
        let cases: &[&str] = crate::storage_conformance! { @all @names };
        let written = [
            include_str!("users.rs"),
            include_str!("sessions.rs"),
            include_str!("videos.rs"),
            include_str!("queue.rs"),
            include_str!("leases.rs"),
            include_str!("ephemeral.rs"),
            include_str!("cluster.rs"),
            include_str!("transfer.rs"),
            include_str!("nodes.rs"),
            include_str!("unknown.rs"),
            include_str!("health.rs"),
        ];
        let written = written.iter().flat_map(|file| found(file, "pub async fn ", '('));
        assert_eq!(set(written), set(cases.iter().copied()));
    }
}
