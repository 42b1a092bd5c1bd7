//! Files are read up to a limit, whatever they are.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use pleat_model::files::read_at_most;

#[test]
fn no_more_than_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    for length in [0, 1, 6, 7, 8, 100] {
        let bytes = vec![7; length];
        std::fs::write(&path, &bytes).unwrap();
        let expected = match length {
            0..=7 => Ok(bytes),
            _ => Err(length as u64),
        };
        assert_eq!(read_at_most(&path, 7).unwrap(), expected, "{length} bytes");
    }
    assert!(read_at_most(&folder.path().join("none"), 7).is_err());
    assert!(read_at_most(folder.path(), 1 << 20).is_err());
}

/// Says its length is zero and never ends.
#[test]
#[cfg(unix)]
fn what_never_ends() {
    let endless = Path::new("/dev/zero");
    assert_eq!(read_at_most(endless, 1000).unwrap(), Err(1001));
}
