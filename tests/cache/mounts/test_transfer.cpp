// A cache mount goes to where it is shared and comes back the same, and what has not changed does
// not move again.
#include "mount_fixture.hpp"

#include <cache/mounts/document.hpp>
#include <cache/mounts/pack_writer.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

using namespace slipway;

namespace {

// `count` files of about `size` bytes, in a folder for each hundred.
void fill(const Machine& machine, std::mt19937_64& random, std::size_t count, std::size_t size) {
  for (std::size_t i = 0; i < count; ++i) {
    machine.write(std::to_string(i / 100) + "/file-" + std::to_string(i),
                  random_bytes(random, size / 2 + random() % size));
  }
}

MountDocument document_in(MemoryTransport& cache, const std::string& id) {
  const MountRecord record = decode_mount_record(cache.records.at(mount_record_key(id)));
  return decode_mount_document(cache.blobs.at(record.document.digest));
}

}  // namespace

TEST_CASE("what is not shared is not imported, and nothing is written") {
  MemoryTransport cache;
  Machine machine;
  CHECK_FALSE(machine.import_from(cache));
  CHECK(std::filesystem::is_empty(machine.mount()));
}

TEST_CASE("every kind of entry comes back as it was") {
  std::mt19937_64 random(10);
  Machine one;
  one.write("empty", "");
  one.write("small", "a few words");
  one.write("a/large", random_bytes(random, 3'000'000));
  one.write("a/zeros", std::string(1'000'000, '\0'));
  one.write("a.b", "sorts behind a/");
  one.write("a/deep/er/still", "x");
  REQUIRE(::chmod(one.file("small").c_str(), 0640) == 0);
  REQUIRE(::chmod(one.file("a/deep").c_str(), 0711) == 0);
  REQUIRE(::symlink("../nowhere", one.file("a/link").c_str()) == 0);
  REQUIRE(::link(one.file("small").c_str(), one.file("twin").c_str()) == 0);
  REQUIRE(::link(one.file("a/large").c_str(), one.file("a/large-twin").c_str()) == 0);
  REQUIRE(::mkfifo(one.file("pipe").c_str(), 0622) == 0);
  if (::geteuid() == 0) REQUIRE(::chown(one.file("small").c_str(), 12, 34) == 0);
  if (::setxattr(one.file("small").c_str(), "user.color", "blue", 4, 0) != 0)
    MESSAGE("without attributes: this file system has none");
  {
    const FileDescriptor sparse(
        ::open(one.file("sparse").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    REQUIRE(::pwrite(sparse.get(), "middle", 6, 1 << 20) == 6);
    REQUIRE(::ftruncate(sparse.get(), 1 << 30) == 0);
  }
  const timespec times[2] = {{1000, 1}, {1'500'000'000, 123'456'789}};
  REQUIRE(::utimensat(AT_FDCWD, one.file("a/large").c_str(), times, 0) == 0);
  REQUIRE(::utimensat(AT_FDCWD, one.file("a/deep").c_str(), times, 0) == 0);
  REQUIRE(::utimensat(AT_FDCWD, one.file("a/link").c_str(), times, AT_SYMLINK_NOFOLLOW) == 0);

  MemoryTransport cache;
  const MountExport exported = one.export_to(cache);
  CHECK(exported.left_out == 0);
  CHECK(exported.sent == cache.sent);
  CHECK(one.work_is_empty());

  Machine other;
  const auto imported = other.import_from(cache);
  REQUIRE(imported);
  CHECK(imported->size == exported.size);
  CHECK(imported->received == cache.received);
  CHECK(other.work_is_empty());

  auto expected = one.entries();
  auto found = other.entries();
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    CAPTURE(expected[i].entry.path);
    CHECK(found[i].entry == expected[i].entry);
    CHECK(found[i].nanoseconds == expected[i].nanoseconds);
  }
  CHECK(other.read("a/large") == one.read("a/large"));
  CHECK(other.read("a/large-twin") == one.read("a/large"));
  CHECK(other.read("a/zeros") == one.read("a/zeros"));
  CHECK(other.read("small") == "a few words");
  struct stat status {};
  REQUIRE(::stat(other.file("sparse").c_str(), &status) == 0);
  CHECK(status.st_size == 1 << 30);
  CHECK(status.st_blocks * 512 < 1 << 20);
  const FileDescriptor sparse(::open(other.file("sparse").c_str(), O_RDONLY | O_CLOEXEC));
  char middle[6] = {};
  REQUIRE(::pread(sparse.get(), middle, sizeof middle, 1 << 20) == 6);
  CHECK(std::string(middle, sizeof middle) == "middle");
}

TEST_CASE("an export of what has not changed sends nothing, and reads nothing") {
  std::mt19937_64 random(11);
  Machine machine;
  fill(machine, random, 50, 20'000);
  MemoryTransport cache;
  const MountExport first = machine.export_to(cache);
  CHECK(first.read == first.size);
  ::sleep(3);  // stamps are trusted once they are older than the coarsest clock
  machine.export_to(cache);
  const std::size_t puts = cache.puts;
  const MountExport again = machine.export_to(cache);
  CHECK(again.sent == 0);
  CHECK(again.read == 0);
  CHECK(again.size == first.size);
  CHECK(cache.puts == puts);
}

TEST_CASE("of what has one hundredth changed about one hundredth moves") {
  struct Kind {
    std::string name;
    std::size_t files;
    std::size_t size;
    double most;  // percent
  };
  // 64 MiB of files as compilers' caches have them, and less of others. Small files cost their
  // group, and an entry of the document each.
  for (const Kind& kind : {Kind{"2 MB", 8, 2'000'000, 1.5}, Kind{"100 KB", 671, 100'000, 1.5},
                           Kind{"8 KB", 2000, 8'000, 3}}) {
    std::mt19937_64 random(12);
    Machine machine;
    fill(machine, random, kind.files, kind.size);
    MemoryTransport cache;
    const MountExport first = machine.export_to(cache);
    CHECK(first.sent < first.size + first.size / 50);

    // Contiguous in large files, whole files of the smaller ones.
    std::uint64_t changed = 0;
    for (std::size_t i = 0; i < kind.files && changed < first.size / 100; i += 7) {
      const std::string name = std::to_string(i / 100) + "/file-" + std::to_string(i);
      std::string bytes = machine.read(name);
      const std::size_t part = std::min<std::size_t>(bytes.size(), 200'000);
      bytes.replace(bytes.size() - part, part, random_bytes(random, part));
      machine.write(name, bytes);
      changed += part;
    }
    const MountExport second = machine.export_to(cache);
    const double moved = 100.0 * static_cast<double>(second.sent) / static_cast<double>(first.size);
    const double asked = 100.0 * static_cast<double>(changed) / static_cast<double>(first.size);
    MESSAGE("files of " << kind.name << ": " << asked << " % changed, " << moved << " % moved");
    CHECK(moved < kind.most * asked);

    Machine other;
    REQUIRE(other.import_from(cache));
    for (std::size_t i = 0; i < kind.files; ++i) {
      const std::string name = std::to_string(i / 100) + "/file-" + std::to_string(i);
      REQUIRE(other.read(name) == machine.read(name));
    }
  }
}

TEST_CASE("a machine that imported a mount sends only what it added") {
  std::mt19937_64 random(13);
  Machine one;
  fill(one, random, 100, 100'000);
  MemoryTransport cache;
  one.export_to(cache);

  Machine other;
  REQUIRE(other.import_from(cache));
  other.write("new", random_bytes(random, 50'000));
  const MountExport added = other.export_to(cache);
  CHECK(added.sent < 80'000);

  Machine third;
  REQUIRE(third.import_from(cache));
  CHECK(third.read("new") == other.read("new"));
  CHECK(third.read("0/file-7") == one.read("0/file-7"));
}

TEST_CASE("mounts have records of their own") {
  MemoryTransport cache;
  Machine go;
  go.write("a", "of go");
  go.export_to(cache);
  Machine npm;
  npm.id = "npm";
  npm.write("a", "of npm");
  npm.export_to(cache);

  Machine other;
  REQUIRE(other.import_from(cache));
  CHECK(other.read("a") == "of go");
}

TEST_CASE("what is no longer used is packed away in time") {
  std::mt19937_64 random(14);
  Machine machine;
  MemoryTransport cache;
  // A mount of 12 MB that is another one, piece by piece, in the end.
  for (int round = 0; round < 40; ++round) {
    machine.write(std::to_string(round % 10), random_bytes(random, 1'200'000));
    machine.export_to(cache);
  }
  cache.collect();
  std::uint64_t kept = 0;
  for (const auto& [digest, bytes] : cache.blobs) kept += bytes.size();
  CHECK(kept < 25'000'000);

  // And many small changes do not leave as many packs.
  for (int round = 0; round < 40; ++round) {
    machine.write("small-" + std::to_string(round), random_bytes(random, 20'000));
    machine.export_to(cache);
  }
  cache.collect();
  CHECK(cache.blobs.size() < 24);
  Machine other;
  REQUIRE(other.import_from(cache));
  for (int i = 0; i < 10; ++i)
    CHECK(other.read(std::to_string(i)) == machine.read(std::to_string(i)));
  CHECK(other.read("small-17") == machine.read("small-17"));
}

TEST_CASE("packs that a server has dropped are sent again") {
  std::mt19937_64 random(15);
  Machine machine;
  fill(machine, random, 200, 100'000);
  MemoryTransport cache;
  machine.export_to(cache);
  const MountDocument before = document_in(cache, "go");
  REQUIRE(before.packs.size() > 1);
  cache.blobs.erase(before.packs.front().blob.digest);

  machine.export_to(cache);
  Machine other;
  REQUIRE(other.import_from(cache));
  CHECK(other.read("0/file-0") == machine.read("0/file-0"));
}

TEST_CASE("an export that fails leaves the mount that was there") {
  std::mt19937_64 random(16);
  Machine machine;
  machine.write("a", "first");
  MemoryTransport cache;
  machine.export_to(cache);

  machine.write("a", "second");
  fill(machine, random, 300, 100'000);
  cache.puts_left = 2;
  CHECK_THROWS_AS(machine.export_to(cache), Error);
  CHECK(machine.work_is_empty());

  Machine other;
  REQUIRE(other.import_from(cache));
  CHECK(other.read("a") == "first");
}

TEST_CASE("a document that is damaged is replaced by the next export") {
  Machine machine;
  machine.write("a", "text");
  MemoryTransport cache;
  machine.export_to(cache);
  const auto key = mount_record_key("go");
  cache.records[key] = "no record";
  machine.export_to(cache);
  Machine other;
  REQUIRE(other.import_from(cache));
  CHECK(other.read("a") == "text");
}

TEST_CASE("a damaged memory counts as none") {
  std::mt19937_64 random(17);
  Machine machine;
  fill(machine, random, 10, 50'000);
  MemoryTransport cache;
  machine.export_to(cache);
  ::sleep(3);
  machine.export_to(cache);
  const auto memory = machine.mount().parent_path() / "memory";
  std::filesystem::resize_file(memory, std::filesystem::file_size(memory) - 5);
  const MountExport again = machine.export_to(cache);
  CHECK(again.read == again.size);
  CHECK(again.sent == 0);
}
