//! How a target is contacted, and how much of its answers is read.

use std::io::Read as _;
use std::time::Duration;

use flate2::read::MultiGzDecoder;
use reqwest::{ClientBuilder, Response, header};
use scraper::ElementRef;
use tokio_rustls::rustls::pki_types::CertificateDer;

use super::tls;
use crate::excerpt::{excerpt, unescape};

/// Limit for the body of an answer, in bytes: an endless answer must not fill the memory.
pub const MAX_ANSWER: usize = 4 * 1024 * 1024;

/// Limit for metadata, in bytes: the metadata of a federation is long.
const MAX_METADATA: usize = 20 * 1024 * 1024;

/// Settings for HTTP connections to a target.
#[derive(Debug, Clone)]
pub struct Access {
    /// Time limit for an answer, up to its last byte.
    pub timeout: Duration,
    /// Certificates to trust in addition to the machine's authorities: as authorities, and as the
    /// target's own certificate.
    pub authorities: Vec<CertificateDer<'static>>,
    /// True if every certificate is accepted.
    pub insecure: bool,
    /// URL of an HTTP proxy for everything but addresses of this machine.
    pub proxy: Option<url::Url>,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            authorities: Vec::new(),
            insecure: false,
            proxy: None,
        }
    }
}

impl Access {
    /// Returns the builder of an HTTP client that follows no redirects and resolves names below
    /// `localhost` as browsers do (RFC 6761 §6.3), because some resolvers cannot.
    pub fn client(&self) -> ClientBuilder {
        let builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .dns_resolver(ambient::LocalhostResolver)
            .timeout(self.timeout);
        // `check` reports an invalid URL.
        let builder = match self.http_proxy() {
            Ok(Some(proxy)) => builder.proxy(proxy),
            Ok(None) | Err(_) => builder,
        };
        if self.insecure {
            return builder.tls_danger_accept_invalid_certs(true);
        }
        match tls::config(&self.authorities) {
            Ok(config) => builder.tls_backend_preconfigured(config),
            // `check` reports the error in these certificates.
            Err(_) => builder,
        }
    }

    /// Returns the proxy, which is not used for addresses of this machine.
    fn http_proxy(&self) -> Result<Option<reqwest::Proxy>, reqwest::Error> {
        let Some(url) = &self.proxy else {
            return Ok(None);
        };
        let local = reqwest::NoProxy::from_string("localhost,127.0.0.0/8,::1");
        Ok(Some(reqwest::Proxy::all(url.clone())?.no_proxy(local)))
    }

    /// Checks that the certificates can be used as authorities.
    ///
    /// # Errors
    /// When one of them is invalid.
    pub fn check(&self) -> Result<(), tokio_rustls::rustls::Error> {
        tls::config(&self.authorities).map(drop)
    }
}

/// Why there is no usable answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// The body is longer than this number of bytes.
    #[error("the answer is longer than {} MiB and was not read to its end", .0 / 1024 / 1024)]
    TooLong(usize),
    /// The answer did not arrive within this time.
    #[error("no answer within {} s", .0.as_secs_f32())]
    Timeout(Duration),
    /// The answers redirect to each other, or too often.
    #[error("the redirects lead to no document: {0}")]
    Redirects(String),
    /// The certificate of the target is refused.
    #[error("{0}")]
    Certificate(String),
    /// The HTTP status is an error.
    #[error("unexpected status: HTTP {0}")]
    Status(u16),
    /// The target closed the connection before it began its answer.
    #[error("{0}")]
    Closed(String),
    /// The target cannot be reached, or the connection broke.
    #[error("{}", .0)]
    Transport(String),
}

impl AnswerError {
    /// True if the target closed the connection before it began its answer.
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Closed(_))
    }

    /// Converts an error of reqwest. The text contains each cause once.
    pub fn of(error: &reqwest::Error, timeout: Duration) -> Self {
        if error.is_timeout() {
            return Self::Timeout(timeout);
        }
        let (what, last) = ambient::http_error_cause(error);
        if error.is_redirect() {
            return Self::Redirects(last);
        }
        let text = match ambient::explain(&last) {
            Some(known) => format!("{what}: {} ({last}); {}", known.meaning, known.remedy),
            None => format!("{what}: {last}"),
        };
        if ambient::is_closed_without_answer(error) {
            return Self::Closed(text);
        }
        match last.contains("invalid peer certificate") {
            true => Self::Certificate(text),
            false => Self::Transport(text),
        }
    }
}

