// Who is connected to the monitor. However many they are and whatever they send, what is kept for
// each is bounded: one answer that it has not taken yet, and one packet of input that the program
// has not.
#pragma once

#include "protocol.hpp"

#include <cstddef>
#include <cstdint>

namespace slipway::monitor {

struct Client {
  bool open;
  int socket;
  bool attached;
  std::uint8_t streams;  // stream_...
  bool removes;
  bool holds;                            // the processes, which go on when nobody does any more
  bool owed;                             // the piece of output that was read last
  bool hung_up;                          // said nothing more, and has input left
  bool ends_input;                       // has no more
  std::uint8_t answer[1 + sizeof(End)];  // the longest one
  std::size_t answer_size;               // 0: none waits
  std::size_t input_size;                // of which `input_done` the program has
  std::size_t input_done;
  char* input;  // `most_input` bytes

  // What it says is heard when it has taken the last answer.
  bool can_speak() const { return answer_size == 0 && !hung_up; }
};

constexpr std::size_t most_clients = 64;

// One program has one, in memory that is clear at first.
class Clients {
 public:
  Client* begin() { return all_; }
  Client* end() { return all_ + most_clients; }
  bool full() const;
  // Who is not full() has a place for one more.
  Client& welcome(int socket);
  // Closes its connection.
  static void drop(Client& client);

  // Kept if the client takes no more now, and dropped with a client that is gone.
  static void answer(Client& client, Said said, const void* bytes, std::size_t size);
  static void answer(Client& client, Said said, std::int32_t value) {
    answer(client, said, &value, sizeof(value));
  }
  // What was kept.
  static void answer_again(Client& client);

  bool anyone_owed() const;
  bool anyone_waits_for_answer() const;
  bool anyone_removes() const;
  bool anyone_holds() const;

 private:
  Client all_[most_clients];
  char inputs_[most_clients][most_input];
};

// 0, `eagain`, or another negative errno: the client is gone.
long send_packet(int socket, const void* bytes, std::size_t size);

}  // namespace slipway::monitor
