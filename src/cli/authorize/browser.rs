//! Waits for a user to allow the access: the browser's redirect, or its address pasted into the terminal.

use std::io::{BufRead as _, Read as _};
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::listener::{Arrival, Listener, Page, Plan};
use crate::cli::Failed;
use crate::config::OAuthApp;
use crate::element::{Authorization, AuthorizeError, Landing, OAuth2};

/// Longest line that is read; no address of a browser is longer.
const LONGEST_LINE: u64 = 1 << 16;

/// How a user is asked.
pub(super) struct Question<'a> {
    pub(super) element: &'a str,
    pub(super) oauth: &'a OAuth2,
    pub(super) app: &'a OAuthApp,
    pub(super) scopes: &'a [String],
    pub(super) plan: &'a Plan,
    pub(super) timeout: Duration,
}

impl Question<'_> {
    /// Prints the URL and waits; gives what the browser landed on and the redirect URI that was used.
    pub(super) async fn ask(self) -> Result<(Landing, String), Failed> {
        let listener = Listener::bind(self.plan).await?;
        let redirect_uri = listener.redirect_uri.clone();
        // Two of them are 244 random bits.
        let state = [(); 2].map(|()| uuid::Uuid::new_v4().simple().to_string());
        let state = SecretString::from(state.concat());
        let authorization = Authorization::new(
            self.element,
            self.oauth,
            self.app,
            &redirect_uri,
            self.scopes,
            state,
        )
        .map_err(Failed::new)?;
        let listening = listener.is_open();
        say(&authorization, &redirect_uri, listening, self.plan);

        let (sender, arrivals) = mpsc::channel(1);
        let until = CancellationToken::new();
        let servers = listener.serve(sender, &until);
        let waiting = wait(&authorization, arrivals, listening, lines());
        let landing = tokio::time::timeout(self.timeout, waiting).await;
        until.cancel();
        servers.end().await;
        match landing {
            Ok(landing) => Ok((landing?, redirect_uri)),
            Err(_) => Err(Failed(format!(
                "nobody allowed the access within {} s; run it again, with a longer --timeout if need be",
                self.timeout.as_secs_f64()
            ))),
        }
    }
}

fn say(authorization: &Authorization, redirect_uri: &str, listening: bool, plan: &Plan) {
    eprintln!(
        "open this URL in a browser and allow the access:\n\n  {}\n",
        authorization.url()
    );
    if listening {
        if plan.addresses.iter().any(|address| !address.ip().is_loopback()) {
            eprintln!("note: the address listened at can be reached from other machines");
        }
        eprintln!(
            "waiting for the redirect to {redirect_uri}; or paste here the address on which the browser lands"
        );
    } else {
        eprintln!(
            "the browser then lands on {redirect_uri}, whatever is shown there: paste its whole address here and press \
             Enter"
        );
    }
}

/// Whichever comes first: a redirect or a pasted address that answers the question.
async fn wait(
    authorization: &Authorization,
    mut arrivals: mpsc::Receiver<Arrival>,
    listening: bool,
    mut lines: mpsc::Receiver<String>,
) -> Result<Landing, Failed> {
    let mut pasting = true;
    loop {
        let result = tokio::select! {
            Some(Arrival { query, reply }) = arrivals.recv(), if listening => {
                let result = authorization.read(&query);
                let page = match &result {
                    Ok(_) => Page::Received,
                    Err(AuthorizeError::Denied { .. }) => Page::Refused,
                    Err(_) => Page::NotOurs,
                };
                // The browser may have gone.
                let _ = reply.send(page);
                result.map_err(|error| (error, "a redirect"))
            }
            line = lines.recv(), if pasting => match line {
                Some(line) if line.trim().is_empty() => continue,
                Some(line) => authorization.read(&line).map_err(|error| (error, "what was pasted")),
                None if listening => {
                    pasting = false;
                    continue;
                }
                None => {
                    return Err(Failed(
                        "standard input has ended, and nothing listens for the redirect; run it in a terminal, or \
                         register a redirect URI on this machine and listen with --listen"
                            .to_owned(),
                    ));
                }
            },
        };
        match result {
            Ok(landing) => return Ok(landing),
            Err((error, _)) if error.is_final() => return Err(Failed::new(error)),
            Err((error, what)) => eprintln!("{what} is not used: {error}; still waiting"),
        }
    }
}

/// Lines of standard input, read by a thread that does not hold up the end of the process.
fn lines() -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel(1);
    std::thread::spawn(move || {
        let mut input = std::io::stdin().lock();
        let mut line = Vec::new();
        while let Ok(1..) = (&mut input).take(LONGEST_LINE).read_until(b'\n', &mut line) {
            let text = String::from_utf8_lossy(&line).into_owned();
            if sender.blocking_send(text).is_err() {
                return;
            }
            line.clear();
        }
    });
    lines
}
