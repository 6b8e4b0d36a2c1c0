#include <cache/containers/names.hpp>

#include <ir/error.hpp>

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <iterator>

namespace slipway {
namespace {

constexpr const char* manners[] = {
    "able",  "agile",  "brave", "bright",  "calm",   "candid", "clever", "cosy",
    "eager", "fair",   "fleet", "frank",   "gentle", "glad",   "happy",  "hardy",
    "jolly", "keen",   "kind",  "lively",  "loyal",  "lucid",  "merry",  "mild",
    "neat",  "nimble", "noble", "patient", "proud",  "quick",  "quiet",  "ready",
    "sharp", "snug",   "sober", "steady",  "swift",  "tidy",   "trusty", "witty"};

// Of ships, and of who sails and builds them.
constexpr const char* nouns[] = {
    "anchor",  "barge",   "boatswain", "brig",    "buoy",     "capstan", "caulker",
    "clipper", "compass", "cooper",    "cutter",  "dinghy",   "dory",    "ferry",
    "frigate", "galley",  "halyard",   "harbour", "helm",     "jetty",   "keel",
    "ketch",   "lugger",  "mast",      "mizzen",  "pilot",    "pinnace", "punt",
    "quay",    "rigger",  "rudder",    "sailor",  "schooner", "sextant", "shipwright",
    "skiff",   "sloop",   "tender",    "tiller",  "trawler",  "wherry",  "yawl"};

template <std::size_t size>
std::array<unsigned char, size> random_bytes() {
  std::array<unsigned char, size> bytes;
  if (::getrandom(bytes.data(), size, 0) != static_cast<ssize_t>(size))
    throw system_error("getrandom", "", errno);
  return bytes;
}

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

std::string random_id() {
  constexpr char digits[] = "0123456789abcdef";
  std::string id;
  do {
    id.clear();
    for (const unsigned char byte : random_bytes<32>()) {
      id += digits[byte >> 4];
      id += digits[byte & 15];
    }
    // The short form must not look like a number, as docker has it: it is the container's host
    // name.
  } while (id.substr(0, 12).find_first_not_of("0123456789") == std::string::npos);
  return id;
}

std::string invented_name(int attempt) {
  const auto bytes = random_bytes<4>();
  const std::size_t number = bytes[0] | bytes[1] << 8;
  std::string name = std::string(manners[number % std::size(manners)]) + "_" +
                     nouns[(number / std::size(manners)) % std::size(nouns)];
  constexpr int without_number = 3;
  if (attempt >= without_number) name += std::to_string(bytes[2] | bytes[3] << 8);
  return name;
}

bool is_container_name(std::string_view name) {
  if (name.size() < 2 || !is_alphanumeric(name.front())) return false;
  for (const char c : name)
    if (!is_alphanumeric(c) && c != '_' && c != '.' && c != '-') return false;
  return true;
}

void require_container_name(std::string_view name) {
  constexpr std::size_t longest = 255;
  if (is_container_name(name) && name.size() <= longest) return;
  throw Error(quoted(name) + " cannot be a name")
      .hint("two or more letters, digits, '_', '.' and '-', the first a letter or a digit");
}

}  // namespace slipway
