#include "busybox.hpp"

#include "../files/copy_fixture.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <regex>
#include <stdexcept>

namespace slipway {
namespace {

namespace fs = std::filesystem;

constexpr const char* tree =
    "bin/\n"
    "dev/\n"
    "etc/passwd =root:x:0:0:root:/root:/bin/sh\\ndaemon:x:1:1::/sbin:/bin/false\\n"
    "builder:x:1000:1001::/home/builder:/bin/sh\\n\n"
    "etc/group =root:x:0:\\ndaemon:x:1:\\nwheel:x:10:root,builder\\naudio:x:29:builder\\n"
    "builder:x:1001:\\n\n"
    "etc/hosts =\n"
    "etc/resolv.conf =\n"
    "home/builder/ 0755 1000:1001\n"
    "proc/\n"
    "root/ 0700\n"
    "sys/\n"
    "tmp/ 1777\n";

// Not all four hundred: each case has a copy of the image.
constexpr std::array applets{
    "[",        "awk",      "cat",    "chmod", "chown",   "chroot",  "cp",        "cut",
    "date",     "dd",       "echo",   "env",   "false",   "find",    "grep",      "head",
    "hostname", "id",       "ip",     "kill",  "ln",      "ls",      "mkdir",     "mkfifo",
    "mknod",    "mount",    "mv",     "nc",    "printf",  "ps",      "pwd",       "readlink",
    "rm",       "rmdir",    "sed",    "seq",   "setsid",  "sh",      "sha256sum", "sleep",
    "sort",     "stat",     "su",     "tail",  "test",    "timeout", "touch",     "tr",
    "true",     "truncate", "umount", "uname", "unshare", "wc",      "whoami",    "xargs"};

}  // namespace

bool needs_busybox(const BuildCase& one) {
  static const std::regex shape("(^|\\n)from busybox\\b", std::regex::icase);
  return std::any_of(one.fields.begin(), one.fields.end(), [](const auto& field) {
    return (field.first == "dockerfile" || field.first.starts_with("image ")) &&
           std::regex_search(field.second, shape);
  });
}

void write_busybox(const fs::path& directory) {
  const fs::path root = directory.string() + ".root";
  fs::create_directories(directory);
  fs::create_directories(root);
  make_tree(root, tree);
  fs::copy_file("/bin/busybox", root / "bin/busybox");
  fs::copy_file(SLIPWAY_PROBE, root / "bin/probe");
  for (const char* name : applets) fs::create_symlink("busybox", root / "bin" / name);
  const std::string command = "tar --numeric-owner --mtime=@" + std::to_string(usual_time) +
                              " -C '" + root.string() + "' -cf '" +
                              (directory / "rootfs.tar").string() + "' .";
  if (std::system(command.c_str()) != 0) throw std::runtime_error("tar failed: " + command);
  std::ofstream(directory / "Dockerfile") << "FROM scratch\nADD rootfs.tar /\n";
  fs::remove_all(root);
}

}  // namespace slipway
