// What `inspect` shows of things, as docker does: a JSON list, or a template's text for each.
#pragma once

#include <frontend/template/template.hpp>
#include <ir/error.hpp>

#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

struct Described {
  std::string json;                                // an object
  Value (*data)(std::string_view json) = nullptr;  // the same for a template
};

class DescribedList {
 public:
  // `format` is --format. A template that is wrong is remembered for wrong_format().
  explicit DescribedList(const std::string& format);

  // Not empty: docker's status for a template that cannot be read; it has been told.
  const std::optional<int>& wrong_format() const { return wrong_; }

  // What `describe` throws is told behind all that is there.
  void add(const std::function<Described()>& describe);

  // Prints it. Gives the exit status, or throws Error for what is missing.
  int show();

 private:
  std::string format_;
  std::optional<Template> template_;
  std::optional<int> wrong_;
  std::vector<std::string> objects_;
  std::string lines_;
  std::vector<Diagnostic> missing_;
};

// JSON with the fields of these names, wherever they are, as maps: any key may be asked for.
Value with_maps(std::string_view json, std::initializer_list<std::string_view> names);

}  // namespace slipway
