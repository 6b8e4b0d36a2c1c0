// What was removed from the store, for people.
#pragma once

#include <cache/room/room.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace slipway {

std::uint64_t sum_of(const std::vector<RoomItem>& items);

// "3 steps and 1 cache mount"; a layer is called by the step that made it.
std::string count_text(const std::vector<RoomItem>& items);

// The line below the report of a build that had to make room; empty if nothing was removed.
//   cache: evicted 3 steps and 1 cache mount, 1.2GB, to keep 40GB
std::string eviction_line(const std::vector<RoomItem>& items, const std::string& keep);

// On a terminal a line of standard error that says which folder is walked through, and how far;
// else nothing.
Room::Told measuring_lines();

}  // namespace slipway
