#include "executor/sandbox/run_in.hpp"

#include <executor/sandbox/sandbox.hpp>
#include <ir/error.hpp>

#include <doctest/doctest.h>

using namespace slipway;

TEST_CASE("a step's exit code and output arrive") {
  const auto runner = sandbox_runner({});
  TestStep step("echo out; echo err >&2; exit 7");
  const Outcome outcome = step.with_busybox().run(*runner);
  CHECK(outcome.exit_code == 7);
  CHECK(outcome.out == "out\n");
  CHECK(outcome.err == "err\n");
}
