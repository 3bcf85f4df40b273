#include "base/file_watch.h"

#include <gtest/gtest.h>

#include "unit/temporary_folder.h"

namespace postern {
namespace {

FileStamp stamp(std::int64_t modified) {
  return {.present = true, .modified_ns = modified, .size = 10, .device = 1, .inode = 2};
}

TEST(FileWatch, AChangeIsDueOnceAndOnlyWhenItHasSettled) {
  FileWatch watch({stamp(1), stamp(1)});
  EXPECT_FALSE(watch.due({stamp(1), stamp(1)}));
  EXPECT_FALSE(watch.due({stamp(1), stamp(2)}));  // just changed
  EXPECT_FALSE(watch.due({stamp(1), stamp(3)}));  // still being written
  EXPECT_TRUE(watch.due({stamp(1), stamp(3)}));
  EXPECT_FALSE(watch.due({stamp(1), stamp(3)}));  // also where loading failed
  EXPECT_FALSE(watch.due({stamp(1), stamp(4)}));
  EXPECT_TRUE(watch.due({stamp(1), stamp(4)}));
}

TEST(FileWatch, AFileThatHasGoneIsNoReasonToLoad) {
  FileWatch watch({stamp(1)});
  EXPECT_FALSE(watch.due({FileStamp()}));
  EXPECT_FALSE(watch.due({FileStamp()}));
  EXPECT_FALSE(watch.due({stamp(1)}));
  EXPECT_FALSE(watch.due({stamp(1)}));  // back as it was
  EXPECT_FALSE(watch.due({FileStamp()}));
  EXPECT_FALSE(watch.due({stamp(5)}));
  EXPECT_TRUE(watch.due({stamp(5)}));
}

TEST(FileWatch, AFileThatAppearsIsLoaded) {
  FileWatch watch({FileStamp()});
  EXPECT_FALSE(watch.due({stamp(1)}));
  EXPECT_TRUE(watch.due({stamp(1)}));
}

TEST(FileWatch, StampsSeeAReplacedFile) {
  const testing::TemporaryFolder folder;
  const std::vector<std::string> paths{folder.write("a", "1"), folder.at("none")};
  const auto before = file_stamps(paths);
  ASSERT_EQ(before.size(), 2U);
  EXPECT_TRUE(before[0].present);
  EXPECT_EQ(before[0].size, 1U);
  EXPECT_FALSE(before[1].present);
  EXPECT_EQ(file_stamps(paths), before);
  std::filesystem::rename(folder.write("b", "2"), paths[0]);
  EXPECT_NE(file_stamps(paths), before);
}

}  // namespace
}  // namespace postern
