// slipway fmt: Dockerfiles in their canonical form. Needs no store.
#include "build_inputs.hpp"
#include "command.hpp"
#include "print.hpp"
#include "stdin_context.hpp"

#include <cache/file_descriptor.hpp>
#include <frontend/format/format.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace slipway {
namespace {

namespace fs = std::filesystem;

struct FmtRequest {
  std::vector<std::string> files;
  bool check = false;
  bool diff = false;
  bool write = false;
};

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int get() const { return number_; }

 private:
  int number_;
};

// A file beside the one it is to replace; gone again unless it does.
class Replacement {
 public:
  explicit Replacement(fs::path target) : target_(std::move(target)) {
    path_ = (target_.parent_path() / ("." + target_.filename().string() + ".XXXXXX")).string();
    const int number = ::mkostemp(path_.data(), O_CLOEXEC);
    if (number < 0) throw system_error("mkostemp", path_, errno);
    descriptor_.emplace(number);
  }
  Replacement(const Replacement&) = delete;
  Replacement& operator=(const Replacement&) = delete;
  ~Replacement() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }

  void write(std::string_view text) {
    write_all(descriptor_->get(), text, path_);
  }
  // With the old file's owner and mode: who may read it, or run it, stays as it was.
  void replace(const struct stat& old) {
    struct stat mine {};
    if (::fstat(descriptor_->get(), &mine) != 0) throw system_error("fstat", path_, errno);
    const bool owned = mine.st_uid == old.st_uid && mine.st_gid == old.st_gid;
    if (!owned && ::fchown(descriptor_->get(), old.st_uid, old.st_gid) != 0) {
      throw system_error("fchown", path_, errno)
          .hint("the file belongs to somebody else, and would not any more");
    }
    if (::fchmod(descriptor_->get(), old.st_mode & 07777U) != 0) {
      throw system_error("fchmod", path_, errno);
    }
    if (::fsync(descriptor_->get()) != 0) throw system_error("fsync", path_, errno);
    if (::rename(path_.c_str(), target_.c_str()) != 0) {
      throw system_error("rename", target_.string(), errno);
    }
    path_.clear();
  }

 private:
  fs::path target_;
  std::string path_;
  std::optional<Descriptor> descriptor_;
};

// A symbolic link stays one: what it leads to is replaced.
void write_back(const std::string& name, std::string_view text) {
  std::error_code error;
  const fs::path target = fs::canonical(name, error);
  if (error) throw system_error("realpath", name, error.value());
  struct stat status {};
  if (::stat(target.c_str(), &status) != 0) throw system_error("stat", target.string(), errno);
  if (!S_ISREG(status.st_mode)) throw Error(quoted(name) + " is not a regular file");
  // A rename needs no permission to write the file itself, but the user has to have it.
  const Descriptor writable(::open(target.c_str(), O_WRONLY | O_CLOEXEC));
  if (writable.get() < 0) throw system_error("open", target.string(), errno);
  Replacement replacement(target);
  replacement.write(text);
  replacement.replace(status);
}

std::shared_ptr<const SourceFile> read_source(const std::string& name) {
  auto source = std::make_shared<SourceFile>();
  source->name = name == "-" ? name : fs::path(name).lexically_normal().string();
  if (name == "-") {
    source->text = read_stdin_text();
    return source;
  }
  std::optional<std::string> text = read_text(name);
  if (!text) throw Error("there is no " + quoted(name));
  source->text = std::move(*text);
  return source;
}

// True if nothing is to be told by the exit status.
bool format_file(const std::string& name, const FmtRequest& request) {
  const auto source = read_source(name);
  const FormattedDockerfile formatted = format_dockerfile(source);
  const bool same = formatted.text == source->text;
  if (request.check) {
    if (!same) print(source->name + "\n");
    return same;
  }
  if (request.diff) {
    print(unified_diff(*source, formatted));
    return same;
  }
  if (request.write) {
    if (!same) write_back(name, formatted.text);
    return true;
  }
  print(formatted.text);
  return true;
}

// As `slipway build`: the lower-case name does where the usual one is missing.
std::string default_file() {
  std::error_code ignored;
  return !fs::exists("Dockerfile", ignored) && fs::exists("dockerfile", ignored) ? "dockerfile"
                                                                                 : "Dockerfile";
}

int run_fmt(FmtRequest request) {
  if (request.files.empty()) request.files.push_back(default_file());
  bool good = true;
  for (const std::string& name : request.files) {
    if (request.write && name == "-") {
      throw Error("-w writes to files, and - is none").hint("without -w the text is printed");
    }
  }
  for (const std::string& name : request.files) {
    // One that cannot be formatted keeps none of the others from it.
    try {
      good &= format_file(name, request);
    } catch (const Error& error) {
      std::fputs(render(error, use_color()).c_str(), stderr);
      good = false;
    }
  }
  return good ? 0 : 1;
}

constexpr const char* footer = R"(
Examples:
  slipway fmt                       print ./Dockerfile in its canonical form
  slipway fmt -w                    write it back
  slipway fmt --diff                show what would change
  slipway fmt --check */Dockerfile  name those that are not formatted
  slipway fmt - < Dockerfile        read standard input

Formatting changes nothing that a build does: the steps and their cache keys stay. A file with
mistakes is reported as `slipway build` does, and left alone. The exit status is 1 if --check or
--diff found something to format, or if a file could not be formatted.
)";

}  // namespace

std::function<int()> declare_fmt(CLI::App& app, const Globals&) {
  auto request = std::make_shared<FmtRequest>();
  app.description(
      "Prints Dockerfiles in one canonical form, with their comments and their meaning.\nFILE is a "
      "Dockerfile, or - for standard input (default: Dockerfile).");
  app.add_option("file", request->files, "Dockerfiles, or -")->type_name("FILE");
  auto* check =
      app.add_flag("--check", request->check, "only name the files that are not formatted");
  auto* diff = app.add_flag("--diff", request->diff, "only show what would change");
  auto* write = app.add_flag("-w,--write", request->write, "write the result back to the file");
  check->excludes(diff)->excludes(write);
  diff->excludes(write);
  app.footer(footer);
  return [request] { return run_fmt(*request); };
}

}  // namespace slipway
