//! Profiles: what one deployment demands besides the standards, as data.

use saml::metadata::SpMetadata;

use super::{CheckReport, Level, Verdict};

/// The group whose members the guide gives the product (G-13).
const PRODUCT_USERS: &str = "Parallels Desktop Users";

/// What one deployment demands.
#[derive(Debug, PartialEq, Eq)]
pub struct Profile {
    /// The name for `--profile`.
    pub name: &'static str,
    /// Ids of the checks that only this deployment demands. Elsewhere they are
    /// hints.
    pub checks: &'static [&'static str],
    /// Attributes of a person that it reads; `{user}` stands for the user name.
    pub attributes: &'static [(&'static str, &'static str)],
    /// How the path of its assertion consumer service begins.
    pub acs_path: &'static str,
}

/// The portal of the set-up guide.
pub const GUIDE: Profile = Profile {
    name: "guide",
    checks: &[
        "SAML-IDP-ATTR-01",
        "SAML-IDP-ATTR-02",
        "SAML-IDP-ATTR-03",
        "SAML-IDP-ATTR-04",
        "SAML-IDP-ATTR-05",
        "SAML-IDP-ATTR-07",
        "SAML-IDP-ATTR-08",
        "SAML-IDP-ATTR-10",
        "SAML-IDP-ATTR-11",
        "SAML-IDP-ID-05",
    ],
    attributes: &[
        ("name", "{user}"),
        ("displayname", "{user}"),
        ("objectidentifier", "id-of-{user}"),
        ("groups", PRODUCT_USERS),
    ],
    acs_path: "/webapp/sso/acs/",
};

/// Every profile.
pub const PROFILES: &[&Profile] = &[&GUIDE];

impl Profile {
    /// The profiles of these names; an unknown name is left out.
    pub fn of_names(names: &[String]) -> Vec<&'static Self> {
        let all = PROFILES.iter().copied();
        all.filter(|it| names.iter().any(|name| name == it.name))
            .collect()
    }

    /// The profiles of a service provider, by what its metadata says.
    pub fn of_service_provider(metadata: &SpMetadata) -> Vec<&'static Self> {
        let all = PROFILES.iter().copied();
        all.filter(|profile| {
            metadata.acs.iter().any(|acs| {
                let url = url::Url::parse(&acs.endpoint.location);
                url.is_ok_and(|url| url.path().starts_with(profile.acs_path))
            })
        })
        .collect()
    }
}

impl CheckReport {
    /// The same report where only these profiles hold: what another one demands
    /// is a hint.
    #[must_use]
    pub fn with_profiles(mut self, chosen: &[&Profile]) -> Self {
        let others = PROFILES.iter().filter(|it| !chosen.contains(it));
        let hints: Vec<&str> = others.flat_map(|it| it.checks).copied().collect();
        for outcome in &mut self.outcomes {
            if !hints.contains(&outcome.check.id.as_str()) {
                continue;
            }
            outcome.check.level = Level::May;
            if outcome.verdict == Verdict::Fail {
                outcome.verdict = Verdict::Warn;
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use saml::metadata::{Endpoint, IndexedEndpoint};
    use saml::names;

    use super::*;

    #[test]
    fn the_guide_demands_what_cites_the_guide() {
        let all = crate::check::idp::catalogue();
        let cites: BTreeSet<String> = all
            .into_iter()
            .filter(|it| it.spec.contains("portal guide"))
            .map(|it| it.id)
            .collect();
        let named: BTreeSet<String> = GUIDE.checks.iter().map(|id| (*id).to_owned()).collect();
        assert_eq!(named, cites);
    }

    #[test]
    fn the_portal_of_the_guide_is_known_by_its_metadata() {
        let at = |location: &str| SpMetadata {
            entity_id: "https://sp.example".to_owned(),
            acs: vec![IndexedEndpoint {
                endpoint: Endpoint::at(names::HTTP_POST, location),
                index: 0,
                is_default: true,
            }],
            slo: Vec::new(),
            certificates: Vec::new(),
            encryption_certificates: Vec::new(),
            encryption_methods: Vec::new(),
            valid_until: None,
            cache_duration: None,
            authn_requests_signed: false,
            want_assertions_signed: true,
            name_id_formats: Vec::new(),
        };
        let profiles = |location| Profile::of_service_provider(&at(location));
        assert_eq!(profiles("https://my.example/webapp/sso/acs/42"), [&GUIDE]);
        assert!(profiles("https://sp.example/saml/acs").is_empty());
        assert!(profiles("https://sp.example/x?/webapp/sso/acs/42").is_empty());
    }
}
