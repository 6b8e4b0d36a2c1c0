#include <cache/stat_cache/stat_cache.hpp>
#include <cache/state_directory.hpp>

#include <cache/temporary_folder.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

using namespace slipway;

namespace {

FileStamp stamp(std::uint64_t inode) {
  return {1, inode, 5, 1'600'000'000'000'000'000, 1'600'000'000'000'000'001, 0100644};
}

void write_cache(const TemporaryFolder& folder, const std::vector<std::string>& paths,
                 const std::string& aside = "aside") {
  StatCacheWriter writer;
  std::uint64_t inode = 0;
  for (const std::string& path : paths) writer.add(path, stamp(++inode), sha256(path), 20'000);
  writer.write(folder / aside, folder / "cache");
}

}  // namespace

TEST_CASE("what was written comes back, in path order") {
  TemporaryFolder folder;
  const std::vector<std::string> paths = {"a", "a/b", "a.c", "z"};
  write_cache(folder, paths);
  const StatCache cache = StatCache::open(folder / "cache");
  REQUIRE(cache.size() == paths.size());
  for (std::size_t i = 0; i < paths.size(); ++i) {
    CHECK(cache.path(i) == paths[i]);
    CHECK(cache.stamp(i) == stamp(i + 1));
    CHECK(cache.digest(i) == sha256(paths[i]));
    CHECK(cache.seen(i) == 20'000);
  }
  CHECK_FALSE(std::filesystem::exists(folder / "aside"));
}

TEST_CASE("the join finds what is the same and skips what came and went") {
  TemporaryFolder folder;
  write_cache(folder, {"a", "a/b", "a.c", "z"});
  const StatCache cache = StatCache::open(folder / "cache");
  StatCacheCursor cursor(cache);
  CHECK(cursor.find("a/b", stamp(2)) == sha256("a/b"));
  CHECK_FALSE(cursor.find("a/new", stamp(9)));
  CHECK(cursor.find("a.c", stamp(3)) == sha256("a.c"));
  CHECK_FALSE(cursor.find("zz", stamp(4)));
}

TEST_CASE("one field of the stamp is enough to forget a file") {
  TemporaryFolder folder;
  write_cache(folder, {"a"});
  const StatCache cache = StatCache::open(folder / "cache");
  const auto changes = std::vector<void (*)(FileStamp&)>{
      [](FileStamp& s) { ++s.device; },   [](FileStamp& s) { ++s.inode; },
      [](FileStamp& s) { ++s.size; },     [](FileStamp& s) { ++s.mtime_ns; },
      [](FileStamp& s) { ++s.ctime_ns; }, [](FileStamp& s) { s.mode ^= 0100; }};
  CHECK(StatCacheCursor(cache).find("a", stamp(1)));
  for (const auto change : changes) {
    FileStamp other = stamp(1);
    change(other);
    CHECK_FALSE(StatCacheCursor(cache).find("a", other));
  }
}

TEST_CASE("a damaged cache is an empty one") {
  TemporaryFolder folder;
  write_cache(folder, {"a", "b/c"});
  const std::string whole = folder.read("cache");
  CHECK(StatCache::open(folder / "missing").size() == 0);
  CHECK(StatCache::open(folder.path()).size() == 0);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    folder.write("cut", whole.substr(0, length));
    CHECK(StatCache::open(folder / "cut").size() == 0);
  }
  folder.write("long", whole + "x");
  CHECK(StatCache::open(folder / "long").size() == 0);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const int bit : {0, 3, 7}) {
      std::string flipped = whole;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << bit));
      folder.write("flipped", flipped);
      INFO("byte " << at << ", bit " << bit);
      CHECK(StatCache::open(folder / "flipped").size() == 0);
    }
  }
}

TEST_CASE("of several writers one wins, and readers see it whole") {
  TemporaryFolder folder;
  const std::vector<std::string> few = {"a"};
  std::vector<std::string> many;
  for (int i = 10000; i < 11000; ++i) many.push_back("file" + std::to_string(i));
  write_cache(folder, few);
  std::atomic<bool> done = false;
  std::vector<std::thread> writers;
  for (int w = 0; w < 2; ++w) {
    writers.emplace_back([&, w] {
      for (int i = 0; i < 100; ++i)
        write_cache(folder, (i + w) % 2 == 0 ? few : many, "aside" + std::to_string(w));
    });
  }
  std::thread reader([&] {
    while (!done) {
      const std::size_t size = StatCache::open(folder / "cache").size();
      CHECK((size == few.size() || size == many.size()));
    }
  });
  for (std::thread& writer : writers) writer.join();
  done = true;
  reader.join();
}

