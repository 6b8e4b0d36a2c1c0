// --explain, and keeping what a build reported for `slipway cache why`.
#pragma once

#include "build_request.hpp"
#include "cache_report.hpp"

#include <ir/graph.hpp>

#include <string_view>

namespace slipway {

class Store;

enum class ExplainMode {
  none,
  text,  // on standard error, behind the report
  json,  // on standard output, with nothing else
};
// Throws Error where standard output is wanted for something else, too.
ExplainMode parse_explain(const BuildRequest& request);

void explain_build(ExplainMode mode, const Graph& graph, const VertexReports& reports);

// Never throws: a build is not worse for what cannot be told of it later.
void remember_build(Store& store, std::string_view place, const Graph& graph,
                    const VertexReports& reports) noexcept;

}  // namespace slipway