/// Reads a body as text, up to [`MAX_ANSWER`] bytes.
///
/// # Errors
/// [`AnswerError`] when the body is longer or incomplete; `timeout` is that of the client.
pub async fn read_body(answer: Response, timeout: Duration) -> Result<String, AnswerError> {
    read_up_to(answer, timeout, MAX_ANSWER).await
}

/// A document, with the headers it was served with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedDocument {
    /// The document.
    pub text: String,
    /// The media type; `None` if the document was not fetched by HTTP.
    pub media_type: Option<String>,
    /// The `Cache-Control` header, if the document was fetched and had one.
    pub cache_control: Option<String>,
}

/// Fetches metadata of up to 20 MiB.
///
/// # Errors
/// As [`read_body`]; [`AnswerError::Status`] for every status that is not a success.
pub async fn fetch_metadata(
    client: &reqwest::Client,
    url: &str,
    timeout: Duration,
) -> Result<FetchedDocument, AnswerError> {
    let answer = client.get(url).send().await;
    let answer = answer.map_err(|error| AnswerError::of(&error, timeout))?;
    let status = answer.status();
    if !status.is_success() {
        return Err(AnswerError::Status(status.as_u16()));
    }
    let header = |name: &str| {
        let value = answer.headers().get(name)?;
        value.to_str().ok().map(str::to_owned)
    };
    let (media_type, cache_control) = (header("content-type"), header("cache-control"));
    Ok(FetchedDocument {
        text: read_up_to(answer, timeout, MAX_METADATA).await?,
        media_type,
        cache_control,
    })
}

async fn read_up_to(
    mut answer: Response,
    timeout: Duration,
    limit: usize,
) -> Result<String, AnswerError> {
    // Some servers compress even if the client does not accept it.
    let encoding = answer.headers().get(header::CONTENT_ENCODING);
    let is_gzip = encoding.is_some_and(|it| it.as_bytes().eq_ignore_ascii_case(b"gzip"));
    let mut bytes = Vec::new();
    while let Some(chunk) = answer
        .chunk()
        .await
        .map_err(|error| AnswerError::of(&error, timeout))?
    {
        if bytes.len() + chunk.len() > limit {
            return Err(AnswerError::TooLong(limit));
        }
        bytes.extend_from_slice(&chunk);
    }
    if is_gzip {
        bytes = inflate(&bytes, limit)?;
    }
    Ok(saml::encoding::decode_lossy(&bytes))
}

/// Decompresses a gzip file, up to `limit` bytes.
fn inflate(bytes: &[u8], limit: usize) -> Result<Vec<u8>, AnswerError> {
    let mut whole = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX);
    let read = MultiGzDecoder::new(bytes)
        .take(most + 1)
        .read_to_end(&mut whole);
    match read {
        Ok(length) if length > limit => Err(AnswerError::TooLong(limit)),
        Ok(_) => Ok(whole),
        Err(error) => Err(AnswerError::Transport(format!(
            "the answer has Content-Encoding: gzip but is not valid gzip: {error}"
        ))),
    }
}

/// Returns the visible text of a page on one line, without styles, scripts and markup, shortened to
/// about `most` characters.
pub(in crate::check) fn page_summary(body: &str, most: usize) -> String {
    let document = scraper::Html::parse_document(body);
    let (mut title, mut words) = (Vec::new(), Vec::new());
    for node in document.tree.nodes() {
        let scraper::Node::Text(text) = node.value() else {
            continue;
        };
        let ancestors = || node.ancestors().filter_map(ElementRef::wrap);
        if ancestors().any(is_beside_the_point) {
            continue;
        }
        let to = match ancestors().any(|it| it.value().name() == "title") {
            true => &mut title,
            false => &mut words,
        };
        to.extend(text.split_whitespace());
    }
    let (title, words) = (title.join(" "), words.join(" "));
    let summary = match words.contains(&title) {
        true => words,
        false => format!("{title} {words}"),
    };
    // The parser has decoded the references once; some servers escape a message twice.
    excerpt(unescape(summary.trim()).trim(), most)
}

/// Number of links side by side from which they count as a menu or a choice of languages.
const MENU: usize = 6;

