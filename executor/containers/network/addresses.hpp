// IPv4 addresses of networks that containers share, and which of them are free.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

using Address = std::uint32_t;  // the first byte of "10.89.0.1" is the highest

std::optional<Address> parse_address(std::string_view text);
std::string address_text(Address address);

// "10.89.0.0/24".
struct AddressRange {
  Address first = 0;
  int length = 32;  // of the prefix

  Address mask() const { return length == 0 ? 0 : ~Address{0} << (32 - length); }
  Address broadcast() const { return first | ~mask(); }
  bool holds(Address address) const { return (address & mask()) == first; }
  bool overlaps(const AddressRange& other) const {
    return holds(other.first) || other.holds(first);
  }
  bool operator==(const AddressRange&) const = default;
};

// Nothing for what is none, and where bits behind the prefix are set.
std::optional<AddressRange> parse_range(std::string_view text);
std::string range_text(const AddressRange& range);

// An address of the range that a machine can have: neither its first nor its last.
bool is_host_of(const AddressRange& range, Address address);
// The first free one behind `last`, around; nothing: all are taken.
std::optional<Address> free_address(const AddressRange& range, Address last,
                                    const std::vector<Address>& taken);

// One of slipway's own ranges for networks that overlaps none of these; nothing: each does.
std::optional<AddressRange> free_range(const std::vector<AddressRange>& taken);

}  // namespace slipway
