//! The numbers by which notifications name an instance, its account, company and user.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::api::{ACCOUNT_ID, COMPANY_ID, INSTANCE_ID, USER_ID};
use crate::config::Problem;

/// Integers below this are exact in a JSON number of any language.
const BOUND: u64 = 1 << 53;

/// Numbers of an instance in its notifications: positive, below 2^53, always the same ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotificationIds {
    /// `message.instanceId` and `message.instance_id`, also in `topic`.
    pub instance: u64,
    /// `message.accountId`.
    pub account: u64,
    /// `message.companyId`.
    pub company: u64,
    /// `message.userId`.
    pub user: u64,
}

impl NotificationIds {
    /// The ids of an instance without annotations: its own follows from its uid, the others from its namespace.
    pub fn new(uid: &str, namespace: &str) -> Self {
        Self {
            instance: stable_number("instance", uid),
            account: stable_number("account", namespace),
            company: stable_number("company", namespace),
            user: stable_number("user", namespace),
        }
    }

    /// The same, with what the object's annotations set instead, so that a migrated instance keeps its old ids.
    ///
    /// # Errors
    /// Every annotation whose value is no positive integer below 2^53.
    pub fn read(
        uid: &str,
        namespace: &str,
        annotations: &BTreeMap<String, String>,
    ) -> Result<Self, Vec<Problem>> {
        let mut ids = Self::new(uid, namespace);
        let mut problems = Vec::new();
        for (annotation, id) in [
            (INSTANCE_ID, &mut ids.instance),
            (ACCOUNT_ID, &mut ids.account),
            (COMPANY_ID, &mut ids.company),
            (USER_ID, &mut ids.user),
        ] {
            let Some(text) = annotations.get(annotation) else {
                continue;
            };
            match number(text) {
                Some(number) => *id = number,
                None => problems.push(Problem::new(
                    format!("metadata.annotations[{annotation:?}]"),
                    format!(
                        "{:?} is no positive integer below 2^53",
                        text.chars().take(40).collect::<String>()
                    ),
                    "write the id as Cloud Elements shows it, such as \"7950647\", or remove the annotation",
                )),
            }
        }
        if problems.is_empty() {
            Ok(ids)
        } else {
            Err(problems)
        }
    }
}

fn number(text: &str) -> Option<u64> {
    let digits = text.trim();
    // `parse` alone would also take a sign.
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok().filter(|number| (1..BOUND).contains(number))
}

/// A positive number below 2^53, always the same for `kind` and `key`.
pub fn stable_number(kind: &str, key: &str) -> u64 {
    positive(&Sha256::digest(format!("{kind}:{key}")), 53)
}

/// The first `bits` bits of a digest as a number that is never zero.
pub(super) fn positive(digest: &[u8], bits: u32) -> u64 {
    let number = digest
        .iter()
        .take(8)
        .fold(0, |number, byte| number << 8 | u64::from(*byte));
    (number >> (64 - bits)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UID: &str = "6f6d6b1e-8f2a-4f63-9a7c-0d6b3f1f5a11";

    fn annotations(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn numbers_are_stable_positive_and_exact() {
        // Receivers store them: never change how they are made.
        let ids = NotificationIds::new(UID, "finance");
        assert_eq!(ids.instance, 2_099_773_671_854_047);
        assert_eq!(
            [ids.account, ids.company, ids.user],
            [
                6_351_068_600_056_519,
                1_112_164_450_864_235,
                6_222_315_447_761_540
            ]
        );
        for key in 0..1000 {
            let number = stable_number("account", &key.to_string());
            assert!(number > 0 && number < BOUND);
            assert_eq!(number as f64 as u64, number);
        }
        assert_eq!(positive(&[0; 32], 53), 1);
    }

    #[test]
    fn annotations_win() {
        let own = NotificationIds::new(UID, "finance");
        let unrelated = annotations(&[("pollinator.dev/requestedAt", "now"), ("instanceId", "x")]);
        assert_eq!(NotificationIds::read(UID, "finance", &unrelated), Ok(own));
        let some = annotations(&[(INSTANCE_ID, "7950647"), (USER_ID, " 2749\n")]);
        let expected = NotificationIds {
            instance: 7_950_647,
            user: 2749,
            ..own
        };
        assert_eq!(NotificationIds::read(UID, "finance", &some), Ok(expected));
        let all = annotations(&[
            (INSTANCE_ID, "9007199254740991"),
            (ACCOUNT_ID, "1"),
            (COMPANY_ID, "0291"),
            (USER_ID, "2749"),
        ]);
        let expected = NotificationIds {
            instance: BOUND - 1,
            account: 1,
            company: 291,
            user: 2749,
        };
        assert_eq!(NotificationIds::read(UID, "finance", &all), Ok(expected));
    }

    #[test]
    fn what_is_no_id_is_told() {
        let long = "9".repeat(100_000);
        for value in [
            "",
            " ",
            "0",
            "-1",
            "+1",
            "1.0",
            "1e3",
            "0x10",
            "1_000",
            "1 2",
            "９",
            "abc",
            "9007199254740992",
            "18446744073709551616",
            &long,
        ] {
            for annotation in [INSTANCE_ID, ACCOUNT_ID, COMPANY_ID, USER_ID] {
                let problems =
                    NotificationIds::read(UID, "finance", &annotations(&[(annotation, value)])).unwrap_err();
                let [problem] = &problems[..] else {
                    panic!("{problems:?}")
                };
                assert_eq!(problem.path, format!("metadata.annotations[\"{annotation}\"]"));
                assert!(
                    problem.message.contains("no positive integer below 2^53"),
                    "{problem}"
                );
                assert!(problem.to_string().len() < 300, "{problem}");
            }
        }
        let two = annotations(&[(INSTANCE_ID, "x"), (COMPANY_ID, "291"), (USER_ID, "y")]);
        assert_eq!(NotificationIds::read(UID, "finance", &two).unwrap_err().len(), 2);
    }
}
