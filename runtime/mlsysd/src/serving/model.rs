//! A version of a model that answers requests: features of the moment, and what it makes of them.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use async_trait::async_trait;
use mlsys_engine::serving::ServedModel;
use mlsys_live::{LiveError, Reading};
use mlsys_online::OnlineError;
use mlsys_plan::{Field, Train};
use mlsys_rows::arrow_schema;
use mlsys_serve::{ScoreError, Scored, Scorer, Version};
use mlsys_torch::Predictor;

use super::online::Online;
use super::told::Failure;

/// A version with what it needs.
pub(super) struct Champion {
    version: Version,
    outputs: Vec<Field>,
    /// The same, as columns.
    columns: SchemaRef,
    reading: Arc<Reading>,
    online: Arc<Online>,
    predictor: Predictor,
}

impl Champion {
    /// Loads a version.
    pub(super) fn load(
        found: &ServedModel,
        train: &Train,
        reading: &Arc<Reading>,
        online: &Arc<Online>,
    ) -> Result<Self, Failure> {
        let needed = train.inputs.iter().filter(|input| !input.ty.nullable).map(|input| input.name.clone()).collect();
        let predictor = Predictor::load(&found.folder, needed, Some(1));
        let predictor = predictor.map_err(|error| Failure::new(error.code(), error.to_string(), None))?;
        Ok(Champion {
            version: Version {
                model: found.model.clone(),
                number: u64::try_from(found.version).unwrap_or_default(),
                variant: mlsys_engine::models::CHAMPION.to_owned(),
                artefact: found.artefact.clone(),
            },
            columns: arrow_schema(&predictor.outputs()),
            outputs: predictor.outputs(),
            reading: Arc::clone(reading),
            online: Arc::clone(online),
            predictor,
        })
    }
}

impl Champion {
    /// Predictions with the types that callers are told of.
    fn as_told(&self, found: RecordBatch) -> Result<RecordBatch, ArrowError> {
        if found.schema_ref() == &self.columns {
            return Ok(found);
        }
        let columns = self.columns.fields().iter().zip(found.columns());
        let columns = columns.map(|(field, column)| compute::cast(column, field.data_type()));
        RecordBatch::try_new(Arc::clone(&self.columns), columns.collect::<Result<_, _>>()?)
    }
}

#[async_trait]
impl Scorer for Champion {
    fn version(&self) -> &Version {
        &self.version
    }

    fn outputs(&self) -> &[Field] {
        &self.outputs
    }

    async fn score(&self, rows: RecordBatch, now: i64) -> Result<Scored, ScoreError> {
        let inputs = self.reading.inputs(&self.online.states(), &rows, now).await.map_err(|error| failed(&error))?;
        let found = self.predictor.predict(&inputs.rows).map_err(|error| ScoreError::Failed(error.to_string()))?;
        let predictions = self.as_told(found.columns).map_err(|error| ScoreError::Failed(error.to_string()))?;
        Ok(Scored { predictions, failed: found.failed, features: Some(inputs.features) })
    }
}

/// Why features could not be had.
pub(super) fn failed(error: &LiveError) -> ScoreError {
    match error {
        LiveError::Online(OnlineError::Store { .. }) => ScoreError::Unavailable(error.to_string()),
        _ => ScoreError::Failed(error.to_string()),
    }
}
