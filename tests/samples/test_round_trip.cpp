// Trees with everything a file system can have, through a build and out of it again: what each
// output gives is what went in.
#include "workshop.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <vector>

using namespace slipway;

namespace {

namespace fs = std::filesystem;

// A tree as lines: path, and what is there.
using Tree = std::map<std::string, std::string>;

std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c >= ' ' && c < 0x7f && c != '\\') {
      result += c;
    } else {
      char code[5];
      std::snprintf(code, sizeof code, "\\x%02x", static_cast<unsigned char>(c));
      result += code;
    }
  }
  return result;
}

std::string xattrs_of(const fs::path& path) {
  std::string names(4096, '\0');
  const ssize_t length = ::llistxattr(path.c_str(), names.data(), names.size());
  std::vector<std::string> shown;
  for (ssize_t at = 0; at < length;) {
    const std::string name = names.c_str() + at;
    at += static_cast<ssize_t>(name.size()) + 1;
    std::string value(4096, '\0');
    const ssize_t size = ::lgetxattr(path.c_str(), name.c_str(), value.data(), value.size());
    value.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    // Those of the system's own, such as security.selinux, are none of the tree's.
    if (name.starts_with("user.") || name == "security.capability")
      shown.push_back(" " + name + "=" + escaped(value));
  }
  std::sort(shown.begin(), shown.end());
  std::string text;
  for (const std::string& one : shown) text += one;
  return text;
}

// All below `root`. A file with several names says the first of them.
Tree tree_of(const fs::path& root) {
  std::vector<std::string> paths;
  for (const auto& entry : fs::recursive_directory_iterator(root))
    paths.push_back(entry.path().lexically_relative(root).string());
  std::sort(paths.begin(), paths.end());
  std::map<std::pair<dev_t, ino_t>, std::string> first;
  Tree tree;
  for (const std::string& path : paths) {
    const fs::path full = root / path;
    struct stat status {};
    REQUIRE(::lstat(full.c_str(), &status) == 0);
    char mode[16];
    std::snprintf(mode, sizeof mode, "%06o", status.st_mode);
    std::string line = std::string(mode) + " " + std::to_string(status.st_uid) + ":" +
                       std::to_string(status.st_gid) + " @" + std::to_string(status.st_mtim.tv_sec);
    if (S_ISREG(status.st_mode)) {
      const std::string content = read(full);
      line += " " + std::to_string(content.size()) + " " +
              std::to_string(std::hash<std::string>()(content));
      const auto [place, fresh] = first.try_emplace({status.st_dev, status.st_ino}, path);
      if (!fresh) line += " is " + escaped(place->second);
    }
    if (S_ISLNK(status.st_mode)) line += " -> " + escaped(fs::read_symlink(full).string());
    if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode))
      line +=
          " " + std::to_string(major(status.st_rdev)) + "," + std::to_string(minor(status.st_rdev));
    tree[escaped(path)] = line + xattrs_of(full);
  }
  return tree;
}

void check_same(const Tree& got, const Tree& wanted) {
  for (const auto& [path, line] : wanted) {
    CAPTURE(path);
    const auto found = got.find(path);
    CHECK((found == got.end() ? "missing" : found->second) == line);
  }
  for (const auto& [path, line] : got) {
    CAPTURE(path);
    CHECK(wanted.contains(path));
  }
}

void write(const fs::path& file, const std::string& text, mode_t mode = 0644) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
  REQUIRE(::chmod(file.c_str(), mode) == 0);
}

