//! Who may ask for the page: browsers that were led to it by its own address. Another site that a browser is on may not, whatever
//! name it goes by (DNS rebinding), and neither may it send anything.

use std::net::SocketAddr;

use axum::http::{HeaderMap, HeaderValue, header};

/// Headers of every answer: nothing from elsewhere is loaded, shown around, or kept.
pub(super) const HEADERS: [(&str, &str); 6] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cache-control", "no-store"),
];

/// Says why a request is refused, if it is.
pub(super) fn objection(headers: &HeaderMap, address: SocketAddr) -> Option<String> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => text(host),
        _ => return Some("a request names one Host".to_owned()),
    };
    if !is_own(host, address) {
        return Some(format!("this page is at http://{address}, and goes by no other name"));
    }
    let foreign = headers
        .get_all(header::ORIGIN)
        .iter()
        .any(|origin| text(origin).strip_prefix("http://").is_none_or(|host| !is_own(host, address)));
    let cross_site = headers.get("sec-fetch-site").is_some_and(|site| matches!(text(site), "cross-site" | "same-site"));
    (foreign || cross_site).then(|| "other sites may not ask for this page".to_owned())
}

/// Is it this page's own address, by number or as `localhost`?
fn is_own(host: &str, address: SocketAddr) -> bool {
    let port = address.port();
    [address.to_string(), format!("127.0.0.1:{port}"), format!("[::1]:{port}"), format!("localhost:{port}")]
        .iter()
        .any(|own| own.eq_ignore_ascii_case(host))
}

fn text(value: &HeaderValue) -> &str {
    value.to_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_name_and_its_own_pages_get_in() {
        let address: SocketAddr = "127.0.0.1:7878".parse().expect("an address");
        let asked = |pairs: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(*name, value.parse().expect("a value"));
            }
            objection(&headers, address).is_none()
        };
        assert!(asked(&[("host", "127.0.0.1:7878")]) && asked(&[("host", "LOCALHOST:7878")]));
        assert!(asked(&[("host", "localhost:7878"), ("origin", "http://localhost:7878")]));
        for foreign in [
            &[][..],
            &[("host", "evil.example")],
            &[("host", "evil.example:7878")],
            &[("host", "127.0.0.1")],
            &[("host", "127.0.0.1:7879")],
            &[("host", "127.0.0.1:7878.evil.example")],
            &[("host", "127.0.0.1:7878"), ("host", "evil.example")],
            &[("host", "127.0.0.1:7878"), ("origin", "http://evil.example")],
            &[("host", "127.0.0.1:7878"), ("origin", "https://127.0.0.1:7878")],
            &[("host", "127.0.0.1:7878"), ("origin", "null")],
            &[("host", "127.0.0.1:7878"), ("origin", "http://127.0.0.1:7878"), ("origin", "http://evil.example")],
            &[("host", "127.0.0.1:7878"), ("sec-fetch-site", "cross-site")],
        ] {
            assert!(!asked(foreign), "{foreign:?}");
        }
    }
}
