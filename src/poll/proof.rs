//! When a pass of several pages proves that nothing was skipped.
//!
//! Deletions and edits between two pages shift offsets, so a record can slip over a page edge unseen.
//! A pass therefore is a candidate until every object it listed has been listed again.

use std::collections::HashSet;

use jiff::Timestamp;

use super::{Memory, Pass, Phase, Rules};

/// Candidates waiting at once; the newest gives way.
const MOST: usize = 10;
/// Passes after which two quiet ones in a row are accepted as proof.
const PATIENCE: u32 = 3;
/// The same for a listing without order, where quiet passes mean less.
const PATIENCE_WITHOUT_ORDER: u32 = 8;
/// Quiet passes in a row that count as the weak proof.
const QUIET: u32 = 2;

/// Passes that wait for their proof; a restart begins anew.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    waiting: Vec<Candidate>,
    /// Passes for which a listing still counts as having no order.
    without_order: u32,
}

impl Candidates {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[derive(Debug)]
struct Candidate {
    target: Timestamp,
    /// No object came twice, so that listing all of it again proves it.
    provable: bool,
    /// Objects not listed again yet.
    open: HashSet<u64>,
    tries: u32,
    quiet: u32,
}

impl Memory {
    /// Moves the floor as far as the pass proves; (proven, by the weak rule).
    pub(super) fn advance(&mut self, rules: &Rules, pass: &Pass, target: Timestamp) -> (bool, bool) {
        if pass.single_page() {
            self.raise_floor(rules, target);
            self.candidates.waiting.clear();
            return (true, false);
        }
        let whole = rules.compares_whole_listing();
        if pass.has_no_order() {
            self.candidates.without_order = PATIENCE_WITHOUT_ORDER;
        }
        let patience = if self.candidates.without_order > 0 {
            PATIENCE_WITHOUT_ORDER
        } else {
            PATIENCE
        };
        self.candidates.without_order = self.candidates.without_order.saturating_sub(1);

        let (mut proven, mut weakly) = (false, false);
        for mut candidate in std::mem::take(&mut self.candidates.waiting) {
            candidate.tries += 1;
            candidate.open.retain(|key| !pass.listed.contains_key(key));
            // A listing compared whole has no floor to protect, so news does not unsettle its proof.
            let noisy = !whole && pass.news.iter().any(|end| *end <= candidate.target);
            candidate.quiet = if noisy { 0 } else { candidate.quiet + 1 };
            let strong = candidate.provable && candidate.open.is_empty() && (candidate.quiet > 0 || whole);
            let weak = candidate.tries >= patience && candidate.quiet >= QUIET;
            if strong || weak {
                self.raise_floor(rules, candidate.target);
                proven = true;
                weakly |= !strong;
            } else {
                self.candidates.waiting.push(candidate);
            }
        }
        let floor = self.checkpoint.floor;
        // A first pass, or one after a restart, wants its proof even where it moves no floor.
        let undecided = self.checkpoint.phase != Phase::Steady || self.uncertain;
        self.candidates
            .waiting
            .retain(|candidate| whole || undecided || candidate.target > floor);
        if whole || target > floor || undecided {
            let open = pass.listed.keys().copied().collect();
            let provable = !pass.saw_repeats();
            self.candidates.waiting.push(Candidate {
                target,
                provable,
                open,
                tries: 0,
                quiet: 0,
            });
        }
        if self.candidates.waiting.len() > MOST {
            self.candidates.waiting.remove(MOST - 1);
        }
        (proven, weakly)
    }
}
