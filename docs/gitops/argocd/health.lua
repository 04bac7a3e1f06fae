-- Health of a PollingInstance. What may still mend itself before the first poll is Progressing; what only a human can
-- mend, or has failed for failureThreshold polls, is Degraded.
local health = { status = "Progressing", message = "Waiting for the operator" }
local status = obj.status
if status == nil or status.observedGeneration ~= obj.metadata.generation then
  return health
end
for _, condition in ipairs(status.conditions or {}) do
  if condition.type == "Ready" then
    health.message = condition.message
    if condition.status == "False" and condition.reason ~= "SecretNotReady" then
      health.status = "Degraded"
    elseif condition.status == "True" then
      local paused = condition.reason == "Suspended" or condition.reason == "Disabled"
      health.status = paused and "Suspended" or "Healthy"
    end
  end
end
return health
