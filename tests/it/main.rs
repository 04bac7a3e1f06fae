//! Tests of the operator against a Kubernetes API server, a vendor and receivers of events.

mod fake_api;
