//! Which question is answered by what. Whatever writes to CERT is started so that it waits for a person's
//! approval, whatever the configuration says.

use std::path::PathBuf;

use async_trait::async_trait;
use redistrict_analyze::Analysis as Known;
use redistrict_journal::{Journal, Record, RunState, RunStatus, Waiting, fold};
use redistrict_mcp::{
    Answer, Cancelled, Desk, DistrictName, MigrationOf, NewestFirst, Page, Question, Refusal,
    Report, Run, RunName, Runs, SkillName, UndoOf, addresses,
};
use redistrict_model::RunId;
use redistrict_orchestrator::is_worked_on;
use serde_json::Value;

use super::child::{Call, Left, Program};
use super::documents::Source;
use super::{estate, refused, runs};
use crate::failure::{CommandResult, Failure};
use crate::nearest;
use crate::person;
use crate::session::Session;
use crate::wire::Workspace;

/// The desk of the configuration that this process was given.
pub(crate) struct OwnDesk {
    program: Program,
    source: Source,
    state_dir: PathBuf,
    analysis: PathBuf,
}

impl OwnDesk {
    /// Nothing is connected; the state directory has to be there.
    pub(crate) fn new(session: &Session, workspace: &Workspace) -> CommandResult<Self> {
        let (config, state_dir) = (&session.arguments.config, &session.arguments.state_dir);
        let layout = workspace.layout.clone();
        let program = Program::new(config, state_dir, &layout.state_dir).map_err(|_| {
            Failure::prerequisite(
                "find this program: the operating system does not tell where it is",
            )
        })?;
        Ok(Self {
            program,
            state_dir: layout.state_dir.clone(),
            analysis: layout.analysis().join("schema-analysis.json"),
            source: Source {
                layout,
                journal: session.journal(workspace)?,
                key: workspace.root_key()?,
            },
        })
    }

    async fn ask(&self, words: &[&str]) -> Result<Value, Refusal> {
        self.program.ask(Call::new(words), Left::Ends).await
    }

    async fn ask_of(&self, words: &[&str], named: &str) -> Result<Value, Refusal> {
        self.program.ask(Call::of(words, named), Left::Ends).await
    }

    /// Starts a run and says where it is.
    async fn begin(&self, words: &[&str], named: &str) -> Result<Answer, Refusal> {
        let run = self.program.start(Call::of(words, named)).await?;
        Ok(Answer::Run(self.run(run.id())?))
    }

    fn journal(&self) -> &dyn Journal {
        self.source.journal.as_ref()
    }

    fn records(&self, run: &RunId) -> Result<(Vec<Record>, RunState), Refusal> {
        let records = self.journal().read(run).map_err(unread)?;
        match fold(&records) {
            Some(state) => Ok((records, state)),
            None => Err(refused(&nearest::missing_run(self.journal(), run))),
        }
    }

    fn is_left(&self, state: &RunState) -> bool {
        person::is_left(&self.state_dir, state)
    }

    fn run(&self, run: &RunId) -> Result<Run, Refusal> {
        let (_, state) = self.records(run)?;
        runs::view(&state, self.is_left(&state))
    }

    fn newest(&self) -> Result<RunId, Refusal> {
        let newest = self.journal().runs().map_err(unread)?.pop();
        newest.ok_or_else(|| {
            Refusal::new(2, "show a run: there is none yet").with_hint("`migrate` starts one")
        })
    }

    fn list(&self, newest: NewestFirst) -> Result<Runs, Refusal> {
        let known = self.journal().runs().map_err(unread)?;
        let total = known.len() as u64;
        let page = Page {
            offset: 0,
            limit: newest.limit,
        };
        let (known, _) = page.of(known.into_iter().rev().collect());
        let mut runs = Vec::new();
        for run in known {
            let (_, state) = self.records(&run)?;
            runs.extend(runs::entry(&state, self.is_left(&state)));
        }
        Ok(Runs { runs, total })
    }

