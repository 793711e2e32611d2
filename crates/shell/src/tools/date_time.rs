//! Points in time as Java reads them: `Utils.getDateTime` and `java.time.Duration.parse`.

use super::java::{Throwable, civil};

const PARSE_EXCEPTION: &str = "java.text.ParseException";
const NANOS_PER_MS: i128 = 1_000_000;
/// Bounds of `java.time.Instant`, in seconds since the epoch.
const INSTANT_MIN_S: i128 = -31_557_014_167_219_200;
const INSTANT_MAX_S: i128 = 31_556_889_864_403_199;

/// `Utils.getDateTime`: `2023-11-14T22:13:21.000`, UTC unless an offset follows; ms since the epoch.
pub(crate) fn date_time_ms(text: &str) -> Result<i64, Throwable> {
    // Java's split drops empty pieces at the end.
    let second = text.trim_end_matches('T').split('T').nth(1);
    let Some(second) = second else {
        return Err(Throwable::new(
            PARSE_EXCEPTION,
            "Error parsing timestamp. It does not contain a 'T' according to ISO8601 format",
        ));
    };
    let text = match second.contains(['+', '-', 'Z']) {
        true => text.to_owned(),
        false => format!("{text}Z"),
    };
    simple_date_ms(&text)
        .ok_or_else(|| Throwable::new(PARSE_EXCEPTION, format!("Unparseable date: \"{text}\"")))
}

/// `SimpleDateFormat("yyyy-MM-dd'T'HH:mm:ss.SSSXXX")`, not lenient, or the same with `X`. What
/// follows the date is not looked at.
fn simple_date_ms(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut number = |end: &str| -> Option<i64> {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let value = rest.get(..digits)?.parse().ok()?;
        rest = rest.get(digits..)?.strip_prefix(end)?;
        Some(value)
    };
    let (year, month, day) = (number("-")?, number("-")?, number("T")?);
    let (hour, minute, second, ms) = (number(":")?, number(":")?, number(".")?, number("")?);
    let valid = (1..=292_278_993).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..60).contains(&second)
        && (0..1000).contains(&ms);
    let offset_minutes = zone_offset_minutes(rest)?;
    if !valid {
        return None;
    }
    let minutes = (days_from_civil(year, month, day) * 24 + hour) * 60 + minute - offset_minutes;
    minutes.checked_mul(60_000)?.checked_add(second * 1000 + ms)
}

