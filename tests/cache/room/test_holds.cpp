#include "../child_process.hpp"
#include "../temporary_folder.hpp"

#include <cache/room/holds.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <thread>

using namespace slipway;

namespace {

const Digest layer = sha256("a layer");
const Digest other = sha256("another layer");

}  // namespace

TEST_CASE("what a process holds cannot be removed by another, until it has ended") {
  const TemporaryFolder folder;
  const auto file = folder / "holds";
  ChildProcess process([&](const ChildProcess& child) {
    Holds holds(file);
    holds.hold(layer);
    child.ready();
    ::pause();
    return true;
  });
  process.wait_until_ready();
  CHECK_FALSE(Removal::attempt(file, layer));
  CHECK(Removal::attempt(file, other));
  process.kill();
  CHECK(Removal::attempt(file, layer));
}

TEST_CASE("two may hold the same, and one store of a process is not another") {
  const TemporaryFolder folder;
  const auto file = folder / "holds";
  Holds one(file);
  Holds two(file);
  one.hold(layer);
  two.hold(layer);
  two.hold(layer);
  one.release();
  CHECK_FALSE(Removal::attempt(file, layer));
  two.release();
  CHECK(Removal::attempt(file, layer));
  // After a release it is like new.
  one.hold(layer);
  CHECK_FALSE(Removal::attempt(file, layer));
}

TEST_CASE("who asks while it is removed waits until that has ended") {
  const TemporaryFolder folder;
  const auto file = folder / "holds";
  std::optional<Removal> removal = Removal::attempt(file, layer);
  REQUIRE(removal);
  CHECK_FALSE(Removal::attempt(file, layer));
  // A thread, since a fork would have a copy of what is locked here.
  std::atomic<bool> held = false;
  std::thread asking([&] {
    Holds holds(file);
    holds.hold(other);
    holds.hold(layer);
    held = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(60));
  CHECK_FALSE(held);
  removal.reset();
  asking.join();
  CHECK(held);
}

TEST_CASE("a removal that is killed leaves nothing locked") {
  const TemporaryFolder folder;
  const auto file = folder / "holds";
  ChildProcess process([&](const ChildProcess& child) {
    const auto removal = Removal::attempt(file, layer);
    child.ready();
    ::pause();
    return removal.has_value();
  });
  process.wait_until_ready();
  CHECK_FALSE(Removal::attempt(file, layer));
  process.kill();
  Holds holds(file);
  holds.hold(layer);
  CHECK_FALSE(Removal::attempt(file, layer));
}
