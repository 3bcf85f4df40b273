#include "geo/watch.h"

#include <gtest/gtest.h>

#include "support.h"

namespace postern::geo {
namespace {

FileStamp stamp(std::int64_t modified) {
  return {.present = true, .modified_ns = modified, .size = 10, .device = 1, .inode = 2};
}

TEST(Watch, AChangeIsDueOnceAndOnlyWhenItHasSettled) {
  Watch watch({stamp(1), stamp(1)});
  EXPECT_FALSE(watch.due({stamp(1), stamp(1)}));
  EXPECT_FALSE(watch.due({stamp(1), stamp(2)}));  // just changed
  EXPECT_FALSE(watch.due({stamp(1), stamp(3)}));  // still being written
  EXPECT_TRUE(watch.due({stamp(1), stamp(3)}));
  EXPECT_FALSE(watch.due({stamp(1), stamp(3)}));  // also where loading failed
  EXPECT_FALSE(watch.due({stamp(1), stamp(4)}));
  EXPECT_TRUE(watch.due({stamp(1), stamp(4)}));
}

TEST(Watch, AFileThatHasGoneIsNoReasonToLoad) {
  Watch watch({stamp(1)});
  EXPECT_FALSE(watch.due({FileStamp()}));
  EXPECT_FALSE(watch.due({FileStamp()}));
  EXPECT_FALSE(watch.due({stamp(1)}));
  EXPECT_FALSE(watch.due({stamp(1)}));  // back as it was
  EXPECT_FALSE(watch.due({FileStamp()}));
  EXPECT_FALSE(watch.due({stamp(5)}));
  EXPECT_TRUE(watch.due({stamp(5)}));
}

TEST(Watch, AFileThatAppearsIsLoaded) {
  Watch watch({FileStamp()});
  EXPECT_FALSE(watch.due({stamp(1)}));
  EXPECT_TRUE(watch.due({stamp(1)}));
}

TEST(Watch, StampsSeeAReplacedFile) {
  const test::Folder folder;
  const std::vector<std::string> paths{folder.write("a", "1"), folder.path("none")};
  const auto before = stamps(paths);
  ASSERT_EQ(before.size(), 2U);
  EXPECT_TRUE(before[0].present);
  EXPECT_EQ(before[0].size, 1U);
  EXPECT_FALSE(before[1].present);
  EXPECT_EQ(stamps(paths), before);
  std::filesystem::rename(folder.write("b", "2"), paths[0]);
  EXPECT_NE(stamps(paths), before);
}

}  // namespace
}  // namespace postern::geo
