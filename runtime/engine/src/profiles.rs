//! Profiles of sources, kept beside their rows.

use std::path::Path;

use mlsys_dataflow::{Dataflow, Profile, ProfileFrom, ProfileReport};
use mlsys_plan::{NodeId, Source};
use mlsys_store::{Draft, Slot, State};

use crate::error::RunError;
use crate::steps::DATA;

/// The file of a source's result that holds the profile in numbers for people.
const REPORT: &str = "profile.json";

/// The file that holds it in sketches; there is none where only footers were looked at.
const SKETCHES: &str = "profile.bin";

/// The newest profile of a source in a state folder; none if no run has left one.
///
/// # Errors
/// The state folder or the profile cannot be read.
pub fn newest_profile(state: &Path, source: &str) -> Result<Option<ProfileReport>, RunError> {
    if !state.is_dir() {
        return Ok(None);
    }
    let newest = State::open(state)?.newest_with(&NodeId::new("source", source), REPORT)?;
    Ok(newest.map(|slot| slot.read(REPORT)).transpose()?)
}

/// Keeps the profile of a source whose result is in the making; without one, what the footers know.
pub(crate) fn keep(
    dataflow: &Dataflow,
    source: &Source,
    profile: Option<&Profile>,
    draft: &Draft,
) -> Result<(), RunError> {
    match profile {
        Some(profile) => {
            draft.add(SKETCHES, &profile.write())?;
            draft.write(REPORT, &profile.report())?;
        }
        None => draft.write(REPORT, &dataflow.profile_of_footers(source, &draft.file(DATA))?)?,
    }
    Ok(())
}

/// Reads a result again to profile all of its rows, unless that was done when it was made.
pub(crate) async fn complete(dataflow: &Dataflow, source: &Source, slot: &Slot) -> Result<(), RunError> {
    let known: Option<ProfileReport> = slot.read(REPORT).ok();
    if known.is_some_and(|known| known.from == ProfileFrom::Rows) {
        return Ok(());
    }
    let profile = dataflow.profile(source, &slot.file(DATA)).await?;
    slot.add(SKETCHES, &profile.write())?;
    slot.add(REPORT, &serde_json::to_vec_pretty(&profile.report())?)?;
    Ok(())
}
