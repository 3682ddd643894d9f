//! "Testing Parallels Desktop activation via SSO": the actions of the desktop app.

use desktop_sim::{Activated, ActivationError, App, Credentials, DeviceIdentity, Transcript};

use crate::World;
use crate::judge::{Failed, Outcome};
use crate::world::CORPORATE_PASSWORD;

impl World {
    /// Installs the app on a person's Mac and starts it.
    ///
    /// # Errors
    /// When the app's browser cannot be set up.
    pub fn installs_app(&mut self, given: &str) -> Outcome {
        self.app = Some(self.app_on_mac_of(given)?);
        self.transcript = Transcript::default();
        Ok(())
    }

    fn app_on_mac_of(&self, given: &str) -> Outcome<App> {
        let device = DeviceIdentity {
            id: format!("mac-of-{}", given.to_ascii_lowercase()),
            name: format!("{given}'s Mac"),
        };
        let ambient = self.rehearsal.ambient.clone();
        Ok(App::with_client(
            self.rehearsal.portal_url_of_app(),
            device,
            ambient,
            self.rehearsal.trust.client(),
        )?)
    }

    /// Returns the installed app and its transcript.
    ///
    /// # Errors
    /// When no app is installed.
    pub fn app(&mut self) -> Outcome<(&mut App, &mut Transcript)> {
        let app = self.app.as_mut();
        let app = app.ok_or_else(|| Failed::Unknown("the desktop app".to_owned()))?;
        Ok((app, &mut self.transcript))
    }

    /// Quits the app and starts it again with the data that it stored on the disk.
    ///
    /// # Errors
    /// When the app was never activated, or its data cannot be read.
    pub fn restarts_app(&mut self, given: &str) -> Outcome {
        let (app, _) = self.app()?;
        let kept = app.kept().map(serde_json::to_string);
        let disk = kept
            .and_then(Result::ok)
            .ok_or_else(|| Failed::mismatch("an activation on the disk", "nothing"))?;
        self.starts_app_with(given, &disk)
    }

    /// Starts the app on a person's Mac with this data on the disk.
    ///
    /// # Errors
    /// When the data cannot be read.
    pub fn starts_app_with(&mut self, given: &str, disk: &str) -> Outcome {
        let kept: Activated = serde_json::from_str(disk)
            .map_err(|error| Failed::mismatch("an activation on the disk", error.to_string()))?;
        self.app = Some(self.app_on_mac_of(given)?.with_kept(kept));
        Ok(())
    }

    /// Checks the license, as the app does at its start and at intervals.
    ///
    /// # Errors
    /// When no app is installed, or the portal's answer is invalid.
    pub async fn app_looks_at_license(&mut self) -> Outcome {
        let (app, transcript) = self.app()?;
        let activation_state = app.look_at_license(transcript).await;
        self.activation_state = Some(activation_state.map_err(|error| {
            Failed::mismatch("an answer that the app understands", error.to_string())
        })?);
        Ok(())
    }

    /// Types e-mail address and password in the dialog Sign-In to Parallels Account.
    ///
    /// # Errors
    /// When no app is installed. A refusal is kept in `activation`.
    pub async fn signs_in_to_app(&mut self, email: &str, password: &str) -> Outcome {
        let (app, transcript) = self.app()?;
        let refused = app.sign_in(email, password, transcript).await.err();
        self.activation = refused.map(Err::<Activated, ActivationError>);
        Ok(())
    }

    /// Types the corporate e-mail address, signs on at the IdP, and keeps the result in
    /// `activation`.
    ///
    /// # Errors
    /// When no app is installed. A refusal is kept in `activation`.
    pub async fn activates(&mut self, email: &str, username: &str) -> Outcome {
        let credentials = Credentials {
            username: username.to_owned(),
            password: CORPORATE_PASSWORD.to_owned(),
        };
        self.transcript = Transcript::default();
        let (app, transcript) = self.app()?;
        let activation = app.activate(email, Some(&credentials), transcript).await;
        self.activation = Some(activation);
        Ok(())
    }
}
