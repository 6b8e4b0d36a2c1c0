// slipway top: the processes of a container, as `docker top` shows them.
#include "../command.hpp"
#include "../print.hpp"
#include "../table.hpp"

#include <cache/containers/store.hpp>
#include <cache/store.hpp>
#include <executor/containers/process_table.hpp>
#include <ir/error.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace slipway {
namespace {

// docker's: columns of twenty places at least, and three between them.
constexpr std::size_t narrowest = 20;
constexpr std::size_t gap = 3;

std::string text_of(const ProcessTable& table) {
  std::vector<std::size_t> widths(table.titles.size(), narrowest);
  const auto widen = [&widths](const std::vector<std::string>& row) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], width_of(row[i]) + gap);
    }
  };
  widen(table.titles);
  for (const auto& row : table.rows) widen(row);
  std::string text;
  const auto add = [&](const std::vector<std::string>& row) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += row[i];
      if (i + 1 < row.size()) text.append(widths[i] - width_of(row[i]), ' ');
    }
    text += '\n';
  };
  add(table.titles);
  for (const auto& row : table.rows) add(row);
  return text;
}

int show(const std::string& name, const std::vector<std::string>& options,
         const std::filesystem::path& root) {
  // Not in a namespace of the user's own: stats.cpp says why.
  Store store(root);
  const Container container = store.containers().get(name);
  const ContainerState state = store.containers().state(container.id);
  std::optional<HeldProcess> first;
  if (state.alive()) first = HeldProcess::open(state.process);
  if (!first) {
    throw Error("container " + quoted(container.name) + " is not running")
        .hint("slipway start " + container.name);
  }
  print(text_of(process_table(*first, options)));
  return 0;
}

}  // namespace

std::function<int()> declare_top(CLI::App& app, const Globals& globals) {
  app.description(
      "List the processes of a container, by this machine's numbers. OPTIONS are those of ps, -ef "
      "if "
      "there are none.");
  app.prefix_command();
  app.footer("Usage: slipway top CONTAINER [OPTIONS]");
  return [&app, &globals] {
    std::vector<std::string> words = app.remaining();
    if (!words.empty() && words.front() == "--") words.erase(words.begin());
    if (words.empty()) throw Error("slipway top needs a container").hint("slipway top --help");
    const std::string name = words.front();
    // As docker: several options may be one word.
    std::vector<std::string> options;
    for (auto word = words.begin() + 1; word != words.end(); ++word) {
      std::istringstream parts(*word);
      for (std::string part; parts >> part;) options.push_back(part);
    }
    return show(name, options, globals.root);
  };
}

}  // namespace slipway
