// What every transport does alike, whatever server is behind it: one suite for all of them.
#pragma once

#include "../temporary_folder.hpp"

#include <cache/shared/transport.hpp>

#include <functional>
#include <memory>
#include <string>

// Opens the same empty cache as often as it is called, as another process would: for writing if
// `write`.
using OpenCache = std::function<std::unique_ptr<slipway::CacheTransport>(bool write)>;

void check_same_maps(const OpenCache& open);

// Writers and readers of one cache side by side: no reader sees half of anything.
void check_side_by_side(const OpenCache& open);

slipway::CacheSpec cache_spec(const std::string& type,
                              const std::map<std::string, std::string>& attributes);
slipway::SharedBlob shared_blob(const std::string& bytes);
// From a file that holds them.
void put_bytes(slipway::CacheTransport& cache, const std::string& bytes);
// "(none)" where there is none.
std::string bytes_of(slipway::CacheTransport& cache, const slipway::SharedBlob& blob);

// The message of the Error, and its hint behind a line break; "no error" where there is none.
std::string failure_of(const std::function<void()>& action);
