#include "build_mounts.hpp"

#include "build_cache.hpp"
#include "build_inputs.hpp"
#include "table.hpp"

#include <cache/mounts/export_mount.hpp>
#include <cache/mounts/import_mount.hpp>
#include <cache/shared/signatures.hpp>
#include <cache/store.hpp>
#include <executor/solve/cache_mounts.hpp>
#include <ir/nearest.hpp>
#include <ir/printable.hpp>

#include <fcntl.h>
#include <stdio.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <future>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

namespace slipway {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::ordered_json;

// How long a mount that another build's step has is waited for.
constexpr std::chrono::seconds lock_patience = 10s;

// One flag: a cache, and which mounts it is for.
struct Place {
  CacheSpec spec;
  std::vector<std::string> ids;  // empty: all
  std::unique_ptr<CacheTransport> transport;
  bool left_alone = false;  // it failed, and is not asked again

  bool is_for(const std::string& id) const {
    return !left_alone && (ids.empty() || std::find(ids.begin(), ids.end(), id) != ids.end());
  }
};

// What a field is in a list of fields.
std::string csv_field(const std::string& name, const std::string& value) {
  std::string text;
  if (value.find_first_of(",\"") == value.npos) return name + "=" + value;
  for (const char c : name + "=" + value) text += c == '"' ? "\"\"" : std::string(1, c);
  return "\"" + text + "\"";
}

Place parse_place(const std::string& text, const char* flag) {
  Place place;
  if (text.find('=') == std::string::npos) {
    place.spec = parse_cache_spec(text, flag);
    return place;
  }
  std::string rest;
  for (const auto& [name, value] : parse_fields(text, flag)) {
    if (name != "id") {
      rest += (rest.empty() ? "" : ",") + csv_field(name, value);
    } else if (value.empty()) {
      throw Error(std::string(flag) + " has an empty id")
          .hint("id= is that of RUN --mount=type=cache, or its target where it has none");
    } else {
      place.ids.push_back(value);
    }
  }
  place.spec = parse_cache_spec(rest, flag);
  return place;
}

// What became of a mount, for the closing lines.
struct Outcome {
  std::string id;
  bool exported = false;  // else imported
  std::string cache;
  std::uint64_t size = 0;
  std::uint64_t moved = 0;
  std::size_t left_out = 0;
};

}  // namespace

struct SharedMounts::State {
  explicit State(std::function<void(const Diagnostic&)> told) : note(std::move(told)) {}

  void open(std::vector<Place>& places, bool write);
  void tell(const std::string& id, const Error& error, const char* doing) const;
  void leave_alone(Place& place, const std::string& id, const Error& error, const char* doing);
  void import(const std::string& id, const std::filesystem::path& directory,
              const std::function<bool()>& cancelled);
  bool import_from(Place& place, const std::string& id, const std::filesystem::path& directory,
                   const std::function<bool()>& cancelled);
  void export_mount_of(const std::string& id);

  std::function<void(const Diagnostic&)> note;
  std::vector<Place> from;
  std::vector<Place> to;
  std::optional<SigningKey> sign;
  std::optional<TrustedKeys> trust;
  Store* store = nullptr;

  // Steps ask for mounts from threads of their own, one at a time: this guards what follows, and
  // the places.
  std::mutex mutex;
  std::set<std::string> asked;  // ids that are not to be had, or are here now
  std::vector<Outcome> outcomes;

  std::mutex cancelled_mutex;       // guards the next, which transports ask from their threads
  std::function<bool()> cancelled;  // of the import that runs
};

void SharedMounts::State::open(std::vector<Place>& places, bool write) {
  for (Place& place : places) {
    place.transport = open_transport(place.spec, write, [this] {
      const std::lock_guard lock(cancelled_mutex);
      return cancelled && cancelled();
    });
  }
}

