// docker's rules for what lands where, and containers that are after this machine's files.
#include "container_fixture.hpp"

#include <cache/layers/beneath.hpp>
#include <executor/containers/copy.hpp>
#include <ir/error.hpp>

#include "executor/rights.hpp"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <sstream>

namespace fs = std::filesystem;
using namespace slipway;

namespace {

#define SKIP_WITHOUT_MOUNTS()                               \
  if (!rights.missing.empty() || rights.space.refused) {    \
    MESSAGE("skipped, no mounts here: " << rights.missing); \
    return;                                                 \
  }                                                         \
  static_assert(true)

constexpr const char* image_script = R"(
  mkdir -p dir/sub etc; echo one > dir/one; echo two > dir/sub/two; echo root > etc/passwd
  echo file > file; ln -s dir to_dir; ln -s /dir/one to_one; ln -s /new/name to_nothing
  mkdir full; echo old > full/one; mkdir -p full/dir/sub
)";

// What a folder holds, "dir/" for directories, "name=content" for files, "name->target" for links.
std::string listing(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const fs::path path = entry.path().lexically_relative(folder);
    if (entry.is_symlink()) {
      names.push_back(path.string() + "->" + fs::read_symlink(entry.path()).string());
    } else if (entry.is_directory()) {
      names.push_back(path.string() + "/");
    } else if (entry.is_regular_file()) {
      std::string content = content_of(entry.path());
      if (content.ends_with('\n')) content.pop_back();
      names.push_back(path.string() + "=" + content);
    } else {
      names.push_back(path.string() + "?");
    }
  }
  std::sort(names.begin(), names.end());
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : " ") + name;
  return text;
}

struct stat status_of(const fs::path& path) {
  struct stat status {};
  REQUIRE_MESSAGE(::lstat(path.c_str(), &status) == 0, path);
  return status;
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

struct Bench : Containers {
  Bench() : Containers(image_script), container(create("box")), here(folder / "here") {
    fs::create_directory(here);
  }
  // Paths of this machine are names in `here`.
  CopiedFiles out(const std::string& source, const std::string& destination, bool follow = false) {
    const auto tree = open_container_tree(store, container);
    return copy_out(*tree,
                    {source, here.string() + "/" + destination, false, follow, container.name});
  }
  CopiedFiles in(const std::string& source, const std::string& destination, bool follow = false) {
    const auto tree = open_container_tree(store, container);
    return copy_in(*tree,
                   {here.string() + "/" + source, destination, false, follow, container.name});
  }
  std::string changed() { return listing(upper(container)); }

  Container container;
  fs::path here;
};

}  // namespace

TEST_CASE("out of a container: what lands where") {
  SKIP_WITHOUT_MOUNTS();
  Bench bench;
  struct Case {
    const char* source;
    const char* destination;
    const char* result;  // of `here`, which has old=old and there/
  };
  const std::string dir = "one=one sub/ sub/two=two";
  for (const auto& [source, destination, result] : std::array{
           Case{"/file", "new", "new=file old=old there/"},
           Case{"file", "old", "old=file there/"},
           Case{"/file", "there", "old=old there/ there/file=file"},
           Case{"/file", "there/", "old=old there/ there/file=file"},
           Case{"/file", "there/name", "old=old there/ there/name=file"},
           Case{"/dir", "new", "new/ new/one=one new/sub/ new/sub/two=two old=old there/"},
           Case{"/dir/", "new", "new/ new/one=one new/sub/ new/sub/two=two old=old there/"},
           Case{"/dir/.", "new", "new/ new/one=one new/sub/ new/sub/two=two old=old there/"},
           Case{"/dir", "there",
                "old=old there/ there/dir/ there/dir/one=one there/dir/sub/ there/dir/sub/two=two"},
           Case{"/dir/.", "there", "old=old there/ there/one=one there/sub/ there/sub/two=two"},
           Case{"/dir/sub/../sub", "there", "old=old there/ there/sub/ there/sub/two=two"},
           Case{"/to_dir", "there", "old=old there/ there/to_dir->dir"},
           Case{"/to_dir/", "new", "new/ new/one=one new/sub/ new/sub/two=two old=old there/"},
           Case{"/to_dir/one", "there", "old=old there/ there/one=one"},
           Case{"/to_one", "new", "new->/dir/one old=old there/"},
       }) {
    shell(bench.here, "rm -rf * && echo old > old && mkdir there");
    CAPTURE(source);
    CAPTURE(destination);
    bench.out(source, destination);
    CHECK(listing(bench.here) == result);
  }
  shell(bench.here, "rm -rf *");
  bench.out("/to_one", "named", true);
  CHECK(listing(bench.here) == "named=one");
  CHECK(bench.changed().empty());
}