// Names and kinds of files that people seldom have, and that nothing may trip over.
void fill(const fs::path& root) {
  for (const char* name :
       {"line\nbreak", "\xff\xfe no UTF-8 \xc3(", "-dash", "--checkpoint-action=exec=false",
        "back\\slash", "\\134", " blanks ", "*?[a-z]", "\u00e9", "e\u0301", "quote\"'`$(x)",
        "tab\t", ".wh", "..x", "...", "%2e%2e", "C:\\x", "#", "!"})
    write(root / "names" / name, name);
  for (const char* name : {"dir\n", "-d", "\xff"}) write(root / "dirs" / name / "f", name);
  write(root / "names" / std::string(255, 'n'), "long");
  std::string deep = "deep";
  for (int i = 0; i < 12; ++i) deep += "/" + std::string(60, static_cast<char>('a' + i));
  write(root / deep / "f", "deep");
  fs::create_symlink("target\nof \xff link", root / "names/link\n");
  fs::create_symlink("/etc/passwd", root / "names/out");
  fs::create_symlink(".", root / "names/self");

  write(root / "links/b first", "one file");
  fs::create_hard_link(root / "links/b first", root / "links/a");
  fs::create_hard_link(root / "links/b first", root / "names/-hard\n\xff");
  write(root / "links/setuid", "s", 06755);
  fs::create_hard_link(root / "links/setuid", root / "links/setuid too");

  write(root / "sparse/hole", "");
  fs::resize_file(root / "sparse/hole", 8 << 20);
  write(root / "sparse/middle", std::string(5000, 'x'));
  fs::resize_file(root / "sparse/middle", 4 << 20);
  std::ofstream(root / "sparse/middle", std::ios::binary | std::ios::app) << "end";
  write(root / "empty", "");
  write(root / "modes/none", "x", 0);
  fs::create_directories(root / "modes/empty");
  REQUIRE(::chmod((root / "modes/empty").c_str(), 03711) == 0);

  REQUIRE(::mkfifo((root / "pipe").c_str(), 0640) == 0);
  // The root of a user's namespace makes none.
  if (::mknod((root / "null").c_str(), S_IFCHR | 0666, makedev(1, 3)) != 0) {
    REQUIRE(errno == EPERM);
  } else {
    // Numbers that take more than a byte each.
    REQUIRE(::mknod((root / "block").c_str(), S_IFBLK | 0600, makedev(259, 70000)) == 0);
  }
  // Neither now nor 0, and different ones.
  std::int64_t time = 1'000'000'000;
  std::vector<fs::path> all;
  for (const auto& entry : fs::recursive_directory_iterator(root)) all.push_back(entry.path());
  std::sort(all.rbegin(), all.rend());  // a directory after what is in it
  for (const fs::path& path : all) {
    const timespec times[2] = {{++time, 0}, {time, 0}};
    REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0);
  }
}

// What type=tar, type=local and type=oci give for a build without a base image, each as a folder.
std::map<std::string, fs::path> outputs(const Workshop& workshop, const fs::path& dockerfile) {
  std::map<std::string, fs::path> folders;
  const auto build = [&](const std::string& kind, const std::string& output) {
    const Built built = workshop.build({"-f", dockerfile, "-o", output});
    INFO(kind, "\n", built.log);
    REQUIRE(built.status == 0);
  };
  const auto at = [&](const std::string& name) { return (workshop.folder() / name).string(); };
  build("local", "type=local,dest=" + at("local"));
  folders["local"] = at("local");

  build("tar", "type=tar,dest=" + at("out.tar"));
  fs::create_directory(at("tar"));
  output_of({"tar", "-C", at("tar"), "--same-owner", "--xattrs", "--xattrs-include=*", "-xpf",
             at("out.tar")});
  folders["tar"] = at("tar");

  if (run({"umoci", "--version"}).status != 0 || run({"skopeo", "--version"}).status != 0) {
    MESSAGE("skipped: umoci or skopeo is not installed");
    return folders;
  }
  build("oci", "type=oci,dest=" + at("oci.tar"));
  output_of({"skopeo", "copy", "--quiet", "--insecure-policy", "oci-archive:" + at("oci.tar"),
             "oci:" + at("layout") + ":image"});
  output_of({"umoci", "unpack", "--image", at("layout") + ":image", at("bundle")});
  folders["oci"] = at("bundle") + "/rootfs";
  return folders;
}

void set_xattr(const fs::path& path, const char* name, std::string_view value) {
  if (::lsetxattr(path.c_str(), name, value.data(), value.size(), 0) != 0)
    FAIL(path.string() << ": " << name << ": " << std::strerror(errno));
}

// cap_net_raw=ep, as setcap writes it.
constexpr std::string_view net_raw{"\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20};
constexpr const char* net_raw_hex = "0100000200200000000000000000000000000000";

}  // namespace

