test("patterns capture", function()
  local key, value = ("FROM = scratch"):match("^(%w+)%s*=%s*(%w+)$")
  assert(key == "FROM" and value == "scratch")
end)

test("gsub replaces through a table", function()
  assert(("$a-$b-$c"):gsub("%$(%w)", { a = 1, b = 2 }) == "1-2-$c")
end)

test("pack and unpack are inverse", function()
  local packed = string.pack("<i4 z s2", -7, "name", "payload")
  local number, name, payload = string.unpack("<i4 z s2", packed)
  assert(number == -7 and name == "name" and payload == "payload")
end)

test("utf8 counts characters, not bytes", function()
  assert(utf8.len("grüße") == 5 and #"grüße" == 7)
end)

test("load compiles and reports where it cannot", function()
  assert(load("return 6 * 7")() == 42)
  local chunk, problem = load("return +", "=chunk")
  assert(chunk == nil and problem:find("^chunk:1:"))
end)
