//! How a command travels to a host and its output back.
//!
//! Any login shell sees one short line that bash, dash, zsh, fish and tcsh read alike. It starts a
//! POSIX sh, which reads one line from standard input, the frame (`read` takes no byte more), and in
//! there the shell of the command reads that (`dd` takes exactly that many bytes, where `head` may
//! take more). So no text of ours meets the login shell or the process list. Both end with a seal: what a
//! dying link cuts short must never run. Two lines frame each of the command's outputs: what a login
//! shell prints before the first is no output; the second carries the exit status, and says that all
//! has come, even while a daemon that the command started holds the output open.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::ops::ControlFlow;

use super::command::Gives;
use super::quote::quote;
use super::{ExitStatus, RemoteCommand, Stream};

/// The last words of a frame and of a command.
const SEAL: &str = "#whole";

/// What the login shell is told: to start a shell that waits for a frame. It has no backslash, and no single
/// quote inside, so that every login shell reads it alike. A host can be made to wait for a command before there
/// is one.
pub(super) const LINE: &str = "exec sh -c 'IFS= read -r edeliver_frame; \
    case $edeliver_frame in *\"#whole\") eval \"$edeliver_frame\";; *) exit 74;; esac'";

/// How much is kept of what a login shell prints.
const NOISE_LIMIT: usize = 4096;

/// A command, ready to be sent.
pub(super) struct Envelope {
    /// To be sent first on standard input; the command's own input follows.
    pub(super) script: Vec<u8>,
    mark: String,
}

/// What the host answered, read as it comes.
pub(super) struct Answer<'a> {
    stdout: Framed<'a>,
    stderr: Framed<'a>,
    sink: &'a mut dyn FnMut(Stream, &[u8]),
}

/// One of the command's two outputs, in its frame.
struct Framed<'a> {
    mark: &'a str,
    state: State,
    /// The beginning of what may be a frame line, or not.
    held: Vec<u8>,
    noise: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    NotStarted,
    Running { leader: i32 },
    Ended(ExitStatus),
}

/// Where in a text a frame line is.
enum Found {
    Nowhere,
    /// It may begin here; the text ends too early to tell.
    Perhaps(usize),
    Line {
        start: usize,
        end: usize,
        number: i32,
    },
}

impl Envelope {
    /// Wraps up a command.
    pub(super) fn new(command: &RemoteCommand) -> Self {
        let nonce = RandomState::new().build_hasher().finish();
        let mark = format!("edeliver {nonce:016x} ");
        let body = format!("{}{SEAL}", command.to_script());
        let say = format!("edeliver_say() {{ echo \"{mark}$1\"; echo \"{mark}$1\" >&2; }}");
        let run_body = read_and_run(body.len());
        let in_sh = format!("sh -c {}", quote(&run_body));
        let run = match command.profile_to_read() {
            None => in_sh,
            Some(profile) => {
                let behind = match profile.gives {
                    Gives::All => run_body,
                    Gives::Environment => format!("exec {in_sh}"),
                };
                let in_bash = format!("{}; {behind}", profile.to_script());
                format!("\"$(command -v bash || command -v sh)\" -c {}", quote(&in_bash))
            }
        };
        let frame = format!("{say}; edeliver_say \"started $$\"; {run}; edeliver_say \"ended $?\" {SEAL}");
        Self { script: format!("{frame}\n{body}").into_bytes(), mark }
    }

    /// The reader of the answer; the command's own output goes to `sink`.
    pub(super) fn answer<'a>(&'a self, sink: &'a mut dyn FnMut(Stream, &[u8])) -> Answer<'a> {
        Answer { stdout: Framed::new(&self.mark), stderr: Framed::new(&self.mark), sink }
    }
}

/// Shell text that reads a command of `length` bytes from standard input and evaluates it when it is whole.
fn read_and_run(length: usize) -> String {
    // A dd that does not know fullblock says so before it reads anything.
    format!(
        "set -- \"$(dd bs={length} count=1 iflag=fullblock 2>/dev/null || dd bs=1 count={length} 2>/dev/null)\"; \
         case $1 in *\"{SEAL}\") eval \"shift; $1\";; *) exit 74;; esac"
    )
}

