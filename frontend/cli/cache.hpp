// slipway cache: its subcommands, one file each, listed in cache.cpp.
#pragma once

#include "command.hpp"

#include <cache/records.hpp>
#include <ir/digest.hpp>

#include <string>

namespace slipway {

std::function<int()> declare_cache_why(CLI::App& app, const Globals& globals);
std::function<int()> declare_cache_diff(CLI::App& app, const Globals& globals);
std::function<int()> declare_cache_mounts(CLI::App& app, const Globals& globals);
std::function<int()> declare_cache_show(CLI::App& app, const Globals& globals);

// Whether a text is a key, or the beginning of one that can be looked for: at least four digits,
// with or without "sha256:".
bool is_key(std::string_view text);
// The record whose key begins so. Throws Error where there is none, or more than one.
Record find_record(RecordStore& records, const std::string& text);

}  // namespace slipway
