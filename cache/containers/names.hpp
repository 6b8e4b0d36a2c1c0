// What containers are called.
#pragma once

#include <string>
#include <string_view>

namespace slipway {

// 64 hexadecimal digits that nobody can guess.
std::string random_id();

// "brave_hopper": two words, and from the fourth attempt on a number behind them.
std::string invented_name(int attempt);

// docker's rule for containers, volumes and networks. Throws Error with a hint.
void require_container_name(std::string_view name);
bool is_container_name(std::string_view name);

}  // namespace slipway
