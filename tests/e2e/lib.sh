# What the steps are made of; sourced by steps.sh.

titles=() seconds=() current=

step() {
  local began=$SECONDS
  current=$1
  echo "== $1"
  shift
  "$@"
  titles+=("$current") seconds+=($((SECONDS - began)))
  current=
}

say() {
  printf '   %s\n' "$@"
}

fail() {
  echo "e2e: $current: $1" >&2
  exit 1
}

summary() {
  echo
  local i
  for i in "${!titles[@]}"; do
    printf '%5d s  %s\n' "${seconds[$i]}" "${titles[$i]}"
  done
  printf '%5d s  all steps passed\n' "$SECONDS"
}

# Keeps what tells why a step failed.
evidence() {
  local status=$?
  [ -z "${changer:-}" ] || kill "$changer" 2>/dev/null || true
  [ "$status" != 0 ] || return 0
  echo "e2e: FAILED in: $current" >&2
  {
    kubectl get pods,leases,pollinginstances,pollingcheckpoints -A -o wide
    kubectl get events -A --sort-by=.lastTimestamp
    kubectl get pollinginstances,pods -A -o yaml
  } >"$NODE_LOGS/objects.log" 2>&1 || true
  local pod
  for pod in $(kubectl -n "$admin" get pods -o name 2>/dev/null); do
    kubectl -n "$admin" logs --previous "$pod" >"$NODE_LOGS/${pod#pod/}.previous.log" 2>/dev/null || true
    kubectl -n "$admin" logs "$pod" >"$NODE_LOGS/${pod#pod/}.log" 2>&1 || true
  done
  check >"$NODE_LOGS/check.log" 2>&1 || true
  echo "e2e: look at objects.log, check.log and the pods' logs in $NODE_LOGS" >&2
}

# within SECONDS WHAT COMMAND…: waits until the command succeeds.
within() {
  local deadline=$((SECONDS + $1)) limit=$1 what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$deadline" ] || fail "$what: not within $limit s"
    sleep 0.3
  done
}

restricted_namespace() {
  kubectl create namespace "$1" >/dev/null
  kubectl label namespace "$1" pod-security.kubernetes.io/enforce=restricted >/dev/null
  # Without it no pod is taken.
  within 30 "the service account of namespace $1" kubectl -n "$1" get serviceaccount default
}

chart_version() {
  helm list --namespace "$admin" --output json | jq -r '.[0].chart'
}

# Who holds the Lease: a pod's name and a part of its own for each start of its container.
holder() {
  kubectl -n "$admin" get lease pollinator -o 'jsonpath={.spec.holderIdentity}'
}

# The pod that leads; fails if none does.
leader() {
  local holder
  holder=$(holder)
  [ -n "$holder" ] && echo "${holder%%_*}"
}

both_ready() {
  kubectl -n "$admin" rollout status deployment/pollinator --timeout=60s >/dev/null
  within 30 "a leader" leader
}

pod_status() {
  kubectl -n "$admin" get pod "$1" -o "jsonpath={.status.containerStatuses[0].$2}"
}

restarted() {
  [ "$(pod_status "$1" restartCount)" -ge 1 ]
}

# Process id of the operator in a pod.
process_of() {
  local container
  container=$(pod_status "$1" containerID)
  ctr --namespace=k8s.io tasks list 2>/dev/null | awk -v id="${container#containerd://}" '$1 == id { print $2 }'
}

# Folder of the memory cgroup of a pod's operator.
memory_of() {
  echo "/sys/fs/cgroup/memory$(awk -F: '$2 == "memory" { print $3 }' "/proc/$(process_of "$1")/cgroup")"
}

ended_by_the_kernel() {
  [ "$(pod_status "$1" lastState.terminated.reason)" = OOMKilled ] || [ "$(pod_status "$1" state.terminated.reason)" = OOMKilled ]
}

another_leads() {
  local now
  now=$(holder)
  [ -n "$now" ] && [ "$now" != "$1" ]
}

# taken_over HOLDER: another one leads, and delivers.
taken_over() {
  local began=$SECONDS events
  within 60 "another leader than $1" another_leads "$1"
  say "$(leader) leads $((SECONDS - began)) s later"
  events=$(check | jq .events)
  within 30 "events after that" more_events_than "$events"
}

more_events_than() {
  [ "$(check | jq .events)" -gt "$1" ]
}

control() {
  echo "/api/v1/namespaces/$users/services/http:$1:8404/proxy/control"
}

# Commands for the simulator, as sandbox/README.md lists them.
change() {
  kubectl create --raw "$(control simulator)" -f - <<<"$1" >/dev/null
}

# check [FILTER]: the findings of check.jq, of what the receiver took after the filter.
check() {
  local history
  history=$(mktemp)
  kubectl get --raw "$(control simulator)/history" >"$history"
  kubectl get --raw "$(control receiver)/received" |
    jq --slurpfile all "$history" "\$all[0] as \$history | ${1:-.} | $(cat tests/e2e/check.jq)"
  rm -f "$history"
}

everything_arrived() {
  [ "$(check | jq -c .wrong)" = "{}" ]
}

all_arrived() {
  within 90 "everything at the receiver, which check.log has" everything_arrived
  say "$(check | jq -r '"\(.objects) objects in \(.versions) versions, \(.events) events, \(.repeats) repeats: nothing lost"')"
}

changer= round=0
# From now on objects are made and edited, each once, until changes_end.
changes_begin() {
  local events
  round=$((round + 1))
  changes "$round" &
  changer=$!
  events=$(check | jq .events)
  within 30 "events of the changes" more_events_than "$events"
}

changes() {
  local number=0
  while :; do
    number=$((number + 1))
    local edit=
    [ "$number" -le 8 ] || edit=", {\"command\": \"edit\", \"id\": \"R$1-$((number - 8))\"}"
    change "[{\"command\": \"create\", \"id\": \"R$1-$number\"}$edit]"
    sleep 0.3
  done
}

changes_end() {
  kill "$changer" || fail "the changes at the source ended by themselves"
  wait "$changer" 2>/dev/null || true
  changer=
  all_arrived
}

# Names of all objects with a label, in all namespaces.
labelled() {
  local kind
  kubectl api-resources --verbs=list -o name | sort -u | while read -r kind; do
    kubectl get "$kind" --all-namespaces --selector="$1" --ignore-not-found -o name 2>/dev/null
  done
}

# What belongs to users and must outlive the operator.
users_objects() {
  kubectl -n "$users" get pollinginstances,pollingcheckpoints,secrets -o name | sort | xargs
}
