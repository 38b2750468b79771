//! The words of the schema: parts of a school district's software, each by other hands.

use super::Convention;

/// A part of the software.
pub(super) struct Part {
    pub(super) word: &'static str,
    pub(super) style: Convention,
    /// The part's word stands before each table's name.
    pub(super) is_prefixed: bool,
    pub(super) things: &'static [&'static str],
}

const fn part(
    word: &'static str,
    style: Convention,
    is_prefixed: bool,
    things: &'static [&'static str],
) -> Part {
    Part {
        word,
        style,
        is_prefixed,
        things,
    }
}

/// Lists that every part looks up.
pub(super) const LISTS: [&str; 14] = [
    "grade level",
    "subject",
    "language",
    "country",
    "ethnicity",
    "term",
    "weekday",
    "currency",
    "calendar",
    "relation",
    "severity",
    "outcome",
    "room type",
    "event type",
];

pub(super) const PARTS: [Part; 16] = [
    part(
        "exam",
        Convention::Snake,
        true,
        &[
            "paper", "section", "question", "answer", "sitting", "grader", "appeal", "result",
            "retake", "seat", "scale", "booklet", "notice", "course",
        ],
    ),
    part(
        "library",
        Convention::Camel,
        false,
        &[
            "book",
            "copy",
            "loan",
            "hold",
            "fine",
            "shelf",
            "card",
            "donation",
            "acquisition",
            "reminder",
            "catalogue",
            "reservation",
            "stocktake",
        ],
    ),
    part(
        "transport",
        Convention::Leading,
        false,
        &[
            "bus",
            "route",
            "stop",
            "ride",
            "driver",
            "pass",
            "delay",
            "depot",
            "fuelling",
            "zone",
            "manifest",
            "breakdown",
            "charter",
        ],
    ),
    part(
        "meal",
        Convention::Snake,
        true,
        &[
            "menu", "dish", "order", "payment", "account", "allergy", "kitchen", "supplier",
            "tray", "voucher", "delivery", "refund", "balance",
        ],
    ),
    part(
        "health",
        Convention::Prefixed,
        true,
        &[
            "visit",
            "screening",
            "medication",
            "dose",
            "nurse",
            "referral",
            "condition",
            "plan",
            "consent",
            "emergency",
            "vaccination",
            "absence",
        ],
    ),
    part(
        "behaviour",
        Convention::Snake,
        false,
        &[
            "incident",
            "sanction",
            "detention",
            "witness",
            "contract",
            "award",
            "merit",
            "warning",
            "hearing",
            "suspension",
            "mediation",
        ],
    ),
    part(
        "finance",
        Convention::Short,
        true,
        &[
            "invoice", "budget", "expense", "vendor", "grant", "ledger", "posting", "payroll",
            "journal", "purchase", "receipt", "advance",
        ],
    ),
    part(
        "facility",
        Convention::Camel,
        true,
        &[
            "building",
            "room",
            "booking",
            "repair",
            "asset",
            "key",
            "inspection",
            "lease",
            "meter",
            "cleaning",
            "closure",
        ],
    ),
    part(
        "activity",
        Convention::Snake,
        false,
        &[
            "club",
            "membership",
            "trip",
            "permission",
            "team",
            "match",
            "coach",
            "trophy",
            "rehearsal",
            "camp",
            "fundraiser",
            "tournament",
        ],
    ),
    part(
        "device",
        Convention::Snake,
        true,
        &[
            "tablet",
            "ticket",
            "licence",
            "login",
            "policy",
            "backup",
            "assignment",
            "damage",
            "return",
            "charger",
            "profile",
        ],
    ),
    part(
        "survey",
        Convention::Leading,
        true,
        &[
            "form", "page", "item", "response", "invite", "panel", "reminder", "export", "score",
        ],
    ),
    part(
        "program",
        Convention::Short,
        true,
        &[
            "service",
            "goal",
            "session",
            "provider",
            "review",
            "meeting",
            "memo",
            "evaluation",
            "placement",
            "accommodation",
        ],
    ),
    part(
        "staffing",
        Convention::Prefixed,
        false,
        &[
            "position",
            "appointment",
            "leave",
            "appraisal",
            "training",
            "certificate",
            "applicant",
            "interview",
            "payslip",
            "mentoring",
            "vacancy",
        ],
    ),
    part(
        "admission",
        Convention::Snake,
        true,
        &[
            "application",
            "tour",
            "offer",
            "waitlist",
            "document",
            "decision",
            "deposit",
            "lottery",
            "transfer",
            "exception",
        ],
    ),
    part(
        "timetable",
        Convention::Bare,
        true,
        &[
            "period",
            "slot",
            "lesson",
            "substitution",
            "conflict",
            "request",
            "lock",
        ],
    ),
    part(
        "teaching",
        Convention::Snake,
        false,
        &[
            "section",
            "assignment",
            "submission",
            "rubric",
            "gradebook",
            "mark",
            "observation",
            "portfolio",
            "homework",
            "comment",
            "standard",
            "lesson plan",
        ],
    ),
];

/// Columns that look like references or numbers of things, and are none.
pub(super) const MISLEADING: [&str; 12] = [
    "external_id",
    "room_number",
    "seat_no",
    "batch_id",
    "students",
    "version_id",
    "badge_number",
    "course_code",
    "team_id_legacy",
    "school_count",
    "locker_no",
    "import_id",
];

/// Columns that are called after a table of another part and refer to nothing: the number of a chip, of a page.
pub(super) const TRAPS: [&str; 3] = ["card_id", "match_id", "slot_id"];

/// Words before a reference that say which one it is.
pub(super) const ROLES: [&str; 6] = [
    "home",
    "previous",
    "lead",
    "substitute",
    "second",
    "receiving",
];

/// References that nothing says: people who did something.
pub(super) const UNSAID: [&str; 4] = ["approved_by", "created_by", "mentor_id", "signed_by"];

/// A thing in the plural.
pub(super) fn plural(word: &str) -> String {
    match word {
        "staff" => word.to_owned(),
        _ if word.ends_with('y') && !word.ends_with("ay") => {
            format!("{}ies", word.trim_end_matches('y'))
        }
        _ if word.ends_with('s') || word.ends_with("ch") || word.ends_with("sh") => {
            format!("{word}es")
        }
        _ => format!("{word}s"),
    }
}

/// Its first letters.
pub(super) fn short(words: &[String]) -> String {
    let cut = words
        .iter()
        .map(|word| word.chars().take(3).collect::<String>());
    cut.collect::<Vec<_>>().join("_")
}

/// `ExamSection`.
pub(super) fn pascal(words: &[String]) -> String {
    let capital = |word: &String| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    };
    words.iter().map(capital).collect()
}
