test("integers wrap, floats do not", function()
  assert(math.maxinteger + 1 == math.mininteger)
  assert(2 ^ 63 == 9223372036854775808.0)
  assert(7 // 2 == 3 and -7 // 2 == -4 and -7 % 3 == 2)
end)

test("closures share their upvalue", function()
  local function counter()
    local n = 0
    return function() n = n + 1; return n end, function() return n end
  end
  local next, peek = counter()
  next(); next()
  assert(peek() == 2)
end)

test("a to-be-closed variable is closed when an error passes", function()
  local closed = false
  local ok = pcall(function()
    local _ <close> = setmetatable({}, { __close = function() closed = true end })
    error("out")
  end)
  assert(not ok and closed)
end)

test("a coroutine yields and takes values", function()
  local co = coroutine.wrap(function(a)
    local b = coroutine.yield(a * 2)
    return a + b
  end)
  assert(co(10) == 20)
  assert(co(5) == 15)
end)

test("goto leaves nested loops", function()
  local steps = 0
  for i = 1, 10 do
    for j = 1, 10 do
      steps = steps + 1
      if i * j == 12 then goto done end
    end
  end
  ::done::
  assert(steps == 16)
end)

test("the garbage collector clears weak tables", function()
  local weak = setmetatable({}, { __mode = "v" })
  weak[1] = {}
  collectgarbage()
  assert(weak[1] == nil)
end)