void SharedMounts::State::leave_alone(Place& place, const std::string& id, const Error& error,
                                      const char* doing) {
  place.left_alone = true;
  tell(id, error, doing);
}

void SharedMounts::State::tell(const std::string& id, const Error& error, const char* doing) const {
  Diagnostic told = error.diagnostics().front();
  told.message = "cache mount " + quoted(id) + " was not " + doing + ": " + told.message;
  if (told.hint.empty()) told.hint = "the build goes on without it";
  note(told);
}

void SharedMounts::State::import(const std::string& id, const std::filesystem::path& directory,
                                 const std::function<bool()>& stopping) {
  const std::string name = "mount-" + directory.filename().string();
  // Of several processes, and steps, one fetches it.
  std::optional<FileLock> held;
  for (;;) {
    held.emplace(store->state().try_lock(name));
    if (*held) break;
    if (stopping()) return;
    std::this_thread::sleep_for(50ms);
  }
  const std::lock_guard lock(mutex);
  std::error_code ignored;
  if (std::filesystem::exists(directory, ignored) || !asked.insert(id).second) return;
  {
    const std::lock_guard guard(cancelled_mutex);
    cancelled = stopping;
  }
  for (Place& place : from) {
    if (stopping() || (place.is_for(id) && import_from(place, id, directory, stopping))) break;
  }
  const std::lock_guard guard(cancelled_mutex);
  cancelled = nullptr;  // it may outlive the solve that it asks no more
}

bool SharedMounts::State::import_from(Place& place, const std::string& id,
                                      const std::filesystem::path& directory,
                                      const std::function<bool()>& stopping) {
  try {
    const Staging staging = store->layers().stage();
    const std::optional<MountImport> found =
        import_mount(*place.transport, id, staging.upper(), store->state().fresh_work_path(),
                     stopping, trust ? &*trust : nullptr);
    if (!found) return false;
    // Never over one that is there: another step may have it mounted already.
    if (::renameat2(AT_FDCWD, staging.upper().c_str(), AT_FDCWD, directory.c_str(),
                    RENAME_NOREPLACE) != 0) {
      if (errno == EEXIST) return true;
      throw system_error("renameat2", directory.string(), errno);
    }
    outcomes.push_back({id, false, place.transport->name(), found->size, found->received, 0});
    return true;
  } catch (const Error& error) {
    if (!stopping()) leave_alone(place, id, error, "imported");
  } catch (const std::exception& error) {
    if (!stopping()) leave_alone(place, id, Error(error.what()), "imported");
  }
  return false;
}

void SharedMounts::State::export_mount_of(const std::string& id) {
  store->state().holds().hold(cache_mount_digest(id));  // nobody removes it meanwhile
  const auto directory = cache_mount_directory(store->state(), id);
  std::error_code ignored;
  if (!std::filesystem::exists(directory, ignored)) return;  // no step had to run
  const auto deadline = std::chrono::steady_clock::now() + lock_patience;
  std::optional<CacheMountLock> lock;
  try {
    while (!(lock = CacheMountLock::attempt(store->state(), id))) {
      if (std::chrono::steady_clock::now() > deadline) {
        throw Error("another build uses it")
            .hint("the next build with --cache-mount-to exports it");
      }
      std::this_thread::sleep_for(100ms);
    }
  } catch (const Error& error) {
    return tell(id, error, "exported");
  }
  for (Place& place : to) {
    if (!place.is_for(id)) continue;
    try {
      MountSource source;
      source.id = id;
      source.directory = directory;
      source.memory = directory.string() + ".units";
      source.work = store->state().fresh_work_path();
      source.aside = store->state().fresh_work_path();
      source.sign = sign ? &*sign : nullptr;
      const MountExport done = export_mount(*place.transport, source);
      outcomes.push_back({id, true, place.transport->name(), done.size, done.sent, done.left_out});
    } catch (const Error& error) {
      leave_alone(place, id, error, "exported");
    } catch (const std::exception& error) {
      leave_alone(place, id, Error(error.what()), "exported");
    }
  }
}

