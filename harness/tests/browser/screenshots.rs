//! Each page on a desk and on a phone: a picture of it, what axe-core says of
//! it, and whether it fits the screen.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::Outcome;
use crate::page::Page;

/// A screen: width and height in CSS pixels, whether it is a phone's.
type Screen = (u32, u32, bool);
const DESK: Screen = (1280, 800, false);
const PHONE: Screen = (390, 844, true);

/// Resolves when the page is laid out for the width.
const LAID_OUT: &str = "
const [width, done] = arguments;
const look = () => requestAnimationFrame(
  document.documentElement.clientWidth === width ? () => done() : look);
look();
";

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/screenshots")
}

/// `REHEARSAL_SCHEME=dark` shows the pages as to a reader who likes them dark.
const SCHEME: &str = "REHEARSAL_SCHEME";

impl Page {
    /// In the colors that were asked for.
    pub(crate) async fn wears_the_scheme(&self) -> Outcome {
        let Ok(scheme) = std::env::var(SCHEME) else {
            return Ok(());
        };
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.driver
            .cdp()
            .send_raw("Emulation.setEmulatedMedia", media)
            .await?;
        Ok(())
    }

    /// Takes both pictures, fails on a serious accessibility finding or on
    /// what sticks out of the screen.
    pub(crate) async fn looked_at(&self, name: &str) -> Outcome {
        self.runs_scripts(true).await?;
        for screen @ (width, _, phone) in [DESK, PHONE] {
            self.is_shown_on(screen).await?;
            self.is_accessible(name, phone)
                .await
                .with_context(|| format!("at {width} pixels"))?;
            let sticking: Vec<String> = self
                .driver
                .execute(STICKING_OUT, Vec::new())
                .await?
                .convert()?;
            // What is stuck to the window's edge must not lie across the page.
            self.driver
                .execute("window.scrollTo({top: 0, behavior: 'instant'})", Vec::new())
                .await?;
            self.picture(&format!("{name}-{width}")).await?;
            if !sticking.is_empty() {
                bail!(
                    "{name}: expected a page within {width} pixels, sticking out: {}",
                    sticking.join(", ")
                );
            }
        }
        // Back at the wide window before anything else is pressed: a phone's page has
        // its navigation behind a button.
        self.is_shown_on(DESK).await?;
        self.runs_scripts(false).await
    }

    /// Shows the page on a screen, and waits until it is laid out for it.
    async fn is_shown_on(&self, (width, height, phone): Screen) -> Outcome {
        let screen = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone,
        });
        self.driver
            .cdp()
            .send_raw("Emulation.setDeviceMetricsOverride", screen)
            .await?;
        self.driver
            .execute_async(LAID_OUT, vec![width.into()])
            .await
            .with_context(|| format!("waiting for a page that is {width} pixels wide"))?;
        Ok(())
    }

    /// The whole page as `target/screenshots/NAME.png`.
    pub(crate) async fn picture(&self, name: &str) -> Outcome {
        let shot = self
            .driver
            .cdp()
            .send_raw(
                "Page.captureScreenshot",
                json!({"format": "png", "captureBeyondViewport": true, "optimizeForSpeed": true}),
            )
            .await?;
        let data = shot["data"].as_str().context("a picture")?;
        std::fs::create_dir_all(folder())?;
        std::fs::write(folder().join(format!("{name}.png")), STANDARD.decode(data)?)?;
        Ok(())
    }
}

/// What reaches beyond the right edge without a scroller of its own around it.
const STICKING_OUT: &str = "
const edge = document.documentElement.clientWidth;
if (document.documentElement.scrollWidth <= edge) return [];
return [...document.body.querySelectorAll('*')]
  .filter(e => e.getBoundingClientRect().right > edge + 1 && e.checkVisibility())
  .slice(0, 5).map(e => e.tagName.toLowerCase() + (e.id ? '#' + e.id : '.' + e.className));
";