TEST_CASE("a young stamp is trusted only where change times are fine") {
  FileStamp young;
  young.ctime_ns = 10'000'000'000;
  CHECK_FALSE(is_settled(young, 10'000'000'001, false));
  CHECK_FALSE(is_settled(young, 11'999'999'999, false));
  CHECK(is_settled(young, 12'000'000'001, false));
  CHECK(is_settled(young, 10'000'000'001, true));
  // A change time in the future: the clock went back.
  CHECK_FALSE(is_settled(young, 9'000'000'000, true));
}

TEST_CASE("a context has one stat cache however its path is written") {
  TemporaryFolder folder;
  StateDirectory state(folder / "state");
  std::filesystem::create_directory(folder / "context");
  std::filesystem::create_symlink("context", folder / "link");
  const auto file = stat_cache_file(state, folder / "context");
  CHECK(file == stat_cache_file(state, folder / "link"));
  CHECK(file == stat_cache_file(state, folder / "link/../context/."));
  CHECK(file != stat_cache_file(state, folder.path()));
  CHECK(file.parent_path() == state.contexts());
}

TEST_CASE("an update keeps what others learned and what still is as it was") {
  TemporaryFolder folder;
  StateDirectory state(folder / "state");
  std::filesystem::create_directory(folder / "context");
  const int context = ::open((folder / "context").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  REQUIRE(context >= 0);
  const auto file = stat_cache_file(state, folder / "context");
  for (const char* name : {"context/kept", "context/changed", "context/mine"})
    folder.write(name, "text");
  const FileStamp kept = stat_stamp(context, "kept").value();
  const FileStamp changed = stat_stamp(context, "changed").value();
  FileStamp older = kept;
  --older.ctime_ns;
  FileStamp younger = kept;
  ++younger.ctime_ns;
  {
    StatCacheWriter other;  // long ago
    other.add("both", kept, sha256("theirs"), 1);
    other.add("changed", older, sha256("old"), 1);
    other.add("gone", kept, sha256("gone"), 1);
    other.add("kept", kept, sha256("kept"), 1);
    other.add("newer", younger, sha256("theirs"), 1);
    other.add("seen", kept, sha256("seen"), 1);
    other.add("seen-as-another", older, sha256("seen"), 1);
    other.write(folder / "aside", file);
  }
  StatCacheUpdate update(state, file, context);
  update.add("both", kept, sha256("mine"));
  update.add("mine", changed, sha256("mine"));
  update.add("newer", kept, sha256("mine"));
  update.add("seen", kept, std::nullopt);
  update.add("seen-as-another", kept, std::nullopt);
  update.write();

  const StatCache cache = StatCache::open(file);
  std::string all;
  for (std::size_t i = 0; i < cache.size(); ++i) {
    all += std::string(cache.path(i)) + " ";
    CHECK(cache.seen(i) > 1);
    if (cache.path(i) == "both") CHECK(cache.digest(i) == sha256("mine"));
    if (cache.path(i) == "newer") CHECK(cache.digest(i) == sha256("theirs"));
  }
  CHECK(all == "both kept mine newer seen ");
  ::close(context);
}

TEST_CASE("updates at the same time lose nothing") {
  TemporaryFolder folder;
  StateDirectory state(folder / "state");
  std::filesystem::create_directory(folder / "context");
  const int context = ::open((folder / "context").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const auto file = stat_cache_file(state, folder / "context");
  std::vector<std::thread> builds;
  for (int b = 0; b < 8; ++b) {
    builds.emplace_back([&, b] {
      StatCacheUpdate update(state, file, context);
      update.add("f" + std::to_string(b), stamp(1), sha256("x"));
      update.write();
    });
  }
  for (std::thread& build : builds) build.join();
  CHECK(StatCache::open(file).size() == 8);
  ::close(context);
}

TEST_CASE("a writer is seen, also one that has only a mapping left") {
  TemporaryFolder folder;
  folder.write("file", "text");
  const int reader = ::open((folder / "file").c_str(), O_RDONLY | O_CLOEXEC);
  REQUIRE(reader >= 0);
  CHECK_FALSE(has_writer(reader));
  int writer = ::open((folder / "file").c_str(), O_RDWR | O_CLOEXEC);
  if (!has_writer(reader)) {
    MESSAGE("skipped: this file system has no leases");
    ::close(writer);
    ::close(reader);
    return;
  }
  void* const mapping = ::mmap(nullptr, 4, PROT_READ | PROT_WRITE, MAP_SHARED, writer, 0);
  REQUIRE(mapping != MAP_FAILED);
  ::close(writer);
  CHECK(has_writer(reader));
  ::munmap(mapping, 4);
  CHECK_FALSE(has_writer(reader));
  writer = ::open((folder / "file").c_str(), O_WRONLY | O_CLOEXEC);  // nothing is left behind
  CHECK(writer >= 0);
  ::close(writer);
  ::close(reader);
}
