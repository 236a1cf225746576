#include "router/http2/hpack.h"
#include "gtest/gtest.h"
