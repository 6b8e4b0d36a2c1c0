// The store: everything that outlives a solve, opened once a command.
#pragma once

#include <cache/images/store.hpp>
#include <cache/layers/store.hpp>
#include <cache/records.hpp>
#include <cache/room/item.hpp>
#include <cache/state_directory.hpp>

#include <filesystem>
#include <memory>
#include <vector>

namespace slipway {

class Database;
class BlobPlaces;
class BlobStore;
class BuildHistory;
class ContainerStore;
class ImageFacts;
class FailedSteps;
class Room;
class Settings;
class HttpAnswers;
class LayerBlobs;
class NetworkStore;
class VolumeStore;

class Store {
 public:
  // Opens or makes the store at `root`. Throws Error.
  explicit Store(const std::filesystem::path& root);
  ~Store();

  StateDirectory& state();
  LayerStore& layers();
  RecordStore& records();
  ImageStore& images();
  ImageFacts& image_facts();
  BlobStore& blobs();
  HttpAnswers& http_answers();
  LayerBlobs& layer_blobs();
  BlobPlaces& blob_places();
  FailedSteps& failed_steps();
  BuildHistory& builds();
  Settings& settings();
  ContainerStore& containers();
  VolumeStore& volumes();
  NetworkStore& networks();
  Room& room();

  // Makes all that was committed so far durable: one syncfs, before references point to it.
  void sync();

  // At the end of a command that has ended all that used something of the store: brings the cache
  // down to what the user has set, and gives what was removed (room/room.hpp).
  std::vector<RoomItem> make_room();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace slipway
