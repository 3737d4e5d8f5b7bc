//! What an error shows of an output.

/// The last `lines` lines of an output that are not empty.
pub fn tail(output: &[u8], lines: usize) -> Vec<String> {
    let text = String::from_utf8_lossy(output);
    let filled: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    filled.iter().skip(filled.len().saturating_sub(lines)).map(|&line| line.to_owned()).collect()
}
