//! A source in parts, one for each of its files: a file that is what it was is not read again.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::LogicalPlanBuilder;
use futures::{StreamExt, TryStreamExt, stream};
use mlsys_plan::Source;
use serde::{Deserialize, Serialize};

use super::in_place::InPlace;
use super::ranges::may_share_a_key;
use super::repeats::{self, leaves_out};
use super::report::{ReadSource, SourceReport};
use super::{Progress, remove_old, whole};
use crate::error::DataError;
use crate::parts::{Parts, PartsReport};
use crate::profile::Profile;
use crate::session::Dataflow;
use crate::sink::store;
use crate::sources::{InputFile, input_files};
use crate::table::{Manifest, Member, StoredTable};

/// What is kept of a part besides its rows.
#[derive(Serialize, Deserialize)]
struct Told {
    report: SourceReport,
    /// Whether there is a profile beside it; there is none where nothing was read.
    has_profile: bool,
}

/// A part of a source.
struct Part {
    files: Vec<Member>,
    report: SourceReport,
    profile: Option<Profile>,
    quarantine: PathBuf,
}

/// Parts of which it is known that no two have rows with one key, or with values that no two rows may have.
#[derive(Default, Serialize, Deserialize)]
struct Distinct {
    parts: BTreeSet<String>,
}

/// The name under which [`Distinct`] is kept.
const DISTINCT: &str = "distinct";

impl Dataflow {
    /// As [`Dataflow::source`], in parts: one for each file, of which `digests` tell the content, in the order in which files
    /// are read. Where rows of several files have one key, all files are one part.
    ///
    /// # Errors
    /// As [`Dataflow::source`].
    #[expect(clippy::too_many_arguments, reason = "each of them is another thing")]
    pub async fn source_in_parts(
        &self,
        source: &Source,
        project: &Path,
        table: &Path,
        parts: Parts<'_>,
        digests: &[String],
        quarantine: &Path,
        progress: Progress<'_>,
    ) -> Result<ReadSource, DataError> {
        let files = input_files(&source.connector, project)?;
        if digests.len() != files.len() {
            return Err(DataError::internal(format!("{} files have {} digests", files.len(), digests.len())));
        }
        // What is told of rows names their file.
        let named = files.iter().zip(digests);
        let mut ids: Vec<String> = named.map(|(file, digest)| parts.id([digest.as_str(), &file.name])).collect();
        let proven = InPlace::of(source, &files).filter(|found| found.is_proven);
        let (mut all, made) = match proven {
            Some(found) => (proven_parts(found, &files), 0),
            None => self.parts_of(source, &files, parts, &ids, progress).await?,
        };
        if self.share_a_key(source, parts, &ids, &all).await? {
            ids = vec![parts.id(ids.iter().map(String::as_str))];
            all = vec![self.one_part(source, &files, parts, &ids[0], progress).await?];
        }
        let mut manifest = Manifest::default();
        for (part, id) in all.iter().zip(&ids) {
            manifest.files.extend(part.files.iter().map(|file| Member { id: Some(id.clone()), ..file.clone() }));
        }
        manifest.write(table, Some(parts.root))?;
        let report = self.whole_report(source, table, &all).await?;
        self.gather_quarantine(&all, quarantine).await?;
        let total = all.len() as u64;
        let report = SourceReport { parts: Some(PartsReport { total, made }), ..report };
        Ok(ReadSource { report, profile: merged(all)? })
    }

    /// The parts of a source, and how many of them were made now, several at a time.
    async fn parts_of(
        &self,
        source: &Source,
        files: &[InputFile],
        parts: Parts<'_>,
        ids: &[String],
        progress: Progress<'_>,
    ) -> Result<(Vec<Part>, u64), DataError> {
        let (done, made) = (AtomicU64::new(0), AtomicU64::new(0));
        parts.look_ahead(ids.iter().map(|id| vec![id.clone()]).collect()).await?;
        let one = |(file, id): (&InputFile, &String)| {
            let (file, id, done, made) = (file.clone(), id.clone(), &done, &made);
            async move {
                let part = match kept(parts, &id) {
                    Some(part) => part,
                    None => {
                        made.fetch_add(1, Ordering::Relaxed);
                        self.one_part(source, &[file], parts, &id, &|_| {}).await?
                    }
                };
                let rows = part.report.rows_read;
                progress(done.fetch_add(rows, Ordering::Relaxed) + rows);
                Ok::<_, DataError>(part)
            }
        };
        let pairs: Vec<_> = files.iter().zip(ids).map(one).collect();
        let all = stream::iter(pairs).buffered(self.threads()).try_collect().await?;
        Ok((all, made.into_inner()))
    }

    /// Makes the part that these files are.
    async fn one_part(
        &self,
        source: &Source,
        files: &[InputFile],
        parts: Parts<'_>,
        id: &str,
        progress: Progress<'_>,
    ) -> Result<Part, DataError> {
        // The checks on the table as a whole are about all parts.
        let checks = source.checks.iter().filter(|check| leaves_out(check)).cloned().collect();
        let rows_alone = Source { checks, ..source.clone() };
        let (table, quarantine) = (parts.table(id), quarantine_of(parts, id));
        let read = self.read(&rows_alone, &Arc::from(files), &table, &quarantine, progress).await?;
        if let Some(profile) = &read.profile {
            let path = profile_of(parts, id);
            let failed = |error: std::io::Error| DataError::store("write the profile of a part", &path, &error);
            fs::write(&path, profile.write()).map_err(failed)?;
        }
        // What is told of a part comes last: a part without it is made again.
        parts.tell(id, &Told { report: read.report.clone(), has_profile: read.profile.is_some() })?;
        Ok(Part { files: Manifest::of(&table)?.files, report: read.report, profile: read.profile, quarantine })
    }

