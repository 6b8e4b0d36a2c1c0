#include <executor/sandbox/terminal.hpp>

#include <ir/error.hpp>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

namespace slipway {

Terminal make_terminal(int terminals, const TerminalSize& size, std::uint32_t owner) {
  Terminal made;
  made.outer =
      FileDescriptor(::openat(terminals, "ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
  if (!made.outer) throw system_error("openat", "/dev/ptmx", errno);
  const int locked = 0;
  if (::ioctl(made.outer.get(), TIOCSPTLCK, &locked) != 0) {
    throw system_error("ioctl TIOCSPTLCK", "/dev/ptmx", errno);
  }
  // By descriptor and not by its name: the name is one of the step's.
  made.inner =
      FileDescriptor(::ioctl(made.outer.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!made.inner) throw system_error("ioctl TIOCGPTPEER", "/dev/ptmx", errno);
  constexpr auto same = static_cast<gid_t>(-1);
  if (::fchown(made.inner.get(), owner, same) != 0) {
    throw system_error("fchown", "/dev/pts", errno);
  }
  set_size(made.outer.get(), size);
  return made;
}

void set_size(int outer, const TerminalSize& size) noexcept {
  struct winsize told {};
  told.ws_row = size.rows;
  told.ws_col = size.columns;
  // A terminal whose process has gone has no size to speak of.
  ::ioctl(outer, TIOCSWINSZ, &told);
}

}  // namespace slipway
