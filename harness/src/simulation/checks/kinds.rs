//! The checks that the page starts, as data: the fields of each form, and the options of
//! `rehearsal check` that they become.

/// A kind of server that can be checked: one form of the page.
#[derive(Debug)]
pub(super) struct Kind {
    /// The word after `rehearsal check`, also in the URL of the form.
    pub(super) word: &'static str,
    /// What is checked.
    pub(super) title: &'static str,
    /// What the check does to the server.
    pub(super) lead: &'static str,
    /// The party that the check plays, if the server has to know it before.
    pub(super) played: Option<&'static Played>,
    /// Options that every run has.
    pub(super) always: &'static [&'static str],
    /// The fields of the form, in their order.
    pub(super) fields: &'static [Field],
    /// The fields that few servers need: a closed part of the form.
    pub(super) more: &'static [Field],
    /// The options of which at least one has to be filled in.
    pub(super) one_of: &'static [&'static str],
}

/// A party that a check plays, and which the server under test must know before the check.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Played {
    /// What the party is.
    pub(super) name: &'static str,
    /// The file of its metadata. Its key is beside it.
    pub(super) file: &'static str,
    /// The option that writes the file.
    pub(super) file_option: &'static str,
    /// The option of its port.
    pub(super) port_option: &'static str,
    /// Its port. It is fixed, because the metadata contains it.
    pub(super) port: &'static str,
    /// The subcommand of `rehearsal check` that writes the file with `--prepare`.
    pub(super) prepared_by: &'static str,
    /// Where to register the file.
    pub(super) instruction: &'static str,
}

/// A field of a form. Its name is that of the option, without the dashes.
#[derive(Debug)]
pub(super) struct Field {
    /// The option of `rehearsal check`.
    pub(super) option: &'static str,
    pub(super) label: &'static str,
    /// What to enter; can be empty.
    pub(super) hint: &'static str,
    pub(super) input: Input,
    pub(super) is_required: bool,
    /// The pointer in the ready file to the value of the simulation's own party.
    pub(super) own: Option<&'static str>,
}

