// COPY, ADD and WORKDIR: plan, look for a record, else write.
//
// A key needs every file's digest, and a layer every file's bytes; where the files are not known
// yet and a record is not to be expected, both come of one reading: the layer is written first and
// has its key afterwards. Should there be a record after all, what was written goes without a
// trace.
#include <executor/solve/explain.hpp>
#include <executor/solve/solver.hpp>

#include <ir/key.hpp>

#include <memory>
#include <utility>

namespace slipway {
namespace {

// All that writing needs, kept alive from the plan to the layer: another process may do the same
// step in between, and this one then waits.
struct PlannedCopy {
  explicit PlannedCopy(StackView view) : below(std::move(view)) {}

  std::vector<const SourceTree*> trees;
  std::vector<std::unique_ptr<SourceTree>> owned;
  StackView below;
  CopyPlan plan;
  std::optional<Staging> staging;  // once it is being written
  std::optional<CopyWriter> writer;

  void write(LayerStore& layers, Step& step, std::int64_t now) {
    step.working_since = now;
    step.working = WorkFigures::Kind::copying;
    staging.emplace(layers.stage());
    writer.emplace(plan, trees, below, *staging, &step.file_work);
    writer->write();
  }
};

// Whether a hit would be dear and is unlikely. `parts`: what is known of the key; `before`: what
// the step gave the last time it stood here. Files that were checked out anew have no known content
// and are mostly the same: where nothing but files can have changed since, they are hashed first.
bool worth_writing_first(const CopyPlan& plan, const KeyParts& parts,
                         const std::optional<Record>& before) {
  if (!plan.archives.empty()) return false;
  const UnknownContents unknown = unknown_contents(plan);
  // What is known already would be read again if it was a hit; a few files are soon hashed.
  if (unknown.files == 0 || unknown.files * 2 < unknown.all_files ||
      unknown.bytes * 2 < unknown.all_bytes)
    return false;
  if (!before) return true;
  KeyParts others;
  for (const KeyPart& part : before->parts) {
    if (part.label != files_part) others.push_back(part);
  }
  return others != parts;
}

}  // namespace

void Solver::begin_copy(Step& current) {
  const Vertex& vertex = graph_[current.id];
  events_.started(current.id);

  auto planned = std::make_shared<PlannedCopy>(view_of(vertex.inputs[0]));
  planned->owned = own_trees(current, planned->trees);
  const auto* copy = std::get_if<CopyFiles>(&vertex.operation);
  for (const SourceTree* tree : planned->trees) {
    if (const auto* context = dynamic_cast<const Context*>(tree)) current.reads.push_back(context);
  }
  current.working_since = now();
  if (!current.reads.empty()) current.working = WorkFigures::Kind::reading;
  planned->plan = copy != nullptr
                      ? plan_copy(*copy, planned->trees, planned->below, Contents::known)
                      : plan_directory(std::get<MakeDirectory>(vertex.operation), planned->below);

  current.parts = key_parts(vertex.operation);
  // A --link layer is the same whatever lies below it.
  if (copy == nullptr || !copy->link) {
    current.parts.push_back(stack_part(0, step(vertex.inputs[0]).result.layers));
  }
  current.work_started = now();
  if (worth_writing_first(planned->plan, current.parts,
                          ignores_records(current) ? std::nullopt : record_before(current.id))) {
    planned->write(store_.layers(), current, now());
    current.work_ended = now();
  } else {
    hash_contents(planned->plan, planned->trees);
  }
  for (KeyPart& part : planned->plan.key_parts()) current.parts.push_back(std::move(part));

  const std::shared_ptr<const CopyPlan> files(planned, &planned->plan);
  decide(current, {{std::string(files_part), files}}, [this, &current, planned] {
    if (!planned->writer) {
      current.work_started = now();
      planned->write(store_.layers(), current, now());
    }
    planned->writer->complete();
    seal_upper(current, std::move(*planned->staging));

    const BuiltLayer built = planned->writer->layer();
    current.work_ended = now();
    keep_layer(current, built);
    settle(current);
  });
}

}  // namespace slipway
