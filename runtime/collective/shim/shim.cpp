// A C interface to the part of c10d that a group of training processes needs: a store, and messages from rank to rank.
//
// Every function that can fail returns 0, or 1 with the first line of the reason in `error`: nothing is thrown across the
// boundary. Memory that is passed in stays the caller's.

#define USE_C10D_GLOO 1
#include <ATen/ATen.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <string>

namespace {

using Milliseconds = std::chrono::milliseconds;

struct Meeting {
  c10::intrusive_ptr<c10d::TCPStore> server;
  c10::intrusive_ptr<c10d::Store> store;
  c10::intrusive_ptr<c10d::Backend> group;
  Milliseconds timeout;
};

// libtorch's messages carry a stack trace after their first line.
int refused(const char* reason, char* error, size_t room) {
  size_t length = std::min(std::strcspn(reason, "\n"), room - 1);
  std::memcpy(error, reason, length);
  error[length] = 0;
  return 1;
}

template <typename Work>
int guarded(char* error, size_t room, Work work) {
  try {
    work();
    return 0;
  } catch (const std::exception& failure) {
    return refused(failure.what(), error, room);
  } catch (...) {
    return refused("libtorch threw what is no exception", error, room);
  }
}

std::vector<at::Tensor> bytes(void* data, int64_t length) {
  return {at::from_blob(data, {length}, at::kByte)};
}

} // namespace

extern "C" {

// Opens the store: as its server on a bound socket where `listener` is not negative, else as a client.
int mlsys_meeting_open(const char* host, uint16_t port, int listener, uint64_t size, const char* prefix,
                       int64_t milliseconds, void** opened, char* error, size_t room) {
  return guarded(error, room, [&] {
    c10d::TCPStoreOptions options;
    options.port = port;
    options.isServer = listener >= 0;
    if (listener >= 0) options.masterListenFd = listener;
    options.numWorkers = size;
    // Waiting is a step of its own, so that the port is known before it.
    options.waitWorkers = false;
    options.timeout = Milliseconds(milliseconds);
    auto server = c10::make_intrusive<c10d::TCPStore>(host, options);
    auto store = c10::make_intrusive<c10d::PrefixStore>(prefix, server);
    *opened = new Meeting{server, store, nullptr, Milliseconds(milliseconds)};
  });
}

// Counts itself in; the store's server waits until all are there.
int mlsys_meeting_wait(void* meeting, char* error, size_t room) {
  return guarded(error, room, [&] { static_cast<Meeting*>(meeting)->server->waitForWorkers(); });
}

// Connects every rank with every other, on the address or, where `interface` is not empty, on the network interface.
int mlsys_meeting_connect(void* meeting, int rank, int size, const char* address, const char* interface, char* error,
                          size_t room) {
  return guarded(error, room, [&] {
    auto at = static_cast<Meeting*>(meeting);
    auto options = c10d::ProcessGroupGloo::Options::create(at->timeout);
    options->devices.push_back(*interface ? c10d::ProcessGroupGloo::createDeviceForInterface(interface)
                                          : c10d::ProcessGroupGloo::createDeviceForHostname(address));
    options->threads = 1;
    at->group = c10::make_intrusive<c10d::ProcessGroupGloo>(at->store, rank, size, options);
  });
}

int mlsys_meeting_send(void* meeting, const void* data, int64_t length, int to, char* error, size_t room) {
  return guarded(error, room, [&] {
    auto at = static_cast<Meeting*>(meeting);
    auto tensors = bytes(const_cast<void*>(data), length);
    at->group->send(tensors, to, 0)->wait(at->timeout);
  });
}

int mlsys_meeting_receive(void* meeting, void* data, int64_t length, int from, char* error, size_t room) {
  return guarded(error, room, [&] {
    auto at = static_cast<Meeting*>(meeting);
    auto tensors = bytes(data, length);
    at->group->recv(tensors, from, 0)->wait(at->timeout);
  });
}

// Keeps a text under a key unless there is one, and gives the one that is kept, cut to the room for it.
int mlsys_meeting_keep_first(void* meeting, const char* key, const char* text, char* kept, size_t kept_room, char* error,
                             size_t room) {
  return guarded(error, room, [&] {
    auto wanted = std::vector<uint8_t>(text, text + std::strlen(text));
    auto found = static_cast<Meeting*>(meeting)->store->compareSet(key, std::vector<uint8_t>(), wanted);
    size_t length = std::min(found.size(), kept_room - 1);
    std::memcpy(kept, found.data(), length);
    kept[length] = 0;
  });
}

void mlsys_meeting_close(void* meeting) {
  // A destructor that throws would end the process, which is at its end anyway.
  delete static_cast<Meeting*>(meeting);
}

}
