//! A person without a terminal checks a server on the simulation page, without JavaScript.

use std::sync::Arc;

use rehearsal::seed::Seed;
use rehearsal::simulation::{Checks, Controls, Page as SimulationPage, Site};

use crate::{Outcome, rehearse};

#[tokio::test(flavor = "multi_thread")]
async fn a_check_runs_from_the_form_to_the_report() -> Outcome {
    rehearse(async |page, world| {
        world.demo_organization(Seed::default().plan()).await?;
        let ready = world.ready();
        let controls = Controls::read(&ready.to_json(), None, None)?;
        let program = env!("CARGO_BIN_EXE_rehearsal").into();
        let site = Site::new(controls, None, None).with_checks(Checks::new(program, None)?);
        let site = Arc::new(site);
        let simulation = SimulationPage::bind("127.0.0.1:0").await?;
        let address = site.secret().add_to(simulation.url().as_str());
        let _served = simulation.serve(Arc::clone(&site));

        page.disable_scripts().await?;
        page.open(&address).await?;
        page.click("Check a server").await?;
        assert_eq!(page.heading().await?, "Check a server");
        page.click("SAML service provider").await?;
        page.says("Download the metadata to register").await?;
        page.take_screenshots("check-sp-form").await?;
        page.disable_scripts().await?;
        page.click("More options").await?;
        page.says("Fields of the form that starts the login")
            .await?;
        page.click("All checks").await?;
        page.click("SCIM 2.0 server").await?;
        page.click("Fill in the simulation’s own party").await?;
        let base = page.value("SCIM base URL").await?;
        assert_eq!(base, ready.account()?.scim_base_url);
        page.choose("Change nothing: run only the checks that create no resources")
            .await?;
        page.choose("This is a test system, and its owner agrees to the check")
            .await?;
        page.click("Run the Check").await?;
        page.says("The same by command").await?;
        page.wait_until_gone("Running").await?;
        page.says("No finding").await?;
        page.take_screenshots("check-run").await?;
        page.disable_scripts().await?;
        // The report is in a sandbox of its own.
        page.click("Report with evidence (HTML)").await?;
        page.says("rehearsal check scim").await?;
        page.set_scripts_enabled(true).await?;
        page.open(&address).await?;
        page.click("Check a server").await?;
        page.take_screenshots("checks").await
    })
    .await
}
