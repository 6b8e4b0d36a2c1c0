// The container's first process and all that it has started: its birth, what holds it still, its
// end.
#pragma once

#include "orders.hpp"

#include <cstdint>

namespace slipway::monitor {

// Orders whose every offset was found to lie inside them.
class Instructions {
 public:
  // Ends the monitor where the memory at `orders` are none.
  Instructions(const Orders* orders, std::size_t size);

  const Orders& orders() const { return *orders_; }
  bool has(std::uint32_t flag) const { return (orders_->flags & flag) != 0; }
  const char* text(std::uint32_t offset) const {
    return reinterpret_cast<const char*>(orders_) + offset;
  }
  template <class Element>
  const Element* begin(const init::List& list) const {
    return reinterpret_cast<const Element*>(text(list.offset));
  }
  // The descriptor of that number among its own.
  int own(std::int32_t number) const { return orders_->own + number; }

 private:
  const Orders* orders_;
};

class Process {
 public:
  explicit Process(const Instructions& instructions) : instructions_(instructions) {}

  // It is a copy of this process that goes on as slipway-init. What it needs is closed here. 0, or
  // a negative errno.
  long start();
  long number() const { return number_; }
  // It was waited for: its number may become another one's.
  void ended() { number_ = 0; }

  // Each gives 0 or a negative errno.
  long signal(int number) const;
  long pause() const;
  long unpause() const;

  // When all of it is dead.
  bool out_of_memory() const;
  void remove_groups() const;

 private:
  [[noreturn]] void be_born() const;
  const Group* freezer() const;
  long stop_or_go(int signal) const;
  long signal_others(int signal) const;
  static long end_of(long helper);
  [[noreturn]] void send_one_among_them(long process, int signal) const;

  const Instructions& instructions_;
  long number_ = 0;
};

}  // namespace slipway::monitor
