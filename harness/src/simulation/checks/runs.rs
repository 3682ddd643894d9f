//! Runs `rehearsal check` as a process of its own, so that the page judges exactly as the command
//! does, and a run can be stopped in an orderly way.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ambient::arguments::quote_for_shell;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{Mutex, OnceCell, mpsc, watch};

use super::child;
use super::folder::Folder;
use super::kinds::{Kind, Played};

/// Number of lines of the progress that the page shows.
const SHOWN_LINES: usize = 20;

/// How long a stopped check may delete what it created, if the simulation ends.
const CLEAN_UP: Duration = Duration::from_secs(20);

/// How long a check that is ended at once may take to name what it leaves behind.
const FAREWELL: Duration = Duration::from_secs(2);

/// The checks that the page runs.
#[derive(Debug)]
pub struct Checks {
    /// The `rehearsal` command.
    program: PathBuf,
    /// The folder that an option names.
    chosen: Option<PathBuf>,
    folder: OnceCell<Folder>,
    runs: Mutex<Vec<Arc<Run>>>,
    /// Held while the metadata of a played party is written.
    preparation: Mutex<()>,
}

/// A check that runs, or that has ended.
#[derive(Debug)]
pub(super) struct Run {
    /// Its number, from 1.
    pub(super) number: usize,
    pub(super) kind: &'static Kind,
    /// What is checked: the first URL of the form.
    pub(super) target: String,
    /// The command, as a shell accepts it.
    pub(super) command: String,
    /// Names of the environment variables with its secrets.
    pub(super) variables: Vec<&'static str>,
    /// What was entered into the form, without its secrets.
    pub(super) fields: HashMap<String, String>,
    pub(super) started: Instant,
    pub(super) state: watch::Receiver<State>,
    /// Where the files of the run are.
    pub(super) folder: PathBuf,
    stop: mpsc::UnboundedSender<()>,
}

/// How far a run is.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    /// Number of lines printed so far.
    pub(super) lines: usize,
    /// The last lines of standard error.
    pub(super) last: VecDeque<String>,
    /// True after it was asked to stop.
    pub(super) is_stopping: bool,
    pub(super) end: Option<End>,
}

/// The end of a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    /// The exit status; none if the process was killed.
    pub(super) code: Option<i32>,
    pub(super) after: Duration,
}

/// A check to run.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) kind: &'static Kind,
    pub(super) target: String,
    /// The options and values, without those of the reports.
    pub(super) arguments: Vec<Argument>,
    /// Environment variables with secrets.
    pub(super) secrets: Vec<(&'static str, String)>,
    /// What was entered, without the secrets.
    pub(super) fields: HashMap<String, String>,
}

/// An argument of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Argument {
    /// A word.
    Word(String),
    /// The name of a file with this content.
    Document {
        /// The last part of the file's name.
        ending: String,
        content: String,
    },
}

/// A report of a run, as a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Report {
    Html,
    Text,
    JUnit,
    Sarif,
}

impl Report {
    pub(super) const ALL: [Self; 4] = [Self::Html, Self::Text, Self::JUnit, Self::Sarif];

    /// The last part of the file's name and of its URL.
    pub(super) fn ending(self) -> &'static str {
        match self {
            Self::Html => "report.html",
            Self::Text => "report.txt",
            Self::JUnit => "junit.xml",
            Self::Sarif => "report.sarif",
        }
    }

    /// The option that writes it; the text is what the command prints.
    fn option(self) -> Option<&'static str> {
        match self {
            Self::Html => Some("--html"),
            Self::Text => None,
            Self::JUnit => Some("--junit"),
            Self::Sarif => Some("--sarif"),
        }
    }
}

