#include "layer_fixture.hpp"
#include "tar_fixture.hpp"

#include <cache/layers/decompress.hpp>
#include <cache/layers/extract.hpp>
#include <cache/layers/extract_layer.hpp>
#include <ir/error.hpp>

#include <doctest/doctest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

using namespace slipway;
using Paths = std::vector<std::string>;

namespace {

Paths paths(const TreeEntries& entries) {
  Paths all;
  for (const auto& [path, entry] : entries) {
    all.push_back((entry.type == Entry::Type::whiteout ? "-" : "") + path +
                  (entry.opaque ? "!" : "") +
                  (entry.hard_link.empty() ? "" : "=" + entry.hard_link));
  }
  return all;
}

// An upper with a neighbour that nothing may touch.
struct Tree {
  TemporaryFolder folder;
  std::filesystem::path upper = folder / "upper";
  Tree() {
    std::filesystem::create_directory(upper);
    std::filesystem::create_directory(folder / "outside");
    write_text(folder / "outside/file", "untouched");
  }
  TreeEntries extract(const std::string& tar) {
    StringSource source(tar);
    return extract_layer(source, upper, ExtractLimits{}).entries;
  }
  bool outside_untouched() const {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& item :
         std::filesystem::recursive_directory_iterator(folder / "outside")) {
      ++count;
    }
    std::size_t beside = 0;
    for ([[maybe_unused]] const auto& item : std::filesystem::directory_iterator(folder.path())) {
      ++beside;
    }
    struct stat status {};
    ::stat((folder / "outside/file").c_str(), &status);
    return count == 1 && beside == 2 && status.st_nlink == 1 &&
           read_text(folder / "outside/file") == "untouched";
  }
};

std::string decompressed(const std::string& bytes, std::size_t step = 1000) {
  StringSource source(bytes, step);
  const auto plain = open_decompressed(source);
  std::string text;
  std::vector<std::byte> buffer(5000);
  while (const std::size_t got = plain->read(buffer)) {
    text.append(reinterpret_cast<const char*>(buffer.data()), got);
  }
  return text;
}

std::string compressed(const std::string& text, const std::string& command) {
  TemporaryFolder folder;
  write_text(folder / "in", text);
  const std::string line =
      command + " < '" + (folder / "in").native() + "' > '" + (folder / "out").native() + "'";
  if (std::system(line.c_str()) != 0) return {};
  return read_text(folder / "out");
}

}  // namespace

