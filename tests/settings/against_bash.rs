//! Every file below `tests/config/` gives the values that bash gives.

use camino::{Utf8Path, Utf8PathBuf};
use edeliver::settings::shellfile::ShellFile;

use crate::bash::{ours, real};

/// The config files that are compared.
pub fn configs() -> Vec<Utf8PathBuf> {
    let folder = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config");
    let mut files: Vec<_> = folder
        .read_dir_utf8()
        .unwrap()
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.extension() == Some("config"))
        .collect();
    files.sort();
    files
}

#[test]
fn every_config_has_the_values_of_bash() {
    let files = configs();
    assert!(files.len() >= 80, "only {} files", files.len());
    let folder = tempfile::tempdir().unwrap();
    // Bash gets the text without a byte order mark and carriage returns: see `ShellFile::parse`.
    let texts: Vec<Utf8PathBuf> = files
        .iter()
        .map(|path| {
            let text = ShellFile::parse(path, &fs_err::read(path).unwrap()).unwrap().text().to_owned();
            let copy = Utf8PathBuf::try_from(folder.path().join(path.file_name().unwrap())).unwrap();
            fs_err::write(&copy, text).unwrap();
            copy
        })
        .collect();
    let mut differences = Vec::new();
    for (path, real) in files.iter().zip(real(&texts)) {
        match ours(path, &fs_err::read(path).unwrap()) {
            Ok(ours) if Some(&ours) == real.as_ref() => {}
            Ok(ours) => differences.push(format!("{path}\nours: {ours:#?}\nbash: {real:#?}")),
            Err(error) => differences.push(error),
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
}

#[test]
fn only_marks_and_carriage_returns_are_left_out() {
    // Latin-1 bytes in comments are replaced.
    for path in configs() {
        let content = fs_err::read(&path).unwrap();
        let file = ShellFile::parse(&path, &content).unwrap();
        let named = ["crlf", "bom", "latin1"].iter().any(|name| path.as_str().contains(name));
        assert_eq!(file.text().as_bytes() != content, named, "{path}");
    }
}
