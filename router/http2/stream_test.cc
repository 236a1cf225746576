#include "router/http2/stream.h"
#include "gtest/gtest.h"
