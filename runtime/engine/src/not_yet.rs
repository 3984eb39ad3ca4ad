//! What a program can ask for and a run does not do: serving, streams and watching stay specifications.

use mlsys_plan::{Node, Operation, Plan};

use crate::scoring::is_executed;

/// What the standard library declares for serving, streams and watching: kind and name. A plan may hold them; `run`
/// keeps them as specifications and says that they were not executed.
pub const NOT_YET: &[(&str, &str)] = &[
    ("action", "notify"),
    ("action", "pause"),
    ("action", "retrain"),
    ("action", "rollback"),
    ("auth", "api_key"),
    ("channel", "slack"),
    ("channel", "webhook"),
    ("detector", "adwin"),
    ("detector", "page_hinkley"),
    ("drift", "chi_squared"),
    ("drift", "js_distance"),
    ("drift", "ks"),
    ("drift", "missing_rate"),
    ("drift", "new_category_rate"),
    ("drift", "psi"),
    ("drift", "wasserstein"),
    ("explainer", "shap"),
    ("export", "onnx"),
    ("export", "torchscript"),
    ("fallback", "popular"),
    ("format", "avro"),
    ("format", "json"),
    ("knob", "batch"),
    ("policy", "epsilon_greedy"),
    ("policy", "thompson"),
    ("quantization", "float16"),
    ("quantization", "int8"),
    ("signal", "error_rate"),
    ("signal", "fallback_rate"),
    ("signal", "p50"),
    ("signal", "p95"),
    ("signal", "p99"),
    ("signal", "request_rate"),
    ("silence", "silent"),
    ("sink", "kafka"),
    ("sink", "postgres"),
    ("stream", "file"),
    ("stream", "http_push"),
    ("stream", "kafka"),
    ("stream", "nats"),
    ("transport", "grpc"),
    ("transport", "http"),
];

/// What a plan asks for and a run does not do, in the plan's order.
pub(crate) fn not_executed(plan: &Plan) -> Vec<String> {
    plan.nodes.iter().filter_map(of_node).collect()
}

fn of_node(node: &Node) -> Option<String> {
    match &node.operation {
        Operation::Source(source) => {
            let stream = source.stream.as_ref()?;
            Some(format!("stream of {} ({})", source.name, stream.name))
        }
        Operation::Deployment(deployment) => {
            let served = deployment.endpoints.iter().map(|endpoint| endpoint.transport.name.as_str());
            let scored = deployment.scoring.iter().filter(|scoring| !is_executed(deployment, scoring)).map(|_| "score");
            let exported = deployment.exports.iter().map(|export| export.name.as_str());
            let ways: Vec<&str> = served.chain(scored).chain(exported).collect();
            (!ways.is_empty()).then(|| format!("deployment {} ({})", deployment.name, ways.join(", ")))
        }
        Operation::Monitor(monitor) => Some(format!("monitor {}", monitor.name)),
        Operation::Features(_) | Operation::Observe(_) | Operation::Join(_) | Operation::Train(_) => None,
    }
}
