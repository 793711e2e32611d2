//! Typed configuration keys, their validators and the messages of both, as Java's
//! `org.apache.kafka.common.config.ConfigDef` (Kafka 4.4) words them.

use core::fmt;

/// `ConfigDef.Type`, as far as topic and broker configs use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigType {
    /// `true` or `false`, any case.
    Boolean,
    /// A string from which blanks at both ends are cut.
    String,
    /// A 16-bit integer.
    Short,
    /// A 32-bit integer.
    Int,
    /// A 64-bit integer.
    Long,
    /// A 64-bit float.
    Double,
    /// Strings with commas between them.
    List,
    /// The name of a Java class.
    Class,
    /// A string that is never told.
    Password,
}

impl ConfigType {
    /// Java's name, as in `Not a number of type LONG`.
    pub fn name(self) -> &'static str {
        match self {
            ConfigType::Boolean => "BOOLEAN",
            ConfigType::String => "STRING",
            ConfigType::Short => "SHORT",
            ConfigType::Int => "INT",
            ConfigType::Long => "LONG",
            ConfigType::Double => "DOUBLE",
            ConfigType::List => "LIST",
            ConfigType::Class => "CLASS",
            ConfigType::Password => "PASSWORD",
        }
    }

    /// `ConfigDef.Type.isSensitive`: the value is not told to anybody.
    pub fn is_sensitive(self) -> bool {
        self == ConfigType::Password
    }

    /// The number that DescribeConfigs carries (`DescribeConfigsResponse.ConfigType`).
    pub fn id(self) -> i8 {
        match self {
            ConfigType::Boolean => 1,
            ConfigType::String => 2,
            ConfigType::Int => 3,
            ConfigType::Short => 4,
            ConfigType::Long => 5,
            ConfigType::Double => 6,
            ConfigType::List => 7,
            ConfigType::Class => 8,
            ConfigType::Password => 9,
        }
    }
}

/// `ConfigDef.Validator`, as far as topic and broker configs use it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Validator {
    /// Everything of the type is valid.
    Any,
    /// `Range.atLeast`.
    AtLeast(i64),
    /// `Range.between`, ends included.
    Between(i64, i64),
    /// `Range.between` of doubles, ends included.
    BetweenDoubles(f64, f64),
    /// `1 to 9, or -1` (`CompressionType.GZIP.levelValidator`).
    GzipLevel,
    /// One of these (`ValidString.in`).
    OneOf(&'static [&'static str]),
    /// One of these in whatever case; those here in upper case (`CaseInsensitiveValidString`).
    OneOfAnyCase(&'static [&'static str]),
    /// Anything but the empty string (`NonEmptyString`).
    NonEmptyString,
    /// Each element one of these, or any where there are none; what comes twice counts once
    /// (`ValidList`).
    ListOf(&'static [&'static str]),
    /// The same with one element at least.
    NonEmptyListOf(&'static [&'static str]),
    /// `earliest`, `latest` or `by_duration:` and an ISO 8601 duration
    /// (`ShareGroupAutoOffsetResetStrategy.Validator`).
    ShareOffsetReset,
    /// `*`, or `partition:broker` elements (`ThrottledReplicaListValidator`).
    ThrottledReplicas,
}

/// A parsed value.
#[derive(Clone, Debug, PartialEq)]
pub enum ConfigValue {
    /// Of `Boolean`.
    Boolean(bool),
    /// Of `String`.
    String(String),
    /// Of `Short`, `Int` and `Long`.
    Number(i64),
    /// Of `Double`.
    Double(f64),
    /// Of `List`.
    List(Vec<String>),
}

impl fmt::Display for ConfigValue {
    /// `ConfigDef.convertToString`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigValue::Boolean(value) => write!(f, "{value}"),
            ConfigValue::String(value) => f.write_str(value),
            ConfigValue::Number(value) => write!(f, "{value}"),
            ConfigValue::Double(value) => f.write_str(&java_double(*value)),
            ConfigValue::List(values) => f.write_str(&values.join(",")),
        }
    }
}

