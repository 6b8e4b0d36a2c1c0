#include <executor/files/owner.hpp>

#include <cache/file_descriptor.hpp>
#include <ir/error.hpp>

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <string>
#include <vector>

namespace slipway {
namespace {

constexpr std::size_t most_bytes = std::size_t{10} << 20;

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// As BuildKit takes them: what fits 31 bits, a plus sign before it or not. "root" is 0 also where no
// passwd says so, and so is nothing ("5:").
std::optional<std::uint32_t> parse_id(std::string_view text) {
  if (text == "root" || text.empty()) return 0;
  if (text.starts_with("+") && !text.starts_with("+-")) text.remove_prefix(1);
  const std::optional<std::int32_t> id = parse_number<std::int32_t>(text);
  if (!id || *id < 0) return std::nullopt;
  return static_cast<std::uint32_t>(*id);
}

// Empty if there is no such file. It is an image's file: nothing of it is believed.
std::string read_file(const StackView& tree, std::string_view path) {
  const StackView::Resolved found = tree.resolve(path, true);
  if (!found.entry) return {};
  if (found.entry->type != Entry::Type::file)
    throw Error(quoted("/" + std::string(path)) + " is no regular file");
  if (found.entry->size > most_bytes)
    throw Error(quoted("/" + std::string(path)) + " is larger than 10 MiB");
  const FileDescriptor file(tree.open(*found.entry));
  std::string text(static_cast<std::size_t>(found.entry->size), '\0');
  std::size_t filled = 0;
  while (filled < text.size()) {
    const ssize_t got = ::read(file.get(), text.data() + filled, text.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw system_error("read", path, errno);
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  text.resize(filled);
  return text;
}

// The numbers in fields 2 and, of passwd, 3 of the line that begins with the name (passwd(5),
// group(5)). A line that is malformed is no line.
std::optional<std::vector<std::uint32_t>> look_up(std::string_view text, std::string_view name,
                                                  std::size_t numbers) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    std::vector<std::string_view> fields;
    for (std::size_t start = 0; start <= line.size();) {
      const std::size_t colon = std::min(line.find(':', start), line.size());
      fields.push_back(line.substr(start, colon - start));
      start = colon + 1;
    }
    if (fields.size() < 2 + numbers || fields[0] != name) continue;
    std::vector<std::uint32_t> ids;
    for (std::size_t i = 2; i < 2 + numbers; ++i) {
      const std::optional<std::uint32_t> id = parse_number<std::uint32_t>(fields[i]);
      if (!id) break;
      ids.push_back(*id);
    }
    if (ids.size() == numbers) return ids;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Owner> parse_owner(std::string_view text, const StackView& destination) {
  if (text.empty()) return std::nullopt;
  const std::size_t colon = text.find(':');
  const std::string_view user = text.substr(0, colon);
  const auto require_files = [&](std::string_view name) {
    if (!destination.layers().empty()) return;
    throw Error("there is no /etc/passwd to look up " + quoted(name) + " in")
        .hint("give numbers: nothing lies below (FROM scratch, or --link)");
  };

  Owner owner;
  if (const std::optional<std::uint32_t> id = parse_id(user)) {
    owner = {*id, *id};
  } else {
    require_files(user);
    if (const auto ids = look_up(read_file(destination, "etc/passwd"), user, 2))
      owner = {(*ids)[0], (*ids)[1]};
  }
  if (colon == std::string_view::npos) return owner;

  const std::string_view group = text.substr(colon + 1);
  if (const std::optional<std::uint32_t> id = parse_id(group)) {
    owner.gid = *id;
  } else {
    require_files(group);
    if (const auto ids = look_up(read_file(destination, "etc/group"), group, 1))
      owner.gid = (*ids)[0];
  }
  return owner;
}

}  // namespace slipway
