// What init does, by subject. Each function does its stage wholly or reports and ends init.
#pragma once

#include "plan.hpp"
#include "system_call.hpp"

namespace slipway::init {

// A plan whose every offset was found to lie inside it.
class Orders {
 public:
  // Ends init where the memory at `plan` is none.
  Orders(const Plan* plan, std::size_t size);

  const Plan& plan() const { return *plan_; }
  bool has(std::uint32_t flag) const { return (plan_->flags & flag) != 0; }
  const char* text(std::uint32_t offset) const {
    return reinterpret_cast<const char*>(plan_) + offset;
  }
  template <class Element>
  const Element* begin(const List& list) const {
    return reinterpret_cast<const Element*>(text(list.offset));
  }

 private:
  const Plan* plan_;
};

// Tells the builder and ends the process. `result` is what a system call gave.
[[noreturn]] void fail(Stage stage, std::uint32_t index, long result);
// fail() where it is negative.
inline long check(long result, Stage stage, std::uint32_t index = 0) {
  if (result < 0) fail(stage, index, result);
  return result;
}

// run.cpp: all of it, with the descriptors of Handed.
[[noreturn]] void run();
// What the builder ignores is none of the program's business.
void reset_signals();

// mounts.cpp: nothing of the host's tree is left after enter_root().
void attach_mounts(const Orders& orders);
void enter_root(const Orders& orders);
void mount_control_groups(const Orders& orders);
void mask_paths(const Orders& orders);

// bare.cpp: the same without namespaces. `processes` is what enter_directory() gives, a descriptor.
long enter_directory(const Orders& orders);
// Kills all that descends from this process, however it tried to get away, until nothing is left.
void end_descendants(long processes);

// join.cpp: all that follows the plan, for a program that goes into a container.
[[noreturn]] void join(const Orders& orders);

// identity.cpp
void name_host(const Orders& orders);
void raise_loopback(const Orders& orders);

// privileges.cpp: in this order; what follows the filter must pass it.
void set_limits(const Orders& orders);
void drop_bounding_set(const Orders& orders);
void scope_sockets(const Orders& orders);
void give_up_new_privileges(const Orders& orders);
void load_filter(const Orders& orders);
void set_capabilities(const Orders& orders);
void become_user(const Orders& orders);
void give_up_rights(const Orders& orders);  // the two above

// program.cpp
void enter_working_directory(const Orders& orders);
[[noreturn]] void execute(const Orders& orders);

}  // namespace slipway::init
