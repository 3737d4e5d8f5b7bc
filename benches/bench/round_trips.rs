//! How many round trips a deploy takes: how much longer each part of it takes to a host that is far away.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use crate::common::world::World;
use crate::contender::ours;
use crate::lab::{Lab, release};
use crate::sample::median;

/// Long enough that all else is next to nothing.
const FAR_MS: u64 = 200;

/// What the first phase waits for, and belongs to the connection: a channel, and a shell in it.
const FIRST_CHANNEL: f64 = 2.0;

/// What a part of a deploy took, in seconds, in each turn.
type Parts = BTreeMap<String, Vec<f64>>;

/// The parts of a second deploy in their order, with how many round trips each takes.
pub struct RoundTrips(Vec<(String, f64)>);

impl RoundTrips {
    /// Deploys so often to one host that is near and one that is far.
    pub fn measure(world: impl Fn() -> World, turns: usize) -> Self {
        let labs = [0, FAR_MS].map(|round_trip_ms| Lab::new(world(), 1, round_trip_ms));
        let mut parts = [Parts::new(), Parts::new()];
        let mut order = Vec::new();
        for lab in &labs {
            ["1.0.0", "2.0.0"].into_iter().for_each(|version| lab.world.store(release(version, 1)));
        }
        for _ in 0..turns {
            for (lab, parts) in labs.iter().zip(&mut parts) {
                lab.clear();
                deploy(lab, "1.0.0");
                order = deploy(lab, "2.0.0")
                    .into_iter()
                    .map(|(part, seconds)| {
                        parts.entry(part.clone()).or_default().push(seconds);
                        part
                    })
                    .collect();
            }
        }
        labs.iter().for_each(Lab::clear);
        let [near, far] = parts;
        let took = |parts: &Parts, part: &str| median(parts.get(part).cloned().unwrap_or_default());
        let trips = |part: &String| (took(&far, part) - took(&near, part)) * 1000.0 / FAR_MS as f64;
        Self(order.into_iter().map(|part| (part.clone(), trips(&part))).collect())
    }
}

/// Its phases, and what it takes beside them, which is the connection, with the seconds that each took.
fn deploy(lab: &Lab, version: &str) -> Vec<(String, f64)> {
    let version = format!("--version={version}");
    let args = ["deploy", "release", "to", "production", "--start-deploy", "--json", &version];
    let output = ours(lab, &args).output().expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout);
    let result: Value =
        text.lines().last().and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default();
    assert!(output.status.success(), "{text}");
    let seconds = |of: &Value| of["seconds"].as_f64().expect("seconds");
    let mut parts: Vec<(String, f64)> = result["phases"]
        .as_array()
        .expect("phases")
        .iter()
        .map(|phase| (phase["phase"].as_str().expect("a name").to_owned(), seconds(phase)))
        .collect();
    let phases: f64 = parts.iter().map(|(_, seconds)| seconds).sum();
    parts.insert(0, ("connection".to_owned(), seconds(&result) - phases));
    parts
}

impl fmt::Display for RoundTrips {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_extra = |part: &str| !["connection", "stage"].contains(&part);
        let extra: f64 = self.0.iter().filter(|(part, _)| is_extra(part)).map(|(_, trips)| trips).sum();
        write!(f, "\nRound trips of a second deploy: ")?;
        for (part, trips) in &self.0 {
            write!(f, "{part} {trips:.1}, ")?;
        }
        write!(
            f,
            "so {:.1} beside the connection with its first channel ({FIRST_CHANNEL:.0} of open's) and the transfer (stage).",
            extra - FIRST_CHANNEL
        )
    }
}
