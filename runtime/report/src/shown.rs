//! How values are shown: texts without what cannot be seen, numbers as people read them.

use mlsys_plan::Value;

/// A text of so many characters at most, on one line. What has no width or changes the direction of writing is
/// replaced: it could hide what a name is.
pub(crate) fn text(text: &str, most: usize) -> String {
    let mut letters = text.chars().map(visible);
    let mut shown: String = letters.by_ref().take(most).collect();
    if letters.next().is_some() {
        shown.pop();
        shown.push('…');
    }
    shown
}

/// The same, cut in the middle: names often differ at their end.
pub(crate) fn label(name: &str, most: usize) -> String {
    let letters: Vec<char> = name.chars().take(4096).map(visible).collect();
    if letters.len() <= most {
        return letters.into_iter().collect();
    }
    let head = most / 2;
    let tail = letters.len() - (most - head - 1);
    letters[..head].iter().chain(&['…']).chain(&letters[tail..]).collect()
}

fn visible(letter: char) -> char {
    match letter {
        '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => ' ',
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => '\u{fffd}',
        '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
        letter if letter.is_control() => '\u{fffd}',
        letter => letter,
    }
}

/// As much of a fingerprint as tells it from others.
pub(crate) fn fingerprint(whole: &str) -> String {
    let shown: String = whole.chars().take(12).collect();
    text(&shown, 12)
}

/// A metric's value.
pub(crate) fn figure(value: f64) -> String {
    match value.abs() {
        _ if !value.is_finite() => "not a number".to_owned(),
        0.0 => "0".to_owned(),
        1e12.. | ..1e-4 => format!("{value:.1e}"),
        1e3.. => grouped(&format!("{value:.1}")),
        _ => format!("{value:.4}"),
    }
}

/// Where a metric's value lies with a probability of 95 %.
pub(crate) fn interval(interval: Option<(f64, f64)>) -> Option<String> {
    let (low, high) = interval?;
    (low.is_finite() && high.is_finite()).then(|| format!("{} to {}", figure(low), figure(high)))
}

/// A value that was tried: of a number that chance has drawn, as many digits as tell it from others.
pub(crate) fn value(value: &Value) -> String {
    match value {
        Value::Float(number) => {
            let rounded = format!("{number:.3e}").parse::<f64>().unwrap_or(*number);
            if (1e-4..1e6).contains(&rounded.abs()) || rounded == 0.0 {
                rounded.to_string()
            } else {
                format!("{rounded:e}")
            }
        }
        other => other.to_string(),
    }
}

/// A number of things.
pub(crate) fn count(count: u64) -> String {
    grouped(&count.to_string())
}

/// A share, in percent.
pub(crate) fn percent(share: f64) -> String {
    if !share.is_finite() {
        return "not a number".to_owned();
    }
    let percent = share * 100.0;
    let digits = usize::from(percent != 0.0 && percent.abs() < 10.0);
    format!("{percent:.digits$} %")
}

/// A length of time.
pub(crate) fn seconds(seconds: f64) -> String {
    match seconds {
        _ if !seconds.is_finite() => "not a number".to_owned(),
        7200.0.. => format!("{:.1} h", seconds / 3600.0),
        120.0.. => format!("{:.1} min", seconds / 60.0),
        _ => format!("{seconds:.1} s"),
    }
}

/// What is beyond a bound, if anything is.
pub(crate) fn more(all: usize, shown: usize) -> Option<String> {
    let beyond = all.saturating_sub(shown);
    (beyond > 0).then(|| format!("and {} more", grouped(&beyond.to_string())))
}

/// A number with its digits in groups of three.
fn grouped(number: &str) -> String {
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |digits| ("-", digits));
    let (whole, rest) = digits.find('.').map_or((digits, ""), |point| digits.split_at(point));
    let mut out = String::from(sign);
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::{count, figure, label, percent, text};

    #[test]
    fn texts_are_cut_and_hold_nothing_hidden() {
        assert_eq!(text("amount", 6), "amount");
        assert_eq!(text("amounts", 6), "amoun…");
        assert_eq!(text("a\nb\u{0}\u{202e}c", 9), "a b\u{fffd}\u{fffd}c");
        assert_eq!(label("habits.made_30d", 9), "habi…_30d");
        assert_eq!(label("habits", 9), "habits");
    }

    #[test]
    fn numbers_are_as_people_read_them() {
        assert_eq!(
            ["0.7175", "1,234.5", "-12,345.0", "1.0e-5", "0"],
            [0.7175, 1234.5, -12345.0, 1e-5, 0.0].map(figure).each_ref().map(String::as_str)
        );
        assert_eq!(figure(f64::NAN), "not a number");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(
            (percent(0.5), percent(0.005), percent(0.0)),
            ("50 %".to_owned(), "0.5 %".to_owned(), "0 %".to_owned())
        );
    }
}
