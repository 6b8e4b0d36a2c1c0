-- Runs every test of the files below; prints one line a test, and fails if one of them does.
local failures, count = 0, 0

function test(name, body)
  count = count + 1
  local ok, problem = pcall(body)
  print((ok and "ok   " or "FAIL ") .. name .. (ok and "" or ": " .. tostring(problem)))
  if not ok then failures = failures + 1 end
end

for _, file in ipairs { "language.lua", "strings.lua", "tables.lua" } do dofile(file) end

print(string.format("%d tests, %d failed", count, failures))
os.exit(failures == 0)
