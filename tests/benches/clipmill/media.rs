//! Files to encode and to send, made once in the target folder.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clipmill_tests::tool::{self, ToolError};

const DEADLINE: Duration = Duration::from_secs(1_800);

/// The folder for what a run makes.
pub fn folder() -> PathBuf {
    let folder = tool::target_folder().join("bench/media");
    fs::create_dir_all(&folder).expect("a folder in the target folder");
    folder
}

/// 1080p30 H.264 and AAC with grain, as a camera gives it: without grain x264 has nothing to do.
///
/// # Errors
/// When ffmpeg is missing or refuses.
pub fn grainy(seconds: u32) -> Result<PathBuf, ToolError> {
    let name = format!("grainy-{seconds}s.mp4");
    let file = folder().join(&name);
    if file.is_file() {
        return Ok(file);
    }
    let half = folder().join(format!("half-{name}"));
    let command = format!(
        "-hide_banner -nostdin -v error -y \
         -f lavfi -i testsrc2=size=1920x1080:rate=30:duration={seconds} \
         -f lavfi -i sine=frequency=440:sample_rate=48000:duration={seconds} \
         -vf noise=c0s=3:c0f=t,format=yuv420p -c:v libx264 -preset ultrafast -crf 24 \
         -c:a aac -b:a 128k -ac 2"
    );
    let mut args: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
    args.push(half.display().to_string());
    tool::run_fed("ffmpeg", args, |_stdin| Ok(()), DEADLINE)?;
    fs::rename(&half, &file).expect("a file can be renamed in its folder");
    Ok(file)
}

/// Makes an MP4 file `size` bytes long with a box that every reader skips. The box is a hole in the
/// file, so it takes no room on disk.
pub fn pad(file: &Path, size: u64) {
    let mut out = OpenOptions::new().append(true).open(file).expect("the file can be written");
    let had = out.metadata().expect("the file has a length").len();
    let padding = u32::try_from(size - had).expect("the padding is shorter than 4 GiB");
    out.write_all(&padding.to_be_bytes()).expect("the file can grow");
    out.write_all(b"free").expect("the file can grow");
    out.set_len(size).expect("the file can grow");
}
