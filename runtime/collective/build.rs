//! Builds the shim against the headers of libtorch, which is found as torch-sys finds it.

use std::path::PathBuf;

fn main() {
    for name in ["LIBTORCH", "LIBTORCH_INCLUDE", "LIBTORCH_LIB", "LIBTORCH_CXX11_ABI"] {
        println!("cargo:rerun-if-env-changed={name}");
    }
    println!("cargo:rerun-if-changed=shim");
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let libtorch = folder("LIBTORCH").unwrap_or_else(|| PathBuf::from("/usr"));
    let include = folder("LIBTORCH_INCLUDE").unwrap_or_else(|| libtorch.clone()).join("include");
    let library = folder("LIBTORCH_LIB").unwrap_or(libtorch).join("lib");
    let abi = std::env::var("LIBTORCH_CXX11_ABI").unwrap_or_else(|_| "1".to_owned());
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .warnings(false)
        .include("shim")
        .include(include.join("torch/csrc/api/include"))
        .include(&include)
        .define("_GLIBCXX_USE_CXX11_ABI", abi.as_str())
        .define("GLOG_USE_GLOG_EXPORT", None)
        .file("shim/shim.cpp")
        .compile("mlsys_collective_shim");
    println!("cargo:rustc-link-search=native={}", library.display());
    println!("cargo:rustc-link-lib=torch_cpu");
    println!("cargo:rustc-link-lib=c10");
    // The link in the repository may be replaced: the folder behind it is what tests are linked to.
    if let Ok(folder) = library.canonicalize() {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{}", folder.display());
    }
}
