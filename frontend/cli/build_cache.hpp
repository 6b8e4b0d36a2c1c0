// Caches that a build shares with other machines: --cache-from, --cache-to and their like.
#pragma once

#include "build_request.hpp"
#include "display.hpp"

#include <cache/shared/shared_caches.hpp>
#include <executor/solve/solve.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace slipway {

class Store;

// "type=http,url=...", or a repository's name alone, as docker has it. Throws Error with a hint.
CacheSpec parse_cache_spec(std::string_view text, std::string_view flag);

// Whether nothing is to be written to any cache: --cache-read-only, $SLIPWAY_CACHE_READ_ONLY.
bool caches_are_read_only(const BuildRequest& request);

// What the flags ask for, refused before anything is read or opened. Throws Error.
SharedCacheOptions shared_cache_options(const BuildRequest& request);

// Opens them; null: none were asked for. `note` hears of each that is left alone, from any thread.
std::unique_ptr<SharedCaches> open_shared_caches(SharedCacheOptions options, Store& store,
                                                 std::function<void(const Diagnostic&)> note);

// Waits for what is still being written, and notes it on the display. Returns the signal by which
// somebody ended the waiting; 0: nobody did.
int finish_shared_caches(SharedCaches& caches, Display& display);

// "shared cache: 9 records found, 1.2 MB received; 2 records sent, 10.3 MB sent"
std::string shared_cache_report(const SharedCaches& caches);

}  // namespace slipway
