//! Tells a tracking server news from standard input, one JSON object a line: `tell ADDRESS STATE_FOLDER < NEWS`. What became of
//! them is printed as JSON. `tests/interop/tracking.py` holds what arrives against MLflow's own client.

use std::io::Write;
use std::path::Path;

use mlsys_tracking::mlflow::{Credentials, Mlflow};
use mlsys_tracking::{Address, News, Pace, Spool, Tracking};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, state] = arguments.as_slice() else { return Err("usage: tell ADDRESS STATE_FOLDER < NEWS".into()) };
    let address = Address::read(address)?;
    let (pace, spool) = (Pace::default(), Spool::of(Path::new(state), &address));
    let mlflow = Mlflow::new(address, Credentials::from_environment(), pace)?;
    let tracking = Tracking::begin(Box::new(mlflow), spool, pace);
    for line in std::io::stdin().lines() {
        tracking.tell(serde_json::from_str::<News>(&line?)?);
    }
    let report = tracking.end().await;
    writeln!(std::io::stdout(), "{}", serde_json::to_string(&report)?)?;
    Ok(())
}
