// A directory as a shared cache, and what others may have put into it.
#include "same_maps.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

using namespace slipway;
namespace fs = std::filesystem;

namespace {

std::unique_ptr<CacheTransport> open_in(const fs::path& folder, bool write) {
  return open_transport(cache_spec("local", {{write ? "dest" : "src", folder.string()}}), write,
                        {});
}

OpenCache cache_in(const fs::path& folder) {
  return [folder](bool write) { return open_in(folder, write); };
}

std::size_t files_below(const fs::path& folder) {
  std::size_t count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    count += entry.is_regular_file();
  return count;
}

fs::path place_of(const TemporaryFolder& folder, const char* kind, const Digest& digest) {
  return folder.path() / kind / digest.hex().substr(0, 2) / digest.hex();
}

}  // namespace

TEST_CASE("a directory does what every transport does") {
  const TemporaryFolder folder;
  check_same_maps(cache_in(folder / "deep/cache"));
}

TEST_CASE("a directory has many users at once") {
  const TemporaryFolder folder;
  check_side_by_side(cache_in(folder / "cache"));
  // Nothing is left beside the twelve records and the blob.
  CHECK(files_below(folder / "cache") == 13);
}

TEST_CASE("a directory that does not exist is an empty cache, and reading makes none") {
  const TemporaryFolder folder;
  const auto cache = open_in(folder / "none", false);
  CHECK_FALSE(cache->record(sha256("key")));
  CHECK_FALSE(fs::exists(folder / "none"));
}

TEST_CASE("a file in a directory's place is a mistake, with a way out") {
  const TemporaryFolder folder;
  folder.write("file", "");
  const std::string path = (folder / "file").string();
  CHECK(failure_of([&] { open_in(folder / "file", false)->record(sha256("key")); }) ==
        "open \"" + path + "\": Not a directory\na local cache is a directory");
  CHECK(failure_of([&] { open_in(folder / "file", true)->put_record(sha256("key"), "", {}); }) !=
        "no error");
}

TEST_CASE("links, pipes and files of another size are not what a cache holds") {
  const TemporaryFolder folder;
  const auto cache = open_in(folder.path(), true);
  put_bytes(*cache, "blob");
  const SharedBlob blob = shared_blob("blob");
  const fs::path place = place_of(folder, "blobs", blob.digest);
  folder.write("elsewhere", "blob");

  SUBCASE("a link leads nowhere") {
    fs::remove(place);
    fs::create_symlink(folder / "elsewhere", place);
    CHECK(failure_of([&] { bytes_of(*cache, blob); }) ==
          "\"" + place.string() + "\" is a link, not a file of a cache");
  }
  SUBCASE("a folder that is a link leads nowhere") {
    fs::rename(place.parent_path(), folder / "moved");
    fs::create_symlink(folder / "moved", place.parent_path());
    CHECK(failure_of([&] { bytes_of(*cache, blob); }) != "no error");
  }
  SUBCASE("a pipe keeps nobody waiting") {
    fs::remove(place);
    REQUIRE(::mkfifo(place.c_str(), 0600) == 0);
    CHECK(failure_of([&] { bytes_of(*cache, blob); }) ==
          "\"" + place.string() + "\" is not a file of a cache");
  }
  SUBCASE("what a power failure cut is not there, and is written again") {
    fs::resize_file(place, 2);
    CHECK_FALSE(cache->has_blob(blob));
    CHECK(bytes_of(*cache, blob) == "(none)");
    put_bytes(*cache, "blob");
    CHECK(bytes_of(*cache, blob) == "blob");
  }
  SUBCASE("a record without an end is not read") {
    cache->put_record(sha256("key"), "record", {});
    fs::resize_file(place_of(folder, "records", sha256("key")), CacheTransport::longest_record + 1);
    CHECK(failure_of([&] { cache->record(sha256("key")); }) ==
          "local cache \"" + folder.path().string() + "\" has a record of 8388609 bytes: " +
              sha256("key").hex() + "\nnone is that long; remove the file");
  }
}

TEST_CASE("what a killed writer left is removed after a day") {
  const TemporaryFolder folder;
  fs::create_directories(folder / "aside");
  folder.write("aside/old", "half");
  folder.write("aside/new", "half");
  fs::last_write_time(folder / "aside/old",
                      fs::file_time_type::clock::now() - std::chrono::hours(25));
  open_in(folder.path(), true)->put_record(sha256("key"), "record", {});
  CHECK_FALSE(fs::exists(folder / "aside/old"));
  CHECK(fs::exists(folder / "aside/new"));
}

TEST_CASE("a copy that is interrupted leaves nothing") {
  const TemporaryFolder folder;
  folder.write("blob", "blob");
  const auto cache = open_transport(cache_spec("local", {{"dest", (folder / "cache").string()}}),
                                    true, [] { return true; });
  CHECK(failure_of([&] { cache->put_blob(shared_blob("blob"), folder / "blob"); }) ==
        "interrupted");
  CHECK(files_below(folder / "cache") == 0);
}
