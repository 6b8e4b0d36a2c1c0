// Writes the plan that slipway-init reads (init/plan.hpp).
#pragma once

#include <executor/sandbox/init/plan.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace slipway {

// Bytes grow behind a header that finish() puts in front.
template <class Header>
class BasicPlanWriter {
 public:
  Header header{};

  BasicPlanWriter() : bytes_(sizeof(Header), '\0') {}

  // Its offset. The text must not hold a zero byte: what is behind that would be lost.
  std::uint32_t text(std::string_view text) {
    const auto offset = static_cast<std::uint32_t>(bytes_.size());
    bytes_.append(text);
    bytes_.push_back('\0');
    return offset;
  }

  template <class Element>
  init::List list(const Element* elements, std::size_t count) {
    static_assert(std::is_trivially_copyable_v<Element>);
    bytes_.resize((bytes_.size() + 7) / 8 * 8, '\0');
    const auto offset = static_cast<std::uint32_t>(bytes_.size());
    bytes_.append(reinterpret_cast<const char*>(elements), count * sizeof(Element));
    return {offset, static_cast<std::uint32_t>(count)};
  }
  template <class Elements>
  init::List list(const Elements& elements) {
    return list(std::data(elements), std::size(elements));
  }

  template <class Texts>
  init::List texts(const Texts& texts) {
    std::vector<std::uint32_t> offsets;
    for (const auto& one : texts) offsets.push_back(text(one));
    return list(offsets);
  }

  std::string finish() && {
    bytes_.push_back('\0');
    header.magic = Header::right_magic;
    header.size = static_cast<std::uint32_t>(bytes_.size());
    std::memcpy(bytes_.data(), &header, sizeof(header));
    return std::move(bytes_);
  }

 private:
  std::string bytes_;
};

using PlanWriter = BasicPlanWriter<init::Plan>;

}  // namespace slipway
