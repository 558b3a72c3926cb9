//! Every way that media is coded and packed, cut where cuts go wrong.
//!
//! Owns the order of the cases and the verdict; which there are is in `table`,
//! where they are cut in `position`, what has to be true of a result in
//! `check`.

mod check;
mod position;
mod source;
mod table;

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Instant;

use self::position::Position;
use self::table::Row;
use super::bench::Bench;

/// Names a row, or a part of the names of several, to look at these alone.
const ONLY: &str = "CLIPMILL_TEST_MATRIX";

/// One result to look at.
struct Case {
    row: Row,
    position: Position,
}

#[tokio::test]
async fn every_cut_of_every_kind_is_exact() {
    let only = std::env::var(ONLY).unwrap_or_default();
    let cases: VecDeque<Case> = table::rows()
        .into_iter()
        .filter(|row| row.name.contains(&only))
        .flat_map(|row| row.at.iter().map(move |at| Case { row: row.clone(), position: *at }))
        .collect();
    let (queue, wrong) = (Mutex::new(cases), Mutex::new(Vec::new()));
    // Two at a time, each with a source of its own.
    tokio::join!(lane(&queue, &wrong), lane(&queue, &wrong));
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} cuts are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

async fn lane(queue: &Mutex<VecDeque<Case>>, wrong: &Mutex<Vec<String>>) {
    let bench = Bench::new().await;
    loop {
        let next = queue.lock().unwrap().pop_front();
        let Some(case) = next else { return };
        let name = format!("{} {:?}", case.row.name, case.position);
        let began = Instant::now();
        match cut(&bench, case).await {
            Ok(told) => println!("{name}: {told} ({:.1} s)", began.elapsed().as_secs_f64()),
            Err(why) => wrong.lock().unwrap().push(format!("{name}: {why}")),
        }
    }
}

/// Cuts and looks at the result; answers what a reader may want to know.
async fn cut(bench: &Bench, case: Case) -> Result<String, String> {
    let Case { row, position } = case;
    let clip = row.clip.clone();
    let made = tokio::task::spawn_blocking(move || clip.try_file()).await.unwrap();
    made.map_err(|error| error.to_string())?;
    let span = position.span(&row.clip);
    let ask = source::ask(bench, &row, span);
    let made = bench.make(ask.source, super::bench::clip(row.format)).await;
    drop(ask.server);
    let made = made.map_err(|error| format!("{error:?}"))?;
    let note = made.note.clone().unwrap_or_default();
    let path = made.path.clone();
    let checked =
        tokio::task::spawn_blocking(move || check::check(&row, position, &path)).await.unwrap();
    let share = checked.map_err(|why| format!("{why} [{note}]"))?;
    // Hundreds of results would fill the disk of a small machine.
    let _ = std::fs::remove_dir_all(made.path.parent().unwrap());
    Ok(format!("{:.0} % are copies {note}", share * 100.0))
}
