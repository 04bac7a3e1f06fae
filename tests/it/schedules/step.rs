//! What happens, in order: a flat list, so that leaving out and simplifying steps is all that shrinking takes.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::climate::Climate;

#[derive(Clone, Debug)]
pub(super) enum Step {
    /// The next interval begins: our process polls.
    Poll,
    /// Between two polls.
    Do(Act),
    /// During the next poll, at that moment of it: before and after each write, page and attempt to deliver.
    During(u8, Act),
}

/// One of the listed objects.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pick {
    /// The first by id.
    First,
    /// The one changed longest ago.
    Oldest,
    /// The one changed last.
    Newest,
    Nth(u8),
}

#[derive(Clone, Debug)]
pub(super) enum Act {
    Create,
    /// Its id comes before all others.
    CreateInFront,
    CreateThenEdit,
    /// Visible late, with its earlier dates.
    CreateLate,
    /// Dated four minutes ahead.
    CreateAhead,
    /// Dated ten years ahead.
    CreateFarAhead,
    /// Three with one date, the last visible late.
    Ties,
    Edit(Pick),
    EditLate(Pick),
    EditAhead(Pick),
    Delete(Pick),
    Wait {
        seconds: u16,
    },
    /// Our process dies; another takes its place.
    Kill,
    /// The instance was changed: the poll ends cleanly before the next page.
    Stop,
    /// What becomes of the next attempt to deliver.
    NextAnswer(Reply),
    /// What becomes of the next write of the checkpoint.
    NextWrite(Write),
    /// A stranger labels the stored object.
    Label,
    /// The receiver refuses this object for good.
    Refuse(Pick),
    /// The receiver refuses nobody.
    Mend,
    /// A second process polls the same resource with a memory of its own.
    SecondOwnerPolls,
    /// `resetTo`, to one millisecond before the date of this object.
    ResetTo(Pick),
    ResetBack {
        minutes: u8,
    },
    /// Our machine's clock is set.
    OurClock {
        minutes: i8,
    },
}

/// What becomes of an attempt to deliver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// Accepted.
    Accepted,
    /// Taken, but the answer is lost.
    Lost,
    /// Half of the events are taken, and the connection breaks.
    Half,
    /// An error, with nothing taken.
    Error,
    /// No connection.
    Away,
}

/// What becomes of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Write {
    Works,
    /// It takes effect, but its answer is lost.
    AnswerLost,
    Fails,
}

fn pick() -> impl Strategy<Value = Pick> {
    prop_oneof![
        Just(Pick::First),
        Just(Pick::Oldest),
        Just(Pick::Newest),
        (0..12u8).prop_map(Pick::Nth),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    let of_vendor = prop_oneof![
        6 => Just(Act::Create),
        2 => Just(Act::CreateInFront),
        2 => Just(Act::CreateThenEdit),
        2 => Just(Act::CreateLate),
        1 => Just(Act::CreateAhead),
        1 => Just(Act::CreateFarAhead),
        1 => Just(Act::Ties),
        5 => pick().prop_map(Act::Edit),
        1 => pick().prop_map(Act::EditLate),
        1 => pick().prop_map(Act::EditAhead),
        4 => pick().prop_map(Act::Delete),
    ];
    let of_others = prop_oneof![
        4 => select(&[1, 30, 90, 240][..]).prop_map(|seconds| Act::Wait { seconds }),
        3 => Just(Act::Kill),
        1 => Just(Act::Stop),
        3 => select(&[Reply::Lost, Reply::Half, Reply::Error, Reply::Away][..]).prop_map(Act::NextAnswer),
        3 => select(&[Write::Fails, Write::AnswerLost][..]).prop_map(Act::NextWrite),
        1 => Just(Act::Label),
        1 => pick().prop_map(Act::Refuse),
        1 => Just(Act::Mend),
        1 => Just(Act::SecondOwnerPolls),
        1 => prop_oneof![pick().prop_map(Act::ResetTo), (0..30u8).prop_map(|minutes| Act::ResetBack { minutes })],
        1 => select(&[-7i8, 7][..]).prop_map(|minutes| Act::OurClock { minutes }),
    ];
    prop_oneof![3 => of_vendor, 1 => of_others]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Poll),
        3 => act().prop_map(Step::Do),
        3 => (0..14u8, act()).prop_map(|(moment, act)| Step::During(moment, act)),
    ]
}

/// A climate of the quarter and what happens in it.
pub(super) fn schedules(
    climates: impl Strategy<Value = Climate>,
) -> impl Strategy<Value = (Climate, Vec<Step>)> {
    (climates, vec(step(), 1..24))
}
