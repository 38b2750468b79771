//! A server of the protocol over a desk.

use std::sync::Arc;
use std::time::Duration;

use redistrict_model::shown;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData,
    Implementation, ListResourceTemplatesResult, ListResourcesResult, ListToolsResult,
    PaginatedRequestParams, ProgressNotificationParam, ProgressToken, ReadResourceRequestParams,
    ReadResourceResponse, ReadResourceResult, ResourceContents, ServerCapabilities, ServerConfig,
    Tool,
};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, ServerHandler};
use tokio::time::Instant;

use crate::answer::{Answer, Refusal, Run, Standing};
use crate::desk::Desk;
use crate::instructions;
use crate::question::{LONGEST_WAIT, NewestFirst, Question, StatusOf, WaitFor};
use crate::resources;
use crate::tools::{self, Asked};
use crate::withhold::withhold;

/// Which of the servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Office {
    Orchestrator,
    Prod,
    Cert,
}

impl Office {
    fn name(self) -> &'static str {
        match self {
            Self::Orchestrator => "redistrict",
            Self::Prod => "redistrict-prod",
            Self::Cert => "redistrict-cert",
        }
    }
}

/// How often a run is looked at while somebody waits for it.
const LOOK: Duration = Duration::from_millis(500);
/// How often a client hears that something else goes on.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// The runs whose documents are listed; those of all others have addresses as well.
const LISTED: u16 = 10;
/// The longest reason of a refused call that is repeated.
const LONGEST_REASON: usize = 300;

/// A server. Cloned for each conversation.
#[derive(Clone)]
pub struct Server {
    office: Office,
    desk: Arc<dyn Desk>,
}

impl Server {
    /// The server of an office over a desk.
    #[must_use]
    pub fn new(office: Office, desk: Arc<dyn Desk>) -> Self {
        Self { office, desk }
    }

    fn has_resources(&self) -> bool {
        self.office == Office::Orchestrator
    }

    /// The answer, with a sign of life now and then for a client that asked for progress.
    async fn ask(
        &self,
        question: Question,
        context: &RequestContext<RoleServer>,
    ) -> Result<Result<Answer, Refusal>, ErrorData> {
        let answer = self.desk.answer(question);
        tokio::pin!(answer);
        let mut beats = 0_u32;
        loop {
            tokio::select! {
                answer = &mut answer => return Ok(answer),
                () = context.ct.cancelled() => return Err(given_up()),
                () = tokio::time::sleep(HEARTBEAT) => {
                    beats += 1;
                    let said = Progress::alive(beats);
                    said.tell(context).await;
                }
            }
        }
    }

    /// Where a run is, after waiting for it to end or to need a person.
    async fn follow(
        &self,
        asked: StatusOf,
        context: &RequestContext<RoleServer>,
    ) -> Result<Result<Answer, Refusal>, ErrorData> {
        let wait = Duration::from_secs(u64::from(asked.wait_seconds.min(LONGEST_WAIT)));
        let until = Instant::now() + wait;
        let mut run = match self.state(asked.run).await {
            Ok(run) => run,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let mut following = Following::new(&run, asked.wait_for);
        loop {
            if let Some(progress) = following.news(&run) {
                progress.tell(context).await;
            }
            if following.is_over(&run) || Instant::now() >= until {
                return Ok(Ok(Answer::Run(run)));
            }
            tokio::select! {
                () = context.ct.cancelled() => return Err(given_up()),
                () = tokio::time::sleep(LOOK) => {}
            }
            run = match self.state(Some(run.run)).await {
                Ok(run) => run,
                Err(refusal) => return Ok(Err(refusal)),
            };
        }
    }

    async fn state(&self, run: Option<crate::words::RunName>) -> Result<Run, Refusal> {
        match self.desk.answer(Question::State(run)).await? {
            Answer::Run(run) => Ok(run),
            _ => Err(Refusal::new(1, "find out where the run is")),
        }
    }
}

/// A run that somebody waits for.
struct Following {
    /// It needed somebody when the wait began, and that is not what is waited for.
    is_known: bool,
    first: Standing,
    told: Option<u32>,
}

impl Following {
    fn new(run: &Run, wait_for: WaitFor) -> Self {
        Self {
            is_known: wait_for == WaitFor::Change && run.standing.is_at_rest(),
            first: run.standing,
            told: None,
        }
    }

    /// Whether there is nothing to wait for any more.
    fn is_over(&mut self, run: &Run) -> bool {
        self.is_known &= run.standing == self.first;
        run.standing.has_ended() || (run.standing.is_at_rest() && !self.is_known)
    }

