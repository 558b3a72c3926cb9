//! Keeps generated media in the target folder, one folder a description, so that each is made once.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use super::clip::{Clip, Packaging};
use super::{MediaError, encode};
use crate::tool::target_folder;

/// Goes up when the same description makes other bytes.
const GENERATION: u32 = 2;

/// The file of `clip`. Threads and processes that want the same one wait for whoever makes it.
pub(super) fn file(clip: &Clip) -> Result<PathBuf, MediaError> {
    let media = target_folder().join("test-media");
    let folder = media.join(key(clip));
    let file = folder.join(name(clip.packaging));
    if file.is_file() {
        return Ok(file);
    }
    fs::create_dir_all(&media)?;
    let lock = File::create(media.join("lock"))?;
    lock.lock()?;
    if file.is_file() {
        return Ok(file);
    }
    // Made beside its place and moved there whole: a killed test leaves no half file behind.
    let half = media.join("half-made");
    if half.exists() {
        fs::remove_dir_all(&half)?;
    }
    fs::create_dir(&half)?;
    encode::make(clip, &half, &name(clip.packaging))?;
    remove_if_there(&folder)?;
    fs::rename(&half, &folder)?;
    Ok(file)
}

fn remove_if_there(folder: &Path) -> std::io::Result<()> {
    if folder.exists() { fs::remove_dir_all(folder) } else { Ok(()) }
}

/// Readable in front, exact behind.
fn key(clip: &Clip) -> String {
    let mut hasher = DefaultHasher::new();
    (GENERATION, clip).hash(&mut hasher);
    let codec = clip.video.map_or("sound".to_owned(), |codec| format!("{codec:?}"));
    format!("{codec}-{}p-{:016x}", clip.height, hasher.finish()).to_lowercase()
}

fn name(packaging: Packaging) -> String {
    match packaging {
        Packaging::File(extension) => format!("clip.{extension}"),
        Packaging::IndexAtEnd
        | Packaging::LateEdit
        | Packaging::FragmentedMp4
        | Packaging::FragmentedWithoutIndex
        | Packaging::FragmentedTree => "clip.mp4".to_owned(),
        Packaging::HlsTs | Packaging::HlsFmp4 | Packaging::HlsRanges => "index.m3u8".to_owned(),
        Packaging::DashTemplate | Packaging::DashList | Packaging::DashBase => {
            "index.mpd".to_owned()
        }
    }
}
