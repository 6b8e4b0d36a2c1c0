#include "cidfile.hpp"

#include <ir/error.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace slipway {

CidFile::CidFile(std::string path) : path_(std::move(path)) {
  if (path_.empty()) return;
  file_ = FileDescriptor(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (file_) return;
  if (errno != EEXIST) throw system_error("open", path_, errno);
  throw Error("--cidfile " + quoted(path_) + " is there already")
      .hint("another container may be using it; remove it, or name another file");
}

CidFile::~CidFile() {
  if (file_ && !written_) ::unlink(path_.c_str());
}

void CidFile::write(const std::string& id) {
  if (!file_) return;
  written_ = true;
  write_all(file_.get(), id, path_);
}

}  // namespace slipway
