-- Requests for the peer: an entity by chance, and five values.
math.randomseed(os.time())
request = function()
  local body = string.format('{"entity": %d, "values": [0.1, 0.2, 0.3, 0.4, 0.5]}', math.random(0, 99999))
  return wrk.format("POST", nil, { ["Content-Type"] = "application/json" }, body)
end
