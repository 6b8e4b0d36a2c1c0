#include "copy_fixture.hpp"

#include <cache/stat_cache/stat_cache.hpp>
#include <cache/state_directory.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

using namespace slipway;
namespace fs = std::filesystem;

namespace {

// A context directory with a store beside it.
class ContextBench {
 public:
  explicit ContextBench(std::string_view tree) {
    fs::create_directory(folder_ / "context");
    make_tree(folder_ / "context", tree);
  }

  fs::path operator/(std::string_view name) const { return folder_ / "context" / name; }
  const fs::path& folder() const { return folder_.path(); }
  void write(std::string_view name, std::string_view text) {
    std::ofstream(*this / name, std::ios::binary) << text;
  }
  StateDirectory& state() { return state_; }

  std::unique_ptr<Context> open(std::vector<std::string> ignore = {}) {
    return open(state_, std::move(ignore));
  }
  std::unique_ptr<Context> open(StateDirectory& state, std::vector<std::string> ignore = {}) {
    Context::Options options;
    options.directory = folder_ / "context";
    options.name = "build context";
    options.ignore = IgnoreRules(ignore);
    options.state = &state;
    return Context::open(std::move(options));
  }

  // A whole use: every file's digest, remembered. Gives how many files were read.
  std::uint64_t use(std::vector<std::string> ignore = {}) {
    const auto context = open(std::move(ignore));
    read_all(*context, "");
    context->remember();
    return context->figures().files_hashed;
  }

  static void read_all(const Context& context, std::string_view directory) {
    for (const Entry& entry : context.children(directory)) {
      if (entry.type == Entry::Type::directory) read_all(context, entry.path);
      if (entry.type == Entry::Type::file) context.digest(entry);
    }
  }

  Digest digest(std::string_view path) {
    const auto context = open();
    const Digest digest = context->digest(context->find(path).value());
    context->remember();
    return digest;
  }

 private:
  TemporaryFolder folder_;
  StateDirectory state_{folder_ / "state"};
};

// Lets a coarse clock pass: what was changed just now is then old.
void age(const fs::path& path, std::time_t time = 1'600'000'000) {
  const timespec times[2] = {{.tv_sec = time, .tv_nsec = 0}, {.tv_sec = time, .tv_nsec = 0}};
  REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0);
}

}  // namespace

