// Archives made to do harm: each attack, and that it changes nothing outside its destination.
#include "add_fixture.hpp"
#include "tar_fixture.hpp"

#include <cache/layers/decompress.hpp>
#include <cache/layers/tar_reader.hpp>
#include <ir/error.hpp>

#include <doctest/doctest.h>

#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

using namespace slipway;
using Paths = std::vector<std::string>;

namespace {

// Gives `head`, then this byte without end.
class Endless : public ByteSource {
 public:
  Endless(std::string head, char then) : head_(std::move(head)), then_(then) {}
  std::size_t read(std::span<std::byte> buffer) override {
    std::fill(buffer.begin(), buffer.end(), static_cast<std::byte>(then_));
    for (std::size_t i = 0; i < buffer.size() && given_ + i < head_.size(); ++i) {
      buffer[i] = static_cast<std::byte>(head_[given_ + i]);
    }
    given_ += buffer.size();
    if (given_ > most) throw std::runtime_error("reads without end");
    return buffer.size();
  }
  std::size_t given() const { return given_; }

 private:
  static constexpr std::size_t most = std::size_t{256} << 20;
  std::string head_;
  char then_;
  std::size_t given_ = 0;
};

// Without CAP_MKNOD, as in most containers.
class NoDevices {
 public:
  NoDevices() {
    ::syscall(SYS_capget, &header_, kept_);
    __user_cap_data_struct less[2] = {kept_[0], kept_[1]};
    less[0].effective &= ~(1U << CAP_MKNOD);
    REQUIRE(::syscall(SYS_capset, &header_, less) == 0);
  }
  ~NoDevices() { ::syscall(SYS_capset, &header_, kept_); }

