"""Independent clients against our server: tritonclient over HTTP and gRPC, a validator of OpenAPI, a parser of metrics.

    python tests/interop.py TARGET/debug/examples/linear

Needs tritonclient[http,grpc], openapi-spec-validator, jsonschema and prometheus_client.
"""

import json
import subprocess
import sys
import urllib.error
import urllib.request

import grpc as grpcio
import numpy
import tritonclient.grpc as over_grpc
import tritonclient.http as over_http
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from tritonclient.utils import InferenceServerException

IDS = numpy.array([1, 2, 3], dtype=numpy.int64)
AMOUNTS = numpy.array([10.0, 20.0, 30.5])
COUNTRIES = numpy.array(["de", "fr", "de"], dtype=object)
SUMS = [6.0, 12.0, 18.25]


def tensor(client, name, values, datatype, **how):
    made = client.InferInput(name, list(values.shape), datatype)
    made.set_data_from_numpy(values, **how)
    return made


def payments(client, **how):
    return [
        tensor(client, "customer_id", IDS, "INT64", **how),
        tensor(client, "amount", AMOUNTS, "FP64", **how),
        tensor(client, "country", COUNTRIES, "BYTES", **how),
    ]


def text(values):
    return [value.decode() if isinstance(value, bytes) else value for value in values.tolist()]


def refused(call, *words):
    try:
        call()
    except InferenceServerException as error:
        assert all(word in str(error) for word in words), error
        return error
    raise AssertionError(f"not refused: {words}")


def health_and_metadata(client):
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready("payments") and client.is_model_ready("payments", "3")
    assert not is_ready(client, "nothing") and not is_ready(client, "payments", "4")


def is_ready(client, *model):
    try:
        return client.is_model_ready(*model)
    except InferenceServerException:
        return False


def infers(module, client, **how):
    result = client.infer("payments", payments(module, **how), request_id="one")
    assert result.as_numpy("prediction").tolist() == SUMS
    assert text(result.as_numpy("copy")) == ["de", "fr", "de"]
    again = client.infer("payments", payments(module, **how), model_version="3", outputs=[module.InferRequestedOutput("copy")])
    assert again.as_numpy("prediction") is None and text(again.as_numpy("copy")) == ["de", "fr", "de"]
    times = numpy.array([1_500_000_000_000_000] * 3, dtype=numpy.int64)
    client.infer("payments", payments(module, **how) + [tensor(module, "paid_at", times, "INT64", **how)])
    texts = numpy.array(["2018-04-01T00:00:31Z"] * 3, dtype=object)
    client.infer("payments", payments(module, **how) + [tensor(module, "paid_at", texts, "BYTES", **how)])
    columns = [tensor(module, name, values.reshape(3, 1), datatype, **how) for name, values, datatype in
               [("customer_id", IDS, "INT64"), ("amount", AMOUNTS, "FP64"), ("country", COUNTRIES, "BYTES")]]
    assert client.infer("payments", columns).as_numpy("prediction").tolist() == SUMS
    vectors = numpy.arange(6, dtype=numpy.float32).reshape(2, 3)
    result = client.infer("embed", [tensor(module, "embedding", vectors, "FP32", **how)])
    assert (result.as_numpy("copy") == vectors).all()
    return result


def refuses(module, client):
    full = payments(module)
    wrong = tensor(module, "country", numpy.array(["de", "xx", "de"], dtype=object), "BYTES")
    refused(lambda: client.infer("payments", full[:2] + [wrong]), 'row 1: country: expected enum("de", "fr"), found "xx"')
    refused(lambda: client.infer("payments", full[:2]), "country", "found nothing")
    refused(lambda: client.infer("payment", full), "no deployment `payment`", "did you mean `payments`")
    refused(lambda: client.infer("payments", full, model_version="9"), "no version `9`")
    refused(lambda: client.infer("payments", full, outputs=[module.InferRequestedOutput("x")]), "no output `x`")
    short = tensor(module, "embedding", numpy.zeros((2, 2), dtype=numpy.float32), "FP32")
    refused(lambda: client.infer("embed", [short]), "expected [n, 3]")
    negative = tensor(module, "amount", numpy.array([1.0, -9.0, 1.0]), "FP64")
    refused(lambda: client.infer("payments", [full[0], negative, full[2]]), "row 1: the sum is negative")
    halves = tensor(module, "amount", numpy.array([1, 2, 3], dtype=numpy.float16), "FP16")
    refused(lambda: client.infer("payments", [full[0], halves, full[2]]), "FP16 is not supported")


