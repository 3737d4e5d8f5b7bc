//! Versions in the source files of a project, and raising them (`increase`).

use regex::Regex;

use crate::cli::Increase;

/// A kind of source file that says a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceFile {
    /// `NAME.app.src`: the version of an application.
    App,
    /// `reltool.config`: the version of a release of rebar.
    Reltool,
    /// `relx.config`, or the same terms in `rebar.config`: the version of a release of relx and rebar3.
    Relx,
    /// `mix.exs`: the version of an Elixir project.
    Mix,
}

/// A file with a raised version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raised {
    /// The version that it had.
    pub from: String,
    /// The version that it has now.
    pub to: String,
    /// The whole text.
    pub text: String,
}

/// A version that cannot be raised.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("version {version} cannot be raised: '{part}' is no number")]
pub struct NoNumber {
    /// The version.
    pub version: String,
    /// The part of it that should be a number.
    pub part: String,
}

impl SourceFile {
    /// The kind of the file at this path.
    pub fn of(path: &str) -> Option<Self> {
        match path.rsplit('/').next()? {
            "reltool.config" => Some(Self::Reltool),
            "relx.config" | "rebar.config" => Some(Self::Relx),
            "mix.exs" => Some(Self::Mix),
            name if name.ends_with(".app.src") => Some(Self::App),
            _ => None,
        }
    }

