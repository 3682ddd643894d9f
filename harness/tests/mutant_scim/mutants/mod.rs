//! The table of mutants, a file for each group of families.

mod filter;
mod http;
mod making;
mod patching;
mod reading;

use super::{Bend, Mutant};

/// Every mutant.
pub(crate) fn mutants() -> Vec<Mutant> {
    [
        http::MUTANTS,
        making::MUTANTS,
        reading::MUTANTS,
        filter::MUTANTS,
        patching::MUTANTS,
    ]
    .concat()
}

const fn says(fires: &'static str, bend: fn(&super::Asked, &mut super::Told)) -> Mutant {
    mutant(fires, Bend::Says(bend))
}

const fn hears(fires: &'static str, bend: fn(&mut super::Asked)) -> Mutant {
    mutant(fires, Bend::Hears(bend))
}

const fn does(
    fires: &'static str,
    bend: fn(&super::Server, &super::Asked) -> Option<super::Told>,
) -> Mutant {
    mutant(fires, Bend::Does(bend))
}

const fn mutant(fires: &'static str, bend: Bend) -> Mutant {
    Mutant {
        fires,
        also: &[],
        bend,
    }
}