TEST_CASE("compressed bytes are told by their content and checked to the end") {
  std::string text;
  for (int line = 0; line < 40'000; ++line) text += std::to_string(line * 7919) + "\n";
  CHECK(decompressed(text) == text);
  CHECK(decompressed("") == "");
  CHECK(decompressed("\x1f") == "\x1f");
  for (const std::string command : {"gzip -c", "bzip2 -c", "xz -c", "zstd -qc"}) {
    CAPTURE(command);
    const std::string packed = compressed(text, command + " 2>/dev/null");
    if (packed.empty()) {
      MESSAGE("skipped: there is no " << command);
      continue;
    }
    CHECK(decompressed(packed) == text);
    CHECK(decompressed(packed, 1) == text);  // however it arrives
    CHECK(decompressed(packed + packed, 777) == text + text);
    for (const std::size_t cut : {std::size_t{1}, std::size_t{9}, packed.size() / 2}) {
      CHECK_THROWS_AS(decompressed(packed.substr(0, packed.size() - cut)), Error);
    }
    std::string altered = packed;
    altered[packed.size() / 2] = static_cast<char>(~altered[packed.size() / 2]);
    if (command != "zstd -qc") {  // has no checksum in this form; the diffID notices
      CHECK_THROWS_AS(decompressed(altered), Error);
    }
  }
  const std::string packed = compressed(text, "gzip -c");
  CHECK(decompressed(packed + std::string(10'000, '\0')) == text);
  CHECK_THROWS_AS(decompressed(packed + "garbage"), Error);
}

TEST_CASE("a stream that expands without end is stopped") {
  const std::string bomb = compressed(std::string(100 << 20, '\0'), "gzip -9c | gzip -9c");
  REQUIRE(bomb.size() > 0);
  StringSource outer(bomb);
  const auto once = open_decompressed(outer);
  const auto twice = open_decompressed(*once);
  std::vector<std::byte> buffer(1 << 16);
  CHECK_THROWS_AS(
      [&] {
        while (twice->read(buffer) > 0) continue;
      }(),
      Error);
}

TEST_CASE("a layer's tar becomes a tree in overlayfs's form") {
  Tree tree;
  const TreeEntries entries = tree.extract(
      tar_of({{.name = "./", .type = '5', .mode = 0755},
              {.name = "./b/", .type = '5', .mode = 0700},
              {.name = "b/second", .type = '1', .link = "z/first"},  // its file comes later
              {.name = "implied/x", .content = "x"}})
          .substr(0, 1024) +
      tar_item({.name = "z/first", .content = "one file"}) +
      tar_item({.name = "b/second", .type = '1', .link = "./z/first"}) +
      tar_item({.name = ".wh.gone"}) + tar_item({.name = "b/.wh..wh..opq"}) +
      tar_item({.name = ".wh..wh.plnk/1.2"}) + tar_item({.name = "l", .type = '2', .link = "b"}) +
      tar_item({.name = "p", .type = '6'}) + tar_end);
  CHECK(paths(entries) == Paths{"", "b!", "b/second", "-gone", "l", "p", "z", "z/first=b/second"});
  CHECK(entries.at("z").mode == 0755);  // implied
  CHECK(entries.at("b").mode == 0700);
  CHECK(entries.at("b/second").content == sha256("one file"));
  struct stat status {};
  REQUIRE(::lstat((tree.upper / "gone").c_str(), &status) == 0);
  CHECK(S_ISCHR(status.st_mode));
  CHECK(status.st_rdev == 0);
  REQUIRE(::lstat((tree.upper / "z/first").c_str(), &status) == 0);
  CHECK(status.st_nlink == 2);
  CHECK(status.st_mtim.tv_sec == 1'600'000'000);
  REQUIRE(::lstat((tree.upper / "b").c_str(), &status) == 0);
  CHECK(status.st_mtim.tv_sec == 1'600'000'000);
}

TEST_CASE("of what a tar says twice the last counts") {
  Tree tree;
  CHECK(paths(tree.extract(tar_of({{.name = "a", .content = "1"},
                                   {.name = "a", .content = "22"},
                                   {.name = "d/x/y", .content = "1"},
                                   {.name = "d", .content = "a file now"},
                                   {.name = "f", .content = "1"},
                                   {.name = "f", .type = '5', .mode = 0700},
                                   {.name = "h", .content = "1"},
                                   {.name = "i", .type = '1', .link = "h"},
                                   {.name = "h", .content = "2"}}))) ==
        Paths{"a", "d", "f", "h", "i"});
  CHECK(read_text(tree.upper / "a") == "22");
  CHECK(read_text(tree.upper / "d") == "a file now");
  CHECK(read_text(tree.upper / "h") == "2");
  CHECK(read_text(tree.upper / "i") == "1");
}

TEST_CASE("a whiteout hides lower layers' files and not its own layer's") {
  Tree tree;
  CHECK(paths(tree.extract(tar_of({{.name = "f"},
                                   {.name = ".wh.f"},
                                   {.name = "d/x"},
                                   {.name = ".wh.d"},
                                   {.name = ".wh.e"},
                                   {.name = "e/y"},
                                   {.name = ".wh.g"},
                                   {.name = "g"}}))) == Paths{"d!", "d/x", "e!", "e/y", "f", "g"});
}

TEST_CASE("no tar writes, links or looks outside its root") {
  Tree tree;
  const std::string out = (tree.folder / "outside").native();
  const std::vector<std::string> refused = {
      tar_of({{.name = "../outside/file", .content = "bad"}}),
      tar_of({{.name = "a/../../outside/file", .content = "bad"}}),
      tar_of({{.name = ".."}}),
      tar_of({{.name = "h", .type = '1', .link = "../outside/file"}}),
      tar_of({{.name = "h", .type = '1', .link = out + "/file"}}),
      tar_of({{.name = "l", .type = '2', .link = "../outside"},
              {.name = "h", .type = '1', .link = "l/file"}}),
      tar_of({{.name = "loop", .type = '2', .link = "loop"}, {.name = "loop/x"}}),
      tar_of({{.name = "f"}, {.name = "f/x"}}),
      tar_of({{.name = ".wh."}}),
      tar_of({{.name = ".wh..."}}),
      tar_of({{.name = "a/.wh.."}}),
      tar_of({{.name = "zero", .type = '3'}}),  // overlayfs's whiteout, by the back door
      tar_of({{.name = "h", .type = '1', .link = "none"}}),
      tar_of({{.name = "h", .type = '1', .link = "."}}),
      tar_of({{.name = "", .type = '0'}}),
      tar_of({{.name = "l", .type = '2', .link = ""}}),
      tar_item({.name = "short", .content = std::string(600, 'x')}).substr(0, 700),
      tar_of({{.name = "huge", .content = "x", .size = 077777777777}}),
      pax("size", "-1") + tar_of({{.name = "a"}}),
      pax("path", std::string(5000, 'a')) + tar_of({{.name = "a"}}),
      pax("path", std::string(300, 'a')) + tar_of({{.name = "a"}}),
      pax("GNU.sparse.major", "1") + tar_of({{.name = "a", .content = "99999999\n"}}),
      std::string(2048, 'x'),
      "",
  };
  for (std::size_t at = 0; at < refused.size(); ++at) {
    CAPTURE(at);
    Tree fresh;
    CHECK_THROWS_AS(fresh.extract(refused[at]), Error);
    CHECK(fresh.outside_untouched());
  }
  // These are taken for what they mean inside the root.
  tree.extract(tar_of({{.name = "/abs/file", .content = "in"},
                       {.name = "l", .type = '2', .link = "../outside"},
                       {.name = "l/file", .content = "in"},
                       {.name = "a", .type = '2', .link = out},
                       {.name = "a/file", .content = "in"},
                       {.name = "s", .type = '2', .link = out + "/file"},
                       {.name = "h", .type = '1', .link = "s"},  // of the link itself
                       {.name = "s", .content = "replaced"}}));
  CHECK(read_text(tree.upper / "abs/file") == "in");
  CHECK(read_text(tree.upper / "outside/file") == "in");
  CHECK(read_text(tree.upper / "s") == "replaced");
  CHECK(std::filesystem::is_symlink(tree.upper / "h"));
  CHECK(tree.outside_untouched());
}

TEST_CASE("overlayfs's own xattrs and other machines' labels are not taken from a tar") {
  Tree tree;
  const std::string tar = pax("SCHILY.xattr.trusted.overlay.redirect", "/etc") +
                          tar_item({.name = "d", .type = '5', .mode = 0755}) +
                          pax("SCHILY.xattr.user.overlay.opaque", "y") +
                          tar_item({.name = "e", .type = '5', .mode = 0755}) +
                          pax("SCHILY.xattr.security.selinux", "label") + tar_item({.name = "f"}) +
                          tar_end;
  for (const auto& [path, entry] : tree.extract(tar)) {
    CHECK(entry.xattrs.empty());
    CHECK_FALSE(entry.opaque);
  }
}

TEST_CASE("limits end an extraction that has no end") {
  Tree tree;
  ExtractLimits limits;
  limits.entries = 3;
  StringSource many(tar_of({{.name = "a"}, {.name = "b"}, {.name = "c"}, {.name = "d"}}));
  CHECK_THROWS_AS(extract_layer(many, tree.upper, limits), Error);
  Tree other;
  limits.bytes = 10;
  StringSource big(tar_of({{.name = "a", .content = "123456"}, {.name = "b", .content = "12345"}}));
  CHECK_THROWS_AS(extract_layer(big, other.upper, limits), Error);
}

TEST_CASE("an archive is told from a file that is none") {
  const auto told = [](const std::string& bytes) {
    StringSource source(bytes);
    return is_archive(source);
  };
  const std::string tar = tar_of({{.name = "a", .content = "text"}});
  CHECK(told(tar));
  CHECK(told(compressed(tar, "gzip -c")));
  CHECK(told(compressed(tar, "bzip2 -c")));
  CHECK_FALSE(told(""));
  CHECK_FALSE(told("text"));
  CHECK_FALSE(told(std::string(2000, 'x')));
  CHECK_FALSE(told(compressed("text", "gzip -c")));
  CHECK_FALSE(told("\x1f\x8b nonsense"));
  // zstd's data may begin with a frame that holds anything (RFC 8878, 3.1.2).
  if (const std::string zstd = compressed(tar, "zstd -qc 2>/dev/null"); !zstd.empty()) {
    const std::string skipped = std::string("\x5e\x2a\x4d\x18\x03\0\0\0abc", 11);
    CHECK(told(skipped + zstd));
    CHECK(decompressed(skipped + zstd + skipped) == tar);
  }
  CHECK_FALSE(told(compressed("text", "gzip -c") + tar));
  CHECK_FALSE(told("PK\x03\x04" + tar));        // zip, and what else docker does not unpack
  CHECK_FALSE(told("\x04\x22\x4d\x18" + tar));  // lz4
  CHECK_FALSE(told("\x1f\x9d" + tar));          // compress
  // Sums of bytes with a sign, as some old programs made them.
  std::string old = tar_item({.name = "\xe4\xf6\xfc"});
  const auto sum = [&old](auto as) {
    old.replace(148, 8, "        ");
    int total = 0;
    for (const char c : old) total += decltype(as)(c);
    char text[16];
    std::snprintf(text, sizeof text, "%06o", total);
    old.replace(148, 7, std::string(text, 7));
    return old + tar_end;
  };
  CHECK(told(sum(static_cast<unsigned char>(0))));
  CHECK(told(sum(static_cast<signed char>(0))));
  old[150] ^= 1;
  CHECK_FALSE(told(old + tar_end));
}
