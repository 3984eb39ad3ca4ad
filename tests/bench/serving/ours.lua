-- Requests for `mlsysc serve`: an entity by chance, and five values.
math.randomseed(os.time())
request = function()
  local body = string.format('{"entity":%d,"v1":0.1,"v2":0.2,"v3":0.3,"v4":0.4,"v5":0.5}', math.random(0, 99999))
  return wrk.format("POST", nil, { ["Content-Type"] = "application/json" }, body)
end
