// How often something is asked again, and after which pauses.
#pragma once

#include <chrono>
#include <functional>
#include <optional>

namespace slipway {

// For one task. Not thread-safe.
class Patience {
 public:
  // `whole`: of all pauses together. `cancelled` may be empty, and must outlive this.
  Patience(std::chrono::milliseconds whole, const std::function<bool()>& cancelled)
      : whole_(whole), cancelled_(cancelled) {}

  // Pauses before the next attempt: for as long as the server asked for, else four times as long as
  // before, and a little longer or shorter, so that those who failed together do not come back
  // together. False, at once: it has been tried often enough, or the pause would be too long.
  // Throws Error once it is cancelled.
  bool again(std::optional<std::chrono::seconds> asked_for = {});
  // What was tried came some way: the next pause is a short one.
  void progressed() { tries_ = 0; }

 private:
  std::chrono::milliseconds whole_;
  const std::function<bool()>& cancelled_;
  std::chrono::milliseconds waited_{0};
  int tries_ = 0;     // since something came some way
  int attempts_ = 0;  // all
};

}  // namespace slipway
