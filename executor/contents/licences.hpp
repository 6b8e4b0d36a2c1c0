// Licences as databases write them, as SPDX does (SPDX 2.3, annex D: licence expressions).
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

namespace slipway {

// Licences that are in no list, by the "LicenseRef-..." that stands for each.
using LicenceReferences = std::map<std::string, std::string>;

// An expression of SPDX's for a text: of identifiers where all of it is known (also by the names
// that Debian and rpm use), else a LicenseRef for the whole text, which is added to `references`.
std::string licence_expression(std::string_view written, LicenceReferences& references);

// One expression for all of them; empty for none.
std::string licence_expression(const std::set<std::string>& written, LicenceReferences& references);

// Whether this is one identifier of SPDX's list.
bool is_licence_id(std::string_view text);

}  // namespace slipway
