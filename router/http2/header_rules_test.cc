#include "router/http2/header_rules.h"
#include "gtest/gtest.h"
