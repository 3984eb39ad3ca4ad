//! The Open Inference Protocol, version 2, over gRPC.
//!
//! <https://github.com/kserve/open-inference-protocol>. A model of the protocol is a deployment. Keys are shown as
//! `authorization: Bearer` or `x-api-key` in the metadata of a call.

mod contents;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use prost::bytes::Bytes;
use tokio::net::TcpListener;
use tonic::metadata::MetadataMap;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use crate::answer::Answer;
use crate::http::bearer;
use crate::refusal::Refusal;
use crate::request_id::RequestId;
use crate::served::{Leave, Served};
use crate::server::{EXTENSIONS, NAME, Server};
use crate::tensors::{Datatype, Tensor, Values, announced, check_names, outputs, rows};
use proto::grpc_inference_service_server::{GrpcInferenceService, GrpcInferenceServiceServer};
use proto::infer_parameter::ParameterChoice;
use proto::model_infer_response::InferOutputTensor;
use proto::model_metadata_response::TensorMetadata;
use proto::{InferParameter, ModelInferRequest, ModelInferResponse, ModelMetadataResponse};

/// The generated messages and the service.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::too_many_lines,
    reason = "generated from the protocol's definition"
)]
mod proto {
    tonic::include_proto!("inference");
}

/// Serves gRPC on a listener until `stop` is ready, then finishes the calls that are being answered, as long as `grace`
/// allows it. True if all of them finished.
///
/// # Errors
/// The transport fails.
pub async fn serve(
    server: Arc<Server>,
    listener: TcpListener,
    grace: Duration,
    stop: impl Future<Output = ()> + Send,
) -> Result<bool, tonic::transport::Error> {
    let most = server.deployments().map(|served| served.most_bytes()).max().unwrap_or(4 << 20);
    let service = GrpcInferenceServiceServer::new(Service(Arc::clone(&server))).max_decoding_message_size(most);
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let (told, stopping) = tokio::sync::oneshot::channel();
    let stop = async move {
        stop.await;
        server.prepare_to_stop();
        let _ = told.send(());
    };
    let serving = tonic::transport::Server::builder().add_service(service).serve_with_incoming_shutdown(incoming, stop);
    let too_long = async {
        match stopping.await {
            Ok(()) => tokio::time::sleep(grace).await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        served = serving => served.map(|()| true),
        () = too_long => Ok(false),
    }
}

struct Service(Arc<Server>);

#[tonic::async_trait]
impl GrpcInferenceService for Service {
    async fn server_live(
        &self,
        _: Request<proto::ServerLiveRequest>,
    ) -> Result<Response<proto::ServerLiveResponse>, Status> {
        Ok(Response::new(proto::ServerLiveResponse { live: true }))
    }

    async fn server_ready(
        &self,
        _: Request<proto::ServerReadyRequest>,
    ) -> Result<Response<proto::ServerReadyResponse>, Status> {
        Ok(Response::new(proto::ServerReadyResponse { ready: self.0.is_ready() }))
    }

    async fn model_ready(
        &self,
        request: Request<proto::ModelReadyRequest>,
    ) -> Result<Response<proto::ModelReadyResponse>, Status> {
        let proto::ModelReadyRequest { name, version } = request.into_inner();
        let served = self.0.find_version(&name, Some(&version)).map_err(|refusal| status(&refusal))?;
        Ok(Response::new(proto::ModelReadyResponse { ready: served.is_ready() }))
    }

    async fn server_metadata(
        &self,
        _: Request<proto::ServerMetadataRequest>,
    ) -> Result<Response<proto::ServerMetadataResponse>, Status> {
        let extensions = EXTENSIONS.map(str::to_owned).to_vec();
        let (name, version) = (NAME.to_owned(), env!("CARGO_PKG_VERSION").to_owned());
        Ok(Response::new(proto::ServerMetadataResponse { name, version, extensions }))
    }

    async fn model_metadata(
        &self,
        request: Request<proto::ModelMetadataRequest>,
    ) -> Result<Response<ModelMetadataResponse>, Status> {
        let proto::ModelMetadataRequest { name, version } = request.into_inner();
        let served = self.0.find_version(&name, Some(&version)).map_err(|refusal| status(&refusal))?;
        let tensors = |fields| {
            let described = announced(fields).map(|tensor| TensorMetadata {
                name: tensor.name.to_owned(),
                datatype: tensor.datatype.name().to_owned(),
                shape: tensor.shape,
            });
            described.collect()
        };
        Ok(Response::new(ModelMetadataResponse {
            name,
            versions: vec![served.scorer().version().number.to_string()],
            platform: NAME.to_owned(),
            inputs: tensors(&served.deployment().request),
            outputs: tensors(served.outputs()),
            properties: HashMap::new(),
        }))
    }

    async fn model_infer(&self, request: Request<ModelInferRequest>) -> Result<Response<ModelInferResponse>, Status> {
        let started = Instant::now();
        let (metadata, _, request) = request.into_parts();
        let served = self
            .0
            .find_version(&request.model_name, Some(&request.model_version))
            .map_err(|refusal| status(&refusal))?;
        let answered = ask(served, &metadata, &request).await;
        served.record(started, answered.as_ref().map(|(answer, _)| answer));
        answered.map(|(_, response)| Response::new(response)).map_err(|refusal| status(&refusal))
    }
}

async fn ask(
    served: &Served,
    metadata: &MetadataMap,
    request: &ModelInferRequest,
) -> Result<(Answer, ModelInferResponse), Refusal> {
    let leave: Leave = served.admit(key(metadata))?;
    let names: Vec<&str> = request.outputs.iter().map(|output| output.name.as_str()).collect();
    check_names(served.outputs(), &names)?;
    let rows = read_rows(served, request)?;
    let given = Some(request.id.as_str()).filter(|id| !id.is_empty());
    let given = given.or_else(|| metadata.get("x-request-id").and_then(|id| id.to_str().ok()));
    let answer = served.answer(&leave, rows, &RequestId::given_or_new(given)).await?;
    let response = write(served, request, &answer, &names)?;
    Ok((answer, response))
}

fn read_rows(served: &Served, request: &ModelInferRequest) -> Result<RecordBatch, Refusal> {
    let raw = &request.raw_input_contents;
    if !raw.is_empty() && raw.len() != request.inputs.len() {
        let reason = format!("{} raw contents for {} inputs", raw.len(), request.inputs.len());
        return Err(Refusal::invalid(reason));
    }
    let tensors = request.inputs.iter().enumerate().map(|(index, input)| {
        let datatype = Datatype::parse(&input.name, &input.datatype)?;
        let values = match (raw.get(index), &input.contents) {
            (Some(raw), None) => Values::from_raw(&input.name, datatype, raw)?,
            (None, Some(contents)) => contents::read(&input.name, datatype, contents)?,
            (None, None) => Values::empty(datatype),
            (Some(_), Some(_)) => {
                return Err(Refusal::invalid(format!("input `{}` has both raw and typed contents", input.name)));
            }
        };
        Ok(Tensor { name: &input.name, shape: &input.shape, values })
    });
    let tensors: Vec<Tensor<'_>> = tensors.collect::<Result<_, Refusal>>()?;
    rows(&served.deployment().request, served.most_rows(), &tensors)
}

/// The answer's tensors: raw where the request's are, typed otherwise.
fn write(
    served: &Served,
    request: &ModelInferRequest,
    answer: &Answer,
    names: &[&str],
) -> Result<ModelInferResponse, Refusal> {
    let as_raw = !request.raw_input_contents.is_empty();
    let (mut tensors, mut raw) = (Vec::new(), Vec::new());
    for output in outputs(answer, served.outputs(), names)? {
        let contents = match as_raw {
            true => {
                raw.push(Bytes::from(output.values.to_raw(output.datatype)));
                None
            }
            false => Some(contents::write(output.datatype, output.values)),
        };
        tensors.push(InferOutputTensor {
            name: output.name,
            datatype: output.datatype.name().to_owned(),
            shape: output.shape,
            parameters: HashMap::new(),
            contents,
        });
    }
    Ok(ModelInferResponse {
        model_name: request.model_name.clone(),
        model_version: answer.version().number.to_string(),
        id: request.id.clone(),
        parameters: parameters(answer),
        outputs: tensors,
        raw_output_contents: raw,
    })
}

/// What is said of an answer besides its tensors.
fn parameters(answer: &Answer) -> HashMap<String, InferParameter> {
    let parameter = |choice| InferParameter { parameter_choice: Some(choice) };
    let text = |text: &str| parameter(ParameterChoice::StringParam(text.to_owned()));
    let mut parameters = HashMap::from([("variant".to_owned(), text(&answer.version().variant))]);
    if let Some(reason) = answer.fallback() {
        parameters.insert("fallback".to_owned(), parameter(ParameterChoice::BoolParam(true)));
        parameters.insert("reason".to_owned(), text(reason));
    }
    parameters
}

fn key(metadata: &MetadataMap) -> Option<&str> {
    if let Some(key) = metadata.get("x-api-key") {
        return key.to_str().ok();
    }
    bearer(metadata.get("authorization")?.to_str().ok()?)
}

fn status(refusal: &Refusal) -> Status {
    let mut status = Status::new(refusal.kind.code(), refusal.message.clone());
    if let Some(seconds) = refusal.retry_seconds() {
        status.metadata_mut().insert("retry-after", seconds.into());
    }
    status
}
