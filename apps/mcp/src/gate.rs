//! Who may speak over HTTP, decided before anything of the request is read: the address it was sent to,
//! the page it comes from, and its token. Pure.

use http::header::{AUTHORIZATION, HOST, ORIGIN};
use http::{HeaderMap, StatusCode, Uri};

use crate::token::Token;

/// The one path there is.
pub(crate) const PATH: &str = "/mcp";
/// The names of this machine for itself.
const NAMES: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

/// The hosts that a request to this port may name.
pub(crate) fn hosts(port: u16) -> Vec<String> {
    NAMES.iter().map(|name| format!("{name}:{port}")).collect()
}

/// The pages of this machine that a browser may ask from.
pub(crate) fn origins(port: u16) -> Vec<String> {
    let hosts = hosts(port).into_iter();
    hosts.map(|host| format!("http://{host}")).collect()
}

/// Refuses what is not for us (404, 403: a name that a foreign page had resolved to this machine) and who
/// has not the token (401).
pub(crate) fn admit(
    uri: &Uri,
    headers: &HeaderMap,
    port: u16,
    token: &Token,
) -> Result<(), StatusCode> {
    let is_host = |host: &str| hosts(port).iter().any(|one| one.eq_ignore_ascii_case(host));
    if !only(headers, HOST).is_some_and(is_host) || uri.authority().is_some() {
        return Err(StatusCode::FORBIDDEN);
    }
    let is_origin = |origin: &str| {
        let mut ours = origins(port).into_iter();
        ours.any(|one| one.eq_ignore_ascii_case(origin))
    };
    if headers.contains_key(ORIGIN) && !only(headers, ORIGIN).is_some_and(is_origin) {
        return Err(StatusCode::FORBIDDEN);
    }
    let bearer = only(headers, AUTHORIZATION).and_then(bearer_of);
    if !bearer.is_some_and(|given| token.is(given.as_bytes())) {
        return Err(StatusCode::UNAUTHORIZED);
    }
    match uri.path() == PATH {
        true => Ok(()),
        false => Err(StatusCode::NOT_FOUND),
    }
}

/// The value of a header that stands there exactly once.
fn only(headers: &HeaderMap, name: http::HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(first)
}

/// The name of the scheme has no case.
fn bearer_of(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORT: u16 = 8123;

    /// The answer, to a request of a path with headers.
    type Case<'a> = (u16, &'a str, &'a [(&'a str, &'a str)]);

    fn outcome(path: &str, headers: &[(&str, &str)]) -> u16 {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token");
        let token = Token::read_or_make(&file).unwrap_or_else(|error| panic!("{error}"));
        let right = std::fs::read_to_string(&file).unwrap();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name = http::HeaderName::from_bytes(name.as_bytes()).unwrap();
            let value = value.replace("TOKEN", right.trim());
            map.append(name, value.parse().unwrap());
        }
        let result = admit(&path.parse().unwrap(), &map, PORT, &token);
        result.map_or_else(|status| status.as_u16(), |()| 200)
    }

    #[test]
    fn only_the_token_on_this_machine_from_no_foreign_page_is_let_in() {
        let host = ("host", "127.0.0.1:8123");
        let token = ("authorization", "Bearer TOKEN");
        let cases: &[Case<'_>] = &[
            (200, "/mcp", &[host, token]),
            (200, "/mcp", &[("host", "LOCALHOST:8123"), token]),
            (200, "/mcp", &[("host", "[::1]:8123"), token]),
            (200, "/mcp?x=1", &[host, ("authorization", "bearer TOKEN")]),
            (
                200,
                "/mcp",
                &[host, token, ("origin", "http://localhost:8123")],
            ),
            (404, "/", &[host, token]),
            (404, "/mcp/..", &[host, token]),
            (401, "/mcp", &[host]),
            (401, "/mcp", &[host, ("authorization", "Bearer")]),
            (401, "/mcp", &[host, ("authorization", "Bearer ")]),
            (401, "/mcp", &[host, ("authorization", "Basic TOKEN")]),
            (401, "/mcp", &[host, ("authorization", "Bearer  TOKEN")]),
            (401, "/mcp", &[host, ("authorization", "Bearer TOKENx")]),
            (401, "/mcp", &[host, token, token]),
            (401, "/mcp?token=TOKEN", &[host]),
            (403, "/mcp", &[token]),
            (403, "/mcp", &[host, host, token]),
            (403, "/mcp", &[("host", "127.0.0.1"), token]),
            (403, "/mcp", &[("host", "127.0.0.1:80"), token]),
            (403, "/mcp", &[("host", "evil.example:8123"), token]),
            (
                403,
                "/mcp",
                &[("host", "127.0.0.1.evil.example:8123"), token],
            ),
            (
                403,
                "/mcp",
                &[("host", "127.0.0.1:8123@evil.example"), token],
            ),
            (403, "/mcp", &[("host", "0.0.0.0:8123"), token]),
            (403, "/mcp", &[("host", "2130706433:8123"), token]),
            (403, "http://127.0.0.1:8123/mcp", &[host, token]),
            (
                403,
                "/mcp",
                &[host, token, ("origin", "http://evil.example")],
            ),
            (
                403,
                "/mcp",
                &[host, token, ("origin", "http://evil.example:8123")],
            ),
            (403, "/mcp", &[host, token, ("origin", "null")]),
            (403, "/mcp", &[host, token, ("origin", "")]),
            (
                403,
                "/mcp",
                &[host, token, ("origin", "https://localhost:8123")],
            ),
            (403, "/mcp", &[host, token, ("origin", "http://localhost")]),
        ];
        for (expected, path, headers) in cases {
            assert_eq!(outcome(path, headers), *expected, "{path} {headers:?}");
        }
    }
}
