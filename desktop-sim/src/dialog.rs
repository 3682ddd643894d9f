//! The dialogs of the app, with the names of the guide, as text that a person or a scenario can
//! read.

use jiff::Timestamp;

/// A dialog of the app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dialog {
    /// "Enter your corporate e-mail", the start of SSO. An app that was downloaded by the
    /// guide's link shows it first.
    CorporateEmail,
    /// Sign-In to Parallels Account, opened by Parallels Desktop → Account & License…
    SignIn,
    /// Enter Business Key, opened by the button Business Edition of [`Dialog::SignIn`].
    BusinessKey,
    /// The app is activated.
    Activated {
        /// E-mail address of the license's owner.
        email: String,
        /// Time until which the app runs without asking the portal.
        valid_until: Timestamp,
    },
    /// The portal revoked the license. The app runs until the last signed license ends.
    TakenBack {
        /// Reason that the portal gave.
        because: String,
        /// Time at which the app stops.
        until: Timestamp,
    },
    /// The app does not run because it has no valid license.
    Stopped {
        /// Why the license is not valid.
        because: String,
    },
    /// The activation failed at the portal or at the identity provider.
    Refused {
        /// Reason that the app shows.
        because: String,
    },
}

impl Dialog {
    /// Returns the title of the window.
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

    /// Returns the buttons, from left to right.
    pub fn buttons(&self) -> &'static [&'static str] {
        match self {
            Self::CorporateEmail => &["Cancel", "Next"],
            Self::SignIn => &["Business Edition", "Sign In"],
            Self::BusinessKey => &["Continue with SSO", "Activate"],
            Self::Activated { .. } | Self::TakenBack { .. } => &["Account & License…"],
            Self::Stopped { .. } | Self::Refused { .. } => &["Account & License…", "Try Again"],
        }
    }

    /// Returns the text of the dialog, one or more lines.
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
