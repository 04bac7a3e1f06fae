//! The lease, looked at before everything that is sent.
//!
//! A leader that was frozen for longer than its lease (a stopped process, a paused machine) wakes up in the middle of a
//! poll and would go on with what it read before, although another replica has taken over and told what came since.
//! Checkpoints and tokens are safe, since they are written by compare-and-swap; a receiver is not.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::{Method, Request};
use k8s_controller::LeaderElection;
use kube::Client;
use kube::client::Body;
use tower::service_fn;

use crate::http::{Answer, BoxFuture, HttpError, Limits, Transport};

/// Name of the Lease that the active replica holds.
const NAME: &str = "pollinator";
/// Another replica takes over when the lease was not renewed for this long.
const DURATION: Duration = Duration::from_secs(15);
/// The holder gives up when it could not renew the lease for this long.
const DEADLINE: Duration = Duration::from_secs(10);
/// Pause before the lease is looked at again.
const PAUSE: Duration = Duration::from_millis(200);

/// What one leadership knows of its lease; clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Lease(Arc<Mutex<Option<Moment>>>);

/// An instant on two clocks: the steady one may stand still while a machine is suspended, the other may be set.
#[derive(Clone, Copy, Debug)]
struct Moment {
    steady: Instant,
    wall: SystemTime,
}

impl Moment {
    fn now() -> Self {
        Self {
            steady: Instant::now(),
            wall: SystemTime::now(),
        }
    }

    /// The time until `now` by the clock that saw more of it.
    fn age(self, now: Self) -> Duration {
        let steady = now.steady.saturating_duration_since(self.steady);
        steady.max(now.wall.duration_since(self.wall).unwrap_or_default())
    }
}

impl Lease {
    /// The election for the Lease in `namespace`, which notes here when it is renewed.
    pub(super) fn election(&self, client: Client, namespace: &str, identity: &str) -> LeaderElection {
        let (lease, default_namespace) = (self.clone(), client.default_namespace().to_owned());
        let noting = service_fn(move |request: Request<Body>| {
            let (client, lease) = (client.clone(), lease.clone());
            async move {
                // Others count from when they see the write, which may be long before its answer is here.
                let began = Moment::now();
                let writes = request.method() != Method::GET;
                let response = client.send(request).await?;
                if writes && response.status().is_success() {
                    lease.renewed(began);
                }
                Ok::<_, kube::Error>(response)
            }
        });
        LeaderElection::new(Client::new(noting, default_namespace), namespace, NAME, identity)
            .with_lease_duration(DURATION)
            .with_renew_deadline(DEADLINE)
    }

    /// Sends over `transport`, but only while the lease is held.
    pub(super) fn guarding(&self, transport: Arc<dyn Transport>) -> Arc<dyn Transport> {
        Arc::new(WhileHeld {
            lease: self.clone(),
            transport,
        })
    }

    fn renewed(&self, at: Moment) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
    }

    fn is_held(&self) -> bool {
        let renewed = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        renewed.is_some_and(|at| at.age(Moment::now()) < DEADLINE)
    }

    /// Waits until the lease is surely held; false when that does not come. Work is mostly dropped while it waits here.
    async fn held(&self) -> bool {
        let looks = DURATION.as_millis() / PAUSE.as_millis();
        for _ in 0..looks {
            if self.is_held() {
                return true;
            }
            tokio::time::sleep(PAUSE).await;
        }
        false
    }
}

struct WhileHeld {
    lease: Lease,
    transport: Arc<dyn Transport>,
}

impl Transport for WhileHeld {
    fn send(&self, request: Request<Bytes>, limits: Limits) -> BoxFuture<'_, Result<Answer, HttpError>> {
        Box::pin(async move {
            if !self.lease.held().await {
                return Err(HttpError::Connection {
                    host: request.uri().host().unwrap_or_default().to_owned(),
                    reason: "this replica does not hold the lease any more".to_owned(),
                    unsent: true,
                });
            }
            self.transport.send(request, limits).await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::BodyLimit;

    /// Answers 200 to everything.
    struct Peer;

    impl Transport for Peer {
        fn send(&self, _: Request<Bytes>, _: Limits) -> BoxFuture<'_, Result<Answer, HttpError>> {
            Box::pin(async { Ok(Answer::new(Bytes::new())) })
        }
    }

    async fn send(lease: &Lease) -> Result<Answer, HttpError> {
        let limits = Limits {
            timeout: Duration::from_secs(1),
            body: BodyLimit::Refuse(0),
        };
        let request = Request::get("http://vendor.test/").body(Bytes::new()).unwrap();
        lease.guarding(Arc::new(Peer)).send(request, limits).await
    }

    fn ago(steady: u64, wall: u64) -> Moment {
        let now = Moment::now();
        Moment {
            steady: now.steady.checked_sub(Duration::from_secs(steady)).unwrap(),
            wall: now.wall - Duration::from_secs(wall),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_sent_past_the_deadline_by_either_clock() {
        for (steady, wall, sent) in [
            (0, 0, true),
            (8, 8, true),
            (11, 11, false),
            (11, 0, false),
            (0, 11, false),
        ] {
            let lease = Lease::default();
            lease.renewed(ago(steady, wall));
            assert_eq!(send(&lease).await.is_ok(), sent, "{steady} s, {wall} s");
        }
        let error = send(&Lease::default()).await.unwrap_err();
        assert!(
            matches!(error, HttpError::Connection { unsent: true, .. }),
            "{error:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_goes_out_when_the_lease_is_renewed() {
        let lease = Lease::default();
        lease.renewed(ago(11, 11));
        let renewal = async {
            tokio::time::sleep(Duration::from_secs(2)).await;
            lease.renewed(Moment::now());
        };
        let (answer, ()) = tokio::join!(send(&lease), renewal);
        assert!(answer.is_ok());
    }
}
