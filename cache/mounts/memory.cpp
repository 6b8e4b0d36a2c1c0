// The file: a line that names the format, the units in order of their keys, and the sha256 of all
// before it, because half a file must not pass for a whole one.
#include <cache/mounts/memory.hpp>

#include <cache/file_descriptor.hpp>
#include <cache/layers/beneath.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

namespace slipway {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::string_view magic = "slipway mount units 1\n";

void add(std::string& bytes, const Digest& digest) {
  bytes.append(reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size());
}
void add(std::string& bytes, std::uint32_t number) {
  bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
}

template <class Value>
bool take(std::string_view& rest, Value& value) {
  if (rest.size() < sizeof value) return false;
  std::memcpy(&value, rest.data(), sizeof value);
  rest.remove_prefix(sizeof value);
  return true;
}

std::string read_whole(const std::filesystem::path& file) {
  DescriptorSource source(FileDescriptor(::open(file.c_str(), O_RDONLY | O_CLOEXEC)));
  std::string bytes;
  std::vector<std::byte> buffer(std::size_t{256} << 10);
  while (const std::size_t got = source.read(buffer))
    bytes.append(reinterpret_cast<const char*>(buffer.data()), got);
  return bytes;
}

UnitMemory parse(std::string_view bytes) {
  Digest whole;
  if (bytes.size() < magic.size() + sizeof whole || !bytes.starts_with(magic)) return {};
  std::string_view rest = bytes.substr(bytes.size() - sizeof whole);
  take(rest, whole);
  bytes.remove_suffix(sizeof whole);
  if (sha256(bytes) != whole) return {};
  bytes.remove_prefix(magic.size());
  UnitMemory memory;
  while (!bytes.empty()) {
    Digest key;
    std::uint32_t count = 0;
    if (!take(bytes, key) || !take(bytes, count)) return {};
    std::vector<UnitChunk>& chunks = memory[key];
    for (; count > 0; --count) {
      UnitChunk chunk;
      if (!take(bytes, chunk.digest) || !take(bytes, chunk.size)) return {};
      chunks.push_back(chunk);
    }
  }
  return memory;
}

}  // namespace

UnitMemory read_unit_memory(const std::filesystem::path& file) noexcept {
  try {
    return parse(read_whole(file));
  } catch (const std::exception&) {
    return {};  // there is none, most often
  }
}

void write_unit_memory(const UnitMemory& memory, const std::filesystem::path& aside,
                       const std::filesystem::path& file) {
  std::vector<const UnitMemory::value_type*> units;
  for (const auto& unit : memory) units.push_back(&unit);
  std::sort(units.begin(), units.end(),
            [](const auto* left, const auto* right) { return left->first < right->first; });
  std::string bytes(magic);
  for (const auto* unit : units) {
    add(bytes, unit->first);
    add(bytes, static_cast<std::uint32_t>(unit->second.size()));
    for (const UnitChunk& chunk : unit->second) {
      add(bytes, chunk.digest);
      add(bytes, chunk.size);
    }
  }
  add(bytes, sha256(bytes));
  const FileDescriptor made(::open(aside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!made) throw system_error("open", aside.native(), errno);
  write_all(made.get(), bytes, aside.native());
  if (::rename(aside.c_str(), file.c_str()) != 0)
    throw system_error("rename", file.native(), errno);
}

}  // namespace slipway
