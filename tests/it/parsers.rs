//! The bodies of the fuzz targets on bounded inputs: each seed, damaged in a thousand ways, and each seed grown large.

#[path = "../../fuzz/src/lib.rs"]
mod bodies;

use std::path::{Path, PathBuf};
use std::time::Duration;

use cpu_time::ThreadTime;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};

use bodies::BODIES;

/// Longest time of a processor that an input may take; what costs the square of its length takes several times that.
const PATIENCE: Duration = Duration::from_secs(5);

/// What parsers stumble over.
const BREAKERS: [&str; 24] = [
    "",
    "\"",
    "'",
    "''",
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\n",
    "\\",
    "\\u",
    "${",
    "$",
    "%",
    "\0",
    "é",
    "\u{1f511}",
    "-1",
    "18446744073709551616",
    "1e400",
    "null",
    "9999-12-31T23:59:59.999",
];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(name)
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = folder("seeds").join(target);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

fn timely(target: &str, body: bodies::Body, input: &[u8]) {
    let begun = ThreadTime::now();
    body(input);
    let took = begun.elapsed();
    if took > PATIENCE {
        let shown: String = String::from_utf8_lossy(input).chars().take(2000).collect();
        panic!("{target} took {took:?} for {} bytes: {shown}", input.len());
    }
}

#[test]
fn every_body_has_a_target_and_seeds() {
    for (target, body) in BODIES {
        let file = folder("fuzz_targets").join(format!("{target}.rs"));
        let text =
            std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert!(text.contains(&format!("pollinator_fuzz::{target}(")), "{target}");
        let seeds = seeds(target);
        assert!(!seeds.is_empty(), "{target} has no seeds");
        seeds.iter().for_each(|seed| timely(target, body, seed));
    }
    let targets = std::fs::read_dir(folder("fuzz_targets")).unwrap().count();
    assert_eq!(targets, BODIES.len());
}

/// One change of a text: `to` is put in place of up to `long` bytes, or of what stands at another place.
#[derive(Clone, Debug)]
enum Damage {
    Replace(Index, usize, &'static str),
    Copy(Index, Index, usize),
    Byte(Index, u8),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        (any::<Index>(), 0..12_usize, prop::sample::select(&BREAKERS[..]))
            .prop_map(|(at, long, to)| Damage::Replace(at, long, to)),
        (any::<Index>(), any::<Index>(), 0..64_usize)
            .prop_map(|(at, from, long)| Damage::Copy(at, from, long)),
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::Byte(at, byte)),
    ]
}

impl Damage {
    fn of(&self, text: &mut Vec<u8>) {
        let length = text.len() + 1;
        match self {
            Self::Replace(at, long, to) => {
                let at = at.index(length);
                let end = text.len().min(at + long);
                text.splice(at..end, to.bytes());
            }
            Self::Copy(at, from, long) => {
                let from = from.index(length);
                let copied = text[from..text.len().min(from + long)].to_vec();
                let at = at.index(length);
                text.splice(at..at, copied);
            }
            Self::Byte(at, byte) => {
                let at = at.index(length);
                text.insert(at, *byte);
            }
        }
    }
}

fn damaged(target: &str, cases: u32) {
    let (_, body) = BODIES.iter().find(|(name, _)| *name == target).unwrap();
    let inputs = (
        prop::sample::select(seeds(target)),
        prop::collection::vec(damage(), 1..6),
    );
    let mut runner = TestRunner::new(Config::with_cases(cases));
    let result = runner.run(&inputs, |(mut input, damages)| {
        damages.iter().for_each(|damage| damage.of(&mut input));
        timely(target, *body, &input);
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{target}: {error}"));
}

/// A part of each seed comes again and again: what costs the square of a text's length shows here.
fn grown(target: &str) {
    const LARGE: usize = 100_000;
    let (_, body) = BODIES.iter().find(|(name, _)| *name == target).unwrap();
    for seed in seeds(target) {
        let step = seed.len().div_ceil(8).max(1);
        for (number, part) in seed.chunks(step).enumerate() {
            let at = number * step;
            let many = part.repeat(LARGE / part.len());
            timely(target, *body, &[&seed[..at], &many, &seed[at..]].concat());
        }
    }
    for text in ["[", "{\"a\":", "a: ", "- ", "'", "\n", "${", "(", "é", " "] {
        timely(target, *body, text.repeat(LARGE / text.len()).as_bytes());
    }
}

macro_rules! properties {
    ($($target:ident: $cases:expr,)*) => {
        $(mod $target {
            #[test]
            fn any_damage_is_read_or_refused() {
                super::damaged(stringify!($target), $cases);
            }

            #[test]
            fn costs_grow_with_the_length_only() {
                super::grown(stringify!($target));
            }
        })*

        #[test]
        fn every_body_has_properties() {
            let mut names = vec![$(stringify!($target)),*];
            names.sort_unstable();
            assert_eq!(names, BODIES.map(|(name, _)| name));
        }
    };
}

properties! {
    checkpoint: 1000,
    configuration: 1000,
    dates: 1000,
    element: 100,
    http_dates: 1000,
    import: 500,
    listing: 500,
    manifest: 500,
    poll: 300,
    tokens: 300,
    url: 1000,
    values: 1000,
    where_clause: 500,
}
