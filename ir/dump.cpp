#include <ir/dump.hpp>
#include <ir/key.hpp>

#include <set>
#include <vector>

namespace slipway {
namespace {

std::string number(VertexId id) {
  return "#" + std::to_string(index_of(id));
}

// On one line and safe for a terminal; quoted only where that is needed to see where it ends.
std::string shown(const std::string& value) {
  const std::string safe = slipway::quoted(value);
  const bool plain =
      !value.empty() && safe.size() == value.size() + 2 && value.find(' ') == std::string::npos;
  return plain ? value : safe;
}

void list(std::string& text, const char* label, const std::vector<std::string>& values) {
  for (const std::string& value : values)
    text += std::string("  ") + label + " " + shown(value) + "\n";
}

std::string dump_config(const ImageConfig& config) {
  std::string text = "image\n";
  const auto field = [&](const char* label, const std::string& value) {
    if (!value.empty()) text += std::string("  ") + label + " " + shown(value) + "\n";
  };
  const auto command = [&](const char* label, const std::vector<std::string>& arguments) {
    text += std::string("  ") + label;
    for (const std::string& argument : arguments) text += " " + slipway::quoted(argument);
    text += "\n";
  };
  field("platform", config.platform.text());
  field("author", config.author);
  list(text, "env", config.env);
  field("user", config.user);
  field("workdir", config.working_dir);
  if (config.entrypoint) command("entrypoint", *config.entrypoint);
  if (config.cmd) command("cmd", *config.cmd);
  if (!config.shell.empty()) command("shell", config.shell);
  list(text, "expose", {config.exposed_ports.begin(), config.exposed_ports.end()});
  list(text, "volume", {config.volumes.begin(), config.volumes.end()});
  for (const auto& [name, value] : config.labels)
    text += "  label " + shown(name) + " " + shown(value) + "\n";
  field("stopsignal", config.stop_signal);
  if (config.healthcheck) command("healthcheck", config.healthcheck->test);
  list(text, "onbuild", config.on_build);
  for (const HistoryEntry& entry : config.history)
    text += std::string("  history ") + (entry.empty_layer ? "- " : "+ ") +
            slipway::quoted(entry.created_by) + "\n";
  return text;
}

bool is_default(const std::string& value) {
  return value.empty() || value == "false" || value == "0";
}

std::string dump_graph(const Graph& graph) {
  std::string text;
  for (std::size_t i = 0; i < graph.size(); ++i) {
    const VertexId id{static_cast<std::uint32_t>(i)};
    const Vertex& vertex = graph[id];
    text += number(id) + " " + slipway::quoted(vertex.name) + "\n";
    // What is at its default would hide what is not.
    for (const KeyPart& part : key_parts(vertex.operation))
      if (!is_default(part.value)) text += "  " + part.label + " " + shown(part.value) + "\n";
    if (!vertex.inputs.empty()) {
      text += "  inputs";
      for (const VertexId input : vertex.inputs) text += " " + number(input);
      text += "\n";
    }
    if (vertex.ignore_cache) text += "  ignore_cache\n";
    if (vertex.cache_ttl) text += "  cache_ttl " + std::to_string(*vertex.cache_ttl) + "\n";
    text += "  definition " + graph.definition(id).hex().substr(0, 12) + "\n\n";
  }
  return text;
}

std::string dump_image(VertexId root, const ImageConfig& config) {
  return "root " + number(root) + "\n\n" + dump_config(config);
}

std::string dump_dot(const Graph& graph, const std::set<VertexId>& roots) {
  std::string text = "digraph build {\n  rankdir=BT;\n  node [shape=box];\n";
  for (std::size_t i = 0; i < graph.size(); ++i) {
    const VertexId id{static_cast<std::uint32_t>(i)};
    // quoted() escapes all that Graphviz would read as its own.
    text += "  v" + std::to_string(i) + " [label=" + slipway::quoted(graph[id].name) +
            (roots.contains(id) ? ", penwidth=2" : "") + "];\n";
    std::set<VertexId> drawn;
    for (const VertexId input : graph[id].inputs)
      if (drawn.insert(input).second)
        text += "  v" + std::to_string(i) + " -> v" + std::to_string(index_of(input)) + ";\n";
  }
  return text + "}\n";
}

}  // namespace

std::string dump(const Lowered& lowered) {
  return dump_graph(lowered.graph) + dump_image(lowered.root, lowered.config);
}

std::string dump(const LoweredPlatforms& lowered) {
  std::string text = dump_graph(lowered.graph);
  for (const PlatformImage& image : lowered.images) {
    if (lowered.images.size() > 1) text += "for " + image.platform.text() + "\n";
    text += dump_image(image.root, image.config);
  }
  return text;
}

std::string dump_dot(const Lowered& lowered) {
  return dump_dot(lowered.graph, {lowered.root});
}

std::string dump_dot(const LoweredPlatforms& lowered) {
  std::set<VertexId> roots;
  for (const PlatformImage& image : lowered.images) roots.insert(image.root);
  return dump_dot(lowered.graph, roots);
}

}  // namespace slipway
