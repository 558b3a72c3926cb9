//! Cutting a minute out of a file on the disk.

use clipmill_tests::media::copied_share;
use clipmill_tests::tool;

use super::run::{Program, Took};
use super::{clipmill, rounds, source};
use crate::measure::{Samples, megabytes};
use crate::media;
use crate::report::{Goal, Report, Row};

/// In the middle of a GOP, to the middle of another one.
const SPAN: (f64, f64) = (301.37, 362.11);

#[derive(Default)]
struct Figures {
    wall: Samples,
    memory: Samples,
}

impl Figures {
    fn add(&mut self, name: &str, took: &Took) {
        let memory = megabytes(took.largest);
        eprintln!("  {name}: {:.2} s, {memory:.0} MB", took.wall);
        self.wall.push(took.wall);
        self.memory.push(memory);
    }
}

/// Cuts in turns with every peer and adds four rows.
pub async fn measure(report: &mut Report) {
    let (from, to) = SPAN;
    let named = |what: &str, unit, goal| {
        Row::new(&format!("{what}, local [{from}, {to}) of 1080p"), unit, goal)
    };
    let quicker = named("time, to smartcut", "s", Goal::TimesFaster(4.0));
    let encoded = named("time, to a veryfast encode", "s", Goal::TimesFaster(18.0));
    let memory = named("memory of the largest process, to smartcut", "MB", Goal::RatioAtMost(0.5));
    let exact = named("frames that are copies", "%", Goal::AtLeast(95.0));
    let ffmpeg = match Program::named("ffmpeg") {
        Ok(ffmpeg) => ffmpeg,
        Err(missing) => {
            for row in [quicker, encoded, memory, exact] {
                report.add(row.missing(missing.clone()));
            }
            return;
        }
    };
    let input = source::ten_minutes();
    let folder = media::folder();
    let (ours, theirs, whole) =
        (folder.join("cut.mp4"), folder.join("smartcut.mp4"), folder.join("veryfast.mp4"));
    let smartcut = tool::workspace().join(".tools/bench-venv/bin/smartcut");
    let smartcut = smartcut.is_file().then(|| {
        let span = format!("{from},{to}");
        Program::new(smartcut).args([&input, &theirs]).args(["--keep", &span])
    });
    let encode = ffmpeg
        .words(&format!("-v error -nostdin -y -ss {from} -to {to} -i"))
        .args([&input])
        .words("-c:v libx264 -preset veryfast -crf 18 -c:a aac")
        .args([&whole]);
    let cut = clipmill(&input.display().to_string(), SPAN, "mp4", &ours);
    let (mut own, mut peer, mut usual) =
        (Figures::default(), Figures::default(), Figures::default());
    for _ in 0..rounds() {
        own.add("clipmill clip", &cut.run());
        if let Some(smartcut) = &smartcut {
            let _ = std::fs::remove_file(&theirs);
            peer.add("smartcut", &smartcut.run());
        }
        usual.add("veryfast", &encode.run());
    }
    let share = copied_share(&ours, &input).unwrap_or_else(|error| panic!("{error}"));
    let theirs = smartcut.map(|_| copied_share(&theirs, &input).unwrap_or_default() * 100.0);
    let known = |figure: Option<f64>| match theirs {
        Some(_) => Ok(figure),
        None => Err("smartcut: scripts/tools.sh bench installs it".to_owned()),
    };
    report.add(quicker.ours(own.wall.median()).peer(known(peer.wall.median())));
    report.add(encoded.ours(own.wall.median()).peer(Ok(usual.wall.median())));
    report.add(memory.ours(own.memory.median()).peer(known(peer.memory.median())));
    report.add(exact.ours(Some(share * 100.0)).peer(known(theirs)));
}