TEST_CASE("a context is its entries, with docker's metadata") {
  ContextBench bench("d/ 0711\nd/f 4755 5:6 =text\nl -> d/f\nother == d/f\np 0600 |");
  const auto context = bench.open();
  CHECK(context->list("") == std::vector<std::string>{"d", "l", "other", "p"});
  CHECK(context->list("d") == std::vector<std::string>{"f"});
  CHECK(context->list("missing").empty());
  CHECK(context->list("l").empty());

  const Entry file = context->find("d/f").value();
  CHECK(file.type == Entry::Type::file);
  CHECK(file.mode == 04755);
  CHECK(file.uid == 0);
  CHECK(file.gid == 0);
  CHECK(file.size == 4);
  CHECK(file.mtime == 1'600'000'000);
  CHECK(file.xattrs.empty());
  CHECK(context->digest(file) == sha256("text"));
  CHECK(context->find("d")->mode == 0711);
  CHECK(context->find("l")->link_target == "d/f");
  // Both names know each other by the one that was seen first.
  CHECK(context->find("other")->hard_link == "other");
  CHECK(context->find("d/f")->hard_link == "other");
  CHECK(context->find("p")->type == Entry::Type::fifo);
  CHECK(context->find("")->mode == 0755);
  CHECK_FALSE(context->find("d/g"));
  CHECK(context->resolve("l", true).path == "d/f");
  CHECK(context->resolve("l", false).path == "l");
}

TEST_CASE("a socket is an empty file, as docker sends it") {
  ContextBench bench("d/x");
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  const std::string path = (bench / "d/s").native();
  REQUIRE(path.size() < sizeof address.sun_path);
  path.copy(address.sun_path, path.size());
  REQUIRE(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  const auto context = bench.open();
  const Entry entry = context->find("d/s").value();
  CHECK(entry.type == Entry::Type::file);
  CHECK(entry.size == 0);
  CHECK(context->digest(entry) == sha256(""));
  const int file = context->open(entry);
  char byte = 0;
  CHECK(::read(file, &byte, 1) == 0);
  ::close(file);
  ::close(socket);
}

TEST_CASE("an unchanged context is not read again") {
  ContextBench bench("a\nd/b\nd/e/c\nempty =");
  for (const char* path : {"a", "d/b", "d/e/c"}) age(bench / path);
  const std::uint64_t first = bench.use();
  CHECK(first == 3);
  // Where change times are coarse, files this young are not trusted yet.
  if (bench.use() != 0) {
    MESSAGE("coarse change times here: waits until the files are old enough");
    ::usleep(2'100'000);
    bench.use();
  }
  CHECK(bench.use() == 0);
  const auto context = bench.open();
  CHECK(context->find("a")->content == sha256("a"));

  SUBCASE("a touched file alone is read, and is the same") {
    age(bench / "a");
    CHECK(bench.use() == 1);
    CHECK(bench.digest("a") == sha256("a"));
  }
  SUBCASE("another mode means another look") {
    REQUIRE(::chmod((bench / "a").c_str(), 0600) == 0);
    CHECK(bench.use() == 1);
  }
  SUBCASE("a content of the same size and time is seen") {
    bench.write("a", "b");
    age(bench / "a");
    CHECK(bench.digest("a") == sha256("b"));
  }
  SUBCASE("another file under the same name and time is seen") {
    bench.write("new", "b");
    age(bench / "new");
    fs::rename(bench / "new", bench / "a");
    CHECK(bench.digest("a") == sha256("b"));
  }
  SUBCASE("a stat cache that is damaged costs a reading") {
    const fs::path file = stat_cache_file(bench.state(), bench / "");
    REQUIRE(fs::exists(file));
    std::ofstream(file, std::ios::binary) << "nonsense";
    CHECK(bench.use() == 3);
    CHECK(bench.digest("a") == sha256("a"));
  }
  SUBCASE("what another Dockerfile of the directory excludes is not forgotten") {
    bench.write("new", "text");
    age(bench / "new");
    CHECK(bench.use({"d"}) == 1);
    CHECK(bench.use() == 0);
  }
}

TEST_CASE("a file that is edited within one tick of the clock is never stale") {
  ContextBench bench("a =0000");
  // Written in place, so that nothing but the change time can tell; the time of content is set
  // back.
  const int file = ::open((bench / "a").c_str(), O_WRONLY | O_CLOEXEC);
  REQUIRE(file >= 0);
  const timespec times[2] = {{.tv_sec = 1'600'000'000, .tv_nsec = 0},
                             {.tv_sec = 1'600'000'000, .tv_nsec = 0}};
  int stale = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::string text = std::to_string(1000 + i);
    REQUIRE(::pwrite(file, text.data(), text.size(), 0) == 4);
    if (i % 2 == 0) REQUIRE(::futimens(file, times) == 0);
    if (i % 3 == 0) bench.digest("a");  // remembered, if it may be, before it is edited again
    if (bench.digest("a") != sha256(text)) ++stale;
  }
  ::close(file);
  CHECK(stale == 0);
}

TEST_CASE("a file replaced again and again by one of the same size and time is never stale") {
  ContextBench bench("a =0000");
  int stale = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::string text = std::to_string(1000 + i);
    fs::remove(bench / "a");  // its inode number is free for the next one
    bench.write("a", text);
    age(bench / "a");
    if (bench.digest("a") != sha256(text)) ++stale;
  }
  CHECK(stale == 0);
}

TEST_CASE("what is written through a mapping is seen") {
  ContextBench bench("a =0000");
  const int file = ::open((bench / "a").c_str(), O_RDWR | O_CLOEXEC);
  void* const mapping = ::mmap(nullptr, 4, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  REQUIRE(mapping != MAP_FAILED);
  const int reader = ::open((bench / "a").c_str(), O_RDONLY | O_CLOEXEC);
  const bool told = has_writer(reader);
  ::close(reader);
  // The first store marks the page dirty and the file changed; the later ones leave no mark.
  for (int i = 0; i < 100 && told; ++i) {
    const std::string text = std::to_string(1000 + i);
    std::memcpy(mapping, text.data(), text.size());
    REQUIRE(bench.digest("a") == sha256(text));
  }
  ::munmap(mapping, 4);
  ::close(file);
  if (!told) MESSAGE("skipped: this file system does not tell who writes");
}

TEST_CASE("builds of one context in several processes learn from each other") {
  ContextBench bench("x =");
  constexpr int builds = 4;
  for (int b = 0; b < builds; ++b) {
    bench.write("f" + std::to_string(b), "text");
    age(bench / ("f" + std::to_string(b)));
  }
  for (int round = 0; round < 2; ++round) {
    std::vector<pid_t> children;
    for (int b = 0; b < builds; ++b) {
      const pid_t child = ::fork();
      if (child == 0) {
        {
          StateDirectory state(bench.folder() / "state");
          const auto context = bench.open(state);
          context->digest(context->find("f" + std::to_string(b)).value());
          context->remember();
        }
        ::_exit(0);
      }
      children.push_back(child);
    }
    for (const pid_t child : children) {
      int status = 1;
      ::waitpid(child, &status, 0);
      CHECK(status == 0);
    }
    if (bench.open()->find("f0")->content != Digest{}) break;
    ::usleep(2'100'000);  // coarse change times
  }
  const auto context = bench.open();
  for (int b = 0; b < builds; ++b)
    CHECK(context->find("f" + std::to_string(b))->content == sha256("text"));
}

TEST_CASE("two builds of one context may remember at once") {
  ContextBench bench("a\nb\nc");
  const auto one = bench.open();
  const auto other = bench.open();
  ContextBench::read_all(*one, "");
  ContextBench::read_all(*other, "");
  one->remember();
  other->remember();
  CHECK(bench.digest("a") == sha256("a"));
  CHECK(bench.digest("c") == sha256("c"));
}

TEST_CASE("a file that changes between the walk and the reading is named") {
  ContextBench bench(
      "d/growing =text\nd/linked =text\nd/gone =text\nd/rewritten =text\n"
      "d/named =text");
  const auto context = bench.open();
  const auto digest = [&](std::string_view path) {
    return message_of([&] { context->digest(context->find(path).value()); });
  };
  REQUIRE(context->find("d/growing"));
  bench.write("d/growing", "longer text");
  CHECK(digest("d/growing") == "\"d/growing\" of the build context changed while it was read");
  fs::remove(bench / "d/gone");
  CHECK(digest("d/gone") == "\"d/gone\" of the build context changed while it was read");
  // Swapped for a link to something else: not followed.
  fs::remove(bench / "d/linked");
  fs::create_symlink("/etc/passwd", bench / "d/linked");
  CHECK(digest("d/linked") == "\"d/linked\" of the build context changed while it was read");
  // Another time alone: the layer would hold the earlier one beside a content that may be later.
  age(bench / "d/rewritten", 1'500'000'000);
  CHECK(digest("d/rewritten") == "\"d/rewritten\" of the build context changed while it was read");
  // One more name is no change of the file.
  fs::create_hard_link(bench / "d/named", bench / "other");
  CHECK(digest("d/named") == "");
}

TEST_CASE("a directory swapped for a link does not lead out") {
  ContextBench bench("d/f =mine");
  const auto context = bench.open();
  const Entry entry = context->find("d/f").value();
  fs::create_directory(bench.folder() / "outside");
  std::ofstream(bench.folder() / "outside/f") << "text";
  fs::remove_all(bench / "d");
  fs::create_symlink("../outside", bench / "d");
  CHECK(message_of([&] { context->digest(entry); }).find("changed") != std::string::npos);
  CHECK(message_of([&] { context->open(entry); }).find("changed") != std::string::npos);
}

TEST_CASE("what cannot be read matters only to who asks for it") {
  ContextBench bench("ok\nsecret 0600\nlocked/ 0700\nlocked/x");
  if (::geteuid() != 0) {
    MESSAGE("skipped: becoming a user without rights takes root");
    return;
  }
  fs::permissions(bench.folder(), fs::perms(0755));
  fs::permissions(bench / "secret", fs::perms(0));
  fs::permissions(bench / "locked", fs::perms(0));
  REQUIRE(::seteuid(65534) == 0);
  const auto context = bench.open();
  const bool listed = context->find("ok").has_value() && context->find("locked").has_value();
  const std::string of_file = message_of([&] { context->digest(context->find("secret").value()); });
  const std::string of_directory = message_of([&] { context->list("locked"); });
  const std::string of_other = message_of([&] { context->digest(context->find("ok").value()); });
  REQUIRE(::seteuid(0) == 0);
  CHECK(listed);
  CHECK(of_file.find("secret") != std::string::npos);
  CHECK(of_file.find("Permission denied") != std::string::npos);
  CHECK(of_directory.find("locked") != std::string::npos);
  CHECK(of_other == "");
}

TEST_CASE("an excluded directory is not walked unless something in it may be re-included") {
  ContextBench bench(
      "src/a.c\nnode_modules/x/1\nnode_modules/x/2\nnode_modules/y/3\nlogs/a\n"
      "logs/keep/b");
  const auto pruned = bench.open({"node_modules", "logs"});
  CHECK(pruned->list("") == std::vector<std::string>{"src"});
  CHECK(pruned->list("src") == std::vector<std::string>{"a.c"});
  CHECK(pruned->figures().entries == 4);  // three names at the top, one in src
  CHECK(pruned->absence("logs/a") == "it is excluded by .dockerignore");
  CHECK(pruned->absence("src/b.c") == "");

  const auto kept = bench.open({"node_modules", "logs", "!logs/keep"});
  CHECK(kept->list("") == std::vector<std::string>{"logs", "src"});
  CHECK(kept->list("logs") == std::vector<std::string>{"keep"});
}

TEST_CASE("a walk ends with the build, and what it has not read is read when it is asked for") {
  ContextBench bench("a/b/c/d\ne/f");
  const CopyFiles copy = parse_copy("COPY . /");
  const auto context = bench.open();
  context->stop();
  context->expect({{VertexId{}, 1, copy}});
  CHECK(context->figures().entries == 2);  // the root's
  CHECK(context->find("a/b/c/d"));
}

TEST_CASE("only what an instruction takes is walked") {
  struct Row {
    const char* instruction;
    std::uint64_t entries;  // names in the directories that must be opened, and no others
  };
  // Five names at the top; one directory of them is large and another one deep.
  const std::string_view tree =
      "package.json\nsrc/a.c\nsrc/b.h\nsrc/sub/c.c\nnode_modules/x/1\nnode_modules/x/2\n"
      "node_modules/y/3\nlink -> src/sub\nsrc/up -> ../../out/of/it\ndocs/en/a.md\ndocs/de/a.md\n"
      "docs/de/img/1";
  const Row rows[] = {
      {"COPY package.json /", 5},
      {"COPY package.json docs/en/a.md /", 5 + 2 + 1},
      {"COPY src /", 5 + 4 + 1},
      {"COPY src/sub /", 5 + 4 + 1},
      {"COPY link /", 5 + 4 + 1},  // through the link to what it names
      {"COPY link/c.c /", 5 + 4 + 1},
      {"COPY *.json /", 5},  // a wildcard stays in its directory
      {"COPY src/*.c /", 5 + 4},
      {"COPY docs/*/a.md /", 5 + 2 + 1 + 2},
      {"COPY docs/d* /", 5 + 2 + 2 + 1},  // what it matches is taken whole
      {"COPY --exclude=node_modules --exclude=docs . /", 5 + 4 + 1},
      {"COPY --exclude=node_modules --exclude=!node_modules/y --exclude=docs/* . /",
       5 + 4 + 1 + 2 + 1 + 2},
      {"COPY --parents src/sub/c.c /", 5 + 4 + 1},
      {"COPY --parents docs/./en/a.md /", 5 + 2 + 1},
      {"COPY --parents docs/./e*/ /", 5 + 2 + 1},
      {"ADD package.json /", 5},
      {"COPY . /", 5 + 4 + 1 + 2 + 2 + 1 + 2 + 1 + 2 + 1},
      {"COPY missing/file /", 5},
      {"COPY src/missing /", 5 + 4},
  };
  ContextBench bench(tree);
  for (const Row& row : rows) {
    CAPTURE(row.instruction);
    const CopyFiles copy = parse_copy(row.instruction);
    const auto lazy = bench.open();
    const std::string missing = message_of([&] {
      plan_copy(copy, {nullptr, lazy.get()}, StackView({}));
    });
    CHECK(missing.empty() ==
          (std::string_view(row.instruction).find("missing") == std::string_view::npos));
    CHECK(lazy->figures().entries == row.entries);
    // What is read ahead is the same, neither more nor less.
    const auto eager = bench.open();
    eager->expect({{VertexId{}, 1, copy}});
    CHECK(eager->figures().entries == row.entries);
    message_of([&] { plan_copy(copy, {nullptr, eager.get()}, StackView({})); });
    CHECK(eager->figures().entries == row.entries);
  }
}

TEST_CASE(
    "what is excluded is walked only where something may come back, and only if it is asked for") {
  ContextBench bench("app/main\nbig/1\nbig/2\nbig/deep/3\nbig/deep/keep\nother/1");
  const std::vector<std::string> ignore = {"*", "!app", "!big/deep/keep"};
  const auto entries = [&](const char* instruction) {
    const auto context = bench.open(ignore);
    const CopyFiles copy = parse_copy(instruction);
    context->expect({{VertexId{}, 1, copy}});
    plan_copy(copy, {nullptr, context.get()}, StackView({}));
    return context->figures().entries;
  };
  CHECK(entries("COPY app /") == 3 + 1);
  CHECK(entries("COPY app/main /") == 3 + 1);
  CHECK(entries("COPY big/deep /") == 3 + 3 + 2);
  CHECK(entries("COPY . /") == 3 + 1 + 3 + 2);
  CHECK(message_of([&] { entries("COPY other /"); }).find("other") != std::string::npos);
}

TEST_CASE("hard links stay together whatever was read before") {
  ContextBench bench("a/1\nb/2 == a/1\nc/3 == a/1\nd/4");
  const auto context = bench.open();
  CHECK(context->find("c/3")->hard_link == "c/3");
  const CopyPlan plan = plan_copy(parse_copy("COPY . /"), {nullptr, context.get()}, StackView({}));
  std::string links;
  for (const PlanItem& item : plan.items)
    if (!item.entry.hard_link.empty()) links += item.entry.path + "=" + item.entry.hard_link + " ";
  CHECK(links == "b/2=a/1 c/3=a/1 ");
}

TEST_CASE("two Dockerfiles over one context do not make each other forget") {
  ContextBench bench("api/a\napi/b\nweb/c");
  for (const char* path : {"api/a", "api/b", "web/c"}) age(bench / path);
  const auto build = [&](const char* instruction) {
    const auto context = bench.open();
    const CopyFiles copy = parse_copy(instruction);
    context->expect({{VertexId{}, 1, copy}});
    plan_copy(copy, {nullptr, context.get()}, StackView({}));
    context->remember();
    return context->figures().files_hashed;
  };
  CHECK(build("COPY api /") == 2);
  CHECK(build("COPY web /") == 1);
  if (build("COPY api /") != 0) {
    MESSAGE("coarse change times here: waits until the files are old enough");
    ::usleep(2'100'000);
    build("COPY api /");
    build("COPY web /");
  }
  CHECK(build("COPY web /") == 0);
  CHECK(build("COPY api /") == 0);
  bench.write("web/c", "other");
  CHECK(build("COPY web /") == 1);
  CHECK(build("COPY api /") == 0);
}

TEST_CASE("a large context: every entry once, in order, whatever thread saw it") {
  ContextBench bench("x");
  constexpr int folders = 60;
  constexpr int files = 40;
  for (int d = 0; d < folders; ++d) {
    const std::string folder = "d" + std::to_string(d) + "/sub";
    fs::create_directories(bench / folder);
    for (int f = 0; f < files; ++f)
      bench.write(folder + "/f" + std::to_string(f), std::to_string(d * files + f));
  }
  const auto context = bench.open();
  CHECK(context->list("").size() == folders + 1);
  std::vector<std::string> paths;
  for (int d = 0; d < folders; ++d) {
    const std::string folder = "d" + std::to_string(d) + "/sub";
    const std::vector<Entry> found = context->children(folder);
    REQUIRE(found.size() == files);
    for (std::size_t i = 1; i < found.size(); ++i)
      CHECK(path_less(found[i - 1].path, found[i].path));
    for (const Entry& entry : found) paths.push_back(entry.path);
  }
  const std::vector<Digest> digests =
      context->digests(std::vector<std::string_view>(paths.begin(), paths.end()));
  REQUIRE(digests.size() == folders * files);
  for (std::size_t i = 0; i < paths.size(); ++i) {
    std::ifstream in(bench / paths[i]);
    std::string text;
    in >> text;
    CHECK(digests[i] == sha256(text));
  }
  CHECK(context->figures().files_hashed == folders * files);
}

TEST_CASE("a context that is no directory is an error") {
  ContextBench bench("file");
  Context::Options options;
  options.name = "build context";
  options.directory = bench / "missing";
  CHECK(message_of([&] { Context::open(std::move(options)); }).find("does not exist") !=
        std::string::npos);
  Context::Options other;
  other.name = "build context";
  other.directory = bench / "file";
  CHECK(message_of([&] { Context::open(std::move(other)); }).find("is no directory") !=
        std::string::npos);
}

TEST_CASE("a store that lies in the context is no part of it, by whatever name it was opened") {
  TemporaryFolder folder;
  fs::create_directory(folder / "context");
  make_tree(folder / "context", "a\nsub/b");
  fs::create_directory_symlink(folder / "context/sub", folder / "other");
  StateDirectory state(folder / "other/.state");
  const auto open = [&](const std::vector<std::string>& ignore) {
    Context::Options options;
    options.directory = folder / "context";
    options.name = "build context";
    options.state = &state;
    options.ignore = IgnoreRules(ignore);
    return Context::open(std::move(options));
  };
  const auto plain = open({});
  CHECK(plain->list("sub") == std::vector<std::string>{"b"});
  // "a", "sub", and what is in "sub": nothing below the store was read.
  CHECK(plain->figures().entries == 4);
  CHECK_FALSE(plain->find("sub/.state"));
  CHECK(open({"*", "!sub/.state/**"})->list("sub").empty());

  Context::Options itself;
  itself.directory = folder / "context/sub/.state";
  itself.name = "build context";
  itself.state = &state;
  CHECK_THROWS_WITH_AS(Context::open(std::move(itself)),
                       doctest::Contains("is slipway's own store"), Error);
}

TEST_CASE("a path of the machine that lies in the context is told by its name there") {
  ContextBench bench("src/main.c");
  const auto context = bench.open();
  const fs::path file = fs::canonical(bench / "src/main.c");
  CHECK(context->absence(file.relative_path().native()) ==
        "paths begin at the build context: did you mean \"src/main.c\"?");
  CHECK(context->absence("no/such/file").empty());
}
