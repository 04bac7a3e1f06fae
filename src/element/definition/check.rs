//! What makes a definition unusable although its shape is right.

use std::collections::{BTreeMap, BTreeSet};

use url::Url;

use super::{
    AnswerRule, Answers, Authentication, Comparison, Definition, NextPage, OAuth2, PollerEntry,
    RequestLimits, Resource, WhereClause,
};
use crate::config::{DatePattern, FieldPath, Problem, UrlTemplate, join};

/// Takes problems, each with its path.
struct Findings<'a>(&'a mut Vec<Problem>);

impl Findings<'_> {
    fn add(&mut self, path: impl Into<String>, message: impl Into<String>, remedy: &str) {
        self.0.push(Problem::new(path, message, remedy));
    }

    fn text(&mut self, path: &str, text: &str) {
        if text.trim().is_empty() {
            self.add(path, "is empty", "write a text");
        }
    }

    fn absolute(&mut self, path: &str, text: &str) {
        if !text.starts_with('/') || text.contains(['?', '#', '{', '}']) || text.contains("/..") {
            self.add(
                path,
                format!("{text:?} is no absolute path"),
                "begin it with /, and leave out query, fragment, braces and dots",
            );
        }
    }

    fn header(&mut self, path: &str, name: &str) {
        if http::HeaderName::try_from(name).is_err() {
            self.add(
                path,
                format!("{name:?} cannot be a header's name"),
                "write a name such as accept",
            );
        }
    }

    fn web_url(&mut self, path: &str, url: &Url, https: bool) {
        let schemes: &[&str] = if https { &["https"] } else { &["https", "http"] };
        if !schemes.contains(&url.scheme()) || !url.has_host() {
            let remedy = "write an https URL with a host, such as https://api.example.com";
            self.add(path, format!("{:?} cannot be requested", url.as_str()), remedy);
        }
    }

    /// An error that may end with its own remedy.
    fn error(&mut self, path: impl Into<String>, error: &impl ToString, remedy: &str) {
        let text = error.to_string();
        let (message, remedy) = text.rsplit_once("; ").unwrap_or((&text, remedy));
        self.add(path, message, remedy);
    }

    fn field_path(&mut self, path: &str, text: &str) {
        if let Err(error) = FieldPath::parse(text) {
            self.error(path, &error, "write a field's name, or a dotted path");
        }
    }

    fn pattern(&mut self, path: &str, text: &str) {
        if let Err(error) = DatePattern::parse(text) {
            self.error(path, &error, "write a Java date pattern such as yyyy-MM-dd");
        }
    }
}

/// A label of a host name, such as Kubernetes wants in names.
fn is_key(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 253
        && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && text.ends_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.')
}

impl Definition {
    /// Notes every problem.
    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        let findings = &mut Findings(problems);
        if !is_key(&self.key) {
            findings.add(
                "metadata.name",
                format!("{:?} is no name for a Kubernetes object", self.key),
                "write lower-case letters, digits, - and . only",
            );
        }
        findings.text("spec.title", &self.title);
        if let Some(hub) = &self.hub
            && (hub.is_empty() || hub.contains('/'))
        {
            let remedy = "write one part of a path, such as expense";
            findings.add("spec.hub", format!("{hub:?} is no hub"), remedy);
        }
        if let Some(url) = &self.base_url {
            findings.web_url("spec.baseUrl", url, false);
        }
        match &self.authentication {
            Authentication::OAuth2(oauth) => check_oauth(oauth, findings),
            Authentication::Header(header) => {
                findings.header("spec.authentication.header.name", &header.name);
                findings.text(
                    "spec.authentication.header.configurationKey",
                    &header.configuration_key,
                );
            }
        }
        check_limits(&self.limits, findings);
        check_answers(&self.answers, findings);
        self.check_resources(findings);
    }

    fn check_resources(&self, findings: &mut Findings<'_>) {
        if self.resources.is_empty() {
            findings.add(
                "spec.resources",
                "is empty, so there is nothing to poll",
                "add a resource",
            );
        }
        if self.hub.is_none() && self.resources.iter().any(|resource| !resource.is_any()) {
            let remedy = "write the hub of the resources' paths, such as expense";
            findings.add("spec.hub", "is missing", remedy);
        }
        let mut names = BTreeMap::new();
        for (index, resource) in self.resources.iter().enumerate() {
            let path = format!("spec.resources[{index}]");
            for name in resource.names() {
                if let Some(other) = names.insert(name, index) {
                    let message = format!("{name:?} is a name of resource {other} already");
                    findings.add(format!("{path}.name"), message, "rename one of them");
                }
            }
            let before = findings.0.len();
            resource.check(&path, findings);
            if let (true, Some(poller)) = (findings.0.len() == before, &resource.poller) {
                self.check_poller(&format!("{path}.poller"), resource, poller, findings);
            }
        }
        for (index, name) in self.polled_by_default.iter().enumerate() {
            let found = self.resources.iter().find(|resource| resource.name == *name);
            if found.is_none_or(|resource| resource.poller.is_none()) {
                findings.add(
                    format!("spec.polledByDefault[{index}]"),
                    format!("{name:?} is no resource with a poller"),
                    "name one that has a poller",
                );
            }
        }
    }

    fn check_poller(
        &self,
        path: &str,
        resource: &Resource,
        entry: &PollerEntry,
        findings: &mut Findings<'_>,
    ) {
        findings.field_path(&format!("{path}.idField"), &entry.id_field);
        if let Some(dates) = &entry.dates_configuration {
            let dates_path = format!("{path}.datesConfiguration");
            let pairs = [
                (
                    "updatedDate",
                    &dates.updated_date_field,
                    &dates.updated_date_format,
                ),
                (
                    "createdDate",
                    &dates.created_date_field,
                    &dates.created_date_format,
                ),
            ];
            for (name, field, format) in pairs {
                if let Some(field) = field {
                    findings.field_path(&format!("{dates_path}.{name}Field"), field);
                }
                if let Some(format) = format {
                    findings.pattern(&format!("{dates_path}.{name}Format"), format);
                }
                if field.is_some() != format.is_some() {
                    let message = format!("{name}Field and {name}Format go together");
                    findings.add(dates_path.as_str(), message, "write both or neither");
                }
            }
        }
        let url_path = format!("{path}.url");
        let template = match UrlTemplate::parse(&entry.url) {
            Ok(template) => template,
            Err(error) => return findings.error(url_path, &error, "correct the macro"),
        };
        match self.find(&template) {
            Some(found) if found.name == resource.name => {
                if let Err(error) = self.listing_of(&resource.name, &template, None) {
                    let problem = Problem::from(error);
                    findings.add(url_path, problem.message, &problem.remedy);
                }
            }
            _ => findings.add(
                url_path,
                format!("does not name the resource {}", resource.name),
                "write /hubs/, the hub and the resource's name",
            ),
        }
    }
}