    async fn migrate(&self, of: &MigrationOf) -> Result<Answer, Refusal> {
        let mut words = vec!["migrate"];
        let options = [
            (of.skip_extraction, "--skip-extraction"),
            (of.skip_load, "--skip-load"),
            (of.dry_run, "--dry-run"),
        ];
        words.extend(
            options
                .iter()
                .filter(|(is_set, _)| *is_set)
                .map(|(_, word)| word),
        );
        if of.writes() {
            words.extend(ASKED_BEFORE_LOAD);
        }
        self.begin(&words, of.district.id().as_str()).await
    }

    async fn skill(&self, skill: SkillName, of: &DistrictName) -> Result<Answer, Refusal> {
        let mut words = vec![skill.as_str()];
        if skill == SkillName::Load {
            words.extend(ASKED_BEFORE_LOAD);
        }
        self.begin(&words, of.id().as_str()).await
    }

    async fn rollback(&self, of: &UndoOf) -> Result<Answer, Refusal> {
        let run = of.run.id();
        self.records(run)?;
        let words: &[&str] = match of.dry_run {
            true => &["rollback", "--dry-run"],
            false => &["rollback", "--wait", "--ask-before", "undo"],
        };
        self.begin(words, run.as_str()).await
    }

    async fn resume(&self, run: &RunId) -> Result<Answer, Refusal> {
        let (_, state) = self.records(run)?;
        if !state.is_unfinished() {
            return Ok(Answer::Run(runs::view(&state, false)?));
        }
        if runs::writes_unasked(&state) {
            return Err(Refusal::new(
                3,
                format!("resume run {run}: it may write to CERT without anybody's approval"),
            )
            .with_hint(crate::output::typed(&format!(
                "a person resumes it in a terminal: redistrict resume {run}"
            ))));
        }
        self.begin(&["resume", "--wait"], run.as_str()).await
    }

    async fn cancel(&self, run: &RunId) -> Result<Answer, Refusal> {
        self.records(run)?;
        let known = self.journal().runs().map_err(unread)?;
        let words = ["cancel", "--ask-before", "undo"];
        let call = Call::of(&words, run.as_str());
        let ended = self.program.ask(call, Left::GoesOn).await;
        // Where it had loaded something an undo was begun, which waits: that is no failure.
        let now = self.journal().runs().map_err(unread)?;
        let undo = now.into_iter().rev().find(|other| {
            let is_of_it = |(_, state): (_, RunState)| state.parent.as_ref() == Some(run);
            !known.contains(other) && self.records(other).is_ok_and(is_of_it)
        });
        let undo = match undo {
            Some(undo) => Some(self.stay_with(&undo).await?),
            None => ended.map(|_| None)?,
        };
        let run = self.run(run)?;
        Ok(Answer::Cancelled(Cancelled { run, undo }))
    }

    /// An undo that waits for its approval goes on by itself once that is given.
    async fn stay_with(&self, undo: &RunId) -> Result<Run, Refusal> {
        let (_, state) = self.records(undo)?;
        let waits = matches!(state.status, RunStatus::Waiting(Waiting::Approval { .. }));
        if waits && !is_worked_on(&self.state_dir, undo) {
            let call = Call::of(&["resume", "--wait"], undo.as_str());
            self.program.start(call).await?;
        }
        self.run(undo)
    }

    async fn report(&self, run: &RunName) -> Result<Answer, Refusal> {
        self.ask_of(&["report"], run.id().as_str()).await?;
        let path = self.source.layout.report(run.id(), "json");
        let text = std::fs::read(path).map_err(|_| Refusal::new(1, "read the report"))?;
        let value =
            serde_json::from_slice(&text).map_err(|_| Refusal::new(1, "read the report"))?;
        let mut report = estate::read::<Report>(value)?.without_passed_checks();
        report.resources = addresses(run);
        Ok(Answer::Report(report))
    }