/// One key: its type, what it is when not set, what is valid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConfigKey {
    /// Kafka's name.
    pub name: &'static str,
    /// The type of its values.
    pub kind: ConfigType,
    /// The default, as text; `None` is Java's `null`.
    pub default: Option<&'static str>,
    /// What is valid within the type.
    pub validator: Validator,
}

/// A value that a key does not take: Java's `ConfigException`. The message is Java's, word by word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigException {
    /// As `Invalid value soon for configuration retention.ms: Not a number of type LONG`.
    pub message: String,
}

impl fmt::Display for ConfigException {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ConfigException {}

impl ConfigKey {
    /// `ConfigDef.parseValue`: parses, then validates.
    pub fn parse(&self, text: &str) -> Result<ConfigValue, ConfigException> {
        let value = self.parse_type(text)?;
        self.ensure_valid(&value)?;
        Ok(value)
    }

    fn invalid(&self, value: &str, why: &str) -> ConfigException {
        let name = self.name;
        ConfigException {
            message: format!("Invalid value {value} for configuration {name}: {why}"),
        }
    }

    fn parse_type(&self, text: &str) -> Result<ConfigValue, ConfigException> {
        // Java's String.trim cuts everything up to and including the blank.
        let trimmed = text.trim_matches(|c| c <= ' ');
        let not_a_number =
            || self.invalid(text, &format!("Not a number of type {}", self.kind.name()));
        match self.kind {
            ConfigType::Boolean => {
                if trimmed.eq_ignore_ascii_case("true") {
                    Ok(ConfigValue::Boolean(true))
                } else if trimmed.eq_ignore_ascii_case("false") {
                    Ok(ConfigValue::Boolean(false))
                } else {
                    Err(self.invalid(text, "Expected value to be either true or false"))
                }
            }
            ConfigType::String | ConfigType::Password => {
                Ok(ConfigValue::String(trimmed.to_owned()))
            }
            // There are no Java classes here but those that the defaults name.
            ConfigType::Class if self.default == Some(trimmed) => {
                Ok(ConfigValue::String(trimmed.to_owned()))
            }
            ConfigType::Class => {
                Err(self.invalid(text, &format!("Class {text} could not be found.")))
            }
            ConfigType::Short => trimmed
                .parse::<i16>()
                .map(|number| ConfigValue::Number(i64::from(number)))
                .map_err(|_| not_a_number()),
            ConfigType::Int => trimmed
                .parse::<i32>()
                .map(|number| ConfigValue::Number(i64::from(number)))
                .map_err(|_| not_a_number()),
            ConfigType::Long => {
                trimmed.parse::<i64>().map(ConfigValue::Number).map_err(|_| not_a_number())
            }
            ConfigType::Double => {
                parse_double(trimmed).map(ConfigValue::Double).ok_or_else(not_a_number)
            }
            ConfigType::List if trimmed.is_empty() => Ok(ConfigValue::List(Vec::new())),
            ConfigType::List => {
                let mut elements: Vec<String> = Vec::new();
                // Kafka 4.4 leaves out what comes twice, and says so in its log.
                let distinct =
                    matches!(self.validator, Validator::ListOf(_) | Validator::NonEmptyListOf(_));
                for element in trimmed.split(',').map(|element| element.trim().to_owned()) {
                    if !distinct || !elements.contains(&element) {
                        elements.push(element);
                    }
                }
                Ok(ConfigValue::List(elements))
            }
        }
    }