TEST_CASE("into a container: what lands where") {
  SKIP_WITHOUT_MOUNTS();
  struct Case {
    const char* source;
    const char* destination;
    const char* result;  // of the container's own layer
  };
  for (const auto& [source, destination, result] : std::array{
           Case{"f", "/new", "new=mine"},
           Case{"f", "new", "new=mine"},
           Case{"f", "/file", "file=mine"},
           Case{"f", "/full", "full/ full/f=mine"},
           Case{"f", "/full/one", "full/ full/one=mine"},
           Case{"f", "/to_dir", "dir/ dir/f=mine"},
           Case{"f", "/to_one", "dir/ dir/one=mine"},
           Case{"f", "/../../../new", "new=mine"},
           Case{"d", "/new", "new/ new/one=1 new/sub/ new/sub/x=x"},
           Case{"d", "/full", "full/ full/d/ full/d/one=1 full/d/sub/ full/d/sub/x=x"},
           Case{"d/.", "/full", "full/ full/one=1 full/sub/ full/sub/x=x"},
           Case{"d/.", "/full/dir",
                "full/ full/dir/ full/dir/one=1 full/dir/sub/ full/dir/sub/x=x"},
           Case{"l", "/full", "full/ full/l->/etc/shadow"},
       }) {
    Bench bench;
    shell(bench.here,
          "echo mine > f; mkdir -p d/sub; echo 1 > d/one; echo x > d/sub/x; "
          "ln -s /etc/shadow l");
    CAPTURE(source);
    CAPTURE(destination);
    bench.in(source, destination);
    CHECK(bench.changed() == result);
  }
}

TEST_CASE("what is refused, with nothing done") {
  SKIP_WITHOUT_MOUNTS();
  Bench bench;
  shell(bench.here, "echo mine > f; mkdir d; echo x > d/one; mkdir -p m/one");
  const auto refused = [&](const std::function<void()>& copy) {
    const std::string message = message_of(copy);
    CHECK_FALSE(message.empty());
    return message;
  };
  refused([&] { bench.in("f", "/no/where"); });
  CHECK(refused([&] { bench.in("f", "/nowhere/"); }).find("no directory") != std::string::npos);
  CHECK(refused([&] { bench.in("d", "/file"); }).find("no directory") != std::string::npos);
  refused([&] { bench.in("f", "/file/"); });
  refused([&] { bench.in("f", "/to_nothing"); });  // its directory is not there
  refused([&] { bench.in("nothing", "/"); });
  refused([&] { bench.in("f/", "/"); });
  for (const char* path : {"/nothing", "/no/where"})
    CHECK(refused([&] { bench.out(path, "x"); }) ==
          "could not find " + quoted(path) + " in the container \"box\"");
  refused([&] { bench.out("/file/.", "x"); });
  refused([&] { bench.out("/dir", "f"); });
  refused([&] { bench.out("/file", "no/where"); });
  CHECK(bench.changed().empty());
  CHECK(listing(bench.here) == "d/ d/one=x f=mine m/ m/one/");
  // A file and a directory do not take each other's place.
  CHECK(refused([&] { bench.in("m/.", "/dir"); }).find("no directory") != std::string::npos);
  CHECK(refused([&] { bench.out("/dir/.", "m"); }).find("directory") != std::string::npos);
}

TEST_CASE("owners, modes and times") {
  SKIP_WITHOUT_MOUNTS();
  Bench bench;
  shell(bench.here,
        "mkdir d; echo x > d/file; chmod 2750 d; chown 3:4 d/file; chmod 4640 d/file; "
        "ln d/file d/other; mkfifo -m 620 d/pipe; touch -d @1000000000 d/file d");
  const fs::path upper = bench.upper(bench.container);
  const auto owner = [&](const fs::path& path) {
    return std::to_string(status_of(path).st_uid) + ":" + std::to_string(status_of(path).st_gid);
  };
  const auto mode = [&](const fs::path& path) { return status_of(path).st_mode & 07777; };

  SUBCASE("in") {
    bench.in("d", "/d");
    CHECK(owner(upper / "d/file") == "0:0");
    CHECK(mode(upper / "d/file") == 04640);
    CHECK(mode(upper / "d") == 02750);
    CHECK(mode(upper / "d/pipe") == 0620);
    CHECK(status_of(upper / "d/file").st_ino == status_of(upper / "d/other").st_ino);
    CHECK(status_of(upper / "d").st_mtim.tv_sec == 1000000000);
    CHECK(status_of(upper / "d/file").st_mtim.tv_sec == 1000000000);
  }
  SUBCASE("in, with -a") {
    const auto tree = open_container_tree(bench.store, bench.container);
    copy_in(*tree, {bench.here / "d", "/d", true, false});
    CHECK(owner(upper / "d/file") == "3:4");
  }
  SUBCASE("out") {
    bench.in("d", "/d");
    shell(upper, "chown 5:6 d/file; chmod 4755 d/file");
    bench.out("/d/.", "back");
    CHECK(owner(bench.here / "back/file") == "0:0");
    // A stranger's program gets nobody's rights here.
    CHECK(mode(bench.here / "back/file") == 0755);
    CHECK(mode(bench.here / "back") == 0750);
    const auto tree = open_container_tree(bench.store, bench.container);
    copy_out(*tree, {"/d/file", bench.here / "kept", true, false});
    CHECK(owner(bench.here / "kept") == "5:6");
    CHECK(mode(bench.here / "kept") == 04755);
  }
}