fn check_oauth(oauth: &OAuth2, findings: &mut Findings<'_>) {
    let path = "spec.authentication.oauth2";
    findings.web_url(
        &format!("{path}.tokenEndpoint.host"),
        &oauth.token_endpoint.host,
        true,
    );
    findings.absolute(&format!("{path}.tokenEndpoint.path"), &oauth.token_endpoint.path);
    if let Some(page) = &oauth.authorization_endpoint {
        findings.absolute(&format!("{path}.authorizationEndpoint.path"), &page.path);
        if let Some(host) = &page.host {
            findings.web_url(&format!("{path}.authorizationEndpoint.host"), host, true);
        }
    }
    for (index, suffix) in oauth.geolocation_suffixes.iter().enumerate() {
        if !suffix.starts_with('.') || suffix.len() < 2 {
            findings.add(
                format!("{path}.geolocationSuffixes[{index}]"),
                format!("{suffix:?} lacks its leading dot"),
                "begin it with a dot, such as .example.com",
            );
        }
    }
    let mut codes = BTreeSet::new();
    for (index, rule) in oauth.errors.iter().enumerate() {
        for code in &rule.codes {
            if !codes.insert(code) {
                findings.add(
                    format!("{path}.errors[{index}].codes"),
                    format!("token error code {code} has two rules"),
                    "leave it out of one",
                );
            }
        }
    }
}

fn check_limits(limits: &RequestLimits, findings: &mut Findings<'_>) {
    let rate = limits.rate_limit.map(|rate| {
        [
            ("rateLimit.requests", rate.requests, 10_000),
            ("rateLimit.perSeconds", rate.per_seconds, 3600),
        ]
    });
    let concurrent = ("concurrentRequests", limits.concurrent_requests.into(), 64);
    for (key, value, most) in rate.into_iter().flatten().chain([concurrent]) {
        if !(1..=most).contains(&value) {
            findings.add(
                format!("spec.limits.{key}"),
                format!("{value} is no limit"),
                &format!("write a number from 1 to {most}"),
            );
        }
    }
}

fn check_answers(answers: &Answers, findings: &mut Findings<'_>) {
    if let Some(header) = &answers.correlation_header {
        findings.header("spec.answers.correlationHeader", header);
    }
    for (index, header) in answers.warning_headers.iter().enumerate() {
        findings.header(&format!("spec.answers.warningHeaders[{index}]"), header);
    }
    check_rules("spec.answers", &answers.rules, findings);
}

fn check_rules(path: &str, rules: &[AnswerRule], findings: &mut Findings<'_>) {
    for (index, rule) in rules.iter().enumerate() {
        let path = format!("{path}.rules[{index}].status");
        if rule.status.is_empty() {
            findings.add(path, "is empty, so the rule never matches", "name a status");
        } else if let Some(status) = rule.status.iter().find(|status| !(300..600).contains(*status)) {
            let message = format!("{status} is no status of an answer without a page");
            findings.add(path, message, "name statuses from 300 to 599");
        }
    }
}

