//! A bucket as release store, against a real server that checks every signature: what goes in and comes
//! out, what is wrong is named, a server that drops connections, and hosts that fetch by themselves.

mod common;

use common::proxy::Proxy;
use common::s3::{BUCKET, KEY, S3Server, SECRET};
use common::world::{Outcome, Release, Running, World};
use fs_err as fs;
use serde_json::Value;

const ARCHIVE: &str = "stand_in_1.0.0.release.tar.gz";

/// A bucket, and a project whose store it is.
struct Bucket {
    world: World,
    server: S3Server,
    environment: Vec<(&'static str, String)>,
}

impl Bucket {
    fn new(hosts: usize) -> Self {
        Self::on(S3Server::start(), hosts)
    }

    fn on(server: S3Server, hosts: usize) -> Self {
        let world = World::new().hosts(hosts).config(&format!("RELEASE_STORE=\"s3://{BUCKET}/apps\""));
        let endpoint = format!("http://127.0.0.1:{}", server.port());
        let environment = vec![
            ("AWS_ACCESS_KEY_ID", KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
            ("AWS_ENDPOINT_URL_S3", endpoint),
        ];
        Self { world, server, environment }
    }

    /// With another value in the environment.
    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.environment.retain(|(other, _)| *other != name);
        self.environment.push((name, value.to_owned()));
        self
    }

    /// Reached through a wire that can be cut.
    fn through_proxy(self) -> (Self, Proxy) {
        let proxy = Proxy::to(self.server.port());
        let endpoint = format!("http://127.0.0.1:{}", proxy.port());
        (self.with("AWS_ENDPOINT_URL_S3", &endpoint), proxy)
    }

    fn edeliver(&self, args: &[&str]) -> Outcome {
        let environment: Vec<(&str, &str)> =
            self.environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.world.edeliver_with(&environment, args)
    }

    fn spawn(&self, args: &[&str]) -> Running {
        let environment: Vec<(&str, &str)> =
            self.environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.world.spawn_with(&environment, args)
    }

    /// The release lies in the project, to be uploaded.
    fn file(&self, release: &Release) -> Vec<u8> {
        let bytes = fs::read(release.archive()).unwrap();
        fs::write(self.world.project().join(name(release.version())), &bytes).unwrap();
        bytes
    }

    fn upload(&self, release: &Release) {
        self.file(release);
        self.edeliver(&["upload", "release", release.version()]).succeeds();
    }

    fn listed(&self) -> Value {
        self.edeliver(&["show", "releases", "--json"]).succeeds().event("releases")["archives"].clone()
    }

    fn versions(&self) -> Vec<String> {
        let listed = self.listed();
        listed.as_array().unwrap().iter().map(|each| each["version"].as_str().unwrap().to_owned()).collect()
    }

    /// It comes out as it went in.
    fn assert_holds(&self, version: &str, bytes: &[u8]) {
        self.edeliver(&["download", "release", version, "back.tar.gz", "--force"]).succeeds();
        assert!(fs::read(self.world.project().join("back.tar.gz")).unwrap() == bytes, "{version} is another");
    }