/// Why a check cannot be run.
#[derive(Debug, thiserror::Error)]
pub(super) enum RunError {
    /// Two checks would disturb each other: they play parties at the same ports.
    #[error("run {0} has not ended; wait for its end or stop it: one check runs at a time")]
    Busy(usize),
    /// No temporary folder can be created.
    #[error("cannot create a temporary folder; name a folder with --checks-folder")]
    Folder(#[source] io::Error),
    /// A file cannot be written or read.
    #[error("cannot write or read {0}")]
    File(String, #[source] io::Error),
    /// The command cannot be started.
    #[error("cannot start {0}")]
    Start(String, #[source] io::Error),
    /// The metadata could not be written.
    #[error("cannot write the metadata: {0}")]
    Metadata(String),
}

impl Checks {
    /// Creates what runs checks by `program`, the `rehearsal` command. Keys, metadata and reports
    /// are kept in `folder`, or in a temporary folder until the end.
    ///
    /// # Errors
    /// When `folder` cannot be created or is no folder.
    pub fn new(program: PathBuf, folder: Option<PathBuf>) -> io::Result<Self> {
        if let Some(folder) = &folder {
            ambient::private_folder::create(folder)?;
        }
        Ok(Self {
            program,
            chosen: folder,
            folder: OnceCell::new(),
            runs: Mutex::default(),
            preparation: Mutex::default(),
        })
    }

    /// True if the keys are lost at the end.
    pub(super) fn is_temporary(&self) -> bool {
        self.chosen.is_none()
    }

    async fn folder(&self) -> Result<&Folder, RunError> {
        let open = async || Folder::open(self.chosen.as_deref());
        let folder = self.folder.get_or_try_init(open).await;
        folder.map_err(RunError::Folder)
    }

    /// Returns all runs, the newest first.
    pub(super) async fn list(&self) -> Vec<Arc<Run>> {
        self.runs.lock().await.iter().rev().cloned().collect()
    }

    pub(super) async fn find(&self, number: usize) -> Option<Arc<Run>> {
        let runs = self.runs.lock().await;
        runs.iter().find(|it| it.number == number).cloned()
    }

    /// Returns the metadata of the party that a check plays. The first call creates it and its key.
    ///
    /// # Errors
    /// When `--prepare` fails, such as for a folder that cannot be written to.
    pub(super) async fn metadata(&self, played: &Played) -> Result<String, RunError> {
        let folder = self.folder().await?;
        let path = folder.path().join(played.file);
        let _guard = self.preparation.lock().await;
        let is_prepared = async || {
            let text = tokio::fs::read_to_string(&path).await;
            text.is_ok_and(|it| it.contains(&played.entity_id()))
        };
        // Not while a check runs: it uses the port, and has written the file.
        if !is_prepared().await {
            let mut command = self.command(folder.path());
            command
                .args(["check", played.prepared_by, "--prepare"])
                .args([played.port_option, played.port])
                .args([played.file_option, played.file]);
            let output = command.output().await;
            let output = output.map_err(|error| self.start_error(error))?;
            if !output.status.success() {
                let said = String::from_utf8_lossy(&output.stderr);
                return Err(RunError::Metadata(said.trim().to_owned()));
            }
        }
        let text = tokio::fs::read_to_string(&path).await;
        text.map_err(|error| RunError::File(played.file.to_owned(), error))
    }

    /// Returns the command without arguments. Variables of the simulation's environment must not
    /// change a check: the page does not show them.
    fn command(&self, folder: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.current_dir(folder).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("REHEARSAL_") {
                command.env_remove(name);
            }
        }
        // Ctrl-C in a terminal reaches all processes of a group. The check would take it as the first
        // signal and that of the simulation as the second one, and not delete what it created.
        child::leave_group(&mut command);
        command
    }

    fn start_error(&self, error: io::Error) -> RunError {
        RunError::Start(self.program.display().to_string(), error)
    }

    /// Starts a check.
    ///
    /// # Errors
    /// When another one is running, or the command cannot be started.
    pub(super) async fn start(&self, order: Order) -> Result<Arc<Run>, RunError> {
        let folder = self.folder().await?;
        let mut runs = self.runs.lock().await;
        if let Some(busy) = runs.iter().find(|it| !it.has_ended()) {
            return Err(RunError::Busy(busy.number));
        }
        let number = folder.next_number(runs.len() + 1);
        let arguments = write_arguments(&order, folder, number).await?;
        let text = file_name(number, order.kind, Report::Text.ending());
        let printed = std::fs::File::create(folder.path().join(&text));
        let printed = printed.map_err(|error| RunError::File(text, error))?;
        let mut command = self.command(folder.path());
        command
            .args(&arguments)
            .envs(order.secrets.iter().map(|(name, value)| (name, value)))
            .stdout(printed)
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        child::make_stoppable(&mut command);
        let child = command.spawn().map_err(|error| self.start_error(error))?;
        let started = Instant::now();
        let (sender, state) = watch::channel(State::default());
        let (stop, stops) = mpsc::unbounded_channel();
        tokio::spawn(follow(child, sender, stops, started));
        let run = Arc::new(Run {
            number,
            kind: order.kind,
            target: order.target,
            command: format!("rehearsal {}", shell_words(&arguments)),
            variables: order.secrets.iter().map(|(name, _)| *name).collect(),
            fields: order.fields,
            started,
            state,
            folder: folder.path().to_owned(),
            stop,
        });
        runs.push(Arc::clone(&run));
        Ok(run)
    }

    /// Stops the running check, and waits until it has deleted what it created, for at most 20 s.
    pub async fn stop_all(&self) {
        for run in self.list().await.iter().filter(|it| !it.has_ended()) {
            for (patience, is_last) in [(CLEAN_UP, false), (FAREWELL, true)] {
                // A second signal would end a clean-up that somebody began on the page.
                if is_last || !run.state.borrow().is_stopping {
                    run.stop().await;
                }
                if tokio::time::timeout(patience, run.wait_for_end())
                    .await
                    .is_ok()
                {
                    break;
                }
            }
        }
    }
}

impl Run {
    pub(super) fn has_ended(&self) -> bool {
        // A follower that is gone sends nothing more.
        self.state.borrow().end.is_some() || self.state.has_changed().is_err()
    }

    /// Waits until there are more than `lines` lines, or the run has ended.
    pub(super) async fn wait_for_more(&self, lines: usize) {
        let mut state = self.state.clone();
        // An error says that the run has ended.
        let _ = state
            .wait_for(|it| it.lines > lines || it.end.is_some())
            .await;
    }

    async fn wait_for_end(&self) {
        self.wait_for_more(usize::MAX).await;
    }

    /// Stops the check as Ctrl-C does. The second time ends it at once: it only names what it leaves
    /// behind.
    pub(super) async fn stop(&self) {
        // Nothing receives it if the run has ended.
        let _ = self.stop.send(());
        let mut state = self.state.clone();
        let _ = state
            .wait_for(|it| it.is_stopping || it.end.is_some())
            .await;
    }

    fn path(&self, report: Report) -> PathBuf {
        let name = file_name(self.number, self.kind, report.ending());
        self.folder.join(name)
    }

    /// True if the run has written this report.
    pub(super) fn has(&self, report: Report) -> bool {
        std::fs::metadata(self.path(report)).is_ok_and(|it| it.len() > 0)
    }

    /// Returns a report; none if the run wrote none.
    pub(super) async fn report(&self, report: Report) -> Option<Vec<u8>> {
        let content = tokio::fs::read(self.path(report)).await.ok()?;
        Some(content).filter(|it| !it.is_empty())
    }

    /// Returns the text report.
    pub(super) async fn text(&self) -> String {
        let text = self.report(Report::Text).await.unwrap_or_default();
        String::from_utf8_lossy(&text).into_owned()
    }
}

/// Reads what the check prints until it ends. When it is stopped, it gets a signal, so that it deletes
/// what it created.
async fn follow(
    mut child: Child,
    state: watch::Sender<State>,
    mut stops: mpsc::UnboundedReceiver<()>,
    started: Instant,
) {
    let mut stopper = child::Stopper::of(&mut child);
    let lines = child.stderr.take().map(|it| BufReader::new(it).lines());
    let reader = async {
        let Some(mut lines) = lines else { return };
        while let Ok(Some(line)) = lines.next_line().await {
            state.send_modify(|it| {
                it.lines += 1;
                it.last.push_back(line);
                while it.last.len() > SHOWN_LINES {
                    it.last.pop_front();
                }
            });
        }
    };
    let waiter = async {
        loop {
            tokio::select! {
                status = child.wait() => return status,
                Some(()) = stops.recv() => {
                    state.send_modify(|it| it.is_stopping = true);
                    stopper.stop(&child).await;
                }
            }
        }
    };
    let ((), status) = tokio::join!(reader, waiter);
    state.send_modify(|it| {
        it.end = Some(End {
            code: status.ok().and_then(|it| it.code()),
            after: started.elapsed(),
        });
    });
}

/// Returns the name of a file of a run.
fn file_name(number: usize, kind: &Kind, ending: &str) -> String {
    format!("{number}-{}-{ending}", kind.word)
}

/// Writes the documents of an order, and returns the arguments of its check.
async fn write_arguments(
    order: &Order,
    folder: &Folder,
    number: usize,
) -> Result<Vec<String>, RunError> {
    let mut arguments = vec!["check".to_owned(), order.kind.word.to_owned()];
    for argument in &order.arguments {
        arguments.push(match argument {
            Argument::Word(word) => word.clone(),
            Argument::Document { ending, content } => {
                let file = file_name(number, order.kind, ending);
                let written = folder.write(&file, content).await;
                written.map_err(|error| RunError::File(file.clone(), error))?;
                file
            }
        });
    }
    if let Some(played) = order.kind.played {
        arguments.extend([played.port_option, played.port].map(str::to_owned));
        arguments.extend([played.file_option, played.file].map(str::to_owned));
    }
    arguments.extend(order.kind.always.iter().map(|it| (*it).to_owned()));
    for report in Report::ALL {
        if let Some(option) = report.option() {
            let file = file_name(number, order.kind, report.ending());
            arguments.extend([option.to_owned(), file]);
        }
    }
    Ok(arguments)
}

/// Joins arguments so that a shell reads the same ones.
fn shell_words(arguments: &[String]) -> String {
    let words = arguments.iter().map(|it| quote_for_shell(it));
    words.collect::<Vec<_>>().join(" ")
}
