// Shared caches: records from elsewhere, and their layers, which stay there until somebody needs
// them. A record alone is enough for a hit and for the keys of what follows; a COPY that looks into
// a layer needs its index, a RUN and the result need the layer itself.
#include <executor/solve/shared_records.hpp>

#include <executor/solve/baseline.hpp>
#include <executor/solve/solver.hpp>

#include <cache/images/take_layer.hpp>
#include <ir/error.hpp>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

namespace slipway {
namespace {

void drain(ByteSource& source) {
  std::array<std::byte, 16384> buffer;
  while (source.read(buffer) > 0) continue;
}

std::string count_text(std::size_t layers, std::uint64_t bytes) {
  const std::uint64_t tenths = (bytes + 50'000) / 100'000;
  return std::to_string(layers) + (layers == 1 ? " layer, " : " layers, ") +
         std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " MB";
}

}  // namespace

// With the very files: a record that came from a shared cache may say anything of a layer, and is
// kept also where the layer stayed there, until one with that diffID comes by another way.
bool Solver::is_here(const LayerRef& layer) const {
  return store_.layers().find(layer.diff_id) == layer;
}

bool Solver::asks_shared(const Step& current) const {
  return reads_shared_ && !*lost_ && !ignores_records(current);
}

bool Solver::use_shared(Step& current) {
  const std::optional<SharedRecord> found = options_.shared->find(*current.key);
  if (!found || stopping()) return false;
  if (is_expired(graph_[current.id], found->record)) return false;
  if (!store_.layers().expect(shared_layer(*found, *options_.shared, store_.layers(),
                                           [lost = lost_] { *lost = true; })))
    return false;
  {
    const std::lock_guard lock(mutex_);
    shared_.push_back(*found);
  }
  if (options_.shared->writes()) options_.shared->offer(*found);
  current.report.shared = true;
  take_record(current, found->record);
  return true;
}

LayerStore::Elsewhere shared_layer(const SharedRecord& found, SharedCaches& caches,
                                   LayerStore& layers, std::function<void()> failed) {
  const Error gone("layer " + found.record.layer.diff_id.text() + " of " +
                   quoted(found.record.step) + " is in no shared cache any more");
  return {found.record.layer,
          [&caches, gone, found] {
            auto index = caches.read_index(found);
            if (!index) throw gone;
            return index;
          },
          [&caches, &layers, gone, found] {
            const bool taken = caches.read_blob(
                found.tar,
                [&](ByteSource& source) {
                  layers.extract(source, found.record.layer.diff_id, false);
                  drain(source);
                },
                std::chrono::nanoseconds(found.record.duration));
            if (!taken) throw gone;
          },
          std::move(failed)};
}

// Of what the step looks into; `with_root`: also of what its process stands on.
LayerStack Solver::inputs_layers(VertexId id, bool with_root) {
  const Vertex& vertex = graph_[id];
  LayerStack layers;
  for (std::size_t i = with_root ? 0 : 1; i < vertex.inputs.size(); ++i) {
    const LayerStack& input = step(vertex.inputs[i]).result.layers;
    layers.insert(layers.end(), input.begin(), input.end());
  }
  return layers;
}

void Solver::with_indexes(Step& current, std::function<void()> then) {
  const bool runs = std::holds_alternative<RunProcess>(graph_[current.id].operation);
  LayerStack absent = reads_shared_ ? inputs_layers(current.id, !runs) : LayerStack();
  std::erase_if(absent, [this](const LayerRef& layer) { return is_here(layer); });
  if (absent.empty()) return then();
  enqueue_waiting(current.id, [this, &current, absent, then = std::move(then)] {
    in_parallel(absent.size(), [&](std::size_t i) { store_.layers().index(absent[i].diff_id); });
    enqueue(current.id, then);
  });
}

void Solver::with_layers(Step& current, std::function<void()> then) {
  LayerStack absent = reads_shared_ ? inputs_layers(current.id, true) : LayerStack();
  std::erase_if(absent, [this](const LayerRef& layer) { return is_here(layer); });
  if (absent.empty()) return then();
  enqueue_waiting(current.id, [this, &current, absent, then = std::move(then)] {
    std::uint64_t bytes = 0;
    for (const LayerRef& layer : absent) bytes += layer.size;
    events_.output(current.id, OutputStream::err,
                   "fetching " + count_text(absent.size(), bytes) + ", from the shared cache\n");
    bring(absent);
    enqueue(current.id, then);
  });
}

void Solver::bring(const LayerStack& layers) {
  in_parallel(layers.size(), [&](std::size_t i) { store_.layers().bring(layers[i].diff_id); });
}

// A COPY that ran may stand on layers that are elsewhere still.
bool Solver::all_are_here(const Step& below) const {
  if (!reads_shared_) return true;
  const std::shared_lock lock(below.result.directories_mutex);
  return std::all_of(
      below.result.directories.begin(), below.result.directories.end(),
      [](const std::filesystem::path& path) { return ::access(path.c_str(), F_OK) == 0; });
}

void Solver::bring_root(Step& root) {
  if (!reads_shared_ || !options_.bring_layers) return;
  if (std::find(roots_.begin(), roots_.end(), root.id) == roots_.end()) return;
  LayerStack absent = root.result.layers;
  std::erase_if(absent, [this](const LayerRef& layer) { return is_here(layer); });
  if (absent.empty()) return;
  ++outstanding_;
  start_thread([this, absent = std::move(absent)] {
    // The vertex has ended, so it is the solve that fails, unless it ends already.
    const auto fail_all = [this](Error error) {
      if (!stopping()) add_error(std::move(error));
      cancel_rest();
    };
    try {
      if (!stopping()) bring(absent);
    } catch (Error& error) {
      fail_all(std::move(error));
    } catch (const std::exception& error) {
      fail_all(Error(error.what()));
    }
    done();
  });
}

// What nobody has vouched for is not vouched for here, however long ago it was taken.
void Solver::offer(const Record& record, const std::vector<RecordedFiles>& files) {
  if (options_.shared == nullptr || !options_.shared->writes()) return;
  if (record.hearsay && options_.shared->signs()) return;
  options_.shared->offer(record, files);
}

// Those whose layer has come are this store's records from now on. The others are what the next
// miss is compared with; as long as their layer is elsewhere they are no hit here.
void Solver::keep_shared_records() {
  for (const SharedRecord& found : shared_) {
    Record record = found.record;
    const bool here = is_here(record.layer);
    // Another process may have made it meanwhile.
    if (const auto own = store_.records().peek(record.key); !here && own && is_here(own->layer))
      continue;
    record.last_used = std::time(nullptr);
    record.hearsay = !options_.shared->checks_signatures();
    store_.records().put(record, found.files);
    wrote_ = wrote_ || here;
  }
}

}  // namespace slipway