TEST_CASE("a directory that is there already stays as it is") {
  SKIP_WITHOUT_MOUNTS();
  Bench bench;
  shell(bench.here, "mkdir -p d/full; chmod 700 d/full; echo n > d/full/new");
  bench.in("d/.", "/");
  CHECK((status_of(bench.upper(bench.container) / "full").st_mode & 07777) == 0755);
  CHECK(bench.changed() == "full/ full/new=n");
}

TEST_CASE("a container's links lead to its own files alone") {
  SKIP_WITHOUT_MOUNTS();
  Bench bench;
  bench.folder.write("secret", "of this machine");
  const std::string outside = (bench.folder / "secret").string();
  const fs::path upper = bench.upper(bench.container);
  const std::string up = "../../../../../../../../../../../..";
  shell(upper, "ln -s '" + outside + "' absolute; ln -s '" + up + outside +
                   "' relative; "
                   "ln -s '" +
                   bench.folder.path().string() +
                   "' folder; mkdir evil; "
                   "ln -s '" +
                   bench.folder.path().string() + "' evil/folder; ln -s / evil/root");
  shell(bench.here, "echo mine > mine; mkdir into");

  // Nothing of this machine comes out ...
  for (const char* path : {"/absolute", "/relative", "/folder/secret", "/evil/folder/secret"})
    CHECK_FALSE(message_of([&] { bench.out(path, "stolen", true); }).empty());
  CHECK_FALSE(fs::exists(bench.here / "stolen"));
  bench.out("/evil", "into");
  CHECK(fs::is_symlink(bench.here / "into/evil/folder"));
  // ... and nothing goes in by them.
  CHECK_FALSE(message_of([&] { bench.in("mine", "/absolute"); }).empty());
  CHECK_FALSE(message_of([&] { bench.in("mine", "/folder/"); }).empty());
  CHECK_FALSE(message_of([&] { bench.in("mine", "/evil/folder/planted"); }).empty());
  bench.in("mine", "/evil/root/planted");
  CHECK(fs::exists(upper / "planted"));
  CHECK(bench.folder.read("secret") == "of this machine");
  CHECK_FALSE(fs::exists("/planted"));
  // A link of the user's that stands where a directory comes is not followed.
  shell(bench.here, "mkdir target merged; ln -s ../target merged/sub");
  CHECK_FALSE(message_of([&] { bench.out("/dir/.", "merged"); }).empty());
  CHECK(listing(bench.here / "target").empty());
}

TEST_CASE("devices, pipes and sockets hold nobody up and come out as nothing dangerous") {
  SKIP_WITHOUT_MOUNTS();
  Bench bench;
  shell(bench.upper(bench.container),
        "mkdir odd; mkfifo odd/pipe; echo x > odd/file; "
        "truncate -s 1T odd/hole");
  const bool devices =
      ::mknod((bench.upper(bench.container) / "odd/null").c_str(), S_IFCHR | 0666, 0x103) == 0;
  const CopiedFiles copied = bench.out("/odd", "odd");
  CHECK(copied.left_out ==
        (devices ? std::vector<std::string>{"odd/null"} : std::vector<std::string>{}));
  CHECK_FALSE(fs::exists(bench.here / "odd/null"));
  CHECK(S_ISFIFO(status_of(bench.here / "odd/pipe").st_mode));
  CHECK(status_of(bench.here / "odd/hole").st_size == std::int64_t{1} << 40);
  CHECK(status_of(bench.here / "odd/hole").st_blocks < 1000);
  if (devices) CHECK_FALSE(message_of([&] { bench.out("/odd/null", "null"); }).empty());
}

