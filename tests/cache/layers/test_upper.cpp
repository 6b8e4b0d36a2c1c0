// The table of what overlayfs leaves behind, action by action (executor-limits, section 2.1), on a
// real mount.
#include "overlay_fixture.hpp"

#include <cache/layers/overlay_marks.hpp>
#include <cache/layers/upper.hpp>
#include <ir/error.hpp>

#include <doctest/doctest.h>

#include <sys/stat.h>
#include <sys/xattr.h>

#include <algorithm>

using namespace slipway;
using Paths = std::vector<std::string>;

namespace {

// The directory holds what the layer does, and is no other layer by that: it will lie above other
// files, too.
void check_clean(const OverlayMount& overlay) {
  UpperTree tree(overlay.upper(), overlay.below());
  const BuiltLayer built = tree.index();
  tree.clean();
  CHECK(tree.index().layer == built.layer);
  CHECK(index_upper(overlay.upper(), overlay.below()).layer == built.layer);
  Paths on_disk;
  for (const auto& item : std::filesystem::recursive_directory_iterator(overlay.upper())) {
    on_disk.push_back(item.path().lexically_relative(overlay.upper()).native());
    if (item.is_directory()) {
      CHECK(::lgetxattr(item.path().c_str(), opaque_mark(), nullptr, 0) < 0);
    }
  }
  const auto index = LayerIndex::from_bytes(built.index);
  Paths in_index;
  for (std::size_t at = 0; at < index->size(); ++at) {
    if (!index->entry(at).path.empty()) in_index.push_back(index->entry(at).path);
  }
  std::sort(on_disk.begin(), on_disk.end());
  std::sort(in_index.begin(), in_index.end());
  CHECK(on_disk == in_index);
}

// What a layer holds after `script` ran over a lower that `lower` made.
Paths after(const std::string& lower, const std::string& script) {
  OverlayMount overlay;
  const std::string make = "cd '" + overlay.lower().native() + "' && set -e\n" + lower +
                           "\nfind . -exec touch -h -d @1600000000 {} +";
  REQUIRE(std::system(make.c_str()) == 0);
  overlay.mount();
  overlay.run(script);
  const Paths paths = overlay.layer();
  check_clean(overlay);
  return paths;
}

#define NEEDS_OVERLAY()                                               \
  if (const std::string reason = OverlayMount::reason_to_skip(); !reason.empty()) { \
    MESSAGE("skipped: " << reason);                                   \
    return;                                                           \
  }

const std::string tree = "mkdir -p d/e; echo a > d/e/a; echo b > d/b; echo f > f; ln -s f l";

}  // namespace

TEST_CASE("a step that changes nothing leaves an empty layer") {
  NEEDS_OVERLAY();
  CHECK(after(tree, "true") == Paths{});
  CHECK(after(tree, "cat f >> /dev/null; ls -lR >/dev/null") == Paths{});
  CHECK(after(tree, "mkdir x; touch x/y; rm -r x") == Paths{});
  CHECK(after(tree, "mv f g; mv g f") == Paths{});
  CHECK(after(tree, "chmod 644 f; chown 0:0 f d; chmod 755 d") == Paths{});
  CHECK(after(tree, "exec 3<>f") == Paths{});
}

TEST_CASE("mode, owner, time and content of a file are changes of that file") {
  NEEDS_OVERLAY();
  CHECK(after(tree, "chmod 600 f") == Paths{"f"});
  CHECK(after(tree, "chown 1:2 f") == Paths{"f"});
  CHECK(after(tree, "touch f") == Paths{"f"});
  CHECK(after(tree, "echo x >> f") == Paths{"f"});
  CHECK(after(tree, "chmod 700 d") == Paths{"d/"});
  CHECK(after(tree, "rm l; ln -s g l") == Paths{"l"});
}

TEST_CASE("equal size and time do not hide another content") {
  NEEDS_OVERLAY();
  CHECK(after(tree, "echo F > f; touch -d @1600000000 f") == Paths{"f"});
}

TEST_CASE("the directories above a change come along as they were") {
  NEEDS_OVERLAY();
  OverlayMount overlay;
  std::filesystem::create_directories(overlay.lower() / "d/e");
  ::chmod((overlay.lower() / "d").c_str(), 01777);
  REQUIRE(std::system(("touch -d @1600000000 '" + overlay.lower().native() + "/d'").c_str()) == 0);
  overlay.mount();
  overlay.run("echo new > d/e/new");
  CHECK(overlay.layer() == Paths{"d/", "d/e/", "d/e/new"});
  const auto index = LayerIndex::from_bytes(index_upper(overlay.upper(), overlay.below()).index);
  CHECK(index->entry(0) == overlay.below().find("d"));  // mode and time
}

TEST_CASE("what is removed is whited out, as a whole") {
  NEEDS_OVERLAY();
  CHECK(after(tree, "rm f") == Paths{"-f"});
  CHECK(after(tree, "rm -r d") == Paths{"-d"});
  CHECK(after(tree, "rm d/e/a") == Paths{"d/", "d/e/", "-d/e/a"});
}

