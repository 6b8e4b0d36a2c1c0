#include "temporary_folder.hpp"

#include <cache/secret_key.hpp>
#include <ir/error.hpp>

#include <doctest/doctest.h>

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <thread>
#include <vector>

using namespace slipway;
namespace fs = std::filesystem;

namespace {

std::string bytes_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace

TEST_CASE("a store's key is made once, for its owner only, and tells values and names apart") {
  TemporaryFolder folder;
  StateDirectory state(folder / "store");
  const Digest first = SecretKey(state).digest("token", "value");
  CHECK(SecretKey(state).digest("token", "value") == first);
  CHECK(SecretKey(state).digest("token", "other") != first);
  CHECK(SecretKey(state).digest("other", "value") != first);
  CHECK(SecretKey(state).digest("tokenv", "alue") != first);
  CHECK(first != sha256("value"));

  struct stat status {};
  REQUIRE(::stat((folder / "store/secret.key").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);
  CHECK(status.st_size == 32);

  StateDirectory other(folder / "other");
  CHECK(SecretKey(other).digest("token", "value") != first);
}

TEST_CASE("of many who ask for a key at once, all have the same") {
  TemporaryFolder folder;
  StateDirectory state(folder / "store");
  constexpr std::size_t count = 16;
  std::vector<Digest> digests(count);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < count; ++i)
    threads.emplace_back([&, i] { digests[i] = SecretKey(state).digest("x", "y"); });
  for (std::thread& thread : threads) thread.join();
  CHECK(std::set<Digest>(digests.begin(), digests.end()).size() == 1);
  CHECK(fs::is_empty(state.fresh_work_path().parent_path()));
}

TEST_CASE("a key that others may have read, or that is none, is refused") {
  TemporaryFolder folder;
  StateDirectory state(folder / "store");
  SecretKey(state).digest("x", "y");
  const fs::path file = folder / "store/secret.key";
  const std::string whole = bytes_of(file);

  REQUIRE(::chmod(file.c_str(), 0640) == 0);
  CHECK_THROWS_WITH_AS(SecretKey{state}, doctest::Contains("not for its owner only"), Error);
  REQUIRE(::chmod(file.c_str(), 0600) == 0);
  std::ofstream(file, std::ios::binary) << whole.substr(1);
  CHECK_THROWS_WITH_AS(SecretKey{state}, doctest::Contains("is no key"), Error);
  fs::remove(file);
  std::ofstream(folder / "elsewhere", std::ios::binary) << whole;
  fs::create_symlink(folder / "elsewhere", file);
  CHECK_THROWS_AS(SecretKey{state}, Error);
}
