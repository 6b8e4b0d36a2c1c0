// What a container has changed, and how much it is.
#include "container_fixture.hpp"

#include <cache/layers/overlay_marks.hpp>
#include <executor/containers/container_tree.hpp>

#include <doctest/doctest.h>

#include <sys/xattr.h>

namespace fs = std::filesystem;
using namespace slipway;

namespace {

constexpr const char* image_script = R"(
  mkdir -p dir/sub deep/er/still etc plain; chmod 750 deep
  for file in dir/file dir/gone dir/sub/a dir/sub/b deep/er/still/f etc/passwd plain/one; do
    echo text of $file > $file
  done
  ln plain/one plain/two; ln -s one plain/link
)";

using Lines = std::vector<std::string>;

Lines changes(Containers& containers, const Container& container) {
  Lines lines;
  for (const ContainerChange& change : container_changes(containers.store, container)) {
    using Kind = ContainerChange::Kind;
    const char letter = change.kind == Kind::added ? 'A' : change.kind == Kind::changed ? 'C' : 'D';
    lines.push_back(letter + (" " + change.path));
  }
  return lines;
}

fs::path image_files(Containers& containers) {
  return containers.store.layers().directory(containers.image.layers.front().diff_id);
}

}  // namespace

TEST_CASE("a container that has changed nothing has no changes") {
  Containers containers(image_script);
  const Container container = containers.create("idle");
  CHECK(changes(containers, container) == Lines{});
  const ContainerSize size = container_size(containers.store, container);
  CHECK(size.own == 0);
  CHECK(size.whole == containers.image.size);
}

TEST_CASE("changes are listed as docker does, with the directories above them") {
  Containers containers(image_script);
  const Container container = containers.create("busy");
  const fs::path upper = containers.upper(container);
  const std::string image = image_files(containers).string();

  SUBCASE("added, changed, deleted") {
    shell(upper,
          "mkdir -p dir deep/er/still; chmod 750 deep; mknod dir/gone c 0 0; echo new > dir/new; "
          "echo other > deep/er/still/f; mkdir -p fresh/below; echo x > fresh/below/x");
    CHECK(changes(containers, container) ==
          Lines{"C /deep", "C /deep/er", "C /deep/er/still", "C /deep/er/still/f", "C /dir",
                "D /dir/gone", "A /dir/new", "A /fresh", "A /fresh/below", "A /fresh/below/x"});
  }
  SUBCASE("in the order of the bytes of the paths") {
    shell(upper, "mkdir z z-y; echo 1 > z/a; echo 1 > z-y/a");
    CHECK(changes(containers, container) == Lines{"A /z", "A /z-y", "A /z-y/a", "A /z/a"});
  }
  SUBCASE("a directory that was removed and made again") {
    shell(upper, "mkdir -p dir/sub; echo new > dir/sub/c; echo other > dir/sub/b");
    REQUIRE(::setxattr((upper / "dir/sub").c_str(), opaque_mark(), "y", 1, 0) == 0);
    CHECK(changes(containers, container) ==
          Lines{"C /dir", "C /dir/sub", "D /dir/sub/a", "C /dir/sub/b", "A /dir/sub/c"});
  }
  SUBCASE("a directory in the place of a file, and the other way around") {
    shell(upper, "mkdir -p dir/file; echo in > dir/file/in; echo flat > deep");
    CHECK(changes(containers, container) ==
          Lines{"C /deep", "C /dir", "C /dir/file", "A /dir/file/in"});
  }
  SUBCASE("what was copied up and is as it was, is no change") {
    shell(upper, "mkdir -p dir deep; chmod 750 deep; cp -p '" + image +
                     "/dir/file' dir/file; "
                     "touch -d @77 dir");
    CHECK(changes(containers, container) == Lines{});
    shell(upper, "chmod 600 dir/file");
    CHECK(changes(containers, container) == Lines{"C /dir", "C /dir/file"});
  }
  SUBCASE("a mode of a directory") {
    shell(upper, "mkdir deep; chmod 700 deep");
    CHECK(changes(containers, container) == Lines{"C /deep"});
  }
}

TEST_CASE("what was made for mounts only is no change as long as it is empty") {
  Containers containers(image_script);
  const Container container = containers.create("mounts");
  const fs::path upper = containers.upper(container);
  std::ofstream(containers.store.containers().folder(container.id) / "stubs")
      << "/data\n/data/volume\n/etc/hosts\n/used\n/used/in\n/etc/passwd\n";
  shell(upper,
        "mkdir -p data/volume etc used/in; : > etc/hosts; echo mine > used/in/file; "
        "echo changed > etc/passwd");
  CHECK(changes(containers, container) ==
        Lines{"C /etc", "C /etc/passwd", "A /used", "A /used/in", "A /used/in/file"});
  shell(upper, "rm -r used etc");
  CHECK(changes(containers, container) == Lines{});
  shell(upper, "echo 127.0.0.1 > data/hosts");
  CHECK(changes(containers, container) == Lines{"A /data", "A /data/hosts"});
}

TEST_CASE("the size of a container is that of its own layer, and that with its image's") {
  Containers containers(image_script);
  const Container container = containers.create("big");
  shell(containers.upper(container),
        "head -c 100000 /dev/zero | tr '\\0' x > file; ln file again; mkdir d; "
        "echo 12345 > d/small; ln -s file link; truncate -s 1G d/hole");
  const ContainerSize size = container_size(containers.store, container);
  CHECK(size.own == 100006);
  CHECK(size.whole == containers.image.size + 100006);
}
