// ADD's archives: what lands where, onto an image.
#include "add_fixture.hpp"
#include "tar_fixture.hpp"

#include <ir/error.hpp>

#include <doctest/doctest.h>

#include <sys/stat.h>
#include <sys/xattr.h>

using namespace slipway;
using Paths = std::vector<std::string>;

TEST_CASE("an archive goes through the image's links and keeps its directories' modes") {
  AddBench bench;
  bench.below({soft_link("lib", "usr/lib"), directory("usr"), directory("usr/lib", 0711)});
  bench.add(tar_of({{.name = "./", .type = '5', .mode = 0700},
                    {.name = "lib/so", .content = "so"},
                    {.name = "other", .type = '1', .link = "lib/so"}}));
  CHECK(listing(bench.entries) == Paths{"other", "usr", "usr/lib", "usr/lib/so=other"});
  CHECK(bench.entries.at("usr/lib").mode == 0711);

  // A second archive over the first, into a folder.
  bench.add(tar_of({{.name = "so", .content = "new"}, {.name = "sub/x", .content = "x"}}),
            "usr/lib");
  CHECK(listing(bench.entries) ==
        Paths{"other", "usr", "usr/lib", "usr/lib/so", "usr/lib/sub", "usr/lib/sub/x"});
  CHECK(bench.text("other") == "so");
}

TEST_CASE("links are followed as in a process whose root is the destination") {
  AddBench bench;
  bench.below({directory("etc"), file("etc/passwd"), directory("opt"), soft_link("opt/abs", "/etc"),
               soft_link("opt/up", "../../etc"), directory("opt/sub"),
               soft_link("opt/sub/beside", "../dir")});
  bench.add(tar_of({{.name = "abs/passwd", .content = "1"},
                    {.name = "up/shadow", .content = "2"},
                    {.name = "sub/beside/x", .content = "3"},
                    {.name = "own", .type = '2', .link = "/../sub/../../../etc"},
                    {.name = "own/group", .content = "4"}}),
            "opt");
  CHECK(listing(bench.entries) == Paths{"opt", "opt/dir", "opt/dir/x", "opt/etc", "opt/etc/group",
                                        "opt/etc/passwd", "opt/etc/shadow", "opt/own"});
}

TEST_CASE("a link that is replaced, and a directory that becomes one, lead elsewhere at once") {
  AddBench bench;
  bench.below({directory("a"), directory("b"), soft_link("l", "a"), directory("d"), file("d/old")});
  bench.add(tar_of({{.name = "l/1", .content = "1"},
                    {.name = "l", .type = '2', .link = "b"},
                    {.name = "l/2", .content = "2"},
                    {.name = "l", .type = '5', .mode = 0755},
                    {.name = "l/3", .content = "3"},
                    {.name = "t/1", .content = "1"},
                    {.name = "h", .type = '1', .link = "d/old"},  // looks into d, which ...
                    {.name = "d", .type = '2', .link = "t"},      // ... is a link from now on
                    {.name = "d/2", .content = "2"}}));
  CHECK(listing(bench.entries) ==
        Paths{"a", "a/1", "b", "b/2", "d", "h", "l", "l/3", "t", "t/1", "t/2"});
}

