// The working directory and the program.
#include "stages.hpp"

#include <linux/limits.h>
#include <linux/mman.h>

namespace slipway::init {
namespace {

constexpr long enoent = -2;
constexpr long eacces = -13;
constexpr long enotdir = -20;

// execve's array of texts.
const char** pointers(const Orders& orders, const List& texts) {
  const auto size = (static_cast<long>(texts.count) + 1) * static_cast<long>(sizeof(char*));
  const long memory = check(
      system_call(SYS_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
      Stage::program);
  const auto** result = reinterpret_cast<const char**>(memory);
  const auto* offsets = orders.begin<std::uint32_t>(texts);
  for (std::uint32_t i = 0; i < texts.count; ++i) result[i] = orders.text(offsets[i]);
  result[texts.count] = nullptr;
  return result;
}

bool has_slash(const char* text) {
  for (; *text != 0; ++text) {
    if (*text == '/') return true;
  }
  return false;
}

}  // namespace

// With all rights: a program may be meant to start where its user may not look.
void enter_working_directory(const Orders& orders) {
  check(system_call(SYS_chdir, address(orders.text(orders.plan().working_directory))),
        Stage::working_directory);
  // The kernel puts "(unreachable)" before a directory that this root does not contain, such as
  // one that /proc/self/fd led to.
  char where[PATH_MAX];
  check(system_call(SYS_getcwd, address(where), sizeof(where)), Stage::working_directory);
  if (where[0] != '/') fail(Stage::outside, 0, enoent);
}

void execute(const Orders& orders) {
  const char** arguments = pointers(orders, orders.plan().arguments);
  const char** environment = pointers(orders, orders.plan().environment);
  const char* program = arguments[0];
  if (has_slash(program)) {
    fail(Stage::program, 0,
         system_call(SYS_execve, address(program), address(arguments), address(environment)));
  }

  long failure = enoent;
  const char* rest = orders.text(orders.plan().search_path);
  const std::size_t name_length = length(program);
  while (name_length != 0) {
    std::size_t end = 0;
    while (rest[end] != 0 && rest[end] != ':') ++end;
    char candidate[PATH_MAX];
    if (end + name_length + 2 <= sizeof(candidate)) {
      std::size_t used = 0;
      for (; used < end; ++used) candidate[used] = rest[used];
      if (used == 0) candidate[used++] = '.';
      candidate[used++] = '/';
      for (std::size_t i = 0; i <= name_length; ++i) candidate[used++] = program[i];
      const long result =
          system_call(SYS_execve, address(candidate), address(arguments), address(environment));
      if (result == eacces) {
        failure = eacces;  // as a shell has it: another directory may still have one that works
      } else if (result != enoent && result != enotdir) {
        fail(Stage::program, 0, result);
      }
    }
    if (rest[end] == 0) break;
    rest += end + 1;
  }
  fail(Stage::program, 0, failure);
}

}  // namespace slipway::init
