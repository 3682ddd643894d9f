//! "Testing Parallels Desktop activation via SSO".

use desktop_sim::{App, Credentials, DeviceIdentity, Transcript};

use crate::World;
use crate::judge::{Failed, Outcome};
use crate::world::CORPORATE_PASSWORD;

impl World {
    /// Installs the app on a person's Mac and starts it.
    ///
    /// # Errors
    /// When its browser can't be set up.
    pub fn installs_app(&mut self, given: &str) -> Outcome {
        let device = DeviceIdentity {
            id: format!("mac-of-{}", given.to_ascii_lowercase()),
            name: format!("{given}'s Mac"),
        };
        let ambient = self.rehearsal.ambient.clone();
        self.app = Some(App::new(self.rehearsal.portal_url(), device, ambient)?);
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
        let app = self
            .app
            .as_ref()
            .ok_or_else(|| Failed::Unknown("the desktop app".to_owned()))?;
        let mut transcript = Transcript::default();
        self.activation = Some(
            app.activate(email, Some(&credentials), &mut transcript)
                .await,
        );
        self.transcript = transcript;
        Ok(())
    }
}