TEST_CASE("a context of every kind of file comes out of each output as it went in") {
  SKIP_UNLESS_ROOT();
  const Workshop workshop({});
  fill(workshop.context());
  const Tree plain = tree_of(workshop.context());
  // As in docker: of a context's files the xattrs stay behind, and a socket is an empty file.
  set_xattr(workshop.context() / "empty", "user.note", "left behind");
  const fs::path socket = workshop.context() / "socket";
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  REQUIRE(socket.native().size() < sizeof address.sun_path);
  std::memcpy(address.sun_path, socket.c_str(), socket.native().size());
  REQUIRE(::bind(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  ::close(descriptor);
  REQUIRE(::chmod(socket.c_str(), 0755) == 0);
  const timespec times[2] = {{1'234'567'890, 0}, {1'234'567'890, 0}};
  REQUIRE(::utimensat(AT_FDCWD, socket.c_str(), times, 0) == 0);
  Tree wanted = plain;
  wanted["socket"] = "100755 0:0 @1234567890 0 " + std::to_string(std::hash<std::string>()(""));

  const fs::path dockerfile = workshop.folder() / "Dockerfile";
  std::ofstream(dockerfile) << "FROM scratch\nCOPY . /\n";
  for (const auto& [kind, folder] : outputs(workshop, dockerfile)) {
    CAPTURE(kind);
    check_same(tree_of(folder), wanted);
  }
  // Nothing is named by its path that a second COPY could not find again.
  std::ofstream(dockerfile) << "FROM scratch AS a\nCOPY . /\nFROM scratch\nCOPY --from=a / /\n";
  const Built again =
      workshop.build({"-f", dockerfile, "-o", (workshop.folder() / "again").string()});
  INFO(again.log);
  REQUIRE(again.status == 0);
  check_same(tree_of(workshop.folder() / "again"), wanted);
}

TEST_CASE("an archive of every kind of file is unpacked with its owners and xattrs") {
  SKIP_UNLESS_ROOT();
  const Workshop workshop({});
  const fs::path root = workshop.folder() / "packed";
  fill(root);
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    const auto number = static_cast<uid_t>(1000 + entry.path().native().size());
    if (entry.is_symlink() || !entry.is_regular_file()) continue;
    struct stat status {};
    REQUIRE(::lstat(entry.path().c_str(), &status) == 0);
    REQUIRE(::lchown(entry.path().c_str(), number, number + 1) == 0);
    REQUIRE(::chmod(entry.path().c_str(), status.st_mode & 07777) == 0);
  }
  set_xattr(root / "empty", "user.note", std::string_view("of\0 a \xff file", 13));
  set_xattr(root / "links/a", "user.shared", "by all names");
  set_xattr(root / "modes/empty", "user.directory", "too");
  set_xattr(root / "links/setuid", "security.capability", net_raw);
  output_of({"tar", "-C", root, "--format=posix", "--xattrs", "--xattrs-include=*",
             "--numeric-owner", "-cf", workshop.context() / "all.tar", "."});
  workshop.write("Dockerfile", "FROM scratch\nADD all.tar /\n");
  const Tree wanted = tree_of(root);
  for (const auto& [kind, folder] : outputs(workshop, workshop.context() / "Dockerfile")) {
    CAPTURE(kind);
    Tree tree = tree_of(folder);
    if (kind == "local") {
      // Whoever asks for the files owns them.
      for (auto& [path, line] : tree) {
        CAPTURE(path);
        CHECK(line.substr(7, 4) == "0:0 ");
        const std::string& of = wanted.at(path);
        line.replace(7, 3, of.substr(7, of.find(' ', 7) - 7));
      }
    }
    check_same(tree, wanted);
  }
}

TEST_CASE("xattrs, capabilities and a setuid bit that a RUN sets stay, also when they are copied") {
  SKIP_UNLESS_ROOT();
  const Workshop workshop;
  fs::copy_file(SLIPWAY_PROBE, workshop.context() / "probe");
  const auto set = [](const std::string& name, const std::string& hex, const std::string& path) {
    return "/probe xattr " + name + " " + hex + " " + path;
  };
  workshop.write(
      "Dockerfile",
      "FROM busybox AS made\n"
      "COPY probe /probe\n"
      "RUN mkdir -p /d/sub && echo x > /d/f && echo y > /d/setuid && chmod 4755 /d/setuid && " +
          set("user.note", "6869", "/d/f") + " && " +
          set("security.capability", net_raw_hex, "/d/f") + " && " +
          set("user.dir", "64", "/d/sub") +
          "\n"
          // The file is copied up, with all it has.
          "RUN touch -d @1500000000 /d/f\n"
          "FROM scratch\n"
          "COPY --from=made /d /d\n"
          "COPY --from=made /d/f /d/setuid /single/\n"
          "COPY --from=made --link /d/f /link/\n"
          "COPY --from=made --chmod=4711 /d/f /changed\n");
  const std::string capability = " security.capability=" + escaped(std::string(net_raw));
  const std::string both = capability + " user.note=hi";
  for (const auto& [kind, folder] : outputs(workshop, workshop.context() / "Dockerfile")) {
    CAPTURE(kind);
    for (const char* file : {"d/f", "single/f", "link/f", "changed"}) {
      CAPTURE(file);
      CHECK(xattrs_of(folder / file) == both);
    }
    CHECK(xattrs_of(folder / "d/sub") == " user.dir=d");
    for (const auto& [file, mode] : {std::pair<const char*, mode_t>{"d/setuid", 04755},
                                     {"single/setuid", 04755},
                                     {"changed", 04711}}) {
      struct stat status {};
      REQUIRE(::lstat((folder / file).c_str(), &status) == 0);
      CHECK((status.st_mode & 07777) == mode);
    }
  }
  // And they are what the next step sees.
  workshop.write("Dockerfile", read(workshop.context() / "Dockerfile") +
                                   "FROM busybox\nCOPY --from=made /probe /d/f /\n"
                                   "RUN /probe xattrs /f > /seen\n");
  const fs::path files = workshop.files_of(workshop.context());
  CHECK(read(files / "seen") ==
        std::string("security.capability ") + net_raw_hex + "\nuser.note 6869\n");
}
