//! `$'...'`

/// The text that `$'inside'` stands for, or what in it is not the same in every locale and bash.
pub(super) fn ansi_c(inside: &str) -> Result<String, &'static str> {
    let mut text = String::new();
    let mut rest = inside;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let (c, length) = escape(&rest[at + 1..])?;
        match c {
            Some(c) => text.push(c),
            None => text.push_str(&rest[at..at + 1 + length]),
        }
        rest = &rest[at + 1 + length..];
    }
    text.push_str(rest);
    Ok(text)
}

/// The character that an escape stands for, and how long it is; None where it stands for itself.
fn escape(rest: &str) -> Result<(Option<char>, usize), &'static str> {
    let Some(c) = rest.chars().next() else { return Ok((None, 0)) };
    let plain = match c {
        'a' => '\x07',
        'b' => '\x08',
        'e' | 'E' => '\x1b',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        '\\' | '\'' | '"' | '?' => c,
        '0'..='7' => return number(rest, 0, 3, 8),
        'x' => return number(rest, 1, 2, 16),
        'u' => return number(rest, 1, 4, 16),
        'U' => return number(rest, 1, 8, 16),
        'c' => return Err("a control character in $'..'"),
        _ => return Ok((None, c.len_utf8())),
    };
    Ok((Some(plain), 1))
}

fn number(rest: &str, skip: usize, most: usize, base: u32) -> Result<(Option<char>, usize), &'static str> {
    let digits = rest[skip..].chars().take(most).take_while(|c| c.is_digit(base)).count();
    let value = u32::from_str_radix(&rest[skip..skip + digits], base);
    match value.ok().and_then(char::from_u32) {
        Some(c @ '\x01'..='\x7f') => Ok((Some(c), skip + digits)),
        _ => Err("a number in $'..' that is no ASCII character"),
    }
}

#[cfg(test)]
mod tests {
    use super::ansi_c;

    #[test]
    fn knows_the_escapes_of_bash() {
        assert_eq!(ansi_c(r"a\tb\n\x41\101\q\'é\\").as_deref(), Ok("a\tb\nAA\\q'é\\"));
        for inside in [r"\0", r"\xff", r"\x", r"\u00e9", r"\cA"] {
            assert!(ansi_c(inside).is_err(), "{inside}");
        }
    }
}