impl Answer<'_> {
    /// Takes a piece of output; breaks when the command has ended and all of its output has come.
    pub(super) fn take(&mut self, stream: Stream, bytes: &[u8]) -> ControlFlow<()> {
        let framed = match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        };
        framed.take(bytes, &mut |text| (self.sink)(stream, text));
        match (&self.stdout.state, &self.stderr.state) {
            (State::Ended(_), State::Ended(_)) => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }

    /// The outputs are at their end. Returns how the command ended, if the host said so.
    pub(super) fn finish(&mut self) -> Option<ExitStatus> {
        self.stdout.finish(&mut |text| (self.sink)(Stream::Stdout, text));
        self.stderr.finish(&mut |text| (self.sink)(Stream::Stderr, text));
        [&self.stdout, &self.stderr].into_iter().find_map(|framed| match &framed.state {
            State::Ended(status) => Some(status.clone()),
            _ => None,
        })
    }

    /// The process that leads the command's process group, while the command runs.
    pub(super) fn leader(&self) -> Option<i32> {
        match (&self.stdout.state, &self.stderr.state) {
            (State::Running { leader }, _) | (_, State::Running { leader }) => Some(*leader),
            _ => None,
        }
    }

    /// What came instead, when the command has not been started.
    pub(super) fn noise(&self) -> Option<String> {
        let started = [&self.stdout, &self.stderr].iter().any(|framed| framed.state != State::NotStarted);
        (!started).then(|| {
            let noise = [self.stdout.noise.as_slice(), &self.stderr.noise].concat();
            String::from_utf8_lossy(&noise).trim().to_owned()
        })
    }
}

impl<'a> Framed<'a> {
    fn new(mark: &'a str) -> Self {
        Self { mark, state: State::NotStarted, held: Vec::new(), noise: Vec::new() }
    }

    fn take(&mut self, bytes: &[u8], sink: &mut dyn FnMut(&[u8])) {
        if self.held.is_empty() {
            self.read(bytes, sink);
        } else {
            let mut text = std::mem::take(&mut self.held);
            text.extend_from_slice(bytes);
            self.read(&text, sink);
        }
    }

    fn read(&mut self, text: &[u8], sink: &mut dyn FnMut(&[u8])) {
        let word = match self.state {
            State::NotStarted => "started ",
            State::Running { .. } => "ended ",
            State::Ended(_) => return,
        };
        match find_line(text, &format!("{}{word}", self.mark)) {
            Found::Nowhere => self.emit(text, sink),
            Found::Perhaps(start) => {
                self.emit(&text[..start], sink);
                self.held = text[start..].to_vec();
            }
            Found::Line { start, end, number } => {
                self.emit(&text[..start], sink);
                self.state = match self.state {
                    State::NotStarted => State::Running { leader: number },
                    _ => State::Ended(ExitStatus::from_shell(number)),
                };
                self.read(&text[end..], sink);
            }
        }
    }

    fn finish(&mut self, sink: &mut dyn FnMut(&[u8])) {
        let held = std::mem::take(&mut self.held);
        self.emit(&held, sink);
    }

    fn emit(&mut self, text: &[u8], sink: &mut dyn FnMut(&[u8])) {
        match self.state {
            _ if text.is_empty() => {}
            State::NotStarted => {
                let room = NOISE_LIMIT.saturating_sub(self.noise.len());
                self.noise.extend_from_slice(&text[..text.len().min(room)]);
            }
            _ => sink(text),
        }
    }
}

