//! Output as lines, while it comes.

/// Text that comes in pieces.
#[derive(Debug, Default)]
pub struct Lines(Vec<u8>);

impl Lines {
    /// Takes a piece, and hands on the lines that are whole by now.
    pub fn take(&mut self, bytes: &[u8], line: &mut dyn FnMut(&str)) {
        self.0.extend_from_slice(bytes);
        while let Some(end) = self.0.iter().position(|byte| *byte == b'\n') {
            let rest = self.0.split_off(end + 1);
            self.0.pop();
            line(String::from_utf8_lossy(&self.0).trim_end_matches('\r'));
            self.0 = rest;
        }
    }

    /// Nothing more comes: a last line without an end is one, too.
    pub fn finish(self, line: &mut dyn FnMut(&str)) {
        if !self.0.is_empty() {
            line(&String::from_utf8_lossy(&self.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Lines;

    #[test]
    fn lines_come_whole() {
        let (mut lines, mut seen) = (Lines::default(), Vec::new());
        for piece in [&b"a\nb"[..], b"c\r\n\n", b"\xc3", b"\xa9d"] {
            lines.take(piece, &mut |line| seen.push(line.to_owned()));
        }
        lines.finish(&mut |line| seen.push(line.to_owned()));
        assert_eq!(seen, ["a", "bc", "", "éd"]);
    }
}