TEST_CASE("no file takes the place of a device, a pipe or a socket") {
  SKIP_WITHOUT_MOUNTS();
  Bench bench;
  shell(bench.here, "echo mine > mine; mkfifo pipe; mkdir merged; ln -s pipe to_pipe");
  shell(bench.upper(bench.container), "mkfifo pipe");
  CHECK(message_of([&] { bench.out("/file", "pipe"); }).find("not overwritten") !=
        std::string::npos);
  CHECK_FALSE(message_of([&] { bench.out("/file", "to_pipe"); }).empty());
  CHECK_FALSE(message_of([&] { bench.in("mine", "/pipe"); }).empty());
  CHECK(S_ISFIFO(status_of(bench.here / "pipe").st_mode));
  CHECK(S_ISFIFO(status_of(bench.upper(bench.container) / "pipe").st_mode));
  if (::mknod((bench.here / "merged/one").c_str(), S_IFCHR | 0666, 0x103) != 0) {
    MESSAGE("skipped in part, no devices here");
    return;
  }
  CHECK_FALSE(message_of([&] { bench.out("/dir/one", "merged/one"); }).empty());
  CHECK_FALSE(message_of([&] { bench.out("/dir/.", "merged"); }).empty());
  CHECK(S_ISCHR(status_of(bench.here / "merged/one").st_mode));
}

TEST_CASE("a directory is not copied into itself") {
  SKIP_WITHOUT_MOUNTS();
  Bench bench;
  ContainerConfig config;
  ContainerMount bind;
  bind.source = bench.here.string();
  bind.target = "/here";
  config.mounts = {bind};
  bench.container = bench.create("bound", config);
  shell(bench.here, "mkdir below; echo x > x");
  CHECK(message_of([&] { bench.out("/here", "below"); }).find("into itself") != std::string::npos);
}

TEST_CASE("volumes and binds are part of the tree, read-only ones for reading") {
  SKIP_WITHOUT_MOUNTS();
  Bench bench;
  bench.store.volumes().create("data", {});
  const fs::path volume = bench.store.volumes().directory("data");
  shell(bench.here, "mkdir host ro; echo h > host/h; echo mine > mine; echo r > ro/r");
  ContainerConfig config;
  ContainerMount data;
  data.type = ContainerMount::Type::volume;
  data.source = "data";
  data.target = "/srv/data";
  ContainerMount nested;
  nested.source = (bench.here / "host").string();
  nested.target = "/srv/data/host";
  ContainerMount locked;
  locked.source = (bench.here / "ro").string();
  locked.target = "/ro";
  locked.read_only = true;
  config.mounts = {nested, data, locked};
  bench.container = bench.create("mounted", config);

  bench.in("mine", "/srv/data/mine");
  bench.in("mine", "/srv/data/host/mine");
  CHECK(content_of(volume / "mine") == "mine\n");
  CHECK(content_of(bench.here / "host/mine") == "mine\n");
  bench.out("/srv/data/host/h", "h");
  CHECK(content_of(bench.here / "h") == "h\n");
  bench.out("/ro/r", "r");
  CHECK_FALSE(message_of([&] { bench.in("mine", "/ro/"); }).empty());
  // What was made for the mounts is no change of the container's.
  CHECK(container_changes(bench.store, bench.container).empty());
}

TEST_CASE("nothing goes into a read-only root, but into its volumes") {
  SKIP_WITHOUT_MOUNTS();
  Bench bench;
  bench.store.volumes().create("data", {});
  ContainerConfig config;
  ContainerMount data;
  data.type = ContainerMount::Type::volume;
  data.source = "data";
  data.target = "/data";
  config.mounts = {data};
  config.read_only = true;
  bench.container = bench.create("fixed", config);
  shell(bench.here, "echo mine > mine");
  CHECK(message_of([&] { bench.in("mine", "/new"); }).find("Read-only") != std::string::npos);
  bench.in("mine", "/data/");
  CHECK(fs::exists(bench.store.volumes().directory("data") / "mine"));
}

