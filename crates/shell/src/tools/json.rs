//! JSON files of the tools, as Kafka's `Json`, `JsonValue` and `DecodeJson` read them.

use serde_json::Value;

use super::java::Throwable;

/// `JsonMappingException`.
fn mapping(message: String) -> Throwable {
    Throwable::new("com.fasterxml.jackson.databind.JsonMappingException", message)
}

/// `Json.parseFull`: nothing if the text is no JSON. What follows the first value is not read.
pub(crate) fn parse_full(text: &str) -> Option<Value> {
    serde_json::Deserializer::from_str(text).into_iter::<Value>().next()?.ok()
}

/// `asJsonObject`.
pub(crate) fn object(value: &Value) -> Result<&serde_json::Map<String, Value>, Throwable> {
    value.as_object().ok_or_else(|| mapping(format!("Expected JSON object, received {value}")))
}

/// `asJsonArray`.
pub(crate) fn array(value: &Value) -> Result<&[Value], Throwable> {
    let array = value.as_array().map(Vec::as_slice);
    array.ok_or_else(|| mapping(format!("Expected JSON array, received {value}")))
}

/// `JsonObject.apply`.
pub(crate) fn field<'v>(value: &'v Value, name: &str) -> Result<&'v Value, Throwable> {
    let found = object(value)?.get(name);
    found.ok_or_else(|| mapping(format!("No such field exists: `{name}`")))
}

fn expected(class: &str, value: &Value) -> Throwable {
    mapping(format!("Expected `{class}` value, received {value}"))
}

/// `DecodeInteger`.
pub(crate) fn int(value: &Value) -> Result<i32, Throwable> {
    let int = value.as_i64().and_then(|n| i32::try_from(n).ok());
    int.ok_or_else(|| expected("Integer", value))
}

/// `DecodeLong`.
pub(crate) fn long(value: &Value) -> Result<i64, Throwable> {
    value.as_i64().ok_or_else(|| expected("Long", value))
}

/// `DecodeString`.
pub(crate) fn string(value: &Value) -> Result<&str, Throwable> {
    value.as_str().ok_or_else(|| expected("String", value))
}

/// `Utils.readFileAsString`: a file of the working directory.
pub(crate) fn read_file(
    files: &logbrook_sorted::SortedMap<String, String>,
    path: &str,
) -> Result<String, Throwable> {
    files.get(path).cloned().ok_or_else(|| {
        let missing = Throwable::new("java.nio.file.NoSuchFileException", path);
        Throwable::new("java.io.IOException", format!("Unable to read file {path}"))
            .caused_by(&missing)
    })
}