 private:
  __user_cap_header_struct header_{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct kept_[2] = {};
};

std::string deep_path(std::size_t depth, const std::string& name = "d") {
  std::string path = name;
  for (std::size_t at = 1; at < depth; ++at) path += "/" + name;
  return path;
}

}  // namespace

TEST_CASE("names that lead out are refused, and absolute ones start at the destination") {
  for (const char* name : {"..", "../outside/file", "a/../../outside/file", "/../outside/file",
                           "./../outside/file", "a/b/../../../x", "../upper-beside/x"}) {
    CAPTURE(name);
    AddBench bench;
    CHECK(bench.error(tar_of({{.name = name, .content = "bad"}})) ==
          "the archive's path \"" + std::string(name) + "\" leaves its root");
    CHECK(bench.error(pax("path", name) + tar_of({{.name = "a", .content = "bad"}}), "opt") ==
          "the archive's path \"" + std::string(name) + "\" leaves its root");
  }
  AddBench bench;
  bench.add(tar_of({{.name = bench.outside().native() + "/file", .content = "in"}}), "opt");
  CHECK(bench.text("opt" + bench.outside().native() + "/file") == "in");
}

TEST_CASE("what is written through a link of the archive stays in the destination") {
  AddBench bench;
  const std::string out = bench.outside().native();
  bench.add(tar_of({{.name = "abs", .type = '2', .link = out},
                    {.name = "abs/file", .content = "in"},
                    {.name = "up", .type = '2', .link = "../../../../../../../outside"},
                    {.name = "up/file", .content = "in"},
                    {.name = "inner/go_up", .type = '2', .link = ".."},
                    {.name = "inner/go_up/escape", .type = '2', .link = "../../outside"},
                    {.name = "escape/file2", .content = "in"},
                    {.name = "root", .type = '2', .link = "/proc/self/root"},
                    {.name = "root/tmp", .content = "in"},
                    {.name = "fd", .type = '2', .link = "/proc/self/fd/3"},
                    {.name = "fd/x", .content = "in"}}),
            "opt");
  CHECK(bench.text("opt" + out + "/file") == "in");
  CHECK(bench.text("opt/outside/file") == "in");
  CHECK(bench.text("opt/outside/file2") == "in");
  CHECK(bench.text("opt/proc/self/root/tmp") == "in");
  CHECK(bench.text("opt/proc/self/fd/3/x") == "in");
  for (const auto& [path, entry] : bench.entries) {
    CHECK(path_within(path, "opt"));
  }
}

TEST_CASE("what is written to the name of a link replaces the link") {
  AddBench bench;
  const std::string file = (bench.outside() / "file").native();
  bench.add(tar_of({{.name = "s", .type = '2', .link = file},
                    {.name = "s", .content = "in"},
                    {.name = "t", .type = '2', .link = file},
                    {.name = "h", .type = '1', .link = "t"},  // of the link itself
                    {.name = "h", .content = "in"},
                    {.name = "d", .type = '2', .link = bench.outside().native()},
                    {.name = "d", .type = '5', .mode = 0700}}));
  CHECK(bench.text("s") == "in");
  CHECK(bench.text("h") == "in");
  CHECK(bench.entries.at("t").type == Entry::Type::symlink);
  CHECK(bench.entries.at("d").type == Entry::Type::directory);
}

TEST_CASE("the image's links on the way to the destination's files lead nowhere else") {
  AddBench bench;
  const std::string out = bench.outside().native();
  bench.below({directory("opt"), soft_link("opt/abs", out), soft_link("opt/up", "../../outside"),
               soft_link("opt/file", out + "/file"), directory("etc"), file("etc/passwd"),
               soft_link("opt/passwd", "../etc/passwd"), soft_link("opt/conf", "/etc")});
  bench.add(tar_of({{.name = "abs/file", .content = "in"},
                    {.name = "up/file", .content = "in"},
                    {.name = "file", .content = "in"},
                    {.name = "passwd", .content = "in"},
                    {.name = "h", .type = '1', .link = "conf"},
                    {.name = "conf/passwd", .content = "in"}}),
            "opt");
  for (const auto& [path, entry] : bench.entries) CHECK(path_within(path, "opt"));
  CHECK(bench.text("opt/passwd") == "in");
  CHECK(bench.text("opt/outside/file") == "in");
  // A hard link whose way leads through the image's links is looked for inside as well.
  CHECK(bench.error(tar_of({{.name = "x", .type = '1', .link = "abs/none"}}), "opt") ==
        "the archive links \"x\" to \"abs/none\", which is no file there");
}

TEST_CASE("hard links name files of the destination and nothing else") {
  AddBench made;
  const std::string out = made.outside().native();
  const std::vector<std::string> refused = {
      tar_of({{.name = "h", .type = '1', .link = "../outside/file"}}),
      tar_of({{.name = "h", .type = '1', .link = "/../outside/file"}}),
      tar_of({{.name = "h", .type = '1', .link = out + "/file"}}),
      tar_of({{.name = "h", .type = '1', .link = "/proc/self/exe"}}),
      tar_of({{.name = "h", .type = '1', .link = "/etc/passwd"}}),
      tar_of({{.name = "l", .type = '2', .link = "../outside"},
              {.name = "h", .type = '1', .link = "l/file"}}),
      tar_of(
          {{.name = "l", .type = '2', .link = out}, {.name = "h", .type = '1', .link = "l/file"}}),
      tar_of({{.name = "h", .type = '1', .link = "h"}}),
      tar_of({{.name = "d/f"}, {.name = "d", .type = '1', .link = "d/f"}}),
      tar_of({{.name = "d", .type = '5'}, {.name = "h", .type = '1', .link = "d"}}),
      tar_of({{.name = "h", .type = '1', .link = ""}}),
      tar_of({{.name = "h", .type = '1', .link = "."}}),
      tar_of({{.name = "f"}, {.name = "f/x"}}),
      tar_of({{.name = "f"}, {.name = "f/x", .type = '1', .link = "f"}}),
  };
  for (std::size_t at = 0; at < refused.size(); ++at) {
    CAPTURE(at);
    AddBench bench;
    CHECK(bench.error(refused[at]) != "");
    AddBench below;
    CHECK(below.error(refused[at], "opt") != "");
  }
}

TEST_CASE("links that lead to links end after forty, however they multiply") {
  std::string tar;
  for (int at = 0; at < 30; ++at) {
    const std::string next = "l" + std::to_string(at + 1);
    tar += tar_item({.name = "l" + std::to_string(at), .type = '2', .link = next + "/../" + next});
  }
  AddBench bench;
  tar += tar_item({.name = "l30", .type = '5', .mode = 0755});
  CHECK(bench.error(tar + tar_of({{.name = "l0/x"}})).starts_with("too many links"));
  AddBench loop;
  CHECK(loop.error(tar_of({{.name = "a", .type = '2', .link = "b"},
                           {.name = "b", .type = '2', .link = "a"},
                           {.name = "a/x"}}))
            .starts_with("too many links"));
  AddBench lengthy;
  CHECK(lengthy
            .error(tar_of(
                {{.name = "a", .type = '2', .link = std::string(90, '/') + "a"}, {.name = "a/x"}}))
            .starts_with("too many links"));
}

TEST_CASE("a name that says nothing is the destination itself, which an archive does not change") {
  AddBench bench;
  bench.below({directory("opt", 0711)});
  bench.add(tar_of({{.name = ".", .type = '5', .mode = 0},
                    {.name = "./", .type = '5', .mode = 0},
                    {.name = "/", .type = '5', .mode = 0},
                    {.name = "a/..", .type = '5', .mode = 0},
                    {.name = ".", .content = "no file"}}),
            "opt");
  CHECK(listing(bench.entries) == Paths{"opt"});
  CHECK(bench.entries.at("opt").mode == 0711);
  CHECK(bench.error(tar_of({{.name = ""}}), "opt") == "the archive has an entry without a name");
}

TEST_CASE("names have the kernel's limits, and nothing behind a zero") {
  AddBench bench;
  CHECK(bench.error(pax("path", std::string(256, 'a')) + tar_of({{.name = "a"}})) ==
        "the archive has a name of more than 255 bytes");
  CHECK(bench.error(pax("path", deep_path(10'000)) + tar_of({{.name = "a"}})) ==
        "the archive has a path of 19999 bytes");
  CHECK(
      bench.error(pax("linkpath", std::string(5000, 'a')) + tar_of({{.name = "a", .type = '2'}})) ==
      "the archive's link \"a\" has an impossible target");
  CHECK(bench.error(pax("linkpath", deep_path(3000)) +
                    tar_of({{.name = "a", .type = '1', .link = "cut"}})) ==
        "the archive has a path of 5999 bytes");
  AddBench zero;
  // Whatever libarchive makes of it, it is a name in the destination.
  zero.error(pax("path", std::string("in\0/../../outside/file", 21)) +
             tar_of({{.name = "a", .content = "bad"}}));
  CHECK(zero.text("in/../../outside/file") != "bad");
}

TEST_CASE("a path of 2,000 directories is made and removed") {
  AddBench bench;
  std::string tar;
  for (const char* name : {"a", "b"}) {
    tar += pax("path", deep_path(2'000, name)) + tar_item({.name = "x"});
  }
  // Never the directory that was asked for last.
  for (int at = 0; at < 200; ++at) {
    tar += pax("path", deep_path(1'999, at % 2 == 0 ? "a" : "b") + "/" + std::to_string(at)) +
           tar_item({.name = "x"});
  }
  CHECK(bench.error(tar + tar_end) == "");
  CHECK(bench.entries.size() == 2 * 2'000 + 200);
  CHECK(std::filesystem::exists(bench.upper() / "a/a/a"));
}

TEST_CASE("directories that names only imply count as entries") {
  std::string tar;
  for (int at = 0; at < 20; ++at) {
    tar += pax("path", std::to_string(at) + "/" + deep_path(1'000)) + tar_item({.name = "x"});
  }
  AddBench bench;
  ArchiveOptions options;
  options.limits.entries = 10'000;
  CHECK(bench.error(tar + tar_end, "", options) ==
        "the archive makes more than 10000 files and directories / directories that its names "
        "imply count as well");
}

TEST_CASE("headers that announce gigabytes are refused before they are read") {
  for (const char type : {'x', 'g', 'L', 'K'}) {
    CAPTURE(type);
    Endless source(tar_item({.name = "h", .type = type, .size = 8'000'000'000}), 'a');
    TarReader reader(source, ExtractLimits{});
    CHECK_THROWS_AS(reader.next(), Error);
    CHECK(source.given() < (std::size_t{8} << 20));
  }
  // Headers that follow one another without an entry.
  std::string many;
  for (int at = 0; at < 2'000; ++at) many += pax("comment", std::string(400, 'c'));
  AddBench bench;
  bench.error(many + tar_of({{.name = "a"}}));
  // A header that says less than its records need, and records that say more.
  for (const char* text : {"99 path=x\n", "0 path=x\n", "path=x\n", "9 path=x", "-9 path=x\n",
                           "99999999999999999999 path=x\n", "10 path=\n\n"}) {
    AddBench odd;
    odd.error(tar_item({.name = "pax", .type = 'x', .content = text}) + tar_of({{.name = "a"}}));
  }
}

TEST_CASE("sizes that no file has are refused") {
  AddBench bench;
  CHECK(bench.error(tar_of({{.name = "huge", .content = "x", .size = 077777777777}})) != "");
  CHECK(bench.error(pax("size", "-1") + tar_of({{.name = "a"}})) != "");
  CHECK(bench.error(pax("size", "2199023255552") + tar_of({{.name = "a"}})) ==
        "the archive holds more than 1099511627776 bytes");
  std::string negative = tar_item({.name = "a"});
  negative.replace(124, 12, std::string(12, '\xff'));
  int sum = 0;
  negative.replace(148, 8, "        ");
  for (const char c : negative) sum += static_cast<unsigned char>(c);
  char text[16];
  std::snprintf(text, sizeof text, "%06o", sum);
  negative.replace(148, 7, std::string(text, 7));
  CHECK(bench.error(negative + tar_end) != "");
  CHECK(bench.error(pax("uid", "4294967295") + tar_of({{.name = "a"}})) ==
        "the archive gives \"a\" an impossible owner");
  CHECK(bench.error(pax("gid", "-5") + tar_of({{.name = "a"}})) ==
        "the archive gives \"a\" an impossible group");
}

TEST_CASE("files that are nearly all hole end with an error, not with the patience of a day") {
  const auto sparse = [](const std::string& size) {
    std::string map = "1\n" + size + "\n0\n";
    map.resize(512, '\0');
    return pax({{"GNU.sparse.major", "1"},
                {"GNU.sparse.minor", "0"},
                {"GNU.sparse.name", "sparse"},
                {"GNU.sparse.realsize", size}}) +
           tar_of({{.name = "GNUSparseFile.0/sparse", .content = map}});
  };
  AddBench bench;
  CHECK(bench.error(sparse("2199023255552")) == "the archive holds more than 1099511627776 bytes");
  ArchiveOptions options;
  options.limits.expansion = std::uint64_t{64} << 20;
  CHECK(bench.error(sparse("1073741824"), "", options) ==
        "the archive's files expand more than 1000 times / its sparse files are nearly all holes: "
        "make them in a RUN");
  // Maps that overlap, run backwards, or do not fit the file.
  for (const char* map : {"2\n100\n50\n0\n10\n", "1\n10\n1000\n", "99999999999999999999\n", "-1\n",
                          "1\n-5\n5\n", "9\n1\n", "x"}) {
    std::string padded = map;
    padded.resize(512, '\0');
    AddBench odd;
    odd.error(pax({{"GNU.sparse.major", "1"},
                   {"GNU.sparse.minor", "0"},
                   {"GNU.sparse.realsize", "100"}}) +
              tar_of({{.name = "s", .content = padded + "data"}}));
  }
}

TEST_CASE("device nodes take the right to make them, and overlayfs's whiteout nobody has") {
  AddBench bench;
  CHECK(bench.error(tar_of({{.name = "zero", .type = '3'}})) ==
        "the archive has a character device 0:0, \"zero\"");
  CHECK(bench.error(tar_of({{.name = "big", .type = '4', .major = 4096}})) ==
        "the archive gives \"big\" an impossible device number");
  if (::geteuid() != 0) {
    MESSAGE("skipped: device nodes take root");
    return;
  }
  const std::string tar = tar_of({{.name = "null", .type = '3', .major = 1, .minor = 3},
                                  {.name = "ram", .type = '4', .major = 1, .minor = 0},
                                  {.name = "pipe", .type = '6'}});
  bench.add(tar);
  CHECK(bench.entries.at("null").device_minor == 3);
  CHECK(bench.entries.at("ram").type == Entry::Type::block_device);
  // Without that right the layer is the same: an empty file stands for each.
  AddBench other;
  const NoDevices fewer;
  other.add(tar);
  CHECK(other.entries.at("null").device_minor == 3);
  CHECK(other.entries.at("ram").type == Entry::Type::block_device);
}

TEST_CASE("names that mean deletions are refused, wherever they stand") {
  for (const char* name : {".wh.x", "d/.wh.x", ".wh.d/x", ".wh..wh..opq", "d/.wh..wh.plnk/1"}) {
    AddBench bench;
    CHECK(bench.error(tar_of({{.name = name}})) ==
          "no layer can hold \"" + std::string(name) +
              "\": names that begin with \".wh.\" mean deletions");
  }
}

TEST_CASE("an archive that is cut anywhere is an error, or ends where an entry does") {
  const std::string tar =
      pax("SCHILY.xattr.user.a", "b") + tar_of({{.name = "a", .content = std::string(700, 'a')},
                                                {.name = "d/", .type = '5', .mode = 0755},
                                                {.name = "l", .type = '2', .link = "a"}});
  const std::size_t ends[] = {1024 + 512 + 1024, 1024 + 512 + 1024 + 512};
  for (std::size_t size = 0; size + 1024 < tar.size(); size += 37) {
    CAPTURE(size);
    AddBench bench;
    CHECK(bench.error(tar.substr(0, size)) != "");
  }
  for (const std::size_t size : ends) {
    AddBench bench;
    CHECK(bench.error(tar.substr(0, size)) == "");
  }
}
