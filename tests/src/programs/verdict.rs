//! Compares what a program printed with what it should have printed.

use std::fmt;

use isthmus_child_process::{End, Outcome};

/// How a program fared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Pass,
    /// The first line that differs, counted from 1. `None`: the text ends there.
    Differs {
        line: usize,
        expected: Option<String>,
        found: Option<String>,
        note: String,
    },
    /// The VM itself failed: exit code 70 and `internal error`.
    InternalError(String),
    Signal {
        number: i32,
        note: String,
    },
    TimeOut {
        lines: usize,
    },
    DoesNotStart(String),
    DoesNotCompile(String),
    NotRecorded,
}

impl Verdict {
    pub fn passed(&self) -> bool {
        *self == Verdict::Pass
    }

    /// One word for tables.
    pub fn word(&self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Differs { .. } => "differs",
            Verdict::InternalError(_) => "internal",
            Verdict::Signal { .. } => "signal",
            Verdict::TimeOut { .. } => "time-out",
            Verdict::DoesNotStart(_) => "no-start",
            Verdict::DoesNotCompile(_) => "no-build",
            Verdict::NotRecorded => "no-golden",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noted = |out: &mut fmt::Formatter<'_>, note: &str| match note {
            "" => Ok(()),
            note => write!(out, " | {note}"),
        };
        match self {
            Verdict::Pass => write!(out, "pass"),
            Verdict::Differs {
                line,
                expected,
                found,
                note,
            } => {
                let show = |text: &Option<String>| match text {
                    Some(text) => format!("`{text}`"),
                    None => "the end".to_owned(),
                };
                write!(
                    out,
                    "line {line}: expected {}, found {}",
                    show(expected),
                    show(found)
                )?;
                noted(out, note)
            }
            Verdict::InternalError(note) => write!(out, "internal error: {note}"),
            Verdict::Signal { number, note } => {
                write!(out, "ended by signal {number}")?;
                noted(out, note)
            }
            Verdict::TimeOut { lines } => write!(out, "timed out after {lines} lines"),
            Verdict::DoesNotStart(error) => write!(out, "does not start: {error}"),
            Verdict::DoesNotCompile(error) => write!(out, "does not compile: {error}"),
            Verdict::NotRecorded => write!(out, "has no expected output; `./x bless` records it"),
        }
    }
}

/// The form in which expected output is kept: standard output, then `[exit code N]`.
pub fn transcript(outcome: &Outcome) -> Vec<u8> {
    let mut text = outcome.stdout.clone();
    if let End::Exit(code) = outcome.end {
        text.extend_from_slice(format!("[exit code {code}]\n").as_bytes());
    }
    text
}

/// The verdict on a run. A failure of the VM counts as such even where the output is right.
pub fn judge(expected: &[u8], outcome: &Outcome) -> Verdict {
    let stderr = String::from_utf8_lossy(&outcome.stderr);
    match outcome.end {
        End::TimeOut => {
            return Verdict::TimeOut {
                lines: outcome.stdout.split(|&byte| byte == b'\n').count() - 1,
            };
        }
        End::Signal(number) => {
            return Verdict::Signal {
                number,
                note: first_telling_line(&stderr),
            };
        }
        End::Exit(70) if stderr.contains("internal error") => {
            let line = stderr
                .lines()
                .find(|line| line.contains("internal error"))
                .unwrap_or_default();
            return Verdict::InternalError(line.trim().to_owned());
        }
        End::Exit(_) => {}
    }
    let found = transcript(outcome);
    if found == expected {
        return Verdict::Pass;
    }
    let mut expected_lines = expected.split_inclusive(|&byte| byte == b'\n');
    let mut found_lines = found.split_inclusive(|&byte| byte == b'\n');
    let mut line = 1;
    loop {
        let (expected, found) = (expected_lines.next(), found_lines.next());
        // Lines differ somewhere, since the whole texts do.
        if expected != found || expected.is_none() {
            let text = |bytes: Option<&[u8]>| {
                bytes.map(|bytes| String::from_utf8_lossy(bytes).trim_end().to_owned())
            };
            return Verdict::Differs {
                line,
                expected: text(expected),
                found: text(found),
                note: first_telling_line(&stderr),
            };
        }
        line += 1;
    }
}

/// The first line of standard error that is no blank and no stack frame says most.
fn first_telling_line(stderr: &str) -> String {
    let telling = stderr
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with("at "));
    telling.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn outcome(end: End, stdout: &str, stderr: &str) -> Outcome {
        Outcome {
            end,
            stdout: stdout.into(),
            stderr: stderr.into(),
            time: Duration::ZERO,
        }
    }

    #[test]
    fn equal_bytes_and_exit_code_pass() {
        assert_eq!(
            judge(
                b"a\n[exit code 3]\n",
                &outcome(End::Exit(3), "a\n", "noise")
            ),
            Verdict::Pass
        );
    }

    #[test]
    fn the_first_differing_line_is_named() {
        let verdict = judge(
            b"a\nb\n[exit code 0]\n",
            &outcome(End::Exit(0), "a\nc\n", "\nBad: x\n  at F\n"),
        );
        let (expected, found) = (Some("b".to_owned()), Some("c".to_owned()));
        assert_eq!(
            verdict,
            Verdict::Differs {
                line: 2,
                expected,
                found,
                note: "Bad: x".to_owned()
            }
        );
    }

    #[test]
    fn a_missing_line_end_differs() {
        assert!(!judge(b"a\n[exit code 0]\n", &outcome(End::Exit(0), "a", "")).passed());
    }

    #[test]
    fn the_exit_code_counts() {
        let verdict = judge(b"a\n[exit code 0]\n", &outcome(End::Exit(1), "a\n", ""));
        assert!(
            matches!(verdict, Verdict::Differs { line: 2, .. }),
            "{verdict}"
        );
    }

    #[test]
    fn failures_of_the_machine_are_told_apart() {
        let run = |end, stderr| judge(b"[exit code 70]\n", &outcome(end, "", stderr));
        assert_eq!(run(End::Exit(70), ""), Verdict::Pass);
        assert!(matches!(
            run(End::Exit(70), "isthmus: internal error: x"),
            Verdict::InternalError(_)
        ));
        assert!(matches!(
            run(End::Signal(11), ""),
            Verdict::Signal { number: 11, .. }
        ));
        assert!(matches!(
            run(End::TimeOut, ""),
            Verdict::TimeOut { lines: 0 }
        ));
    }
}
