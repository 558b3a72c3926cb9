//! Bytes that no encoder writes: refused or taken, but without a panic and
//! without going on for long.

use std::time::{Duration, Instant};

use bytes::Bytes;
use clipmill_media::codec::hevc::HevcIds;
use clipmill_media::smart_cut::{join, prepare};

use super::file_track;
use super::source::Source;

/// Numbers that look random, the same each time.
struct Dice(u64);

impl Dice {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below as u64) as usize
    }
}

#[tokio::test]
async fn changed_bytes() {
    let small = "testsrc2=s=64x64:r=25";
    let began = Instant::now();
    for arguments in [
        "-c:v libx264 -g 5 -pix_fmt yuv420p",
        "-c:v libx265 -x265-params keyint=5:log-level=error -pix_fmt yuv420p",
        "-c:v libvpx-vp9 -deadline realtime -g 5 -pix_fmt yuv420p",
        "-c:v libsvtav1 -preset 12 -g 5 -pix_fmt yuv420p",
    ] {
        let source = Source::make(12, small, arguments);
        let whole = std::fs::read(&source.path).unwrap();
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
        let mut right = 0;
        for _ in 0..150 {
            let (mut bytes, mut track) = (whole.clone(), source.track.clone());
            for _ in 0..1 + dice.next(4) {
                let sample = track.samples[dice.next(track.samples.len())];
                let place = sample.offset as usize + dice.next((sample.size as usize).min(40));
                bytes[place] = dice.next(256) as u8;
            }
            if dice.next(3) == 0 && !track.config.is_empty() {
                let place = dice.next(track.config.len());
                track.config[place] = dice.next(256) as u8;
                if dice.next(4) == 0 {
                    track.config.truncate(place);
                }
            }
            if dice.next(8) == 0 {
                let place = dice.next(track.samples.len());
                track.samples[place].size = dice.next(1 << 20) as u32;
            }
            if dice.next(8) == 0 {
                let entry = track.entry.as_mut().unwrap();
                let place = dice.next(entry.len());
                entry[place] = dice.next(256) as u8;
            }
            let file = Bytes::from(bytes);
            let Ok(cut) = prepare(&file, &track, track.samples[0].pts, i64::MAX).await else {
                continue;
            };
            // Any file of as many frames may be called a part.
            let mut part = track.clone();
            part.samples.truncate(cut.plan.head.len());
            let head = Some(file_track(&file, &part)).filter(|_| !cut.plan.head.is_empty());
            let joined = join(&cut, file_track(&file, &track), head, None).await;
            right += usize::from(joined.is_ok());
        }
        assert!(right > 0, "{arguments}: something must have got through");
    }
    assert!(began.elapsed() < Duration::from_secs(60));
}

#[test]
fn units_of_chance() {
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    let ids = HevcIds { vps: 1, sps: 1, pps: 15 };
    for _ in 0..20_000 {
        let length = dice.next(40);
        let unit: Vec<u8> =
            (0..length).map(|_| [0, 0, 1, 3, dice.next(256) as u8][dice.next(5)]).collect();
        for kind in [1, 19, 21, 32, 33, 34] {
            let mut unit = unit.clone();
            if let Some(first) = unit.first_mut() {
                *first = kind << 1;
            }
            if let Ok(made) = ids.rewrite(&unit) {
                assert!(made.len() <= 2 * unit.len() + 8);
            }
        }
    }
}
