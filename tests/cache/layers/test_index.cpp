#include "layer_fixture.hpp"

#include <cache/layers/index.hpp>
#include <cache/layers/stack.hpp>
#include <ir/error.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <clocale>
#include <filesystem>

using namespace slipway;

namespace {

// One of everything that a layer can hold.
BuiltLayer build_all(std::string* tar = nullptr) {
  LayerBuilder builder([tar](std::span<const std::byte> bytes) {
    if (tar != nullptr) tar->append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  });
  builder.add(directory("", 0750));
  Entry device = file("dev-null", 0666);
  device.type = Entry::Type::char_device;
  device.device_major = 1;
  device.device_minor = 3;
  builder.add(device);
  builder.add(directory("etc"));
  Entry hosts = file("etc/hosts", 04755);
  hosts.uid = 3'000'000;  // more than seven octal digits: a pax record
  hosts.gid = 42;
  hosts.xattrs = {{"security.capability", std::string("\1\0\0\2\0", 5)}, {"user.note", "x"}};
  add(builder, hosts, "127.0.0.1 localhost\n");
  builder.add(hard_link("etc/hosts.same", "etc/hosts"));
  builder.add(whiteout("etc/motd"));
  builder.add(opaque(directory("opt")));
  const std::string deep = "opt/" + std::string(90, 'a') + "/" + std::string(200, 'b');
  builder.add(directory(deep.substr(0, 94)));
  add(builder, file(deep), std::string(100'000, 'z'));
  Entry pipe = file("pipe");
  pipe.type = Entry::Type::fifo;
  builder.add(pipe);
  builder.add(soft_link("sbin", "usr/sbin"));
  Entry old = file("tsch\xc3\xbc\xc3\x9f \xff");
  old.mtime = -5;
  builder.add(old);
  return builder.finish();
}

}  // namespace

TEST_CASE("the canonical tar has the bytes it always had") {
  // If this fails after an update of libarchive, every layer built before has another diffID than
  // the same layer built now: caches go on to work (they go by tree digest), but images change.
  std::string tar;
  const BuiltLayer built = build_all(&tar);
  CHECK(built.layer.diff_id.digest == sha256(tar));
  CHECK(built.layer.diff_id.hex() ==
        "7cb8219d4bbd260cbb92848a2c3d8d77ffafc0f64d7c0299157ea9f4da656757");
  CHECK(built.layer.tree.hex() ==
        "475a24d72c2e2e65e30709aae7c14fde074ecda81bbdc5152fe147d72133a2c6");
  CHECK(built.layer.size == 100'020);
}

TEST_CASE("the locale of the process does not get into the tar") {
  const BuiltLayer plain = build_all();
  REQUIRE(std::setlocale(LC_ALL, "C.UTF-8") != nullptr);
  const BuiltLayer utf8 = build_all();
  std::setlocale(LC_ALL, "C");
  CHECK(utf8.layer == plain.layer);
}

TEST_CASE("an index gives back every entry as it was put in") {
  TemporaryFolder folder;
  const BuiltLayer built = build_all();
  write_text(folder / "layer.index", built.index);
  const auto index = LayerIndex::open(folder / "layer.index");
  CHECK(index->layer() == built.layer);
  REQUIRE(index->size() == 12);
  index->verify();

  const Entry hosts = index->entry(index->find("etc/hosts").value());
  CHECK(hosts.mode == 04755);
  CHECK(hosts.uid == 3'000'000);
  CHECK(hosts.content == sha256("127.0.0.1 localhost\n"));
  CHECK(hosts.xattrs.size() == 2);
  Entry same = hosts;
  same.path = "etc/hosts.same";
  same.hard_link = "etc/hosts";
  CHECK(index->entry(index->find("etc/hosts.same").value()) == same);
  CHECK(index->entry(index->find("sbin").value()).link_target == "usr/sbin");
  CHECK(index->entry(index->find("opt").value()).opaque);
  CHECK(index->entry(index->find("dev-null").value()).device_minor == 3);
  CHECK_FALSE(index->find("etc/host"));
  CHECK(index->end_of("etc") == index->find("etc/motd").value() + 1);
  CHECK(index->end_of("") == index->size());
  CHECK(index->end_of("etc/nothing") == index->lower_bound("etc/nothing"));
}

TEST_CASE("a cut or altered index is an error and never read outside") {
  TemporaryFolder folder;
  const std::string whole = build_all().index;
  for (std::size_t size = 0; size < whole.size(); size += 7) {
    CHECK_THROWS_AS(LayerIndex::from_bytes(whole.substr(0, size)), Error);
  }
  CHECK_THROWS_AS(LayerIndex::from_bytes(whole + "x"), Error);
  write_text(folder / "cut", whole.substr(0, whole.size() - 1));
  CHECK_THROWS_AS(LayerIndex::open(folder / "cut"), Error);
  write_text(folder / "empty", "");
  CHECK_THROWS_AS(LayerIndex::open(folder / "empty"), Error);
  CHECK_THROWS_AS(LayerIndex::open(folder / "none"), Error);

  // Behind the header, every byte in turn: opening succeeds, reading is an entry or an Error (the
  // sanitizers watch), and verify() always notices.
  for (std::size_t at = 160; at < whole.size(); ++at) {
    std::string altered = whole;
    altered[at] = static_cast<char>(~altered[at]);
    const auto index = LayerIndex::from_bytes(altered);
    for (std::size_t position = 0; position < index->size(); ++position) {
      try {
        (void)index->entry(position);
        (void)index->find(index->path(position));
      } catch (const Error&) {
        CHECK(at >= 160);  // the expected outcome; anything else ends the test
      }
    }
    CHECK_THROWS_AS(index->verify(), Error);
  }
}

TEST_CASE("a tree digest goes by mode, owner, content, links and xattrs, never by time") {
  const auto tree = [](const auto& change, const std::string& content = "text") {
    LayerBuilder builder;
    Entry entry = file("a");
    entry.xattrs = {{"user.a", "1"}};
    change(entry);
    if (entry.type == Entry::Type::file) {
      add(builder, entry, content);
    } else {
      builder.add(entry);
    }
    return builder.finish().layer;
  };
  const LayerRef plain = tree([](Entry&) {});
  const LayerRef touched = tree([](Entry& e) { e.mtime += 60; });
  CHECK(touched.tree == plain.tree);
  CHECK_FALSE(touched.diff_id == plain.diff_id);

  std::vector<TreeDigest> different = {plain.tree};
  const auto differs = [&different](const LayerRef& layer) { different.push_back(layer.tree); };
  differs(tree([](Entry&) {}, "texT"));
  differs(tree([](Entry& e) { e.path = "b"; }));
  differs(tree([](Entry& e) { e.mode = 0600; }));
  differs(tree([](Entry& e) { e.mode = 02644; }));
  differs(tree([](Entry& e) { e.uid = 1; }));
  differs(tree([](Entry& e) { e.gid = 1; }));
  differs(tree([](Entry& e) { e.xattrs = {}; }));
  differs(tree([](Entry& e) { e.xattrs = {{"user.a", "2"}}; }));
  differs(tree([](Entry& e) { e.xattrs = {{"user.a1", ""}}; }));
  differs(tree([](Entry& e) { e.type = Entry::Type::fifo; }));
  differs(tree([](Entry& e) { e.type = Entry::Type::directory; }));
  differs(tree([](Entry& e) { e = opaque(directory("a")); }));
  differs(tree([](Entry& e) { e = directory("a"); }));
  differs(tree([](Entry& e) { e = whiteout("a"); }));
  differs(tree([](Entry& e) { e = soft_link("a", "b"); }));
  differs(tree([](Entry& e) { e = soft_link("a", "c"); }));
  for (std::uint32_t number = 0; number < 2; ++number) {
    differs(tree([&](Entry& e) { e.type = Entry::Type::char_device, e.device_major = number; }));
    differs(tree([&](Entry& e) { e.type = Entry::Type::block_device, e.device_minor = number; }));
  }
  differs(LayerBuilder().finish().layer);
  std::sort(different.begin(), different.end());
  CHECK(std::adjacent_find(different.begin(), different.end()) == different.end());
}

TEST_CASE("two names of one file are another tree than two files") {
  LayerBuilder linked;
  add(linked, file("a"), "text");
  linked.add(hard_link("b", "a"));
  LayerBuilder copied;
  add(copied, file("a"), "text");
  add(copied, file("b"), "text");
  CHECK_FALSE(linked.finish().layer.tree == copied.finish().layer.tree);
}

TEST_CASE("a builder refuses what would make a layer that is none") {
  LayerBuilder builder;
  add(builder, file("b"), "text");
  CHECK_THROWS_AS(builder.add(directory("b")), Error);  // twice
  CHECK_THROWS_AS(builder.add(directory("a")), Error);  // out of order
  CHECK_THROWS_AS(builder.add(hard_link("c", "nothing")), Error);
  Entry with_size = file("d");
  with_size.size = 3;
  CHECK_THROWS_AS(builder.add(with_size), Error);  // whose bytes?
  LayerBuilder names;
  CHECK_THROWS_AS(names.add(file(".wh.gone")), Error);  // would delete "gone"
  for (const char* name : {"user.a=b", "user.a%b", "user.a b", "user.\xC3\xA9"}) {
    LayerBuilder xattrs;
    Entry entry = file("x");
    entry.xattrs = {{name, "value"}};
    CHECK_THROWS_AS(xattrs.add(entry), Error);  // another name in the tar
  }
  LayerBuilder sizes;
  StringSource longer("12345");
  Entry four = file("e");
  four.size = 4;
  CHECK_THROWS_AS(sizes.add_file(four, longer), Error);
  LayerBuilder again;
  StringSource shorter("123");
  CHECK_THROWS_AS(again.add_file(four, shorter), Error);
}

TEST_CASE("what the sink of a builder throws reaches the caller") {
  const auto full = [](std::span<const std::byte>) { throw Error("no space left"); };
  CHECK_THROWS_WITH_AS(
      [&] {
        LayerBuilder builder(full);
        add(builder, file("big"), std::string(1 << 20, 'x'));
        builder.finish();
      }(),
      "no space left", Error);
}

TEST_CASE("a builder that is dropped within a large file makes up nothing of what is missing") {
  std::uint64_t made = 0;
  {
    LayerBuilder builder([&](std::span<const std::byte> bytes) { made += bytes.size(); });
    Entry large = file("large");
    large.size = std::uint64_t{1} << 34;
    StringSource source("its first bytes");
    CHECK_THROWS_AS(builder.add_file(large, source), Error);
  }
  CHECK(made < std::uint64_t{1} << 20);
}
