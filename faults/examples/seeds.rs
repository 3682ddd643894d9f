//! Writes what every fault and control delivers into a folder, one file each:
//! seeds for the fuzz targets. `cargo run -p faults --example seeds -- FOLDER`

#![allow(clippy::unwrap_used, reason = "a tool for developers")]

#[path = "../tests/world/mod.rs"]
mod world;

use std::path::PathBuf;

fn main() {
    let folder = PathBuf::from(
        std::env::args()
            .nth(1)
            .unwrap_or_else(|| "seeds".to_owned()),
    );
    std::fs::create_dir_all(&folder).unwrap();
    let all = faults::catalogue().unwrap().into_iter();
    for fault in all.chain(faults::controls().unwrap()) {
        let forged = world::forged(&fault).unwrap();
        // The bombs would only slow the fuzzer down.
        if forged.xml.len() < 64 * 1024 {
            std::fs::write(folder.join(&fault.id), forged.xml).unwrap();
        }
    }
}
