//! In a process of its own: it removes the temporary files of every write under way.
#![allow(clippy::unwrap_used)]

use pleat_model::Error;
use pleat_model::files::{Access, remove_temporaries, write_atomic};

#[test]
fn a_handler_can_remove_what_is_under_way() {
    let folder = tempfile::tempdir().unwrap();
    let count = || std::fs::read_dir(folder.path()).unwrap().count();
    let kept = folder.path().join("kept");
    write_atomic(&kept, Access::Public, false, |w| w.write_all(b"whole")).unwrap();
    let e = write_atomic(&folder.path().join("f"), Access::Public, false, |w| {
        w.write_all(b"half")?;
        assert_eq!(count(), 2);
        remove_temporaries();
        assert_eq!(count(), 1);
        Ok(())
    });
    assert!(matches!(e, Err(Error::Io(_))));
    remove_temporaries();
    assert_eq!(std::fs::read(kept).unwrap(), b"whole");
}
