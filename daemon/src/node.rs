//! The name of this daemon among others: the machine's, and a few random digits
//! that are kept in the data folder. It is the same after a restart, so that a
//! daemon recognizes the jobs that it was running when it was killed.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

/// Digits beside the machine's name.
const DIGITS: usize = 8;

/// The name that belongs to a data folder.
///
/// # Errors
/// When the folder can't be read or written.
pub fn name(data: &Path) -> io::Result<String> {
    let path = data.join("node.id");
    let kept = match fs::read_to_string(&path) {
        Ok(text) => text.trim().to_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    let fits = kept.len() == DIGITS && kept.bytes().all(|byte| byte.is_ascii_hexdigit());
    let digits = if fits { kept } else { create_digits(data, &path)? };
    let machine = rustix::system::uname();
    Ok(format!("{}-{digits}", machine.nodename().to_string_lossy()))
}

fn create_digits(data: &Path, path: &Path) -> io::Result<String> {
    let digits = format!("{:08x}", rand::random::<u32>());
    let mut file = tempfile::NamedTempFile::new_in(data)?;
    writeln!(file, "{digits}")?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(digits)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_name_stays_and_two_folders_have_two() {
        let [one, two] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let first = name(one.path()).unwrap();
        assert_eq!(name(one.path()).unwrap(), first);
        assert_ne!(name(two.path()).unwrap(), first);
        // What a full disk left of it is no name.
        fs::write(one.path().join("node.id"), "").unwrap();
        assert_ne!(name(one.path()).unwrap(), first);
    }
}
