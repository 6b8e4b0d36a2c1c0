#include "outlet.hpp"

#include <ir/error.hpp>

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace slipway {
namespace {

// POSIX promises that so much can be written to a pipe that can be written to.
constexpr std::size_t one_write = 4096;

}  // namespace

bool Outlet::write_some() {
  const std::string_view rest = std::string_view(pending_).substr(written_);
  const ssize_t wrote = ::write(descriptor_, rest.data(), std::min(rest.size(), one_write));
  if (wrote < 0) {
    if (errno == EINTR || errno == EAGAIN) return true;
    if (errno == EPIPE) return false;
    throw system_error("write", name_, errno);
  }
  written_ += static_cast<std::size_t>(wrote);
  if (written_ == pending_.size()) {
    pending_.clear();
    written_ = 0;
  }
  return true;
}

}  // namespace slipway
