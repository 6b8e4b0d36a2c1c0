#include <executor/sandbox/foreign.hpp>

#include <executor/sandbox/architectures.hpp>
#include <executor/spawn.hpp>

#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>
#include <system_error>

namespace slipway {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_handlers = 1000;

// One registration, as its file shows it.
struct Handler {
  bool enabled = false;
  std::string interpreter;
  std::string flags;
  std::size_t offset = 0;
  std::vector<std::uint8_t> magic;
  std::vector<std::uint8_t> mask;  // as long as the magic
};

std::optional<std::vector<std::uint8_t>> bytes_of(std::string_view hex) {
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    const std::string pair(hex.substr(i, 2));
    char* end = nullptr;
    const unsigned long value = std::strtoul(pair.c_str(), &end, 16);
    if (end != pair.c_str() + 2) return std::nullopt;
    bytes.push_back(static_cast<std::uint8_t>(value));
  }
  return bytes;
}

std::optional<Handler> read_handler(const fs::path& file) {
  std::ifstream stream(file);
  Handler handler;
  for (std::string line; std::getline(stream, line);) {
    std::istringstream words(line);
    std::string key;
    std::string value;
    words >> key >> value;
    if (key == "enabled") handler.enabled = true;
    if (key == "interpreter")
      handler.interpreter = line.substr(std::min(line.size(), key.size() + 1));
    if (key == "flags:") handler.flags = value;
    if (key == "offset") handler.offset = std::strtoul(value.c_str(), nullptr, 10);
    if (key == "magic") handler.magic = bytes_of(value).value_or(std::vector<std::uint8_t>{});
    if (key == "mask") handler.mask = bytes_of(value).value_or(std::vector<std::uint8_t>{});
  }
  if (handler.magic.empty()) return std::nullopt;  // by file name, or no handler at all
  handler.mask.resize(handler.magic.size(), 0xff);
  return handler;
}

std::vector<Handler> read_handlers(const fs::path& folder) {
  std::vector<Handler> handlers;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder, none)) {
    const std::string name = entry.path().filename().string();
    if (name == "register" || name == "status") continue;
    if (handlers.size() == most_handlers) break;
    if (auto handler = read_handler(entry.path()); handler && handler->enabled)
      handlers.push_back(std::move(*handler));
  }
  return handlers;
}

bool takes(const Handler& handler, const Architecture& architecture) {
  constexpr std::size_t same_for_all = 20;  // bytes, with the machine's number at the end
  const std::string head = smallest_program(architecture).substr(0, same_for_all);
  for (std::size_t i = 0; i < handler.magic.size(); ++i) {
    if (handler.mask[i] == 0) continue;
    const std::size_t at = handler.offset + i;
    // What lies behind the head is not known: a handler that asks for it is not one for them all.
    if (at >= head.size() ||
        ((static_cast<std::uint8_t>(head[at]) ^ handler.magic[i]) & handler.mask[i]) != 0)
      return false;
  }
  return true;
}

// Where the processor has the other width, too, its kernel most often runs it.
bool is_native(const Platform& platform) {
  const Platform host = host_platform();
  if (matches(platform, host)) return true;
  return host.architecture == "amd64" && platform.architecture == "386" &&
         ::access("/proc/sys/abi/vsyscall32", F_OK) == 0;
}

}  // namespace

std::string emulator_search_path() {
  const char* own = std::getenv("PATH");
  return std::string(own == nullptr ? "" : own) + ":/usr/local/bin:/usr/bin:/bin";
}

std::vector<ForeignPlatform> foreign_platforms(const fs::path& handlers,
                                               const std::string& search_path) {
  const std::vector<Handler> registered = read_handlers(handlers);
  std::vector<ForeignPlatform> platforms;
  using Means = ForeignPlatform::Means;
  for (const Architecture& kind : architectures()) {
    ForeignPlatform found;
    found.platform = parse_platform(kind.platform);
    if (is_native(found.platform)) {
      found.means = Means::native;
    } else {
      for (const Handler& handler : registered) {
        if (!takes(handler, kind)) continue;
        const bool opened = handler.flags.find('F') != std::string::npos;
        if (found.means == Means::handler) break;
        found.means = opened ? Means::handler : Means::handler_outside;
        found.program = handler.interpreter;
      }
      if (found.means == Means::none) {
        found.program = find_program(kind.emulator, search_path).value_or("");
        if (!found.program.empty()) found.means = Means::emulator;
      }
    }
    const bool own = matches(found.platform, host_platform());
    platforms.insert(own ? platforms.begin() : platforms.end(), std::move(found));
  }
  return platforms;
}

}  // namespace slipway
