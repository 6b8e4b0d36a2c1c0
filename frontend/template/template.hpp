// Go's text templates, as --format has them: a subset, which README.md lists.
//
// Total and bounded: whatever the text and the data are, parsing and running end, with a text or
// with one Error at the place in the template.
#pragma once

#include <frontend/template/value.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace slipway {

struct TemplateTree;

struct TemplateOptions {
  std::string name = "--format";  // how messages call the text
  std::size_t start = 0;          // bytes of the text that are not the template's
  // Outside of {{}}, \t and \n are a tab and a line break, as in docker's tables.
  bool text_escapes = false;
};

class Template {
 public:
  // Throws Error at the first mistake.
  explicit Template(std::string text, const TemplateOptions& options = {});

  enum class For { program, terminal };
  // Throws Error. For a terminal each control character of the data's strings is a blank.
  std::string run(const Value& data, For reader = For::program) const;
  // The same with the names of columns for data: functions that change a value leave names as they
  // are, and what cannot be done with a name ends the text, as in docker.
  std::string headings(const Value& names) const;

  // Whether it may show this field of the data.
  bool mentions(std::string_view field) const;

 private:
  std::shared_ptr<const TemplateTree> tree_;
};

}  // namespace slipway
