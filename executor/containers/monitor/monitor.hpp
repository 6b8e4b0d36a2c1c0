// What a monitor does from its container's start to its end.
#pragma once

#include "clients.hpp"
#include "hooks.hpp"
#include "log.hpp"
#include "process.hpp"
#include "state_file.hpp"

#include <cstddef>
#include <cstdint>

namespace slipway::monitor {

class Monitor {
 public:
  Monitor(const Instructions& instructions, Clients& clients);

  [[noreturn]] void run();

 private:
  // What it waits for beside its clients.
  enum Waiting : std::size_t { signals, listener, output, error, input, idle, first_client };

  void serve_control();
  void tell_start();
  [[noreturn]] void not_started(const init::Report& report);
  void watch();  // until the container has ended and its output is read
  void wait_for_something();
  void look_at_signals();
  void reap();
  void forget_idle();
  void accept_client();
  void run_probe();

  void read_output(bool error);
  void deliver_again(Client& client);
  void settle_owed();

  void look_at(Client& client, int events);
  void hear(Client& client);
  std::int32_t obey(Client& client, Said said, const std::uint8_t* bytes, std::size_t size);
  std::int32_t hold(bool still);
  std::int32_t hold_for(Client& client);
  void take_input(Client& client, const std::uint8_t* bytes, std::size_t size);
  void pass_input(Client& client);
  void after_input(Client& client);
  void close_input();
  void leave(Client& client);

  // From here on the container can be started again, and is another monitor's.
  void let_go();
  void tell_end(Client& client);
  [[noreturn]] void go();  // has it removed, if that is to be done, and ends the monitor

  void put_state();

  const Instructions& instructions_;
  Clients& clients_;
  Process process_;
  Log log_;
  State state_;
  Probes probes_;
  int signals_ = -1;
  int listener_ = -1;
  int input_ = -1;
  int output_ = -1;
  int error_ = -1;
  int idle_ = -1;
  bool ended_ = false;
  bool gone_ = false;           // let_go() was called
  std::size_t piece_size_ = 0;  // of the output that somebody has still to get; 0: none
  bool piece_is_error_ = false;
  std::uint64_t patience_ = ~std::uint64_t{0};  // until when let_go() waits for clients
};

}  // namespace slipway::monitor
