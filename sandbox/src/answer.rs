//! Answers before they become HTTP responses, so that faults can bend them.

use std::convert::Infallible;
use std::io;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use bytes::Bytes;
use futures::{StreamExt, stream};
use serde_json::{Value, json};

/// Marks, in a response's extensions, that the connection is to be closed without any answer.
///
/// Served over TCP the client sees no byte. A router called in process cannot do that: it answers 502
/// with this mark and a body that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionDropped;

pub(crate) enum Content {
    Full(Bytes),
    /// Less than the declared length, then an error.
    Broken(Bytes, usize),
    /// A valid empty listing of that many bytes, between its head and tail.
    Huge(u64, String, &'static str),
    Dropped,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) content: Content,
}

impl Answer {
    pub(crate) fn empty(status: StatusCode) -> Answer {
        Answer {
            status,
            headers: HeaderMap::new(),
            content: Content::Full(Bytes::new()),
        }
    }

    pub(crate) fn text(status: StatusCode, content_type: &str, body: impl Into<Bytes>) -> Answer {
        let mut answer = Answer::empty(status);
        answer.content = Content::Full(body.into());
        answer.header(header::CONTENT_TYPE, content_type);
        answer
    }

    pub(crate) fn json(status: StatusCode, body: &Value) -> Answer {
        Answer::text(status, "application/json;charset=UTF-8", body.to_string())
    }

    /// The bare v3 shape `{"Message": …}`.
    pub(crate) fn message(status: StatusCode, message: &str) -> Answer {
        Answer::json(status, &json!({ "Message": message }))
    }

    pub(crate) fn dropped() -> Answer {
        let mut answer = Answer::empty(StatusCode::BAD_GATEWAY);
        answer.content = Content::Dropped;
        answer
    }

    /// Sets a header; a value that HTTP cannot carry is left out (commands were checked before).
    pub(crate) fn header(&mut self, name: HeaderName, value: &str) {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
    }

    pub(crate) fn json_body(&self) -> Option<Value> {
        match &self.content {
            Content::Full(bytes) => serde_json::from_slice(bytes).ok(),
            _ => None,
        }
    }

    pub(crate) fn set_json_body(&mut self, body: &Value) {
        self.content = Content::Full(body.to_string().into());
    }

    /// The status as the other side sees it; 0 if it sees none.
    pub(crate) fn seen_status(&self) -> u16 {
        if matches!(self.content, Content::Dropped) {
            0
        } else {
            self.status.as_u16()
        }
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        let dropped = matches!(self.content, Content::Dropped);
        let (body, length) = match self.content {
            Content::Full(bytes) => {
                let length = bytes.len();
                (Body::from(bytes), Some(length))
            }
            Content::Broken(part, declared) => (breaking(part), Some(declared)),
            Content::Huge(bytes, head, tail) => (blown_up(bytes, head, tail), None),
            Content::Dropped => (breaking(Bytes::new()), None),
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        if let Some(length) = length {
            response
                .headers_mut()
                .insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        if dropped {
            response.extensions_mut().insert(ConnectionDropped);
        }
        response
    }
}

fn breaking(part: Bytes) -> Body {
    let first = stream::once(async move { Ok(part) }).filter(|part| {
        let keep = part.as_ref().is_ok_and(|bytes: &Bytes| !bytes.is_empty());
        async move { keep }
    });
    let error = stream::once(async {
        // Lets hyper flush the head and the part first.
        tokio::task::yield_now().await;
        Err(io::Error::new(
            io::ErrorKind::ConnectionReset,
            "the sandbox broke the connection on command",
        ))
    });
    Body::from_stream(first.chain(error))
}

static BLANKS: [u8; 65_536] = [b' '; 65_536];

fn blown_up(bytes: u64, head: String, tail: &'static str) -> Body {
    let frame = (head.len() + tail.len()) as u64;
    let filling = stream::unfold(bytes.saturating_sub(frame), |left| async move {
        if left == 0 {
            return None;
        }
        let size = usize::try_from(left).unwrap_or(usize::MAX).min(BLANKS.len());
        Some((Bytes::from_static(&BLANKS).slice(..size), left - size as u64))
    });
    let whole = stream::iter([Bytes::from(head)])
        .chain(filling)
        .chain(stream::iter([Bytes::from_static(tail.as_bytes())]));
    Body::from_stream(whole.map(Ok::<_, Infallible>))
}
