// Copying and hashing in one pass: the layer is that of a plan whose contents were known before.
#include "copy_fixture.hpp"

#include <executor/files/content.hpp>
#include <executor/files/copy_file.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <memory>
#include <system_error>
#include <thread>

using namespace slipway;
namespace fs = std::filesystem;

namespace {

std::string pattern(std::size_t size, unsigned seed) {
  std::string text(size, '\0');
  for (char& byte : text) {
    seed = seed * 1664525 + 1013904223;
    byte = static_cast<char>(seed >> 24);
  }
  return text;
}

void write_file(const fs::path& path, std::string_view text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

// A plan without contents, written first.
struct WrittenFirst {
  WrittenFirst(CopyBench& bench, std::string_view instruction, const StackView& below)
      : inputs(bench.inputs()),
        lower(below),
        plan(plan_copy(parse_copy(instruction), inputs, lower, Contents::known)),
        staging(bench.folder() / "written-first"),
        writer(plan, inputs, lower, staging) {}

  std::vector<const SourceTree*> inputs;
  StackView lower;
  CopyPlan plan;
  Staging staging;
  CopyWriter writer;
};

}  // namespace

TEST_CASE("written before its key is known, a layer is the same byte for byte") {
  if (skipped()) return;
  CopyBench bench;
  bench.context(
      "d/empty =\nd/link -> a\nd/mode 4711 =setuid\nd/pipe |\nd/sub/ 0700\nd/sub/x\n"
      "d/zz == d/mode\nd/sub/other == d/mode");
  const fs::path directory = bench.context_directory() / "d";
  for (unsigned i = 0; i < 600; ++i)
    write_file(directory / ("s" + std::to_string(i % 7)) / ("f" + std::to_string(i)),
               pattern(i * 31, i));
  write_file(directory / "big-first", pattern(5'000'000, 1));
  write_file(directory / "s3/big-between", pattern(3'000'001, 2));
  write_file(directory / "s3/big-between-2", pattern(1 << 20, 3));
  write_file(directory / "zzz-big-last", pattern(9'000'000, 4));
  write_file(directory / "sparse", "start");
  fs::resize_file(directory / "sparse", 6'000'000);

  const CopyPlan known = bench.plan(parse_copy("COPY d <<note=text /t/"));
  const BuiltLayer expected = bench.write(known);
  bench.forget_context();

  WrittenFirst first(bench, "COPY d <<note=text /t/", bench.view());
  CHECK(unknown_contents(first.plan).files > 600);
  first.writer.write();
  CHECK(first.plan.key_parts() == known.key_parts());
  first.writer.complete();
  const BuiltLayer layer = first.writer.layer();
  CHECK(layer.layer.diff_id == expected.layer.diff_id);
  CHECK(layer.layer.tree == expected.layer.tree);
  CHECK(layer.layer.size == expected.layer.size);
  CHECK(layer.index == expected.index);
  CHECK(print_layer(layer, first.staging.upper()) == print_layer(expected, bench.upper()));
}

TEST_CASE("written first, what is as it is below stays out of the layer") {
  if (skipped()) return;
  CopyBench bench;
  bench.context("d/same =text\nd/other =TEXT\nd/new\nd/sub/same");
  bench.below("t/same =text\nt/other =text\nt/sub/same");
  WrittenFirst first(bench, "COPY d /t", bench.view());
  first.writer.write();
  first.writer.complete();
  const BuiltLayer layer = first.writer.layer();
  CHECK(print_layer(layer, first.staging.upper()) ==
        "t/ 0755 0:0\nt/new 0644 0:0 =new\nt/other 0644 0:0 =TEXT\n");
  CHECK_FALSE(fs::exists(first.staging.upper() / "t/same"));
}

TEST_CASE("a layer that is not wanted after all ends in the middle") {
  if (skipped()) return;
  CopyBench bench;
  bench.context("d/x");
  for (unsigned i = 0; i < 300; ++i)
    write_file(bench.context_directory() / "d" / std::to_string(i), pattern(20'000, i));
  fs::path folder;
  {
    WrittenFirst first(bench, "COPY d /t", bench.view());
    first.writer.write();
    folder = first.staging.upper().parent_path();
    CHECK(fs::exists(folder));
  }
  CHECK_FALSE(fs::exists(folder));
}

TEST_CASE("a file that is written while it is copied is named") {
  if (skipped()) return;
  CopyBench bench;
  bench.context("d/x");
  const fs::path busy = bench.context_directory() / "d/busy";
  write_file(busy, pattern(24 << 20, 1));
  WrittenFirst first(bench, "COPY d /t", bench.view());

  std::atomic<bool> done = false;
  std::atomic<bool> began = false;
  std::thread writer([&] {
    // The time of content is set back after each write: the change time alone tells.
    const int file = ::open(busy.c_str(), O_WRONLY | O_CLOEXEC);
    struct stat status {};
    ::fstat(file, &status);
    const timespec times[2] = {status.st_mtim, status.st_mtim};
    for (unsigned i = 0; !done; ++i) {
      CHECK(::pwrite(file, "changed!", 8, (i * 4096) % (24 << 20)) == 8);
      ::futimens(file, times);
      began = true;
    }
    ::close(file);
  });
  while (!began) std::this_thread::yield();
  const std::string message = message_of([&] { first.writer.write(); });
  done = true;
  writer.join();
  CHECK(message.find("\"d/busy\" of the build context changed while it was read") == 0);
}

TEST_CASE("whatever happens to a file while it is read is noticed") {
  if (skipped()) return;
  // Reads, and meddles between the two looks at the file.
  class Meddler : public FileReader {
   public:
    explicit Meddler(std::function<void()> meddle) : meddle_(std::move(meddle)) {}
    std::optional<Digest> read(int descriptor, std::uint64_t size, std::string_view path) override {
      const std::optional<Digest> digest = FileHasher().read(descriptor, size, path);
      meddle_();
      return digest;
    }

   private:
    std::function<void()> meddle_;
  };
  CopyBench bench;
  bench.context("f =text");
  const fs::path file = bench.context_directory() / "f";
  const Entry entry = bench.context_tree().find("f").value();
  struct stat before {};
  REQUIRE(::stat(file.c_str(), &before) == 0);
  std::function<void()> meddle;
  SUBCASE("another content of the same size, its time set back") {
    meddle = [&] {
      const int out = ::open(file.c_str(), O_WRONLY | O_CLOEXEC);
      CHECK(::pwrite(out, "TEXT", 4, 0) == 4);
      const timespec times[2] = {before.st_mtim, before.st_mtim};
      ::futimens(out, times);
      ::close(out);
    };
  }
  SUBCASE("longer") {
    meddle = [&] { std::ofstream(file, std::ios::app) << "more"; };
  }
  SUBCASE("cut") {
    meddle = [&] { fs::resize_file(file, 2); };
  }
  SUBCASE("another mode") {
    meddle = [&] { ::chmod(file.c_str(), 0600); };
  }
  Meddler meddler(meddle);
  CHECK(message_of([&] { bench.context_tree().read(entry, meddler); }) ==
        "\"f\" of the build context changed while it was read");
}

TEST_CASE("holes stay holes, block for block, and are zeros to the hash") {
  CopyBench bench;
  const fs::path source = bench.folder() / "source";
  constexpr std::size_t block = 65536;
  std::string content(40 * block + 100, '\0');
  {
    const int file = ::open(source.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    for (std::size_t i = 1; i < 40; i += 3) {
      const std::string data = pattern(block, static_cast<unsigned>(i));
      REQUIRE(::pwrite(file, data.data(), block, static_cast<off_t>(i * block)) ==
              static_cast<ssize_t>(block));
      content.replace(i * block, block, data);
    }
    REQUIRE(::ftruncate(file, static_cast<off_t>(content.size())) == 0);
    ::close(file);
  }
  const int from = ::open(source.c_str(), O_RDONLY | O_CLOEXEC);
  const fs::path copy = bench.folder() / "copy";
  const int to = ::open(copy.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  std::string bytes;
  FileCopier copier;
  copier.aim({.file = to, .path = "copy", .bytes = &bytes, .progress = {}});
  CHECK(copier.read(from, content.size(), "source") == sha256(content));
  CHECK(bytes == content);
  std::string copied(content.size() + 1, 'x');
  CHECK(::pread(to, copied.data(), copied.size(), 0) == static_cast<ssize_t>(content.size()));
  copied.pop_back();
  CHECK(copied == content);
  struct stat original {};
  struct stat made {};
  REQUIRE(::fstat(from, &original) == 0);
  REQUIRE(::fstat(to, &made) == 0);
  CHECK(made.st_blocks <= original.st_blocks);

  SUBCASE("a file that is shorter or longer than was said gives nothing") {
    CHECK_FALSE(copier.read(from, content.size() + 1, "source"));
    CHECK_FALSE(copier.read(from, content.size() - 1, "source"));
  }
  ::close(from);
  ::close(to);
}

TEST_CASE("where no thread can be had, a COPY is made without") {
  if (skipped()) return;
  // Stacks larger than the address space: no thread can start.
  class NoThreads {
   public:
    NoThreads() {
      ::pthread_getattr_default_np(&before_);
      pthread_attr_t huge;
      ::pthread_attr_init(&huge);
      ::pthread_attr_setstacksize(&huge, std::size_t{1} << 50);
      REQUIRE(::pthread_setattr_default_np(&huge) == 0);
      ::pthread_attr_destroy(&huge);
    }
    NoThreads(const NoThreads&) = delete;
    NoThreads& operator=(const NoThreads&) = delete;
    ~NoThreads() {
      ::pthread_setattr_default_np(&before_);
      ::pthread_attr_destroy(&before_);
    }

   private:
    pthread_attr_t before_;
  };
  CopyBench bench;
  bench.context("d/x");
  for (unsigned i = 0; i < 200; ++i)
    write_file(bench.context_directory() / "d" / std::to_string(i), pattern(20'000, i));
  write_file(bench.context_directory() / "d/large", pattern(3'000'000, 1));
  const BuiltLayer expected = bench.write(bench.plan(parse_copy("COPY d /t")));
  bench.forget_context();

  const NoThreads none;
  CHECK_THROWS_AS(std::thread([] {}).join(), std::system_error);
  SUBCASE("walked ahead") {
    for (unsigned i = 0; i < 40; ++i)
      write_file(bench.context_directory() / "d" / ("in" + std::to_string(i)) / "f", "text");
    Context::Options options;
    options.directory = bench.context_directory();
    options.name = "build context";
    const std::unique_ptr<Context> context = Context::open(std::move(options));
    const CopyFiles copy = parse_copy("COPY d /t");
    context->expect({{VertexId{}, 1, copy}});
    CHECK(context->find("d/in39/f"));
  }
  SUBCASE("copied and hashed in one pass") {
    WrittenFirst first(bench, "COPY d /t", bench.view());
    first.writer.write();
    first.writer.complete();
    CHECK(first.writer.layer().layer.diff_id == expected.layer.diff_id);
  }
  SUBCASE("hashed first") {
    CHECK(bench.write(bench.plan(parse_copy("COPY d /t"))).layer.diff_id == expected.layer.diff_id);
  }
}

TEST_CASE("hashing an endless file ends when the context is stopped") {
  CopyBench bench;
  bench.context("hole =x\nf =text");
  const fs::path hole = bench.context_directory() / "hole";
  fs::resize_file(hole, std::uintmax_t{1} << 40);
  SUBCASE("and what was read of it is in no later digest") {
    const int file = ::open(hole.c_str(), O_RDONLY | O_CLOEXEC);
    unsigned asked = 0;
    FileHasher hasher([&] {
      if (++asked == 3) throw Error("stopped");
    });
    CHECK(message_of([&] { hasher.read(file, std::uint64_t{1} << 40, "hole"); }) == "stopped");
    ::close(file);
    const int other = ::open((bench.context_directory() / "f").c_str(), O_RDONLY | O_CLOEXEC);
    CHECK(hasher.read(other, 4, "f") == sha256("text"));
    ::close(other);
  }
  SUBCASE("in the middle of the context's own reading") {
    Context::Options options;
    options.directory = bench.context_directory();
    options.name = "build context";
    const std::unique_ptr<Context> context = Context::open(std::move(options));
    REQUIRE(context->find("hole"));
    const auto bytes_read = [] {
      std::ifstream io("/proc/self/io");
      std::string label;
      std::uint64_t count = 0;
      io >> label >> count;
      return count;
    };
    const std::uint64_t before = bytes_read();
    std::string message;
    std::thread reader([&] { message = message_of([&] { context->digests({"hole"}); }); });
    // Only then is it in the middle of the file, and not before its first byte.
    while (bytes_read() < before + (std::uint64_t{16} << 20)) std::this_thread::yield();
    context->stop();
    reader.join();
    CHECK(message == "reading the build context was interrupted");
  }
}
