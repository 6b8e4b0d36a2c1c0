// Files that are made to be misread.
#include "attack_fixture.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <string>

using namespace slipway;
namespace fs = std::filesystem;

// The root and everything in it is mounted nodev: the capability to make a device is docker's, the
// device is nobody's.
TEST_CASE("a device of a layer, or one that the step makes, opens the host's disk") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep step(
      "for d in / /tmp2 /dev /dev/shm /memory /cache; do mkdir -p $d; "
      "mknod $d/disk b 254 0 2> /dev/null; mknod $d/mem c 1 1 2> /dev/null; "
      "mknod $d/kmsg c 1 11 2> /dev/null; mknod $d/zero2 c 1 5 2> /dev/null; "
      "for n in disk mem kmsg zero2; do (head -c 1 $d/$n > /dev/null) 2> /dev/null && echo $d/$n; "
      "done; done; for n in disk zero; do (head -c 1 /image/$n) 2> /dev/null && echo /image/$n; "
      "done; echo done");
  step.with_busybox();
  fs::create_directories(step.image / "image");
  if (::mknod((step.image / "image/disk").c_str(), S_IFBLK | 0666, makedev(254, 0)) != 0 ||
      ::mknod((step.image / "image/zero").c_str(), S_IFCHR | 0666, makedev(1, 5)) != 0) {
    MESSAGE("root's alone: a user makes no devices");
    return;
  }
  step.request.mounts = {mount_at(RunProcess::Mount::Type::tmpfs, "/memory"),
                         cache_at("/cache", step.pad.path() / "cache")};
  CHECK(step.run(*runner).out == "done\n");
}

// The kernel's overlay makes no device 0/0, which would be a deletion in the layer, and a step has
// not the right to write the attributes that make a directory opaque.
TEST_CASE("whiteouts and opaque directories cannot be forged") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep step(
      "mkdir /d; mknod /whiteout c 0 0 2> /dev/null && echo made; "
      "for n in trusted.overlay.opaque trusted.overlay.redirect trusted.overlay.metacopy "
      "trusted.overlay.whiteout; do probe xattr $n 79 /d && echo $n; done; "
      "probe xattrs /d");
  CHECK(step.with_busybox().with_probe().run(*runner).out == "");
  const auto upper = step.request.upper;
  CHECK(!fs::exists(fs::symlink_status(upper / "whiteout")));
  CHECK(::lgetxattr((upper / "d").c_str(), "trusted.overlay.redirect", nullptr, 0) < 0);
}

TEST_CASE("a directory of a root without layers cannot be made opaque either") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep step("");
  step.with_busybox().with_probe();
  ResolvedMount tools = mount_at(RunProcess::Mount::Type::bind, "/bin");
  tools.lowers = {step.image / "bin"};
  tools.mount.read_only = true;
  step.request.lowers.clear();
  step.request.mounts = {tools};
  step.operation.arguments = {"/bin/sh", "-c",
                              "mknod /whiteout c 0 0 2> /dev/null && echo made; mkdir /d; "
                              "probe xattr trusted.overlay.opaque 79 /d && echo set; true"};
  CHECK(step.run(*runner).out == "");
}

// Nothing of this is more than a file to the sandbox.
TEST_CASE("names of any bytes, and what would be names of deletions") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep step(
      "mkdir /d && cd /d && touch .wh.a .wh..wh..opq .wh..wh.plnk \"$(printf 'new\\nline')\" "
      "\"$(printf '\\377\\376')\" -- '--help' && set -- * .[!.]* && echo $#; rm -r /d");
  CHECK(step.with_busybox().run(*runner).out == "6\n");
  CHECK(step.left().empty());
}
