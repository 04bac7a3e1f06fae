# Holds what the receiver took, `GET /control/received`, against what was at the source, $history: `GET /control/history`.
# All objects of the source must be younger than the instance.
[
  .[] | select(.accepted) | .eventIds as $ids | .body.message as $message
  | ($message.raw.reports | map({(.ID): .LastModifiedDate}) | add) as $dates
  | $message.events | to_entries[] | .key as $place | .value
  | {id: $ids[$place], object: .objectId, type: .eventType, version: "\(.objectId) of \($dates[.objectId])"}
] as $events
| (reduce $events[] as $event ({}; .[$event.version] = true)) as $seen
| ($history.reports // []) as $objects
| {
    objects: ($objects | length),
    versions: ($objects | map(.versions | length) | add // 0),
    events: ($events | length),
    repeats: (($events | length) - ($events | map(.id) | unique | length)),
    wrong: {
      "the newest version did not come":
        [$objects[] | "\(.id) of \(.versions[-1].record.LastModifiedDate)" | select($seen[.] | not)],
      "came under two ids":
        [$events | group_by([.version, .type])[] | select(map(.id) | unique | length > 1) | .[0].version],
      "one id for two events":
        [$events | group_by(.id)[] | select(map([.object, .type]) | unique | length > 1) | .[0].id],
      "the first event is not CREATED":
        [$events | group_by(.object)[] | select(.[0].type != "CREATED") | .[0].object],
      "not signed well":
        [.[] | select(.accepted and ([.signature, .standardSignature] != ["valid", "valid"])) | .webhookId]
    } | map_values(select(. != []))
  }
