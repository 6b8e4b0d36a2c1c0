// An empty volume gets the image's files.
#include "container_fixture.hpp"

#include <executor/containers/container_tree.hpp>

#include <doctest/doctest.h>

#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace fs = std::filesystem;
using namespace slipway;

namespace {

struct stat status_of(const fs::path& path) {
  struct stat status {};
  REQUIRE_MESSAGE(::lstat(path.c_str(), &status) == 0, path);
  return status;
}

constexpr const char* image_script = R"(
  mkdir -p srv/data/deep other
  echo one > srv/data/one
  echo two > srv/data/deep/two
  chown 7:8 srv/data/deep/two srv/data/deep; chmod 4750 srv/data/deep/two; chmod 711 srv/data/deep
  ln srv/data/one srv/data/two_names; echo out > other/first; ln other/first srv/data/again
  ln other/first srv/data/deep/again
  ln -s ../elsewhere srv/data/link; mkfifo -m 620 srv/data/pipe
  chown 5:6 srv/data; chmod 1770 srv/data; touch -d @1000000000 srv/data/one srv/data
  ln -s data srv/to_data; echo file > srv/file
)";

}  // namespace

TEST_CASE("an empty volume gets the image's files with all that belongs to them") {
  Containers containers(image_script);
  containers.store.volumes();
  const fs::path volume = containers.store.state().root() / "volumes" / "v" / "_data";
  fs::create_directories(volume);

  SUBCASE("by the directory itself") {
    fill_volume(containers.store, containers.image.layers, "/srv/data", volume);
  }
  SUBCASE("by a link to it") {
    fill_volume(containers.store, containers.image.layers, "/srv/to_data/", volume);
  }

  const struct stat top = status_of(volume);
  CHECK(top.st_uid == 5);
  CHECK(top.st_gid == 6);
  CHECK((top.st_mode & 07777) == 01770);
  CHECK(top.st_mtim.tv_sec == 1000000000);
  CHECK(content_of(volume / "one") == "one\n");
  CHECK(status_of(volume / "one").st_mtim.tv_sec == 1000000000);
  CHECK(status_of(volume / "one").st_ino == status_of(volume / "two_names").st_ino);
  CHECK(content_of(volume / "deep/two") == "two\n");
  CHECK((status_of(volume / "deep/two").st_mode & 07777) == 04750);
  CHECK(status_of(volume / "deep/two").st_gid == 8);
  CHECK((status_of(volume / "deep").st_mode & 07777) == 0711);
  CHECK(status_of(volume / "deep").st_uid == 7);
  CHECK(fs::read_symlink(volume / "link") == "../elsewhere");
  CHECK(S_ISFIFO(status_of(volume / "pipe").st_mode));
  // Its first name lies outside.
  CHECK(content_of(volume / "again") == "out\n");
  CHECK(status_of(volume / "again").st_ino == status_of(volume / "deep/again").st_ino);
  CHECK(status_of(volume / "again").st_nlink == 2);
  CHECK_FALSE(fs::exists(volume.native() + ".new"));

  // The image's own are others.
  std::ofstream(volume / "one") << "changed";
  CHECK(content_of(containers.store.layers().directory(containers.image.layers[0].diff_id) /
                   "srv/data/one") == "one\n");
}

TEST_CASE("a volume with files, and one that the image has no directory for, stay as they are") {
  Containers containers(image_script);
  const fs::path volume = containers.store.state().root() / "volumes" / "v" / "_data";
  fs::create_directories(volume);
  for (const char* path : {"/nowhere", "/srv/file", "/srv/data/link"}) {
    fill_volume(containers.store, containers.image.layers, path, volume);
    CHECK(fs::is_empty(volume));
  }
  std::ofstream(volume / "mine") << "mine";
  const struct stat before = status_of(volume);
  fill_volume(containers.store, containers.image.layers, "/srv/data", volume);
  CHECK_FALSE(fs::exists(volume / "one"));
  CHECK(status_of(volume).st_uid == before.st_uid);
}

TEST_CASE("what a killed command has left beside a volume is in nobody's way") {
  Containers containers(image_script);
  const fs::path volume = containers.store.state().root() / "volumes" / "v" / "_data";
  fs::create_directories(volume);
  fs::create_directories(volume.native() + ".new/half/done");
  fill_volume(containers.store, containers.image.layers, "/srv", volume);
  CHECK(fs::exists(volume / "data/one"));
  CHECK_FALSE(fs::exists(volume / "half"));
}

TEST_CASE("a volume that somebody was killed at as he moved its files in gets the rest") {
  Containers containers(image_script);
  const fs::path volume = containers.store.state().root() / "volumes" / "v" / "_data";
  fs::create_directories(volume);
  const fs::path ready = volume.native() + ".ready";
  fs::create_directories(ready / "directory/deep");
  std::ofstream(ready / "again") << "of the image";
  std::ofstream(ready / "rest") << "rest";
  std::ofstream(volume / "again") << "of a container";
  REQUIRE(::chown(ready.c_str(), 5, 6) == 0);
  REQUIRE(::chmod(ready.c_str(), 01770) == 0);
  CHECK(needs_filling(volume));
  // Whatever the next container's image has.
  fill_volume(containers.store, containers.image.layers, "/srv/data", volume);
  CHECK_FALSE(needs_filling(volume));
  CHECK(fs::exists(volume / "directory/deep"));
  CHECK(content_of(volume / "rest") == "rest");
  CHECK(content_of(volume / "again") == "of a container");
  CHECK_FALSE(fs::exists(volume / "one"));
  CHECK_FALSE(fs::exists(ready));
  CHECK(status_of(volume).st_uid == 5);
  CHECK((status_of(volume).st_mode & 07777) == 01770);
}
