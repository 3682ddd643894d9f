//! The app's dialogs, as the guide names them: what stands on the screen, as
//! text that a person or a scenario can read.

use jiff::Timestamp;

/// What the app shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dialog {
    /// "Enter your corporate e-mail", the start of SSO: what the app obtained
    /// by the guide's link shows first.
    CorporateEmail,
    /// Sign-In to Parallels Account, by Parallels Desktop → Account & License…
    SignIn,
    /// Enter Business Key, by Business Edition on [`Dialog::SignIn`].
    BusinessKey,
    /// The activated app.
    Activated {
        /// Whose license.
        email: String,
        /// Until when it runs without asking the portal.
        valid_until: Timestamp,
    },
    /// The license was taken back; the app runs until the grace is over.
    TakenBack {
        /// The reason.
        because: String,
        /// Until when.
        until: Timestamp,
    },
    /// The app doesn't run any more.
    Stopped {
        /// The reason.
        because: String,
    },
    /// The portal or the IdP said no.
    Refused {
        /// What the app shows of it.
        because: String,
    },
}

impl Dialog {
    /// The title of its window.
    pub fn title(&self) -> &'static str {
        match self {
            Self::CorporateEmail => "Activate with Single Sign-On",
            Self::SignIn => "Sign-In to Parallels Account",
            Self::BusinessKey => "Enter Business Key",
            Self::Activated { .. } => "Parallels Desktop",
            Self::TakenBack { .. } => "Your license was taken back",
            Self::Stopped { .. } => "Parallels Desktop is not activated",
            Self::Refused { .. } => "Activation failed",
        }
    }

    /// Its buttons, from left to right.
    pub fn buttons(&self) -> &'static [&'static str] {
        match self {
            Self::CorporateEmail => &["Cancel", "Next"],
            Self::SignIn => &["Business Edition", "Sign In"],
            Self::BusinessKey => &["Continue with SSO", "Activate"],
            Self::Activated { .. } | Self::TakenBack { .. } => &["Account & License…"],
            Self::Stopped { .. } | Self::Refused { .. } => &["Account & License…", "Try Again"],
        }
    }

    /// What it says.
    pub fn text(&self) -> String {
        match self {
            Self::CorporateEmail => {
                "Enter your corporate e-mail address to sign in at your organization.\n\
                 Work e-mail: [                    ]"
                    .to_owned()
            }
            Self::SignIn => {
                "Sign in to your Parallels account. Don't enter your corporate password here:\n\
                 choose Business Edition, then Continue with SSO.\n\
                 E-mail: [                    ]   Password: [          ]"
                    .to_owned()
            }
            Self::BusinessKey => "Enter the business key that your administrator gave you,\n\
                 or continue with single sign-on.\n\
                 Key: [      -      -      -      -      ]"
                .to_owned(),
            Self::Activated { email, valid_until } => {
                format!("Activated for {email}. Works off-line until {valid_until}.")
            }
            Self::TakenBack { because, until } => {
                format!("{because}. Parallels Desktop runs until {until}.")
            }
            Self::Stopped { because } | Self::Refused { because } => because.clone(),
        }
    }
}

impl std::fmt::Display for Dialog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "┌─ {} ─", self.title())?;
        for line in self.text().lines() {
            writeln!(f, "│ {}", line.trim())?;
        }
        let buttons: Vec<String> = self.buttons().iter().map(|b| format!("( {b} )")).collect();
        write!(f, "└─ {}", buttons.join(" "))
    }
}
