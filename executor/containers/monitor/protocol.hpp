// What a container's monitor and its clients say to each other, at the socket `control` of its
// folder (SOCK_SEQPACKET: a packet is one thing said). The first byte of a packet says what it is.
//
// A client that is not attached waits for the answer to each packet. One that is attached gets no
// answers any more: what it hears is output, room for input, and the end. Whoever is connected
// hears of the end.
#pragma once

#include <cstddef>
#include <cstdint>

namespace slipway::monitor {

enum class Said : std::uint8_t {
  // By clients.
  attach = 1,     // its streams, a byte: from now on output goes to this client; answered by `done`
  input = 2,      // bytes for the program's input; the next ones only after `room`
  end_input = 3,  // the input ends, if it ends with its client
  resize = 4,     // Size
  signal = 5,     // a byte: its number
  pause = 6,
  unpause = 7,
  will_remove = 8,  // the container is this client's to remove, and no other's any more
  hold_still = 9,   // as long as this client is connected the container's processes stand still
  // By the monitor.
  started = 32,  // to who started it, once
  failed = 33,   // init::Report, to the same instead
  done = 34,     // std::int32_t: 0, or the errno of what could not be done
  output = 35,   // bytes of the program's
  error = 36,
  room = 37,    // for input
  exited = 38,  // End; the last thing said
};

// A client's streams, a bit each.
constexpr std::uint8_t stream_input = 1;
constexpr std::uint8_t stream_output = 2;
constexpr std::uint8_t stream_error = 4;

struct Size {
  std::uint16_t rows;
  std::uint16_t columns;
};

struct End {
  std::int32_t status;   // as a shell has it
  std::int32_t removes;  // 1: it is this client that removes the container
};

// Of a packet's bytes behind the first one.
constexpr std::size_t most_input = 4096;
constexpr std::size_t most_output = 16384;

}  // namespace slipway::monitor
