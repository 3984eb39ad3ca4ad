//! Answering requests: JSON over HTTP, the Open Inference Protocol over REST and gRPC, batching, limits, metrics and the prediction log.
