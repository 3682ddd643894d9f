//! The buttons of Apple, Google and Facebook on the sign-in pages.

use maud::{Markup, html};

use crate::Portal;

/// The buttons of the providers that are configured.
pub(super) fn provider_buttons(portal: &Portal) -> Markup {
    html! {
        @if !portal.config.social.is_empty() {
            div.social {
                @for provider in &portal.config.social {
                    a.button.plain href=(format!("/login/social/{}", provider.id)) { "Continue with " (provider.name) }
                }
            }
        }
    }
}
