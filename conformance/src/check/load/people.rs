//! The users of `bench load`: one or more, who log in one after the other.

/// A list of people that is not empty.
#[derive(Debug, Clone)]
pub struct People<T> {
    first: T,
    others: Vec<T>,
}

/// The list of people is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid list of people: expected at least one, got none")]
pub struct NoPeopleError;

impl<T> People<T> {
    /// Returns a list of one person.
    pub const fn one(person: T) -> Self {
        Self {
            first: person,
            others: Vec::new(),
        }
    }

    /// Returns the first person, who is tried before any load is sent.
    pub const fn first(&self) -> &T {
        &self.first
    }

    /// Returns the person of an operation, and their place in the list: each operation is the
    /// next person's, and after the last person the first one follows.
    pub(super) fn turn(&self, operation: u64) -> (usize, &T) {
        let length = self.others.len() + 1;
        // A remainder is smaller than the length, which is a `usize`.
        let at = usize::try_from(operation % length as u64).unwrap_or_default();
        (at, self.at(at).unwrap_or(&self.first))
    }

    /// Returns the person at a place.
    pub(super) fn at(&self, at: usize) -> Option<&T> {
        match at.checked_sub(1) {
            None => Some(&self.first),
            Some(at) => self.others.get(at),
        }
    }

    /// Converts each person.
    pub(super) fn map<U>(self, convert: impl Fn(T) -> U) -> People<U> {
        People {
            first: convert(self.first),
            others: self.others.into_iter().map(&convert).collect(),
        }
    }
}

impl<T> TryFrom<Vec<T>> for People<T> {
    type Error = NoPeopleError;

    fn try_from(people: Vec<T>) -> Result<Self, NoPeopleError> {
        let mut people = people.into_iter();
        let first = people.next().ok_or(NoPeopleError)?;
        let others = people.collect();
        Ok(Self { first, others })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_take_turns() {
        let people = People::try_from(vec!["ann", "bob", "cy"]).unwrap();
        let turns: Vec<(usize, &&str)> = (0..5).map(|it| people.turn(it)).collect();
        let expected = [
            (0, &"ann"),
            (1, &"bob"),
            (2, &"cy"),
            (0, &"ann"),
            (1, &"bob"),
        ];
        assert_eq!(turns, expected);
        assert_eq!(People::one("ann").turn(u64::MAX), (0, &"ann"));
        assert_eq!((people.at(2), people.at(3)), (Some(&"cy"), None));
    }

    #[test]
    fn an_empty_list_is_refused() {
        assert_eq!(
            People::<&str>::try_from(Vec::new()).err(),
            Some(NoPeopleError)
        );
    }
}
