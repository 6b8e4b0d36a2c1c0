#include <cache/remove_tree.hpp>

#include <cache/temporary_folder.hpp>

#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

using namespace slipway;
namespace fs = std::filesystem;

namespace {

// `count` directories in each other, with a file in each tenth.
void make_deep(const fs::path& top, int count) {
  fs::create_directories(top);
  int here = ::open(top.c_str(), O_RDONLY | O_DIRECTORY);
  for (int i = 0; i < count; ++i) {
    REQUIRE(::mkdirat(here, "d", 0755) == 0);
    const int next = ::openat(here, "d", O_RDONLY | O_DIRECTORY);
    if (i % 10 == 0) ::close(::openat(next, "file", O_CREAT | O_WRONLY, 0644));
    ::close(here);
    here = next;
  }
  ::close(here);
}

}  // namespace

TEST_CASE("a tree that is deeper than there are descriptors, and than a path can be, is removed") {
  const TemporaryFolder folder;
  make_deep(folder / "deep", 20000);
  CHECK(!remove_tree(folder / "deep"));
  CHECK(fs::is_empty(folder.path()));
}

TEST_CASE("names that the removal uses itself are in nobody's way") {
  const TemporaryFolder folder;
  for (const char* name : {"lifted-0", "lifted-1", "a/b/lifted-0", "a/b/c/lifted-2"})
    make_deep(folder / "tree" / name, 3);
  CHECK(!remove_tree(folder / "tree"));
  CHECK(fs::is_empty(folder.path()));
}

TEST_CASE("links are removed and not followed") {
  const TemporaryFolder folder;
  fs::create_directories(folder / "outside");
  std::ofstream(folder / "outside/file") << "kept";
  fs::create_directories(folder / "tree/sub");
  fs::create_directory_symlink(folder / "outside", folder / "tree/link");
  fs::create_directory_symlink(folder / "outside", folder / "tree/sub/link");
  CHECK(!remove_tree(folder / "tree"));
  CHECK(!fs::exists(folder / "tree"));
  CHECK(fs::exists(folder / "outside/file"));
}

TEST_CASE("a directory without rights for its owner") {
  const TemporaryFolder folder;
  make_deep(folder / "tree", 4);
  fs::permissions(folder / "tree/d/d", fs::perms::none);
  CHECK(!remove_tree(folder / "tree"));
  CHECK(!fs::exists(folder / "tree"));
}

TEST_CASE("a file, a link, nothing at all") {
  const TemporaryFolder folder;
  std::ofstream(folder / "file") << "x";
  fs::create_symlink(folder / "nowhere", folder / "link");
  CHECK(!remove_tree(folder / "file"));
  CHECK(!remove_tree(folder / "link"));
  CHECK(!remove_tree(folder / "missing"));
  CHECK(fs::is_empty(folder.path()));
}
