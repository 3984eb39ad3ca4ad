//! Groups of threads, which meet as processes do.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how tests fail")]

use std::time::{Duration, Instant};

use mlsys_collective::{Group, GroupError, Place, Rendezvous};

const SOON: Duration = Duration::from_secs(20);

/// Runs a function on every rank of a group; what each of them gives.
fn together<T: Send>(size: u32, work: impl Fn(Group) -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let (tell, told) = std::sync::mpsc::channel();
        let work = &work;
        let first = scope.spawn(move || {
            let place = Place { rank: 0, size, local_rank: 0 };
            let mut met = |at: &Rendezvous| tell.send(at.clone()).unwrap();
            work(Group::join(&Rendezvous::at("127.0.0.1", 0), place, SOON, &mut met).unwrap())
        });
        let at = told.recv().unwrap();
        let others: Vec<_> = (1..size)
            .map(|rank| {
                let at = at.clone();
                let place = Place { rank, size, local_rank: rank };
                scope.spawn(move || work(Group::join(&at, place, SOON, &mut |_| {}).unwrap()))
            })
            .collect();
        std::iter::once(first).chain(others).map(|thread| thread.join().unwrap()).collect()
    })
}

/// Numbers of magnitudes so different that another order of adding gives another sum.
fn vector(piece: usize, length: usize) -> Vec<f32> {
    (0..length)
        .map(|at| ((at * 31 + piece * 17) % 101) as f32 * 10_f32.powi((piece % 5) as i32 * 3 - 6) - 0.1)
        .collect()
}

/// The sum of any number of ranks is that of one, bit by bit, also where there are fewer pieces than ranks, and where the
/// vector travels in several parts.
#[test]
fn sums_are_those_of_one_process() {
    for (size, pieces, length) in [(2, 1, 7), (2, 5, 1000), (3, 2, 1000), (3, 16, 600_000), (4, 7, 1)] {
        let mut expected = vector(0, length);
        for piece in 1..pieces {
            expected.iter_mut().zip(vector(piece, length)).for_each(|(total, number)| *total += number);
        }
        let sums = together(size, |group| {
            let own: Vec<Vec<f32>> = group.own(pieces).map(|piece| vector(piece, length)).collect();
            let own: Vec<&[f32]> = own.iter().map(Vec::as_slice).collect();
            let mut total = vec![0.0; length];
            group.sum(&own, pieces, &mut total).unwrap();
            total
        });
        for sum in sums {
            let same = sum.iter().zip(&expected).all(|(sum, expected)| sum.to_bits() == expected.to_bits());
            assert!(same, "{size} ranks, {pieces} pieces, {length} numbers");
        }
    }
}

#[test]
fn pieces_are_divided_evenly_and_in_order() {
    let places = together(3, |group| (group.rank(), group.own(5), group.own(2), group.own(0)));
    assert_eq!(places, [(0, 0..2, 0..1, 0..0), (1, 2..4, 1..2, 0..0), (2, 4..5, 2..2, 0..0)]);
}

#[test]
fn what_rank_0_says_reaches_all() {
    let heard = together(3, |group| {
        let mut numbers = vec![f64::from(group.rank()); 3];
        group.broadcast(&mut numbers).unwrap();
        let words = if group.leads() { b"all hear this".to_vec() } else { vec![1; 40] };
        let nothing = if group.leads() { Vec::new() } else { vec![1] };
        (numbers, group.broadcast_bytes(words).unwrap(), group.broadcast_bytes(nothing).unwrap())
    });
    for (numbers, words, nothing) in heard {
        assert_eq!((numbers, words.as_slice(), nothing.len()), (vec![0.0; 3], &b"all hear this"[..], 0));
    }
}

