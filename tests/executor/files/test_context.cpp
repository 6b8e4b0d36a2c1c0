#include "context_bench.hpp"

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
