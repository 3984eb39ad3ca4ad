//! What is told of a server that does not do what is asked of it: where it is, why, and what to do; never a password.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use mlsys_store::{Registry, RegistryAddress, StoreError};

use crate::place::Place;
use crate::postgres::{PASSWORD, Postgres};
use crate::register;

pub(crate) fn address(text: &str) -> RegistryAddress {
    RegistryAddress::read(text, Some(PASSWORD)).unwrap()
}

/// Why it cannot be used, and what to do.
async fn refused(address: &RegistryAddress) -> (String, &'static str) {
    let error = Registry::connect(address).await.err().expect("it can be used");
    assert_eq!(error.code(), "E0945", "{error}");
    let told = error.to_string();
    let help = error.help();
    assert!(!format!("{told} {help} {error:?}").contains(PASSWORD), "{told}");
    assert!(told.contains(&address.to_string()), "{told}");
    (told, help)
}

#[tokio::test]
async fn a_server_that_cannot_be_used_is_told_with_what_to_do() {
    let server = Postgres::server();
    let there = server.database();
    for (text, password, reason, help) in [
        (there.clone(), "wrong password", "does not take the password", "PGPASSWORD"),
        (server.address("nowhere"), PASSWORD, "there is no such database", "createdb"),
        (format!("{there}?sslmode=require"), PASSWORD, "cannot be protected", "sslmode"),
        (format!("{there}?sslmode=verify-full"), PASSWORD, "cannot be protected", "sslrootcert"),
        ("postgres://mlsys@127.0.0.1:1/mlsys".to_owned(), PASSWORD, "cannot be reached", "host and port"),
        ("postgres://mlsys@registry.invalid/mlsys?sslmode=prefer".to_owned(), PASSWORD, "cannot be reached", "host"),
    ] {
        let (told, advised) = refused(&RegistryAddress::read(&text, Some(password)).unwrap()).await;
        assert!(told.contains(reason) && advised.contains(help), "{text}: {told}\n{advised}");
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_is_waited_for_ten_seconds() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let began = Instant::now();
    let (told, _) = refused(&address(&format!("postgres://mlsys@127.0.0.1:{port}/mlsys"))).await;
    assert!(told.contains("does not answer"), "{told}");
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn the_tables_of_another_program_are_left_alone() {
    let place = Place::Server(Postgres::server().database());
    place.tell("CREATE TABLE versions (name text)").await.unwrap();
    let (told, help) = refused(&address(&place.name())).await;
    assert!(told.contains("another program") && help.contains("search_path"), "{told}\n{help}");
    place.tell("SELECT name FROM versions").await.unwrap();
    assert!(place.tell("SELECT 1 FROM models").await.is_err(), "tables were left half made");
    // In a schema of its own there is room for it.
    place.tell("CREATE SCHEMA fraud").await.unwrap();
    let registry = Registry::connect(&address(&format!("{}?options[search_path]=fraud", place.name()))).await.unwrap();
    assert_eq!(register(&registry, "t").await.version, 1);
    place.tell("SELECT training FROM fraud.versions").await.unwrap();
}

/// Who only uses a registry needs no right to make tables.
#[tokio::test]
async fn a_user_who_may_make_no_tables_uses_those_that_are_there() {
    let place = Place::Server(Postgres::server().database());
    let owner = place.open().await;
    register(&owner, "t1").await;
    let user = format!("user_{}", place.name().rsplit('_').next().unwrap());
    for statement in [
        format!("CREATE USER {user} PASSWORD 'mine'"),
        format!("GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO {user}"),
    ] {
        place.tell(&statement).await.unwrap();
    }
    let text = place.name().replace("mlsys@", &format!("{user}@"));
    let registry = Registry::connect(&RegistryAddress::read(&text, Some("mine")).unwrap()).await.unwrap();
    assert_eq!(register(&registry, "t2").await.version, 2);
    // In an empty database it may not begin.
    let empty = Postgres::server().database().replace("mlsys@", &format!("{user}@"));
    let (told, help) = refused(&RegistryAddress::read(&empty, Some("mine")).unwrap()).await;
    assert!(told.contains("may not") && help.contains("GRANT"), "{told}\n{help}");
}

/// A server that is gone for a while is a registry that fails, and works when it is there again.
#[tokio::test]
async fn a_connection_that_was_lost_is_made_again() {
    let place = Place::Server(Postgres::server().database());
    let registry = place.open().await;
    register(&registry, "t1").await;
    let database = place.name().rsplit('/').next().unwrap().to_owned();
    let end = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'");
    Postgres::server().psql("postgres", &end).unwrap();
    assert_eq!(register(&registry, "t2").await.version, 2);
    // Its database is gone for good.
    Postgres::server().psql("postgres", &format!("DROP DATABASE {database} WITH (FORCE)")).unwrap();
    let error = registry.versions("m").await.err().unwrap();
    assert!(matches!(error, StoreError::Registry { .. }) && error.code() == "E0945", "{error}");
}
