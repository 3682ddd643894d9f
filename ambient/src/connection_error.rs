//! Explains the errors of connections that only experts understand: those of TLS, and those of a
//! wrong scheme in a URL. All commands use this table.

/// What an error of a connection means, and what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explanation {
    /// What is wrong, as a sentence without a period.
    pub meaning: &'static str,
    /// What to do, as a sentence without a period.
    pub remedy: &'static str,
}

/// What to do about a certificate that is not trusted.
const TRUST: &str = "--ca FILE trusts it or its authority, --insecure accepts every certificate; for a command without these options, set the environment variable SSL_CERT_FILE to the file of the certificate";
/// What to do about a certificate that is wrong.
const RENEW: &str = "replace the certificate; --insecure accepts every certificate";

/// What is wrong with an answer whose status line or headers cannot be read.
const INVALID_HTTP: &str = "the server's answer is not valid HTTP";
/// What to do about such an answer.
const READ_HEAD: &str = "read its first lines with `curl -i` or in the server's log: a header with a line break or a space in its name is invalid, and so is one of many kilobytes";

/// Texts of errors, what they mean, and what to do. The first that the error contains counts.
const KNOWN: [(&str, &str, &str); 27] = [
    (
        "UnknownIssuer",
        "the server's certificate is self-signed, or of an authority that this machine does not trust",
        TRUST,
    ),
    (
        "CaUsedAsEndEntity",
        "the server's certificate is one of an authority, as `openssl req -x509` creates it, and this machine does not trust it",
        TRUST,
    ),
    (
        "not valid for name",
        "the server's certificate is for another host name",
        "write the host name of the certificate into the URL, or replace the certificate; --insecure accepts every certificate",
    ),
    (
        "NotValidForName",
        "the server's certificate is for another host name",
        "write the host name of the certificate into the URL, or replace the certificate; --insecure accepts every certificate",
    ),
    (
        "not valid yet",
        "the server's certificate is not valid yet",
        "check the clock of this machine and the dates of the certificate",
    ),
    (
        "NotValidYet",
        "the server's certificate is not valid yet",
        "check the clock of this machine and the dates of the certificate",
    ),
    (
        "certificate expired",
        "the server's certificate has expired",
        RENEW,
    ),
    (
        "certificate: Expired",
        "the server's certificate has expired",
        RENEW,
    ),
    (
        "certificate: Revoked",
        "the server's certificate was revoked",
        RENEW,
    ),
    (
        "InvalidPurpose",
        "the server's certificate is not for servers (its extendedKeyUsage lacks serverAuth)",
        RENEW,
    ),
    (
        "does not allow extended key usage",
        "the server's certificate is not for servers (its extendedKeyUsage lacks serverAuth)",
        RENEW,
    ),
    (
        "invalid peer certificate",
        "the server's certificate cannot be verified",
        RENEW,
    ),
    (
        "fatal alert: ProtocolVersion",
        "the server supports only versions of TLS before 1.2",
        "enable TLS 1.2 or 1.3 at the server",
    ),
    (
        "peer is incompatible",
        "the server supports no version or algorithm of TLS that this program has",
        "enable TLS 1.2 or 1.3 with usual algorithms at the server",
    ),
    (
        "CertificateRequired",
        "the server requires a client certificate, which Rehearsal does not have",
        "let the server accept connections without one from this machine, or start a proxy that has one and give the URL of the proxy",
    ),
    (
        "fatal alert: BadCertificate",
        "the server requires a client certificate, which Rehearsal does not have",
        "let the server accept connections without one from this machine, or start a proxy that has one and give the URL of the proxy",
    ),
    (
        "fatal alert: HandshakeFailure",
        "the server has no algorithm of TLS in common with this program, or requires a client certificate",
        "enable TLS 1.2 or 1.3 with usual algorithms, and let the server accept connections without a client certificate",
    ),
    (
        "UnrecognisedName",
        "the server does not know this host name",
        "write the server's own host name into the URL",
    ),
    (
        "InvalidContentType",
        "there is a server, but it does not use TLS",
        "check the port; if it is right, write http:// into the URL",
    ),
    (
        "invalid HTTP version parsed",
        "there is a server, but it does not answer by HTTP",
        "check the port; if the server uses TLS, write https:// into the URL",
    ),
    ("invalid HTTP header parsed", INVALID_HTTP, READ_HEAD),
    ("invalid HTTP status-code parsed", INVALID_HTTP, READ_HEAD),
    ("invalid content-length parsed", INVALID_HTTP, READ_HEAD),
    ("invalid transfer-encoding parsed", INVALID_HTTP, READ_HEAD),
    ("message head is too large", INVALID_HTTP, READ_HEAD),
    (
        "connection closed before message completed",
        "the server closed the connection without an answer",
        "look into its log; if it uses TLS, write https:// into the URL",
    ),
    (
        "tls handshake eof",
        "the server closed the connection before TLS was established",
        "look into its log; if it does not use TLS, write http:// into the URL",
    ),
];

/// Explains the text of an error.
pub fn explain(error: &str) -> Option<Explanation> {
    let found = KNOWN.iter().find(|(sign, _, _)| error.contains(sign));
    found.map(|(_, meaning, remedy)| Explanation { meaning, remedy })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_that_speak_for_themselves_are_not_explained() {
        assert_eq!(explain("Connection refused (os error 111)"), None);
    }

    #[test]
    fn the_special_case_comes_before_the_general_one() {
        for (at, (sign, ..)) in KNOWN.iter().enumerate() {
            let before = KNOWN[..at]
                .iter()
                .find(|(earlier, ..)| sign.contains(earlier));
            assert_eq!(before, None, "{sign}");
        }
    }
}
