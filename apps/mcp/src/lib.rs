//! What an assistant may ask of redistrict, over the Model Context Protocol: tools and resources with
//! schemas, two transports, and who may speak on them. `docs/design/mcp.md` is the design.
//!
//! It knows no store, no skill and no command line: a [`Desk`] answers. What may be asked is a closed
//! list ([`Question`]), and no question takes a statement, a path or a command line. What is answered is
//! an allow-list ([`Answer`]). Nothing here approves anything.

mod answer;
mod desk;
mod gate;
mod http;
mod instructions;
mod question;
mod resources;
mod server;
mod stdio;
mod token;
mod tools;
mod withhold;
mod words;

pub use answer::{
    Analysis, Answer, Cancelled, Check, ClassFields, Counted, Counts, Decision, Decisions,
    Difference, Digests, District, Document, Drift, FailureOf, Finding, Item, ItemFailure, Key,
    KindOfRun, Load, Loads, Need, PhaseOf, Plan, PlanTable, Prerequisites, Ranking, Reference,
    ReferenceCount, Refusal, Report, Retry, Run, RunInList, Runs, Schema, SchemaColumn,
    SchemaTable, Standing, TableDigest, TableReport, TableRole, Totals, Undecided, WhatIsNeeded,
};
pub use desk::Desk;
pub use http::serve_http;
pub use question::{
    ClassifyOf, CountsOf, DocumentName, MigrationOf, NewestFirst, Nothing, OfDistrict, OfRun,
    OfRunOrNewest, Page, PlanOf, Question, SchemaOf, SkillName, StatusOf, UndoOf, WaitFor,
};
pub use resources::addresses;
pub use server::{Office, Server};
pub use stdio::{NoConversation, serve_stdio};
pub use token::{Token, TokenError};
pub use withhold::withhold;
pub use words::{DistrictName, RunName, Text, document_text};
