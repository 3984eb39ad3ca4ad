//! Several processes that share a stream and a store: each has some of the partitions, they change the same entities, and
//! partitions wander from one to the other.

use std::collections::BTreeMap;
use std::sync::Arc;

use mlsys_engine::serving::Serving;
use mlsys_live::{Intake, Live, LiveError, Reading};
use mlsys_online::stores::Memory;
use mlsys_online::{OnlineError, Store};

use super::replay::{Replay, Sent, Way, YEARS, options, random};

/// Partitions of the stream.
const PARTITIONS: u64 = 3;

struct Process {
    live: Arc<Live>,
    intake: Intake,
    /// Where each of its partitions goes on.
    next: BTreeMap<u32, usize>,
}

/// Replays the stream of a project through two processes; how many values were compared, and how often one was overtaken.
pub(crate) fn compare(replay: &Replay, way: &Way) -> (usize, usize) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(run(replay, way))
}

async fn run(replay: &Replay, way: &Way) -> (usize, usize) {
    let serving =
        Serving::open(&replay.plan, (&replay.folder, &replay.folder.join(".mlsys")), None, None).await.unwrap();
    let dataflow = serving.dataflow().await.unwrap();
    let reading = Reading::new(&replay.plan, &dataflow, replay.deployment.model(), &replay.deployment.request).unwrap();
    let groups: Vec<String> = reading.groups().map(str::to_owned).collect();
    let store: Arc<dyn Store> = Arc::new(Memory::shared());
    let open = || async {
        let (store, none) = (Arc::clone(&store), BTreeMap::new());
        let live = Live::open(&replay.plan, dataflow.clone(), store, (&groups, &[]), &none, options(YEARS)).await;
        let live = Arc::new(live.unwrap());
        let intake = live.intake(&replay.source.name).await.unwrap();
        Process { live, intake, next: BTreeMap::new() }
    };
    let mut draw = random(way.seed);
    let mut parts: Vec<Vec<Sent>> = vec![Vec::new(); PARTITIONS as usize];
    for one in replay.sent(way, &mut draw) {
        parts[one.row % PARTITIONS as usize].push(one);
    }
    let mut processes = [open().await, open().await];
    for partition in 0..PARTITIONS as u32 {
        processes[partition as usize % 2].begin(partition).await;
    }
    let mut overtaken = 0;
    loop {
        for process in &mut processes {
            let Some((&partition, &next)) = process.next.iter().nth(draw(PARTITIONS) as usize) else { continue };
            let rows = &parts[partition as usize];
            let until = (next + way.at_once).min(rows.len());
            if next < until {
                let (live, place) = (Arc::clone(&process.live), (partition, until));
                let aside = replay.take(&live, &mut process.intake, &rows[next..until], place).await;
                assert_eq!(aside, 0, "rows were set aside");
                process.next.insert(partition, until);
            }
            if draw(3) == 0 {
                overtaken += usize::from(!process.commit(replay).await);
            }
        }
        // A partition wanders: before it is given away, what came of it is stored, or it was taken away.
        if draw(8) == 0 {
            let (from, partition) = (draw(2) as usize, draw(PARTITIONS) as u32);
            if processes[from].next.contains_key(&partition) {
                if draw(2) == 0 {
                    overtaken += usize::from(!processes[from].commit(replay).await);
                }
                processes[from].next.remove(&partition);
                processes[from].intake.end(partition);
                processes[1 - from].begin(partition).await;
            }
        }
        let is_read =
            |process: &Process| process.next.iter().all(|(partition, next)| *next == parts[*partition as usize].len());
        if processes.iter().all(is_read) {
            let mut is_stored = true;
            for process in &mut processes {
                is_stored &= process.commit(replay).await;
            }
            if is_stored && processes.iter().all(is_read) {
                break;
            }
            overtaken += usize::from(!is_stored);
        }
    }
    let mut compared = 0;
    for process in &processes {
        let states = [Arc::clone(&process.live)];
        compared += replay.ask(&reading, &states, 0, replay.instants.len()).await;
    }
    (compared, overtaken)
}

impl Process {
    /// Goes on with a partition where it is stored to go on.
    async fn begin(&mut self, partition: u32) {
        let stored = self.intake.begin(&self.live, partition).await.unwrap();
        self.next.insert(partition, stored.map_or(0, |next| usize::try_from(next).unwrap()));
    }

    /// Stores what came; whether it was the first to do so. If not, it begins again from what is stored.
    async fn commit(&mut self, replay: &Replay) -> bool {
        match self.live.commit().await {
            Ok(()) => true,
            Err(LiveError::Online(OnlineError::Overtaken)) => {
                self.live.reset().await;
                self.live.settle().await.unwrap();
                self.intake = self.live.intake(&replay.source.name).await.unwrap();
                for partition in self.next.clone().into_keys() {
                    self.begin(partition).await;
                }
                false
            }
            Err(error) => panic!("{error}"),
        }
    }
}
