//! Tiles: what the rows of several parts of a source come to by key, kept so that an appended part need not read them.
//!
//! A tile is a row for each key of a block of parts, with the result of every aggregate over all of the block's rows; for
//! `first` and `last` it is the row they chose. Where no window of the observations begins or ends within a block, its
//! tile is read in place of its rows, as events of a group whose aggregates are aggregates of aggregates: the operator is
//! the same. Tiles only save time. They are made when a join is done, those that the next part is going to ask for, from
//! smaller ones where there are some.

mod blocks;
mod exec;
mod mergeable;
mod node;
mod plan;
mod routed;
mod rows;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::datasource::provider_as_source;
use futures::StreamExt;
use mlsys_plan::{Features, Operation, Window, fingerprint};

pub(crate) use self::exec::TileExec;
pub(crate) use self::node::{TilePlanner, TileSpec};
pub(super) use self::rows::rows;

use self::blocks::{Blocks, Edges, cover};
use self::routed::Routed;
use super::divided::Dated;
use super::events::{Branch, Events};
use super::node::Frame;
use super::reach::Reach;
use super::{Seen, Work};
use crate::error::{Code, DataError};
use crate::lookup::bind;
use crate::parts::Parts;
use crate::session::{Dataflow, Execution};
use crate::table::{Member, Span, StoredTable};

/// Raised whenever tiles of the same definition hold something else than before.
const REVISION: &str = "tiles 1";

/// What the file of a tile is called before its fingerprint.
const PREFIX: &str = "tile.";

/// As many tiles are made at a time, each a file that is being written.
const MOST: usize = 32;

/// The tiles of features that are kept together.
pub(super) struct Tiles<'a> {
    parts: Parts<'a>,
    dated: &'a Dated<'a>,
    /// The features, from aggregates that tiles have.
    pub(super) features: Features,
    /// What tiles keep.
    kept: Features,
    /// A fingerprint of that.
    definition: String,
    frames: Vec<Frame>,
    reach: Reach,
    blocks: Blocks,
    /// The tiles that are there.
    there: BTreeSet<String>,
}

/// Tiles that are still of use.
#[derive(Default)]
pub(super) struct Kept(BTreeSet<String>);

impl<'a> Tiles<'a> {
    /// The tiles of a join's features; none if an aggregate cannot be kept in tiles, or the source has too few parts.
    ///
    /// # Errors
    /// E0999 if a definition cannot be written.
    pub(super) fn of(
        work: &Work<'_>,
        parts: Parts<'a>,
        reach: Reach,
        dated: &'a Dated<'a>,
    ) -> Result<Option<Self>, DataError> {
        let Some(features) = mergeable::mergeable(work.features, &work.join.features) else { return Ok(None) };
        let see_everything = features.aggregates.iter().any(|one| one.window == Window::All);
        let blocks = Blocks::of(&dated.rows, see_everything);
        if blocks.sets.is_empty() {
            return Ok(None);
        }
        let kept = mergeable::kept(&features);
        let found = fingerprint(&Operation::Features(kept.clone()), &[]);
        let found = found.map_err(|error| DataError::internal(format!("a definition cannot be written: {error}")))?;
        let frames = features.aggregates.iter().map(Frame::of).collect();
        let definition = format!("{REVISION}\n{found}");
        let there = there(parts);
        Ok(Some(Tiles { parts, dated, features, kept, definition, frames, reach, blocks, there }))
    }

