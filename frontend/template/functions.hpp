// The functions that a template may call.
#pragma once

#include <frontend/template/value.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// What a run may still do. Throws Error when it is used up: loops within loops over large data
// would take hours.
class TemplateBudget {
 public:
  void take(std::size_t steps);

 private:
  std::size_t left_ = std::size_t{16} << 20;
};

struct TemplateRun {
  TemplateBudget budget;
  bool for_terminal = false;
};

struct TemplateFunction {
  std::string_view name;
  std::size_t least;
  std::size_t most;
  // The arguments are as many as allowed. Throws Error without a place.
  Value (*call)(TemplateRun& run, std::span<const Value> arguments);
  bool keeps_headings = false;  // of the name of a column it gives the name
  bool is_and = false;          // and, or: take no more arguments than they need
  bool is_or = false;
};

// Null: there is none.
const TemplateFunction* find_template_function(std::string_view name);
std::vector<std::string> template_function_names();

// Go's truth: not zero, not empty.
bool is_true(const Value& value);

// As Go's fmt prints it with %v, and for a terminal without control characters of the data.
std::string shown_text(TemplateRun& run, const Value& value);
// fmt.Sprintf: what is wrong is shown in the text, as there. Throws Error for what is not in the
// subset.
std::string formatted(TemplateRun& run, std::string_view format, std::span<const Value> arguments);

}  // namespace slipway
