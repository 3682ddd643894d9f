//! Checks each page on a desktop and on a phone: screenshot, axe-core, and width.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::Outcome;
use crate::page::Page;

/// A screen: width and height in CSS pixels, and true for a phone.
type Screen = (u32, u32, bool);
const DESK: Screen = (1280, 800, false);
const PHONE: Screen = (390, 844, true);

/// Resolves when the page has the layout for this width.
const LAID_OUT: &str = "
const [width, done] = arguments;
const look = () => requestAnimationFrame(
  document.documentElement.clientWidth === width ? () => done() : look);
look();
";

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/screenshots")
}

/// `REHEARSAL_SCHEME=dark` shows the pages in the dark color scheme.
const SCHEME: &str = "REHEARSAL_SCHEME";

impl Page {
    /// Uses the color scheme of `REHEARSAL_SCHEME`.
    pub(crate) async fn set_color_scheme(&self) -> Outcome {
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

    /// Takes both screenshots; fails on a serious accessibility finding, or on elements
    /// that are wider than the screen.
    pub(crate) async fn take_screenshots(&self, name: &str) -> Outcome {
        self.set_scripts_enabled(true).await?;
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
            // Scroll to the top, so that elements with a fixed position do not cover the
            // page.
            self.driver
                .execute("window.scrollTo({top: 0, behavior: 'instant'})", Vec::new())
                .await?;
            self.save_screenshot(&format!("{name}-{width}")).await?;
            if !sticking.is_empty() {
                bail!(
                    "{name}: expected a page within {width} pixels, sticking out: {}",
                    sticking.join(", ")
                );
            }
        }
        // Back to the wide window before the next click: on a phone the navigation is
        // behind a button.
        self.is_shown_on(DESK).await?;
        self.set_scripts_enabled(false).await
    }

    /// Shows the page on a screen, and waits for its layout.
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

    /// Saves the whole page as `target/screenshots/NAME.png`.
    pub(crate) async fn save_screenshot(&self, name: &str) -> Outcome {
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

/// Elements that extend beyond the right edge and are in no scrollable container.
const STICKING_OUT: &str = "
const edge = document.documentElement.clientWidth;
if (document.documentElement.scrollWidth <= edge) return [];
return [...document.body.querySelectorAll('*')]
  .filter(e => e.getBoundingClientRect().right > edge + 1 && e.checkVisibility())
  .slice(0, 5).map(e => e.tagName.toLowerCase() + (e.id ? '#' + e.id : '.' + e.className));
";
