//! A folder of PNG and JPEG files, and the labels their names or places give.

use std::ffi::OsString;
use std::fs::DirEntry;
use std::path::{Path, PathBuf};

use super::source::io_error;
use super::{MAX_SAMPLES, labels};
use crate::{Error, Result};

const EXTENSIONS: [&str; 3] = ["png", "jpg", "jpeg"];

/// The images of a folder, in order.
pub(super) struct Listing {
    pub(super) paths: Vec<PathBuf>,
    /// Names for `labels.csv`: `file`, or `sub-folder/file`.
    pub(super) names: Vec<String>,
    /// Sub-folders in order, each with the number of its images; empty if the images lie in the folder itself.
    classes: Vec<(String, usize)>,
}

/// Lists the images of `folder`, or of its sub-folders if it has none itself.
pub(super) fn list(folder: &Path) -> Result<Listing> {
    let (files, folders) = entries(folder)?;
    let mut listing = Listing {
        paths: Vec::new(),
        names: Vec::new(),
        classes: Vec::new(),
    };
    listing.add(folder, "", files);
    let direct = listing.paths.len();
    for name in folders {
        let class = name.to_string_lossy().into_owned();
        let sub = folder.join(&name);
        let before = listing.paths.len();
        listing.add(&sub, &format!("{class}/"), entries(&sub)?.0);
        listing.classes.push((class, listing.paths.len() - before));
    }
    let nested = listing.paths.len() - direct;
    if direct > 0 && nested > 0 {
        return Err(Error::invalid(format!(
            "{}: images both in the folder and in its sub-folders; \
             put all of them in sub-folders (one per class) or none",
            folder.display()
        )));
    }
    if direct > 0 {
        listing.classes.clear();
    }
    if listing.paths.is_empty() || listing.paths.len() > MAX_SAMPLES {
        return Err(Error::invalid(format!(
            "{}: {} PNG or JPEG files in the folder or its sub-folders; 1..={MAX_SAMPLES} are read",
            folder.display(),
            listing.paths.len()
        )));
    }
    Ok(listing)
}

impl Listing {
    fn add(&mut self, folder: &Path, prefix: &str, files: Vec<OsString>) {
        for file in files.iter().filter(|file| is_image(Path::new(file))) {
            self.names
                .push(format!("{prefix}{}", file.to_string_lossy()));
            self.paths.push(folder.join(file));
        }
    }
}

fn is_image(file: &Path) -> bool {
    file.extension()
        .and_then(|e| e.to_str())
        .is_some_and(|e| EXTENSIONS.contains(&e.to_ascii_lowercase().as_str()))
}

/// Names of the files and of the folders in `folder`, each sorted; hidden ones left out.
fn entries(folder: &Path) -> Result<(Vec<OsString>, Vec<OsString>)> {
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    let mut add = |entry: DirEntry| -> std::io::Result<()> {
        let name = entry.file_name();
        if name.to_string_lossy().starts_with('.') {
            return Ok(());
        }
        // Follows links, so that a folder of links is a data set, too.
        match std::fs::metadata(entry.path())?.is_dir() {
            true => folders.push(name),
            false => files.push(name),
        }
        Ok(())
    };
    std::fs::read_dir(folder)
        .and_then(|mut list| list.try_for_each(|entry| add(entry?)))
        .map_err(|error| io_error(folder, error))?;
    files.sort();
    folders.sort();
    Ok((files, folders))
}

/// The labels a folder itself gives, if it does.
pub(super) fn labels(folder: &Path, listing: &Listing) -> Result<Option<Vec<u32>>> {
    let table = folder.join("labels.csv");
    if table.is_file() {
        let labels = labels::read(&table)?;
        return labels
            .assign(&table, Some(&listing.names), listing.paths.len())
            .map(Some);
    }
    if listing.classes.is_empty() {
        labels_in_names(folder, listing)
    } else {
        labels_of_classes(folder, listing).map(Some)
    }
}

/// Sub-folders named by numbers are these classes; others are numbered in their order.
fn labels_of_classes(folder: &Path, listing: &Listing) -> Result<Vec<u32>> {
    let numeric = listing.classes.iter().all(|(name, _)| is_number(name));
    let mut labels = Vec::with_capacity(listing.paths.len());
    for (index, (name, images)) in listing.classes.iter().enumerate() {
        let label = if numeric {
            labels::parsed(name)
        } else if *images == 0 {
            // Counting it or not would give all later classes different numbers.
            Err(format!(
                "sub-folder '{name}' has no image, so the classes cannot be numbered; \
                 remove it, or name the sub-folders by class index"
            ))
        } else {
            labels::parsed(&index.to_string())
        }
        .map_err(|reason| Error::invalid(format!("{}: {reason}", folder.display())))?;
        labels.extend(std::iter::repeat_n(label, *images));
    }
    Ok(labels)
}

fn labels_in_names(folder: &Path, listing: &Listing) -> Result<Option<Vec<u32>>> {
    let found: Vec<_> = listing.names.iter().map(|n| label_in_name(n)).collect();
    let with = found.iter().position(Option::is_some);
    let without = found.iter().position(Option::is_none);
    match (with, without) {
        (None, _) => Ok(None),
        (Some(_), None) => Ok(Some(found.into_iter().flatten().collect())),
        (Some(with), Some(without)) => Err(Error::invalid(format!(
            "{}: '{}' has a label in its name, '{}' has none (NN_LABEL); \
             rename the files or give labels.csv",
            folder.display(),
            listing.names[with],
            listing.names[without]
        ))),
    }
}

/// 243 for `imagenet_00_243.jpg`: two numbers at the end, a counter and the label.
pub(super) fn label_in_name(name: &str) -> Option<u32> {
    let stem = Path::new(name).file_stem()?.to_str()?;
    let mut parts = stem.rsplit('_');
    let (label, counter) = (parts.next()?, parts.next()?);
    if !is_number(counter) || !is_number(label) {
        return None;
    }
    labels::parsed(label).ok()
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::label_in_name;

    #[test]
    fn labels_in_file_names() {
        assert_eq!(label_in_name("imagenet_00_243.jpg"), Some(243));
        assert_eq!(label_in_name("07_9.png"), Some(9));
        for name in [
            "img_0001.png",
            "7.png",
            "a_1_.png",
            "a_1_-2.png",
            "1_99999999999.png",
        ] {
            assert_eq!(label_in_name(name), None, "{name}");
        }
    }
}
