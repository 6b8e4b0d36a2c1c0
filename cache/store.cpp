#include <cache/store.hpp>

#include <cache/blobs.hpp>
#include <cache/build_history.hpp>
#include <cache/containers/networks.hpp>
#include <cache/containers/store.hpp>
#include <cache/containers/volumes.hpp>
#include <cache/database.hpp>
#include <cache/failed_steps.hpp>
#include <cache/file_descriptor.hpp>
#include <cache/http_answers.hpp>
#include <cache/images/facts.hpp>
#include <cache/layers/layer_blobs.hpp>
#include <cache/registry/blob_places.hpp>
#include <cache/room/room.hpp>
#include <cache/settings.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace slipway {

struct Store::Parts {
  StateDirectory state;
  Database database;
  BlobStore blobs;
  LayerStore layers;
  RecordStore records;
  ImageStore images;
  ImageFacts image_facts;
  HttpAnswers http_answers;
  LayerBlobs layer_blobs;
  BlobPlaces blob_places;
  FailedSteps failed_steps;
  BuildHistory builds;
  Settings settings;
  ContainerStore containers;
  VolumeStore volumes;
  NetworkStore networks;
  Room room;

  explicit Parts(const std::filesystem::path& root)
      : state(root),
        database(state.root() / "slipway.db"),
        blobs(state),
        layers(state, database),
        records(database),
        images(database),
        image_facts(database),
        http_answers(database),
        layer_blobs(database),
        blob_places(database),
        failed_steps(state),
        builds(database),
        settings(database, state.root()),
        containers(state, database),
        volumes(state, database),
        networks(state, database),
        room(state, database, records, failed_steps, settings) {}
};

Store::Store(const std::filesystem::path& root) : parts_(std::make_unique<Parts>(root)) {}
Store::~Store() = default;

StateDirectory& Store::state() { return parts_->state; }
LayerStore& Store::layers() { return parts_->layers; }
RecordStore& Store::records() { return parts_->records; }
ImageStore& Store::images() { return parts_->images; }
ImageFacts& Store::image_facts() { return parts_->image_facts; }
BlobStore& Store::blobs() { return parts_->blobs; }
HttpAnswers& Store::http_answers() {
  return parts_->http_answers;
}
LayerBlobs& Store::layer_blobs() { return parts_->layer_blobs; }
BlobPlaces& Store::blob_places() { return parts_->blob_places; }
BuildHistory& Store::builds() { return parts_->builds; }
FailedSteps& Store::failed_steps() { return parts_->failed_steps; }

ContainerStore& Store::containers() { return parts_->containers; }
VolumeStore& Store::volumes() { return parts_->volumes; }
NetworkStore& Store::networks() { return parts_->networks; }

Settings& Store::settings() {
  return parts_->settings;
}
Room& Store::room() {
  return parts_->room;
}

std::vector<RoomItem> Store::make_room() {
  parts_->state.holds().release();
  return parts_->room.make_room();
}

void Store::sync() {
  Database& database = parts_->database;
  // Only layers can be lost silently: a row may reach the disk before the files it names. The
  // database is atomic by itself, a blob is verified by its digest.
  std::int64_t newest = 0;
  {
    Query query(database, "SELECT max(number) FROM layers WHERE boot <> ''");
    if (!query.step() || query.is_null(0)) return;
    newest = query.integer(0);
  }
  const std::filesystem::path& root = parts_->state.root();
  const FileDescriptor folder(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) throw system_error("open", root.string(), errno);
  if (::syncfs(folder.get()) != 0) throw system_error("syncfs", root.string(), errno);
  // Other processes' layers too: what had its row before the sync began is on the disk now.
  Query(database, "UPDATE layers SET boot = '' WHERE boot <> '' AND number <= ?")
      .bind(newest)
      .run();
}

}  // namespace slipway
