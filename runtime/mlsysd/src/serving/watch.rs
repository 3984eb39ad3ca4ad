//! Looks for what runs have left since: newly promoted versions, and rows.

use std::sync::Arc;
use std::time::Duration;

use mlsys_engine::serving::{ServeJob, Serving};
use tokio::sync::watch;

use super::deployed::Deployed;
use super::model::Champion;
use super::online::Online;
use super::told::{Failure, tell};

/// The time between two looks.
const LOOK: Duration = Duration::from_secs(2);

/// Rows of runs are looked for at every so-many-th look: their files are compared.
const ROWS: u32 = 5;

/// Looks until the process is to stop. What cannot be used now is told once, and what was there goes on.
pub(super) async fn run(
    job: ServeJob,
    mut serving: Serving,
    online: Arc<Online>,
    deployed: Vec<Deployed>,
    stop: watch::Receiver<bool>,
) {
    let (mut looks, mut told) = (0, String::new());
    while !*stop.borrow() {
        tokio::time::sleep(LOOK).await;
        looks += 1;
        let mut found = Ok(());
        for one in &deployed {
            found = found.and(promoted(&serving, &online, one).await);
        }
        if looks % ROWS == 0 {
            found = found.and(renewed(&job, &mut serving, &online).await);
        }
        match found {
            Ok(()) => told.clear(),
            Err(failure) => {
                let text = format!("{failure:?}");
                if text != told {
                    failure.tell();
                    told = text;
                }
            }
        }
    }
}

/// Lets the champion answer, if it is another one than the version that does.
async fn promoted(serving: &Serving, online: &Arc<Online>, deployed: &Deployed) -> Result<(), Failure> {
    let found = serving.champion(deployed.served.deployment().model()).await?;
    let present = deployed.served.scorer().version().clone();
    let number = u64::try_from(found.version).unwrap_or_default();
    if (present.number, &present.artefact) == (number, &found.artefact) {
        return Ok(());
    }
    let next = Champion::load(&found, &deployed.train, &deployed.reading, online)?;
    deployed.served.swap(Arc::new(next)).map_err(|error| Failure::new("E0949", error.to_string(), None))?;
    let name = &deployed.served.deployment().name;
    tell(&format!("`{name}` answers with version {number} of `{}`, before with {}", found.model, present.number));
    Ok(())
}

async fn renewed(job: &ServeJob, serving: &mut Serving, online: &Online) -> Result<(), Failure> {
    let before = serving.prints();
    serving.look(&job.project)?;
    if serving.prints() != before {
        online.renew(job, serving).await?;
    }
    Ok(())
}
