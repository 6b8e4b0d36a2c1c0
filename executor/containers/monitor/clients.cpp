#include "clients.hpp"

#include "kernel.hpp"

namespace slipway::monitor {
namespace {

constexpr int dont_wait = 0x40;    // MSG_DONTWAIT
constexpr int no_signal = 0x4000;  // MSG_NOSIGNAL

}  // namespace

long send_packet(int socket, const void* bytes, std::size_t size) {
  const long sent = system_call(SYS_sendto, socket, address(bytes), static_cast<long>(size),
                                dont_wait | no_signal, 0, 0);
  return sent < 0 ? sent : 0;
}

bool Clients::full() const {
  for (const Client& client : all_) {
    if (!client.open) return false;
  }
  return true;
}

Client& Clients::welcome(int socket) {
  std::size_t place = 0;
  while (all_[place].open) ++place;
  Client& client = all_[place];
  client = {};
  client.open = true;
  client.socket = socket;
  client.input = inputs_[place];
  return client;
}

void Clients::drop(Client& client) {
  if (client.open) close_file(client.socket);
  client = {};
}

void Clients::answer(Client& client, Said said, const void* bytes, std::size_t size) {
  if (size > sizeof(client.answer) - 1) return;
  client.answer[0] = static_cast<std::uint8_t>(said);
  for (std::size_t i = 0; i < size; ++i) {
    client.answer[1 + i] = static_cast<const std::uint8_t*>(bytes)[i];
  }
  client.answer_size = 1 + size;
  answer_again(client);
}

void Clients::answer_again(Client& client) {
  const long result = send_packet(client.socket, client.answer, client.answer_size);
  if (result == eagain) return;
  client.answer_size = 0;
  if (result < 0) client.owed = false;
}

bool Clients::anyone_owed() const {
  for (const Client& client : all_) {
    if (client.open && client.owed) return true;
  }
  return false;
}

bool Clients::anyone_waits_for_answer() const {
  for (const Client& client : all_) {
    if (client.open && client.answer_size > 0) return true;
  }
  return false;
}

bool Clients::anyone_holds() const {
  for (const Client& client : all_) {
    if (client.open && client.holds) return true;
  }
  return false;
}

bool Clients::anyone_removes() const {
  for (const Client& client : all_) {
    if (client.open && client.removes) return true;
  }
  return false;
}

}  // namespace slipway::monitor
