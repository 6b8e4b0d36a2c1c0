test("sort orders by the given comparison", function()
  local words = { "stage", "layer", "config", "manifest" }
  table.sort(words, function(a, b) return #a < #b or (#a == #b and a < b) end)
  assert(table.concat(words, " ") == "layer stage config manifest")
end)

test("__index inherits and rawget does not", function()
  local base = { colour = "red" }
  local object = setmetatable({}, { __index = base })
  assert(object.colour == "red" and rawget(object, "colour") == nil)
end)

test("a sieve finds the primes below 1000", function()
  local composite, count = {}, 0
  for n = 2, 999 do
    if not composite[n] then
      count = count + 1
      for m = n * n, 999, n do composite[m] = true end
    end
  end
  assert(count == 168)
end)

test("move, unpack and select agree", function()
  local moved = table.move({ 1, 2, 3 }, 1, 3, 2, { 0 })
  assert(select("#", table.unpack(moved)) == 4 and moved[4] == 3)
end)
