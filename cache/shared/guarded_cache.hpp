// One cache behind a circuit breaker: what it fails at, or is too slow for, costs one note, and
// then it is left alone.
//
// Every call runs on a thread of its own, so that nobody waits for one that hangs: the call is left
// behind and ends when it can. How long is too long:
//
//   an answer   (a record, whether a blob is there, a blob's first byte) `patience`. What each
//               takes beyond a small part of that, unless a record was found, is also added up: a
//               build waits no longer than `patience` for all such answers together.
//   a blob      no pause of `patience`; and not less than slowest_rate over three times `patience`
//               of waiting for it. What crawls counts as failing even if it is all there is: the
//               step can run instead. Only waiting for the cache counts, not what its reader takes.
//   an upload   three times `patience`, and its size at slowest_rate
#pragma once

#include <cache/shared/transport.hpp>
#include <cache/stream.hpp>
#include <ir/error.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// Thread-safe. No function throws for what a cache did.
class GuardedCache {
 public:
  static constexpr std::uint64_t slowest_rate = 100'000;  // bytes a second

  struct Options {
    bool write = false;
    std::chrono::milliseconds patience{10'000};
    std::function<void(const Diagnostic&)> note;  // at most once, from any thread
    std::function<bool()> cancelled;              // of the build; never called after close()
  };
  // `open` makes the transport, whose calls end soon once what it is given is true.
  using Open = std::function<std::unique_ptr<CacheTransport>(std::function<bool()> cancelled)>;
  GuardedCache(const Open& open, Options options);
  // Waits for calls that end soon. One that hangs is left behind.
  ~GuardedCache();
  GuardedCache(const GuardedCache&) = delete;

  const std::string& name() const { return name_; }
  bool left_alone() const;
  // Whoever waits, waits no longer; there are no notes any more.
  void close();

  // Empty: there is none, or it is left alone, or all was cancelled.
  std::optional<std::string> record(const Digest& key);
  // Empty: it did not say.
  std::optional<bool> has_blob(const SharedBlob& blob);
  // Calls `read` once the blob's first byte is there. The source's end is an Error, and the cache
  // left alone, where the bytes were not those of the digest. False: it could not be had or `read`
  // threw, for which the cache is left alone, too; or it was waited for longer than it is worth,
  // and three times `patience` more, for which it is not.
  bool blob(const SharedBlob& blob, const std::function<void(ByteSource&)>& read,
            std::chrono::nanoseconds worth = std::chrono::nanoseconds::max());
  // False: it was not stored.
  bool put_blob(const SharedBlob& blob, const std::filesystem::path& file);
  bool put_record(const Digest& key, const std::string& bytes,
                  const std::vector<SharedBlob>& blobs);

  // What came from it is not what it said to be.
  void gave_wrong_bytes(const std::string& reason);

  std::uint64_t bytes_received() const;
  std::uint64_t bytes_sent() const;

 private:
  struct Shared;
  struct Call;
  class Download;
  std::shared_ptr<Call> start(std::function<void(CacheTransport&)> work);
  bool finish(const std::shared_ptr<Call>& call, std::chrono::steady_clock::time_point until,
              const std::string& too_slow);
  bool run(std::chrono::milliseconds box, std::function<void(CacheTransport&)> work);
  template <class Answer>
  std::optional<Answer> ask(std::function<Answer(CacheTransport&)> question);
  std::chrono::milliseconds answer_free() const;
  std::chrono::milliseconds answer_box() const;
  void answered(std::chrono::steady_clock::duration took);
  void leave_alone(const std::string& how, const Error& reason);
  bool stopped() const;

  Options options_;
  std::string name_;
  std::shared_ptr<Shared> shared_;  // outlives this where a call hangs
};

}  // namespace slipway