def http(address):
    client = over_http.InferenceServerClient(address)
    health_and_metadata(client)
    about = client.get_server_metadata()
    assert about["name"] == "mlsys" and "binary_tensor_data" in about["extensions"], about
    model = client.get_model_metadata("payments")
    assert model["versions"] == ["3"] and {"name": "amount", "datatype": "FP64", "shape": [-1]} in model["inputs"], model
    for binary in [True, False]:
        infers(over_http, client, binary_data=binary)
    outputs = [over_http.InferRequestedOutput("prediction", binary_data=False), over_http.InferRequestedOutput("copy")]
    result = client.infer("payments", payments(over_http), outputs=outputs, request_id="seven")
    assert result.as_numpy("prediction").tolist() == SUMS and text(result.as_numpy("copy"))[1] == "fr"
    assert result.get_response()["id"] == "seven" and result.get_response()["model_version"] == "3"
    refuses(over_http, client)
    client.close()


def grpc(address):
    client = over_grpc.InferenceServerClient(address)
    health_and_metadata(client)
    about = client.get_server_metadata()
    assert about.name == "mlsys" and "binary_tensor_data" in about.extensions, about
    model = client.get_model_metadata("payments")
    amount = next(tensor for tensor in model.inputs if tensor.name == "amount")
    assert (amount.datatype, list(amount.shape)) == ("FP64", [-1]), model
    result = infers(over_grpc, client)
    assert result.get_response().raw_output_contents
    refuses(over_grpc, client)
    wrong = payments(over_grpc)[:2]
    assert refused(lambda: client.infer("payments", wrong), "country").status() == "StatusCode.INVALID_ARGUMENT"
    assert refused(lambda: client.infer("x", wrong), "x").status() == "StatusCode.NOT_FOUND"
    client.close()
    typed_contents(address)


def typed_contents(address):
    """Contents in lists of their types, which tritonclient does not send: by the messages that it brings."""
    from tritonclient.grpc import service_pb2, service_pb2_grpc

    request = service_pb2.ModelInferRequest(model_name="payments", id="typed")
    lists = [("customer_id", "INT32", "int_contents", [1, 2, 3]), ("amount", "FP32", "fp32_contents", AMOUNTS.tolist()),
             ("country", "BYTES", "bytes_contents", [b"de", b"fr", b"de"]), ("online", "BOOL", "bool_contents", [True] * 3)]
    for name, datatype, field, values in lists:
        made = request.inputs.add(name=name, datatype=datatype, shape=[3])
        getattr(made.contents, field).extend(values)
    with grpcio.insecure_channel(address) as channel:
        answer = service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelInfer(request)
    assert answer.id == "typed" and not answer.raw_output_contents
    assert list(answer.outputs[0].contents.fp64_contents) == SUMS
    assert list(answer.outputs[1].contents.bytes_contents) == [b"de", b"fr", b"de"]


def fetch(address, path, body=None):
    request = urllib.request.Request(f"http://{address}{path}", None if body is None else json.dumps(body).encode())
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def description(address):
    document = json.loads(fetch(address, "/openapi.json")[1])
    validate(document)
    fits = lambda schema, value: Draft202012Validator(
        {"$ref": f"#/components/schemas/{schema}", "components": document["components"]}).is_valid(value)
    row = {"country": "de", "customer_id": 4, "amount": 2.0, "paid_at": None, "note": "x"}
    assert fits("payments.Row", row)
    status, answer = fetch(address, "/v1/payments/predict", {"rows": [row, row]})
    assert status == 200 and fits("payments.Answer", json.loads(answer)), answer
    assert json.loads(answer)["predictions"][0] == {"prediction": 5.0, "copy": "de"}, answer
    status, answer = fetch(address, "/v1/payments/predict", {"rows": [row, {**row, "amount": -100}]})
    assert status == 200 and fits("payments.Answer", json.loads(answer)), answer
    for wrong in [{**row, "country": "xx"}, {**row, "amount": "x"}, {**row, "customer_id": None}, {**row, "x": 1}, {}]:
        status, answer = fetch(address, "/v1/payments/predict", wrong)
        assert status == 400 and fits("Error", json.loads(answer)), answer
        assert not fits("payments.Row", wrong), wrong


def metrics(address):
    families = {family.name: family for family in text_string_to_metric_families(fetch(address, "/metrics")[1])}
    answered = sum(sample.value for sample in families["mlsys_inference_requests"].samples
                   if sample.labels["deployment"] == "payments" and sample.labels["code"] == "200")
    assert answered > 10, answered
    assert families["mlsys_inference_request_duration_seconds"].type == "histogram"


def main():
    server = subprocess.Popen([sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        over_http_at, over_grpc_at = server.stdout.readline().split()
        http(over_http_at)
        grpc(over_grpc_at)
        description(over_http_at)
        metrics(over_http_at)
        server.stdin.close()
        assert server.wait(timeout=20) == 0 and server.stdout.read() == "finished: true true\n"
    finally:
        if server.poll() is None:
            server.kill()
            server.wait()
    print("tritonclient over HTTP and gRPC, the description and the metrics: as they must be")


main()
