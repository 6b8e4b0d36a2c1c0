#include <executor/containers/network/addresses.hpp>

#include <algorithm>
#include <charconv>

namespace slipway {
namespace {

// The whole text, in decimal digits without a leading zero.
std::optional<unsigned> small_number(std::string_view text, unsigned most) {
  if (text.empty() || text.size() > 3 || (text.size() > 1 && text.front() == '0')) {
    return std::nullopt;
  }
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > most) return std::nullopt;
  return value;
}

}  // namespace

std::optional<Address> parse_address(std::string_view text) {
  Address address = 0;
  for (int part = 0; part < 4; ++part) {
    const std::size_t dot = text.find('.');
    if ((dot == std::string_view::npos) != (part == 3)) return std::nullopt;
    const auto value = small_number(text.substr(0, dot), 255);
    if (!value) return std::nullopt;
    address = address << 8 | *value;
    text.remove_prefix(
        std::min(text.size(), dot == std::string_view::npos ? text.size() : dot + 1));
  }
  return address;
}

std::string address_text(Address address) {
  return std::to_string(address >> 24) + "." + std::to_string(address >> 16 & 255) + "." +
         std::to_string(address >> 8 & 255) + "." + std::to_string(address & 255);
}

std::optional<AddressRange> parse_range(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto first = parse_address(text.substr(0, slash));
  const auto length = small_number(text.substr(slash + 1), 32);
  if (!first || !length) return std::nullopt;
  const AddressRange range{*first, static_cast<int>(*length)};
  if (!range.holds(*first)) return std::nullopt;
  return range;
}

std::string range_text(const AddressRange& range) {
  return address_text(range.first) + "/" + std::to_string(range.length);
}

bool is_host_of(const AddressRange& range, Address address) {
  return range.holds(address) && address != range.first && address != range.broadcast();
}

std::optional<Address> free_address(const AddressRange& range, Address last,
                                    const std::vector<Address>& taken) {
  Address address = is_host_of(range, last) ? last : range.first;
  // Among as many as are taken, and one more, there is a free one unless the range ends before.
  const std::uint64_t hosts = std::uint64_t{range.broadcast()} - range.first;
  for (std::uint64_t tried = 0; tried < hosts && tried <= taken.size() + 2; ++tried) {
    address = address + 1 >= range.broadcast() ? range.first + 1 : address + 1;
    if (is_host_of(range, address) &&
        std::find(taken.begin(), taken.end(), address) == taken.end()) {
      return address;
    }
  }
  return std::nullopt;
}

std::optional<AddressRange> free_range(const std::vector<AddressRange>& taken) {
  const auto is_free = [&taken](const AddressRange& range) {
    return std::none_of(taken.begin(), taken.end(),
                        [&range](const AddressRange& other) { return range.overlaps(other); });
  };
  // Those of docker and of clusters, 172.17.0.0/16 to 172.20.0.0/16 and 10.0.0.0/16
  // and 10.42.0.0/15, are left to them.
  for (const Address block : {Address{0x0A590000}, Address{0xAC1D0000}, Address{0xC0A80000}}) {
    for (Address third = 0; third < 256; ++third) {
      const AddressRange range{block | third << 8, 24};
      if (is_free(range)) return range;
    }
  }
  return std::nullopt;
}

}  // namespace slipway
