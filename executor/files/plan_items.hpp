// The items of a plan, packed: a context has as many of them as files.
#pragma once

#include <cache/layers/entry.hpp>
#include <cache/layers/index_writer.hpp>
#include <ir/digest.hpp>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// One entry of a plan.
struct PlanItem {
  Entry entry;                       // as it will be stored
  std::size_t input = 0;             // which of the vertex's inputs the bytes come from
  std::string source;                // path in that input; empty: `entry` says all
  std::optional<std::string> bytes;  // a heredoc's
};

// Items in path order, about 130 bytes each. Reading one makes a PlanItem of it. Not thread-safe,
// but any number of threads may read.
class PlanItems {
 public:
  PlanItems();
  PlanItems(const PlanItems& other);
  PlanItems(PlanItems&&) noexcept;
  PlanItems& operator=(PlanItems&&) noexcept;
  ~PlanItems();

  // After all that are there. Throws Error where it is not.
  void push_back(const PlanItem& item);
  void set_content(std::size_t position, const Digest& content);

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  PlanItem operator[](std::size_t position) const;
  // Throws Error where there is none.
  PlanItem at(std::size_t position) const;
  // Parts of an item, without making all of it; the texts stay until the next push_back().
  Entry entry(std::size_t position) const;
  std::string_view path(std::size_t position) const;
  std::string_view source(std::size_t position) const;
  Entry::Type type(std::size_t position) const;
  std::int64_t mtime(std::size_t position) const;
  bool has_bytes(std::size_t position) const;
  std::optional<std::size_t> find(std::string_view path) const;
  // Whether the path comes after all that are there.
  bool is_behind(std::string_view path) const;

  // Gives the items one after the other, and the memory of those that were given back.
  class Drain;

  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = PlanItem;
    using difference_type = std::ptrdiff_t;
    using pointer = void;
    using reference = PlanItem;
    Iterator(const PlanItems& items, std::size_t position) : items_(&items), position_(position) {}
    PlanItem operator*() const { return (*items_)[position_]; }
    Iterator& operator++() {
      ++position_;
      return *this;
    }
    bool operator==(const Iterator& other) const { return position_ == other.position_; }

   private:
    const PlanItems* items_;
    std::size_t position_;
  };
  Iterator begin() const { return {*this, 0}; }
  Iterator end() const { return {*this, size_}; }

 private:
  // So many items share their memory: a plan grows without moving what is there, and is given back
  // piece by piece.
  static constexpr std::size_t chunk_size = 1024;
  struct Chunk;
  const Chunk& chunk_of(std::size_t position) const { return *chunks_[position / chunk_size]; }

  std::vector<std::unique_ptr<Chunk>> chunks_;  // all but the last are full
  std::size_t size_ = 0;
  friend class Drain;
};

class PlanItems::Drain {
 public:
  explicit Drain(PlanItems items) : items_(std::move(items)) {}
  // The next item; null: there is none. Until the next call.
  const PlanItem* peek();
  PlanItem take();

 private:
  PlanItems items_;
  std::size_t position_ = 0;
  std::optional<PlanItem> next_;
};

}  // namespace slipway
