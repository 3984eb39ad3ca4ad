//! Answering requests: JSON over HTTP, the Open Inference Protocol over REST and gRPC, batching, limits, metrics and the
//! prediction log.
//!
//! A [`Scorer`] is one version of a model with everything it needs; where features are kept and how the model computes is
//! its own affair. A [`Served`] puts a deployment around it: who may ask, how much and how fast, what is answered again from
//! the cache, how requests are gathered into passes, what is answered when the scorer fails or is late, and what is kept of
//! every answer. All protocols ask it in the same way. A [`Server`] holds the deployments and speaks [`http`] and
//! [`grpc`].

mod answer;
mod batching;
mod cache;
mod current;
mod fallback;
pub mod grpc;
pub mod http;
mod keys;
mod limits;
pub mod log;
mod metrics;
mod refusal;
mod request_id;
mod scorer;
mod served;
mod server;
mod tensors;

pub use answer::Answer;
pub use keys::Keys;
pub use metrics::Metrics;
pub use refusal::{Kind, Refusal};
pub use request_id::RequestId;
pub use scorer::{ScoreError, Scored, Scorer, Version};
pub use served::{Options, Served, SetupError};
pub use server::Server;
