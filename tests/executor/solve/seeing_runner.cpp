#include "seeing_runner.hpp"

#include "../fake_runner.hpp"

#include <ir/digest.hpp>

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <cerrno>
#include <exception>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

namespace slipway {
namespace {

namespace fs = std::filesystem;

void erase_below(Visible& files, const std::string& path) {
  const std::string folder = path + "/";
  auto at = files.lower_bound(folder);
  while (at != files.end() && at->first.starts_with(folder)) at = files.erase(at);
}

bool is_opaque(const fs::path& directory) {
  char value = 0;
  for (const char* const name : {"trusted.overlay.opaque", "user.overlay.opaque"}) {
    if (::lgetxattr(directory.c_str(), name, &value, 1) == 1 && value == 'y') return true;
  }
  return false;
}

struct stat status_of(const fs::path& file) {
  struct stat status = {};
  if (::lstat(file.c_str(), &status) != 0) throw system_error("lstat", file.string(), errno);
  return status;
}

std::string content_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// Puts what a mount shows in the place of what lies below its target.
void mount(Visible& files, const ResolvedMount& resolved) {
  const std::string target = resolved.mount.target.substr(1);
  erase_below(files, target);
  files.erase(target);
  if (resolved.mount.type != RunProcess::Mount::Type::bind) return;
  std::vector<fs::path> layers = resolved.lowers;
  if (resolved.directory) layers = {*resolved.directory};
  const std::string source =
      fs::path(resolved.mount.source).relative_path().lexically_normal().string();
  for (const auto& [path, file] : visible_files(layers)) {
    if (source.empty() || source == ".") {
      files[target + "/" + path] = file;
    } else if (path == source) {
      files[target] = file;
    } else if (path.starts_with(source + "/")) {
      files[target + path.substr(source.size())] = file;
    }
  }
}

// All that the operation says, each value behind a label.
std::string told(const RunProcess& run) {
  std::ostringstream text;
  for (const auto& argument : run.arguments) text << "argument " << argument << '\n';
  for (const auto& variable : run.environment) text << "environment " << variable << '\n';
  text << "directory " << run.working_directory << "\nuser " << run.user << '\n';
  for (const auto& one : run.mounts) {
    text << "mount " << static_cast<int>(one.type) << ' ' << one.target << ' ' << one.read_only
         << ' ' << one.size << ' ' << one.mode << ' ' << one.uid << ' ' << one.gid << ' ' << one.env
         << '\n';
  }
  for (const auto& script : run.scripts)
    text << "script " << script.name << ' ' << script.content << '\n';
  text << "network " << static_cast<int>(run.network) << "\nsecurity "
       << static_cast<int>(run.security) << "\nhostname " << run.hostname << "\nshm "
       << run.shm_size << '\n';
  for (const auto& [name, address] : run.extra_hosts)
    text << "host " << name << ' ' << address << '\n';
  for (const auto& limit : run.ulimits) text << "limit " << limit << '\n';
  return text.str();
}

class Command {
 public:
  Command(FakeStep& step) : step_(step) {}

  int run(std::istream& words) {
    std::string name, first, second;
    words >> name >> first >> second;
    if (name == "all") {
      step_.write(first, told(step_.operation()) + sha256(listing_of(files())).text() + "\n");
    } else if (name == "names") {
      std::string names;
      for (const auto& [path, file] : files()) {
        if (path.starts_with(first.substr(1) + "/")) names += path + "\n";
      }
      step_.write(second, names);
    } else if (name == "copy") {
      const Visible all = files();
      const auto found = all.find(first.substr(1));
      const bool is_file = found != all.end() && S_ISREG(status_of(found->second).st_mode);
      step_.write(second, is_file ? content_of(found->second) : "none");
    } else if (name == "rm") {
      if (files().contains(first.substr(1))) step_.remove(first);
    } else if (name == "mkdir") {
      if (!files().contains(first.substr(1))) step_.make_directory(first);
    } else if (name == "link") {
      step_.symlink(first, second);
    } else {
      step_.print_error(name + ": not found\n");
      return 127;
    }
    return 0;
  }

 private:
  Visible files() const {
    std::vector<fs::path> layers = step_.request().lowers;
    layers.push_back(step_.request().upper);
    Visible all = visible_files(layers);
    for (const ResolvedMount& one : step_.request().mounts) mount(all, one);
    return all;
  }

  FakeStep& step_;
};

int interpret(FakeStep& step) {
  const auto& run = step.operation();
  std::string text = run.arguments.back();
  // A heredoc is the shell's input, or a script that the command names.
  for (const auto& script : run.scripts)
    text = script.content.substr(script.content.find('\n') + 1);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    for (std::size_t at = 0; at <= line.size();) {
      const auto end = std::min(line.find(" && ", at), line.size());
      std::istringstream words(line.substr(at, end - at));
      at = end + 4;
      if (const int code = Command(step).run(words); code != 0) return code;
    }
  }
  return 0;
}

class Ended final : public RunningProcess {
 public:
  void kill() override {}
};

}  // namespace

Visible visible_files(const std::vector<fs::path>& layers) {
  Visible files;
  for (const fs::path& layer : layers) {
    // The layer may be named by a descriptor's link.
    const fs::path root = layer / "";
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
      const std::string path = entry.path().lexically_relative(root).string();
      const struct stat status = status_of(entry.path());
      const bool directory = S_ISDIR(status.st_mode);
      if (!directory || is_opaque(entry.path())) erase_below(files, path);
      if (S_ISCHR(status.st_mode) && status.st_rdev == ::makedev(0, 0)) {
        files.erase(path);
      } else {
        files[path] = entry.path();
      }
    }
  }
  return files;
}

std::string listing_of(const Visible& files) {
  std::ostringstream text;
  for (const auto& [path, file] : files) {
    const struct stat status = status_of(file);
    text << path << ' ' << std::oct << status.st_mode << std::dec << ' ' << status.st_uid << ':'
         << status.st_gid;
    if (S_ISREG(status.st_mode)) text << ' ' << sha256(content_of(file)).text();
    if (S_ISLNK(status.st_mode)) text << " -> " << fs::read_symlink(file).string();
    text << '\n';
  }
  return text.str();
}

std::unique_ptr<RunningProcess> SeeingRunner::start(
    const RunRequest& request, std::function<void(OutputStream, std::string_view)> output,
    std::function<void(RunResult)> finished) {
  RunResult result;
  FakeStep step(request, std::move(output));
  try {
    result.exit_code = interpret(step);
  } catch (const std::exception& error) {
    step.print_error(std::string(error.what()) + "\n");
    result.exit_code = 1;
  }
  finished(result);
  return std::make_unique<Ended>();
}

}  // namespace slipway
