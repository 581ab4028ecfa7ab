//! The wire code has not drifted from the `.proto` files. A fresh machine needs no protoc: protox compiles
//! them, and the result is checked in. `TENKEN_REGENERATE=1 cargo test -p tenken-proto --test generated`
//! writes it anew.

use std::path::Path;

const PROTOS: [&str; 3] = ["tenken/v1/fact.proto", "tenken/v1/report.proto", "tenken/v1/enrol.proto"];

#[test]
fn wire_code_is_what_the_proto_files_say() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let descriptors = protox::compile(PROTOS, [root])?;
    let out = tempfile::tempdir()?;
    tonic_prost_build::configure()
        .bytes(".")
        .codec_path("crate::codec::SmallBuffers")
        .out_dir(out.path())
        .compile_fds(descriptors)?;
    let generated = std::fs::read_to_string(out.path().join("tenken.v1.rs"))?;
    let checked_in = root.join("src/wire.rs");
    if std::env::var_os("TENKEN_REGENERATE").is_some() {
        std::fs::write(&checked_in, &generated)?;
    }
    assert!(
        std::fs::read_to_string(&checked_in)? == generated,
        "src/wire.rs differs from the .proto files; see this test's module doc for how to regenerate it"
    );
    Ok(())
}
