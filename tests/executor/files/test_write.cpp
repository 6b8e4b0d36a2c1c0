// Writing a plan: what the table of cases does not reach.
#include "copy_fixture.hpp"

#include <ir/error.hpp>

#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

using namespace slipway;
namespace fs = std::filesystem;

namespace {

std::string read_text(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("a source that changes after it was planned is named, and no layer comes of it") {
  if (skipped()) return;
  CopyBench bench;
  bench.context("d/a =text\nd/b =text");
  const CopyPlan plan = bench.plan(parse_copy("COPY d /t"));
  SUBCASE("another content of the same size") {
    std::ofstream(bench.context_directory() / "d/b") << "TEXT";
  }
  SUBCASE("longer") { std::ofstream(bench.context_directory() / "d/b") << "more text"; }
  SUBCASE("gone") { fs::remove(bench.context_directory() / "d/b"); }
  SUBCASE("a link now") {
    fs::remove(bench.context_directory() / "d/b");
    fs::create_symlink("/etc/passwd", bench.context_directory() / "d/b");
  }
  const std::string message = message_of([&] { bench.write(plan); });
  CHECK(message.find("\"d/b\" of the build context changed") != std::string::npos);
}

TEST_CASE("large and sparse files arrive whole") {
  if (skipped()) return;
  CopyBench bench;
  bench.context("d/x");
  std::string large;
  for (int i = 0; large.size() < 3'000'000; ++i) large += std::to_string(i) + ",";
  std::ofstream(bench.context_directory() / "d/large", std::ios::binary) << large;
  const fs::path sparse = bench.context_directory() / "d/sparse";
  std::ofstream(sparse) << "start";
  fs::resize_file(sparse, 8'000'000);
  std::ofstream(sparse, std::ios::binary | std::ios::app) << "end";
  fs::resize_file(sparse, 9'000'000);

  const BuiltLayer layer = bench.write(bench.plan(parse_copy("COPY d /t")));
  CHECK(read_text(bench.upper() / "t/large") == large);
  CHECK(read_text(bench.upper() / "t/sparse") == read_text(sparse));
  CHECK(layer.layer.size == large.size() + 9'000'000 + 1);
  struct stat status {};
  REQUIRE(::stat((bench.upper() / "t/sparse").c_str(), &status) == 0);
  struct stat original {};
  REQUIRE(::stat(sparse.c_str(), &original) == 0);
  if (original.st_blocks * 512 < 1'000'000) CHECK(status.st_blocks * 512 < 4'000'000);
}

TEST_CASE("extended attributes of a stage arrive, those of a context do not") {
  if (skipped()) return;
  CopyBench bench;
  bench.context("f");
  const fs::path file = bench.context_directory() / "f";
  if (::setxattr(file.c_str(), "user.note", "x", 1, 0) != 0) {
    MESSAGE("skipped: no extended attributes on this file system");
    return;
  }
  const CopyPlan from_context = bench.plan(parse_copy("COPY f /"));
  CHECK(from_context.items.at(0).entry.xattrs.empty());

  LayerBuilder builder;
  Entry entry;
  entry.path = "g";
  entry.mode = 0755;
  entry.xattrs = {{"user.note", "from the stage"}};
  builder.add(entry);
  const auto index = LayerIndex::from_bytes(builder.finish().index);
  fs::create_directory(bench.folder() / "xattr-layer");
  std::ofstream(bench.folder() / "xattr-layer/g");
  const auto tree = stack_tree(StackView({{bench.folder() / "xattr-layer", index}}), "stage s");
  CopyFiles copy = parse_copy("COPY g /");
  const StackView nothing({});
  const std::vector<const SourceTree*> inputs = {nullptr, tree.get()};
  const CopyPlan plan = plan_copy(copy, inputs, nothing);
  const Staging staging(bench.folder() / "staging-xattr");
  write_copy(plan, inputs, nothing, staging);
  char value[64];
  const ssize_t size =
      ::getxattr((staging.upper() / "g").c_str(), "user.note", value, sizeof value);
  REQUIRE(size > 0);
  CHECK(std::string(value, static_cast<std::size_t>(size)) == "from the stage");
}

TEST_CASE("a character device 0:0 would be a whiteout and is refused") {
  CopyBench bench;
  bench.context("d/x");
  const fs::path device = bench.context_directory() / "d/null";
  if (::mknod(device.c_str(), S_IFCHR | 0600, 0) != 0) {
    MESSAGE("skipped: no rights to make a device");
    return;
  }
  CHECK(bench.error("COPY d /t").find("character device 0:0") != std::string::npos);
}

TEST_CASE("WORKDIR makes what is missing") {
  if (skipped()) return;
  MakeDirectory workdir;
  workdir.path = "/srv/app";
  CopyBench bench;
  SUBCASE("all of it, in an empty root") {
    CHECK(bench.run_directory(workdir) == "srv/ 0755 0:0\nsrv/app/ 0755 0:0\n");
  }
  SUBCASE("with the owner of USER") {
    workdir.owner = "56";
    CHECK(bench.run_directory(workdir) == "srv/ 0755 56:56\nsrv/app/ 0755 56:56\n");
  }
  SUBCASE("with an owner by name") {
    bench.below("etc/passwd =app:x:7:8:::");
    workdir.owner = "app";
    CHECK(bench.run_directory(workdir) == "srv/ 0755 7:8\nsrv/app/ 0755 7:8\n");
  }
  SUBCASE("below what is there, which stays as it is") {
    bench.below("srv/ 0700 1:2");
    CHECK(bench.run_directory(workdir) == "srv/ 0700 1:2\nsrv/app/ 0755 0:0\n");
  }
  SUBCASE("nothing where it is there, through a link too") {
    bench.below("data/app/\nsrv -> data");
    CHECK(bench.run_directory(workdir) == "");
  }
  SUBCASE("not where a file is") {
    bench.below("srv");
    CHECK(message_of([&] { bench.run_directory(workdir); }).find("\"/srv\" is in the way") == 0);
  }
  SUBCASE("with a slash at its end") {
    workdir.path = "/srv/";
    CHECK(bench.run_directory(workdir) == "srv/ 0755 0:0\n");
  }
}

TEST_CASE("a root of unusual mode is written down with whatever is below it") {
  if (skipped()) return;
  LayerBuilder builder;
  Entry root;
  root.type = Entry::Type::directory;
  root.mode = 0700;
  root.uid = 3;
  builder.add(root);
  CopyBench bench;
  bench.context("a");
  fs::create_directory(bench.folder() / "root-layer");
  const StackView below({{bench.folder() / "root-layer",
                          LayerIndex::from_bytes(builder.finish().index)}});
  const std::vector<const SourceTree*> inputs = bench.inputs();
  const CopyFiles copy = parse_copy("COPY a /");
  const Staging staging(bench.folder() / "staging-root");
  const BuiltLayer layer = write_copy(plan_copy(copy, inputs, below), inputs, below, staging);
  CHECK(print_layer(layer, staging.upper()) == "/ 0700 3:0\na 0644 0:0 =a\n");
}

TEST_CASE("a new name for a file that is below keeps both names in the layer") {
  if (skipped()) return;
  CopyBench bench;
  bench.context("d/a =text\nd/b == d/a");
  bench.below("t/a =text");
  CHECK(bench.run("COPY d /t") == "t/ 0755 0:0\nt/a 0644 0:0 =text\nt/b == t/a\n");
}
