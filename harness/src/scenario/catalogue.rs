//! The list of scenarios: the embedded files of `features/`, or those of a folder from the
//! command line.
//!
//! To add a feature file, add a line to [`FILES`]; a test compares the list with the
//! folder.

use std::path::{Path, PathBuf};

use cucumber::feature::Ext as _;
use cucumber::gherkin::{Feature, GherkinEnv, Scenario};
use serde::Serialize;

use crate::procedures::PROCEDURES;

macro_rules! embedded {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!(env!("REHEARSAL_FEATURES"), "/", $name)))),*]
    };
}

/// The embedded feature files, in the order of the guide.
pub const FILES: &[(&str, &str)] = &embedded![
    "the_whole_guide.feature",
    "license_key.feature",
    "configurator.feature",
    "idp_directory.feature",
    "sign_on.feature",
    "single_logout.feature",
    "desktop.feature",
    "provisioning.feature",
    "scim_vendors.feature",
    "flavors.feature",
    "without_scim.feature",
    "social_sign_in.feature",
    "time.feature",
    "wrong_endings.feature",
];

/// A scenario that can be run: examples are expanded, the steps of the background come
/// first.
#[derive(Debug, Clone)]
pub struct Case {
    /// The name of the feature.
    pub feature: String,
    /// The scenario, with the steps of its background first.
    pub scenario: Scenario,
    /// The tags of the scenario and its feature, without `@`.
    pub tags: Vec<String>,
}

/// Why the scenarios cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// The folder or one of its files cannot be read.
    #[error("cannot read the folder of .feature files {path}: {source}")]
    Folder {
        /// The path of the file.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// A file is not valid Gherkin.
    #[error("invalid feature file {file}: {problem}")]
    Gherkin {
        /// The path of the file.
        file: String,
        /// What is wrong, and in which line.
        problem: String,
    },
}

/// Returns the scenarios of `rehearsal demo`: the embedded ones with the tag `@demo`.
///
/// # Errors
/// [`CatalogueError`], with the name of the file.
pub fn demo_cases() -> Result<Vec<Case>, CatalogueError> {
    let mut cases = cases(None)?;
    cases.retain(|case| case.tags.iter().any(|tag| tag == "demo"));
    Ok(cases)
}

/// Returns all scenarios of the embedded files, or of a folder.
///
/// # Errors
/// [`CatalogueError`], with the name of the file.
pub fn cases(folder: Option<&Path>) -> Result<Vec<Case>, CatalogueError> {
    let mut cases = Vec::new();
    match folder {
        None => {
            for (name, text) in FILES {
                cases.extend(parse_feature(name, text)?);
            }
        }
        Some(folder) => {
            for file in files_of(folder)? {
                let text =
                    std::fs::read_to_string(&file).map_err(|source| CatalogueError::Folder {
                        path: file.clone(),
                        source,
                    })?;
                cases.extend(parse_feature(&file.display().to_string(), &text)?);
            }
        }
    }
    Ok(cases)
}

/// The tag of a scenario in which a user is refused or something fails, with an
/// explanation.
pub const UNHAPPY: &str = "unhappy";

/// The number of scenarios of one procedure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Covered {
    /// The id of the procedure: `G-01` to `G-28`.
    pub id: &'static str,
    /// The short description of the procedure.
    pub title: &'static str,
    /// Number of its scenarios.
    pub scenarios: usize,
    /// Number of scenarios without the tag [`UNHAPPY`].
    pub happy: usize,
    /// Number of scenarios with the tag [`UNHAPPY`].
    pub unhappy: usize,
}

impl Covered {
    /// Returns which kind of scenario is missing; None if there are both kinds.
    pub fn lacks(&self) -> Option<&'static str> {
        match (self.happy, self.unhappy) {
            (0, 0) => Some("none yet"),
            (0, _) => Some("none in which all goes well"),
            (_, 0) => Some("none that ends unhappily"),
            _ => None,
        }
    }
}