    /// What observations between these instants read instead of the parts that they see; none if there is nothing else.
    pub(super) fn cover(&self, seen: &BTreeSet<usize>, asked: &[Span]) -> Option<Seen<'_>> {
        let edges = self.edges(asked)?;
        let found = cover(&self.blocks.sets, seen, |block| self.spared(&edges, block) && self.tile(block).is_some());
        let tiles = found.blocks.iter().map(|block| self.tile(*block)).collect::<Option<Vec<Member>>>()?;
        let rows = found.parts.iter().map(|part| self.dated.source[*part].clone()).collect();
        (!tiles.is_empty()).then_some(Seen { features: &self.features, rows, tiles })
    }

    /// Makes the tiles for which observations after the last ones are going to ask.
    ///
    /// # Errors
    /// E0911 if a tile cannot be written.
    pub(super) async fn prepare(&self, dataflow: &Dataflow) -> Result<Kept, DataError> {
        let next = next(&self.dated.at);
        let seen: BTreeSet<usize> = self.dated.seen(self.reach, next).into_iter().collect();
        let rows: u64 = seen.iter().map(|part| self.dated.source[*part].rows).sum();
        let Some(edges) = self.edges(&[next]).filter(|_| rows >= dataflow.tiles_from()) else {
            return Ok(Kept::default());
        };
        let found = cover(&self.blocks.sets, &seen, |block| self.spared(&edges, block));
        let missing: Vec<usize> = found.blocks.iter().copied().filter(|block| self.tile(*block).is_none()).collect();
        for some in missing.chunks(MOST) {
            match self.make(dataflow, some).await {
                // Whatever the features themselves come to: a tile that cannot be made is none.
                Err(error) if error.is(Code::WrongType) || error.is(Code::Memory) => break,
                made => made?,
            }
        }
        let ended = self.blocks.beginnings..self.blocks.sets.len();
        Ok(Kept(found.blocks.into_iter().chain(ended).map(|block| self.id(block)).collect()))
    }

    /// Makes tiles of blocks in one pass, from smaller tiles where there are some.
    async fn make(&self, dataflow: &Dataflow, blocks: &[usize]) -> Result<(), DataError> {
        let (mut rows, mut tiles) = (Parted::default(), Parted::default());
        for block in blocks {
            let whole = &self.blocks.sets[*block];
            let is_smaller = |other: usize| self.blocks.sets[other].len() < whole.len() && self.tile(other).is_some();
            let found = cover(&self.blocks.sets, &whole.iter().copied().collect(), is_smaller);
            let smaller: Option<Vec<Member>> = found.blocks.iter().map(|block| self.tile(*block)).collect();
            let smaller = smaller.ok_or_else(|| DataError::internal("a tile is gone"))?;
            rows.push(found.parts.iter().map(|part| self.dated.source[*part].clone()));
            tiles.push(smaller.into_iter());
        }
        let first = rows.ends.last().copied().unwrap_or(0);
        let ends = rows.ends.iter().copied().chain(tiles.ends.iter().map(|end| first + end)).collect();
        let (rows, tiles) = (rows.branch(0)?, tiles.branch(first)?);
        let events = Events { rows, tiles, span: None, asked: None };
        let look_up = |plan| bind(plan, dataflow.tables(), self.kept.time.as_deref());
        let plan = plan::plan(&self.kept, &events, (blocks.len(), ends), &look_up)?;
        let session = dataflow.parallel_session();
        let Execution { mut rows, .. } = dataflow.execute(&session, plan, None).await?;
        let paths: Vec<PathBuf> = blocks.iter().map(|block| self.path(*block)).collect();
        let schema: &Schema = &rows.schema();
        let mut written = Routed::create(&paths, schema)?;
        while let Some(batch) = rows.next().await {
            written.write(&batch?).await?;
        }
        written.finish().await
    }

    /// Where windows at these observations begin and end; none if nobody knows when they are.
    fn edges(&self, asked: &[Span]) -> Option<Edges> {
        let mut edges = Edges::default();
        for span in asked {
            match span {
                Span::Empty => {}
                Span::Bounds(first, last) => edges.add(&self.frames, (*first, *last)),
                Span::Unknown => return None,
            }
        }
        Some(edges)
    }

    /// Whether no window begins or ends within a block.
    fn spared(&self, edges: &Edges, block: usize) -> bool {
        let spans = self.blocks.sets[block].iter().map(|part| self.dated.rows[*part]);
        edges.spare(spans.fold(Span::Empty, Span::and))
    }

    fn id(&self, block: usize) -> String {
        let parts = self.blocks.sets[block].iter().filter_map(|part| self.dated.source[*part].id.as_deref());
        self.parts.id([self.definition.as_str()].into_iter().chain(parts))
    }

    fn path(&self, block: usize) -> PathBuf {
        self.parts.table(&format!("{PREFIX}{}", self.id(block)))
    }

    /// The tile of a block, if it is there and whole.
    fn tile(&self, block: usize) -> Option<Member> {
        let id = (!self.there.is_empty()).then(|| self.id(block)).filter(|id| self.there.contains(id))?;
        self.parts.find(&format!("{PREFIX}{id}"))
    }
}

impl Kept {
    /// Those of other features as well.
    pub(super) fn and(&mut self, mut other: Kept) {
        self.0.append(&mut other.0);
    }

    /// Removes all others.
    pub(super) fn forget_others(&self, parts: Parts<'_>) {
        for id in there(parts).difference(&self.0) {
            // What cannot be removed costs space, nothing else.
            let _ = fs::remove_file(parts.table(&format!("{PREFIX}{id}")));
        }
    }
}

/// The fingerprints of the tiles that are there.
fn there(parts: Parts<'_>) -> BTreeSet<String> {
    let entries = fs::read_dir(parts.folder).into_iter().flatten().flatten();
    let id = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().ok()?;
        Some(name.strip_prefix(PREFIX)?.strip_suffix(".parquet")?.to_owned())
    };
    entries.filter_map(id).collect()
}

/// When the observations of a next part may be expected: as long after the latest part as that usually is.
fn next(at: &[Span]) -> Span {
    let mut known: Vec<(i64, i64)> = at.iter().filter_map(|span| span.bounds()).collect();
    known.sort_unstable();
    let mut strides: Vec<i64> = known.windows(2).map(|two| two[1].0.saturating_sub(two[0].0)).collect();
    strides.sort_unstable();
    let Some((first, last)) = known.last() else { return Span::Empty };
    if at.contains(&Span::Unknown) {
        return Span::Unknown;
    }
    let stride = strides.get(strides.len() / 2).copied().unwrap_or_else(|| last.saturating_sub(*first));
    Span::Bounds(first.saturating_add(stride), last.saturating_add(stride))
}

/// Files of which some, in turn, belong to one tile after the other.
#[derive(Default)]
struct Parted {
    members: Vec<Member>,
    /// The position after the last row of each tile.
    ends: Vec<i64>,
}

impl Parted {
    /// Adds those of the next tile.
    fn push(&mut self, members: impl Iterator<Item = Member>) {
        self.members.extend(members);
        let rows: u64 = self.members.iter().map(|member| member.rows).sum();
        self.ends.push(i64::try_from(rows).unwrap_or(i64::MAX));
    }

    /// The table, if there is one; its first row has the given position.
    fn branch(self, first: i64) -> Result<Option<Branch>, DataError> {
        if self.members.is_empty() {
            return Ok(None);
        }
        Ok(Some(Branch { table: provider_as_source(Arc::new(StoredTable::of(self.members)?)), first }))
    }
}
