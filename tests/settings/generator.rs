//! Generated configs: every kind of quoting, expansions within each other, comments, functions; and
//! beyond the static subset conditions, loops, calls and command substitution.

/// Makes configs, the same ones for the same seed (xorshift).
pub struct Generator(u64);

const NAMES: &[&str] = &[
    "APP",
    "A",
    "B",
    "_c",
    "MODE",
    "RELEASE_FILE",
    "DELIVER_TO",
    "GREETING",
    "UNSET",
    "VERBOSE",
    "HOME",
    "X1",
];

/// Characters that lie close to some rule of the grammar.
const BARE: &[&str] = &[
    "~", "~/x", ":~", ":~/y", "=~", "#", "a#b", "{", "}", "{a,b}", "*", "?", "[x]", "!", "%", "^", "$", "é",
    "\\\n", "\\ ", "\\$", "\\\\", "\\n", "\\\"", "\\'", "\\~", "\r",
];
const IN_DOUBLE_QUOTES: &[&str] =
    &["$", "$ ", "\\$", "\\\"", "\\\\", "\\`", "\\n", "\\\n", "\\}", "'", "#", "~", "it's", "{", "}", "\\'"];
const IN_QUOTED_OPERANDS: &[&str] = &["\\}", "\\$", "\\a", "'", "it's", "\"a b\"", "\"~\"", "{", "$", "\\\n"];
const PATTERNS: &[&str] =
    &["*", "*", "*", "?", "'*'", "\"?\"", "\\*", "$A", "\"$A\"", "é", "~", "~/", " ", "a", "/", ".", "_s"];
const ANSI_C: &[&str] =
    &["a b", ";#\"", "\\n", "\\t", "\\\\", "\\'", "\\x41", "\\101", "\\e", "\\q", "\\?", "z"];
const OPERATORS: &[&str] = &["-", ":-", "=", ":=", "+", ":+", "?", ":?", "-", ":-", ":="];
const BODIES: &[&str] = &[
    "echo \"it's\"",
    "__sync_remote \"\n  [ -f $PROFILE ] && source $PROFILE\n  set -e\n\"",
    "[[ $A =~ ^a(b|c)$ ]]",
    "if true; then :; fi",
    "case $A in (a) :;; b|c) :;; esac",
    "cat <<EOT\n$(x) ' \" }\nEOT",
    "local a=$(date) # '",
    "status 'a'",
    "A=changed",
    "for i in 1 2; do echo \"${A%'x'}\"; done",
    "echo ${A/a/b} \\' \"\\\"\"",
    "echo x >/dev/null 2>&1 <&-",
];
const CONDITIONS: &[&str] =
    &["true", "false", "! true", ": \"$A\"", "no_such_command", "[ -z \"$B\" ]", "[[ -n $A ]]"];

/// How deep blocks lie within each other.
const DEPTH: usize = 2;

impl Generator {
    pub fn new(seed: u64) -> Self {
        // Seeds that lie side by side are to have nothing in common; zero would stay zero.
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % limit
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    fn name(&mut self) -> &'static str {
        self.pick(NAMES)
    }

    /// Up to `most` of what `one` makes.
    fn some(&mut self, most: usize, one: impl Fn(&mut Self) -> String) -> String {
        (0..self.below(most + 1)).map(|_| one(self)).collect()
    }

    fn letters(&mut self, alphabet: &str, most: usize) -> String {
        let alphabet: Vec<char> = alphabet.chars().collect();
        self.some(most, |this| alphabet[this.below(alphabet.len())].to_string())
    }

    /// Any text without these characters.
    fn text(&mut self, without: &str, most: usize) -> String {
        let text = self.letters("abz09 /._@:=,+-#'\"`$\\{}()[]<>|&;!?*~%^\t\nöß☃", most);
        text.replace(|c| without.contains(c), "")
    }

