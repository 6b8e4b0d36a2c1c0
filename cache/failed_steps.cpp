#include <cache/failed_steps.hpp>

#include <cache/file_descriptor.hpp>
#include <cache/layers/store.hpp>
#include <cache/remove_tree.hpp>
#include <ir/error.hpp>

#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <system_error>

namespace slipway {
namespace {

namespace fs = std::filesystem;

constexpr const char* description = "step";

// Of a folder of failed/, whatever its name is.
std::string lock_name(const fs::path& folder) {
  const auto digest = Digest::parse_hex(folder.filename().string());
  return "failed-" + (digest ? digest->hex() : sha256(folder.filename().string()).hex());
}

void move(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) throw system_error("rename", to.string(), errno);
}

std::string describe(const std::string& step, const LayerStack& below) {
  nlohmann::ordered_json json;
  json["step"] = step;
  json["failed"] = static_cast<std::int64_t>(std::time(nullptr));
  json["layers"] = nlohmann::ordered_json::array();
  for (const LayerRef& layer : below) json["layers"].push_back(layer.diff_id.text());
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

// What is wrong with a kept tree; empty: nothing.
std::string problem_of(const fs::path& folder,
                       const std::function<bool(const DiffId&)>& has_layer) {
  const std::string name = quoted(folder.string());
  if (!Digest::parse_hex(folder.filename().string())) return name + " belongs to nothing";
  std::error_code ignored;
  if (!fs::is_directory(folder / "upper", ignored)) return name + " holds no failed step's files";
  std::ifstream file(folder / description);
  const auto json = nlohmann::json::parse(file, nullptr, false);
  if (!json.is_object() || !json.contains("layers") || !json["layers"].is_array()) {
    return name + " does not say which step failed";
  }
  for (const auto& layer : json["layers"]) {
    const auto digest = layer.is_string() ? Digest::parse(layer.get<std::string>()) : std::nullopt;
    if (!digest || !has_layer(DiffId{*digest})) {
      return "the failed step in " + name + " stood on a layer that is gone";
    }
  }
  return {};
}

FailedSteps::Left read_left(const fs::path& folder, const Digest& name) {
  FailedSteps::Left left;
  left.name = name;
  std::ifstream file(folder / description);
  const auto json = nlohmann::json::parse(file, nullptr, false);
  if (!json.is_object()) return left;
  if (json.contains("step") && json["step"].is_string()) left.step = json["step"];
  if (json.contains("failed") && json["failed"].is_number_integer()) left.failed = json["failed"];
  if (!json.contains("layers")) return left;
  for (const auto& layer : json["layers"]) {
    if (!layer.is_string()) continue;
    if (const auto digest = Digest::parse(layer.get<std::string>()))
      left.below.push_back(DiffId{*digest});
  }
  return left;
}

}  // namespace

fs::path FailedSteps::folder_of(const std::string& place) const {
  return state_.root() / "failed" / sha256(place).hex();
}

std::optional<FailedSteps::Kept> FailedSteps::keep(const std::string& place, const Staging& staging,
                                                   const std::string& step,
                                                   const LayerStack& below) {
  const fs::path folder = folder_of(place);
  FileLock lock = state_.try_lock(lock_name(folder));
  if (!lock) return std::nullopt;
  const fs::path parent = folder.parent_path();
  if (::mkdir(parent.c_str(), 0700) != 0 && errno != EEXIST) {
    throw system_error("mkdir", parent.string(), errno);
  }
  const fs::path aside = state_.fresh_work_path();
  if (::mkdir(aside.c_str(), 0700) != 0) throw system_error("mkdir", aside.string(), errno);
  {
    const fs::path path = aside / description;
    const FileDescriptor file(
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) throw system_error("open", path.string(), errno);
    write_all(file.get(), describe(step, below), path.string());
  }
  remove(folder);
  move(staging.upper(), aside / "upper");
  try {
    move(aside, folder);
  } catch (...) {
    std::rename((aside / "upper").c_str(), staging.upper().c_str());
    throw;
  }
  return Kept(std::move(lock), folder);
}

void FailedSteps::forget(const std::string& place) {
  const fs::path folder = folder_of(place);
  if (::access(folder.c_str(), F_OK) != 0) return;
  if (const FileLock lock = state_.try_lock(lock_name(folder)); lock) remove(folder);
}

std::vector<FailedSteps::Left> FailedSteps::list() const {
  std::vector<Left> list;
  std::error_code none;
  for (fs::directory_iterator entry(state_.root() / "failed", none), end; entry != end;
       entry.increment(none)) {
    const auto name = Digest::parse_hex(entry->path().filename().string());
    if (!name) continue;
    list.push_back(read_left(entry->path(), *name));
  }
  return list;
}

bool FailedSteps::in_use(const Digest& name) const {
  return !state_.try_lock("failed-" + name.hex());
}

bool FailedSteps::drop(const Digest& name) {
  const fs::path folder = state_.root() / "failed" / name.hex();
  const FileLock lock = state_.try_lock(lock_name(folder));
  if (!lock) return false;
  remove(folder);
  return true;
}

void FailedSteps::remove(const fs::path& folder) {
  if (::access(folder.c_str(), F_OK) != 0) return;
  const fs::path aside = state_.fresh_work_path();
  move(folder, aside);
  // Now, and not with the process: it may be what fills the disk. What cannot be removed is found
  // by the next process.
  remove_tree(aside);
}

std::vector<std::string> FailedSteps::check(bool repair,
                                            const std::function<bool(const DiffId&)>& has_layer) {
  std::vector<std::string> problems;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(state_.root() / "failed", none)) {
    const FileLock lock = state_.try_lock(lock_name(entry.path()));
    if (!lock) continue;
    std::string problem = problem_of(entry.path(), has_layer);
    if (problem.empty()) continue;
    problems.push_back(std::move(problem));
    if (repair) remove(entry.path());
  }
  return problems;
}

}  // namespace slipway
