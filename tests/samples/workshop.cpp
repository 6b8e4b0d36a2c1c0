#include "workshop.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace slipway {
namespace {

namespace fs = std::filesystem;

Built read_build(const Finished& finished, const fs::path& metadata) {
  Built built;
  built.status = finished.status;
  built.log = finished.err;
  if (finished.status != 0) return built;
  const auto json = nlohmann::json::parse(read(metadata));
  built.image = json.at("containerimage.config.digest");
  const auto& cache = json.at("slipway.cache");
  built.hits = cache.at("hits");
  built.misses = cache.at("misses");
  for (const auto& step : cache.at("steps")) {
    built.steps.push_back({step.at("name"), step.at("outcome"), step.at("reason")});
  }
  return built;
}

}  // namespace

std::string why_not_here() {
  if (::geteuid() == 0) return "";
  return run({"unshare", "--user", "--map-root-user", "--mount", "true"}).status == 0
             ? ""
             : "users cannot have namespaces here";
}

std::vector<std::string> Built::ran() const {
  std::vector<std::string> instructions;
  for (const Step& step : steps) {
    if (step.outcome != "miss") continue;
    const std::size_t end = step.name.find("] ");
    instructions.push_back(end == std::string::npos ? step.name : step.name.substr(end + 2));
  }
  return instructions;
}

TemporaryFolder::TemporaryFolder() {
  const char* chosen = std::getenv("SLIPWAY_TEST_DIR");
  const fs::path where = chosen != nullptr ? fs::path(chosen) : fs::temp_directory_path();
  std::string name = (where / "slipway-test-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
  path = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;  // a folder that stays behind must not hide the test's own failure
  fs::remove_all(path, ignored);
}

Workshop::Workshop(std::initializer_list<std::string_view> base_images) {
  fs::create_directory(context());
  if (base_images.size() == 0) return;
  std::vector<std::string> words{SAMPLES "/base-images.sh"};
  words.insert(words.end(), base_images.begin(), base_images.end());
  const Finished made = run(words, {{"SLIPWAY", SLIPWAY_PROGRAM}, {"SLIPWAY_ROOT", root()}});
  INFO(made.err);
  REQUIRE(made.status == 0);
}

void Workshop::write(const std::string& path, std::string_view content) const {
  const fs::path file = context() / path;
  fs::create_directories(file.parent_path());
  std::ofstream stream(file, std::ios::binary);
  stream << content;
  stream.close();
  REQUIRE(stream.good());
}

Finished Workshop::slipway(const std::vector<std::string>& arguments) const {
  return start(arguments).wait();
}

Program Workshop::start(const std::vector<std::string>& arguments) const {
  std::vector<std::string> words{SLIPWAY_PROGRAM};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return Program(words, {{"SLIPWAY_ROOT", root()}, {"TMPDIR", folder()}});
}

Workshop::Running Workshop::start_build_of(const fs::path& context,
                                           const std::vector<std::string>& flags) const {
  const fs::path metadata = folder() / ("metadata-" + std::to_string(++made_));
  std::vector<std::string> words{"build", "--progress=plain", "--metadata-file", metadata};
  words.insert(words.end(), flags.begin(), flags.end());
  words.push_back(context);
  return Running(start(words), metadata);
}

Workshop::Running Workshop::start_build(const std::vector<std::string>& flags) const {
  return start_build_of(context(), flags);
}

Built Workshop::build(const std::vector<std::string>& flags) const {
  return start_build(flags).finish();
}

Built Workshop::build_folder(const fs::path& context,
                             const std::vector<std::string>& flags) const {
  return start_build_of(context, flags).finish();
}

Built Workshop::Running::finish() { return read_build(program.wait(), metadata_); }

fs::path Workshop::files_of(const fs::path& context, const std::vector<std::string>& flags) const {
  const fs::path target = folder() / ("files-" + std::to_string(++made_));
  const fs::path tar = target.string() + ".tar";
  std::vector<std::string> words{"build", "-o", "type=tar,dest=" + tar.string()};
  words.insert(words.end(), flags.begin(), flags.end());
  words.push_back(context);
  const Finished finished = slipway(words);
  INFO(finished.err);
  REQUIRE(finished.status == 0);
  fs::create_directory(target);
  // Owners are for tests that are root's.
  const char* const owners = ::geteuid() == 0 ? "--same-owner" : "--no-same-owner";
  output_of({"tar", "-C", target, owners, "-xpf", tar});
  return target;
}

std::string read(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  INFO("reading ", file.string());
  REQUIRE(stream.good());
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

std::string fingerprint(const fs::path& folder) {
  return output_of({"sh", "-c",
                    "cd \"$0\" && tar --sort=name --mtime=@0 --numeric-owner -cf - . | sha256sum",
                    folder});
}

}  // namespace slipway
