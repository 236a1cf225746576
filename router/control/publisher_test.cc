#include "router/control/publisher.h"

#include <gtest/gtest.h>

#include <memory>

namespace weir::control {
namespace {

TEST(PublisherTest, ATableIsFreedByThePublisherAndOnlyWhenNobodyElseHoldsIt) {
  routing::RouteTablePtr worker;  // As a worker would: the newest it was handed.
  Publisher publisher([&](routing::RouteTablePtr table) { worker = std::move(table); });
  auto first = std::make_shared<const routing::RouteTable>();
  const std::weak_ptr<const routing::RouteTable> watch = first;
  publisher.Put(std::move(first));
  routing::RouteTablePtr in_use = worker;
  publisher.Put(std::make_shared<const routing::RouteTable>());
  publisher.FreeUnused();
  EXPECT_EQ(publisher.kept(), 2u);
  in_use.reset();
  EXPECT_FALSE(watch.expired());  // The worker's letting go freed nothing.
  publisher.FreeUnused();
  EXPECT_TRUE(watch.expired());
}

TEST(PublisherTest, TheNewestStaysEvenIfNobodyHoldsIt) {
  Publisher publisher([](const routing::RouteTablePtr&) {});
  publisher.Put(std::make_shared<const routing::RouteTable>());
  publisher.Put(std::make_shared<const routing::RouteTable>());
  publisher.FreeUnused();
  EXPECT_EQ(publisher.kept(), 1u);
}

}  // namespace
}  // namespace weir::control