impl Resource {
    fn check(&self, path: &str, findings: &mut Findings<'_>) {
        for (key, names) in [
            ("name", std::slice::from_ref(&self.name)),
            ("aliases", &self.aliases),
        ] {
            let plain = |name: &String| {
                !name.is_empty()
                    && !name.starts_with('/')
                    && !name.ends_with('/')
                    && !name.contains(|c: char| c.is_whitespace() || "?#{}*".contains(c))
            };
            if let Some(name) = names.iter().find(|name| !self.is_any() && !plain(name)) {
                findings.add(
                    format!("{path}.{key}"),
                    format!("{name:?} is no part of a path"),
                    "write it as it is to stand in a hub path, such as reports",
                );
            }
        }
        self.check_path(path, findings);
        if self.items.is_empty() || self.items.iter().any(|items| items.trim().is_empty()) {
            findings.add(
                format!("{path}.items"),
                "says not where the records are",
                "write the name of the list in the body, or $ where the body is the list",
            );
        }
        if let Some(next) = &self.next_page {
            check_next_page(&format!("{path}.nextPage"), next, findings);
        }
        if let Some(size) = &self.page_size {
            findings.text(&format!("{path}.pageSize.parameter"), &size.parameter);
            let (least, most) = (size.default.unwrap_or(1), size.max.unwrap_or(u32::MAX));
            if least == 0 || least > most {
                findings.add(
                    format!("{path}.pageSize.default"),
                    format!("{least} is no size of a page"),
                    "write a number from 1 to the maximum",
                );
            }
        }
        if let WhereClause::Parameters(comparisons) = &self.where_clause {
            check_comparisons(&format!("{path}.where.parameters"), comparisons, findings);
        }
        for (index, dates) in self.dates.iter().enumerate() {
            if dates.patterns.is_empty() {
                findings.add(
                    format!("{path}.dates[{index}].patterns"),
                    "is empty, so no date is right",
                    "write a pattern",
                );
            }
            for (inner, pattern) in dates.patterns.iter().enumerate() {
                findings.pattern(&format!("{path}.dates[{index}].patterns[{inner}]"), pattern);
            }
        }
        for (header, value) in &self.headers {
            let path = join(&format!("{path}.headers"), header);
            findings.header(&path, header);
            if http::HeaderValue::from_str(value).is_err() {
                findings.add(
                    path,
                    format!("{value:?} cannot be a header's value"),
                    "write one line",
                );
            }
        }
        if let Some(deleted) = &self.deleted {
            findings.field_path(&format!("{path}.deleted.field"), &deleted.field);
            if deleted.values.is_empty() {
                let remedy = "write the values that mean deleted, such as \"true\"";
                findings.add(format!("{path}.deleted.values"), "is empty", remedy);
            }
        }
        check_rules(&format!("{path}.answers"), &self.answers.rules, findings);
    }

    fn check_path(&self, path: &str, findings: &mut Findings<'_>) {
        let is_any = "cannot be given for the resource *";
        match &self.path {
            Some(own) if !self.is_any() => findings.absolute(&format!("{path}.path"), own),
            Some(_) => {
                let remedy = "remove it; the url's own path is requested";
                findings.add(format!("{path}.path"), is_any, remedy);
            }
            None if !self.is_any() => {
                findings.add(format!("{path}.path"), "is missing", "write the vendor's path");
            }
            None => {}
        }
        if self.is_any() && self.poller.is_some() {
            findings.add(format!("{path}.poller"), is_any, "remove it");
        }
    }
}

fn check_next_page(path: &str, next: &NextPage, findings: &mut Findings<'_>) {
    match next {
        NextPage::Url { field } => findings.text(&format!("{path}.url.field"), field),
        NextPage::Link { list, rel } => {
            findings.text(&format!("{path}.link.list"), list);
            findings.text(&format!("{path}.link.rel"), rel);
        }
        NextPage::Cursor {
            field,
            header,
            parameter,
            ..
        } => {
            let path = format!("{path}.cursor");
            findings.text(&format!("{path}.parameter"), parameter);
            if field.is_some() == header.is_some() {
                let message = "needs a field or a header with the token, and not both";
                findings.add(path, message, "write one of them");
            } else if let Some(header) = header {
                findings.header(&format!("{path}.header"), header);
            }
        }
        NextPage::PageNumber { parameter, .. } => {
            findings.text(&format!("{path}.pageNumber.parameter"), parameter);
        }
        NextPage::Offset { parameter, .. } => findings.text(&format!("{path}.offset.parameter"), parameter),
    }
}

fn check_comparisons(path: &str, comparisons: &[Comparison], findings: &mut Findings<'_>) {
    for (index, comparison) in comparisons.iter().enumerate() {
        let path = format!("{path}[{index}]");
        findings.text(&format!("{path}.field"), &comparison.field);
        findings.text(&format!("{path}.parameter"), &comparison.parameter);
        let known = |operator: &&String| {
            let symbol = ["=", "!=", "<", "<=", ">", ">="].contains(&operator.as_str());
            symbol || (!operator.is_empty() && operator.chars().all(|c| c.is_ascii_lowercase()))
        };
        if comparison.operators.is_empty() || !comparison.operators.iter().all(|o| known(&o)) {
            findings.add(
                format!("{path}.operators"),
                "has no operator, or one that no where clause has",
                "write some of =, !=, <, <=, >, >=, or words in lower case such as like",
            );
        }
    }
}
