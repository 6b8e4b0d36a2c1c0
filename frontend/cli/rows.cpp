#include "rows.hpp"

#include "table.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <utility>

namespace slipway {
namespace {

constexpr std::string_view table_word = "table";

std::vector<std::string> cells_of(std::string_view line) {
  std::vector<std::string> cells;
  for (std::size_t start = 0;;) {
    const std::size_t tab = line.find('\t', start);
    cells.emplace_back(line.substr(start, tab - start));
    if (tab == line.npos) return cells;
    start = tab + 1;
  }
}

}  // namespace

Rows::Rows(const std::string& format, const std::string& standard, std::vector<Column> columns)
    : columns_(std::move(columns)) {
  std::string text = format.empty() || format == table_word ? standard : format;
  if (text == "json" || text == "{{json .}}") {
    json_ = true;
    return;
  }
  TemplateOptions options;
  options.text_escapes = true;
  if (text.starts_with(table_word)) {
    table_ = true;
    options.start = table_word.size();
  }
  options.start = std::min(text.find_first_not_of(' ', options.start), text.size());
  text.resize(std::max(options.start, text.find_last_not_of(' ') + 1));
  template_.emplace(std::move(text), options);
}

void Rows::add(const Value& row) {
  rows_ += json_ ? json_text(row) : template_->run(row, Template::For::terminal);
  rows_ += '\n';
}

std::string Rows::text() const {
  if (!table_) return rows_;
  std::vector<ValueMember> names;
  for (const Column& column : columns_) names.push_back({column.field, column.heading});
  const std::string all = template_->headings(make_record(std::move(names))) + "\n" + rows_;
  std::vector<std::vector<std::string>> cells;
  for (std::size_t start = 0; start < all.size();) {
    const std::size_t end = all.find('\n', start);
    cells.push_back(cells_of(std::string_view(all).substr(start, end - start)));
    start = end + 1;
  }
  return table(cells);
}

void add_format_flag(CLI::App& app, std::string& format) {
  app.add_option("--format", format,
                 "table, json (an object a line), a Go template, or table and a template")
      ->type_name("FORMAT");
}

void add_filter_flag(CLI::App& app, std::vector<std::string>& filters, const std::string& keys,
                     bool with_letter) {
  app.add_option(with_letter ? "-f,--filter" : "--filter", filters, "only what this says: " + keys)
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      // As docker, which ends with the status of a wrong command line.
      ->check([](const std::string& filter) {
        return filter.find('=') == std::string::npos ? "--filter is KEY=VALUE" : "";
      });
}

}  // namespace slipway
