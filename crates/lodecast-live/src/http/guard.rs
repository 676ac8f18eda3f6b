//! Who may ask: browsers that were led here by an own name, and programs. Another site that a browser is on may not, whatever name
//! it goes by (DNS rebinding), and neither may it send anything.

use axum::http::{HeaderMap, HeaderValue, header};

use super::listener::Address;

/// Headers of every answer: nothing from elsewhere is loaded, shown around, or kept.
pub(crate) const HEADERS: [(&str, &str); 6] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; \
         form-action 'self'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cache-control", "no-store"),
];

/// The names that a server goes by.
#[derive(Clone, Debug)]
pub(crate) struct OwnNames(Vec<String>);

impl OwnNames {
    /// Its address by number and, on this machine, as `localhost`; and `others`, with their port where it is not that of the scheme.
    pub(crate) fn new(address: &Address, others: &[String]) -> Self {
        let mut names = others.to_vec();
        match address {
            Address::Tcp(address) => {
                let port = address.port();
                names.insert(0, address.to_string());
                if address.ip().is_loopback() || address.ip().is_unspecified() {
                    names.extend(["127.0.0.1", "[::1]", "localhost"].map(|name| format!("{name}:{port}")));
                }
                names.extend(others.iter().map(|name| format!("{name}:{port}")));
            }
            // The file system says who it is; a browser cannot be led there.
            #[cfg(unix)]
            Address::Unix(_) => names.insert(0, "localhost".to_owned()),
        }
        Self(names)
    }

    /// Says why a request is refused, if it is.
    pub(crate) fn objection(&self, headers: &HeaderMap) -> Option<String> {
        let mut hosts = headers.get_all(header::HOST).iter();
        let host = match (hosts.next(), hosts.next()) {
            (Some(host), None) => text(host),
            _ => return Some("a request names one Host".to_owned()),
        };
        if !self.is_own(host) {
            return Some(format!("this server is at http://{}, and goes by no other name", self.0[0]));
        }
        let foreign = headers.get_all(header::ORIGIN).iter().any(|origin| {
            let origin = text(origin);
            let host = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
            // A page that came over TLS came through a proxy of the same name.
            host.is_none_or(|own| !self.is_own(own) || own != host_of(headers))
        });
        let cross_site =
            headers.get("sec-fetch-site").is_some_and(|site| matches!(text(site), "cross-site" | "same-site"));
        (foreign || cross_site).then(|| "other sites may not ask".to_owned())
    }

    fn is_own(&self, host: &str) -> bool {
        self.0.iter().any(|own| own.eq_ignore_ascii_case(host))
    }
}

fn host_of(headers: &HeaderMap) -> &str {
    headers.get(header::HOST).map_or("", text)
}

fn text(value: &HeaderValue) -> &str {
    value.to_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_name_and_its_own_pages_get_in() {
        let address: std::net::SocketAddr = "127.0.0.1:7878".parse().expect("an address");
        let names = OwnNames::new(&address.into(), &["lab.example".to_owned()]);
        let asked = |pairs: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(*name, value.parse().expect("a value"));
            }
            names.objection(&headers).is_none()
        };
        assert!(asked(&[("host", "127.0.0.1:7878")]) && asked(&[("host", "LOCALHOST:7878")]));
        assert!(asked(&[("host", "localhost:7878"), ("origin", "http://localhost:7878")]));
        assert!(asked(&[("host", "lab.example"), ("origin", "https://lab.example")]));
        for foreign in [
            &[][..],
            &[("host", "evil.example")],
            &[("host", "evil.example:7878")],
            &[("host", "127.0.0.1")],
            &[("host", "127.0.0.1:7879")],
            &[("host", "127.0.0.1:7878.evil.example")],
            &[("host", "127.0.0.1:7878"), ("host", "evil.example")],
            &[("host", "127.0.0.1:7878"), ("origin", "http://evil.example")],
            &[("host", "127.0.0.1:7878"), ("origin", "http://localhost:7878")],
            &[("host", "127.0.0.1:7878"), ("origin", "null")],
            &[("host", "127.0.0.1:7878"), ("origin", "http://127.0.0.1:7878"), ("origin", "http://evil.example")],
            &[("host", "127.0.0.1:7878"), ("sec-fetch-site", "cross-site")],
        ] {
            assert!(!asked(foreign), "{foreign:?}");
        }
    }
}
