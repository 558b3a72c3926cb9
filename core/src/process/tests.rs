//! Behaviour with real processes.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;
use std::time::{Duration, Instant};

use super::*;

fn sh(script: &str) -> Spec {
    Spec::new("sh", ["-c", script], Duration::from_secs(20))
}

/// Waits until the process with the id in this file is gone.
async fn assert_dies(pid_file: &Path) {
    let pid = std::fs::read_to_string(pid_file).unwrap();
    let stat = format!("/proc/{}/stat", pid.trim());
    for _ in 0..100 {
        // A zombie that waits for its reaper runs no more.
        match std::fs::read_to_string(&stat) {
            Ok(text) if !text.contains(") Z ") => {}
            _ => return,
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("process {pid} is still alive");
}

#[tokio::test]
async fn hands_over_output_and_bounded_stderr() {
    let output = run(sh("echo out; yes 0123456789 | head -c 300000 >&2; echo last >&2"), 100);
    let output = output.await.unwrap();
    assert_eq!(output.stdout, b"out\n");
    assert!(output.stderr_tail.ends_with("0\nlast\n") || output.stderr_tail.ends_with("last\n"));
    assert!(output.stderr_tail.len() <= 8 * 1024);
}

#[tokio::test]
async fn arguments_are_no_shell_and_the_environment_is_clean() {
    let mut spec = Spec::new("env", ["-u", "$HOME; ls"], Duration::from_secs(20));
    spec.env.push(("GIVEN".into(), "yes".into()));
    let text = String::from_utf8(run(spec, 10_000).await.unwrap().stdout).unwrap();
    let mut names: Vec<_> = text.lines().filter_map(|l| l.split_once('=')).map(|v| v.0).collect();
    names.retain(|name| !["PATH", "HOME", "LANG", "TMPDIR"].contains(name));
    assert_eq!(names, ["GIVEN"]);
}

#[tokio::test]
async fn a_failed_exit_keeps_status_and_stderr() {
    let failure = run(sh("echo why >&2; exit 3"), 10).await.unwrap_err();
    let Failure::Exit { status, stderr_tail } = failure else { panic!("{failure:?}") };
    assert_eq!((status.code(), stderr_tail.as_str()), (Some(3), "why\n"));
}

#[tokio::test]
async fn missing_program_and_missing_folder_differ() {
    let spec = Spec::new("no-such-program-here", ["x"], Duration::from_secs(5));
    assert!(matches!(run(spec, 10).await, Err(Failure::NotFound(_))));
    let mut spec = sh("true");
    spec.cwd = Some("/no/such/folder".into());
    assert!(matches!(run(spec, 10).await, Err(Failure::Spawn { .. })));
}

#[tokio::test]
async fn deadline_and_silence_end_it_soon() {
    let began = Instant::now();
    let mut spec = sh("echo early >&2; sleep 30");
    spec.deadline = Duration::from_millis(300);
    let failure = run(spec, 10).await.unwrap_err();
    assert!(matches!(&failure, Failure::Timeout { stderr_tail, .. } if stderr_tail == "early\n"));

    let mut spec = sh("for i in 1 2 3; do echo $i; sleep 0.2; done; sleep 30");
    spec.silence = Some(Duration::from_millis(800));
    let mut lines = Vec::new();
    let failure = run_lines(spec, |line| lines.push(line.to_owned())).await.unwrap_err();
    assert!(matches!(failure, Failure::Silent { .. }));
    assert_eq!(lines, ["1", "2", "3"]);
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn too_much_output_is_an_error_at_once() {
    let failure = run(sh("yes"), 100_000).await.unwrap_err();
    assert!(matches!(failure, Failure::OutputTooLarge { limit: 100_000 }));
}

#[tokio::test]
async fn a_piped_program_waits_for_its_reader_and_tells_its_end() {
    // More than a pipe holds: it can't have ended before it was read.
    let mut piped = Piped::start(sh("head -c 3000000 /dev/zero; echo why >&2; exit 3")).unwrap();
    let mut piece = vec![1; 2_000_000];
    assert_eq!(piped.fill(&mut piece).await.unwrap(), piece.len());
    assert!(piece.iter().all(|byte| *byte == 0));
    let failure = piped.fill(&mut piece).await.unwrap_err();
    assert!(matches!(&failure, Failure::Exit { stderr_tail, .. } if stderr_tail == "why\n"));
    assert!(piped.fill(&mut piece).await.is_err());

    let mut piped = Piped::start(sh("printf abcde")).unwrap();
    assert_eq!(piped.fill(&mut piece[..3]).await.unwrap(), 3);
    assert_eq!(piped.fill(&mut piece).await.unwrap(), 2);
    assert_eq!(piped.fill(&mut piece).await.unwrap(), 0);

    let mut spec = sh("echo a; sleep 30");
    spec.silence = Some(Duration::from_secs(1));
    let mut piped = Piped::start(spec).unwrap();
    // Nobody waits for it: that is no silence of its.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(piped.fill(&mut piece[..2]).await.unwrap(), 2);
    assert!(matches!(piped.fill(&mut piece).await, Err(Failure::Silent { .. })));
}

#[tokio::test]
async fn dropping_a_piped_program_kills_grandchildren() {
    let folder = tempfile::tempdir().unwrap();
    let mut spec = sh("sleep 60 & echo $! > pid; echo; wait");
    spec.cwd = Some(folder.path().into());
    let mut piped = Piped::start(spec).unwrap();
    assert_eq!(piped.fill(&mut [0]).await.unwrap(), 1);
    drop(piped);
    assert_dies(&folder.path().join("pid")).await;
}

#[tokio::test]
async fn dropping_the_future_kills_grandchildren() {
    let folder = tempfile::tempdir().unwrap();
    let pid_file = folder.path().join("pid");
    let mut spec = sh("(sleep 60 & echo $! > pid.new; mv pid.new pid; wait) & wait");
    spec.cwd = Some(folder.path().into());
    let work = run(spec, 10);
    tokio::select! {
        _ = work => panic!("it must not end by itself"),
        () = async {
            while !pid_file.exists() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        } => {}
    }
    assert_dies(&pid_file).await;
}

#[tokio::test]
async fn what_a_child_leaves_behind_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut spec = sh("sleep 60 & echo $! > pid; echo done");
    spec.cwd = Some(folder.path().into());
    let began = Instant::now();
    assert_eq!(run(spec, 10).await.unwrap().stdout, b"done\n");
    assert!(began.elapsed() < Duration::from_secs(10));
    assert_dies(&folder.path().join("pid")).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_file_beyond_the_limit_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    // The pause lets the limit be in place before the first byte.
    let mut spec = sh("sleep 0.2; head -c 100000 /dev/zero > big");
    spec.cwd = Some(folder.path().into());
    spec.limits.file_bytes = Some(10_000);
    assert!(matches!(run(spec, 10).await, Err(Failure::Exit { .. })));
    assert_eq!(folder.path().join("big").metadata().unwrap().len(), 10_000);
}

#[test]
fn programs_are_found_by_name_and_by_path() {
    let sh = find("sh", None).unwrap();
    assert!(sh.is_absolute());
    assert_eq!(find("anything", Some(&sh)), Some(sh.clone()));
    assert_eq!(find("anything", Some(Path::new("sh"))), Some(sh));
    assert_eq!(find("no-such-program-here", None), None);
    assert_eq!(find("sh", Some(Path::new("/etc/passwd"))), None);
}
