//! The events of `--json`: one JSON object a line (docs/events.md).

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

/// One line of the stream.
#[derive(Serialize)]
struct Line<'a> {
    event: &'a str,
    at: String,
    #[serde(flatten)]
    fields: Value,
}

/// The line of an event that happens now, with its end. `fields` is an object.
pub fn line(event: &str, fields: Value) -> String {
    let at = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    // It is made of texts and numbers only, for which there always is JSON.
    serde_json::to_string(&Line { event, at, fields }).unwrap_or_default() + "\n"
}

/// A time as events have it: seconds, to the millisecond.
pub fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}

/// The value with every text in it put into other words.
pub fn reworded(value: Value, reword: &impl Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(reword(&text)),
        Value::Array(values) => values.into_iter().map(|value| reworded(value, reword)).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (name, reworded(value, reword))).collect()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{line, reworded};

    #[test]
    fn is_one_line() {
        let line = line("message", json!({ "text": "one\ntwo" }));
        assert!(line.starts_with(r#"{"event":"message","at":""#), "{line}");
        assert!(line.ends_with("Z\",\"text\":\"one\\ntwo\"}\n"), "{line}");
        assert_eq!(line.lines().count(), 1);
    }

    #[test]
    fn rewords_texts_wherever_they_are() {
        let value = json!({ "a": ["x\"y", 1], "b": { "c": "x\"y z" } });
        let reworded = reworded(value, &|text| text.replace("x\"y", "-"));
        assert_eq!(reworded, json!({ "a": ["-", 1], "b": { "c": "- z" } }));
    }
}
