// A build context on disk, for tests that look at how it is read.
#pragma once

#include "copy_fixture.hpp"

#include <cache/state_directory.hpp>

#include <fcntl.h>
#include <sys/stat.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// A context directory with a store beside it.
class ContextBench {
 public:
  explicit ContextBench(std::string_view tree) {
    std::filesystem::create_directory(folder_ / "context");
    make_tree(folder_ / "context", tree);
  }

  std::filesystem::path operator/(std::string_view name) const {
    return folder_ / "context" / name;
  }
  const std::filesystem::path& folder() const { return folder_.path(); }
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
inline void age(const std::filesystem::path& path, std::time_t time = 1'600'000'000) {
  const timespec times[2] = {{.tv_sec = time, .tv_nsec = 0}, {.tv_sec = time, .tv_nsec = 0}};
  REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0);
}

}  // namespace slipway