    fn ensure_valid(&self, value: &ConfigValue) -> Result<(), ConfigException> {
        match self.validator {
            Validator::Any => Ok(()),
            Validator::AtLeast(min) => self.ensure_range(value, min, i64::MAX),
            Validator::Between(min, max) => self.ensure_range(value, min, max),
            Validator::BetweenDoubles(min, max) => match value {
                ConfigValue::Double(number) if *number < min => {
                    Err(self.invalid(&value.to_string(), &format!("Value must be at least {min}")))
                }
                ConfigValue::Double(number) if *number > max => {
                    Err(self
                        .invalid(&value.to_string(), &format!("Value must be no more than {max}")))
                }
                _ => Ok(()),
            },
            Validator::GzipLevel => match value {
                ConfigValue::Number(-1 | 1..=9) => Ok(()),
                other => Err(self
                    .invalid(&other.to_string(), "Value must be between 1 and 9 or equal to -1")),
            },
            Validator::OneOf(valid) => self.ensure_one_of(&value.to_string(), valid),
            Validator::OneOfAnyCase(valid) => {
                let text = value.to_string();
                if valid.iter().any(|name| name.eq_ignore_ascii_case(&text)) {
                    return Ok(());
                }
                let why = format!("String must be one of (case insensitive): {}", valid.join(", "));
                Err(self.invalid(&text, &why))
            }
            Validator::NonEmptyString => match value {
                ConfigValue::String(text) if text.is_empty() => {
                    Err(self.invalid(text, "String must be non-empty"))
                }
                _ => Ok(()),
            },
            Validator::ListOf(valid) => self.ensure_list(value, valid, true),
            Validator::NonEmptyListOf(valid) => self.ensure_list(value, valid, false),
            Validator::ShareOffsetReset => {
                let text = value.to_string();
                let by_duration = text.strip_prefix("by_duration:");
                if matches!(text.as_str(), "earliest" | "latest")
                    || by_duration.is_some_and(is_duration)
                {
                    return Ok(());
                }
                Err(self.invalid(&text, &share_offset_reset_problem(&text)))
            }
            Validator::ThrottledReplicas => {
                let ConfigValue::List(elements) = value else { return Ok(()) };
                if elements.is_empty()
                    || elements.len() == 1 && elements[0] == "*"
                    || elements.iter().all(|element| is_partition_and_broker(element))
                {
                    return Ok(());
                }
                Err(self.invalid(
                    &format!("[{}]", elements.join(", ")),
                    &format!(
                        "{} must be the literal '*' or a list of replicas in the following format: \
                         [partitionId]:[brokerId],[partitionId]:[brokerId],...",
                        self.name
                    ),
                ))
            }
        }
    }

    /// `ValidList.ensureValid`.
    fn ensure_list(
        &self,
        value: &ConfigValue,
        valid: &[&str],
        may_be_empty: bool,
    ) -> Result<(), ConfigException> {
        let ConfigValue::List(elements) = value else { return Ok(()) };
        let wrong = |what: String| {
            Err(ConfigException { message: format!("Configuration '{}' {what}", self.name) })
        };
        if elements.is_empty() && !may_be_empty {
            let all = match valid {
                [] => "any non-empty value".to_owned(),
                _ => format!("[{}]", valid.join(", ")),
            };
            return wrong(format!("must not be empty. Valid values include: {all}"));
        }
        for element in elements {
            if element.is_empty() {
                return wrong("values must not be empty.".to_owned());
            }
            if !valid.is_empty() {
                self.ensure_one_of(element, valid)?;
            }
        }
        Ok(())
    }

    fn ensure_range(&self, value: &ConfigValue, min: i64, max: i64) -> Result<(), ConfigException> {
        let (below, above) = match value {
            ConfigValue::Number(number) => (*number < min, *number > max),
            ConfigValue::Double(number) => (*number < min as f64, *number > max as f64),
            ConfigValue::Boolean(_) | ConfigValue::String(_) | ConfigValue::List(_) => {
                (false, false)
            }
        };
        if below {
            Err(self.invalid(&value.to_string(), &format!("Value must be at least {min}")))
        } else if above {
            Err(self.invalid(&value.to_string(), &format!("Value must be no more than {max}")))
        } else {
            Ok(())
        }
    }

