// What has arrived of a blob that is not whole yet: partial/HEX, by the digest it is going to have.
//
// Who adds to it has a lock on the file, which ends with his process. Bytes are only ever added at
// the end, so whatever killed him, what is there is the front of the blob, and the next one goes on
// behind it. After a power failure it may be anything, as every blob may: the digest decides when
// it is whole.
#pragma once

#include <cache/file_descriptor.hpp>
#include <cache/stream.hpp>
#include <ir/digest.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

namespace slipway {

class StateDirectory;

// Not thread-safe.
class [[nodiscard]] PartialBlob {
 public:
  // Empty: somebody else adds to it, in this process or in another. Throws Error.
  static std::optional<PartialBlob> attempt(StateDirectory& state, const Digest& digest);
  // One that begins empty, whoever has that of the digest, and ends with this unless it is kept.
  static PartialBlob aside(StateDirectory& state, const Digest& digest);

  PartialBlob(PartialBlob&& other) noexcept;
  PartialBlob& operator=(PartialBlob&&) = delete;
  ~PartialBlob();  // what came stays for the next one

  std::uint64_t size() const { return size_; }
  // Gives all that is there to `sink`, from its front. Throws Error.
  void read(const ByteSink& sink) const;
  void append(std::span<const std::byte> bytes);
  // For who has it and works on what is there: sign_of() changes, once a second at most.
  void show_life();
  // What is there was wrong: it begins anew.
  void clear();
  // It is whole, and the caller has compared its digest: from now on the store has the blob.
  void keep();

  struct Left {
    Digest digest;
    std::uint64_t bytes = 0;
    std::int64_t last_used = 0;  // seconds since the epoch
  };
  static std::vector<Left> list(const StateDirectory& state);
  // How much there is of it, whoever adds to it.
  static std::uint64_t size_of(const StateDirectory& state, const Digest& digest);
  // Something that changes as long as who has it adds to it, or shows life.
  struct Sign {
    std::uint64_t bytes = 0;
    std::int64_t time = 0;  // nanoseconds since the epoch
    bool operator==(const Sign&) const = default;
  };
  static Sign sign_of(const StateDirectory& state, const Digest& digest);
  static bool in_use(const StateDirectory& state, const Digest& digest);
  // False: somebody adds to it.
  static bool drop(const StateDirectory& state, const Digest& digest);
  // Drops those that nobody has added to for a week: what was to be pulled then is not wanted any
  // more.
  static void drop_old(const StateDirectory& state);
  static constexpr std::int64_t longest_unused = 7 * 24 * 60 * 60;

 private:
  PartialBlob(StateDirectory& state, const Digest& digest, std::filesystem::path path,
              FileDescriptor file, bool passing);

  StateDirectory* state_;
  Digest digest_;
  std::filesystem::path path_;  // empty: nothing left to do
  FileDescriptor file_;         // locked, unless it is `passing_`
  bool passing_;                // nobody else will look for it
  std::uint64_t size_ = 0;
  std::chrono::steady_clock::time_point shown_{};  // when it showed life
};

}  // namespace slipway
