//! Notices a source that answers every page with the same records, as if it took no notice of the page asked for.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::value::RawValue;

/// Pages in a row with the very same records that are one too many. A few may be chance, where pages are short and
/// records move while they are read.
const TOO_MANY: u32 = 10;

/// How often in a row pages had the same records.
#[derive(Default)]
pub(super) struct Repeats {
    newest: Option<u64>,
    times: u32,
}

impl Repeats {
    /// Notes a page; whether its records came too often.
    pub(super) fn too_many(&mut self, items: &[Box<RawValue>]) -> bool {
        let mut hasher = DefaultHasher::new();
        items.iter().for_each(|item| item.get().hash(&mut hasher));
        let page = Some(hasher.finish()).filter(|_| !items.is_empty());
        self.times = if page.is_some() && page == self.newest {
            self.times + 1
        } else {
            1
        };
        self.newest = page;
        self.times >= TOO_MANY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(records: &str) -> Vec<Box<RawValue>> {
        serde_json::from_str(records).unwrap()
    }

    #[test]
    fn only_the_same_page_again_and_again_is_too_many() {
        let mut repeats = Repeats::default();
        let tenth: Vec<bool> = (0..12)
            .map(|_| repeats.too_many(&page(r#"[{"id":1}]"#)))
            .collect();
        assert_eq!(tenth.iter().position(|too_many| *too_many), Some(9));
        for records in [r#"[{"id":2}]"#, "[]"] {
            assert!(!repeats.too_many(&page(records)), "{records}");
        }
        let mut repeats = Repeats::default();
        assert!((0..100).all(|_| !repeats.too_many(&page("[]"))));
        let pages = [r#"["a","bc"]"#, r#"["ab","c"]"#];
        assert!((0..100).all(|n| !repeats.too_many(&page(pages[n % 2]))));
    }
}
