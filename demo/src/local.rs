//! The tale without a cluster: `pollinator poll` and a folder for its state.

use std::process::{Command, Stdio};

use pollinator_testbed::Folder;

use crate::Programs;
use crate::chapters;
use crate::error::Error;
use crate::page_shift::page_shift;
use crate::sandbox::{Addresses, Credentials, Sandbox, Settings};
use crate::stage::{Poller, Stage};
use crate::story::Story;

const MANIFEST: &str = include_str!("../instance.yaml");
const OLD: usize = 30;
const RECENT: usize = 12;

pub(crate) async fn tell(programs: &Programs, story: Story) -> Result<(), Error> {
    let folder = Folder::temporary("pollinator-demo")?;
    let credentials = Credentials {
        client_id: "demo-client".to_owned(),
        client_secret: "demo-secret".to_owned(),
        refresh_token: "demo-refresh-token".to_owned(),
        signature_key: "demo-signature-key".to_owned(),
    };
    let settings = Settings {
        ports: [0; 4],
        credentials: credentials.clone(),
    };
    let sandbox = Sandbox::start(&programs.sandbox, &settings, &folder).await?;
    let addresses = sandbox.control.addresses.clone();
    story.tell(&format!(
        "a Concur simulator listens at {}, a callback at {}/callback",
        addresses.api, addresses.receiver
    ));
    let manifest = folder.path().join("instance.yaml");
    std::fs::write(&manifest, fill_in(&addresses, &credentials)).map_err(Error::io("write", &manifest))?;

    let poller = Poller {
        program: programs.pollinator.clone(),
        arguments: ["poll", "-f", "instance.yaml", "--state-dir", "state"]
            .map(str::to_owned)
            .into(),
        environment: Vec::new(),
    };
    let mut stage = Stage::new(story, folder, sandbox, credentials.signature_key.clone(), poller);
    stage.seed(OLD, RECENT).await?;
    story.command(&stage.poller().command_line());
    stage.start()?;

    chapters::token(&mut stage, &credentials).await?;
    chapters::first_poll(&mut stage).await?;
    chapters::created(&mut stage).await?;
    verify(programs, &mut stage).await?;
    chapters::edited(&mut stage).await?;
    // Three were created, and the edit brought an old one back into the listing.
    page_shift(&mut stage, RECENT + 4).await?;
    chapters::callback_down(&mut stage).await?;
    chapters::killed(&mut stage, "with what it had saved in state/").await?;
    chapters::balance(&mut stage).await?;
    drop(stage);
    story.plain("try next: `make demo-kubernetes`, `pollinator validate -f examples/concur/`, README.md");
    Ok(())
}

fn fill_in(addresses: &Addresses, credentials: &Credentials) -> String {
    [
        ("@TOKEN_URL@", format!("{}/oauth2/v0/token", addresses.token)),
        ("@BASE_URL@", addresses.api.clone()),
        ("@CALLBACK_URL@", format!("{}/callback", addresses.receiver)),
        ("@CLIENT_ID@", credentials.client_id.clone()),
        ("@CLIENT_SECRET@", credentials.client_secret.clone()),
        ("@REFRESH_TOKEN@", credentials.refresh_token.clone()),
        ("@SIGNATURE_KEY@", credentials.signature_key.clone()),
    ]
    .into_iter()
    .fold(MANIFEST.to_owned(), |text, (name, value)| {
        text.replace(name, &value)
    })
}

/// Checks the first notification with `pollinator verify`, as somebody without code of his own would.
async fn verify(programs: &Programs, stage: &mut Stage) -> Result<(), Error> {
    use std::io::Write as _;
    let received = stage.control().received().await?;
    let Some(first) = received.first() else {
        return Err(Error::Check("no notification to verify".to_owned()));
    };
    stage.story.command(&format!(
        "pollinator verify --signature '{}' < body.json",
        first.signature_header()
    ));
    let failed = || Error::io("run", &programs.pollinator);
    let mut child = Command::new(&programs.pollinator)
        .args(["verify", "--signature", first.signature_header()])
        .env("POLLINATOR_KEY", &stage.signature_key)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed())?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(first.body().as_bytes()).map_err(failed())?;
    }
    let output = child.wait_with_output().map_err(failed())?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    stage.story.output(&said);
    if output.status.success() {
        Ok(())
    } else {
        Err(Error::Check(format!(
            "`pollinator verify` refused a notification: {said}"
        )))
    }
}
