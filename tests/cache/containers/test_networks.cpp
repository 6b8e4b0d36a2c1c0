#include "../temporary_folder.hpp"

#include <cache/containers/networks.hpp>
#include <cache/database.hpp>
#include <cache/state_directory.hpp>
#include <ir/error.hpp>

#include <doctest/doctest.h>

#include <filesystem>
#include <set>
#include <string>
#include <thread>
#include <vector>

using namespace slipway;

namespace {

struct TestNetworks {
  explicit TestNetworks(const std::filesystem::path& root)
      : state(root), database(state.root() / "slipway.db"), networks(state, database) {}
  StateDirectory state;
  Database database;
  NetworkStore networks;
};

}  // namespace

TEST_CASE("what a new network chooses by the others, no other chooses at the same time") {
  TemporaryFolder folder;
  TestNetworks test(folder / "state");
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&folder, i] {
      TestNetworks own(folder / "state");
      for (int number = 0; number < 5; ++number) {
        Network network;
        network.name = "n" + std::to_string(i) + "-" + std::to_string(number);
        own.networks.create(network, [](Network& made, const std::vector<Network>& others) {
          made.subnet = std::to_string(others.size());
        });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::string> subnets;
  for (const Network& network : test.networks.list()) subnets.insert(network.subnet);
  CHECK(subnets.size() == 20);
}

TEST_CASE("a network whose choice fails is not made") {
  TemporaryFolder folder;
  TestNetworks test(folder / "state");
  Network network;
  network.name = "back";
  CHECK_THROWS_AS(
      test.networks.create(
          network, [](Network&, const std::vector<Network>&) { throw Error("no range is free"); }),
      Error);
  CHECK(test.networks.list().empty());
  CHECK(test.networks.create(network).name == "back");
}
