//! What is right: the frames and the sound that a decoder presents of the source.

use std::path::Path;

use clipmill_tests::media::{Click, Frame, audio_clicks, probe, read_frames};

/// By how much a frame of the result may be off its time, seconds: a container rounds to
/// milliseconds, and so does its source.
const FRAME_TOLERANCE: f64 = 0.002;
/// The same of sound.
const SOUND_TOLERANCE: f64 = 0.012;
/// Clicks so near to an end of the result may be cut off there.
const EDGE: f64 = 0.06;

/// What a decoder presents of a source, counted from its first picture or sound.
#[derive(Debug, Clone, Default)]
pub struct Presentation {
    pub frames: Vec<Frame>,
    pub clicks: Vec<Click>,
}

impl Presentation {
    /// Decodes a file.
    pub fn of_file(file: &Path) -> Presentation {
        let frames = read_frames(file).unwrap();
        let clicks = audio_clicks(file).unwrap_or_default();
        let probed = probe(file).unwrap();
        let streams = probed["streams"].as_array().unwrap();
        let starts = streams.iter().filter(|stream| stream["codec_type"] == "audio");
        let sound = starts.filter_map(|stream| stream["start_time"].as_str()?.parse::<f64>().ok());
        let zero = sound.chain(frames.first().map(|frame| frame.pts)).reduce(f64::min).unwrap();
        Presentation { frames, clicks }.moved(-zero)
    }

    /// The same, so many seconds later.
    pub fn moved(mut self, seconds: f64) -> Presentation {
        self.frames.iter_mut().for_each(|frame| frame.pts += seconds);
        self.clicks.iter_mut().for_each(|click| click.at += seconds);
        self
    }

    /// Both, one after the other.
    pub fn followed_by(mut self, other: Presentation) -> Presentation {
        self.frames.extend(other.frames);
        self.clicks.extend(other.clicks);
        self
    }

    /// Seconds to the last frame.
    pub fn length(&self) -> f64 {
        self.frames.last().map_or(0.0, |frame| frame.pts)
    }

    /// What a clip of a span has to present, counted from its first frame.
    pub fn within(&self, (start, end): (f64, f64)) -> Presentation {
        let is_within = |at: f64| (start..end).contains(&(at + 1e-6));
        let frames = self.frames.iter().filter(|frame| is_within(frame.pts)).copied().collect();
        let clicks = self.clicks.iter().filter(|click| is_within(click.at)).copied().collect();
        let within = Presentation { frames, clicks };
        let first = within.frames.first().map_or(0.0, |frame| frame.pts);
        within.moved(-first)
    }

    /// Compares a result with this.
    ///
    /// # Errors
    /// What is wrong.
    pub fn judge(&self, result: &Path) -> Result<(), String> {
        let frames = read_frames(result).map_err(|error| error.to_string())?;
        let numbers =
            |frames: &[Frame]| frames.iter().map(|frame| frame.number).collect::<Vec<_>>();
        if numbers(&frames) != numbers(&self.frames) {
            let [got, wanted] = [&frames, &self.frames].map(|frames| {
                let ends = [frames.first(), frames.last()].map(|frame| frame.map(|it| it.number));
                format!("{} frames {ends:?}", frames.len())
            });
            return Err(format!("{got} instead of {wanted}"));
        }
        let pairs = frames.iter().zip(&self.frames);
        let off = pairs.map(|(got, wanted)| (got.pts - wanted.pts).abs()).fold(0.0, f64::max);
        if off > FRAME_TOLERANCE {
            return Err(format!("frames are {off:.4} s off"));
        }
        self.judge_sound(result)
    }

    fn judge_sound(&self, result: &Path) -> Result<(), String> {
        let clicks = audio_clicks(result).unwrap_or_default();
        for wanted in
            self.clicks.iter().filter(|click| (EDGE..self.length() - EDGE).contains(&click.at))
        {
            let off = clicks.iter().map(|click| click.at - wanted.at);
            let off = off.min_by(|one, other| one.abs().total_cmp(&other.abs()));
            match off {
                Some(off) if off.abs() <= SOUND_TOLERANCE => {}
                Some(off) => {
                    return Err(format!("the sound at {:.2} s is {off:.4} s off", wanted.at));
                }
                None => return Err(format!("the sound at {:.2} s is missing", wanted.at)),
            }
        }
        Ok(())
    }
}
