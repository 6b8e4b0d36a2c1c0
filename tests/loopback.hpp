// For servers of other people that a test starts: a port of the loopback interface, and whether
// somebody listens there.
#pragma once

#include <cstdint>

// One that nobody has at the moment. Fails the test if there is none.
std::uint16_t free_port();
bool accepts(std::uint16_t port);
