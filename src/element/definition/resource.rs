//! What can be polled of an element, and how its listings are cut into pages.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::AnswerRule;

/// Name of the resource that stands for every path no other resource names.
const ANY: &str = "*";

/// A listing that can be polled.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Resource {
    /// Last part of the hub path, for example `reports` of `/hubs/expense/reports`. `*` stands for every path that no
    /// other resource names; such a request keeps path and query as they are written.
    pub name: String,
    /// Other names under which it can be polled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// What its records are, for humans.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The vendor's path below the API's base URL; every resource but `*` has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// OAuth scopes that a token needs to read it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// Dotted paths of the records in a page; `$` is the body itself. Where a page has several of them, the first that
    /// is not empty counts.
    pub items: Vec<String>,
    /// How the next page is found; absent where a listing is one page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page: Option<NextPage>,
    /// How many records are asked for at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_size: Option<PageSize>,
    /// Query parameters sent unless the resource's url gives them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub query: BTreeMap<String, String>,
    /// Query parameters that the url must give, each with what to do where it does not.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub required: BTreeMap<String, String>,
    /// What the CEQL `where` clause of the url becomes.
    #[serde(rename = "where", default)]
    pub where_clause: WhereClause,
    /// How dates in the query must be written, where the vendor is narrow.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dates: Vec<DateFilter>,
    /// Request headers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Top-level fields that change without a change of the record; left out of a record's digest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volatile: Vec<String>,
    /// The listing finds changed records, but none of their dates tells the change: versions are told by the records'
    /// content, and the created date only by what is new.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub compares_content: bool,
    /// How a record says that its object was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted: Option<Deleted>,
    /// How answers are understood beyond what the element says of all of them.
    #[serde(default, skip_serializing_if = "ResourceAnswers::is_empty")]
    pub answers: ResourceAnswers,
    /// The entry of `event.poller.configuration` that a configuration gets by naming the resource only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poller: Option<PollerEntry>,
}

impl Resource {
    /// Whether it stands for every path.
    pub fn is_any(&self) -> bool {
        self.name == ANY
    }

    /// Every name under which it can be polled.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.name)
            .chain(&self.aliases)
            .map(String::as_str)
    }
}

/// How the next page is found. Whatever host a link names, it is followed on the API's own.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum NextPage {
    /// A field holds the next page's URL; missing, null and empty end the listing.
    Url {
        /// Dotted path of the field.
        field: String,
    },
    /// A list of links holds one to the next page; without it the listing ends.
    Link {
        /// Dotted path of the list, whose items have `rel` and `href`.
        list: String,
        /// Relation of the link to the next page.
        #[serde(default = "next")]
        rel: String,
    },
    /// The answer holds a token for the next page; missing, null and empty end the listing.
    Cursor {
        /// Dotted path of the token in the body.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        field: Option<String>,
        /// Header with the token.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        header: Option<String>,
        /// Query parameter that takes the token.
        parameter: String,
        /// Dotted path of the number of all records: a first page with fewer and without a token is an error.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        total: Option<String>,
    },
    /// Pages are counted; the listing ends with the last one, or with an empty one where their number is not told.
    PageNumber {
        /// Query parameter with the number of the page.
        parameter: String,
        /// Number of the first page.
        #[serde(default = "one")]
        first: u64,
        /// Dotted path of the number of pages.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        total_pages: Option<String>,
    },
    /// Records are counted; the listing ends with the last one, or with an empty page where their number is not told.
    Offset {
        /// Query parameter with the number of the first record wanted.
        parameter: String,
        /// Number of the first record of all.
        #[serde(default)]
        first: u64,
        /// Dotted path of the number of all records.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        total: Option<String>,
    },
}

fn next() -> String {
    "next".to_owned()
}

fn one() -> u64 {
    1
}

/// How many records are asked for at once.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PageSize {
    /// The vendor's query parameter.
    pub parameter: String,
    /// Records a page where the configuration says nothing; absent leaves it to the vendor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<u32>,
    /// The most the vendor allows, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
}

impl PageSize {
    /// A size that the vendor takes.
    pub(in crate::element) fn within(&self, wanted: u32) -> u32 {
        wanted.clamp(1, self.max.unwrap_or(u32::MAX).max(1))
    }
}

/// What a CEQL `where` clause becomes.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum WhereClause {
    /// Each `name = 'value'` becomes the query parameter `name`; other comparisons become what this table says, or are
    /// refused.
    Parameters(Vec<Comparison>),
    /// It is sent as the query parameter `where`, as written.
    AsWritten,
}

impl Default for WhereClause {
    fn default() -> Self {
        Self::Parameters(Vec::new())
    }
}

/// A comparison that a query parameter of the vendor does.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Comparison {
    /// What is compared, in any case.
    pub field: String,
    /// Operators that mean it: `=`, `!=`, `<`, `<=`, `>`, `>=`, or words such as `like`.
    pub operators: Vec<String>,
    /// The vendor's query parameter.
    pub parameter: String,
}

/// How dates in the query must be written.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DateFilter {
    /// Query parameters it is about.
    pub parameters: Vec<String>,
    /// Java date patterns that the vendor reads, best first.
    pub patterns: Vec<String>,
}

/// How a record says that its object was deleted.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Deleted {
    /// Path of the field.
    pub field: String,
    /// Values that mean deleted, as text: `true` stands for the boolean too, and case does not count.
    pub values: Vec<String>,
}

/// How answers of one resource are understood beyond what the element says.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResourceAnswers {
    /// Dotted paths of the text for humans in an error body, looked at before the element's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<String>,
    /// Rules that are tried before the element's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<AnswerRule>,
}

impl ResourceAnswers {
    fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.rules.is_empty()
    }
}

/// An entry of `event.poller.configuration`, as instances write it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PollerEntry {
    /// Hub path and query with macros.
    pub url: String,
    /// Path of a record's id.
    pub id_field: String,
    /// The dates of a record; absent where it has none that tell a change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dates_configuration: Option<PollerDates>,
    /// False lets the created date stand in for the updated one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter_by_updated_date: Option<bool>,
    /// True holds records dated after the poll until their date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter_by_current_date: Option<bool>,
    /// Seconds between created and updated date that still count as created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_check_tolerance: Option<u32>,
    /// Records a page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_size: Option<u32>,
    /// Seconds subtracted from the last poll time before it is put into the url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll_delay: Option<u32>,
}

/// Where a record's dates are and how they are printed.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PollerDates {
    /// Path of the updated date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_date_field: Option<String>,
    /// Java date pattern of the updated date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_date_format: Option<String>,
    /// Zone of an updated date that names none; GMT where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_date_timezone: Option<String>,
    /// Path of the created date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_date_field: Option<String>,
    /// Java date pattern of the created date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_date_format: Option<String>,
    /// Zone of a created date that names none; GMT where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_date_timezone: Option<String>,
}
