//! Rules of USBGuard (usbguard-rules.conf(5)): whether one lets in storage that it does not name.
//!
//! Rules are read one by one. An earlier rule that blocks storage is not held against a later one that allows
//! everything: such a policy counts as none.

/// Words between an attribute and its values.
const OPERATORS: [&str; 5] = ["one-of", "all-of", "none-of", "equals", "equals-ordered"];
/// Attributes that tell one device, or a vendor's devices, from all others.
const NAMES: [&str; 3] = ["serial", "name", "hash"];
/// USB's class of mass storage, as interfaces are written.
const STORAGE: &str = "08:";

/// An attribute with what it is compared with.
struct Attribute<'a> {
    key: &'a str,
    none_of: bool,
    values: Vec<&'a str>,
}

/// Whether the line is a rule that allows storage devices without naming them, such as `allow` or `allow id *:*`.
pub(super) fn allows_any_storage(line: &str) -> bool {
    let words = words(line);
    let Some((&"allow", rest)) = words.split_first() else { return false };
    let attributes = attributes(rest);
    !attributes.iter().any(names_devices) && attributes.iter().all(lets_storage_in)
}

fn names_devices(attribute: &Attribute) -> bool {
    let named = |value: &&str| match attribute.key {
        "id" => !value.starts_with('*'),
        key => NAMES.contains(&key) && !value.is_empty(),
    };
    !attribute.none_of && !attribute.values.is_empty() && attribute.values.iter().all(named)
}

/// True of everything but a condition on interfaces that storage does not meet.
fn lets_storage_in(attribute: &Attribute) -> bool {
    if attribute.key != "with-interface" {
        return true;
    }
    let is_storage = |value: &&str| value.starts_with(STORAGE) || value.starts_with('*');
    attribute.values.iter().any(is_storage) != attribute.none_of
}

/// What stands between the target and the conditions.
fn attributes<'a>(mut words: &[&'a str]) -> Vec<Attribute<'a>> {
    let mut attributes = Vec::new();
    while let Some((&first, rest)) = words.split_first() {
        if first == "if" {
            break;
        }
        // The id may stand without its key.
        let (key, rest) = if attributes.is_empty() && first.contains(':') { ("id", words) } else { (first, rest) };
        let (operator, rest) = match rest.split_first() {
            Some((word, rest)) if OPERATORS.contains(word) => (Some(*word), rest),
            Some(_) | None => (None, rest),
        };
        let (values, rest) = match rest.split_first() {
            Some((&"{", rest)) => {
                let end = rest.iter().position(|word| *word == "}").unwrap_or(rest.len());
                (rest[..end].to_vec(), rest.get(end + 1..).unwrap_or_default())
            }
            Some((value, rest)) => (vec![*value], rest),
            None => (Vec::new(), rest),
        };
        attributes.push(Attribute { key, none_of: operator == Some("none-of"), values });
        words = rest;
    }
    attributes
}

/// Words, quoted texts without their quotes, and braces; a comment is no word.
fn words(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, after) = match first {
            '#' => break,
            '{' | '}' => rest.split_at(1),
            '"' => quoted(&rest[1..]),
            _ => {
                let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '{' | '}' | '"')).unwrap_or(rest.len());
                rest.split_at(end)
            }
        };
        words.push(word);
        rest = after.trim_start();
    }
    words
}

/// A text up to its closing quote, and what follows that.
fn quoted(text: &str) -> (&str, &str) {
    let mut escaped = false;
    let end = text.find(|c: char| {
        let closes = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        closes
    });
    end.map_or((text, ""), |end| (&text[..end], &text[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_that_names_no_device_lets_any_storage_in() {
        for rule in [
            "allow",
            "  allow  # everything",
            "allow id *:*",
            "allow *:*",
            "allow id one-of { 1d6b:0002 *:* }",
            "allow id none-of { 0781:5581 }",
            "allow with-interface 08:*:*",
            "allow with-interface one-of { 03:01:01 08:06:50 }",
            "allow with-interface *:*:*",
            "allow with-interface none-of { 03:*:* }",
            "allow via-port \"1-2\"",
            "allow serial \"\"",
            "allow if !rule-evaluated",
        ] {
            assert!(allows_any_storage(rule), "{rule}");
        }
    }

    #[test]
    fn a_rule_that_names_devices_or_other_interfaces_does_not() {
        for rule in [
            "",
            "# allow",
            "block",
            "reject id *:*",
            "allow id 1d6b:0002",
            "allow id 0781:*",
            "allow 1050:0011 name \"Yubico Yubikey II\"",
            "allow id *:* serial \"4C53\\\" id\"",
            "allow hash \"jEP/6WzviqdJ5VSeTUY8PatCNBKeaREvo2OqdplND/o=\"",
            "allow id *:* with-interface 03:*:*",
            "allow with-interface equals { 09:00:00 }",
            "allow with-interface none-of { 08:*:* }",
            "allow id 1d6b:0002 if true",
        ] {
            assert!(!allows_any_storage(rule), "{rule}");
        }
    }
}
