//! What a killed process leaves behind is removed, and nothing else.
#![allow(clippy::unwrap_used)]

use pleat_model::files::{Access, remove_leftovers, write_atomic};

#[test]
fn the_temporary_files_of_other_names_stay() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let abandoned = path(".pleat-a-Xy12zZ.tmp");
    std::fs::write(&abandoned, b"half a secret").unwrap();
    // As another process would, while this file is being written.
    write_atomic(&path("a-1"), Access::Secret, false, |w| {
        remove_leftovers(&path("a"))?;
        w.write_all(b"kept")
    })
    .unwrap();
    assert_eq!(std::fs::read(path("a-1")).unwrap(), b"kept");
    assert!(!abandoned.exists());
}
