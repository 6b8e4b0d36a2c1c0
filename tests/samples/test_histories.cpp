// Projects that are edited as people edit them: what each commit runs again, for what reason, and
// that its image is what a build without a cache gives.
#include "histories/history.hpp"
#include "workshop.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <map>

using namespace slipway;

namespace {

namespace fs = std::filesystem;

// "[build 4/5] COPY src/ src/  src/main.c: content" a line, of the steps that missed.
std::string misses_of(const Built& built) {
  std::string lines;
  for (const Step& step : built.steps) {
    if (step.outcome == "miss") lines += step.name + "  " + step.reason + "\n";
  }
  return lines;
}

// Where the history's reason ends in "...", for what differs from machine to machine, so does this.
std::string with_dots(const std::string& reason, const std::string& expected) {
  const std::string dots = "...";
  const std::string begin =
      expected.substr(0, expected.size() - std::min(expected.size(), dots.size()));
  return expected.ends_with(dots) && reason.starts_with(begin) ? expected : reason;
}

void copy_tree(const fs::path& from, const fs::path& to) {
  fs::copy(from, to, fs::copy_options::recursive | fs::copy_options::copy_symlinks);
}

// The project at one commit after the other.
class Project {
 public:
  explicit Project(const std::string& name, const Workshop& workshop, const Workshop& fresh)
      : workshop_(workshop), fresh_(fresh) {
    fs::remove(workshop.context());
    copy_tree(fs::path("histories") / name / "project", workshop.context());
  }

  void check(const Commit& commit) {
    CAPTURE(commit.title);
    edit(commit);
    for (const auto& image : commit.images) {
      for (const Workshop* one : {&workshop_, &fresh_}) {
        const Built built =
            one->build_folder(workshop_.context() / image.folder, {"-t", image.name});
        INFO(built.log);
        REQUIRE(built.status == 0);
      }
    }
    const Built built = workshop_.build(commit.flags);
    INFO(built.log);
    REQUIRE((built.status != 0) == commit.fails);
    if (commit.fails) return;
    check_misses(commit, built);
    check_image(commit, built);
    check_files(commit);
  }

 private:
  void edit(const Commit& commit) {
    if (!commit.checkout.empty()) {
      REQUIRE(states_.contains(commit.checkout));
      fs::remove_all(workshop_.context());
      // With new times, as git gives them.
      copy_tree(states_.at(commit.checkout), workshop_.context());
    }
    output_of({"sh", "-euc", "cd \"$0\"\n" + commit.commands, workshop_.context()});
    const fs::path state = workshop_.folder() / ("commit-" + std::to_string(states_.size()));
    copy_tree(workshop_.context(), state);
    REQUIRE(states_.emplace(commit.title, state).second);
  }

  static void check_misses(const Commit& commit, const Built& built) {
    INFO("it missed:\n", misses_of(built));
    if (commit.all) {
      for (const Step& step : built.steps) {
        if (step.outcome != "local")
          CHECK(step.name + ": " + step.reason == step.name + ": " + *commit.all);
      }
      return;
    }
    auto expected = commit.misses;
    for (const Step& step : built.steps) {
      CAPTURE(step.name);
      const auto found = std::find_if(expected.begin(), expected.end(), [&](const auto& miss) {
        return step.name.starts_with(miss.step);
      });
      CHECK((step.outcome == "miss") == (found != expected.end()));
      if (found == expected.end()) continue;
      CHECK(with_dots(step.reason, found->reason) == found->reason);
      expected.erase(found);
    }
    for (const Commit::Miss& miss : expected) FAIL_CHECK("there is no step " << miss.step);
  }

  void check_image(const Commit& commit, const Built& built) {
    if (commit.same_image_as.empty()) {
      for (const auto& [title, image] : images_) {
        if (image == built.image) FAIL_CHECK("the same image as " << title);
      }
    } else {
      REQUIRE(images_.contains(commit.same_image_as));
      CHECK(built.image == images_.at(commit.same_image_as));
    }
    images_[commit.title] = built.image;
  }

  // What the cache gave is what a build without it gives.
  void check_files(const Commit& commit) {
    std::vector<std::string> flags = commit.flags;
    const std::string cached = fingerprint(workshop_.files_of(workshop_.context(), flags));
    flags.emplace_back("--no-cache");
    CHECK(fingerprint(fresh_.files_of(workshop_.context(), flags)) == cached);
  }

  const Workshop& workshop_;
  const Workshop& fresh_;
  std::map<std::string, fs::path> states_;  // by the commits' titles
  std::map<std::string, std::string> images_;
};

void check_history(const std::string& name, const Workshop& workshop, const Workshop& fresh) {
  Project project(name, workshop, fresh);
  for (const Commit& commit : read_history(fs::path("histories") / name / "history.txt")) {
    project.check(commit);
  }
}

}  // namespace

TEST_CASE("a C project: compiled by make, with third-party code, tests and a manual") {
  SKIP_UNLESS_ROOT();
  const Workshop workshop({"gcc:12"});
  const Workshop fresh({"gcc:12"});
  check_history("c", workshop, fresh);
}

TEST_CASE("a project in JavaScript: packages by a lock file, a bundle, assets, a linter") {
  SKIP_UNLESS_ROOT();
  const Workshop workshop;
  const Workshop fresh;
  check_history("node", workshop, fresh);
}

TEST_CASE("a project in Python: wheels, data from an archive, owners by name") {
  SKIP_UNLESS_ROOT();
  const Workshop workshop;
  const Workshop fresh;
  check_history("python", workshop, fresh);
}
