//! Finds out what the probe's answer can show: which user is logged in, or only that somebody is.

use super::login::Login;
use super::{Form, Judge};

impl Judge {
    /// True if `--expect` also matches when the attacker is logged in. The probe then cannot show
    /// whether a fault logged in the victim or the attacker.
    pub(super) async fn is_probe_blind(&self, base: Form) -> bool {
        let attacker = self.attacker();
        let login = Login::new(self, &attacker);
        let honest = login.attempt(None, base).await;
        honest.is_ok_and(|answer| answer.is_accepted())
    }

    /// True if the attacker, with an own NameID and the attributes of `--user`, gives the expected
    /// answer. Then an attribute of the message does, and not only the NameID.
    pub(super) async fn is_attribute_expected(&self, form: Form) -> bool {
        let attacker = self.attacker();
        let login = Login::new(self, &attacker).with_attributes_of(&self.person.user);
        let honest = Box::pin(login.attempt(None, form)).await;
        honest.is_ok_and(|answer| answer.is_accepted())
    }
}