    /// Whether rows of different parts have one key, or values that no two rows may have. What was found out about parts
    /// before is remembered.
    async fn share_a_key(
        &self,
        source: &Source,
        parts: Parts<'_>,
        ids: &[String],
        all: &[Part],
    ) -> Result<bool, DataError> {
        let key = Some(source.key.as_slice()).filter(|key| !key.is_empty());
        let keys: Vec<&[String]> = key.into_iter().chain(source.checks.iter().filter_map(repeats::columns)).collect();
        if keys.is_empty() || all.len() < 2 {
            return Ok(false);
        }
        let known: Distinct = parts.told(DISTINCT).unwrap_or_default();
        let files: Vec<(&str, &Member)> =
            ids.iter().zip(all).flat_map(|(id, part)| part.files.iter().map(move |file| (id.as_str(), file))).collect();
        for key in keys {
            let suspects = may_share_a_key(key, &files, |id| known.parts.contains(id))?;
            if suspects.is_empty() {
                continue;
            }
            let table = StoredTable::of(suspects.into_iter().cloned().collect())?;
            if whole::repeat(self, source, key, table).await? {
                return Ok(true);
            }
        }
        parts.tell(DISTINCT, &Distinct { parts: ids.iter().cloned().collect() })?;
        Ok(false)
    }

    async fn whole_report(&self, source: &Source, table: &Path, all: &[Part]) -> Result<SourceReport, DataError> {
        let mut reports = all.iter().map(|part| part.report.clone());
        let first = reports.next().ok_or_else(|| DataError::internal("a source without files"))?;
        let mut report = reports.fold(first, SourceReport::and);
        report.table_checks = whole::judge(self, source, table).await?;
        Ok(report)
    }

    /// Writes the rows that parts have set aside to one file, or removes the old one.
    async fn gather_quarantine(&self, all: &[Part], quarantine: &Path) -> Result<(), DataError> {
        let aside: Vec<PathBuf> = all.iter().map(|part| part.quarantine.clone()).filter(|path| path.exists()).collect();
        if aside.is_empty() {
            return remove_old(quarantine).map(drop);
        }
        let table = StoredTable::of_all(&aside)?;
        let schema = table.stored_schema();
        let names: Vec<_> = schema.fields().iter().map(|field| crate::expr::column(field.name())).collect();
        let plan = LogicalPlanBuilder::scan("quarantine", provider_as_source(Arc::new(table)), None)?;
        let plan = plan.project(names)?.build()?;
        let rows = self.execute(&self.ordered_session(), plan, None).await?.rows;
        store(rows, &schema, quarantine, &|_| {}).await.map(drop)
    }
}

/// Files whose footers say all that has to be known.
fn proven_parts(found: InPlace, files: &[InputFile]) -> Vec<Part> {
    let part = |(member, file): (Member, &InputFile)| Part {
        report: SourceReport::in_place(file, member.rows),
        files: vec![member],
        profile: None,
        quarantine: PathBuf::new(),
    };
    found.manifest.files.into_iter().zip(files).map(part).collect()
}

/// A part that is there, whole and as it was.
fn kept(parts: Parts<'_>, id: &str) -> Option<Part> {
    let told: Told = parts.told(id)?;
    let files = Manifest::of(&parts.table(id)).ok()?.files;
    if files.iter().any(|file| file.check().is_err()) {
        return None;
    }
    let profile = match told.has_profile {
        true => Some(Profile::read(&fs::read(profile_of(parts, id)).ok()?).ok()?),
        false => None,
    };
    Some(Part { files, report: told.report, profile, quarantine: quarantine_of(parts, id) })
}

/// The profile of all parts, if each of them has one.
fn merged(all: Vec<Part>) -> Result<Option<Profile>, DataError> {
    let mut profiles = all.into_iter().map(|part| part.profile);
    let Some(Some(mut whole)) = profiles.next() else { return Ok(None) };
    for profile in profiles {
        let Some(profile) = profile else { return Ok(None) };
        whole.merge(&profile)?;
    }
    Ok(Some(whole))
}

fn quarantine_of(parts: Parts<'_>, id: &str) -> PathBuf {
    parts.folder.join(format!("{id}.quarantine.parquet"))
}

fn profile_of(parts: Parts<'_>, id: &str) -> PathBuf {
    parts.folder.join(format!("{id}.profile"))
}

/// Whether a table can still be read: files that are not kept in the state folder are the source's own.
pub fn is_there(source: &Source, project: &Path, table: &Path, root: &Path) -> bool {
    let Ok(Some(manifest)) = Manifest::read(table) else { return table.exists() };
    let own = input_files(&source.connector, project).unwrap_or_default();
    let own: BTreeSet<PathBuf> = own.iter().filter_map(|file| fs::canonicalize(&file.path).ok()).collect();
    let root = fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
    let belongs = |file: &Member| file.path.starts_with(&root) || own.contains(&file.path);
    manifest.files.iter().all(|file| belongs(file) && file.check().is_ok())
}