    fn piece(&mut self, depth: usize) -> String {
        let name = self.name();
        match self.below(if depth == 0 { 14 } else { 24 }) {
            0..=3 => self.letters("abz09/._@:=,+-", 6),
            4 => self.pick(BARE).to_owned(),
            5..=6 => format!("'{}'", self.text("'", 8)),
            7 => format!("$'{}'", self.some(4, |this| this.pick(ANSI_C).to_owned())),
            8..=10 => format!("${name}"),
            11..=12 => format!("${{{name}}}"),
            13 => format!("${{#{name}}}"),
            14..=18 => self.double_quoted(depth - 1),
            _ => self.expansion(depth - 1, false),
        }
    }

    fn double_quoted(&mut self, depth: usize) -> String {
        let inside = self.some(3, |this| match this.below(17) {
            0..=5 => this.text("\"`$\\", 8),
            6..=8 => this.pick(IN_DOUBLE_QUOTES).to_owned(),
            9..=11 => format!("${{{}}}", this.name()),
            12..=13 => format!("${}", this.name()),
            _ => this.expansion(depth.saturating_sub(1), true),
        });
        format!("\"{inside}\"")
    }

    /// `${X<op>y}` in all its forms.
    fn expansion(&mut self, depth: usize, quoted: bool) -> String {
        let name = self.name();
        if self.below(4) == 0 {
            let operator = self.pick(&["#", "##", "%", "%%"]);
            return format!("${{{name}{operator}{}}}", self.some(3, |this| this.pick(PATTERNS).to_owned()));
        }
        let operator = self.pick(OPERATORS);
        let operand = self.some(2, |this| match (quoted, this.below(8)) {
            (true, 0..=3) => this.text("\"`$\\}'", 6),
            (true, 4) => this.pick(IN_QUOTED_OPERANDS).to_owned(),
            (true, 5..=6) => format!("${}", this.name()),
            (true, _) => format!("\"${}\"", this.name()),
            (false, 0) => " ".to_owned(),
            (false, 1) => "a b;c|d".to_owned(),
            (false, _) => this.piece(depth),
        });
        format!("${{{name}{operator}{operand}}}")
    }

    fn word(&mut self) -> String {
        self.some(3, |this| this.piece(3))
    }

    fn assignment(&mut self) -> String {
        let (name, operator) = (self.name(), self.pick(&["=", "=", "=", "+="]));
        format!("{name}{operator}{}", self.word())
    }

    fn comment(&mut self) -> String {
        if self.below(3) == 0 { format!(" # {}", self.text("\n", 12)) } else { String::new() }
    }

    /// A statement of the static subset, most often.
    fn statement(&mut self) -> String {
        match self.below(17) {
            0..=7 => self.assignment() + &self.comment(),
            8..=9 => format!("{}; {}", self.assignment(), self.assignment()),
            10 => format!("{} {}", self.assignment(), self.assignment()),
            11 => format!("  export {}", self.assignment()),
            12 => format!("export {}", self.name()),
            13 => format!(": \"${{{}:=a}}\" {}", self.name(), self.word()),
            14 => self.comment(),
            15 => format!("pre_{}() {{\n  {}\n}}", self.name(), self.pick(BODIES)),
            _ => format!("function post_{} {{\n  {}\n}}", self.name(), self.pick(BODIES)),
        }
    }

    /// Evaluated by builtins only: no program is found.
    fn substitution(&mut self) -> String {
        let inside = match self.below(9) {
            0..=2 => format!("echo {}", self.word()),
            3..=4 => format!("printf '<%s>' {}", self.word()),
            5 => format!("echo \"${{{0}}}\"; {0}=inside", self.name()),
            6 => "false".to_owned(),
            7 => "echo a; echo 'b)'; exit 3".to_owned(),
            _ => format!("case x in (x) echo {} ;; esac", self.word()),
        };
        match self.below(4) {
            0 => format!("$({inside})"),
            1 => format!("\"$({inside})\""),
            2 => format!("x$( {inside} )y"),
            _ => format!("`{}`", inside.replace(['\\', '`'], "")),
        }
    }

