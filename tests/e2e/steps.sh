#!/usr/bin/env bash
# The steps of `make e2e`, on the node: tests/e2e/run.sh starts it there with $VERSION, $CHART, $PREVIOUS and $NODE_LOGS.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tests/e2e/lib.sh

admin=pollinator-system
users=finance

install() {
  installed=$SECONDS
  restricted_namespace "$admin"
  helm install pollinator "$PREVIOUS" --namespace "$admin" --set image.pullPolicy=Never --wait --timeout=120s >/dev/null
  [ "$(kubectl -n "$admin" get deployment pollinator -o 'jsonpath={.status.readyReplicas}')" = 2 ] || fail "not both pods are ready"
  both_ready
  say "chart $(chart_version), 2 of 2 pods ready; $(leader) leads"
}

examples() {
  restricted_namespace "$users"
  sed "s/VERSION/$VERSION/" tests/e2e/sandbox.yaml | kubectl -n "$users" apply -f - >/dev/null
  kubectl -n "$users" wait --for=condition=Ready pod/simulator pod/receiver --timeout=60s >/dev/null
  # These are for vendors that cannot be reached from here.
  kubectl -n "$users" apply --dry-run=server -f examples/concur -f examples/hub >/dev/null
  for file in examples/sandbox/*.yaml; do
    sed -e 's/127\.0\.0\.1:\(840[12]\)/simulator.finance.svc.cluster.local:\1/' \
      -e 's/127\.0\.0\.1:8403/receiver.finance.svc.cluster.local:8403/' "$file" | kubectl -n "$users" apply -f - >/dev/null
  done
  kubectl -n "$users" wait --for=condition=Ready pollinginstance/concur-sandbox --timeout=60s >/dev/null
  say "$(kubectl -n "$users" get pollinginstances --no-headers | tr -s ' ')"
}

events() {
  change '[{"command": "create", "id": "FIRST"}]'
  within 30 "the first event" everything_arrived
  say "the first one $((SECONDS - installed)) s after \`helm install\` began"
  change '[{"command": "edit", "id": "FIRST"}]'
  all_arrived
}

# What was received, spoiled in every way that the check is for.
check_itself() {
  local rule filter
  while IFS='|' read -r rule filter; do
    [ "$(check "$filter" | jq --arg rule "$rule" '.wrong | has($rule)')" = true ] || fail "the check does not see: $rule"
  done <<'END'
the newest version did not come|.[:-1]
came under two ids|. + (.[-1:] | map(.eventIds |= map("another " + .)))
one id for two events|. + (.[-1:] | map(.body.message.events[].objectId = "another"))
the first event is not CREATED|map(.body.message.events[].eventType = "UPDATED")
not signed well|map(.signature = "invalid")
END
  say "a loss, a changed id, a shared id, a missing CREATED and a wrong signature would be found"
}

leader_deleted() {
  local old
  both_ready
  old=$(holder)
  changes_begin
  kubectl -n "$admin" delete pod "${old%%_*}" --wait=false "$@" >/dev/null 2>&1
  taken_over "$old"
  changes_end
}

leader_killed() {
  local old pod
  both_ready
  old=$(holder) pod=$(leader)
  changes_begin
  kill -9 "$(process_of "$pod")"
  taken_over "$old"
  changes_end
  within 60 "a restart of $pod" restarted "$pod"
}

out_of_memory() {
  local old pod memory
  both_ready
  old=$(holder) pod=$(leader)
  memory=$(memory_of "$pod")
  changes_begin
  # What it has and a little more, as if its limit had been chosen too low; the next large poll is more than that.
  echo $(($(cat "$memory/memory.usage_in_bytes") + 262144)) >"$memory/memory.limit_in_bytes"
  change "$(jq -nc '[range(2000) | {command: "create", id: "BULK-\(.)"}]')"
  within 60 "an end of $pod by the kernel" ended_by_the_kernel "$pod"
  taken_over "$old"
  changes_end
  within 60 "a restart of $pod" restarted "$pod"
  say "the kernel ended $pod ($(pod_status "$pod" lastState.terminated.reason)), and the kubelet started it again"
}

upgrade() {
  local instance=pollinginstance/concur-sandbox patch='{"spec": {"delivery": {"maxEvents": 5}}}'
  # kubectl refuses what the schema does not have.
  if kubectl -n "$users" patch "$instance" --type=merge -p "$patch" 2>"$NODE_LOGS/patch.log" >/dev/null &&
    ! grep -q 'unknown field' "$NODE_LOGS/patch.log"; then
    fail "the previous chart's schema knows spec.delivery.maxEvents already"
  fi
  [ -z "$(kubectl -n "$users" get "$instance" -o 'jsonpath={.spec.delivery.maxEvents}')" ] || fail "an unknown field was stored"
  changes_begin
  local before
  before=$(chart_version)
  helm upgrade pollinator "$CHART" --namespace "$admin" --set image.pullPolicy=Never --wait --timeout=180s >/dev/null
  changes_end
  kubectl -n "$users" patch "$instance" --type=merge -p "$patch" >/dev/null
  [ "$(kubectl -n "$users" get "$instance" -o 'jsonpath={.spec.delivery.maxEvents}')" = 5 ] || fail "the new field was not stored"
  kubectl -n "$users" wait --for=condition=Ready "$instance" --timeout=60s >/dev/null
  say "chart $before to $(chart_version); the new field of the schema is accepted"
}

uninstall() {
  local before after
  before=$(users_objects)
  helm uninstall pollinator --namespace "$admin" --wait --timeout=120s >/dev/null
  kubectl -n "$admin" wait --for=delete pod --all --timeout=90s >/dev/null
  after=$(users_objects)
  [ "$before" = "$after" ] || fail "the users' objects were $before, and now are $after"
  local left
  left=$(labelled app.kubernetes.io/instance=pollinator)
  [ "$(grep -c '^customresourcedefinition' <<<"$left")" = 2 ] && [ "$(wc -l <<<"$left")" = 2 ] ||
    fail "not just the two CustomResourceDefinitions are left: $left"
  say "left: 2 CRDs and $(wc -w <<<"$after") objects of users: $after"
}

reinstall() {
  change '[{"command": "create", "id": "MEANWHILE"}]'
  local before
  before=$(check | jq .repeats)
  helm install pollinator "$CHART" --namespace "$admin" --set image.pullPolicy=Never --wait --timeout=120s >/dev/null
  all_arrived
  [ "$(check | jq .repeats)" = "$before" ] || fail "events were repeated after the installation"
  say "polling went on where it had stopped, with no event repeated"
}

trap evidence EXIT
step "helm install --wait, previous chart, 2 replicas, restricted namespace" install
step "examples applied; simulator and receiver as pods" examples
step "events delivered" events
step "the check finds what is wrong" check_itself
step "leader deleted" leader_deleted
step "leader deleted by force" leader_deleted --force --grace-period=0
step "leader killed with -9" leader_killed
step "leader out of memory" out_of_memory
step "helm upgrade --wait with a change of a CRD" upgrade
step "helm uninstall" uninstall
step "installed again" reinstall
summary
