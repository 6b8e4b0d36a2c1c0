#include "asker.hpp"

#include "text.hpp"

#include <linux/fcntl.h>
#include <linux/limits.h>
#include <linux/openat2.h>

namespace slipway::init {
namespace {

constexpr long eagain = -11;
constexpr long efault = -14;
constexpr long enametoolong = -36;
constexpr int most_ancestors = 64;
constexpr std::size_t page = 4096;

// A process that has ids of its own. By its start as well, because numbers are used again.
struct Entry {
  std::uint64_t process;  // 0: free
  std::uint64_t started;
  FakeIds ids;
};
constexpr std::size_t most_entries = 1024;
Entry entries[most_entries];

struct Process {
  std::uint64_t number = 0;  // 0: there is none
  std::uint64_t parent = 0;
  std::uint64_t started = 0;
};

// The file's beginning, with a zero behind it. False where it cannot be read.
bool read_proc(std::uint64_t number, const char* name, char* to, std::size_t size) {
  char path[64];
  Text(path, sizeof(path)).add("/proc/").add(number).add("/").add(name);
  const long file = system_call(SYS_openat, AT_FDCWD, address(path), O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  const long got = system_call(SYS_read, file, address(to), static_cast<long>(size) - 1);
  system_call(SYS_close, file);
  to[got < 0 ? 0 : got] = 0;
  return got > 0;
}

// proc(5) on /proc/PID/stat: behind the name, which may hold anything, come state, parent, and as
// the twentieth field the start.
Process process(std::uint64_t number) {
  char text[1024];
  if (!read_proc(number, "stat", text, sizeof(text))) return {};
  const char* end = nullptr;
  for (const char* at = text; *at != 0; ++at) {
    if (*at == ')') end = at;
  }
  if (end == nullptr) return {};
  Process found;
  found.number = number;
  int field = 1;
  for (const char* at = end + 1; *at != 0; ++at) {
    if (*at != ' ') continue;
    ++field;
    const char* value = at + 1;
    if (field == 3) found.parent = read_number(value);
    if (field == 21) found.started = read_number(value);
  }
  return found;
}

// The process that a thread belongs to.
std::uint64_t process_of(long thread) {
  char text[512];
  if (!read_proc(static_cast<std::uint64_t>(thread), "status", text, sizeof(text))) return 0;
  constexpr const char* label = "\nTgid:\t";
  for (const char* at = text; *at != 0; ++at) {
    std::size_t same = 0;
    while (label[same] != 0 && at[same] == label[same]) ++same;
    if (label[same] != 0) continue;
    at += same;
    return read_number(at);
  }
  return 0;
}

Entry* entry_of(const Process& of) {
  for (Entry& entry : entries) {
    if (entry.process == of.number && entry.started == of.started) return &entry;
  }
  return nullptr;
}

Entry* free_entry() {
  for (Entry& entry : entries) {
    if (entry.process == 0) return &entry;
  }
  Entry* result = nullptr;
  for (Entry& entry : entries) {
    if (process(entry.process).started == entry.started) continue;
    entry.process = 0;
    result = &entry;
  }
  return result;
}

}  // namespace

Asker::Asker(long thread, std::uint32_t first_user, std::uint32_t first_group)
    : thread_(thread),
      first_{{first_user, first_user, first_user}, {first_group, first_group, first_group}} {}

FakeIds Asker::ids() const {
  Process at = process(process_of(thread_));
  for (int i = 0; at.number > 1 && i < most_ancestors; ++i) {
    if (const Entry* entry = entry_of(at)) return entry->ids;
    at = process(at.parent);
  }
  return first_;
}

long Asker::set_ids(const FakeIds& ids) const {
  const Process self = process(process_of(thread_));
  if (self.number == 0) return eagain;
  Entry* entry = entry_of(self);
  if (entry == nullptr) entry = free_entry();
  if (entry == nullptr) return eagain;
  *entry = {self.number, self.started, ids};
  return 0;
}

long Asker::open(long directory, std::uint64_t path, long flags) const {
  char text[PATH_MAX];
  const long size = path == 0 ? 0 : read_text(path, text, sizeof(text));
  if (size < 0) return size;
  const bool empty = size == 0;
  if (empty && (flags & AT_EMPTY_PATH) == 0) return -2;  // ENOENT

  char base[64];
  Text where(base, sizeof(base));
  where.add("/proc/").add(static_cast<std::uint64_t>(thread_));
  const bool rooted = !empty && text[0] == '/';
  if (rooted) {
    where.add("/root");
  } else if (static_cast<std::int32_t>(directory) == AT_FDCWD) {
    where.add("/cwd");
  } else {
    if (static_cast<std::int32_t>(directory) < 0) return -9;  // EBADF
    where.add("/fd/").add(static_cast<std::uint64_t>(directory));
  }
  const long start = system_call(SYS_openat, AT_FDCWD, address(base), O_PATH | O_CLOEXEC);
  if (start < 0 || empty) return start;
  struct open_how how = {};
  how.flags = O_PATH | O_CLOEXEC | ((flags & AT_SYMLINK_NOFOLLOW) != 0 ? O_NOFOLLOW : 0);
  how.resolve = rooted ? RESOLVE_IN_ROOT : 0;
  const long file = system_call(SYS_openat2, start, address(text), address(&how), sizeof(how));
  system_call(SYS_close, start);
  return file;
}

namespace {

struct Piece {
  const void* base;
  std::size_t size;
};

}  // namespace

long Asker::write_memory(std::uint64_t to, const void* from, std::size_t size) const {
  const Piece here = {from, size};
  const Piece there = {reinterpret_cast<const void*>(to), size};
  const long written = system_call(SYS_process_vm_writev, thread_, address(&here), 1,
                                   address(&there), 1, 0);
  return written == static_cast<long>(size) ? 0 : efault;
}

// Its length. Up to a page's end at a time: the next one need not be there.
long Asker::read_text(std::uint64_t from, char* to, std::size_t size) const {
  std::size_t used = 0;
  while (used < size) {
    std::size_t count = page - (from + used) % page;
    if (count > size - used) count = size - used;
    const Piece here = {to + used, count};
    const Piece there = {reinterpret_cast<const void*>(from + used), count};
    if (system_call(SYS_process_vm_readv, thread_, address(&here), 1, address(&there), 1, 0) !=
        static_cast<long>(count)) {
      return efault;
    }
    for (std::size_t end = used + count; used < end; ++used) {
      if (to[used] == 0) return static_cast<long>(used);
    }
  }
  return enametoolong;
}

}  // namespace slipway::init
