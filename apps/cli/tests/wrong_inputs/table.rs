//! The wrong inputs, one a row: what is wrong, how the command ends, what it says, and what leads on.

use super::place::Place;
use super::{configured, stored, typed};

/// Where the secret may be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Nowhere.
    Nowhere,
    /// A login that was typed: it stands on the command line of the very process, and nowhere else.
    Login,
    /// A word that a person has typed where a name belongs: the answer to them may repeat it, as it
    /// repeats every name. No file may hold it, and no process but theirs.
    Typed,
}

/// One wrong input. `SECRET` and `RUN` in the arguments stand for the secret and the run of the place.
pub(super) struct Row {
    pub(super) input: &'static str,
    pub(super) arguments: Vec<&'static str>,
    pub(super) arrange: Box<dyn Fn(&mut Place)>,
    pub(super) code: i32,
    /// In the first line, or in a cause below it.
    pub(super) sentence: &'static str,
    /// In a line below it.
    pub(super) hint: &'static str,
    pub(super) said: Said,
}

pub(super) const CONFIG: &str = "redistrict.toml";
pub(super) const KIND: &str = "[store.ids]\nkind = \"sqlite\"\n";
pub(super) const SOURCE: &str = "source = { file = \"ids-prod.url\" }";
pub(super) const MIGRATE: [&str; 2] = ["migrate", "2"];

pub(super) fn row(
    input: &'static str,
    arguments: &[&'static str],
    (code, sentence, hint): (i32, &'static str, &'static str),
    arrange: impl Fn(&mut Place) + 'static,
) -> Row {
    Row {
        input,
        arguments: arguments.to_vec(),
        arrange: Box::new(arrange),
        code,
        sentence,
        hint,
        said: Said::Nowhere,
    }
}

/// The secret is typed: see [`Said`].
pub(super) fn typed(
    input: &'static str,
    said: Said,
    arguments: &[&'static str],
    end: (i32, &'static str, &'static str),
) -> Row {
    let row = row(input, arguments, end, |_| {});
    Row { said, ..row }
}

/// A configuration in which a text stands in the place of another one.
pub(super) fn changed(
    input: &'static str,
    end: (i32, &'static str, &'static str),
    from: &'static str,
    to: &'static str,
) -> Row {
    row(input, &MIGRATE, end, move |place| {
        let config = place.config();
        assert!(config.contains(from), "{from} is not in the configuration");
        let to = to.replace("SECRET", &place.secret);
        let text = config.replacen(from, &to, 1);
        place.write(CONFIG, &text);
    })
}

/// A configuration with more lines.
pub(super) fn more(
    input: &'static str,
    end: (i32, &'static str, &'static str),
    lines: &'static str,
) -> Row {
    row(input, &MIGRATE, end, move |place| add(place, lines))
}

pub(super) fn add(place: &mut Place, lines: &str) {
    let lines = lines.replace("SECRET", &place.secret);
    let text = format!("{}\n{lines}\n", place.config());
    place.write(CONFIG, &text);
}

/// The first store is of that kind, and both of its URLs are this one.
pub(super) fn url(
    input: &'static str,
    end: (i32, &'static str, &'static str),
    kind: &'static str,
    url: &'static str,
) -> Row {
    row(input, &MIGRATE, end, move |place| {
        let from = format!("{KIND}{SOURCE}\ntarget = {{ file = \"ids-cert.url\" }}");
        let config = place.config();
        assert!(config.contains(&from));
        let to = format!(
            "[store.ids]\nkind = \"{kind}\"\nsource = {{ env = \"THE_URL\" }}\ntarget = {{ env = \"THE_URL\" }}"
        );
        let text = config.replacen(&from, &to, 1);
        place.write(CONFIG, &text);
        let url = url.replace("SECRET", &place.secret);
        place.set("THE_URL", &url);
    })
}

/// All of them.
pub(super) fn rows() -> Vec<Row> {
    let all = [
        typed::command_lines(),
        configured::references(),
        configured::configurations(),
        stored::urls(),
        stored::webhooks(),
        stored::files(),
    ];
    all.into_iter().flatten().collect()
}
