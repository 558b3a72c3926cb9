//! The list of container formats.

use clipmill_core::probe::Container;

use crate::container_format::ContainerFormat;
use crate::matroska::Matroska;
use crate::mp4::Mp4;

/// All container formats that are read and written here.
pub const CONTAINER_FORMATS: [&dyn ContainerFormat; 2] = [&Mp4, &Matroska];

/// What reads and writes this container; none for those that only ffmpeg reads.
pub fn container_format(container: Container) -> Option<&'static dyn ContainerFormat> {
    CONTAINER_FORMATS.into_iter().find(|format| format.containers().contains(&container))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_container_has_one_format_at_most() {
        let formats = |container| {
            let all = CONTAINER_FORMATS.iter();
            all.filter(|format| format.containers().contains(&container)).count()
        };
        for container in [Container::Mp4, Container::Webm, Container::Mkv] {
            assert_eq!(formats(container), 1, "{container:?}");
            assert!(container_format(container).is_some());
        }
        assert!(container_format(Container::Ts).is_none());
        assert!(container_format(Container::Other).is_none());
    }
}