    fn deploy(&self, version: &str) -> Outcome {
        let version = format!("--version={version}");
        self.edeliver(&["deploy", "release", "to", "production", "--start-deploy", "--verbose", &version])
    }
}

fn name(version: &str) -> String {
    ARCHIVE.replace("1.0.0", version)
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

// Versions with characters that signatures encode, sorted as versions are, with what is known of each.
#[test]
fn archives_go_in_and_come_out() {
    let bucket = Bucket::new(0);
    assert_eq!(bucket.versions(), [""; 0]);
    let releases = ["0.10.0", "0.9.0", "1.0.0+a1b2c3d-main"].map(Release::of);
    for release in &releases {
        bucket.upload(release);
    }
    let listed = bucket.listed();
    let bytes = fs::read(releases[1].archive()).unwrap();
    let first = &listed[0];
    assert_eq!((&first["version"], &first["file"]), (&"0.9.0".into(), &name("0.9.0").into()));
    assert_eq!((&first["size"], &first["sha256"]), (&bytes.len().into(), &sha256(&bytes).into()));
    assert_eq!(bucket.versions(), ["0.9.0", "0.10.0", "1.0.0+a1b2c3d-main"]);
    for release in &releases {
        bucket.assert_holds(release.version(), &fs::read(release.archive()).unwrap());
    }
    bucket.edeliver(&["upload", "release", "0.9.0"]).exits(1).says(&["already exists", "--force"]);
    let output = bucket.edeliver(&["show", "releases"]).succeeds();
    output.says(&["in s3 release store", "stand_in |   0.9.0 |          | release | stand_in_0.9.0.release"]);
}

// What is larger than a part goes up in parts.
#[test]
fn an_archive_of_200_mb() {
    let bucket = Bucket::new(0);
    let bytes = bucket.file(&Release::of("1.0.0").size_kb(200_000));
    assert!(bytes.len() > 200_000_000);
    bucket.edeliver(&["upload", "release", "1.0.0"]).succeeds();
    assert_eq!(bucket.listed()[0]["sha256"], sha256(&bytes));
    bucket.assert_holds("1.0.0", &bytes);
}

// Each mistake is named, with the setting that mends it, and the secret with none of them.
#[test]
fn what_is_wrong_is_named() {
    let mistakes = [
        ("AWS_ACCESS_KEY_ID", "AKIANOBODYNOBODYNOBO", "does not know the key in AWS_ACCESS_KEY_ID"),
        ("AWS_SECRET_ACCESS_KEY", "wrong-5ecr3t", "AWS_SECRET_ACCESS_KEY is not the secret of"),
    ];
    for (name, value, text) in mistakes {
        let bucket = Bucket::new(0).with(name, value);
        let output = bucket.edeliver(&["show", "releases"]).exits(1).says(&[text]);
        assert!(!output.shown().contains("5ecr3t"), "{}", output.shown());
    }
    let bucket = Bucket::new(0);
    let other = bucket.edeliver(&["show", "releases", "--store=s3://nowhere"]).exits(1);
    other.says(&["has no bucket 'nowhere'", "AWS_BUCKET_NAME"]);
    bucket.file(&Release::of("1.0.0"));
    bucket.edeliver(&["upload", "release", "1.0.0", "--store=s3://nowhere"]).exits(1).says(&["'nowhere'"]);
}

// A clock that is off is told in seconds.
#[test]
fn a_clock_that_is_off() {
    let bucket = Bucket::on(S3Server::with_clock_ahead(7200), 0);
    let output = bucket.edeliver(&["show", "releases"]).exits(1);
    let seconds = regex::Regex::new(r"the clock of this machine is 7\d\d\d s off").unwrap();
    assert!(seconds.is_match(&output.stderr), "{}", output.shown());
}

/// While the command runs the wire is cut whenever so many bytes have gone out, so many times.
fn cut_meanwhile(proxy: &Proxy, running: &mut Running, bytes: u64, times: usize) -> usize {
    let (mut sent, mut cuts) = (0, 0);
    proxy.sent();
    while !running.has_ended() && cuts < times {
        sent += proxy.sent();
        if sent >= bytes {
            proxy.cut();
            (sent, cuts) = (0, cuts + 1);
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    cuts
}

// A server that drops connections costs time, and nothing else.
#[test]
fn a_server_that_drops_connections() {
    let (bucket, proxy) = Bucket::new(0).through_proxy();
    let bytes = bucket.file(&Release::of("1.0.0").size_kb(60_000));
    let mut upload = bucket.spawn(&["upload", "release", "1.0.0"]);
    assert_eq!(cut_meanwhile(&proxy, &mut upload, 8_000_000, 4), 4, "{}", upload.printed());
    upload.wait().succeeds();
    assert_eq!(bucket.listed()[0]["sha256"], sha256(&bytes));
    bucket.assert_holds("1.0.0", &bytes);
}

// A server that goes away in the middle: nothing of the upload is ever listed, what was there is as it
// was, and the next upload succeeds.
#[test]
fn a_server_that_goes_away() {
    let (bucket, proxy) = Bucket::new(0).through_proxy();
    bucket.upload(&Release::of("0.9.0"));
    let bytes = bucket.file(&Release::of("1.0.0").size_kb(60_000));
    let mut upload = bucket.spawn(&["upload", "release", "1.0.0"]);
    proxy.sent();
    let mut sent = 0;
    while sent < 8_000_000 && !upload.has_ended() {
        sent += proxy.sent();
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    proxy.refuse();
    upload.wait().exits(1).says(&["cannot be reached or breaks the connection", "tried 7 times"]);
    proxy.accept();
    assert_eq!(bucket.versions(), ["0.9.0"]);
    bucket.edeliver(&["upload", "release", "1.0.0"]).succeeds();
    bucket.assert_holds("1.0.0", &bytes);
}

// Ctrl-c ends an upload: nothing is listed.
#[test]
fn ctrl_c_ends_an_upload() {
    let (bucket, proxy) = Bucket::new(0).through_proxy();
    bucket.file(&Release::of("1.0.0").size_kb(60_000));
    let mut upload = bucket.spawn(&["upload", "release", "1.0.0"]);
    let mut sent = 0;
    while sent < 8_000_000 && !upload.has_ended() {
        sent += proxy.sent();
    }
    upload.signal(rustix::process::Signal::INT);
    upload.wait().exits(130);
    assert_eq!(bucket.versions(), [""; 0]);
}

/// A tool of the hosts that writes down how it is called, and all processes that there are meanwhile.
fn watch(bucket: &Bucket, tool: &str) {
    for host in bucket.world.all() {
        let seen = host.outer().join("seen");
        host.put_tool(
            tool,
            &format!("echo \"{tool} $*\" >>{seen}\nps -eww -o args >>{seen}\nexec /usr/bin/{tool} \"$@\""),
        );
    }
}

fn seen(bucket: &Bucket, host: usize) -> String {
    std::fs::read_to_string(bucket.world.host(host).outer().join("seen")).unwrap_or_default()
}

/// No secret, and nothing of an address that is as good as one.
#[track_caller]
fn assert_hidden(place: &str, text: &str) {
    for secret in [SECRET, "X-Amz-Signature", "X-Amz-Credential"] {
        assert!(!text.contains(secret), "{secret} is in {place}:\n{text}");
    }
}

/// No file below has a secret, where nobody has written one.
fn assert_no_file(below: &camino::Utf8Path) {
    for entry in below.read_dir_utf8().unwrap() {
        let path = entry.unwrap().into_path();
        if path.is_dir() && !path.is_symlink() {
            assert_no_file(&path);
        } else if path.is_file() {
            assert_hidden(path.as_str(), &String::from_utf8_lossy(&fs::read(&path).unwrap()));
        }
    }
}

// Hosts fetch the archive from the bucket by themselves; the next deploy, of which they have most
// already, comes from us. No secret is in a list of processes, a log, the output or a file.
#[test]
fn hosts_fetch_the_archive_by_themselves() {
    let bucket = Bucket::new(2);
    let log = bucket.world.home().join("edeliver.log");
    let bucket = bucket.with("LOG_FILE", log.as_str());
    watch(&bucket, "curl");
    let releases = ["1.0.0", "2.0.0"].map(|version| Release::of(version).common_kb(2000));
    for release in &releases {
        bucket.upload(release);
    }
    let mut outputs = vec![bucket.deploy("1.0.0").succeeds().says(&["fetches the archive from the s3"])];
    bucket.world.assert_runs("1.0.0");
    for host in [1, 2] {
        let seen = seen(&bucket, host);
        assert!(seen.starts_with("curl --config - "), "{seen}");
        assert_hidden("the list of processes", &seen);
        fs::remove_file(bucket.world.host(host).outer().join("seen")).unwrap();
    }
    let next = bucket.deploy("2.0.0").succeeds();
    assert!(!next.shown().contains("fetches the archive"), "{}", next.shown());
    outputs.push(next);
    bucket.world.assert_runs("2.0.0");
    assert_eq!([seen(&bucket, 1), seen(&bucket, 2)], ["", ""]);
    for output in &outputs {
        assert_hidden("the output", &output.shown());
    }
    assert!(fs::read_to_string(&log).unwrap().contains("fetches the archive"));
    assert_no_file(bucket.world.home());
    for host in bucket.world.all() {
        assert_no_file(&host.home());
    }
}

// A host without curl takes wget; one that has neither, or that cannot reach the bucket, is sent the
// archive.
#[test]
fn hosts_that_have_other_tools_or_none() {
    let bucket = Bucket::new(3);
    bucket.upload(&Release::of("1.0.0"));
    bucket.world.host(1).lacks(&["curl"]);
    watch(&bucket, "wget");
    bucket.world.host(2).lacks(&["curl", "wget"]);
    fs::remove_file(bucket.world.host(2).tools().join("wget")).unwrap();
    bucket.world.host(3).put_tool("curl", "cat >/dev/null\necho 'curl: (7) Failed to connect' >&2\nexit 7");
    let output = bucket.deploy("1.0.0").succeeds();
    bucket.world.assert_runs("1.0.0");
    let first = seen(&bucket, 1);
    assert!(first.starts_with("wget ") && first.contains("--input-file=-"), "{first}");
    assert_hidden("the list of processes", &first);
    let output = output.says(&["host-3 cannot fetch the archive by itself", "curl: (7) Failed to connect"]);
    assert!(!output.shown().contains("host-2 fetches"), "{}", output.shown());
}

// What arrives is compared with the manifest: an archive that was cut short, or another one, is not
// taken, and the host is sent the right one.
#[test]
fn a_host_that_is_given_something_else() {
    let bucket = Bucket::new(2);
    bucket.upload(&Release::of("1.0.0"));
    bucket.world.host(1).put_tool("curl", "/usr/bin/curl \"$@\" | head -c 1000");
    let other = Release::of("1.0.0").cookie("another").archive();
    bucket.world.host(2).put_tool("curl", &format!("cat >/dev/null\ncat {other}"));
    bucket.deploy("1.0.0").succeeds().says(&[
        "host-1 cannot fetch the archive by itself",
        "host-2 cannot fetch the archive by itself",
        "the files that arrived are not the files that were sent",
    ]);
    bucket.world.assert_runs("1.0.0");
}