/// True for a part of a page that says nothing about this answer, such as code and menus.
fn is_beside_the_point(element: ElementRef<'_>) -> bool {
    let name = |it: &ElementRef<'_>| it.value().name().to_owned();
    let is_link = |it: &ElementRef<'_>| match name(it).as_str() {
        "a" | "option" => true,
        "li" => it.child_elements().any(|it| name(&it) == "a"),
        _ => false,
    };
    match element.value().name() {
        "style" | "script" | "noscript" | "template" | "svg" | "nav" => true,
        "html" | "body" | "main" => false,
        _ => element.child_elements().filter(is_link).count() >= MENU,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compressed_answer_is_read_up_to_the_limit() {
        use std::io::Write as _;
        let zipped = |text: &[u8]| {
            let level = flate2::Compression::fast();
            let mut out = flate2::write::GzEncoder::new(Vec::new(), level);
            out.write_all(text).unwrap();
            out.finish().unwrap()
        };
        assert_eq!(inflate(&zipped(b"{}"), 100).unwrap(), b"{}");
        let bomb = zipped(&[0; 101]);
        assert!(matches!(
            inflate(&bomb, 100),
            Err(AnswerError::TooLong(100))
        ));
        assert!(matches!(
            inflate(b"{}", 100),
            Err(AnswerError::Transport(_))
        ));
    }

    /// Answers one request with 204 and returns its first line.
    async fn answer_one_request(listener: tokio::net::TcpListener) -> String {
        use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        let answer = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
        stream.write_all(answer).await.unwrap();
        line.trim().to_owned()
    }

    #[tokio::test]
    async fn a_proxy_is_used_for_everything_but_this_machine() {
        let proxy = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let local = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = |listener: &tokio::net::TcpListener| {
            format!("http://{}/x", listener.local_addr().unwrap())
        };
        let access = Access {
            proxy: Some(at(&proxy).parse().unwrap()),
            ..Access::default()
        };
        let client = access.client().build().unwrap();
        let own = at(&local);
        let (line, answer) = tokio::join!(answer_one_request(local), client.get(&own).send());
        assert_eq!(answer.unwrap().status(), 204);
        assert_eq!(line, "GET /x HTTP/1.1");
        // The name is not resolved here: the proxy does it.
        let far = "http://app.invalid/x";
        let (line, answer) = tokio::join!(answer_one_request(proxy), client.get(far).send());
        assert_eq!(answer.unwrap().status(), 204);
        assert_eq!(line, "GET http://app.invalid/x HTTP/1.1");
    }

    #[test]
    fn a_page_is_summed_up_without_its_styles() {
        let page = "<html><head><title>Not here</title><style>p{color:red}</style></head><body><p>Try\n elsewhere</p><script>x()</script></body></html>";
        assert_eq!(page_summary(page, 100), "Not here Try elsewhere");
        assert_eq!(page_summary(page, 10), "Not here … (22 characters)");
    }

    #[tokio::test]
    async fn a_url_with_the_scheme_of_another_server_is_explained() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answers = async {
            use tokio::io::AsyncWriteExt as _;
            let (mut stream, _) = listener.accept().await.unwrap();
            stream
                .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                .await
                .unwrap();
        };
        let client = Access::default().client().build().unwrap();
        let ask = client.get(format!("https://{address}/")).send();
        let ((), answer) = tokio::join!(answers, ask);
        let error = AnswerError::of(&answer.unwrap_err(), Duration::from_secs(1)).to_string();
        assert!(error.contains("it does not use TLS"), "{error}");
    }

    #[test]
    fn a_message_that_was_escaped_twice_is_readable() {
        let page = "<p>The user &amp;#039;jo&amp;#039; isn&#039;t known</p>";
        assert_eq!(page_summary(page, 100), "The user 'jo' isn't known");
    }

    #[test]
    fn a_page_is_summed_up_without_menus() {
        let languages: String = [
            "English",
            "Deutsch",
            "Français",
            "Čeština",
            "Suomi",
            "日本語",
        ]
        .map(|it| format!("<a href=\"?language\">{it}</a> | "))
        .concat();
        let page = format!(
            "<title>Missing cookie</title><div id=\"languagebar\">{languages}</div>\
             <main><h1>Missing cookie</h1><p>Enable cookies.</p><a href=\"/\">Retry</a></main>"
        );
        assert_eq!(
            page_summary(&page, 200),
            "Missing cookie Enable cookies. Retry"
        );
        let other = "<title>Sign on</title><body><p>Password</p></body>";
        assert_eq!(page_summary(other, 200), "Sign on Password");
    }
}
