// The pages of slipway's own checks, docs/NAME.md: they are part of the program.
#pragma once

#include <ir/checks/rules.hpp>

#include <string_view>

namespace slipway {

// The page in Markdown: what the rule finds, why that hurts, an example of it and one without it,
// how to switch it off. Empty for BuildKit's rules, whose pages are docker's (check_page()).
std::string_view check_page_text(const CheckRule& rule);

}  // namespace slipway
