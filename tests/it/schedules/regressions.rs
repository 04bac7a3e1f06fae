//! Schedules that broke a promise once, in their smallest form.

use super::climate::{Climate, Dates, MINUTE, ORDINARY, Order, Start, Width};
use super::step::{Act::*, Pick::*, Step, Step::*};
use super::world::live;

/// What was wrong, and where it shows.
fn cases() -> Vec<(&'static str, Climate, Vec<Step>)> {
    let everything = || Climate {
        filtered: false,
        ..ORDINARY
    };
    vec![
        (
            "a floor ahead of our clock: records without dates were forgotten at once, and news in every pass",
            Climate {
                dates: Dates::Undated,
                our_error: -7 * MINUTE,
                start: Start::Backfill { minutes_ago: 0 },
                stock: 0,
                ..ORDINARY
            },
            vec![Do(Create)],
        ),
        (
            "a change during a long first pass was taken for one dated ahead, and learned in silence",
            Climate {
                page_size: 2,
                overlap: 1,
                pace: 35_000,
                ..everything()
            },
            vec![Poll, During(1, Ties), Poll],
        ),
        (
            "a first pass over old records on several pages was never proven",
            Climate {
                page_size: 2,
                updated_width: Width::Day,
                start: Start::Backfill { minutes_ago: 0 },
                ..everything()
            },
            vec![Poll],
        ),
        (
            "after a reset an edited object was CREATED under its old id, and nothing told of the edit",
            Climate {
                pace: 35_000,
                stock: 0,
                ..everything()
            },
            vec![
                During(1, Create),
                Do(Create),
                Do(Delete(First)),
                During(2, ResetTo(First)),
                Poll,
                Do(Create),
                Do(Edit(First)),
            ],
        ),
        (
            "an owner that was taken over sent the CREATED of an object before he noticed",
            Climate {
                pace: 35_000,
                stock: 1,
                ..everything()
            },
            vec![
                Do(SecondOwnerPolls),
                Poll,
                Poll,
                During(1, Create),
                Poll,
                Do(SecondOwnerPolls),
                Do(Edit(Newest)),
            ],
        ),
        (
            "a held object that two passes over a listing without order did not list was forgotten",
            Climate {
                order: Order::Unstable,
                page_size: 3,
                our_error: 7 * MINUTE,
                pace: 35_000,
                stock: 1,
                ..ORDINARY
            },
            vec![
                Poll,
                Do(Create),
                Poll,
                Poll,
                Do(Create),
                Do(EditLate(Nth(9))),
                During(0, Refuse(First)),
                Poll,
                Poll,
                During(0, Create),
                Poll,
                Poll,
                Do(Create),
                During(1, Create),
                Poll,
                Poll,
                Poll,
                Poll,
                Poll,
                Poll,
            ],
        ),
        (
            "a created date that knows days only outlived the memory of its object, which was CREATED again",
            Climate {
                dates: Dates::CreatedAndBodies,
                created_width: Width::Day,
                stock: 0,
                ..ORDINARY
            },
            vec![Poll, Do(Create), Poll, Poll, Poll, During(1, Edit(First)), Poll],
        ),
        (
            "our clock was set back: a proof took the floor past records without dates that were listed still",
            Climate {
                dates: Dates::Undated,
                page_size: 2,
                overlap: 1,
                database_error: 7 * MINUTE,
                stock: 1,
                ..ORDINARY
            },
            vec![
                Do(Create),
                Do(Create),
                Poll,
                Do(Edit(First)),
                Do(OurClock { minutes: -7 }),
            ],
        ),
        (
            "the same, where a listing without order did not list a record in that very pass",
            Climate {
                dates: Dates::Undated,
                order: Order::Unstable,
                page_size: 2,
                url_width: Width::Day,
                stock: 0,
                ..ORDINARY
            },
            vec![
                Do(Ties),
                Poll,
                During(12, Wait { seconds: 1 }),
                Do(CreateThenEdit),
                Poll,
                During(0, CreateAhead),
                Poll,
                Poll,
                Poll,
                During(1, OurClock { minutes: -7 }),
                Poll,
                Do(Create),
                During(0, Create),
                Poll,
                Poll,
                Do(Create),
            ],
        ),
        (
            "a vendor's Date ahead of his database closed a second in which an edit was still to come",
            Climate {
                updated_width: Width::Second,
                date_error: Some(7 * MINUTE),
                pace: 4_000,
                stock: 0,
                ..everything()
            },
            vec![Do(Create), Do(EditLate(First))],
        ),
    ]
}

#[test]
fn schedules_that_broke_a_promise_once() {
    for (what, climate, steps) in cases() {
        let (_, broken) = live(&climate, &steps);
        assert!(broken.is_empty(), "{what}: {broken:?}");
    }
}
