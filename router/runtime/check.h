// Assertions of what would be a bug, in release builds too. Errors of the world are absl::Status, never this.

#ifndef WEIR_ROUTER_RUNTIME_CHECK_H_
#define WEIR_ROUTER_RUNTIME_CHECK_H_

#include <cstdio>
#include <cstdlib>

#define WEIR_CHECK(condition)                                                           \
  do {                                                                                  \
    if (!(condition)) [[unlikely]] {                                                    \
      std::fprintf(stderr, "%s:%d: a bug: not (%s)\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                     \
    }                                                                                   \
  } while (false)

#endif  // WEIR_ROUTER_RUNTIME_CHECK_H_
