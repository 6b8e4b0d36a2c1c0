#include <executor/export/output_file.hpp>

#include <cache/file_descriptor.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

namespace slipway {

OutputFile::OutputFile(std::string path) : path_(std::move(path)) {
  if (path_ == "-") {
    if (::isatty(STDOUT_FILENO) == 1) {
      throw Error("an archive is not written to a terminal")
          .hint("redirect standard output, or give dest=FILE");
    }
    descriptor_ = STDOUT_FILENO;
    return;
  }
  struct stat status {};
  if (::stat(path_.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    // A pipe or a device is written to as it is; only a file can be replaced.
    if (S_ISDIR(status.st_mode)) throw Error(quoted(path_) + " is a directory").hint("dest=FILE");
    descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CLOEXEC);
  } else {
    aside_ = path_ + ".slipway-new";
    descriptor_ = ::open(aside_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
  }
  if (descriptor_ < 0) throw system_error("open", path_, errno);
}

OutputFile::~OutputFile() {
  if (descriptor_ > STDERR_FILENO) ::close(descriptor_);
  if (!aside_.empty()) ::unlink(aside_.c_str());
}

void OutputFile::write(std::span<const std::byte> bytes) {
  write_all(descriptor_, bytes, path_);
}

void OutputFile::finish() {
  if (descriptor_ > STDERR_FILENO && ::close(std::exchange(descriptor_, -1)) != 0) {
    throw system_error("close", path_, errno);
  }
  if (aside_.empty()) return;
  if (std::rename(aside_.c_str(), path_.c_str()) != 0) throw system_error("rename", path_, errno);
  aside_.clear();
}

}  // namespace slipway
