//! State in Redis, which several processes share.
//!
//! An entity is a hash whose fields are the parts, and `v`, the version of the last commit that changed it. A commit is one
//! transaction. It begins with a key, `go`; scripts remove it if an entity has another version than it was read with, or an
//! item another value, and nothing that follows has an effect without it: a process that was overtaken overwrites nothing.
//! What can be of no use any more expires. Items of a space are a hash, with a sorted set of their keys; keys that were seen
//! are a hash, with a sorted set by the instant until which they are remembered.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{
    Client, ConnectionAddr, FromRedisValue, IntoConnectionInfo, Pipeline, RedisError, Script, TlsCertificates,
    ToRedisArgs,
};

use super::{Change, Commit, Entity, Guard, Item, Part, Parts, Space, Store, Stored, group_prefix};
use crate::error::OnlineError;
use crate::seen::Seen;

/// The field of an entity's version.
const VERSION: &[u8] = b"v";

/// So many values are given to a script at once: what is sent and what a script holds stays small.
const AT_ONCE: usize = 10_000;

/// Ends a commit if entities have other versions than these, unless they have expired. Versions are texts of one length: a
/// script's numbers would round them.
const VERSIONS: &str = r"
for index = 2, #KEYS do
  local found = redis.call('HGET', KEYS[index], 'v')
  if found and found ~= ARGV[index - 1] then return redis.call('DEL', KEYS[1]) end
end
return 0
";

/// Ends a commit if a field of a hash is not there with a value, or is there without one.
const GUARD: &str = r"
local found = redis.call('HGET', KEYS[2], ARGV[1])
if found ~= (ARGV[2] or false) then return redis.call('DEL', KEYS[1]) end
return 0
";

/// Changes an entity.
const CHANGE: &str = r"
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local deletes = tonumber(ARGV[3])
for index = 4, 3 + deletes do redis.call('HDEL', KEYS[2], ARGV[index]) end
redis.call('HSET', KEYS[2], 'v', ARGV[1])
for index = 4 + deletes, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[index], ARGV[index + 1]) end
if redis.call('HLEN', KEYS[2]) == 1 then redis.call('PEXPIRE', KEYS[2], 86400000)
elseif ARGV[2] == '' then redis.call('PERSIST', KEYS[2])
else redis.call('PEXPIRE', KEYS[2], ARGV[2]) end
return 1
";

/// Sets fields of a hash with their scores, in threes; a field with an empty score is removed.
const SET: &str = r"
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
for index = 1, #ARGV, 3 do
  if ARGV[index + 1] == '' then
    redis.call('HDEL', KEYS[2], ARGV[index])
    redis.call('ZREM', KEYS[3], ARGV[index])
  else
    redis.call('HSET', KEYS[2], ARGV[index], ARGV[index + 2])
    redis.call('ZADD', KEYS[3], ARGV[index + 1], ARGV[index])
  end
end
return 1
";