    fn ensure_one_of(&self, value: &str, valid: &[&str]) -> Result<(), ConfigException> {
        if valid.contains(&value) {
            return Ok(());
        }
        Err(self.invalid(value, &format!("String must be one of: {}", valid.join(", "))))
    }
}

fn is_partition_and_broker(element: &str) -> bool {
    element.split_once(':').is_some_and(|(partition, broker)| {
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        digits(partition) && digits(broker)
    })
}

/// Java's `Duration.parse` takes it, and it is not negative: `PnDTnHnMn.nS`.
fn is_duration(text: &str) -> bool {
    let Some(rest) = text.strip_prefix(['P', 'p']) else { return false };
    let rest = rest.to_ascii_uppercase();
    let (days, time) = match rest.split_once('T') {
        Some((days, time)) => (days, Some(time)),
        None => (rest.as_str(), None),
    };
    let whole = |n: &str| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit());
    let decimal = |n: &str| match n.split_once('.') {
        Some((n, fraction)) => whole(n) && fraction.bytes().all(|b| b.is_ascii_digit()),
        None => whole(n),
    };
    let days_fine = days.is_empty() || days.strip_suffix('D').is_some_and(whole);
    let Some(mut time) = time else { return days_fine && !days.is_empty() };
    let mut parts = 0;
    for (unit, is_number) in
        [('H', &whole as &dyn Fn(&str) -> bool), ('M', &whole), ('S', &decimal)]
    {
        if let Some((number, rest)) = time.split_once(unit) {
            if !is_number(number) {
                return false;
            }
            time = rest;
            parts += 1;
        }
    }
    days_fine && parts > 0 && time.is_empty()
}

/// What `ShareGroupAutoOffsetResetStrategy.Validator` says.
fn share_offset_reset_problem(text: &str) -> String {
    format!(
        "Invalid value `{text}` for configuration share.auto.offset.reset. The value must be \
         either 'earliest', 'latest' or of the format 'by_duration:<PnDTnHnMn.nS>'."
    )
}

/// `Double.parseDouble` of a decimal: to the last bit with up to 15 digits and exponents up to 22.
///
/// Not `str::parse`: that one is right for every decimal there is, and its tables are 12 kB of the
/// page, for one setting.
pub fn parse_double(text: &str) -> Option<f64> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    match rest {
        "NaN" => return Some(f64::NAN),
        "Infinity" => return Some(sign * f64::INFINITY),
        _decimal => {}
    }
    let (number, mut power) = match rest.split_once(['e', 'E']) {
        Some((number, power)) => (number, power.parse::<i32>().ok()?.clamp(-400, 400)),
        None => (rest, 0),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut digits: u64 = 0;
    for (at, byte) in whole.bytes().chain(fraction.bytes()).enumerate() {
        if !byte.is_ascii_digit() {
            return None;
        }
        let kept = digits < 100_000_000_000_000_000;
        if kept {
            digits = digits * 10 + u64::from(byte - b'0');
        }
        // A kept digit behind the point makes it smaller, one that is dropped before it greater.
        match (kept, at < whole.len()) {
            (true, false) => power = power.saturating_sub(1),
            (false, true) => power = power.saturating_add(1),
            (true, true) | (false, false) => {}
        }
    }
    let scale = (0..power.unsigned_abs().min(308)).fold(1.0, |scale, _| scale * 10.0);
    let number = digits as f64;
    Some(sign * if power < 0 { number / scale } else { number * scale })
}

/// `Double.toString`: at least one digit after the point, an exponent from 10^7 on and below 10^-3.
fn java_double(value: f64) -> String {
    if value == 0.0 || (1e-3..1e7).contains(&value.abs()) {
        return if value.fract() == 0.0 { format!("{value:.1}") } else { format!("{value}") };
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity".into() } else { "-Infinity".into() };
    }
    let text = format!("{value:e}");
    match text.split_once('e') {
        Some((number, power)) if number.contains('.') => format!("{number}E{power}"),
        Some((number, power)) => format!("{number}.0E{power}"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::parse_double;

    #[test]
    fn a_decimal_is_read_to_the_last_bit() {
        for text in
            ["0", "0.5", "-1.25", "+3", ".1", "7.", "1e3", "2.5E-4", "123456789.012345", "1e22"]
        {
            assert_eq!(parse_double(text), text.parse().ok(), "{text}");
        }
        assert_eq!(parse_double("0e999999"), Some(0.0));
        assert_eq!(parse_double("Infinity"), Some(f64::INFINITY));
        assert!(parse_double("NaN").is_some_and(f64::is_nan));
        for text in ["", ".", "-", "1,5", "one", "1e", "e5", "--1", "1.2.3"] {
            assert_eq!(parse_double(text), None, "{text}");
        }
    }
}