/// Returns the coverage of each procedure, in the order of the guide.
pub fn coverage(cases: &[Case]) -> Vec<Covered> {
    let has = |case: &Case, wanted: &str| case.tags.iter().any(|tag| tag == wanted);
    PROCEDURES
        .iter()
        .map(|(id, title)| {
            let of_it: Vec<&Case> = cases.iter().filter(|case| has(case, id)).collect();
            let unhappy = of_it.iter().filter(|case| has(case, UNHAPPY)).count();
            Covered {
                id,
                title,
                scenarios: of_it.len(),
                happy: of_it.len() - unhappy,
                unhappy,
            }
        })
        .collect()
}

fn parse_feature(name: &str, text: &str) -> Result<Vec<Case>, CatalogueError> {
    let problem = |problem: String| CatalogueError::Gherkin {
        file: name.to_owned(),
        problem,
    };
    let feature = Feature::parse(text, GherkinEnv::default())
        .map_err(|error| problem(error.to_string()))?
        .expand_examples()
        .map_err(|error| problem(error.to_string()))?;
    let background = feature.background.map_or_else(Vec::new, |it| it.steps);
    let plain = feature.scenarios.into_iter().map(|it| (Vec::new(), it));
    let ruled = feature.rules.into_iter().flat_map(|rule| {
        let steps = rule.background.map_or_else(Vec::new, |it| it.steps);
        rule.scenarios
            .into_iter()
            .map(move |scenario| (steps.clone(), scenario))
    });
    Ok(plain
        .chain(ruled)
        .map(|(rule_background, mut scenario)| {
            let mut steps = background.clone();
            steps.extend(rule_background);
            steps.append(&mut scenario.steps);
            scenario.steps = steps;
            let tags = feature.tags.iter().chain(&scenario.tags).cloned().collect();
            Case {
                feature: feature.name.clone(),
                scenario,
                tags,
            }
        })
        .collect())
}

fn files_of(folder: &Path) -> Result<Vec<PathBuf>, CatalogueError> {
    let problem = |source| CatalogueError::Folder {
        path: folder.to_owned(),
        source,
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(problem)? {
        let path = entry.map_err(problem)?.path();
        if path.extension().is_some_and(|end| end == "feature") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_in_the_features_folder_is_embedded() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../features");
        let mut embedded: Vec<&str> = FILES.iter().map(|(name, _)| *name).collect();
        embedded.sort_unstable();
        let files = files_of(&folder).unwrap();
        let found: Vec<_> = files
            .iter()
            .map(|path| path.file_name().unwrap().to_str().unwrap())
            .collect();
        assert_eq!(embedded, found);
    }

    #[test]
    fn every_procedure_tag_is_a_procedure_of_the_guide() {
        for case in cases(None).unwrap() {
            for tag in case.tags.iter().filter(|tag| tag.starts_with("G-")) {
                assert!(PROCEDURES.iter().any(|(id, _)| id == tag), "{tag}");
            }
        }
    }

    #[test]
    fn every_procedure_has_a_successful_and_an_unhappy_scenario() {
        for row in coverage(&cases(None).unwrap()) {
            assert_eq!(row.lacks(), None, "{}", row.id);
            assert_eq!(row.scenarios, row.happy + row.unhappy);
        }
    }

    #[test]
    fn a_row_says_what_it_lacks() {
        let only = |tags: &str| {
            let text = format!("Feature: f\n  {tags}\n  Scenario: s\n    Given x\n");
            let rows = coverage(&parse_feature("f", &text).unwrap());
            rows[6].lacks()
        };
        assert_eq!(only("@G-07"), Some("none that ends unhappily"));
        assert_eq!(only("@G-07 @unhappy"), Some("none in which all goes well"));
        assert_eq!(only("@G-08"), Some("none yet"));
    }

    #[test]
    fn a_scenario_outline_gives_one_scenario_per_example() {
        let leavers = cases(None).unwrap();
        let leavers = leavers
            .iter()
            .filter(|case| case.scenario.name.starts_with("A leaver's seat"));
        assert_eq!(leavers.count(), 3);
    }
}