TEST_CASE("a directory made anew says by name what is gone from it") {
  NEEDS_OVERLAY();
  CHECK(after(tree, "rm -r d; mkdir d") == Paths{"d/", "-d/b", "-d/e"});
  // Opaqueness is inherited: d/e carries no mark of its own.
  CHECK(after(tree, "rm -r d; mkdir d d/e; echo n > d/e/n") ==
        Paths{"d/", "-d/b", "d/e/", "-d/e/a", "d/e/n"});
  // The same file again, at the same time: only its neighbour is gone.
  CHECK(after(tree, "rm -r d; mkdir d; echo b > d/b; touch -d @1600000000 d/b") ==
        Paths{"d/", "-d/e"});
}

TEST_CASE("a file in a directory's place, and the other way round, is the entry alone") {
  NEEDS_OVERLAY();
  CHECK(after(tree, "rm f; mkdir f; echo x > f/x") == Paths{"f/", "f/x"});
  CHECK(after(tree, "rm -r d; echo x > d") == Paths{"d"});
}

TEST_CASE("a renamed directory is a whiteout and a new tree") {
  NEEDS_OVERLAY();
  CHECK(after(tree, "mv d n") == Paths{"-d", "n/", "n/b", "n/e/", "n/e/a"});
}

TEST_CASE("names of one file stay names of one file") {
  NEEDS_OVERLAY();
  CHECK(after("", "echo x > b; ln b a; ln b c") == Paths{"a", "b=a", "c=a"});
  // A new name of an old file keeps the file in the layer.
  CHECK(after(tree, "ln f z") == Paths{"f", "z=f"});
  // Appending to one of two breaks the link, as overlayfs does it.
  CHECK(after("echo x > a; ln a b", "echo y >> b") == Paths{"b"});
  CHECK(after("", "ln -s nowhere s; ln s t") == Paths{"s", "t=s"});
}

TEST_CASE("sockets are left out, devices and pipes are not") {
  NEEDS_OVERLAY();
  CHECK(after("", "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"s\")'") ==
        Paths{});
  CHECK(after("", "mkfifo p") == Paths{"p"});
  if (OverlayMount::is_machines_root()) CHECK(after("", "mknod n c 1 3") == Paths{"n"});
}

TEST_CASE("a sparse file has its full size, and xattrs of overlayfs stay out") {
  NEEDS_OVERLAY();
  OverlayMount overlay;
  write_text(overlay.lower() / "f", "text");
  overlay.mount();
  overlay.run("truncate -s 3M sparse; echo end >> sparse; chmod 600 f; setfattr -n user.n -v v f "
              "2>/dev/null || python3 -c 'import os; os.setxattr(\"f\", \"user.n\", b\"v\")'");
  const auto index = LayerIndex::from_bytes(index_upper(overlay.upper(), overlay.below()).index);
  const Entry sparse = index->entry(index->find("sparse").value());
  CHECK(sparse.size == 3 * 1024 * 1024 + 4);
  CHECK(sparse.content == sha256(std::string(3 << 20, '\0') + "end\n"));
  const Entry file = index->entry(index->find("f").value());
  CHECK(file.xattrs == decltype(file.xattrs){{"user.n", "v"}});
}

TEST_CASE("the stack of below and the new layer is what the mount shows") {
  NEEDS_OVERLAY();
  OverlayMount overlay;
  const std::string make = "cd '" + overlay.lower().native() + "' && " + tree;
  REQUIRE(std::system(make.c_str()) == 0);
  overlay.mount();
  overlay.run("rm -r d/e; mkdir d/e; echo n > d/e/n; rm f; mkdir -p f/deep; ln -s d/e way");
  std::vector<StackView::Layer> layers = overlay.below().layers();
  layers.push_back({overlay.upper(),
                    LayerIndex::from_bytes(index_upper(overlay.upper(), overlay.below()).index)});
  const StackView view(layers);
  std::size_t seen = 0;
  for (const auto& item : std::filesystem::recursive_directory_iterator(overlay.merged())) {
    const std::string path = item.path().lexically_relative(overlay.merged()).native();
    CHECK_MESSAGE(view.find(path), path);
    ++seen;
  }
  CHECK(seen == 8);
  CHECK(view.list("d/e") == Paths{"n"});
  CHECK(view.resolve("way/n", true).path == "d/e/n");
}

TEST_CASE("a directory's time stays when what it does not give to the layer is removed from it") {
  NEEDS_OVERLAY();
  OverlayMount overlay;
  REQUIRE(std::system(("cd '" + overlay.lower().native() + "' && " + tree).c_str()) == 0);
  overlay.mount();
  overlay.run("chmod 644 d/b; rm -r d/e; mkdir d/e; touch d/e/n; touch -d @1500000000 d d/e");
  check_clean(overlay);
  for (const char* const directory : {"d", "d/e"}) {
    struct stat status {};
    REQUIRE(::stat((overlay.upper() / directory).c_str(), &status) == 0);
    CHECK(status.st_mtim.tv_sec == 1500000000);
  }
}
