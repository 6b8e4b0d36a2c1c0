#include <executor/solve/baseline.hpp>

#include <executor/solve/explain.hpp>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <unordered_map>
#include <utility>

namespace slipway {
namespace {

// Records whose names are looked at, and those of them that are read: reading one takes some
// microseconds, and a build of many new steps does so for each.
constexpr std::size_t most_names = 2000;
constexpr std::size_t most_read = 32;

// Whether one text is the other, edited: most of it stands at both ends of both.
bool is_edited(std::string_view was, std::string_view is) {
  constexpr std::size_t least = 16;  // shorter ones are alike by chance
  const std::size_t longer = std::max(was.size(), is.size());
  const std::size_t shorter = std::min(was.size(), is.size());
  if (longer < least) return false;
  std::size_t front = 0;
  while (front < shorter && was[front] == is[front]) ++front;
  std::size_t back = 0;
  while (back < shorter - front && was[was.size() - 1 - back] == is[is.size() - 1 - back]) ++back;
  return (front + back) * 4 >= longer * 3;
}

// Whether they are the same but for blanks: a line that was wrapped says what it said before.
bool says_the_same(std::string_view one, std::string_view other) {
  std::size_t i = 0;
  std::size_t j = 0;
  const auto skip_blanks = [](std::string_view text, std::size_t& at) {
    const std::size_t begin = at;
    while (at < text.size() && (text[at] == ' ' || text[at] == '\t')) ++at;
    return at > begin;
  };
  for (;;) {
    if (skip_blanks(one, i) != skip_blanks(other, j)) return false;
    if (i == one.size() || j == other.size()) return i == one.size() && j == other.size();
    if (one[i++] != other[j++]) return false;
  }
}

// How many parts of the one are in the other, with the same values.
std::size_t equal_parts(const KeyParts& was, const KeyParts& is) {
  std::unordered_map<std::string_view, std::string_view> values;
  for (const KeyPart& part : was) values[part.label] = part.value;
  return static_cast<std::size_t>(std::count_if(is.begin(), is.end(), [&](const KeyPart& part) {
    const auto found = values.find(part.label);
    return found != values.end() && found->second == part.value;
  }));
}

}  // namespace

bool is_expired(const Vertex& vertex, const Record& record) {
  return vertex.cache_ttl && std::time(nullptr) - record.ran > *vertex.cache_ttl;
}

Baselines::Baselines(const Graph& graph, std::vector<VertexId> vertices, std::string place,
                     RecordStore& records)
    : graph_(graph),
      vertices_(std::move(vertices)),
      place_(std::move(place)),
      records_(records),
      newest_(records.newest()) {
  std::unordered_map<std::string_view, std::uint32_t> in_stage;
  for (std::uint32_t i = 0; i < graph.size(); ++i)
    ordinals_.push_back(in_stage[graph[VertexId{i}].stage]++);
}

std::string Baselines::place_of(VertexId id) const {
  return place_ + "\n" + graph_[id].stage + "\n" + std::to_string(ordinals_[index_of(id)]);
}

std::optional<Record> Baselines::last(VertexId id) const {
  // Where the instruction stood the last time: an instruction that was put in front of it has moved
  // it, and what stands at its own place now may be another one that has moved.
  const std::string place = place_of(id);
  const std::string prefix = place.substr(0, place.rfind('\n') + 1);
  const std::string_view text = instruction_of(graph_[id].name);
  const std::string* nearest = nullptr;
  std::size_t distance = 0;
  bool stays = true;
  const std::vector<RecordStore::Step> steps = records_.steps_below(prefix);
  for (const RecordStore::Step& known : steps) {
    if (known.place == place) stays = !is_in_stage(instruction_of(known.step), graph_[id].stage);
    if (!says_the_same(instruction_of(known.step), text)) continue;
    const auto ordinal = std::strtoul(known.place.c_str() + prefix.size(), nullptr, 10);
    const auto here = static_cast<unsigned long>(ordinals_[index_of(id)]);
    const std::size_t away = ordinal > here ? ordinal - here : here - ordinal;
    if (nearest != nullptr && away >= distance) continue;
    nearest = &known.place;
    distance = away;
  }
  if (nearest != nullptr) return records_.last_at(*nearest);
  // Another text: what stood here was edited, unless it is still there at another place.
  return stays ? records_.last_at(place) : std::nullopt;
}

bool Baselines::is_in_stage(std::string_view instruction, const std::string& stage) const {
  return std::any_of(vertices_.begin(), vertices_.end(), [&](VertexId id) {
    return graph_[id].stage == stage && says_the_same(instruction_of(graph_[id].name), instruction);
  });
}

std::optional<Baseline> Baselines::find(VertexId id, const KeyParts& now,
                                        const std::function<bool(const CacheKey&)>& in_use) {
  if (std::optional<Record> record = last(id)) return Baseline{std::move(*record)};
  return nearest(id, now, in_use);
}

std::optional<Baseline> Baselines::nearest(VertexId id, const KeyParts& now,
                                           const std::function<bool(const CacheKey&)>& in_use) {
  std::call_once(listed_, [this] { list_ = records_.numbered_up_to(newest_, most_names); });
  const std::string_view text = instruction_of(graph_[id].name);
  std::vector<std::int64_t> same;
  std::vector<std::int64_t> edited;
  for (const RecordStore::Numbered& known : list_) {
    const std::string_view instruction = instruction_of(known.step);
    if (instruction == text)
      same.push_back(known.number);
    else if (is_edited(instruction, text))
      edited.push_back(known.number);
  }
  for (const std::vector<std::int64_t>* candidates : {&same, &edited}) {
    std::optional<Record> best;
    std::size_t best_equal = 0;
    std::size_t read = 0;
    for (const std::int64_t number : *candidates) {
      if (++read > most_read) break;
      std::optional<Record> record = records_.numbered(number);
      if (!record || in_use(record->key) || record->parts.empty() ||
          record->parts.front() != now.front())
        continue;
      const std::size_t equal = equal_parts(record->parts, now);
      if (best && equal <= best_equal) continue;  // the newest of equals
      best = std::move(record);
      best_equal = equal;
    }
    if (best) return Baseline{std::move(*best), true};
  }
  return std::nullopt;
}

}  // namespace slipway
