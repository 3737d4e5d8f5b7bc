//! How a registry wants to be told who asks: the `WWW-Authenticate` header.

/// What it wants.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// The user and password themselves.
    Basic,
    /// A token that is had at `realm`, with these parameters.
    Bearer { realm: String, parameters: Vec<(String, String)> },
}

impl Challenge {
    /// Reads the header; nothing when it asks for something else.
    pub fn parse(header: &str) -> Option<Self> {
        let (scheme, rest) = header.split_once(' ').unwrap_or((header, ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Challenge::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let (mut realm, mut parameters) = (None, Vec::new());
        for (name, value) in fields(rest) {
            match name.as_str() {
                "realm" => realm = Some(value),
                "service" | "scope" => parameters.push((name, value)),
                _ => {}
            }
        }
        Some(Challenge::Bearer { realm: realm?, parameters })
    }
}

/// `name="value",...`, where a value may have commas.
fn fields(mut text: &str) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    while let Some((name, rest)) = text.split_once('=') {
        let name = name.trim_matches([' ', ',']).to_ascii_lowercase();
        let (value, rest) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => rest.split_once(',').unwrap_or((rest, "")),
        };
        fields.push((name, value.to_owned()));
        text = rest;
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            Challenge::parse(
                r#"Bearer realm="https://auth.x/token",service="x y", scope="repository:a/b:pull,push",error="e""#
            ),
            Some(Challenge::Bearer {
                realm: "https://auth.x/token".to_owned(),
                parameters: vec![pair("service", "x y"), pair("scope", "repository:a/b:pull,push")],
            })
        );
        assert_eq!(Challenge::parse(r#"Basic realm="x""#), Some(Challenge::Basic));
        assert_eq!(Challenge::parse("Negotiate"), None);
        assert_eq!(Challenge::parse("Bearer service=x"), None);
    }
}
