//! Login by Apple, Google or Facebook.

use crate::World;
use crate::judge::{Failed, Outcome};

impl World {
    /// Clicks the provider's button on the login page, chooses an identity there, and
    /// follows the redirects.
    ///
    /// # Errors
    /// When a page lacks the form.
    pub async fn signs_in_with(
        &mut self,
        given: &str,
        provider: &str,
        verified: bool,
        allow: bool,
    ) -> Outcome {
        self.chooses_provider(given, provider).await?;
        self.answers_provider(given, verified, allow).await
    }

    /// Clicks the provider's button on the login page.
    ///
    /// # Errors
    /// When the page does not have the button.
    pub async fn chooses_provider(&mut self, given: &str, provider: &str) -> Outcome {
        self.opens(given, "/login").await?;
        let page = self.page()?;
        let path = format!("/login/social/{}", provider.to_ascii_lowercase());
        if !page.body.contains(&format!("href=\"{path}\"")) {
            let expected = format!("a button Continue with {provider}");
            if !self.rehearsal.is_own() {
                return Err(Failed::NotRun(format!(
                    "the target's sign-in page lacks {expected}"
                )));
            }
            return Err(Failed::mismatch(expected, page.text()));
        }
        self.opens(given, &path).await
    }

    /// Chooses an identity on the provider's page, or cancels there.
    ///
    /// # Errors
    /// When the current page is not the provider's.
    pub async fn answers_provider(&mut self, given: &str, verified: bool, allow: bool) -> Outcome {
        let email = self.email_of(given)?;
        let page = self.page()?;
        // The last form takes any address; the forms before it are for known people.
        let form = page.forms().into_iter().next_back();
        let mut form = form.ok_or_else(|| Failed::mismatch("the provider's form", page.text()))?;
        form.set("email", &email);
        form.set("verified", if verified { "yes" } else { "no" });
        form.set("answer", if allow { "allow" } else { "deny" });
        let browser = self.person(given)?.browser.clone();
        self.page = Some(browser.submit(&form).await?);
        Ok(())
    }
}