TEST_CASE("a tar goes out and in again, with its owners") {
  SKIP_WITHOUT_MOUNTS();
  Bench bench;
  shell(bench.upper(bench.container),
        "mkdir t; echo x > t/file; chown 3:4 t/file; ln t/file t/again; "
        "ln -s file t/link; chmod 4711 t/file");
  const auto tar_of = [&](const std::string& path) {
    std::string tar;
    const auto tree = open_container_tree(bench.store, bench.container);
    copy_out(*tree, {path, "", false, false}, [&tar](std::span<const std::byte> bytes) {
      tar.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    });
    return tar;
  };
  const auto put = [&](const std::string& tar, const std::string& path) {
    bench.folder.write("tar", tar);
    DescriptorSource source(
        FileDescriptor(::open((bench.folder / "tar").c_str(), O_RDONLY | O_CLOEXEC)));
    const auto tree = open_container_tree(bench.store, bench.container, false);
    copy_in(*tree, {"", path, false, false}, source);
  };
  bench.folder.write("names", tar_of("/t"));
  CHECK(std::system(("test \"$(tar -tf " + (bench.folder / "names").string() +
                     " | tr '\\n' ' ')\" = 't/ t/again t/file t/link '")
                        .c_str()) == 0);
  put(tar_of("/t"), "/full");
  const fs::path made = bench.upper(bench.container) / "full/t";
  CHECK(content_of(made / "file") == "x\n");
  CHECK(status_of(made / "file").st_uid == 3);
  CHECK((status_of(made / "file").st_mode & 07777) == 04711);
  CHECK(status_of(made / "file").st_ino == status_of(made / "again").st_ino);
  CHECK(fs::read_symlink(made / "link") == "file");
  // What means a deletion in a layer's tar is a name in this one.
  shell(bench.upper(bench.container), "mkdir odd; echo x > odd/.wh.name");
  put(tar_of("/odd"), "/full");
  CHECK(content_of(bench.upper(bench.container) / "full/odd/.wh.name") == "x\n");
  put(tar_of("/t/."), "/");
  CHECK(content_of(bench.upper(bench.container) / "again") == "x\n");
  CHECK_FALSE(message_of([&] { put(tar_of("/t"), "/file"); }).empty());
  CHECK_FALSE(message_of([&] { put(tar_of("/t"), "/nowhere"); }).empty());
}

TEST_CASE("a directory of a tar is as its own entry says, also behind what is in it") {
  SKIP_WITHOUT_MOUNTS();
  Bench bench;
  shell(bench.here,
        "mkdir -p d/sub; echo x > d/sub/file; chmod 2750 d; touch -d @1000000000 d; "
        "tar --no-recursion --numeric-owner --owner=3 --group=4 -cf tar d/sub/file d");
  DescriptorSource source(
      FileDescriptor(::open((bench.here / "tar").c_str(), O_RDONLY | O_CLOEXEC)));
  copy_in(*open_container_tree(bench.store, bench.container), {"", "/full", false, false}, source);
  const struct stat said = status_of(bench.upper(bench.container) / "full/d");
  CHECK(said.st_uid == 3);
  CHECK(said.st_gid == 4);
  CHECK((said.st_mode & 07777) == 02750);
  CHECK(said.st_mtim.tv_sec == 1000000000);
  const struct stat implied = status_of(bench.upper(bench.container) / "full/d/sub");
  CHECK(implied.st_uid == 0);
  CHECK((implied.st_mode & 07777) == 0755);
}

TEST_CASE("a tar's names lead nowhere out of the container") {
  SKIP_WITHOUT_MOUNTS();
  Bench bench;
  const fs::path victim = bench.folder / "victim";
  fs::create_directory(victim);
  shell(bench.here, "mkdir one two; ln -s '" + victim.string() +
                        "' one/way; mkdir two/way; "
                        "echo bad > two/way/file; echo good > two/fine; "
                        "tar -cf bad.tar -C one way -C ../two way/file fine");
  shell(bench.upper(bench.container), "ln -s dir/sub short");
  shell(bench.here, "mkdir short; echo x > short/x; tar -cf short.tar short/x");
  const auto put = [&](const std::string& name) {
    DescriptorSource source(
        FileDescriptor(::open((bench.here / name).c_str(), O_RDONLY | O_CLOEXEC)));
    const auto tree = open_container_tree(bench.store, bench.container, false);
    copy_in(*tree, {"", "/", false, false}, source);
  };
  message_of([&] { put("bad.tar"); });
  CHECK(fs::is_empty(victim));
  // A link of the container's is the container's business: so /bin is /usr/bin.
  put("short.tar");
  CHECK(content_of(bench.upper(bench.container) / "dir/sub/x") == "x\n");
}

TEST_CASE("a container that somebody copies from cannot be started meanwhile") {
  SKIP_WITHOUT_MOUNTS();
  Bench bench;
  const fs::path folder = bench.store.containers().folder(bench.container.id);
  {
    const auto tree = open_container_tree(bench.store, bench.container);
    CHECK_FALSE(ContainerLock::attempt(folder));
  }
  CHECK(ContainerLock::attempt(folder));
}