/// `Z`, `+01:00` or `+01`.
fn zone_offset_minutes(text: &str) -> Option<i64> {
    let sign = match text.chars().next()? {
        'Z' => return Some(0),
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    let two = |from: usize| -> Option<i64> {
        let digits = text.get(from..from + 2)?;
        digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let hours = two(1)?;
    let minutes = match text.as_bytes().get(3) {
        Some(b':') => two(4).unwrap_or(0),
        _ => 0,
    };
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

/// `new SimpleDateFormat(pattern).format(…)` in UTC. Not with names of months and days, which no tool
/// prints without being asked to.
pub(crate) fn simple_date_format(pattern: &str, ms: i64) -> Result<String, Throwable> {
    let (year, month, day) = civil(ms.div_euclid(86_400_000));
    let in_day = ms.rem_euclid(86_400_000);
    let hour = in_day / 3_600_000;
    let mut out = String::new();
    let mut rest = pattern.chars().peekable();
    while let Some(letter) = rest.next() {
        if letter == '\'' {
            if rest.next_if_eq(&'\'').is_some() {
                out.push('\'');
                continue;
            }
            out.extend(rest.by_ref().take_while(|c| *c != '\''));
            continue;
        }
        if !letter.is_ascii_alphabetic() {
            out.push(letter);
            continue;
        }
        let mut width = 1;
        while rest.next_if_eq(&letter).is_some() {
            width += 1;
        }
        let number = match letter {
            'y' if width == 2 => year % 100,
            'y' => year,
            'M' => month,
            'd' => day,
            'H' => hour,
            'k' => (hour + 23) % 24 + 1,
            'K' => hour % 12,
            'h' => (hour + 11) % 12 + 1,
            'm' => in_day / 60_000 % 60,
            's' => in_day / 1_000 % 60,
            'S' => in_day % 1_000,
            'a' => {
                out.push_str(if hour < 12 { "AM" } else { "PM" });
                continue;
            }
            'X' => {
                out.push('Z');
                continue;
            }
            'Z' => {
                out.push_str("+0000");
                continue;
            }
            _ => {
                let message = format!("Illegal pattern character '{letter}'");
                return Err(Throwable::illegal_argument(message));
            }
        };
        out.push_str(&format!("{number:0width$}"));
    }
    Ok(out)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// A Gregorian date to days since 1970-01-01 (Hinnant's algorithm).
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let doy = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
}

/// `Instant.now().minus(Duration.parse(text)).toEpochMilli()`.
pub(crate) fn duration_before_ms(now_ms: i64, text: &str) -> Result<i64, Throwable> {
    let unparseable = || {
        Throwable::new(
            "java.time.format.DateTimeParseException",
            "Text cannot be parsed to a Duration",
        )
    };
    let nanos = duration_nanos(text).ok_or_else(unparseable)?;
    let then = i128::from(now_ms) * NANOS_PER_MS - nanos;
    let seconds = then.div_euclid(1_000 * NANOS_PER_MS);
    if !(INSTANT_MIN_S..=INSTANT_MAX_S).contains(&seconds) {
        return Err(Throwable::new(
            "java.time.DateTimeException",
            "Instant exceeds minimum or maximum instant",
        ));
    }
    i64::try_from(then.div_euclid(NANOS_PER_MS))
        .map_err(|_| Throwable::new("java.lang.ArithmeticException", "long overflow"))
}

/// `PnDTnHnMn.nS`, whatever the case; nanoseconds.
fn duration_nanos(text: &str) -> Option<i128> {
    let (negative, rest) = signed(text);
    let mut rest = strip_letter(rest, 'P')?;
    let mut total: i128 = 0;
    let mut any = false;
    if let Some((days, after)) = quantity(rest, 'D') {
        total += days * 86_400_000 * NANOS_PER_MS;
        rest = after;
        any = true;
    }
    if let Some(mut time) = strip_letter(rest, 'T') {
        let mut any_time = false;
        for (letter, ms) in [('H', 3_600_000), ('M', 60_000)] {
            if let Some((count, after)) = quantity(time, letter) {
                total += count * ms * NANOS_PER_MS;
                time = after;
                any_time = true;
            }
        }
        if let Some((nanos, after)) = seconds(time) {
            total += nanos;
            time = after;
            any_time = true;
        }
        if !any_time {
            return None;
        }
        any = true;
        rest = time;
    }
    (any && rest.is_empty()).then_some(if negative { -total } else { total })
}

fn signed(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

fn strip_letter(text: &str, letter: char) -> Option<&str> {
    text.strip_prefix(letter).or_else(|| text.strip_prefix(letter.to_ascii_lowercase()))
}

/// A signed number of at most 18 digits and its letter.
fn quantity(text: &str, letter: char) -> Option<(i128, &str)> {
    let (negative, rest) = signed(text);
    let digits = rest.find(|c: char| !c.is_ascii_digit())?;
    let count: i64 = rest.get(..digits).filter(|d| d.len() <= 18)?.parse().ok()?;
    let after = strip_letter(rest.get(digits..)?, letter)?;
    Some((i128::from(if negative { -count } else { count }), after))
}

/// Seconds with up to nine places, as nanoseconds.
fn seconds(text: &str) -> Option<(i128, &str)> {
    let (negative, rest) = signed(text);
    let digits = rest.find(|c: char| !c.is_ascii_digit())?;
    let whole: i64 = rest.get(..digits).filter(|d| d.len() <= 18)?.parse().ok()?;
    let mut rest = rest.get(digits..)?;
    let mut nanos = 0i128;
    if let Some(after) = rest.strip_prefix(['.', ',']) {
        let places = after.find(|c: char| !c.is_ascii_digit())?;
        let fraction = after.get(..places).filter(|f| f.len() <= 9)?;
        nanos = format!("{fraction:0<9}").parse().ok()?;
        rest = after.get(places..)?;
    }
    let total = i128::from(whole) * 1_000 * NANOS_PER_MS + nanos;
    Some((if negative { -total } else { total }, strip_letter(rest, 'S')?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_java_reads_them() {
        assert_eq!(date_time_ms("2023-11-14T22:13:21.000"), Ok(1_700_000_001_000));
        assert_eq!(date_time_ms("2023-11-14T23:13:21.500+01:00"), Ok(1_700_000_001_500));
        assert_eq!(date_time_ms("2023-11-14T23:13:21.5+01"), Ok(1_700_000_001_005));
        assert_eq!(date_time_ms("2000-02-29T00:00:00.000Z"), Ok(951_782_400_000));
        assert_eq!(date_time_ms("1969-12-31T23:59:59.999"), Ok(-1));
        let message = |text: &str| date_time_ms(text).unwrap_err().message.unwrap();
        assert_eq!(message("2023-11-14T22:13:21"), "Unparseable date: \"2023-11-14T22:13:21Z\"");
        assert!(message("2023-02-30T00:00:00.000").starts_with("Unparseable"));
        assert!(message("yesterday").starts_with("Error parsing timestamp"));
        assert!(message("2023-11-14T").starts_with("Error parsing timestamp"));
    }

    #[test]
    fn durations_are_read_as_java_reads_them() {
        assert_eq!(duration_before_ms(10_000, "PT1.5S"), Ok(8_500));
        assert_eq!(duration_before_ms(0, "p1dt2h3m4.5s"), Ok(-93_784_500));
        assert_eq!(duration_before_ms(0, "-P1D"), Ok(86_400_000));
        assert_eq!(duration_before_ms(0, "PT-1M"), Ok(60_000));
        assert_eq!(duration_before_ms(0, "PT0.0000001S"), Ok(-1));
        for wrong in
            ["", "P", "PT", "1h", "P1H", "P1DT", "PT1S ", "PT1M1H", "PT99999999999999999999S"]
        {
            assert!(duration_before_ms(0, wrong).is_err(), "{wrong}");
        }
        assert!(duration_before_ms(0, "P99999999999999D").is_err());
    }
}