    fn word_beyond(&mut self) -> String {
        let name = self.name();
        match self.below(12) {
            0..=2 => self.word(),
            3..=5 => self.substitution(),
            6 => self.word() + &self.substitution(),
            7 => format!("${{{name}:{}:{}}}", self.below(4), self.below(4)),
            8 => {
                let operator = self.pick(&["/", "//", "/#", "/%"]);
                format!("\"${{{name}{operator}{}/<>}}\"", self.letters("abs.*?e", 2))
            }
            9 => format!("${{{name}{}}}", self.pick(&["^", "^^", ",", ",,"])),
            10 => {
                let operator = self.pick(&["+", "-", "*", "<", "==", "&&", "?1:2 +"]);
                format!("$(( ${{#{name}}} {operator} {} ))", self.below(9))
            }
            _ => format!("${{UNSET:-$(echo \"${name}\")}}"),
        }
    }

    fn assignment_beyond(&mut self) -> String {
        format!("{}{}{}", self.name(), self.pick(&["=", "=", "+="]), self.word_beyond())
    }

    fn condition(&mut self) -> String {
        let name = self.name();
        match self.below(8) {
            0..=1 => format!("[ \"${name}\" = \"${}\" ]", self.name()),
            2..=3 => format!("[[ ${name} == {} ]]", self.letters("abpr*?c", 3) + "*"),
            4 => format!("[[ ${name} =~ ^({}|x) ]]", self.letters("abpr.", 3)),
            5 => format!("(( ${{#{name}}} > {} ))", self.below(9)),
            _ => self.pick(CONDITIONS).to_owned(),
        }
    }

    fn block(&mut self, depth: usize) -> String {
        (0..=self.below(2)).map(|_| format!("  {}\n", self.statement_beyond(depth))).collect()
    }

    /// A statement for which bash is needed, most often.
    fn statement_beyond(&mut self, depth: usize) -> String {
        let name = self.name();
        match self.below(if depth == 0 { 12 } else { 22 }) {
            0..=4 => self.assignment_beyond(),
            5 => format!("export {} B", self.assignment_beyond()),
            6 => format!("unset {name}"),
            // Nothing is called inside of what is called: it has to end.
            7 if depth == DEPTH => format!("pre_{name} {}", self.word()),
            8 => {
                let (yes, no) = (self.assignment_beyond(), self.assignment_beyond());
                format!("{} && {yes} || {no}", self.condition())
            }
            9 => format!("read -r {name} A <<EOT\n{}\nEOT", self.word()),
            10 => format!("printf -v {name} '%s|' {} b", self.word()),
            7 | 11 => format!("{name}=$?"),
            12..=13 => {
                let (yes, no) = (self.block(depth - 1), self.block(depth - 1));
                format!("if {}; then\n{yes}else\n{no}fi", self.condition())
            }
            14..=15 => {
                let (yes, no) = (self.block(depth - 1), self.block(depth - 1));
                format!("case ${name} in\n  {}*)\n{yes};;\n  *)\n{no};;\nesac", self.letters("abcp?", 2))
            }
            16 => format!("for {name} in a {}; do\n{}done", self.word_beyond(), self.block(depth - 1)),
            17 => {
                let body = self.block(depth - 1);
                format!("N{depth}=\nwhile [ ${{#N{depth}}} -lt 3 ]; do N{depth}=x$N{depth}\n{body}done")
            }
            18 => format!("{{\n{}}}", self.block(depth - 1)),
            19 => format!("(\n{})", self.block(depth - 1)),
            _ => {
                let (local, body) = (self.name(), self.block(depth - 1));
                format!("pre_{name}() {{\n  local {local}=$1\n{body}}}\npre_{name} \"$B\"")
            }
        }
    }

    /// The statements of a config that is static most often, or of one that most often is not.
    pub fn statements(&mut self) -> Vec<String> {
        let beyond = self.below(8) == 0;
        let count = 1 + self.below(if beyond { 4 } else { 7 });
        let statement = |this: &mut Self| {
            if beyond && this.below(3) > 0 { this.statement_beyond(DEPTH) } else { this.statement() }
        };
        (0..count).map(|_| statement(self)).collect()
    }
}

/// The text of a config with these statements.
pub fn config(statements: &[String]) -> String {
    let text = statements.join("\n").replace('\u{feff}', "");
    // Lone carriage returns stay; before a line end ours are left out, bash's are not.
    text.split('\n').map(|line| line.trim_end_matches('\r')).collect::<Vec<_>>().join("\n")
}
