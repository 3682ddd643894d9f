//! The buttons of the social identity providers on the sign-in pages.

use maud::{Markup, html};

use crate::Portal;

/// Returns the buttons of the configured providers.
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
