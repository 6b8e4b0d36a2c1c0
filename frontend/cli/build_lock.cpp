#include "build_lock.hpp"

#include <ir/error.hpp>
#include <ir/printable.hpp>
#include <ir/quantities.hpp>

#include <cstdlib>
#include <utility>

namespace slipway {
namespace {

using Mode = SourceLock::Mode;

Mode mode_of(const BuildRequest& request) {
  if (request.update_lock && request.frozen_lock)
    throw Error("--update-lock and --frozen-lock say the opposite");
  if (request.update_lock) return Mode::update;
  if (request.frozen_lock) return Mode::frozen;
  const char* value = std::getenv("SLIPWAY_FROZEN_LOCK");
  if (value == nullptr || *value == '\0') return Mode::hold;
  const std::optional<bool> frozen = read_boolean(value);
  if (!frozen)
    throw Error("SLIPWAY_FROZEN_LOCK is " + quoted(value) + ", and not true or false");
  return *frozen ? Mode::frozen : Mode::hold;
}

// "~ debian:bookworm" with both values below it; what is new or gone in one line.
std::string changes_text(const std::vector<SourceLock::Change>& changes) {
  std::string text;
  for (const SourceLock::Change& change : changes) {
    const std::string name = printable(change.name);
    if (change.was && change.is) {
      text += "  ~ " + name + "\n      was " + *change.was + "\n      is  " + *change.is + "\n";
    } else {
      text += std::string(change.is ? "  + " : "  - ") + name + "  " +
              (change.is ? *change.is : *change.was) + "\n";
    }
  }
  return text;
}

}  // namespace

std::optional<SourceLock> open_lock(const BuildRequest& request) {
  if (!request.lock.empty()) return std::optional<SourceLock>(std::in_place, request.lock, mode_of(request));
  if (request.update_lock || request.frozen_lock)
    throw Error(std::string(request.update_lock ? "--update-lock" : "--frozen-lock") +
                " is about a lock file, and none is given")
        .hint("add --lock FILE");
  return std::nullopt;
}

std::string checksum_hint(const BuildRequest& request) {
  if (request.lock.empty()) return {};
  return "--update-lock takes what is there now; a --checksum of the Dockerfile is to be changed "
         "there";
}

std::string finish_lock(const SourceLock& lock, const std::vector<ResolvedSource>& sources,
                 const BuildRequest& request) {
  const std::vector<SourceLock::Change> changes = lock.finish(sources);
  if (changes.empty() && lock.mode() != Mode::update) return {};
  std::string text = "lock: " + printable(request.lock) + ": ";
  text += changes.empty() ? "nothing has changed\n"
                          : std::to_string(changes.size()) +
                                (changes.size() == 1 ? " source" : " sources") +
                                (lock.mode() == Mode::update ? " changed\n" : " added\n");
  return text + changes_text(changes);
}

}  // namespace slipway