/// Forgets keys that are due, at most so many.
const EXPIRE: &str = r"
local due = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', '(' .. ARGV[1], 'LIMIT', 0, ARGV[2])
for _, key in ipairs(due) do
  redis.call('HDEL', KEYS[1], key)
  redis.call('ZREM', KEYS[2], key)
end
return #due
";

/// How long after the widest window an entity is kept, in microseconds: clocks differ, and rows come late.
const SLACK: i64 = 24 * 3_600 * 1_000_000;

/// How long a commit may take: it is larger than what requests read.
const PATIENCE: Duration = Duration::from_secs(30);

/// How a Redis server is reached.
#[derive(Clone, Debug)]
pub struct RedisSettings {
    /// Its address, `redis://host:port/database`, or `rediss://…` with TLS; without a password.
    pub url: String,
    /// The user.
    pub username: Option<String>,
    /// `env:NAME`: the environment variable that holds the password.
    pub password: Option<String>,
    /// A file with the certificates (PEM) that servers are trusted by; none for those of the system.
    pub ca: Option<PathBuf>,
    /// Whether a server on another machine may be spoken to without TLS.
    pub allows_plain: bool,
    /// What all keys begin with, so that projects share a server.
    pub prefix: String,
    /// How long an answer may take, but to a commit.
    pub timeout: Duration,
}

/// A store in Redis.
#[derive(Clone)]
pub struct Redis {
    connection: ConnectionManager,
    /// Commits have one of their own: no request waits behind them.
    commits: ConnectionManager,
    prefix: String,
    scripts: Scripts,
}

/// What the server does of a commit.
#[derive(Clone)]
struct Scripts {
    versions: Loaded,
    guard: Loaded,
    change: Loaded,
    set: Loaded,
    expire: Script,
}

/// A script that a commit loads before it calls it.
#[derive(Clone)]
struct Loaded {
    text: &'static str,
    hash: String,
}

impl Scripts {
    fn new() -> Self {
        let loaded = |text| Loaded { text, hash: Script::new(text).get_hash().to_owned() };
        Scripts {
            versions: loaded(VERSIONS),
            guard: loaded(GUARD),
            change: loaded(CHANGE),
            set: loaded(SET),
            expire: Script::new(EXPIRE),
        }
    }

    /// Those of a commit.
    fn all(&self) -> [&Loaded; 4] {
        [&self.versions, &self.guard, &self.change, &self.set]
    }
}

impl Loaded {
    fn load(&self, pipeline: &mut Pipeline) {
        pipeline.cmd("SCRIPT").arg("LOAD").arg(self.text).ignore();
    }

    /// A call with so many keys, which are its first arguments.
    fn call<'p>(&self, pipeline: &'p mut Pipeline, keys: usize) -> &'p mut Pipeline {
        pipeline.cmd("EVALSHA").arg(&self.hash).arg(keys)
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

impl RedisSettings {
    /// The usual settings for an address.
    pub fn new(url: impl Into<String>) -> Self {
        RedisSettings {
            url: url.into(),
            username: None,
            password: None,
            ca: None,
            allows_plain: false,
            prefix: "mlsys:".to_owned(),
            timeout: Duration::from_secs(1),
        }
    }

    /// A client, with the password from the environment.
    fn client(&self) -> Result<Client, OnlineError> {
        let refuse = |setting: &'static str, reason: &str| OnlineError::Setting { setting, reason: reason.to_owned() };
        if self.url.contains('@') {
            return Err(refuse("url", "it names a user; `username` and `password` are settings of their own"));
        }
        // What the parser says of an address may repeat it.
        let wrong = |_: RedisError| refuse("url", "expected `redis://host:port/database` or `rediss://…`");
        let info = self.url.as_str().into_connection_info().map_err(wrong)?;
        let mut login = info.redis_settings().clone();
        if let Some(username) = &self.username {
            login = login.set_username(username);
        }
        if let Some(password) = &self.password {
            let name = password.strip_prefix("env:").ok_or_else(|| refuse("password", "expected `env:NAME`"))?;
            let value = std::env::var(name);
            let value = value.map_err(|_| refuse("password", &format!("the environment has no `{name}`")))?;
            login = login.set_password(value);
        }
        if let ConnectionAddr::Tcp(host, _) = info.addr()
            && !self.allows_plain
            && !is_here(host)
        {
            return Err(refuse("url", "a server on another machine is spoken to with TLS, `rediss://…`"));
        }
        if matches!(info.addr(), ConnectionAddr::TcpTls { .. }) {
            // Where several parts of a program bring rustls with another provider each, one of them has to choose; one that
            // was chosen before stays.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let info = info.set_redis_settings(login);
        let Some(ca) = &self.ca else { return Client::open(info).map_err(wrong) };
        let ca = std::fs::read(ca).map_err(|error| refuse("ca", &error.to_string()))?;
        Client::build_with_tls(info, TlsCertificates { client_tls: None, root_cert: Some(ca) })
            .map_err(|_| refuse("ca", "it has no certificates, or the address is not `rediss://…`"))
    }
}

impl Redis {
    /// Connects to a server. A connection that breaks is made again by itself.
    ///
    /// # Errors
    /// [`OnlineError::Setting`] if the settings make no sense; [`OnlineError::Store`] if the server cannot be reached.
    pub async fn connect(settings: &RedisSettings) -> Result<Self, OnlineError> {
        let config = |answer: Duration| {
            ConnectionManagerConfig::new()
                .set_connection_timeout(Some(settings.timeout))
                .set_response_timeout(Some(answer))
                .set_number_of_retries(2)
        };
        let client = settings.client()?;
        let connect = |answer| ConnectionManager::new_with_config(client.clone(), config(answer));
        let connection = connect(settings.timeout).await.map_err(failed)?;
        let commits = connect(PATIENCE.max(settings.timeout)).await.map_err(failed)?;
        Ok(Redis { connection, commits, prefix: settings.prefix.clone(), scripts: Scripts::new() })
    }

    /// Asks what changes something.
    async fn ask<T: FromRedisValue>(&self, pipeline: &Pipeline) -> Result<T, OnlineError> {
        pipeline.query_async(&mut self.commits.clone()).await.map_err(failed)
    }

    /// Asks what changes nothing: once more if the connection broke.
    async fn look<T: FromRedisValue>(&self, pipeline: &Pipeline) -> Result<T, OnlineError> {
        let mut connection = self.connection.clone();
        match pipeline.query_async(&mut connection).await {
            Err(error) if error.is_connection_dropped() => pipeline.query_async(&mut connection).await.map_err(failed),
            other => other.map_err(failed),
        }
    }

    fn entity_key(&self, entity: &Entity) -> Vec<u8> {
        [self.prefix.as_bytes(), b"entity:", &entity.prefix()].concat()
    }

    fn space_key(&self, space: Space) -> String {
        format!("{}{}", self.prefix, space.name())
    }

    fn order_key(&self, space: Space) -> String {
        format!("{}{}:order", self.prefix, space.name())
    }

    fn seen_key(&self) -> String {
        format!("{}seen", self.prefix)
    }

    fn until_key(&self) -> String {
        format!("{}seen:until", self.prefix)
    }

    /// The key without which a commit has no effect.
    fn go_key(&self) -> String {
        format!("{}go", self.prefix)
    }

    fn add_versions(&self, pipeline: &mut Pipeline, changes: &[Change]) {
        for some in changes.chunks(AT_ONCE) {
            let command = self.scripts.versions.call(pipeline, 1 + some.len());
            command.arg(self.go_key());
            for change in some {
                command.arg(self.entity_key(&change.entity));
            }
            for change in some {
                command.arg(version_text(change.before));
            }
            command.ignore();
        }
    }

    fn add_guard(&self, pipeline: &mut Pipeline, guard: &Guard) {
        let command = self.scripts.guard.call(pipeline, 2);
        command.arg(self.go_key()).arg(self.space_key(guard.space)).arg(&guard.key);
        if let Some(value) = &guard.value {
            command.arg(value);
        }
        command.ignore();
    }

    fn add_change(&self, pipeline: &mut Pipeline, version: u64, change: &Change) {
        let part = |part: &Part| {
            let mut bytes = Vec::with_capacity(9);
            part.write(&mut bytes);
            bytes
        };
        let lasts = change.lasts.map(|lasts| (lasts.saturating_add(SLACK) / 1_000).to_string()).unwrap_or_default();
        let command = self.scripts.change.call(pipeline, 2).arg(self.go_key()).arg(self.entity_key(&change.entity));
        command.arg(version_text(version)).arg(lasts).arg(change.deletes.len());
        for deleted in &change.deletes {
            command.arg(part(deleted));
        }
        for (put, bytes) in &change.puts {
            command.arg(part(put)).arg(bytes);
        }
        command.ignore();
    }

    fn add_items(&self, pipeline: &mut Pipeline, items: &[Item]) {
        for space in Space::ALL {
            let own: Vec<&Item> = items.iter().filter(|item| item.space == space).collect();
            for some in own.chunks(AT_ONCE) {
                let command = self.scripts.set.call(pipeline, 3);
                command.arg(self.go_key()).arg(self.space_key(space)).arg(self.order_key(space));
                for Item { key, value, .. } in some {
                    command
                        .arg(key)
                        .arg(if value.is_some() { "0" } else { "" })
                        .arg(value.as_deref().unwrap_or_default());
                }
                command.ignore();
            }
        }
    }

    fn add_seen(&self, pipeline: &mut Pipeline, seen: &Seen) {
        let mut all = seen.iter().peekable();
        while all.peek().is_some() {
            let command = self.scripts.set.call(pipeline, 3);
            command.arg(self.go_key()).arg(self.seen_key()).arg(self.until_key());
            for (key, value, until) in all.by_ref().take(AT_ONCE) {
                command.arg(key).arg(until).arg(value);
            }
            command.ignore();
        }
    }

    async fn values<K: ToRedisArgs>(&self, key: String, fields: &[K]) -> Result<Vec<Option<Vec<u8>>>, OnlineError> {
        if fields.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipeline = redis::pipe();
        pipeline.cmd("HMGET").arg(key).arg(fields);
        let (values,) = self.look(&pipeline).await?;
        Ok(values)
    }
}

#[async_trait]
impl Store for Redis {
    fn is_shared(&self) -> bool {
        true
    }

    async fn read(&self, entities: &[Entity]) -> Result<Vec<Stored>, OnlineError> {
        if entities.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipeline = redis::pipe();
        for entity in entities {
            pipeline.cmd("HGETALL").arg(self.entity_key(entity));
        }
        let found: Vec<Vec<(Vec<u8>, Vec<u8>)>> = self.look(&pipeline).await?;
        found.into_iter().map(stored).collect()
    }

    async fn commit(&self, commit: Commit) -> Result<(), OnlineError> {
        let mut pipeline = redis::pipe();
        pipeline.atomic();
        // A transaction goes on after a command that fails, so the scripts are loaded in it.
        self.scripts.all().into_iter().for_each(|script| script.load(&mut pipeline));
        pipeline.cmd("SET").arg(self.go_key()).arg("").ignore();
        self.add_versions(&mut pipeline, &commit.changes);
        commit.guards.iter().for_each(|guard| self.add_guard(&mut pipeline, guard));
        commit.changes.iter().for_each(|change| self.add_change(&mut pipeline, commit.version, change));
        self.add_items(&mut pipeline, &commit.items);
        self.add_seen(&mut pipeline, &commit.seen);
        pipeline.cmd("DEL").arg(self.go_key());
        let (was_there,): (u64,) = self.ask(&pipeline).await?;
        if was_there == 0 { Err(OnlineError::Overtaken) } else { Ok(()) }
    }

    async fn items(&self, space: Space, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, OnlineError> {
        self.values(self.space_key(space), keys).await
    }

    async fn scan(&self, space: Space, from: &[u8], most: usize) -> Result<Vec<(Vec<u8>, Vec<u8>)>, OnlineError> {
        let mut pipeline = redis::pipe();
        let from = [b"[", from].concat();
        pipeline.cmd("ZRANGEBYLEX").arg(self.order_key(space)).arg(from).arg("+").arg("LIMIT").arg(0).arg(most);
        let (keys,): (Vec<Vec<u8>>,) = self.look(&pipeline).await?;
        let values = self.items(space, &keys).await?;
        Ok(keys.into_iter().zip(values).filter_map(|(key, value)| Some((key, value?))).collect())
    }

    async fn seen(&self, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>, OnlineError> {
        self.values(self.seen_key(), keys).await
    }

    async fn expire(&self, before: i64, most: usize) -> Result<(), OnlineError> {
        let mut call = self.scripts.expire.key(self.seen_key());
        call.key(self.until_key()).arg(before).arg(most);
        call.invoke_async(&mut self.connection.clone()).await.map_err(failed)
    }

    async fn keys(&self, _group: &str, _after: Option<&[u8]>, _most: usize) -> Result<Vec<Vec<u8>>, OnlineError> {
        Ok(Vec::new())
    }

    async fn clear(&self, group: &str) -> Result<(), OnlineError> {
        let prefix = [self.prefix.as_bytes(), b"entity:", &group_prefix(group)].concat();
        let mut pattern = Vec::with_capacity(prefix.len() + 8);
        for byte in prefix {
            if b"*?[]\\^".contains(&byte) {
                pattern.push(b'\\');
            }
            pattern.push(byte);
        }
        pattern.push(b'*');
        let mut cursor = 0_u64;
        loop {
            let mut pipeline = redis::pipe();
            pipeline.cmd("SCAN").arg(cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(1_000);
            let ((next, keys),): ((u64, Vec<Vec<u8>>),) = self.look(&pipeline).await?;
            if !keys.is_empty() {
                let mut pipeline = redis::pipe();
                pipeline.cmd("UNLINK").arg(keys).ignore();
                self.ask::<()>(&pipeline).await?;
            }
            cursor = next;
            if cursor == 0 {
                return Ok(());
            }
        }
    }
}

/// Whether a host is this machine.
fn is_here(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// An entity's hash.
fn stored(fields: Vec<(Vec<u8>, Vec<u8>)>) -> Result<Stored, OnlineError> {
    let mut stored = Stored { version: 0, parts: Parts::with_capacity(fields.len()) };
    for (field, bytes) in fields {
        if field == VERSION {
            let number = std::str::from_utf8(&bytes).ok().and_then(|text| text.parse().ok());
            stored.version = number.ok_or(OnlineError::state("a version is no number"))?;
        } else {
            stored.parts.push((Part::read(&field)?, bytes));
        }
    }
    stored.parts.sort_unstable_by_key(|(part, _)| *part);
    Ok(stored)
}

/// A version as a text of one length.
fn version_text(version: u64) -> String {
    format!("{version:020}")
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` passes errors by value")]
fn failed(error: RedisError) -> OnlineError {
    // The kind and the server's own words: what was sent is not repeated.
    let reason = match error.detail() {
        Some(detail) => format!("{} ({detail})", error.category()),
        None => error.to_string(),
    };
    OnlineError::Store { store: "redis", reason }
}
