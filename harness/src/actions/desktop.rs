//! "Testing Parallels Desktop activation via SSO".

use desktop_sim::{Activated, ActivationError, App, Credentials, DeviceIdentity, Transcript};

use crate::World;
use crate::judge::{Failed, Outcome};
use crate::world::CORPORATE_PASSWORD;

impl World {
    /// Installs the app on a person's Mac and starts it.
    ///
    /// # Errors
    /// When its browser can't be set up.
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

    /// The app at hand, and its transcript.
    ///
    /// # Errors
    /// When none is installed.
    pub fn app(&mut self) -> Outcome<(&mut App, &mut Transcript)> {
        let app = self.app.as_mut();
        let app = app.ok_or_else(|| Failed::Unknown("the desktop app".to_owned()))?;
        Ok((app, &mut self.transcript))
    }

    /// Quits the app and starts it again: what it keeps goes by the disk.
    ///
    /// # Errors
    /// When it was never activated, or what it keeps can't be read back.
    pub fn restarts_app(&mut self, given: &str) -> Outcome {
        let (app, _) = self.app()?;
        let kept = app.kept().map(serde_json::to_string);
        let disk = kept
            .and_then(Result::ok)
            .ok_or_else(|| Failed::mismatch("an activation on the disk", "nothing"))?;
        self.starts_app_with(given, &disk)
    }

    /// Starts the app on a person's Mac with this on the disk.
    ///
    /// # Errors
    /// When it can't be read back.
    pub fn starts_app_with(&mut self, given: &str, disk: &str) -> Outcome {
        let kept: Activated = serde_json::from_str(disk)
            .map_err(|error| Failed::mismatch("an activation on the disk", error.to_string()))?;
        self.app = Some(self.app_on_mac_of(given)?.with_kept(kept));
        Ok(())
    }

    /// Looks at the license, as the app does when it starts and now and then.
    ///
    /// # Errors
    /// When no app is installed, or the portal breaks its interface.
    pub async fn app_looks_at_license(&mut self) -> Outcome {
        let (app, transcript) = self.app()?;
        let standing = app.look_at_license(transcript).await;
        self.standing = Some(standing.map_err(|error| {
            Failed::mismatch("an answer that the app understands", error.to_string())
        })?);
        Ok(())
    }

    /// Types e-mail and password in the app's Sign-In dialog.
    ///
    /// # Errors
    /// When no app is installed; a refusal is kept.
    pub async fn signs_in_to_app(&mut self, email: &str, password: &str) -> Outcome {
        let (app, transcript) = self.app()?;
        let refused = app.sign_in(email, password, transcript).await.err();
        self.activation = refused.map(Err::<Activated, ActivationError>);
        Ok(())
    }

    /// Types the corporate e-mail, logs in at the IdP, and keeps what came.
    ///
    /// # Errors
    /// When no app is installed; a refusal is kept.
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
