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

/// `Json.tryParseFull`: as [`parse_full`], but says what is wrong. Jackson's words are known for a
/// text that begins with a word that is no value; for other mistakes they are the reader's own.
pub(crate) fn try_parse_full(text: &str) -> Result<Value, Throwable> {
    let wrong =
        |what: String| Throwable::new("com.fasterxml.jackson.core.JsonParseException", what);
    let located = |what: String, line: usize, column: usize| {
        wrong(format!(
            "{what}\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` \
             disabled); line: {line}, column: {column}]"
        ))
    };
    if text.is_empty() {
        return Err(wrong("The input string shouldn't be empty".to_owned()));
    }
    let start = text.len() - text.trim_start().len();
    let word: String = text[start..]
        .chars()
        .take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '$'))
        .collect();
    let parsed = serde_json::Deserializer::from_str(text).into_iter::<Value>().next();
    match parsed {
        Some(Ok(value)) => Ok(value),
        Some(Err(_)) if word.starts_with(|c: char| !c.is_ascii_digit()) => {
            let before = &text[..start];
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().map_or(0, str::len) + 1;
            let what = format!(
                "Unrecognized token '{word}': was expecting (JSON String, Number, Array, Object or \
                 token 'null', 'true' or 'false')"
            );
            Err(located(what, line, column))
        }
        Some(Err(error)) => Err(located(error.to_string(), error.line(), error.column())),
        // Blanks alone: Jackson's `MissingNode`.
        None => Err(mapping("Expected JSON object, received ".to_owned())),
    }
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

/// `DecodeJson.decodeList`.
pub(crate) fn list(value: &Value) -> Result<&[Value], Throwable> {
    array(value).map_err(|_| expected("JSON array", value))
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
