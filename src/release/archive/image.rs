//! An archive as the layer of an image.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use crate::release::Layout;

/// Writes the tar of an archive with its release in the directory `app`, owned by root. The archive must
/// have been read through before (`read_archive`).
///
/// # Errors
/// When the archive cannot be read, or the tar not be written.
pub fn layer(archive: impl Read, layout: &Layout, app: &str, to: impl Write) -> io::Result<()> {
    let mut archive = tar::Archive::new(MultiGzDecoder::new(archive));
    let mut layer = tar::Builder::new(to);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let mut header = entry.header().clone();
        header.set_uid(0);
        header.set_gid(0);
        let path = placed(&entry.path()?, layout, app);
        match entry.link_name()?.map(|target| target.into_owned()) {
            // It names an entry of the archive.
            Some(target) if header.entry_type().is_hard_link() => {
                layer.append_link(&mut header, path, placed(&target, layout, app))?;
            }
            Some(target) => layer.append_link(&mut header, path, target)?,
            None => layer.append_data(&mut header, path, &mut entry)?,
        }
    }
    layer.into_inner()?.flush()
}

/// Where a path of the archive is in the image.
fn placed(path: &Path, layout: &Layout, app: &str) -> PathBuf {
    let below: PathBuf =
        path.components().filter(|part| matches!(part, std::path::Component::Normal(_))).collect();
    let below = match layout {
        Layout::Prefixed(prefix) => below.strip_prefix(prefix).map(Path::to_owned).unwrap_or(below),
        Layout::Bare => below,
    };
    Path::new(app).join(below)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    #[test]
    fn the_release_lies_in_the_directory_of_its_application() {
        for (layout, prefix) in [(Layout::Bare, ""), (Layout::Prefixed("other".to_owned()), "other/")] {
            let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
            let mut header = tar::Header::new_gnu();
            header.set_size(2);
            header.set_mode(0o755);
            header.set_uid(1000);
            archive.append_data(&mut header, format!("{prefix}bin/app"), &b"hi"[..]).unwrap();
            let mut link = tar::Header::new_gnu();
            link.set_entry_type(tar::EntryType::Symlink);
            link.set_size(0);
            archive.append_link(&mut link, format!("{prefix}bin/other"), "app").unwrap();
            let bytes = archive.into_inner().unwrap().finish().unwrap();

            let mut tar = Vec::new();
            layer(&bytes[..], &layout, "app", &mut tar).unwrap();
            let mut seen = BTreeMap::new();
            for entry in tar::Archive::new(&tar[..]).entries().unwrap() {
                let entry = entry.unwrap();
                let target = entry.link_name().unwrap().map(|target| target.display().to_string());
                let owner = entry.header().uid().unwrap();
                seen.insert(entry.path().unwrap().display().to_string(), (owner, target));
            }
            let expected = [("app/bin/app", (0, None)), ("app/bin/other", (0, Some("app".to_owned())))];
            assert_eq!(seen, expected.map(|(path, what)| (path.to_owned(), what)).into());
        }
    }
}
