//! The kinds, and how each is made of a clip whose frames are numbered.

use std::path::{Path, PathBuf};

use clipmill_tests::{media, tool};

use super::edit_list::set_edit_list;
use super::judge::Presentation;

/// How an input of a kind is made.
pub struct Recipe {
    pub kind: &'static str,
    /// Makes it in a folder.
    pub make: fn(&Path) -> Input,
}

/// An input, and what a decoder presents of it.
pub struct Input {
    pub file: PathBuf,
    pub is_playlist: bool,
    pub presentation: Presentation,
}

impl Input {
    fn file(file: PathBuf) -> Input {
        let presentation = Presentation::of_file(&file);
        Input { file, is_playlist: false, presentation }
    }
}

const PLAIN: &str = "-t 6 -c:v libx264 -preset veryfast -g 30 -bf 0 -c:a aac";
const WITH_B_FRAMES: &str = "-t 6 -c:v libx264 -preset veryfast -g 30 -bf 2 -c:a aac";

/// All kinds.
pub const RECIPES: &[Recipe] = &[
    Recipe { kind: "the end of an edit", make: |to| edited(to, PLAIN, b"vide", &[(4000, 0)]) },
    Recipe {
        kind: "the end of an edit, with B-frames",
        make: |to| edited(to, WITH_B_FRAMES, b"vide", &[(4000, 1024)]),
    },
    Recipe {
        kind: "an edit that begins late",
        make: |to| edited(to, PLAIN, b"vide", &[(4000, 10_240)]),
    },
    Recipe {
        kind: "an edit that begins late, with B-frames",
        make: |to| edited(to, WITH_B_FRAMES, b"vide", &[(4000, 11_264)]),
    },
    Recipe {
        kind: "an edit that begins within a frame",
        make: |to| edited(to, PLAIN, b"vide", &[(4000, 10_500)]),
    },
    Recipe {
        kind: "the end of the sound's edit",
        make: |to| edited(to, PLAIN, b"soun", &[(3000, 1024)]),
    },
    Recipe {
        kind: "two edits",
        make: |to| edited(to, PLAIN, b"vide", &[(2000, 0), (2000, 46_080)]),
    },
    Recipe {
        kind: "an empty edit in the middle",
        make: |to| edited(to, PLAIN, b"vide", &[(2000, 0), (500, -1), (2000, 30_720)]),
    },
    Recipe { kind: "FLV", make: |to| Input::file(made(to, "x.flv", PLAIN)) },
    Recipe { kind: "FLV with B-frames", make: |to| Input::file(made(to, "x.flv", WITH_B_FRAMES)) },
    Recipe {
        kind: "AVI of MPEG-4 and MP3",
        make: |to| Input::file(made(to, "x.avi", "-t 6 -c:v mpeg4 -q:v 3 -c:a libmp3lame")),
    },
    Recipe {
        kind: "Windows Media",
        make: |to| Input::file(made(to, "x.wmv", "-t 6 -c:v wmv2 -q:v 3 -c:a wmav2")),
    },
    Recipe {
        kind: "MPEG program stream",
        make: |to| Input::file(made(to, "x.mpg", "-t 6 -c:v mpeg2video -q:v 3 -c:a mp2 -f vob")),
    },
    Recipe { kind: "transport stream", make: |to| Input::file(made(to, "x.ts", WITH_B_FRAMES)) },
    Recipe {
        kind: "a sound whose clock jumps by 50 ms",
        make: |to| {
            let plain = made(to, "plain.mp4", "-t 6 -c:v libx264 -preset veryfast -g 300 -c:a aac");
            let later = "setts=ts='if(gte(N,80),TS+2400,TS)'";
            let file = to.join("x.mp4");
            ffmpeg(&["-i", text(&plain), "-c", "copy", "-bsf:a", later, text(&file)]);
            Input::file(file)
        },
    },
    Recipe {
        kind: "HLS whose last frame has no length",
        make: |to| {
            let args = "-t 6 -c:v libx264 -preset veryfast -g 90 -bf 0 -fps_mode vfr -enc_time_base 1/90000 -c:a aac";
            playlist(to, &made(to, "x.ts", args), 1)
        },
    },
    Recipe {
        kind: "HLS that names one segment twice",
        make: |to| playlist(to, &made(to, "x.ts", WITH_B_FRAMES), 2),
    },
];

fn edited(to: &Path, args: &str, handler: &[u8; 4], edits: &[(u32, i32)]) -> Input {
    let file = made(to, "x.mp4", args);
    set_edit_list(&file, handler, edits);
    Input::file(file)
}

/// A list of so many times this segment, which is presented as often.
fn playlist(to: &Path, segment: &Path, times: u32) -> Input {
    let once = Presentation::of_file(segment);
    let frame = once.length() / (once.frames.len() - 1) as f64;
    let duration = once.length() + frame;
    // Lists count from the first picture.
    let first = once.frames.first().unwrap().pts;
    let mut list = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:7\n".to_owned();
    let mut presentation = Presentation::default();
    for number in 0..times {
        let name = segment.file_name().unwrap().to_str().unwrap();
        list += &format!("#EXTINF:{duration:.6},\n{name}\n");
        let later = f64::from(number) * duration - first;
        presentation = presentation.followed_by(once.clone().moved(later));
    }
    let file = to.join("x.m3u8");
    std::fs::write(&file, list + "#EXT-X-ENDLIST\n").unwrap();
    Input { file, is_playlist: true, presentation }
}

/// A file of the numbered clip, by ffmpeg's arguments.
fn made(to: &Path, name: &str, args: &str) -> PathBuf {
    let (source, file) = (media::main_clip().file(), to.join(name));
    let mut all = vec!["-i", text(&source)];
    all.extend(args.split(' '));
    all.push(text(&file));
    ffmpeg(&all);
    file
}

fn ffmpeg(args: &[&str]) {
    let quiet = ["-hide_banner", "-nostdin", "-v", "error", "-y"];
    tool::run("ffmpeg", quiet.iter().chain(args)).unwrap();
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
