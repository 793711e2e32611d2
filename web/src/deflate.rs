//! Lines of a link, packed: deflated by the browser itself, then base64 for addresses.

use js_sys::{Array, Function, Reflect, Uint8Array};
use leptos::prelude::window;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// Text, deflated and in base64url. None where the browser cannot.
pub(crate) async fn pack(text: &str) -> Option<String> {
    let bytes = through("CompressionStream", text.as_bytes()).await.ok()?;
    let binary: String = bytes.iter().map(|byte| char::from(*byte)).collect();
    let text = window().btoa(&binary).ok()?;
    Some(text.replace('+', "-").replace('/', "_").trim_end_matches('=').to_owned())
}

/// The text that was packed. None where something of it is missing.
pub(crate) async fn unpack(text: &str) -> Option<String> {
    let binary = window().atob(&text.replace('-', "+").replace('_', "/")).ok()?;
    let bytes: Option<Vec<u8>> = binary.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    String::from_utf8(through("DecompressionStream", &bytes?).await.ok()?).ok()
}

/// Bytes through one of the browser's streams. Their types are young: they are named, not imported.
async fn through(stream: &str, bytes: &[u8]) -> Result<Vec<u8>, JsValue> {
    let make = |name: &str, of: &JsValue| -> Result<JsValue, JsValue> {
        let class: Function = Reflect::get(&window(), &name.into())?.dyn_into()?;
        Reflect::construct(&class, &Array::of1(of))
    };
    let call = |on: &JsValue, name: &str, of: &Array| -> Result<JsValue, JsValue> {
        Reflect::get(on, &name.into())?.dyn_into::<Function>()?.apply(on, of)
    };
    let blob = make("Blob", &Array::of1(&Uint8Array::from(bytes)))?;
    let whole = call(&blob, "stream", &Array::new())?;
    let coded = call(&whole, "pipeThrough", &Array::of1(&make(stream, &"deflate-raw".into())?))?;
    let answer: web_sys::Response = make("Response", &coded)?.dyn_into()?;
    let buffer = JsFuture::from(answer.array_buffer()?).await?;
    Ok(Uint8Array::new(&buffer).to_vec())
}