/// Whoever fails says why; those who lose it hear that, and not only that a connection is closed.
#[test]
fn survivors_hear_why_one_failed() {
    let began = Instant::now();
    let heard = together(3, |group| {
        if group.rank() == 1 {
            group.tell("its disk is full");
            return String::new();
        }
        let mut total = [0.0_f32];
        let own = [1.0_f32];
        let error = group.sum(&[&own[..]], 3, &mut total).unwrap_err();
        group.tell("nobody is told the second reason");
        error.to_string()
    });
    assert_eq!(heard[0], "rank 1 failed: its disk is full");
    assert_eq!(heard[2], "rank 1 failed: its disk is full");
    assert!(began.elapsed() < SOON);
}

#[test]
fn one_that_says_nothing_is_named() {
    let heard = together(2, |group| {
        if group.rank() == 1 {
            return String::new();
        }
        let mut total = [0.0_f32];
        let own = [1.0_f32];
        group.sum(&[&own[..]], 2, &mut total).unwrap_err().to_string()
    });
    assert!(heard[0].starts_with("rank 1 of 2 was lost: "), "{}", heard[0]);
    assert!(!heard[0].contains('\n') && !heard[0].contains(".cc"), "{}", heard[0]);
}

#[test]
fn one_that_never_comes_is_not_waited_for_forever() {
    let began = Instant::now();
    let place = Place { rank: 0, size: 2, local_rank: 0 };
    let at = Rendezvous::at("127.0.0.1", 0);
    let error = Group::join(&at, place, Duration::from_secs(2), &mut |_| {}).unwrap_err();
    assert!(matches!(error, GroupError::Meeting { rank: 0, size: 2, .. }), "{error}");
    assert!(error.to_string().contains("1/2 clients joined"), "{error}");
    assert!(began.elapsed() < SOON);
}

/// Of two processes with one rank the second is told so, and does not get in the way of the first.
#[test]
fn a_rank_is_given_once() {
    let (tell, told) = std::sync::mpsc::channel();
    let join = |at: &Rendezvous, rank, tell: Option<std::sync::mpsc::Sender<Rendezvous>>| {
        let place = Place { rank, size: 3, local_rank: 0 };
        let mut met = |at: &Rendezvous| tell.iter().for_each(|tell| tell.send(at.clone()).unwrap());
        Group::join(at, place, SOON, &mut met)
    };
    let (free, met) = (Rendezvous::at("127.0.0.1", 0), std::sync::OnceLock::new());
    std::thread::scope(|scope| {
        let first = scope.spawn(|| join(&free, 0, Some(tell)));
        let at: &Rendezvous = met.get_or_init(|| told.recv().unwrap());
        let rivals = [scope.spawn(move || join(at, 1, None)), scope.spawn(move || join(at, 1, None))];
        while rivals.iter().all(|rival| !rival.is_finished()) {
            std::thread::sleep(Duration::from_millis(10));
        }
        let last = scope.spawn(move || join(at, 2, None));
        let rivals = rivals.map(|rival| rival.join().unwrap());
        let told: Vec<String> = rivals.iter().filter_map(|rival| Some(rival.as_ref().err()?.to_string())).collect();
        assert!(told.len() == 1 && told[0].contains("another process is rank 1 already"), "{told:?}");
        assert!(first.join().unwrap().is_ok() && last.join().unwrap().is_ok());
    });
}

#[test]
fn places_that_do_not_exist_are_refused() {
    let at = Rendezvous::at("127.0.0.1", 0);
    let place = Place { rank: 2, size: 2, local_rank: 0 };
    let error = Group::join(&at, place, SOON, &mut |_| {}).unwrap_err();
    assert_eq!(error, GroupError::Place { rank: 2, size: 2 });
    let place = Place { rank: 1, size: 2, local_rank: 0 };
    let error = Group::join(&at, place, SOON, &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("port 0 is for rank 0"), "{error}");
}

#[test]
fn who_is_alone_needs_nobody() {
    let group = Group::alone();
    let mut total = [0.0_f64; 2];
    group.sum(&[&[1.0, 2.0], &[0.5, 0.25]], 2, &mut total).unwrap();
    group.broadcast(&mut total).unwrap();
    assert_eq!((total, group.leads(), group.own(4)), ([1.5, 2.25], true, 0..4));
    assert_eq!(group.broadcast_bytes(vec![7]).unwrap(), [7]);
}
