// The part of DNS that names of containers need (RFC 1035): questions are read, answers written.
// All of it is total: a container may ask anything.
#pragma once

#include <executor/containers/network/addresses.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::dns {

constexpr std::uint16_t port = 53;
constexpr std::uint16_t type_a = 1;
constexpr std::uint16_t type_ptr = 12;
constexpr std::uint16_t class_internet = 1;

enum class Code : std::uint8_t { no_error = 0, malformed = 1, no_such_name = 3, refused = 5 };

struct Question {
  std::string name;  // small letters, no dot at the end; empty: the root
  std::uint16_t type = 0;
  std::uint16_t in_class = 0;
  std::size_t end = 0;  // of the question in its packet
};

// A query with exactly one question, whose name has only what host names are made of and '_'.
// Nothing for everything else, which is not answered here.
std::optional<Question> parse_query(std::span<const std::uint8_t> packet);

// "2.0.89.10.in-addr.arpa" asks for 10.89.0.2.
std::optional<Address> asked_address(std::string_view name);

// Answers to the query that `packet` is; at most 512 bytes. With addresses as many as fit.
std::string answer_addresses(std::span<const std::uint8_t> packet, const Question& question,
                             const std::vector<Address>& addresses);
std::string answer_name(std::span<const std::uint8_t> packet, const Question& question,
                        std::string_view name);
std::string answer_code(std::span<const std::uint8_t> packet, const Question& question, Code code);

}  // namespace slipway::dns
