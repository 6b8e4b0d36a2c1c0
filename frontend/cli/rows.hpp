// What a command lists, a row a thing, as --format wants it.
#pragma once

#include <frontend/template/template.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace slipway {

class Rows {
 public:
  struct Column {
    const char* field;    // of a row
    const char* heading;  // in a table
  };

  // `format` is docker's: "table TEMPLATE", "json" (an object a line) or TEMPLATE; empty or
  // "table": `standard`, which is one of these. Throws Error for a template that is wrong.
  Rows(const std::string& format, const std::string& standard, std::vector<Column> columns);

  bool is_json() const { return json_; }
  // Whether the template shows the field: what costs something is not looked up else.
  bool mentions(std::string_view field) const { return json_ || template_->mentions(field); }

  // A record with the columns' fields.
  void add(const Value& row);
  // All of it, with the headings of a table.
  std::string text() const;

 private:
  std::vector<Column> columns_;
  bool json_ = false;
  bool table_ = false;
  std::optional<Template> template_;
  std::string rows_;
};

// --format of commands that list.
void add_format_flag(CLI::App& app, std::string& format);
// -f and --filter, each KEY=VALUE; `keys` says which there are.
void add_filter_flag(CLI::App& app, std::vector<std::string>& filters, const std::string& keys,
                     bool with_letter = true);

}  // namespace slipway
