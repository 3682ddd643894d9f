//! The console's labels for PingOne's user attributes, and the expressions for them.

/// Label of the console, expression of the mapping language.
pub(super) const ATTRIBUTES: [(&str, &str); 19] = [
    ("User ID", "${user.id}"),
    ("Username", "${user.username}"),
    ("Email Address", "${user.email}"),
    ("Given Name", "${user.name.given}"),
    ("Middle Name", "${user.name.middle}"),
    ("Family Name", "${user.name.family}"),
    ("Formatted", "${user.name.formatted}"),
    ("Nickname", "${user.nickname}"),
    ("Title", "${user.title}"),
    ("Group IDs", "${user.memberOfGroupIDs}"),
    ("Group Names", "${user.memberOfGroupNames}"),
    ("Population ID", "${user.population.id}"),
    ("External ID", "${user.externalId}"),
    ("Mobile Phone", "${user.mobilePhone}"),
    ("Primary Phone", "${user.primaryPhone}"),
    ("Preferred Language", "${user.preferredLanguage}"),
    ("Locale", "${user.locale}"),
    ("Time Zone", "${user.timezone}"),
    ("Type", "${user.type}"),
];

/// Label for a mapping that is not a plain attribute.
pub(super) const EXPRESSION: &str = "Expression";

/// Returns the label of the attribute in a mapping's value; `None` if the value is not a plain
/// attribute.
pub(super) fn find_label(value: &str) -> Option<&'static str> {
    ATTRIBUTES
        .iter()
        .find(|(_, expression)| *expression == value)
        .map(|(name, _)| *name)
}

/// Returns the expression of the attribute with this label.
pub(super) fn expression(name: &str) -> Option<&'static str> {
    ATTRIBUTES
        .iter()
        .find(|(called, _)| *called == name)
        .map(|(_, expression)| *expression)
}

/// Returns a mapping's value as the console shows it: "Group IDs", or "Expression: ${…}".
pub(super) fn written(value: &str) -> String {
    find_label(value).map_or_else(|| format!("{EXPRESSION}: {value}"), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_has_the_consoles_name_and_anything_else_is_an_expression() {
        assert_eq!(written("${user.memberOfGroupIDs}"), "Group IDs");
        assert_eq!(
            written("${user.name.given + ' ' + user.name.family}"),
            "Expression: ${user.name.given + ' ' + user.name.family}"
        );
    }

    #[test]
    fn every_attribute_is_an_expression_that_can_be_read() {
        for (name, expression) in ATTRIBUTES {
            crate::expression::Template::parse(expression).unwrap();
            assert_eq!(find_label(expression), Some(name));
        }
    }
}
