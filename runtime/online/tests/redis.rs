//! The Redis store against a real `redis-server`, which this test starts and ends.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how tests fail")]

mod common;

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{ROOM, features, layout, rows};
use mlsys_online::stores::{Memory, Redis, RedisSettings};
use mlsys_online::{Change, Commit, Entity, Groups, Guard, Item, OnlineError, Part, Seen, Space, Store, Stored};

/// How long the server may take to start.
const PATIENCE: Duration = Duration::from_secs(20);
/// The environment variable that cargo sets and that serves as a password here.
const PASSWORD: &str = "CARGO_PKG_NAME";

struct Server {
    process: Child,
    settings: RedisSettings,
    _folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A server on a free port, with a password, and a connection to it.
async fn start() -> (Server, Redis) {
    start_with(|port, _| (vec!["--port".to_owned(), port.to_string()], "redis")).await
}

/// A server with these arguments, given a free port and the server's folder, and the scheme of its address.
async fn start_with(arguments: impl Fn(u16, &Path) -> (Vec<String>, &'static str)) -> (Server, Redis) {
    let begin = Instant::now();
    loop {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let folder = tempfile::tempdir().unwrap();
        let (arguments, scheme) = arguments(port, folder.path());
        let process = Command::new("redis-server")
            .args(arguments)
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--requirepass", &std::env::var(PASSWORD).unwrap()])
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("`redis-server` is needed: it is in the package of that name");
        let mut settings = RedisSettings::new(format!("{scheme}://127.0.0.1:{port}/0"));
        settings.password = Some(format!("env:{PASSWORD}"));
        settings.timeout = Duration::from_secs(5);
        settings.ca = Some(folder.path().join("cert.pem")).filter(|_| scheme == "rediss");
        let mut server = Server { process, settings, _folder: folder };
        // Another process may have taken the port meanwhile: the server has then ended.
        while server.process.try_wait().unwrap().is_none() {
            if let Ok(store) = Redis::connect(&server.settings).await {
                return (server, store);
            }
            assert!(begin.elapsed() < PATIENCE, "redis-server does not answer");
        }
        assert!(begin.elapsed() < PATIENCE, "redis-server does not start");
    }
}

/// A server with TLS only, whose certificate names it; a client that does not know the certificate refuses it.
#[tokio::test]
async fn a_server_proves_who_it_is() {
    let certify = |port: u16, folder: &Path| {
        let request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"];
        let made = Command::new("openssl")
            .args(request)
            .args(["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"])
            .args(["-keyout", "key.pem", "-out", "cert.pem"])
            .current_dir(folder)
            .stderr(Stdio::null())
            .status();
        assert!(made.expect("`openssl` is needed").success());
        let port = port.to_string();
        let files = ["--tls-cert-file", "cert.pem", "--tls-key-file", "key.pem", "--tls-ca-cert-file", "cert.pem"];
        let arguments = ["--port", "0", "--tls-port", &port, "--tls-auth-clients", "no"].into_iter().chain(files);
        (arguments.map(str::to_owned).collect(), "rediss")
    };
    let (server, store) = start_with(certify).await;
    store.commit(Commit { changes: vec![change(b"x", b"here", None)], ..Commit::default() }).await.unwrap();
    assert_eq!(store.read(&[entity(b"x")]).await.unwrap()[0].parts, [(Part::Head, b"here".to_vec())]);
    let mut unknown = server.settings.clone();
    unknown.ca = None;
    let error = Redis::connect(&unknown).await.unwrap_err().to_string();
    assert!(error.to_lowercase().contains("certificate"), "{error}");
}

async fn open(store: Arc<dyn Store>) -> Groups {
    Groups::open(store, vec![("spend".to_owned(), layout(true))], ROOM).await.unwrap()
}

/// What one process writes another one reads, as it is in a store in memory.
#[tokio::test]
async fn what_a_job_writes_requests_read() {
    let (_server, store) = start().await;
    let store: Arc<dyn Store> = Arc::new(store);
    let (job, serving) = (open(Arc::clone(&store)).await, open(Arc::clone(&store)).await);
    let plain = open(Arc::new(Memory::new())).await;
    for start in (0..4_000).step_by(400) {
        for groups in [&job, &plain] {
            let (keys, batch) = rows(groups.groups()[0].layout(), start, start + 400, 30);
            groups.add(0, &keys, &batch, None).await.unwrap();
            groups.forget(0, (start - 400) * 1_000_000);
            groups.commit(Commit { version: start.cast_unsigned(), ..Commit::default() }).await.unwrap();
        }
        let at = (start + 401) * 1_000_000;
        assert_eq!(features(&serving, 31, at).await, features(&plain, 31, at).await);
    }
    assert_eq!(serving.groups()[0].entities(), 0);
    // A job that starts again goes on from what is stored.
    job.reset().await;
    let at = 4_001_000_000;
    assert_eq!(features(&job, 31, at).await, features(&plain, 31, at).await);
    store.clear("spend").await.unwrap();
    assert_ne!(features(&serving, 31, at).await, features(&plain, 31, at).await);
}

fn entity(key: &[u8]) -> Entity {
    Entity { group: "a[b]*".into(), key: key.to_vec() }
}

fn change(key: &[u8], bytes: &[u8], lasts: Option<i64>) -> Change {
    Change { entity: entity(key), before: 0, puts: vec![(Part::Head, bytes.to_vec())], deletes: Vec::new(), lasts }
}

/// A commit that does not know of another one before it is not stored, and neither is anything else of it.
#[tokio::test]
async fn an_older_version_never_overwrites_a_newer_one() {
    let (_server, store) = start().await;
    let commit = |version, changes| Commit { version, changes, ..Commit::default() };
    let is_overtaken = |stored: Result<(), OnlineError>| matches!(stored, Err(OnlineError::Overtaken));
    let first = commit(9, vec![change(b"x", b"new", None)]);
    store.commit(first).await.unwrap();
    let position = |value: &[u8]| Item { space: Space::Positions, key: b"p".to_vec(), value: Some(value.to_vec()) };
    let mut second = commit(10, vec![change(b"y", b"old", None), change(b"x", b"old", None)]);
    second.items.push(position(b"5"));
    second.seen = Arc::new(Seen::from_iter([(b"s".as_slice(), b"!".as_slice(), 5)]));
    assert!(is_overtaken(store.commit(second.clone()).await));
    assert_eq!(store.read(&[entity(b"y")]).await.unwrap(), [Stored::default()]);
    assert_eq!(store.items(Space::Positions, &[b"p".to_vec()]).await.unwrap(), [None]);
    assert_eq!(store.seen(&[b"s"]).await.unwrap(), [None]);
    second.changes[1].before = 9;
    store.commit(second).await.unwrap();
    let found = store.read(&[entity(b"x"), entity(b"y"), entity(b"z")]).await.unwrap();
    let stored = |version, bytes: &[u8]| Stored { version, parts: vec![(Part::Head, bytes.to_vec())] };
    assert_eq!(found, [stored(10, b"old"), stored(10, b"old"), Stored::default()]);
    // A process that has lost its partitions does not say any more where they go on.
    let guard = |value: Option<&[u8]>| {
        let value = value.map(<[u8]>::to_vec);
        Guard { space: Space::Positions, key: b"p".to_vec(), value }
    };
    for (value, is_stored) in [(None, false), (Some(b"4".as_slice()), false), (Some(b"5"), true)] {
        let late = Commit { guards: vec![guard(value)], items: vec![position(b"6")], ..Commit::default() };
        assert_eq!(is_overtaken(store.commit(late).await), !is_stored);
    }
    assert_eq!(store.items(Space::Positions, &[b"p".to_vec()]).await.unwrap(), [Some(b"6".to_vec())]);
    // Blocks in the order of their numbers; one that is deleted is gone.
    let part = |block| (Part::Rows { block, part: 0 }, vec![u8::try_from(block % 256).unwrap()]);
    let mut many = change(b"x", b"head", None);
    many.before = 10;
    many.puts.extend([part(300), part(2), part(10)]);
    store.commit(commit(11, vec![many])).await.unwrap();
    let mut fewer = change(b"x", b"head", None);
    fewer.before = 11;
    fewer.deletes.push(Part::Rows { block: 2, part: 0 });
    store.commit(commit(12, vec![fewer])).await.unwrap();
    let found = store.read(&[entity(b"x")]).await.unwrap().remove(0).parts;
    assert_eq!(found, [(Part::Head, b"head".to_vec()), part(10), part(300)]);
    store.clear("a[b]*").await.unwrap();
    assert!(store.read(&[entity(b"x"), entity(b"y")]).await.unwrap().iter().all(|one| *one == Stored::default()));
}

#[tokio::test]
async fn what_is_of_no_use_any_more_expires() {
    let (server, store) = start().await;
    let hour = 3_600_000_000;
    let changes = vec![change(b"short", b"", Some(hour)), change(b"for ever", b"", None)];
    store.commit(Commit { changes, ..Commit::default() }).await.unwrap();
    let login = redis_client(&server);
    let mut connection = login.get_multiplexed_async_connection().await.unwrap();
    let keys: Vec<Vec<u8>> = redis::cmd("KEYS").arg("mlsys:entity:*").query_async(&mut connection).await.unwrap();
    assert_eq!(keys.len(), 2);
    for key in keys {
        let lasts: i64 = redis::cmd("PTTL").arg(&key).query_async(&mut connection).await.unwrap();
        // The window, and a day for clocks that differ and rows that come late.
        let most = 25 * 3_600_000;
        let wanted = if key.ends_with(b"short") { most - 60_000..=most } else { -1..=-1 };
        assert!(wanted.contains(&lasts), "{lasts} ms");
    }
}

fn redis_client(server: &Server) -> redis::Client {
    use redis::IntoConnectionInfo;
    let info = server.settings.url.as_str().into_connection_info().unwrap();
    let login = info.redis_settings().clone().set_password(std::env::var(PASSWORD).unwrap());
    redis::Client::open(info.set_redis_settings(login)).unwrap()
}

#[tokio::test]
async fn what_a_job_remembers() {
    let (_server, store) = start().await;
    let waiting = |at: i64, row: &str| Item {
        space: Space::Histories,
        key: [&Space::instant(at)[..], row.as_bytes()].concat(),
        value: Some(row.as_bytes().to_vec()),
    };
    let seen = |all: &[(&str, i64)]| {
        let mut seen = Seen::default();
        all.iter()
            .for_each(|(key, until)| seen.put(key.as_bytes(), *until, |out| out.extend(until.to_string().bytes())));
        Arc::new(seen)
    };
    let commit = Commit {
        items: vec![waiting(5, "c"), waiting(-5, "a"), waiting(5, "b")],
        seen: seen(&[("x", 10), ("y", 20)]),
        ..Commit::default()
    };
    store.commit(commit).await.unwrap();
    let found = store.scan(Space::Histories, &Space::instant(i64::MIN), 10).await.unwrap();
    let rows: Vec<&[u8]> = found.iter().map(|(_, value)| value.as_slice()).collect();
    assert_eq!(rows, [b"a", b"b", b"c"]);
    assert_eq!(store.scan(Space::Histories, &Space::instant(0), 1).await.unwrap().len(), 1);
    store.commit(Commit { seen: seen(&[("x", 30)]), ..Commit::default() }).await.unwrap();
    store.expire(25, 100).await.unwrap();
    assert_eq!(store.seen(&[b"x", b"y"]).await.unwrap(), [Some(b"30".to_vec()), None]);
}

#[tokio::test]
async fn settings_that_make_no_sense_are_refused_without_secrets() {
    let error = |settings: RedisSettings| async move { Redis::connect(&settings).await.unwrap_err().to_string() };
    let secret = "hunter2";
    let in_url = error(RedisSettings::new(format!("redis://:{secret}@localhost"))).await;
    let wrong = error(RedisSettings::new("http://localhost")).await;
    let far = error(RedisSettings::new("redis://store.example.com")).await;
    let mut settings = RedisSettings::new("redis://127.0.0.1:1");
    settings.password = Some(secret.to_owned());
    let plain = error(settings.clone()).await;
    settings.password = Some("env:MLSYS_NO_SUCH_VARIABLE".to_owned());
    let unset = error(settings.clone()).await;
    settings.password = None;
    settings.timeout = Duration::from_millis(200);
    let nobody = error(settings).await;
    for text in [&in_url, &wrong, &plain, &unset, &nobody] {
        assert!(!text.contains(secret), "{text}");
    }
    assert!(in_url.starts_with("`url`") && wrong.starts_with("`url`"), "{in_url}; {wrong}");
    assert!(far.ends_with("a server on another machine is spoken to with TLS, `rediss://…`"), "{far}");
    assert_eq!(plain, "`password` of the online store: expected `env:NAME`");
    assert!(unset.ends_with("the environment has no `MLSYS_NO_SUCH_VARIABLE`"), "{unset}");
    assert!(nobody.starts_with("the online store (redis) failed: "), "{nobody}");
}
