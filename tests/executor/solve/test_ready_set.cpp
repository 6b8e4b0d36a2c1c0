#include <executor/solve/ready_set.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

using namespace slipway;

namespace {

VertexId add(Graph& graph, std::string what, std::vector<VertexId> inputs) {
  MakeDirectory directory;
  directory.path = "/" + what;
  return graph.add({.operation = directory, .inputs = std::move(inputs), .name = std::move(what)});
}

// base -> left, right -> both; and one that nobody needs.
struct Diamond {
  Graph graph;
  VertexId base = graph.add({.operation = Scratch{}, .name = "base"});
  VertexId left = add(graph, "left", {base});
  VertexId right = add(graph, "right", {base});
  VertexId both = add(graph, "both", {left, right});
  VertexId unused = add(graph, "unused", {base});
  ReadySet ready{graph, both};
};

}  // namespace

TEST_CASE("only what the root needs is counted") {
  Diamond d;
  CHECK(d.ready.vertices() == std::vector{d.base, d.left, d.right, d.both});
  CHECK_FALSE(d.ready.needed(d.unused));
  CHECK(d.ready.sources() == std::vector{d.base});
}

TEST_CASE("a vertex is ready when its last input settles, once") {
  Diamond d;
  CHECK(d.ready.settled(d.base) == std::vector{d.left, d.right});
  CHECK(d.ready.settled(d.left).empty());
  CHECK(d.ready.settled(d.right) == std::vector{d.both});
}

TEST_CASE("sealing comes before settling, and settling does not seal again") {
  Diamond d;
  CHECK(d.ready.sealed(d.left).empty());
  CHECK(d.ready.sealed(d.right) == std::vector{d.both});
  CHECK(d.ready.sealed(d.right).empty());
  CHECK(d.ready.settled(d.left).empty());
  CHECK(d.ready.settled(d.right) == std::vector{d.both});
}

TEST_CASE("a vertex that is an input twice counts twice") {
  Graph graph;
  const VertexId base = graph.add({.operation = Scratch{}, .name = "base"});
  const VertexId user = add(graph, "user", {base, base});
  ReadySet ready(graph, user);
  CHECK(ready.settled(base) == std::vector{user});
}

TEST_CASE("a failure loses all that stands on it, each once") {
  Diamond d;
  CHECK(d.ready.failed(d.left) == std::vector{d.both});
  CHECK(d.ready.is_lost(d.both));
  CHECK(d.ready.failed(d.base) == std::vector{d.left, d.right});
  CHECK_FALSE(d.ready.is_lost(d.base));
}

TEST_CASE("the longest chain decides what remains") {
  Diamond d;
  std::vector<std::int64_t> estimates(d.graph.size(), 1);
  estimates[index_of(d.right)] = 5;
  const auto remaining = longest_remaining(d.graph, d.ready, estimates);
  CHECK(remaining[index_of(d.both)] == 1);
  CHECK(remaining[index_of(d.left)] == 2);
  CHECK(remaining[index_of(d.right)] == 6);
  CHECK(remaining[index_of(d.base)] == 7);
}

TEST_CASE("on many threads every vertex of a wide graph becomes ready exactly once") {
  // Layers of vertices, each needing all of the layer before: every count is contended.
  Graph graph;
  std::vector<VertexId> previous{graph.add({.operation = Scratch{}, .name = "base"})};
  for (int layer = 0; layer < 20; ++layer) {
    std::vector<VertexId> current;
    for (int i = 0; i < 12; ++i) {
      current.push_back(add(graph, std::to_string(layer) + "." + std::to_string(i), previous));
    }
    previous = current;
  }
  const VertexId root = add(graph, "root", previous);
  ReadySet ready(graph, root);

  std::vector<std::atomic<int>> times_ready(graph.size());
  std::mutex mutex;  // guards the queue
  std::deque<VertexId> queue;
  for (const VertexId id : ready.sources()) queue.push_back(id);
  std::atomic<std::size_t> left = ready.vertices().size();
  const auto work = [&] {
    while (left > 0) {
      VertexId id{};
      {
        const std::lock_guard lock(mutex);
        if (queue.empty()) continue;
        id = queue.front();
        queue.pop_front();
      }
      ++times_ready[index_of(id)];
      const auto next = ready.settled(id);
      const std::lock_guard lock(mutex);
      queue.insert(queue.end(), next.begin(), next.end());
      --left;
    }
  };
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(work);
  threads.clear();
  CHECK(std::all_of(times_ready.begin(), times_ready.end(), [](const auto& n) { return n == 1; }));
}
