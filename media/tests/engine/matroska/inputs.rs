//! The files that everything here is tried on, made once.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Runs a program, which has to succeed; gives what it says.
pub fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).env("SVT_LOG", "1").output().expect(program);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {told}");
    assert!(program != "ffmpeg" || told.is_empty(), "{arguments:?}: {told}");
    String::from_utf8(output.stdout).unwrap()
}

/// This process's folder. Nothing runs after the last test, so that folders of
/// processes that are gone are removed here.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let all = Path::new(env!("CARGO_TARGET_TMPDIR")).join("webm");
        std::fs::create_dir_all(&all).unwrap();
        for old in std::fs::read_dir(&all).unwrap().flatten() {
            if !Path::new("/proc").join(old.file_name()).exists() {
                // Another process may be removing it too.
                std::fs::remove_dir_all(old.path()).ok();
            }
        }
        let own = all.join(std::process::id().to_string());
        std::fs::create_dir_all(&own).unwrap();
        own
    })
}

fn ffmpeg(name: &'static str, once: &'static OnceLock<PathBuf>, arguments: &str) -> &'static Path {
    once.get_or_init(|| {
        let path = folder().join(name);
        let mut all = vec!["-v", "error", "-y"];
        all.extend(arguments.split_whitespace());
        let out = path.to_str().unwrap();
        all.push(out);
        run("ffmpeg", &all);
        path
    })
}

fn copy(
    name: &'static str,
    once: &'static OnceLock<PathBuf>,
    of: &Path,
    how: &str,
) -> &'static Path {
    ffmpeg(name, once, &format!("-i {} -c copy {how}", of.display()))
}

macro_rules! input {
    ($(#[$doc:meta])* $name:ident, $file:literal, $arguments:expr) => {
        $(#[$doc])*
        pub fn $name() -> &'static Path {
            static ONCE: OnceLock<PathBuf> = OnceLock::new();
            ffmpeg($file, &ONCE, $arguments)
        }
    };
    ($(#[$doc:meta])* $name:ident, $file:literal, $of:expr, $how:expr) => {
        $(#[$doc])*
        pub fn $name() -> &'static Path {
            static ONCE: OnceLock<PathBuf> = OnceLock::new();
            copy($file, &ONCE, $of, $how)
        }
    };
}

input!(
    /// VP9 and Opus, index at the end, a keyframe every 2.002 s.
    vp9, "vp9.webm",
    "-f lavfi -i testsrc2=s=320x180:r=30000/1001:d=24 \
     -f lavfi -i sine=frequency=440:beep_factor=4:duration=24:sample_rate=48000 \
     -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 60 -b:v 600k -c:a libopus -b:a 64k"
);
input!(
    /// The same, index in front.
    front, "front.webm", vp9(), "-cues_to_front 1"
);
input!(
    /// The same without index or duration, as a live stream is.
    live, "live.webm", vp9(), "-live 1"
);
input!(
    /// Its picture.
    picture, "picture.webm", vp9(), "-map 0:v"
);
input!(
    /// Its sound.
    sound, "sound.webm", vp9(), "-map 0:a"
);
input!(
    /// AV1 and Opus.
    av1, "av1.webm",
    "-f lavfi -i testsrc2=s=320x180:r=24:d=10 -f lavfi -i sine=d=10 \
     -c:v libsvtav1 -preset 12 -g 48 -svtav1-params lp=2 -c:a libopus -b:a 64k"
);
input!(
    /// H.264 with frames in another order, also across keyframes, and AAC.
    avc, "avc.mkv",
    "-f lavfi -i testsrc2=s=320x180:r=25:d=20 \
     -f lavfi -i sine=frequency=440:beep_factor=4:duration=20:sample_rate=44100 \
     -c:v libx264 -preset veryfast -bf 3 -g 50 -x264-params open-gop=1 -c:a aac"
);

input!(
    /// Large frames, a keyframe every fifth of a second.
    quick, "quick.mkv",
    "-f lavfi -i testsrc2=s=320x180:r=30:d=8 -f lavfi -i sine=d=8 \
     -c:v libx264 -preset veryfast -bf 0 -qp 2 -g 6 -c:a aac"
);

/// The live file with clusters that do not tell their size, as browsers make
/// them.
pub fn endless() -> &'static Path {
    static ONCE: OnceLock<PathBuf> = OnceLock::new();
    ONCE.get_or_init(|| {
        let mut bytes = std::fs::read(live()).unwrap();
        let mut at = 0;
        let mut changed = 0;
        while let Some(found) = bytes[at..].windows(4).position(|id| id == [0x1F, 0x43, 0xB6, 0x75])
        {
            let size = at + found + 4;
            let long = bytes[size].leading_zeros() as usize + 1;
            bytes[size] = (1 << (9 - long)) as u8 - 1;
            if long == 8 {
                bytes[size] = 1;
            }
            bytes[size + 1..size + long].fill(255);
            (at, changed) = (size + long, changed + 1);
        }
        assert!(changed > 10);
        let path = folder().join("endless.webm");
        std::fs::write(&path, bytes).unwrap();
        path
    })
}

/// A number of variable length, and its length.
fn number(bytes: &[u8]) -> (usize, usize) {
    let long = bytes[0].leading_zeros() as usize + 1;
    let value = bytes[..long].iter().fold(0, |value, byte| value << 8 | usize::from(*byte));
    (value & ((1 << (7 * long)) - 1), long)
}

/// A copy of a file in which elements of one kind in its index are void, all
/// but the first `keep`. Kinds are told by ids of one byte.
pub fn voided(path: &Path, id: u8, keep: usize, folder: &Path) -> PathBuf {
    let mut bytes = std::fs::read(path).unwrap();
    // The id is in the seek head too, as data.
    let mut found =
        (0..bytes.len()).filter(|at| bytes[*at..].starts_with(&[0x1C, 0x53, 0xBB, 0x6B]));
    let cues = found.find(|at| bytes[at - 3..*at] != [0x53, 0xAB, 0x84]).unwrap();
    let (size, long) = number(&bytes[cues + 4..]);
    let mut at = cues + 4 + long;
    let (end, mut seen) = (at + size, 0);
    while at < end {
        if bytes[at] == id {
            seen += 1;
            if seen > keep {
                bytes[at] = 0xEC;
            }
        }
        // Into the elements that have others in them, over all others.
        let (size, long) = number(&bytes[at + 1..]);
        let into = matches!(bytes[at], 0xBB | 0xB7);
        at += 1 + long + if into { 0 } else { size };
    }
    assert!(seen > keep);
    let changed = folder.join(path.file_name().unwrap());
    std::fs::write(&changed, bytes).unwrap();
    changed
}

/// Every file.
pub fn all() -> Vec<&'static Path> {
    vec![vp9(), front(), live(), endless(), picture(), sound(), av1(), avc()]
}