TEST_CASE("a hard link may name a file of the image, which is copied up as overlayfs does") {
  AddBench bench;
  bench.below({directory("bin"), file("bin/busybox", 04755), soft_link("bin/sh", "busybox"),
               soft_link("sbin", "bin")});
  bench.add(tar_of({{.name = "tool", .type = '1', .link = "/sbin/busybox", .mode = 04755},
                    {.name = "link", .type = '1', .link = "bin/sh"}}));
  CHECK(listing(bench.entries) ==
        Paths{"bin", "bin/busybox", "bin/sh", "link=bin/sh", "tool=bin/busybox"});
  CHECK(bench.text("tool") == "bin/busybox");
  CHECK(bench.entries.at("tool").mode == 04755);
  CHECK(bench.entries.at("bin/busybox").mtime == 1'600'000'000);  // the last name's, as docker's
  CHECK(bench.entries.at("link").link_target == "busybox");
  // Within the destination, and nowhere else.
  CHECK(bench.error(tar_of({{.name = "x", .type = '1', .link = "bin/busybox"}}), "opt") ==
        "the archive links \"x\" to \"bin/busybox\", which is no file there");
  CHECK(bench.error(tar_of({{.name = "x", .type = '1', .link = "bin"}})) ==
        "the archive links \"x\" to \"bin\", which is no file there");
}

TEST_CASE("the last of a file's names says its mode and time, for all of them") {
  AddBench bench;
  bench.add(tar_of({{.name = "a", .content = "1", .mode = 0600, .mtime = 10},
                    {.name = "b", .type = '1', .link = "a", .mode = 04711, .mtime = 20},
                    {.name = "c", .type = '1', .link = "b", .mode = 0640, .mtime = 30}}));
  CHECK(listing(bench.entries) == Paths{"a", "b=a", "c=a"});
  for (const char* name : {"a", "b", "c"}) {
    CHECK(bench.entries.at(name).mode == 0640);
    CHECK(bench.entries.at(name).mtime == 30);
  }
}

TEST_CASE("files and links replace directories, and directories them, with all they held") {
  AddBench bench;
  bench.below(
      {directory("d"), file("d/x"), directory("e"), file("e/x"), file("f"), soft_link("l", "d")});
  bench.add(tar_of({{.name = "d", .content = "file now"},
                    {.name = "e", .content = "file for a moment"},
                    {.name = "e", .type = '5', .mode = 0700},
                    {.name = "e/y", .content = "y"},
                    {.name = "f", .type = '5', .mode = 0700},
                    {.name = "l", .type = '5', .mode = 0700}}));
  // What the image had in e went with it; f and l had nothing.
  CHECK(listing(bench.entries) == Paths{"d", "e!", "e/y", "f", "l"});
}

TEST_CASE("times that docker cannot hold are 0") {
  AddBench bench;
  bench.add(pax("mtime", "-1") + tar_item({.name = "early"}) + pax("mtime", "9223372037") +
            tar_item({.name = "late"}) + pax("mtime", "9223372036.5") +
            tar_item({.name = "latest"}) + pax("mtime", "99999999999999999999") +
            tar_item({.name = "never"}) + tar_end);
  CHECK(bench.entries.at("early").mtime == 0);
  CHECK(bench.entries.at("late").mtime == 0);
  CHECK(bench.entries.at("never").mtime == 0);
}

TEST_CASE("names with any byte, and longer than a header has room for") {
  AddBench bench;
  const std::string odd = "new\nline \xff\xfe \x01 \xc3\xa4";
  const std::string lengthy = std::string(250, 'n') + "/" + std::string(250, 'm');
  bench.add(tar_item({.name = odd, .content = "1"}) + pax("path", odd + "2") +
            tar_item({.name = "short", .content = "2"}) + pax("path", lengthy) +
            tar_item({.name = "short", .content = "3"}) +
            tar_item({.name = "././@LongLink", .type = 'L', .content = lengthy + "4"}) +
            tar_item({.name = "cut", .content = "4"}) +
            tar_item({.name = "././@LongLink", .type = 'K', .content = odd + lengthy}) +
            tar_item({.name = "link", .type = '2', .link = "cut"}) + pax("linkpath", odd) +
            tar_item({.name = "other", .type = '2', .link = "cut"}) + tar_end);
  CHECK(bench.text(odd) == "1");
  CHECK(bench.text(odd + "2") == "2");
  CHECK(bench.text(lengthy) == "3");
  CHECK(bench.text(lengthy + "4") == "4");
  CHECK(bench.entries.at("link").link_target == odd + lengthy);
  CHECK(bench.entries.at("other").link_target == odd);
}

TEST_CASE("capabilities and user xattrs come with the archive, and other machines' labels do not") {
  AddBench bench;
  // VFS_CAP_REVISION_2 with CAP_NET_RAW, effective.
  const std::string raw("\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
  const bool root = ::geteuid() == 0;
  std::vector<std::pair<std::string, std::string>> records{
      {"SCHILY.xattr.user.note", "text"},
      {"SCHILY.xattr.trusted.overlay.redirect", "/etc"},
      {"SCHILY.xattr.security.selinux", "label"}};
  if (root) records.emplace_back("SCHILY.xattr.security.capability", raw);
  bench.add(pax(records) + tar_item({.name = "ping", .content = "elf", .mode = 04755}) +
            tar_item({.name = "ping6", .type = '1', .link = "ping", .mode = 0755}) + tar_end);
  using Xattrs = std::vector<std::pair<std::string, std::string>>;
  Xattrs expected{{"user.note", "text"}};
  if (root) expected.insert(expected.begin(), {"security.capability", raw});
  CHECK(bench.entries.at("ping").xattrs == expected);
  CHECK(bench.entries.at("ping6").xattrs == expected);
  char value[64];
  CHECK(::getxattr((bench.upper() / "ping6").c_str(), "user.note", value, sizeof value) == 4);
  // The owner that the second name brings does not take the capability away.
  if (root) {
    CHECK(::getxattr((bench.upper() / "ping").c_str(), "security.capability", value,
                     sizeof value) == 20);
  }
}

TEST_CASE("holes take no space, in sparse members and where a file is full of zeros") {
  AddBench bench;
  // GNU's sparse format 1.0: a map in front of the data that there is.
  std::string map = "1\n1073741824\n4\n";
  map.resize(512, '\0');
  bench.add(pax({{"GNU.sparse.major", "1"},
                 {"GNU.sparse.minor", "0"},
                 {"GNU.sparse.name", "sparse"},
                 {"GNU.sparse.realsize", "1073741828"}}) +
            tar_item({.name = "GNUSparseFile.0/sparse", .content = map + "tail"}) +
            tar_item({.name = "zeros", .content = std::string(1 << 20, '\0') + "x"}) + tar_end);
  CHECK(bench.entries.at("sparse").size == 1073741828);
  struct stat status {};
  REQUIRE(::stat((bench.upper() / "sparse").c_str(), &status) == 0);
  CHECK(status.st_size == 1073741828);
  CHECK(status.st_blocks * 512 < (1 << 16));
  REQUIRE(::stat((bench.upper() / "zeros").c_str(), &status) == 0);
  CHECK(status.st_blocks * 512 < (1 << 16));
  CHECK(bench.text("zeros") == std::string(1 << 20, '\0') + "x");
}
