// cases/*.txt and executor/files/copy_cases.txt, each built by the program, with the real executor:
// the exported tree is compared entry by entry, the config field by field.
#include "build_case.hpp"
#include "busybox.hpp"
#include "image_config.hpp"

#include "executor/rights.hpp"

#include <cache/programs.hpp>
#include <cache/temporary_folder.hpp>
#include <samples/program.hpp>

#include <doctest/doctest.h>

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <regex>
#include <stdexcept>

using namespace slipway;
using Json = nlohmann::json;

namespace {

namespace fs = std::filesystem;

// In a container's rights (confine), where steps have no namespaces.
const bool confined = std::getenv("SLIPWAY_TEST_CONFINED") != nullptr;

Finished build(const fs::path& folder, const std::string& dockerfile,
               std::vector<std::string> flags) {
  std::vector<std::string> words{"/usr/bin/env", "-C",      folder.string(), SLIPWAY_PROGRAM,
                                 "--root",       "state",   "build",         "--progress=plain",
                                 "-f",           dockerfile};
  if (confined) words.push_back("--isolation=chroot");
  words.insert(words.end(), flags.begin(), flags.end());
  words.push_back("context");
  return Program(words).wait();
}

void check_config(const BuildCase& one, const Json& image) {
  for (const std::string& difference : config_differences(one.get("config"), image))
    FAIL_CHECK(difference);
  if (one.has("history")) {
    std::string got;
    for (const Json& entry : image["history"]) {
      got += (entry.value("empty_layer", false) ? "empty: " : "") +
             entry.value("created_by", std::string()) + "\n";
      CHECK(entry.value("comment", std::string()) == "buildkit.dockerfile.v0");
    }
    CHECK(got == one.get("history"));
  }
  if (one.has("layers")) CHECK(image["rootfs"]["diff_ids"].size() == std::stoul(one.get("layers")));
}

void check_error(const BuildCase& one, const Finished& finished) {
  std::string wanted = one.get("error");
  wanted.pop_back();
  const std::size_t slash = wanted.find(" / ");
  const std::string message = wanted.substr(0, slash);
  CHECK(finished.status != 0);
  CHECK_MESSAGE(finished.err.find(message) != std::string::npos, finished.err);
  if (slash == std::string::npos) return;
  CHECK_MESSAGE(finished.err.find("hint: " + wanted.substr(slash + 3)) != std::string::npos,
                finished.err);
}

// A state that has the image busybox, made once: cases get copies of it.
const fs::path& state_with_busybox() {
  static const TemporaryFolder folder;
  static const fs::path state = [] {
    write_busybox(folder / "context");
    const Finished made = build(folder.path(), "context/Dockerfile", {"-t", "busybox", "--quiet"});
    if (made.status != 0) throw std::runtime_error("busybox: " + made.err);
    return folder / "state";
  }();
  return state;
}

// Whiteouts as the files that they are in a tar.
std::string print_last_layer(const fs::path& layout, const fs::path& folder) {
  fs::create_directory(folder);
  CHECK(run_command("tar --numeric-owner --xattrs --xattrs-include='*' -xpf " +
                    last_layer_of(layout).string() + " -C " + folder.string()));
  return print_directory(folder, "", Times::ignored);
}

void run_case(const BuildCase& one) {
  const TemporaryFolder folder;
  write_case(one, folder.path());
  if (needs_busybox(one)) {
    CHECK(run_command("cp -a " + state_with_busybox().string() + " " + folder.path().string()));
  }
  for (const std::string& image : images_of(one)) {
    const Finished made =
        build(folder.path(), "images/" + image + ".Dockerfile", {"-t", image, "--quiet"});
    if (made.status != 0) throw std::runtime_error(image + ": " + made.err);
  }
  std::vector<std::string> flags = flags_of(one);
  flags.push_back("--output=type=oci,tar=false,dest=oci");
  if (one.has("tree")) flags.push_back("--output=type=tar,dest=result.tar");
  const Finished finished = build(folder.path(), "Dockerfile", flags);
  if (one.has("error")) return check_error(one, finished);
  if (finished.status != 0) throw std::runtime_error(finished.err);
  if (one.has("tree")) {
    fs::create_directory(folder / "result");
    CHECK(run_command("tar --numeric-owner --xattrs --xattrs-include='*' -xpf " +
                      (folder / "result.tar").string() + " -C " + (folder / "result").string()));
    const std::string expected = one.expected_tree();
    CHECK(print_directory(folder / "result", expected) == expected);
  }
  if (one.has("layer"))
    CHECK(print_last_layer(folder / "oci", folder / "layer") == one.expected_tree("layer"));
  if (one.has("output")) CHECK(printed_by_steps(finished.err) == one.get("output"));
  check_config(one, config_of(folder / "oci"));
}

// Which only a machine's root can, here for the context or when the result is unpacked.
bool makes_devices(const BuildCase& one) {
  static const std::regex device(" [cb][0-9]+,[0-9]+\n|mknod [^\n]* [cb] [0-9]+ [0-9]+");
  for (const auto& [field, text] : one.fields) {
    if (std::regex_search(text, device)) return true;
  }
  return false;
}

bool runs_steps(const BuildCase& one) {
  static const std::regex shape("(^|\\n)(onbuild +)?run\\b", std::regex::icase);
  return std::any_of(one.fields.begin(), one.fields.end(), [](const auto& field) {
    return (field.first == "dockerfile" || field.first.starts_with("image ")) &&
           std::regex_search(field.second, shape);
  });
}

void run_all(const std::vector<BuildCase>& cases) {
  if (!rights.missing.empty()) {
    MESSAGE("skipped: files get owners, which takes root: " << rights.missing);
    return;
  }
  const char* const only = std::getenv("CASE");  // a part of a name, for a person with one problem
  std::map<std::string, int> counts;
  for (const BuildCase& one : cases) {
    if (only != nullptr && one.name.find(only) == std::string::npos) continue;
    if (confined && !runs_steps(one)) continue;
    if (makes_devices(one) && rights.space.ids != Ids::all) {
      MESSAGE("root's alone: " << one.name << " takes devices");
      continue;
    }
    ++counts[one.area];
    INFO(one.area << ": " << one.name);
    try {
      run_case(confined ? one.in_chroot() : one);
    } catch (const std::exception& error) {
      FAIL_CHECK(std::string(error.what()));
    }
  }
  int total = 0;
  for (const auto& [area, count] : counts) {
    std::printf("build cases %s: %d\n", area.c_str(), count);
    total += count;
  }
  std::printf("build cases together: %d\n", total);
}

}  // namespace

TEST_CASE("a Dockerfile gives the tree and the config that docker's gives, case by case") {
  run_all(all_build_cases());
}

TEST_CASE("the cases of one COPY give the same tree as Dockerfiles") {
  run_all(read_copy_cases("../files/copy_cases.txt"));
}
