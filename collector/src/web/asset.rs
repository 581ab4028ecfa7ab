//! The style sheet, the script and the icon: part of the program, served under a name that holds their hash.
//!
//! The hash changes with the content, so a browser may keep them for ever; nothing else is ever cached.

use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};

/// One embedded file.
#[derive(Debug)]
pub struct Asset {
    /// The address under which it is served.
    pub path: String,
    bytes: &'static [u8],
    content_type: &'static str,
}

/// The style sheet.
pub static STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("tenken", "css", include_bytes!("../../assets/tenken.css"), "text/css; charset=utf-8"));
/// The script that keeps an open page fresh.
pub static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("tenken", "js", include_bytes!("../../assets/tenken.js"), "text/javascript; charset=utf-8")
});
/// The icon.
pub static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("tenken", "svg", include_bytes!("../../assets/tenken.svg"), "image/svg+xml"));

impl Asset {
    fn new(name: &str, extension: &str, bytes: &'static [u8], content_type: &'static str) -> Self {
        let mut hash = String::new();
        for byte in Sha256::digest(bytes).iter().take(8) {
            let _ = write!(hash, "{byte:02x}");
        }
        Self { path: format!("/assets/{name}.{hash}.{extension}"), bytes, content_type }
    }
}

/// Answers with the asset of that name, or says that there is none.
pub async fn serve(Path(name): Path<String>) -> Response {
    let asset = [&STYLE, &SCRIPT, &ICON].into_iter().find(|asset| asset.path.strip_prefix("/assets/") == Some(&name));
    match asset {
        None => StatusCode::NOT_FOUND.into_response(),
        Some(asset) => (
            [
                (CONTENT_TYPE, HeaderValue::from_static(asset.content_type)),
                (CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
            ],
            asset.bytes,
        )
            .into_response(),
    }
}
