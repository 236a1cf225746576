#include "router/http2/frame.h"
#include "gtest/gtest.h"