/// Finds `prefix`, a number and a newline in `text`.
fn find_line(text: &[u8], prefix: &str) -> Found {
    let prefix = prefix.as_bytes();
    let mut from = 0;
    while let Some(offset) = text[from..].iter().position(|byte| *byte == prefix[0]) {
        let start = from + offset;
        let rest = &text[start..];
        if rest.len() < prefix.len() && prefix.starts_with(rest) {
            return Found::Perhaps(start);
        }
        if let Some(number) = rest.strip_prefix(prefix) {
            let digits = number.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits == number.len() {
                return Found::Perhaps(start);
            }
            let parsed = std::str::from_utf8(&number[..digits]).ok().and_then(|text| text.parse().ok());
            if let (b'\n', Some(value)) = (number[digits], parsed) {
                return Found::Line { start, end: start + prefix.len() + digits + 1, number: value };
            }
        }
        from = start + 1;
    }
    Found::Nowhere
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MARK: &str = "edeliver 00000000000000aa ";

    /// What an answer in these pieces is read as: output, end, noise.
    fn read(pieces: &[&[u8]]) -> (Vec<u8>, Option<ExitStatus>, Option<String>) {
        let mut out = Vec::new();
        let envelope = Envelope { script: Vec::new(), mark: MARK.to_owned() };
        let mut sink = |_: Stream, bytes: &[u8]| out.extend_from_slice(bytes);
        let mut answer = envelope.answer(&mut sink);
        for piece in pieces {
            assert!(answer.take(Stream::Stdout, piece).is_continue(), "stderr has not ended");
        }
        let (status, noise) = (answer.finish(), answer.noise());
        (out, status, noise)
    }

    #[test]
    fn breaks_when_both_outputs_have_ended() {
        let envelope = Envelope { script: Vec::new(), mark: MARK.to_owned() };
        let mut sink = |_: Stream, _: &[u8]| {};
        let mut answer = envelope.answer(&mut sink);
        let started = format!("{MARK}started 7\n");
        let ended = format!("{MARK}ended 0\n");
        assert_eq!(answer.leader(), None);
        for text in [&started, &ended] {
            assert!(answer.take(Stream::Stderr, text.as_bytes()).is_continue());
        }
        assert!(answer.take(Stream::Stdout, started.as_bytes()).is_continue());
        assert_eq!(answer.leader(), Some(7));
        assert!(answer.take(Stream::Stdout, ended.as_bytes()).is_break());
    }

    #[test]
    fn the_line_has_nothing_that_login_shells_read_differently() {
        assert_eq!(LINE.matches('\'').count(), 2, "{LINE}");
        assert!(!LINE.contains(['\\', '!', '`', '\n']), "{LINE}");
        assert!(LINE.contains(SEAL), "{LINE}");
    }

    #[test]
    fn a_frame_is_one_line() -> Result<(), Box<dyn std::error::Error>> {
        let profile = "~/.profile".parse()?;
        for command in [
            RemoteCommand::new("true"),
            RemoteCommand::script("x\n".repeat(1000)).profile(&profile),
            RemoteCommand::script("x").profile_environment(&profile),
        ] {
            let script = Envelope::new(&command).script;
            let script = String::from_utf8_lossy(&script);
            let frame = script.strip_suffix(&(command.to_script() + SEAL));
            let is_whole = |frame: &str| frame.ends_with(&format!("{SEAL}\n")) && frame.lines().count() == 1;
            assert!(frame.is_some_and(is_whole), "{script}");
        }
        Ok(())
    }

    #[test]
    fn what_the_login_shell_prints_is_no_output() {
        let text = format!("welcome> {MARK}started 7\nhello\n{MARK}ended 3\nlate");
        assert_eq!(read(&[text.as_bytes()]), (b"hello\n".to_vec(), Some(ExitStatus::Code(3)), None));
    }

    #[test]
    fn an_answer_without_its_frame_is_none() {
        assert_eq!(
            read(&[b"This account is ", b"not available.\n"]),
            (vec![], None, Some("This account is not available.".to_owned()))
        );
        let cut = format!("{MARK}started 7\nhello {MARK}ended 1");
        let expected = format!("hello {MARK}ended 1").into_bytes();
        assert_eq!(read(&[cut.as_bytes()]), (expected, None, None));
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(
            body in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b'e'), Just(b'd')], 0..80),
            cuts in proptest::collection::vec(0usize..200, 0..6),
        ) {
            let mut text = format!("noise {MARK}started 12\n").into_bytes();
            text.extend_from_slice(&body);
            text.extend_from_slice(format!("{MARK}ended 0\n").as_bytes());
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.sort_unstable();
            let mut pieces = Vec::new();
            let mut from = 0;
            for cut in cuts.into_iter().chain([text.len()]) {
                pieces.push(&text[from..cut]);
                from = cut;
            }
            prop_assert_eq!(read(&pieces), (body, Some(ExitStatus::Code(0)), None));
        }
    }
}
