//! Generates the messages and the service of the Open Inference Protocol, without a `protoc` on the machine.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=proto/inference.proto");
    let files = protox::compile(["inference.proto"], ["proto"])?;
    // Contents of tensors stay slices of the message that came, and are not copied.
    tonic_prost_build::configure().build_client(false).bytes(".inference").compile_fds(files)?;
    Ok(())
}
