// A container from its start to its end.
#include "started.hpp"

using namespace slipway;

TEST_CASE("a program runs, prints, and ends with its status") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  const Container container = containers.shell("echo out; echo err >&2; exit 7");
  const Seen seen = containers.run(container);
  CHECK(seen.out == "out\n");
  CHECK(seen.err == "err\n");
  CHECK(seen.exit_code == 7);
  const ContainerState state = containers.state(container);
  CHECK(state.status == ContainerStatus::exited);
  CHECK(state.exit_code == 7);
  CHECK(state.started > 0);
  CHECK(state.finished >= state.started);
  CHECK(state.process == ProcessId());
  CHECK(containers.log(container) == "out\nerr\n");
}