SharedMounts::SharedMounts(const BuildRequest& request, std::function<void(const Diagnostic&)> note)
    : state_(std::make_unique<State>(std::move(note))) {
  for (const std::string& text : request.cache_mounts_from)
    state_->from.push_back(parse_place(text, "--cache-mount-from"));
  for (const std::string& text : request.cache_mounts_to)
    state_->to.push_back(parse_place(text, "--cache-mount-to"));
  // Wrong specs are told now, though a build that may not write has no use for them.
  state_->open(state_->from, false);
  state_->open(state_->to, true);
  if (caches_are_read_only(request)) state_->to.clear();
  if (!request.cache_sign.empty() && !state_->to.empty()) state_->sign.emplace(request.cache_sign);
  if (!request.cache_trust.empty() && !state_->from.empty()) {
    state_->trust.emplace(
        std::vector<std::filesystem::path>(request.cache_trust.begin(), request.cache_trust.end()));
  }
}

SharedMounts::~SharedMounts() = default;

void SharedMounts::hand_over(SolveOptions& options, Store& store) {
  state_->store = &store;
  if (state_->from.empty()) return;
  options.import_mount = [state = state_.get()](const std::string& id,
                                                const std::filesystem::path& directory,
                                                const std::function<bool()>& cancelled) {
    state->import(id, directory, cancelled);
  };
}

void SharedMounts::export_used(const Graph& graph, const SolveResult& result, Display& display) {
  if (state_->to.empty()) return;
  const auto ids = used_cache_mounts(graph, result);
  for (const Place& place : state_->to) {
    for (const std::string& id : place.ids) {
      if (std::find(ids.begin(), ids.end(), id) != ids.end()) continue;
      state_->note({"no step of this build has the cache mount " + quoted(id),
                    {},
                    did_you_mean(id, ids,
                                 "id= is that of RUN --mount=type=cache, or its target where it "
                                 "has none"),
                    {}});
    }
  }
  if (ids.empty()) return;
  const auto exporting = [&] {
    for (const std::string& id : ids) state_->export_mount_of(id);
  };
  display.began("exporting cache mounts", "Ctrl-C ends the program: the image is there");
  // On a thread, so that the display lives on. Who is tired of waiting ends the program: the mounts
  // are here all the same.
  std::future<void> done = std::async(std::launch::async, exporting);
  while (done.wait_for(100ms) != std::future_status::ready) display.tick();
  done.get();
  std::vector<std::string> lines;
  for (const Outcome& outcome : state_->outcomes) {
    if (outcome.exported)
      lines.push_back(printable(outcome.id) + " to " + printable(outcome.cache));
  }
  display.note("exporting cache mounts", lines);
}

std::string SharedMounts::report() const {
  std::string text;
  for (const Outcome& outcome : state_->outcomes) {
    text += "cache mount " + printable(outcome.id) +
            (outcome.exported ? ": exported, " : ": imported, ") + size_text(outcome.size);
    if (!outcome.exported) {
      text += ", " + size_text(outcome.moved) + " received";
    } else if (outcome.moved == 0) {
      text += ", nothing new";
    } else {
      text += ", " + size_text(outcome.moved) + " sent";
    }
    if (outcome.left_out > 0)
      text += "; without " + std::to_string(outcome.left_out) + " sockets and devices";
    text += "\n";
  }
  return text;
}

std::string SharedMounts::report_json() const {
  if (state_->from.empty() && state_->to.empty()) return {};
  Json list = Json::array();
  for (const Outcome& outcome : state_->outcomes) {
    list.push_back({{"id", outcome.id},
                    {"action", outcome.exported ? "exported" : "imported"},
                    {"cache", outcome.cache},
                    {"bytes", outcome.size},
                    {outcome.exported ? "sent" : "received", outcome.moved}});
  }
  return list.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace slipway
