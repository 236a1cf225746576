#include "router/http2/peer_budget.h"
#include "gtest/gtest.h"