    /// Progress that was not told yet: it only ever grows.
    fn news(&mut self, run: &Run) -> Option<Progress> {
        if self.told.is_some_and(|told| told >= run.progress) {
            return None;
        }
        self.told = Some(run.progress);
        Some(Progress {
            done: f64::from(run.progress),
            total: Some(500.0),
            message: run.sentence(),
        })
    }
}

/// What a client is told meanwhile.
struct Progress {
    done: f64,
    total: Option<f64>,
    message: String,
}

impl Progress {
    fn alive(beats: u32) -> Self {
        Self {
            done: f64::from(beats),
            total: None,
            message: "still working".to_owned(),
        }
    }

    /// Only where it was asked for; a client that is gone is no error.
    async fn tell(self, context: &RequestContext<RoleServer>) {
        let token: Option<ProgressToken> = context.meta.get_progress_token();
        let Some(token) = token else { return };
        let mut progress = ProgressNotificationParam::new(token, self.done)
            .with_message(withhold(&self.message, &[]));
        progress.total = self.total;
        let _gone = context.peer.notify_progress(progress).await;
    }
}

fn given_up() -> ErrorData {
    ErrorData::internal_error("the client gave up waiting", None)
}

fn malformed(reason: &str) -> ErrorData {
    let reason: String = shown(reason).chars().take(LONGEST_REASON).collect();
    ErrorData::invalid_params(reason, None)
}

/// An answer as a client gets it: as data, and in a sentence.
fn result_of(answer: Result<Answer, Refusal>) -> Result<CallToolResult, ErrorData> {
    let unwritten = |_| ErrorData::internal_error("an answer could not be written", None);
    match answer {
        Ok(answer) => {
            let mut value = serde_json::to_value(&answer).map_err(unwritten)?;
            withhold_in(&mut value);
            let texts = [withhold(&answer.summary(), &[]), value.to_string()];
            let mut result = CallToolResult::success(texts.map(ContentBlock::text).into());
            result.structured_content = Some(value);
            Ok(result)
        }
        Err(refusal) => {
            let mut value = serde_json::to_value(&refusal).map_err(unwritten)?;
            withhold_in(&mut value);
            Ok(CallToolResult::error(vec![ContentBlock::text(
                value.to_string(),
            )]))
        }
    }
}

/// In every text of a value.
fn withhold_in(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::String(text) => *text = withhold(text, &[]),
        serde_json::Value::Array(values) => values.iter_mut().for_each(withhold_in),
        serde_json::Value::Object(fields) => fields.values_mut().for_each(withhold_in),
        _ => {}
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools();
        let capabilities = match self.has_resources() {
            true => capabilities.enable_resources().build(),
            false => capabilities.build(),
        };
        let name = Implementation::new(self.office.name(), env!("CARGO_PKG_VERSION"));
        ServerConfig::new(capabilities)
            .with_server_info(name)
            .with_instructions(instructions::of(self.office))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        let mut entries = tools::of(self.office).iter();
        Some(entries.find(|entry| entry.name == name)?.tool())
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools = tools::of(self.office).iter().map(tools::Entry::tool);
        Ok(ListToolsResult::with_all_items(tools.collect()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let mut entries = tools::of(self.office).iter();
        let entry = entries
            .find(|entry| *entry.name == *request.name)
            .ok_or_else(|| malformed("no tool is called like that; tools/list lists them"))?;
        let arguments = request.arguments.unwrap_or_default();
        let asked = entry
            .asked(arguments)
            .map_err(|reason| malformed(&reason))?;
        let answer = match asked {
            Asked::Question(question) => Box::pin(self.ask(question, &context)).await?,
            Asked::Status(status) => Box::pin(self.follow(status, &context)).await?,
        };
        Ok(result_of(answer)?.into())
    }

    async fn list_resources(
        &self,
        _request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        if !self.has_resources() {
            return Ok(ListResourcesResult::default());
        }
        let newest = Question::Runs(NewestFirst { limit: LISTED });
        let runs = match Box::pin(self.ask(newest, &context)).await? {
            Ok(Answer::Runs(runs)) => runs.runs,
            _ => Vec::new(),
        };
        Ok(ListResourcesResult::with_all_items(resources::of_runs(
            &runs,
        )))
    }

    async fn list_resource_templates(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let templates = match self.has_resources() {
            true => resources::templates(),
            false => Vec::new(),
        };
        Ok(ListResourceTemplatesResult::with_all_items(templates))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let missing = || ErrorData::resource_not_found("there is no such resource", None);
        let found = resources::at(&request.uri).filter(|_| self.has_resources());
        let (run, document) = found.ok_or_else(missing)?;
        match Box::pin(self.ask(Question::Document(run, document), &context)).await? {
            Ok(Answer::Document(answer)) => {
                let text = withhold(&answer.text, &[]);
                let contents =
                    ResourceContents::text(text, request.uri).with_mime_type(document.media_type());
                Ok(ReadResourceResult::new(vec![contents]).into())
            }
            _ => Err(missing()),
        }
    }
}
