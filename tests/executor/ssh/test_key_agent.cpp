// An ssh-agent with keys from files.
#include "agent_talk.hpp"

#include <executor/ssh/key_agent.hpp>

#include <cache/temporary_folder.hpp>
#include <ir/error.hpp>

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <set>
#include <string>

using namespace slipway;
namespace fs = std::filesystem;

namespace {

bool has_openssh() {
  for (const char* program : {"ssh-agent", "ssh-add", "ssh-keygen"}) {
    if (find_program(program)) continue;
    MESSAGE("skipped: there is no " << program);
    return false;
  }
  return true;
}

fs::path make_key(const TemporaryFolder& folder, const std::string& name,
                  const std::string& passphrase = "") {
  const fs::path key = folder / name;
  const std::string command = "ssh-keygen -q -t ed25519 -C '" + name + "' -N '" + passphrase +
                              "' -f '" + key.string() + "'";
  REQUIRE(std::system(command.c_str()) == 0);
  return key;
}

std::set<fs::path> socket_folders() {
  std::set<fs::path> found;
  for (const auto& entry : fs::directory_iterator("/tmp"))
    if (entry.path().filename().string().starts_with("slipway-ssh-")) found.insert(entry.path());
  return found;
}

}  // namespace

TEST_CASE("keys from files are in an agent that has no name and ends with its owner") {
  if (!has_openssh()) return;
  TemporaryFolder folder;
  const auto folders = socket_folders();
  const fs::path one = make_key(folder, "first-key");
  const fs::path two = make_key(folder, "second-key");
  // As docker, which does not mind; ssh-add itself would.
  REQUIRE(::chmod(one.c_str(), 0644) == 0);
  std::optional<AgentClient> client;
  {
    const KeyAgent agent({one, two});
    CHECK(socket_folders() == folders);
    client.emplace(agent.socket());
    const std::optional<std::string> keys = client->ask("\x0b");
    REQUIRE(keys);
    CHECK(keys->starts_with(std::string("\x0c\x00\x00\x00\x02", 5)));
    CHECK(keys->find("ssh-ed25519") != std::string::npos);
  }
  CHECK_FALSE(client->ask("\x0b"));
}

TEST_CASE("a file without a key, or with one that needs a passphrase, is an error that names it") {
  if (!has_openssh()) return;
  TemporaryFolder folder;
  const auto folders = socket_folders();
  const fs::path closed = make_key(folder, "closed", "open sesame");
  const fs::path empty = folder / "empty";
  folder.write("empty", "");
  for (const fs::path& file : {closed, empty}) {
    try {
      const KeyAgent agent({file});
      FAIL("this was taken for a key");
    } catch (const Error& error) {
      CHECK(std::string(error.what()).find(file.filename().string()) != std::string::npos);
    }
  }
  CHECK_THROWS_AS(KeyAgent({folder / "nowhere"}), Error);
  CHECK(socket_folders() == folders);
}