/// How a field is entered, and how it is given to the check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Input {
    /// One line.
    Text,
    /// Several lines. Each becomes the option with this value.
    Lines,
    /// A URL with http or https.
    Url,
    /// The same; `{user}` in it stands for the user.
    UrlTemplate,
    /// A regular expression; `{user}` in it stands for the user.
    Pattern,
    /// A secret. It is given in this environment variable, so that no list of processes and no
    /// report shows it.
    Secret(&'static str),
    /// A URL, or a pasted document, which becomes a file with this ending.
    DocumentOrUrl(&'static str),
    /// A pasted document, which becomes a file with this ending.
    Document(&'static str),
    /// A check box: the option alone.
    Switch,
    /// A choice among the profiles of this kind of check.
    Profile,
}

const IDP: Played = Played {
    name: "identity provider",
    file: "rehearsal-idp.xml",
    file_option: "--idp-metadata-out",
    port_option: "--idp-port",
    port: "18444",
    prepared_by: "sp",
    instruction: "Your service provider must trust it as its identity provider. Nothing has to reach the URLs in its metadata: the check plays the browser, too.",
};

const SP: Played = Played {
    name: "service provider",
    file: "rehearsal-sp.xml",
    file_option: "--sp-metadata-out",
    port_option: "--sp-port",
    port: "18555",
    prepared_by: "idp",
    instruction: "Your identity provider must know it as a service provider (an application), and a test user must have access to it. Nothing has to reach the URLs in its metadata: the check plays the browser, too.",
};

const fn field(
    option: &'static str,
    label: &'static str,
    hint: &'static str,
    input: Input,
) -> Field {
    Field {
        option,
        label,
        hint,
        input,
        is_required: false,
        own: None,
    }
}

const fn required(field: Field) -> Field {
    Field {
        is_required: true,
        ..field
    }
}

const fn own(pointer: &'static str, field: Field) -> Field {
    Field {
        own: Some(pointer),
        ..field
    }
}

const DOMAIN: Field = field(
    "--domain",
    "Domain of userNames and e-mail addresses",
    "for servers that accept only verified domains; otherwise example.com",
    Input::Text,
);

const PROFILE: Field = field(
    "--profile",
    "Profile",
    "the requirements of a marketplace or of a specification",
    Input::Profile,
);

const CA: Field = own(
    "/tls/ca_file",
    field(
        "--ca",
        "Certificate authority",
        "paste it as PEM, if the server's certificate is not from a public one",
        Input::Document("pem"),
    ),
);

const INSECURE: Field = field(
    "--insecure",
    "Accept every TLS certificate of the server",
    "",
    Input::Switch,
);

const SCIM_TOKEN: Field = own(
    "/sp/scim_bearer_token",
    field(
        "--token",
        "Bearer token of SCIM",
        "or an OAuth client, in More options",
        Input::Secret("REHEARSAL_SCIM_TOKEN"),
    ),
);

/// The ways to get a token.
const TOKENS: &[&str] = &["--token", "--oauth-token-url"];

const TOKEN_URL: Field = field(
    "--oauth-token-url",
    "OAuth: URL of the token endpoint",
    "instead of a token",
    Input::Url,
);

const CLIENT_ID: Field = field("--client-id", "OAuth: client ID", "", Input::Text);

const CLIENT_SECRET: Field = field(
    "--client-secret",
    "OAuth: client secret",
    "",
    Input::Secret("REHEARSAL_CLIENT_SECRET"),
);

const SCOPE: Field = field("--scope", "OAuth: scope", "", Input::Text);

const USER_TEMPLATE: Field = field(
    "--user-template",
    "Members of every created user",
    "a JSON object, for servers that require more than their schemas say; {name} stands for the userName",
    Input::Document("json"),
);

const ONLY: Field = field(
    "--only",
    "Run only these checks",
    "one id, or beginning of ids, on each line",
    Input::Lines,
);

const SKIP: Field = field(
    "--skip",
    "Leave out these checks",
    "one id, or beginning of ids, on each line",
    Input::Lines,
);

const TIMEOUT: Field = field(
    "--timeout",
    "Seconds to wait for an answer",
    "otherwise 30",
    Input::Text,
);

const ENTITY_ID: Field = field(
    "--entity-id",
    "Entity ID",
    "if the metadata contains several entities",
    Input::Text,
);

const START_FORM: Field = field(
    "--start-form",
    "Fields of the form that starts the login",
    "if the URL at which a login starts shows a form: NAME=VALUE or NAME on each line; {user} stands for the user",
    Input::Lines,
);

/// A person who mistyped the URL of the metadata waits, so the wait is short.
const WAIT: &[&str] = &["--wait", "5"];

const METADATA_HINT: &str = "usually a URL; or paste the XML document";

/// All kinds, in the order of the page.
pub(super) const ALL: [Kind; 4] = [
    Kind {
        word: "scim",
        title: "SCIM 2.0 server",
        lead: "Creates users and groups, changes them, and deletes them again. Other resources are not changed.",
        played: None,
        always: &[],
        fields: &[
            own(
                "/sp/scim_base_url",
                required(field(
                    "--base-url",
                    "SCIM base URL",
                    "the part before /Users",
                    Input::Url,
                )),
            ),
            SCIM_TOKEN,
            DOMAIN,
            PROFILE,
            CA,
            INSECURE,
            field(
                "--read-only",
                "Change nothing: run only the checks that create no resources",
                "",
                Input::Switch,
            ),
        ],
        more: &[
            TOKEN_URL,
            CLIENT_ID,
            CLIENT_SECRET,
            SCOPE,
            USER_TEMPLATE,
            field(
                "--rate",
                "Most requests per second",
                "otherwise unlimited",
                Input::Text,
            ),
            TIMEOUT,
            ONLY,
            SKIP,
        ],
        one_of: TOKENS,
    },
    Kind {
        word: "idp",
        title: "SAML identity provider",
        lead: "Signs a test user on many times, and sends invalid and forged AuthnRequests and LogoutRequests.",
        played: Some(&SP),
        always: WAIT,
        fields: &[
            required(field(
                "--metadata",
                "Metadata of the identity provider",
                METADATA_HINT,
                Input::DocumentOrUrl("xml"),
            )),
            required(field(
                "--user",
                "User name of the test user",
                "",
                Input::Text,
            )),
            required(field(
                "--password",
                "Password of the test user",
                "",
                Input::Secret("REHEARSAL_PASSWORD"),
            )),
            PROFILE,
            CA,
            INSECURE,
        ],
        more: &[
            ENTITY_ID,
            field(
                "--initiated-url",
                "URL at which the identity provider starts a sign-on",
                "{sp} stands for the entity ID of the service provider",
                Input::Text,
            ),
            TIMEOUT,
            ONLY,
            SKIP,
        ],
        one_of: &[],
    },
    Kind {
        word: "sp",
        title: "SAML service provider",
        lead: "Plays its identity provider: sends valid Responses first, then several hundred attacks. If one succeeds, the service provider has logged in a user who does not exist, or another user.",
        played: Some(&IDP),
        always: WAIT,
        fields: &[
            required(field(
                "--metadata",
                "Metadata of the service provider",
                METADATA_HINT,
                Input::DocumentOrUrl("xml"),
            )),
            required(field(
                "--start-url",
                "URL at which a login starts",
                "it leads to the identity provider",
                Input::Url,
            )),
            required(field(
                "--probe-url",
                "URL that shows who is logged in",
                "such as https://sp.example/me; it is requested with the cookies of the login",
                Input::Url,
            )),
            required(field(
                "--user",
                "Test user",
                "the NameID and the e-mail address of the Responses",
                Input::Text,
            )),
            required(field(
                "--expect",
                "Regular expression for its answer",
                "it matches what the URL that shows who is logged in answers if the test user is logged in, and nothing else: such as \"jo@example\\.com\"",
                Input::Pattern,
            )),
            field(
                "--logout-url",
                "URL at which a user logs out",
                "for the checks of single logout",
                Input::Url,
            ),
            PROFILE,
            CA,
            INSECURE,
            field(
                "--thorough",
                "Send every variant of the attacks (takes several times as long)",
                "",
                Input::Switch,
            ),
        ],
        more: &[
            START_FORM,
            field(
                "--logout-form",
                "Fields of the form that starts the logout",
                "if the URL at which a user logs out shows a form, as above",
                Input::Lines,
            ),
            field(
                "--attribute",
                "Attributes of the assertions",
                "instead of the common ones: NAME=VALUE on each line; {user} stands for the user",
                Input::Lines,
            ),
            ENTITY_ID,
            TIMEOUT,
            ONLY,
            SKIP,
        ],
        one_of: &[],
    },
    Kind {
        word: "leaver",
        title: "Application with SAML and SCIM: do leavers lose access?",
        lead: "Creates persons by SCIM, signs them on by SAML, then deactivates, deletes and logs them out, and measures how long their sessions still work.",
        played: Some(&IDP),
        always: WAIT,
        fields: &[
            required(field(
                "--scim-url",
                "SCIM base URL",
                "the part before /Users",
                Input::Url,
            )),
            Field {
                own: None,
                ..SCIM_TOKEN
            },
            required(field(
                "--sp-metadata",
                "Metadata of the application as a service provider",
                METADATA_HINT,
                Input::DocumentOrUrl("xml"),
            )),
            field(
                "--start-url",
                "URL at which a login starts",
                "{user} stands for the userName; without a URL, the identity provider starts the login",
                Input::UrlTemplate,
            ),
            required(field(
                "--probe-url",
                "URL that shows who is logged in",
                "{user} stands for the userName",
                Input::UrlTemplate,
            )),
            field(
                "--expect",
                "Regular expression for its answer",
                "it matches what the URL that shows who is logged in answers if the person is logged in; if empty, the userName",
                Input::Pattern,
            ),
            field(
                "--group",
                "Group that gives access",
                "its displayName, if there is one",
                Input::Text,
            ),
            DOMAIN,
            PROFILE,
            CA,
            INSECURE,
        ],
        more: &[
            TOKEN_URL,
            CLIENT_ID,
            CLIENT_SECRET,
            SCOPE,
            USER_TEMPLATE,
            TIMEOUT,
            ONLY,
            SKIP,
        ],
        one_of: TOKENS,
    },
];

impl Kind {
    /// Returns all fields of the form.
    pub(super) fn all_fields(&self) -> impl Iterator<Item = &'static Field> + use<> {
        self.fields.iter().chain(self.more)
    }

    /// Finds a kind by its word.
    pub(super) fn of(word: &str) -> Option<&'static Self> {
        ALL.iter().find(|it| it.word == word)
    }
}

impl Played {
    /// Returns its entity ID.
    pub(super) fn entity_id(&self) -> String {
        format!("http://127.0.0.1:{}/metadata", self.port)
    }
}

impl Field {
    /// The name of the field in the form.
    pub(super) fn name(&self) -> &'static str {
        self.option.trim_start_matches('-')
    }
}
