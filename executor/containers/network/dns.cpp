#include <executor/containers/network/dns.hpp>

#include <algorithm>
#include <cstring>

namespace slipway::dns {
namespace {

constexpr std::size_t header_size = 12;
constexpr std::size_t largest_name = 255;
constexpr std::size_t largest_label = 63;
constexpr std::size_t largest_answer = 512;  // that every resolver takes
// Containers come and go, and whoever keeps an answer keeps a wrong one.
constexpr std::uint32_t seconds_valid = 5;
constexpr std::string_view reverse_domain = ".in-addr.arpa";

std::uint16_t number_at(std::span<const std::uint8_t> packet, std::size_t at) {
  return static_cast<std::uint16_t>(packet[at] << 8 | packet[at + 1]);
}

void put(std::string& to, std::uint32_t value, int bytes) {
  while (bytes-- > 0) to += static_cast<char>(value >> (8 * bytes) & 255);
}

bool is_of_names(std::uint8_t c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

std::uint8_t small_letter(std::uint8_t c) {
  return c >= 'A' && c <= 'Z' ? static_cast<std::uint8_t>(c - 'A' + 'a') : c;
}

// The header and the question again, with the flags of an answer.
std::string begin_answer(std::span<const std::uint8_t> packet, const Question& question, Code code,
                         std::size_t answers) {
  std::string text(reinterpret_cast<const char*>(packet.data()), question.end);
  // A response, with authority; the recursion that was asked for, and that there is one.
  text[2] = static_cast<char>(0x84 | (packet[2] & 0x01));
  text[3] = static_cast<char>(0x80 | static_cast<unsigned>(code));
  std::string counts;
  put(counts, 1, 2);
  put(counts, static_cast<std::uint32_t>(answers), 2);
  put(counts, 0, 4);
  text.replace(4, counts.size(), counts);
  return text;
}

void begin_record(std::string& text, std::uint16_t type, std::size_t size) {
  put(text, 0xC000 | header_size, 2);  // the question's name
  put(text, type, 2);
  put(text, class_internet, 2);
  put(text, seconds_valid, 4);
  put(text, static_cast<std::uint32_t>(size), 2);
}

}  // namespace

std::optional<Question> parse_query(std::span<const std::uint8_t> packet) {
  if (packet.size() < header_size) return std::nullopt;
  // No response, the operation QUERY, not cut; one question, no answers, no authorities. What
  // follows as additional, EDNS, is passed over.
  if ((packet[2] & 0xFA) != 0 || number_at(packet, 4) != 1 || number_at(packet, 6) != 0 ||
      number_at(packet, 8) != 0) {
    return std::nullopt;
  }
  Question question;
  std::size_t at = header_size;
  for (;;) {
    if (at >= packet.size()) return std::nullopt;
    const std::size_t length = packet[at++];
    if (length == 0) break;
    // Neither a pointer: nothing stands before the question that one could lead to.
    if (length > largest_label || length > packet.size() - at ||
        at + length - header_size > largest_name - 1) {
      return std::nullopt;
    }
    if (!question.name.empty()) question.name += '.';
    for (const std::uint8_t each : packet.subspan(at, length)) {
      const std::uint8_t letter = small_letter(each);
      if (!is_of_names(letter)) return std::nullopt;
      question.name += static_cast<char>(letter);
    }
    at += length;
  }
  if (packet.size() - at < 4) return std::nullopt;
  question.type = number_at(packet, at);
  question.in_class = number_at(packet, at + 2);
  question.end = at + 4;
  return question;
}

std::optional<Address> asked_address(std::string_view name) {
  if (!name.ends_with(reverse_domain)) return std::nullopt;
  const auto reversed = parse_address(name.substr(0, name.size() - reverse_domain.size()));
  if (!reversed) return std::nullopt;
  return (*reversed & 255) << 24 | (*reversed >> 8 & 255) << 16 | (*reversed >> 16 & 255) << 8 |
         *reversed >> 24;
}

std::string answer_addresses(std::span<const std::uint8_t> packet, const Question& question,
                             const std::vector<Address>& addresses) {
  constexpr std::size_t record_size = 16;
  const std::size_t count =
      std::min(addresses.size(), (largest_answer - question.end) / record_size);
  std::string text = begin_answer(packet, question, Code::no_error, count);
  for (std::size_t i = 0; i < count; ++i) {
    begin_record(text, type_a, 4);
    put(text, addresses[i], 4);
  }
  return text;
}

std::string answer_name(std::span<const std::uint8_t> packet, const Question& question,
                        std::string_view name) {
  std::string labels;
  while (!name.empty()) {
    const std::string_view label = name.substr(0, name.find('.'));
    name.remove_prefix(std::min(name.size(), label.size() + 1));
    if (label.empty() || label.size() > largest_label)
      return answer_code(packet, question, Code::no_such_name);
    labels += static_cast<char>(label.size());
    labels += label;
  }
  labels += '\0';
  constexpr std::size_t record_head = 12;
  if (labels.size() > largest_name || question.end + record_head + labels.size() > largest_answer) {
    return answer_code(packet, question, Code::no_such_name);
  }
  std::string text = begin_answer(packet, question, Code::no_error, 1);
  begin_record(text, type_ptr, labels.size());
  return text + labels;
}

std::string answer_code(std::span<const std::uint8_t> packet, const Question& question, Code code) {
  return begin_answer(packet, question, code, 0);
}

}  // namespace slipway::dns