    /// The analysis as it was written last; made where there is none.
    async fn known(&self) -> Result<Known, Refusal> {
        if !self.analysis.exists() {
            self.ask(&["analyze"]).await?;
        }
        let unreadable =
            || Refusal::new(3, "read the analysis").with_hint("`analyze` makes it anew");
        let text = std::fs::read(&self.analysis).map_err(|_| unreadable())?;
        serde_json::from_slice(&text).map_err(|_| unreadable())
    }

    async fn cert(&self, what: &str, run: Option<&RunName>) -> Result<Value, Refusal> {
        let words = ["cert", what];
        match run {
            None => self.ask(&words).await,
            Some(run) => self.ask_of(&words, run.id().as_str()).await,
        }
    }
}

/// It stays where it waits, and goes on by itself.
const ASKED_BEFORE_LOAD: [&str; 3] = ["--wait", "--ask-before", "load"];

fn unread(error: redistrict_journal::JournalError) -> Refusal {
    refused(&Failure::from(error))
}

#[async_trait]
impl Desk for OwnDesk {
    async fn answer(&self, question: Question) -> Result<Answer, Refusal> {
        Ok(match question {
            Question::Analyze(page) => {
                Answer::Analysis(estate::analysis(self.ask(&["analyze"]).await?, page)?)
            }
            Question::Select => Answer::Ranking(estate::read(self.ask(&["select"]).await?)?),
            Question::Plan(of) => {
                let words: &[&str] = match of.exact {
                    true => &["plan", "--exact"],
                    false => &["plan"],
                };
                let value = self.ask_of(words, of.district.id().as_str()).await?;
                Answer::Plan(estate::plan(value)?)
            }
            Question::Classify(of) => {
                let value = match &of.district {
                    None => self.ask(&["classify"]).await?,
                    Some(district) => self.ask_of(&["classify"], district.id().as_str()).await?,
                };
                let page = Page {
                    offset: of.offset,
                    limit: of.limit,
                };
                Answer::Decisions(estate::decisions(value, page)?)
            }
            Question::Doctor => {
                Answer::Prerequisites(estate::prerequisites(self.ask(&["doctor"]).await?)?)
            }
            Question::Migrate(of) => self.migrate(&of).await?,
            Question::Skill(skill, of) => self.skill(skill, &of.district).await?,
            Question::Resume(of) => self.resume(of.run.id()).await?,
            Question::Cancel(of) => self.cancel(of.run.id()).await?,
            Question::Rollback(of) => self.rollback(&of).await?,
            Question::State(Some(run)) => Answer::Run(self.run(run.id())?),
            Question::State(None) => Answer::Run(self.run(&self.newest()?)?),
            Question::Runs(newest) => Answer::Runs(self.list(newest)?),
            Question::Report(of) => self.report(&of.run).await?,
            Question::Document(run, name) => {
                let (records, state) = self.records(run.id())?;
                let view = runs::view(&state, self.is_left(&state))?;
                Answer::Document(self.source.document(name, &records, &state, &view)?)
            }
            Question::Schema(of) => Answer::Schema(estate::schema(&self.known().await?, &of)),
            Question::Counts(of) => Answer::Counts(match &of.district {
                None => estate::estimates(&self.known().await?),
                Some(district) => {
                    let words = ["plan", "--exact"];
                    let value = self.ask_of(&words, district.id().as_str()).await?;
                    estate::counts(estate::plan(value)?)
                }
            }),
            Question::Loads => Answer::Loads(estate::read(self.cert("loads", None).await?)?),
            Question::Digests(of) => {
                Answer::Digests(estate::read(self.cert("digests", of.run.as_ref()).await?)?)
            }
            Question::Drift(of) => {
                Answer::Drift(estate::read(self.cert("drift", of.run.as_ref()).await?)?)
            }
        })
    }
}
