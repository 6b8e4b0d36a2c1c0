// Whoever can write to a shared cache may have written anything there. A mount is imported whole
// and as its digests say, beneath its directory, or not at all.
#include "mount_fixture.hpp"

#include <cache/mounts/document.hpp>
#include <cache/mounts/frames.hpp>
#include <ir/error.hpp>

#include <functional>

using namespace slipway;

namespace {

MountEntry directory(const std::string& path) {
  MountEntry mount;
  mount.entry.path = path;
  mount.entry.type = Entry::Type::directory;
  mount.entry.mode = 0755;
  return mount;
}

MountEntry file(const std::string& path) {
  MountEntry mount;
  mount.entry.path = path;
  mount.entry.mode = 0644;
  return mount;
}

MountEntry link_to(const std::string& path, const std::string& target) {
  MountEntry mount;
  mount.entry.path = path;
  mount.entry.type = Entry::Type::symlink;
  mount.entry.link_target = target;
  return mount;
}

MountDocument with(std::vector<MountEntry> entries) {
  MountDocument document;
  document.entries = std::move(entries);
  return document;
}

// What a decoder says of it; empty: nothing is wrong.
std::string complaint(const MountDocument& document) {
  try {
    decode_mount_document(encode_mount_document(document));
    return {};
  } catch (const Error& error) {
    return error.what();
  }
}

// Puts a document under the mount's record, as an honest export would.
void publish(MemoryTransport& cache, const MountDocument& document) {
  const std::string frame = encode_mount_document(document);
  MountRecord record;
  record.key = mount_record_key("go");
  record.id = "go";
  record.document = {sha256(frame), frame.size()};
  cache.blobs[record.document.digest] = frame;
  cache.records[record.key] = encode_mount_record(record);
}

// A cache with an honest export of one file of 100 KB.
struct Shared {
  Shared() {
    std::mt19937_64 random(20);
    Machine machine;
    machine.write("file", random_bytes(random, 100'000));
    machine.export_to(cache);
    record = decode_mount_record(cache.records.at(mount_record_key("go")));
    document = decode_mount_document(cache.blobs.at(record.document.digest));
  }
  MemoryTransport cache;
  MountRecord record;
  MountDocument document;
};

void check_refused(MemoryTransport& cache) {
  Machine machine;
  CHECK_THROWS_AS(machine.import_from(cache), Error);
  CHECK(machine.work_is_empty());
}

}  // namespace

TEST_CASE("names lead nowhere but into directories that came before") {
  CHECK(complaint(with({directory(""), directory("a"), file("a/b")})).empty());
  for (const char* path : {"..", "../x", "a/../../x", "/etc/passwd", "a//b", "a/", "./x", "."}) {
    CAPTURE(path);
    CHECK_FALSE(complaint(with({directory(""), directory("a"), file(path)})).empty());
  }
  CHECK_FALSE(complaint(with({directory(""), file(std::string("a\0b", 3))})).empty());
  CHECK_FALSE(complaint(with({directory(""), file(std::string(256, 'x'))})).empty());
  // Through a link, a file, or nothing.
  CHECK_FALSE(complaint(with({directory(""), link_to("a", "/"), file("a/b")})).empty());
  CHECK_FALSE(complaint(with({directory(""), file("a"), file("a/b")})).empty());
  CHECK_FALSE(complaint(with({directory(""), file("a/b")})).empty());
  // The root is a directory, and the first.
  CHECK_FALSE(complaint(with({})).empty());
  CHECK_FALSE(complaint(with({file("")})).empty());
  CHECK_FALSE(complaint(with({link_to("", "/etc")})).empty());
  CHECK_FALSE(complaint(with({file("a")})).empty());
}

TEST_CASE("a name comes once, and in order") {
  CHECK_FALSE(complaint(with({directory(""), file("a"), file("a")})).empty());
  CHECK_FALSE(complaint(with({directory(""), file("b"), file("a")})).empty());
  CHECK_FALSE(complaint(with({directory(""), directory("")})).empty());
}

TEST_CASE("hard links name files that came before") {
  MountEntry link = file("b");
  link.entry.hard_link = "a";
  CHECK(complaint(with({directory(""), file("a"), link})).empty());
  for (const char* target : {"b", "../a", "/etc/passwd", "c", ""}) {
    CAPTURE(target);
    link.entry.hard_link = target;
    if (*target == '\0') continue;  // that is no link
    CHECK_FALSE(complaint(with({directory(""), file("a"), link})).empty());
  }
  link.entry.hard_link = "a";
  CHECK_FALSE(complaint(with({directory(""), directory("a"), link})).empty());
}

TEST_CASE("devices, whiteouts and foreign attributes are refused") {
  for (const auto type :
       {Entry::Type::char_device, Entry::Type::block_device, Entry::Type::whiteout}) {
    MountEntry device = file("a");
    device.entry.type = type;
    CHECK_FALSE(complaint(with({directory(""), device})).empty());
  }
  for (const char* name : {"trusted.overlay.opaque", "user.overlay.redirect", "user.slipway.owner",
                           "security.selinux", "security.ima"}) {
    CAPTURE(name);
    MountEntry marked = file("a");
    marked.entry.xattrs = {{name, "x"}};
    CHECK_FALSE(complaint(with({directory(""), marked})).empty());
  }
  MountEntry odd = file("a");
  odd.entry.mode = 0100644;
  CHECK_FALSE(complaint(with({directory(""), odd})).empty());
  odd = file("a");
  odd.nanoseconds = 1'000'000'000;
  CHECK_FALSE(complaint(with({directory(""), odd})).empty());
}

TEST_CASE("data lies within its file, and within the content") {
  Shared shared;
  REQUIRE(complaint(shared.document).empty());
  const auto refuses = [&](const std::function<void(MountEntry&)>& change) {
    MountDocument document = shared.document;
    change(document.entries.back());
    CHECK_FALSE(complaint(document).empty());
  };
  refuses([](MountEntry& entry) { entry.position = 1; });
  refuses([](MountEntry& entry) { entry.position = ~std::uint64_t{0}; });
  refuses([](MountEntry& entry) { entry.data = {{0, entry.entry.size + 1}}; });
  refuses([](MountEntry& entry) { entry.data = {{entry.entry.size, 1}}; });
  refuses([](MountEntry& entry) { entry.data = {{0, 10}, {5, 10}}; });
  refuses([](MountEntry& entry) { entry.data = {{0, 0}}; });
  refuses([](MountEntry& entry) { entry.entry.size = ~std::uint64_t{0}; });
}

TEST_CASE("runs name chunks that there are") {
  Shared shared;
  const auto refuses = [&](const std::function<void(MountDocument&)>& change) {
    MountDocument document = shared.document;
    change(document);
    CHECK_FALSE(complaint(document).empty());
  };
  const auto chunks = static_cast<std::uint32_t>(shared.document.packs.front().chunks.size());
  refuses([](MountDocument& document) { document.content.front().pack = 1; });
  refuses([&](MountDocument& document) { document.content.front().first = chunks; });
  refuses([&](MountDocument& document) { document.content.front().count = chunks + 1; });
  refuses([](MountDocument& document) { document.content.front().count = 0xffffffff; });
  refuses([](MountDocument& document) { document.content.front().count = 0; });
  refuses([](MountDocument& document) { document.content.clear(); });
  refuses([](MountDocument& document) { ++document.packs.front().blob.size; });
  refuses([](MountDocument& document) { document.packs.front().chunks.front().size = 1 << 30; });
}

TEST_CASE("little that says it is much is refused before it is written") {
  Shared shared;
  // The same chunks a thousand times over are 100 MB; the limit here is 10.
  MountDocument document = shared.document;
  for (int i = 0; i < 1000; ++i) document.content.push_back(shared.document.content.front());
  MountLimits limits;
  limits.content = 10'000'000;
  const std::string frame = encode_mount_document(document);
  CHECK_THROWS_AS(decode_mount_document(frame, limits), Error);
  // So is the same place of the content by many files.
  document = shared.document;
  for (int i = 0; i < 200; ++i) {
    MountEntry twin = shared.document.entries.back();
    twin.entry.path = "g" + std::to_string(1000 + i);
    document.entries.push_back(twin);
  }
  CHECK_THROWS_AS(decode_mount_document(encode_mount_document(document), limits), Error);
  // And a long path that many have in common, which costs the document nothing.
  document = with({directory("")});
  std::string path;
  for (int i = 0; i < 10; ++i) {
    path += (i == 0 ? "" : "/") + std::string(250, 'd');
    document.entries.push_back(directory(path));
  }
  for (int i = 0; i < 1000; ++i)
    document.entries.push_back(file(path + "/" + std::to_string(1000 + i)));
  limits.expanded = 2'000'000;
  CHECK_NOTHROW(decode_mount_document(encode_mount_document(document)));
  CHECK_THROWS_WITH_AS(decode_mount_document(encode_mount_document(document), limits),
                       doctest::Contains("paths are too long"), Error);
  // And what no disk has room for.
  document = shared.document;
  for (int i = 0; i < 1'000'000; ++i) document.content.push_back(shared.document.content.front());
  MountEntry& last = document.entries.back();
  last.entry.size = 90'000'000'000;
  last.data = {{0, last.entry.size}};
  Machine machine;
  publish(shared.cache, document);
  if (std::filesystem::space(machine.mount()).available < last.entry.size) {
    CHECK_THROWS_WITH_AS(machine.import_from(shared.cache), doctest::Contains("the disk has"),
                         Error);
  } else {
    MESSAGE("skipped: this disk has room for 90 GB");
  }
}

TEST_CASE("a frame that says more than it may is not expanded") {
  Frames frames;
  const std::string bomb = frames.compress(std::string(100 << 20, '\0'));
  CHECK(bomb.size() < 20'000);
  CHECK_THROWS_AS(frames.expand(bomb, 1 << 20), Error);
  CHECK_THROWS_AS(frames.expand("no frame", 1 << 20), Error);
  CHECK_THROWS_AS(frames.expand("", 1 << 20), Error);
  std::string cut = frames.compress("some text");
  cut.pop_back();
  CHECK_THROWS_AS(frames.expand(cut, 1 << 20), Error);
}

TEST_CASE("a document that is cut or has a byte changed is refused or harmless, never worse") {
  Shared shared;
  Frames frames;
  const std::string plain =
      frames.expand(shared.cache.blobs.at(shared.record.document.digest), 1 << 20);
  for (std::size_t i = 0; i < plain.size(); ++i) {
    for (const unsigned change : {0x01U, 0x80U, 0xffU}) {
      std::string changed = plain;
      changed[i] = static_cast<char>(static_cast<unsigned char>(changed[i]) ^ change);
      try {
        const MountDocument document = decode_mount_document(frames.compress(changed));
        CHECK(document.entries.size() >= 1);
      } catch (const Error&) {
        // Refused: as good.
      }
    }
    CHECK_THROWS_AS(decode_mount_document(frames.compress(plain.substr(0, i))), Error);
  }
}

TEST_CASE("a server that lies is found out") {
  SUBCASE("another record under the key") {
    Shared shared;
    shared.record.key = mount_record_key("npm");
    shared.cache.records[mount_record_key("go")] = encode_mount_record(shared.record);
    check_refused(shared.cache);
  }
  SUBCASE("no record at all") {
    Shared shared;
    for (const char* text : {"", "{}", "[]", "null", "{\"slipwayCacheMount\":2}", "\xff"}) {
      shared.cache.records[mount_record_key("go")] = text;
      check_refused(shared.cache);
    }
  }
  SUBCASE("other bytes for a document") {
    Shared shared;
    shared.cache.blobs[shared.record.document.digest].back() ^= 1;
    check_refused(shared.cache);
  }
  SUBCASE("other bytes for a pack") {
    Shared shared;
    shared.cache.blobs[shared.document.packs.front().blob.digest].back() ^= 1;
    check_refused(shared.cache);
  }
  SUBCASE("a pack that is cut short, longer, or gone") {
    Shared shared;
    std::string& pack = shared.cache.blobs[shared.document.packs.front().blob.digest];
    const std::string whole = pack;
    pack = whole.substr(1);
    check_refused(shared.cache);
    pack = whole + "x";
    check_refused(shared.cache);
    shared.cache.blobs.erase(shared.document.packs.front().blob.digest);
    check_refused(shared.cache);
  }
  SUBCASE("a pack whose chunks are others than the document says") {
    Shared shared;
    Pack& pack = shared.document.packs.front();
    std::string bytes = shared.cache.blobs[pack.blob.digest];
    bytes[bytes.size() / 2] ^= 1;
    pack.blob.digest = sha256(bytes);
    shared.cache.blobs[pack.blob.digest] = bytes;
    publish(shared.cache, shared.document);
    check_refused(shared.cache);
  }
}
