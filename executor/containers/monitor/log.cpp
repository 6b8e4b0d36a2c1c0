#include "log.hpp"

#include "kernel.hpp"

#include <linux/fcntl.h>
#include <linux/uio.h>

namespace slipway::monitor {
namespace {

// "TIME STREAM FLAG "
struct Head {
  char text[time_size + 10];
};

void fill(Head& head, const Time& now, bool error, bool whole) {
  write_time(head.text, now.seconds, now.nanoseconds);
  const char* rest =
      error ? (whole ? " stderr F " : " stderr P ") : (whole ? " stdout F " : " stdout P ");
  for (std::size_t i = 0; i < 10; ++i) head.text[time_size + i] = rest[i];
}

}  // namespace

void Log::write(bool error, const char* bytes, std::size_t size) {
  if (file_ < 0) {
    file_ =
        static_cast<int>(system_call(SYS_openat, folder_, address("log"),
                                     O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (file_ < 0) return;
  }
  const Time now = time_of(0 /* CLOCK_REALTIME */);
  Head whole;
  Head part;
  fill(whole, now, error, true);
  fill(part, now, error, false);
  constexpr std::size_t most = 66;
  struct iovec pieces[most];
  std::size_t count = 0;
  long all = 0;
  const auto add = [&](const char* from, std::size_t length) {
    pieces[count].iov_base = const_cast<char*>(from);
    pieces[count++].iov_len = length;
    all += static_cast<long>(length);
  };
  while (size > 0) {
    // What follows a torn line is none of it.
    if (count == 0 && torn_) add("\n", 1);
    std::size_t line = 0;
    while (line < size && bytes[line] != '\n') ++line;
    const bool ends = line < size;
    if (ends) ++line;
    add(ends ? whole.text : part.text, sizeof(whole.text));
    add(bytes, line);
    if (!ends) add("\n", 1);
    bytes += line;
    size -= line;
    if (count + 3 > most || size == 0) {
      const long put = system_call(SYS_writev, file_, address(pieces), static_cast<long>(count));
      if (put > 0) torn_ = put < all;
      count = 0;
      all = 0;
    }
  }
}

}  // namespace slipway::monitor
