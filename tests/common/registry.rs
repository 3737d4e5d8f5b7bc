//! A real registry (the `docker-registry` of Debian, which is CNCF's Distribution), and a gate before it
//! that wants tokens, as Docker Hub does, or breaks connections.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use camino::Utf8PathBuf;
use fs_err as fs;

use super::sshd::free_port;

/// The password of the user `me`, as `htpasswd -B` writes it: `secret`.
const HTPASSWD: &str = "me:$2b$05$MHnJMx.lqLgVZNBD/tJIIO2zvKDlpEX5JPIxavbqMEYXE4aid7ONu\n";

/// A registry on a port of this machine.
pub struct Registry {
    child: Child,
    port: u16,
    root: Utf8PathBuf,
    _dir: tempfile::TempDir,
}

impl Registry {
    /// One that is open to everybody.
    pub fn open() -> Self {
        Self::start("")
    }

    /// One that wants the user `me` with the password `secret`.
    pub fn with_password() -> Self {
        Self::start("auth:\n  htpasswd:\n    realm: test\n    path: DIR/htpasswd\n")
    }

    fn start(more: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap();
        let port = free_port();
        let config = format!(
            "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: DIR/data\n\
             http:\n  addr: 127.0.0.1:{port}\n{more}"
        );
        fs::write(root.join("config.yml"), config.replace("DIR", root.as_str())).unwrap();
        fs::write(root.join("htpasswd"), HTPASSWD).unwrap();
        let log = std::fs::File::create(root.join("log")).unwrap();
        let child = Command::new("docker-registry")
            .args(["serve", root.join("config.yml").as_str()])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("docker-registry starts: scripts/test installs it");
        let registry = Self { child, port, root, _dir: dir };
        let begin = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let log = || fs::read_to_string(registry.root.join("log")).unwrap();
            assert!(begin.elapsed() < Duration::from_secs(60), "the registry does not start: {}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
        registry
    }

    /// `127.0.0.1:PORT`
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Puts an image there that has nothing in it, under this tag: `account/image`, `tag`.
    pub fn tag(&self, repository: &str, tag: &str) {
        const DIGEST: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
        let at = |path: &str| format!("http://{}/v2/{repository}/{path}", self.host());
        let upload = ureq::post(at("blobs/uploads/")).send_empty().unwrap();
        let place = upload.headers()["location"].to_str().unwrap();
        ureq::put(format!("{place}&digest={DIGEST}")).send("{}").unwrap();
        let blob = |kind: &str| format!("{{\"mediaType\":\"{kind}\",\"digest\":\"{DIGEST}\",\"size\":2}}");
        let (config, layer) = (
            blob("application/vnd.oci.image.config.v1+json"),
            blob("application/vnd.oci.image.layer.v1.tar+gzip"),
        );
        let kind = "application/vnd.oci.image.manifest.v1+json";
        let manifest = format!(
            "{{\"schemaVersion\":2,\"mediaType\":\"{kind}\",\"config\":{config},\"layers\":[{layer}]}}"
        );
        ureq::put(at(&format!("manifests/{tag}"))).header("content-type", kind).send(manifest).unwrap();
    }

    /// Where it keeps what it has.
    pub fn data(&self) -> Utf8PathBuf {
        self.root.join("data/docker/registry/v2")
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // It keeps nothing that has to be put away.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Stands before a registry.
pub struct Gate {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    port: u16,
    upstream: u16,
    /// What a user shows to get a token; without it no token is wanted.
    basic: Option<String>,
    /// How many answers or uploads are still to be cut, and after how many bytes.
    cuts: AtomicUsize,
    heads: Mutex<Vec<String>>,
}

/// What the gate takes.
const TOKEN: &str = "a-token-of-the-gate";

impl Gate {
    /// Wants a token, which the user with these credentials (`Basic ...`) gets.
    pub fn with_tokens(upstream: u16, basic: &str) -> Self {
        Self::start(upstream, Some(basic.to_owned()), 0)
    }

    /// Breaks so many connections after some of their bytes.
    pub fn breaking(upstream: u16, cuts: usize) -> Self {
        Self::start(upstream, None, cuts)
    }

    fn start(upstream: u16, basic: Option<String>, cuts: usize) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State { port, upstream, basic, cuts: cuts.into(), heads: Mutex::default() });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                // A connection that breaks is what is wanted of some.
                std::thread::spawn(move || state.serve(near).ok());
            }
        });
        Self { port, state }
    }

    /// `127.0.0.1:PORT`
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The heads of all requests so far.
    pub fn heads(&self) -> Vec<String> {
        self.state.heads.lock().unwrap().clone()
    }

    /// How many connections are still to be broken.
    pub fn cuts_left(&self) -> usize {
        self.state.cuts.load(Ordering::SeqCst)
    }
}

impl State {
    /// One request a connection.
    fn serve(&self, mut near: TcpStream) -> std::io::Result<()> {
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            if near.read(&mut byte)? == 0 {
                return Ok(());
            }
            head.push(byte[0]);
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        self.heads.lock().unwrap().push(head.clone());
        let shown =
            |text: &str| head.to_lowercase().contains(&format!("authorization: {text}\r\n").to_lowercase());
        if let Some(basic) = &self.basic {
            if head.starts_with("GET /token?") {
                return match shown(basic) {
                    true => answer(&mut near, "200 OK", "", &format!("{{\"token\":\"{TOKEN}\"}}")),
                    false => answer(&mut near, "401 Unauthorized", "", "{}"),
                };
            }
            if !shown(&format!("Bearer {TOKEN}")) {
                let challenge = format!(
                    "WWW-Authenticate: Bearer realm=\"http://127.0.0.1:{}/token\",service=\"gate\",scope=\"repository:x:pull,push\"\r\n",
                    self.port
                );
                return answer(&mut near, "401 Unauthorized", &challenge, "{}");
            }
        }
        let mut far = TcpStream::connect(("127.0.0.1", self.upstream))?;
        let lines = head.trim_end().split("\r\n");
        let kept = lines.filter(|line| {
            let line = line.to_lowercase();
            !line.starts_with("connection:") && !line.starts_with("authorization:")
        });
        let head: String = kept.map(|line| format!("{line}\r\n")).collect();
        write!(far, "{head}Connection: close\r\n\r\n")?;
        let upload = head.starts_with("PUT ") && head.contains("octet-stream");
        let blob = head.starts_with("GET ") && head.contains("/blobs/");
        let cut = (upload || blob)
            && self.cuts.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        let limit = |bytes: bool| if bytes { 1000 } else { u64::MAX };
        let (up_near, up_far) = (near.try_clone()?, far.try_clone()?);
        let up = std::thread::spawn(move || {
            let _ = std::io::copy(&mut up_near.take(limit(cut && upload)), &mut &up_far);
            if cut && upload {
                let _ = up_far.shutdown(Shutdown::Both);
            }
        });
        let _ = std::io::copy(&mut (&far).take(limit(cut)), &mut near);
        near.shutdown(Shutdown::Both)?;
        far.shutdown(Shutdown::Both)?;
        let _ = up.join();
        Ok(())
    }
}

fn answer(near: &mut TcpStream, status: &str, headers: &str, body: &str) -> std::io::Result<()> {
    let length = body.len();
    write!(near, "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}")
}