    /// Raises the version in the file's `text`. Of a release that is the one of `app`. None where the
    /// file says no version literally.
    ///
    /// # Errors
    /// When the version has something else where a number should be.
    pub fn raise(self, text: &str, app: &str, part: Increase) -> Result<Option<Raised>, NoNumber> {
        let app = regex::escape(app);
        let pattern = match self {
            Self::App => r#"\{\s*vsn\s*,\s*"([^"]+)"\s*\}"#.to_owned(),
            Self::Reltool => format!(r#"\{{\s*rel\s*,\s*"{app}"\s*,\s*"([^"]+)""#),
            Self::Relx => format!(r#"\{{\s*release\s*,\s*\{{\s*'?{app}'?\s*,\s*"([^"]+)"\s*\}}"#),
            Self::Mix => r#"(?m)^\s*(?:@version\s+|version:\s*)"([^"]+)""#.to_owned(),
        };
        // The patterns are well formed, as the tests below show; one that is not finds nothing.
        let Some(version) = Regex::new(&pattern).ok().and_then(|regex| regex.captures(text)?.get(1)) else {
            return Ok(None);
        };
        let from = version.as_str().to_owned();
        let to = if self == Self::Mix { raise_semantic(&from, part) } else { raise(&from, part) }?;
        let text = format!("{}{to}{}", &text[..version.start()], &text[version.end()..]);
        Ok(Some(Raised { from, to, text }))
    }
}

/// As the original counts: a version of two parts is a major one, a third part makes it a minor one.
fn raise(version: &str, part: Increase) -> Result<String, NoNumber> {
    let last_raised = |text: &str| match text.rsplit_once('.') {
        Some((rest, last)) => Ok(format!("{rest}.{}", plus_one(version, last)?)),
        None => plus_one(version, text),
    };
    match (part, version.rsplit_once('.')) {
        (Increase::Version, _) => {
            Ok(format!("{}.0", plus_one(version, version.split('.').next().unwrap_or_default())?))
        }
        (Increase::Minor | Increase::Patch, Some((rest, _))) if rest.contains('.') => last_raised(version),
        (Increase::Minor | Increase::Patch, _) => Ok(format!("{version}.1")),
        (Increase::Major, Some((rest, _))) if rest.contains('.') => last_raised(rest),
        (Increase::Major, _) => last_raised(version),
    }
}

/// As Elixir counts: three numbers, and what follows them belongs to the old version.
fn raise_semantic(version: &str, part: Increase) -> Result<String, NoNumber> {
    let core = version.split(['-', '+']).next().unwrap_or_default();
    let mut parts = core.split('.').chain(["0", "0", "0"]);
    let mut next = || number(version, parts.next().unwrap_or_default());
    let (major, minor, patch) = (next()?, next()?, next()?);
    Ok(match part {
        Increase::Version | Increase::Major => format!("{}.0.0", major + 1),
        Increase::Minor => format!("{major}.{}.0", minor + 1),
        Increase::Patch => format!("{major}.{minor}.{}", patch + 1),
    })
}

fn plus_one(version: &str, part: &str) -> Result<String, NoNumber> {
    Ok((number(version, part)? + 1).to_string())
}

/// A part of a version; no more digits than can be counted on from.
fn number(version: &str, part: &str) -> Result<u64, NoNumber> {
    let number = part.parse::<u32>().map(u64::from);
    number.map_err(|_| NoNumber { version: version.to_owned(), part: part.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_as_the_original_does() {
        use Increase::{Major, Minor, Patch, Version};
        for (version, part, raised) in [
            ("1.2.3", Version, "2.0"),
            ("1.2", Version, "2.0"),
            ("1.2.3", Major, "1.3"),
            ("1.2", Major, "1.3"),
            ("1", Major, "2"),
            ("1.2.3", Minor, "1.2.4"),
            ("1.2.9", Patch, "1.2.10"),
            ("1.2", Minor, "1.2.1"),
            ("1.2.3.4", Minor, "1.2.3.5"),
            ("1.2.3.4", Major, "1.2.4"),
        ] {
            assert_eq!(raise(version, part).as_deref(), Ok(raised), "{version} {part:?}");
        }
        assert_eq!(
            raise("1.2.rc", Minor).unwrap_err().to_string(),
            "version 1.2.rc cannot be raised: 'rc' is no number"
        );
    }

    #[test]
    fn counts_as_elixir_does() {
        use Increase::{Major, Minor, Patch, Version};
        for (version, part, raised) in [
            ("1.2.3", Version, "2.0.0"),
            ("1.2.3", Major, "2.0.0"),
            ("1.2.3", Minor, "1.3.0"),
            ("1.2.3-dev", Patch, "1.2.4"),
        ] {
            assert_eq!(raise_semantic(version, part).as_deref(), Ok(raised), "{version} {part:?}");
        }
        assert!(raise_semantic("v1.2.3", Minor).is_err());
    }

    #[test]
    fn finds_the_version_in_each_kind_of_file() {
        for (path, text, raised) in [
            ("src/shop.app.src", r#"[{ vsn ,"1.0.0" }]"#, r#"[{ vsn ,"1.0.1" }]"#),
            ("src/shop.app.src", "[{vsn, git}]", ""),
            (
                "rel/reltool.config",
                r#"{rel, "start_clean", "", []}, {rel, "shop", "1.0", []}"#,
                r#"{rel, "start_clean", "", []}, {rel, "shop", "1.0.1", []}"#,
            ),
            ("relx.config", r#"{release, {'shop', "1.0.0"}, []}"#, r#"{release, {'shop', "1.0.1"}, []}"#),
            ("rebar.config", r#"[{release, {shop, "1.0.0"}, []}]"#, r#"[{release, {shop, "1.0.1"}, []}]"#),
            ("rebar.config", r#"[{release, {shop_two, "1.0.0"}, []}]"#, ""),
            ("mix.exs", "  [app: :x,\n   version: \"1.0.0\"]", "  [app: :x,\n   version: \"1.1.0\"]"),
            ("apps/a/mix.exs", "  @version \"1.0.0\"\n", "  @version \"1.1.0\"\n"),
            ("mix.exs", "  version: @version\n", ""),
        ] {
            let kind = SourceFile::of(path).unwrap();
            let text = kind.raise(text, "shop", Increase::Minor).unwrap().map(|raised| raised.text);
            assert_eq!(text.unwrap_or_default(), raised, "{path}");
        }
        assert_eq!(SourceFile::of("src/shop.erl"), None);
    }
}
