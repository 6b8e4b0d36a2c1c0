#include "fake_cache.hpp"

#include <cache/layers/index.hpp>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <span>
#include <thread>

using namespace slipway;

namespace {

thread_local const std::function<bool()>* cancelled_here = nullptr;

}  // namespace

class FakeTransport : public CacheTransport {
 public:
  FakeTransport(FakeServer& server, std::function<bool()> cancelled)
      : server_(server), cancelled_(std::move(cancelled)) {}

  std::string name() const override { return server_.name(); }

  std::optional<std::string> record(const Digest& key) override {
    const Visit visit(*this, "record");
    std::optional<std::string> bytes;
    {
      const std::lock_guard lock(server_.mutex_);
      const auto found = server_.records_.find(key);
      if (found == server_.records_.end()) return std::nullopt;
      bytes = found->second;
    }
    return server_.altered ? server_.altered(*bytes) : *bytes;
  }

  void put_record(const Digest& key, std::string_view bytes,
                  const std::vector<SharedBlob>& blobs) override {
    const Visit visit(*this, "put_record");
    const std::lock_guard lock(server_.mutex_);
    for (const SharedBlob& blob : blobs) {
      if (!server_.blobs_.contains(blob.digest)) throw Error("a blob of the record is missing");
    }
    server_.records_[key] = std::string(bytes);
  }

  bool has_blob(const SharedBlob& blob) override {
    const Visit visit(*this, "has_blob");
    const std::lock_guard lock(server_.mutex_);
    return server_.blobs_.contains(blob.digest);
  }

  bool blob(const SharedBlob& blob, const ByteSink& sink) override {
    const Visit visit(*this, "blob");
    std::string bytes;
    {
      const std::lock_guard lock(server_.mutex_);
      const auto found = server_.blobs_.find(blob.digest);
      if (found == server_.blobs_.end()) return false;
      bytes = found->second;
    }
    if (server_.altered) bytes = server_.altered(std::move(bytes));
    for (std::size_t at = 0; at < bytes.size(); at += server_.piece) {
      if (at > 0 && server_.between) server_.between();
      sink(std::as_bytes(std::span(bytes).subspan(at, std::min(server_.piece, bytes.size() - at))));
    }
    return true;
  }

  void put_blob(const SharedBlob& blob, const std::filesystem::path& path) override {
    const Visit visit(*this, "put_blob");
    std::ifstream file(path, std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(file), {}};
    if (bytes.size() != blob.size || sha256(bytes) != blob.digest) throw Error("no such file");
    const std::lock_guard lock(server_.mutex_);
    server_.blobs_[blob.digest] = std::move(bytes);
  }

 private:
  // One call of the server's, which outlives it.
  class Visit {
   public:
    Visit(FakeTransport& transport, const std::string& call) : server_(transport.server_) {
      {
        const std::lock_guard lock(server_.mutex_);
        server_.calls_.push_back(call);
        ++server_.visits_;
      }
      cancelled_here = &transport.cancelled_;
      try {
        if (server_.fault) server_.fault(call);
      } catch (...) {
        leave();
        throw;
      }
    }
    Visit(const Visit&) = delete;
    ~Visit() { leave(); }

   private:
    void leave() {
      const std::lock_guard lock(server_.mutex_);
      --server_.visits_;
      server_.changed_.notify_all();
    }
    FakeServer& server_;
  };

  FakeServer& server_;
  const std::function<bool()> cancelled_;
};

FakeServer::~FakeServer() {
  let_go();
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return visits_ == 0; });
}

void FakeServer::stall(int milliseconds) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
  while (std::chrono::steady_clock::now() < until) {
    if ((*cancelled_here)()) throw Error("interrupted");
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

void FakeServer::hang() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return let_go_; });
}

void FakeServer::let_go() {
  const std::lock_guard lock(mutex_);
  let_go_ = true;
  changed_.notify_all();
}

std::map<Digest, std::string> FakeServer::records() const {
  const std::lock_guard lock(mutex_);
  return records_;
}

std::map<Digest, std::string> FakeServer::blobs() const {
  const std::lock_guard lock(mutex_);
  return blobs_;
}

void FakeServer::put_record(const Digest& key, std::string bytes) {
  const std::lock_guard lock(mutex_);
  records_[key] = std::move(bytes);
}

void FakeServer::drop_blobs() {
  const std::lock_guard lock(mutex_);
  blobs_.clear();
}

std::vector<std::string> FakeServer::calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}

std::size_t FakeServer::count(const std::string& call) const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(std::count(calls_.begin(), calls_.end(), call));
}

void FakeServer::forget_calls() {
  const std::lock_guard lock(mutex_);
  calls_.clear();
}

std::unique_ptr<CacheTransport> FakeServer::open(std::function<bool()> cancelled) {
  return std::make_unique<FakeTransport>(*this, std::move(cancelled));
}

std::vector<Diagnostic> Machine::notes() const {
  const std::lock_guard lock(mutex_);
  return notes_;
}

std::string Machine::said() const {
  std::string text;
  for (const Diagnostic& note : notes()) text += note.message + "\n";
  return text;
}

Record Machine::run(const std::string& step, const std::string& content) {
  Staging staging = store_.layers().stage();
  const auto file = staging.upper() / "file";
  std::ofstream(file) << content;
  std::filesystem::last_write_time(file, std::filesystem::file_time_type{});
  const BuiltLayer built = index_upper(staging.upper(), StackView({}));
  Record record;
  record.parts = {{"operation", "run"}, {"arguments[0]", step}};
  record.key = cache_key(record.parts);
  record.layer = store_.layers().commit(std::move(staging), built);
  record.created = record.ran = 1'700'000'000;
  record.duration = 1'500'000'000;
  record.step = "[1/1] RUN " + step;
  store_.records().put(record);
  return record;
}

std::unique_ptr<SharedCaches> Machine::share(const std::vector<FakeServer*>& from,
                                             const std::vector<FakeServer*>& to) {
  options.note = [this](const Diagnostic& note) {
    const std::lock_guard lock(mutex_);
    notes_.push_back(note);
  };
  std::map<std::string, FakeServer*> servers;
  options.from.clear();
  options.to.clear();
  for (FakeServer* server : from) {
    servers[server->name()] = server;
    options.from.push_back({"fake", {{"src", server->name()}}, server->name()});
  }
  for (FakeServer* server : to) {
    servers[server->name()] = server;
    options.to.push_back({"fake", {{"dest", server->name()}}, server->name()});
  }
  return std::make_unique<SharedCaches>(
      store_, options,
      [servers](const CacheSpec& spec, bool write, std::function<bool()> cancelled,
                std::chrono::milliseconds) {
        return servers.at(spec.attributes.at(write ? "dest" : "src"))->open(std::move(cancelled));
      });
}

std::size_t Machine::unfinished() const {
  std::size_t count = 0;
  for (const auto& own : std::filesystem::directory_iterator(folder_ / "store" / "work")) {
    for ([[maybe_unused]] const auto& file : std::filesystem::directory_iterator(own)) ++count;
  }
  return count;
}

std::optional<std::string> bytes_from(SharedCaches& caches, const SharedBlob& blob) {
  std::string bytes;
  const bool whole = caches.read_blob(blob, [&](ByteSource& source) {
    bytes.clear();
    std::vector<std::byte> buffer(700);
    while (const std::size_t got = source.read(buffer)) {
      bytes.append(reinterpret_cast<const char*>(buffer.data()), got);
    }
  });
  if (!whole) return std::nullopt;
  return bytes;
}
