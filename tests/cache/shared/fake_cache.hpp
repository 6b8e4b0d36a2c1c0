// A cache in memory whose server does what the test says, and two machines to share it.
#pragma once

#include "../temporary_folder.hpp"

#include <cache/shared/shared_caches.hpp>
#include <cache/shared/transport.hpp>
#include <cache/store.hpp>
#include <ir/error.hpp>

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

// Shared by all transports that were opened to it. Thread-safe.
class FakeServer {
 public:
  explicit FakeServer(std::string name) : name_(std::move(name)) {}
  ~FakeServer();  // lets go
  const std::string& name() const { return name_; }

  // What happens to a call before it is answered: it may throw, or wait. "record", "put_record",
  // "has_blob", "blob" or "put_blob".
  std::function<void(const std::string& call)> fault;
  // What its answers become on their way: of records and blobs.
  std::function<std::string(std::string bytes)> altered;
  // Blobs come in pieces of so many bytes, with `between` called between them.
  std::size_t piece = 1000;
  std::function<void()> between;

  // For `fault` and `between`: waits for the time, or until the call is cancelled.
  void stall(int milliseconds = 60'000);
  // Waits until let_go(), whatever is cancelled, as a dead file server does.
  void hang();
  void let_go();

  std::map<slipway::Digest, std::string> records() const;
  std::map<slipway::Digest, std::string> blobs() const;
  void put_record(const slipway::Digest& key, std::string bytes);
  void drop_blobs();
  // In order: "record", "put_blob" ...
  std::vector<std::string> calls() const;
  std::size_t count(const std::string& call) const;
  void forget_calls();

  std::unique_ptr<slipway::CacheTransport> open(std::function<bool()> cancelled);

 private:
  friend class FakeTransport;
  const std::string name_;
  mutable std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  bool let_go_ = false;
  std::size_t visits_ = 0;  // calls under way
  std::map<slipway::Digest, std::string> records_;
  std::map<slipway::Digest, std::string> blobs_;
  std::vector<std::string> calls_;
};

// A machine: a store, and what its build says of its caches.
class Machine {
 public:
  slipway::Store& store() { return store_; }
  std::vector<slipway::Diagnostic> notes() const;
  // Their messages, a line each.
  std::string said() const;

  // Executes a step: a layer with a file of this content, and its record.
  slipway::Record run(const std::string& step, const std::string& content);

  // Of type "fake", by the names of servers.
  slipway::SharedCacheOptions options;
  std::unique_ptr<slipway::SharedCaches> share(const std::vector<FakeServer*>& from,
                                               const std::vector<FakeServer*>& to);

  // Files in the work folder.
  std::size_t unfinished() const;
  const TemporaryFolder& folder() const { return folder_; }

 private:
  TemporaryFolder folder_;
  slipway::Store store_{folder_ / "store"};
  mutable std::mutex mutex_;  // guards notes_, which come from any thread
  std::vector<slipway::Diagnostic> notes_;
};

// The blob's bytes, of zstd or not, as read_blob gave them; empty: it could not.
std::optional<std::string> bytes_from(slipway::SharedCaches& caches,
                                      const slipway::SharedBlob& blob);
