//! Repeatable pseudo-random numbers (splitmix64), so that a run with the same seed shows the same data.

/// A generator with 64 bits of state.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// Twenty upper-case hexadecimal characters, as Concur's report ids.
    pub(crate) fn report_id(&mut self) -> String {
        format!("{:016X}{:04X}", self.next(), self.next() & 0xFFFF)
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let range = last as u64 + 1;
            items.swap(last, usize::try_from(self.next() % range).unwrap_or(0));
        }
    }
}

fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

/// A rank for a text that depends on the salt only: the same salt gives the same order.
pub(crate) fn rank(salt: u64, text: &str) -> u64 {
    text.bytes()
        .fold(mix(salt), |hash, byte| mix(hash ^ u64::from(byte)))
}
