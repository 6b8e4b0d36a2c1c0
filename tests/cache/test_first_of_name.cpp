#include <cache/first_of_name.hpp>
#include <ir/error.hpp>

#include "temporary_folder.hpp"

#include <doctest/doctest.h>

#include <sys/resource.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

using namespace slipway;
namespace fs = std::filesystem;

namespace {

std::string content(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(stream), {});
}

}  // namespace

TEST_CASE("the first one writes the file, and nobody after it") {
  const TemporaryFolder folder;
  write_first_of_name(folder / "name", folder / "aside", "first");
  CHECK(!fs::exists(folder / "aside"));
  write_first_of_name(folder / "name", folder / "aside", "second");
  CHECK(content(folder / "name") == "first");
  CHECK(!fs::exists(folder / "aside"));
}

TEST_CASE("of several at once one is the first, and what it wrote is whole") {
  const TemporaryFolder folder;
  std::vector<std::thread> threads;
  std::atomic<int> whole = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      const std::string mine(10000, static_cast<char>('a' + i));
      write_first_of_name(folder / "name", folder / ("aside-" + std::to_string(i)), mine);
      const std::string found = content(folder / "name");
      if (found == std::string(10000, found.front())) ++whole;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(whole == 8);
  CHECK(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()) == 1);
}

TEST_CASE("a failure leaves nothing aside") {
  const TemporaryFolder folder;
  CHECK_THROWS_AS(write_first_of_name(folder / "no/such/folder", folder / "aside", "text"), Error);
  CHECK(!fs::exists(folder / "aside"));
}

TEST_CASE("what was not written whole is not there") {
  const TemporaryFolder folder;
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{2, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  std::string told;
  try {
    write_first_of_name(folder / "name", folder / "aside", "text");
  } catch (const Error& error) {
    told = error.what();
  }
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  CHECK(told.find("File too large") != std::string::npos);
  CHECK(fs::is_empty(folder.path()));
}
