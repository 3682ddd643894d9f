//! Options of `check sp` that say how a login is recognized.

use ambient::arguments::whole_number;
use clap::Args;
use regex::Regex;
use rehearsal::check::sp::{Expect, ExpectError};

/// What the probe's answer is like if the user is logged in. If several options are given, all must
/// match.
#[derive(Args)]
pub(crate) struct Acceptance {
    /// Regular expression that matches the body of the probe URL when the user is logged in
    #[arg(
        long,
        required_unless_present_any = ["prepare", "list", "expect_status", "expect_location", "expect_cookie"],
        value_name = "REGEX"
    )]
    expect: Option<Regex>,
    /// Status of the probe URL, before redirects, when a user is logged in: for a service provider
    /// without a page that shows the user
    #[arg(long, value_name = "STATUS", value_parser = whole_number::<u16>(100..=599))]
    expect_status: Option<u16>,
    /// Regular expression that matches the Location header of the probe URL when a user is logged
    /// in
    #[arg(long, value_name = "REGEX")]
    expect_location: Option<Regex>,
    /// Name of a cookie that the browser has for the probe URL only when a user is logged in
    #[arg(long, value_name = "NAME")]
    expect_cookie: Option<String>,
}

impl Acceptance {
    /// Returns what is expected of the probe's answer.
    ///
    /// # Errors
    /// If no answer can match all options.
    pub(crate) fn expect(&self) -> Result<Expect, ExpectError> {
        Expect::new(
            self.expect.clone(),
            self.expect_status,
            self.expect_location.clone(),
            self.expect_cookie.clone(),
        )
    }
}
