// An unchanged build context beside find, in one run: bench_context [FILES]
//
// Alternates the two sides and prints medians and their ratio. Both list every file with its size
// and time; ours also has each file's digest, and the cache key of a COPY of all of them.
#include <cache/state_directory.hpp>
#include <executor/files/context.hpp>
#include <executor/files/copy.hpp>
#include <ir/operation.hpp>

#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
using namespace slipway;
using Clock = std::chrono::steady_clock;

constexpr int rounds = 15;

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

struct Times {
  double walk = 0;
  double plan = 0;
  double all = 0;
  std::uint64_t hashed = 0;
};

Times look(StateDirectory& state, const fs::path& directory) {
  Times times;
  const Clock::time_point start = Clock::now();
  Context::Options options;
  options.directory = directory;
  options.name = "build context";
  options.state = &state;
  const auto context = Context::open(std::move(options));
  context->find("file");  // asks for the walk
  times.walk = milliseconds_since(start);
  CopyFiles copy;
  copy.sources.push_back(CopyFiles::Selection{1, ".", false});
  copy.destination = "/";
  const CopyPlan plan = plan_copy(copy, {nullptr, context.get()}, StackView({}));
  times.plan = milliseconds_since(start) - times.walk;
  const KeyParts parts = plan.key_parts();
  if (parts.empty()) std::abort();
  context->remember();
  times.all = milliseconds_since(start);
  times.hashed = context->figures().files_hashed;
  return times;
}

}  // namespace

int main(int argc, char** argv) {
  const int files = argc > 1 ? std::atoi(argv[1]) : 10'000;
  std::string folder = (fs::temp_directory_path() / "slipway-bench-XXXXXX").native();
  if (files < 1 || ::mkdtemp(folder.data()) == nullptr) return 1;
  const fs::path context = fs::path(folder) / "context";
  for (int i = 0; i < files; ++i) {
    const fs::path directory = context / ("d" + std::to_string(i / 400)) / std::to_string(i / 20);
    if (i % 20 == 0) fs::create_directories(directory);
    std::ofstream(directory / ("file" + std::to_string(i) + ".c")) << "content of " << i << "\n";
  }

  {
    StateDirectory state(fs::path(folder) / "state");
    const std::string find =
        "find '" + context.native() + "' -type f -printf '%s %T@\\n' > /dev/null";
    const Times cold = look(state, context);
    std::printf("%d files, first time: %.1f ms, %llu hashed\n", files, cold.all,
                static_cast<unsigned long long>(cold.hashed));
    std::vector<double> walks, plans, ours, theirs;
    std::uint64_t hashed = 0;
    for (int round = 0; round < rounds; ++round) {
      const Times times = look(state, context);
      walks.push_back(times.walk);
      plans.push_back(times.plan);
      ours.push_back(times.all);
      hashed = times.hashed;
      const Clock::time_point start = Clock::now();
      if (std::system(find.c_str()) != 0) return 1;
      theirs.push_back(milliseconds_since(start));
    }
    std::printf("unchanged: walk and stat cache %.1f ms, plan %.1f ms, with key %.1f ms, %llu hashed\n",
                median(walks), median(plans), median(ours),
                static_cast<unsigned long long>(hashed));
    std::printf("find: %.1f ms; ratio %.2f\n", median(theirs), median(ours) / median(theirs));
  }
  fs::remove_all(folder);
}
