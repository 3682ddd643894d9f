//! The variants of a request, as data. To try another one, add a line.

/// Binding of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    /// HTTP-Redirect (saml-bindings §3.4).
    Redirect,
    /// HTTP-POST (saml-bindings §3.5).
    Post,
}

impl Binding {
    /// Returns the name of the binding for reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Redirect => "HTTP-Redirect",
            Self::Post => "HTTP-POST",
        }
    }
}

/// How a request is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signing {
    /// Signed if the metadata requires it.
    AsWanted,
    /// Without a signature.
    Never,
    /// Signed with the service provider's key.
    Always,
    /// Signed with a key that is not in its metadata.
    Foreign,
    /// Signed with its key, then changed.
    Tampered,
}

/// The browser that sends the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// A new one without cookies.
    New,
    /// The browser in which the user signed on first.
    First,
}

/// The requested address of the answer (AssertionConsumerServiceURL).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acs {
    /// No address is requested.
    None,
    /// The second registered address.
    Second,
    /// An attacker's address.
    Attacker,
    /// An attacker's address that begins with the registered one.
    BeginsAlike,
    /// An attacker's address with the registered host in its user name part.
    UserInfo,
    /// Another path of the registered host.
    OtherPath,
}

/// A difference from the plain request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amend {
    /// Sets an attribute.
    Set(&'static str, &'static str),
    /// Adds a NameIDPolicy with this Format.
    NameId(&'static str),
    /// Adds a RequestedAuthnContext with this class and Comparison `exact`.
    Context(&'static str),
    /// Sets AssertionConsumerServiceURL.
    Acs(Acs),
    /// Sets AssertionConsumerServiceIndex.
    AcsIndex(u16),
    /// Sets another Issuer.
    Issuer(&'static str),
    /// Sets another Destination.
    Destination(&'static str),
    /// Sets another Version.
    Version(&'static str),
    /// Moves IssueInstant by this number of seconds.
    Later(i64),
    /// Adds this number of bytes of padding.
    Padding(usize),
    /// Writes the Issuer as an entity of a DTD.
    InternalEntity,
    /// Adds a DTD with an external entity.
    ExternalEntity,
    /// Sends this text instead of a request.
    Raw(&'static str),
    /// Sets this RelayState.
    RelayState(&'static str),
    /// Sets a RelayState of this number of bytes.
    LongRelayState(usize),
}

/// A variant of a request.
#[derive(Debug, Clone, Copy)]
pub struct Variant {
    /// Its name, in kebab case.
    pub name: &'static str,
    /// What it tests, in a few words.
    pub about: &'static str,
    /// The binding; `None` for the one by which ordinary requests lead to a sign-on.
    pub binding: Option<Binding>,
    /// How it is signed.
    pub signing: Signing,
    /// The browser that sends it.
    pub whose: Whose,
    /// True if the user fills in login pages.
    pub person: bool,
    /// True if a correct identity provider signs the user on.
    pub good: bool,
    /// Differences from the plain request.
    pub amends: &'static [Amend],
}

use Acs::{Attacker, BeginsAlike, OtherPath, Second, UserInfo};
use Amend::{
    AcsIndex, Context, Destination, ExternalEntity, InternalEntity, Issuer, Later, LongRelayState,
    NameId, Padding, Raw, RelayState, Set, Version,
};
use Binding::{Post, Redirect};
use Signing::{Always, AsWanted, Foreign, Never, Tampered};
use Whose::{First, New};

/// Markup that runs a script in a page that does not escape it.
pub const MARKUP: &str = "\"><script>alert('rehearsal')</script>";

/// The same markup, escaped as XML text.
const MARKUP_ISSUER: &str =
    "https://unknown.example/&quot;&gt;&lt;script&gt;alert('rehearsal')&lt;/script&gt;";

/// An authentication context class that no identity provider supports.
pub const IMPOSSIBLE_CLASS: &str = "urn:rehearsal:ac:classes:ThreeKeysTurnedAtOnce";

/// A NameID format that no identity provider supports.
pub const IMPOSSIBLE_FORMAT: &str = "urn:rehearsal:nameid-format:shoe-size";

const PASSWORD: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";
const EMAIL: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress";
const PERSISTENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
const TRANSIENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";

const fn good(name: &'static str, about: &'static str, amends: &'static [Amend]) -> Variant {
    Variant {
        name,
        about,
        binding: None,
        signing: AsWanted,
        whose: First,
        person: true,
        good: true,
        amends,
    }
}

const fn odd(name: &'static str, about: &'static str, amends: &'static [Amend]) -> Variant {
    Variant {
        good: false,
        ..good(name, about, amends)
    }
}

/// Name of the plain request by HTTP-Redirect.
pub const REDIRECT: &str = "redirect";

/// Name of the plain request by HTTP-POST, which is sent if none by HTTP-Redirect leads to a sign-on.
pub const POST: &str = "post";

/// The variants in the order in which they are sent; the first one that can be sent signs the user
/// on.
pub const VARIANTS: &[Variant] = &[
    Variant {
        binding: Some(Redirect),
        whose: New,
        ..good(REDIRECT, "a plain request by HTTP-Redirect", &[])
    },
    Variant {
        binding: Some(Post),
        whose: New,
        ..good(
            POST,
            "a plain request by HTTP-POST, because none by HTTP-Redirect leads to a sign-on",
            &[],
        )
    },
    good("session", "another request while the session lasts", &[]),
    Variant {
        binding: Some(Redirect),
        signing: Never,
        ..good(
            "redirect-unsigned",
            "an unsigned request by HTTP-Redirect",
            &[],
        )
    },
    Variant {
        binding: Some(Redirect),
        signing: Always,
        ..good("redirect-signed", "a signed request by HTTP-Redirect", &[])
    },
    Variant {
        binding: Some(Post),
        signing: Never,
        ..good("post-unsigned", "an unsigned request by HTTP-POST", &[])
    },
    Variant {
        binding: Some(Post),
        signing: Always,
        ..good("post-signed", "a signed request by HTTP-POST", &[])
    },
    good(
        "force-authn",
        "ForceAuthn while the session lasts",
        &[Set("ForceAuthn", "true")],
    ),
    Variant {
        person: false,
        ..good(
            "passive",
            "IsPassive while the session lasts",
            &[Set("IsPassive", "true")],
        )
    },
    Variant {
        whose: New,
        person: false,
        ..odd(
            "passive-alone",
            "IsPassive without a session",
            &[Set("IsPassive", "true")],
        )
    },
    Variant {
        person: false,
        ..odd(
            "force-and-passive",
            "ForceAuthn and IsPassive at once",
            &[Set("ForceAuthn", "true"), Set("IsPassive", "true")],
        )
    },
    odd("name-email", "NameIDPolicy emailAddress", &[NameId(EMAIL)]),
    odd(
        "name-persistent",
        "NameIDPolicy persistent",
        &[NameId(PERSISTENT)],
    ),
    odd(
        "name-transient",
        "NameIDPolicy transient",
        &[NameId(TRANSIENT)],
    ),
    odd(
        "name-transient-again",
        "NameIDPolicy transient, once more",
        &[NameId(TRANSIENT)],
    ),
    odd(
        "name-impossible",
        "NameIDPolicy with an unknown format",
        &[NameId(IMPOSSIBLE_FORMAT)],
    ),
    odd(
        "context-password",
        "RequestedAuthnContext PasswordProtectedTransport",
        &[Context(PASSWORD)],
    ),
    odd(
        "context-impossible",
        "RequestedAuthnContext with an unknown class",
        &[Context(IMPOSSIBLE_CLASS)],
    ),
    good(
        "acs-second",
        "AssertionConsumerServiceURL is the second registered address",
        &[Amend::Acs(Second)],
    ),
    good(
        "acs-index",
        "AssertionConsumerServiceIndex is 1",
        &[AcsIndex(1)],
    ),
    odd(
        "acs-index-unknown",
        "AssertionConsumerServiceIndex is unknown",
        &[AcsIndex(99)],
    ),
    good(
        "acs-default",
        "the request names no AssertionConsumerService",
        &[Amend::Acs(Acs::None)],
    ),
    odd(
        "acs-attacker",
        "AssertionConsumerServiceURL is an attacker's address",
        &[Amend::Acs(Attacker)],
    ),
    Variant {
        signing: Always,
        ..odd(
            "acs-attacker-signed",
            "AssertionConsumerServiceURL is an attacker's address, in a signed request",
            &[Amend::Acs(Attacker)],
        )
    },
    odd(
        "acs-begins-alike",
        "AssertionConsumerServiceURL begins with the registered address",
        &[Amend::Acs(BeginsAlike)],
    ),
    odd(
        "acs-user-info",
        "AssertionConsumerServiceURL has the registered host as its user name",
        &[Amend::Acs(UserInfo)],
    ),
    odd(
        "acs-other-path",
        "AssertionConsumerServiceURL is another path of the registered host",
        &[Amend::Acs(OtherPath)],
    ),
    odd(
        "issuer-unknown",
        "the Issuer is an unregistered service provider",
        &[Issuer("https://unknown.example/sp")],
    ),
    odd(
        "issuer-markup",
        "the issuer is markup",
        &[Issuer(MARKUP_ISSUER)],
    ),
    good(
        "relay-state-markup",
        "the RelayState is markup",
        &[RelayState(MARKUP)],
    ),
    odd(
        "relay-state-long",
        "the RelayState has 2000 bytes",
        &[LongRelayState(2000)],
    ),
    odd(
        "stale",
        "a request that was issued a day ago",
        &[Later(-86_400)],
    ),
    odd(
        "future",
        "a request with an IssueInstant one day in the future",
        &[Later(86_400)],
    ),
    Variant {
        signing: Always,
        ..odd(
            "destination-wrong",
            "a signed request for another identity provider",
            &[Destination("https://other.example/sso")],
        )
    },
    Variant {
        binding: Some(Redirect),
        signing: Tampered,
        ..odd(
            "redirect-tampered",
            "a request changed after signing, by HTTP-Redirect",
            &[],
        )
    },
    Variant {
        binding: Some(Post),
        signing: Tampered,
        ..odd(
            "post-tampered",
            "a request changed after signing, by HTTP-POST",
            &[],
        )
    },
    Variant {
        binding: Some(Redirect),
        signing: Foreign,
        ..odd(
            "redirect-foreign-key",
            "a request signed with another key, by HTTP-Redirect",
            &[],
        )
    },
    Variant {
        binding: Some(Post),
        signing: Foreign,
        ..odd(
            "post-foreign-key",
            "a request signed with another key, by HTTP-POST",
            &[],
        )
    },
    odd("version", "a request of version 1.1", &[Version("1.1")]),
    odd(
        "binding-redirect",
        "ProtocolBinding is HTTP-Redirect",
        &[Set(
            "ProtocolBinding",
            "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect",
        )],
    ),
    Variant {
        binding: Some(Post),
        ..odd(
            "entity-internal",
            "the issuer is an entity of a DTD",
            &[InternalEntity],
        )
    },
    Variant {
        binding: Some(Post),
        ..odd(
            "entity-external",
            "a DTD with an external entity",
            &[ExternalEntity],
        )
    },
    Variant {
        signing: Never,
        ..odd(
            "malformed",
            "truncated XML",
            &[Raw(
                "<samlp:AuthnRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" ID=",
            )],
        )
    },
    Variant {
        binding: Some(Post),
        signing: Never,
        ..odd(
            "oversized",
            "a request of a megabyte",
            &[Padding(1_000_000)],
        )
    },
    good("after-oversized", "a plain request after that", &[]),
    Variant {
        whose: New,
        ..good("second-browser", "a plain request in another browser", &[])
    },
    Variant {
        whose: New,
        ..good("third-browser", "a plain request in a third browser", &[])
    },
];
