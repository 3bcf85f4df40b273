#include "gzip/zip.h"

#include <gtest/gtest.h>
#include <zlib.h>

namespace postern::gzip {
namespace {

std::string little(std::size_t value, int size) {
  std::string out;
  for (int i = 0; i < size; ++i) out += static_cast<char>((value >> (8U * static_cast<unsigned>(i))) & 0xFFU);
  return out;
}

struct File {
  std::string name = "a.xml";
  std::string text;
  int method = 8;
  int flags = 0;
  std::size_t claimed = SIZE_MAX;  // in the directory; SIZE_MAX: the truth
};

std::string deflated(const std::string& text) {
  z_stream z{};
  EXPECT_EQ(deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&z, text.size()), '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

// With flag 3 the sizes in front of the file are missing, as streaming writers leave them.
std::string archive(const std::vector<File>& files, const std::string& comment = {}) {
  std::string out;
  std::string directory;
  for (const File& file : files) {
    const std::string packed = file.method == 8 ? deflated(file.text) : file.text;
    const auto sum = crc32(0, reinterpret_cast<const Bytef*>(file.text.data()), static_cast<uInt>(file.text.size()));
    const std::size_t size = file.claimed == SIZE_MAX ? file.text.size() : file.claimed;
    const bool later = (file.flags & 8) != 0;
    const std::string start = little(20, 2) + little(static_cast<std::size_t>(file.flags), 2) +
                              little(static_cast<std::size_t>(file.method), 2) + little(0, 4);
    directory += "PK\x01\x02" + little(20, 2) + start + little(sum, 4) + little(packed.size(), 4) + little(size, 4) +
                 little(file.name.size(), 2) + little(0, 2) + little(0, 2) + little(0, 8) + little(out.size(), 4) +
                 file.name;
    out += "PK\x03\x04" + start + little(later ? 0 : sum, 4) + little(later ? 0 : packed.size(), 4) +
           little(later ? 0 : size, 4) + little(file.name.size(), 2) + little(0, 2) + file.name + packed;
    if (later) out += "PK\x07\x08" + little(sum, 4) + little(packed.size(), 4) + little(size, 4);
  }
  const std::size_t begin = out.size();
  out += directory + "PK\x05\x06" + little(0, 4) + little(files.size(), 2) + little(files.size(), 2) +
         little(directory.size(), 4) + little(begin, 4) + little(comment.size(), 2) + comment;
  return out;
}

TEST(Zip, TheFileComesOutStoredOrDeflatedUpToTheLimit) {
  for (const int method : {0, 8}) {
    for (const int flags : {0, 8}) {
      for (const std::size_t size : {0, 1, 16383, 16384, 16385, 300000}) {
        std::string text;
        for (std::size_t i = 0; i < size; ++i) text += static_cast<char>(i * i % 251);
        const std::string packed = archive({{.text = text, .method = method, .flags = flags}});
        EXPECT_TRUE(is_zip(packed));
        EXPECT_EQ(expand_zip(packed, size).value_or("failed"), text) << method << " " << size;
        if (size > 0) {
          const auto beyond = expand_zip(packed, size - 1);
          ASSERT_FALSE(beyond.has_value());
          EXPECT_EQ(beyond.error().kind, ErrorKind::limit);
        }
      }
    }
  }
}

TEST(Zip, CommentsAndFoldersAreNoMatter) {
  const File folder{.name = "reports/", .text = "", .method = 0};
  const File file{.name = "reports/a.xml", .text = "<feedback/>"};
  EXPECT_EQ(expand_zip(archive({folder, file}), 100).value_or("failed"), "<feedback/>");
  EXPECT_EQ(expand_zip(archive({file}, "PK\x05\x06 is no end"), 100).value_or("failed"), "<feedback/>");
  EXPECT_EQ(expand_zip(archive({file}, std::string(65535, 'c')), 100).value_or("failed"), "<feedback/>");
}

TEST(Zip, ABombIsStoppedAtTheLimitWhateverItSaysOfItself) {
  const std::string text(std::size_t{20} << 20U, 'x');
  for (const std::size_t claimed : {std::size_t{SIZE_MAX}, std::size_t{100}}) {
    const auto out = expand_zip(archive({{.text = text, .claimed = claimed}}), 1 << 20);
    ASSERT_FALSE(out.has_value());
    EXPECT_EQ(out.error().kind, ErrorKind::limit);
  }
}

TEST(Zip, DamageIsAnErrorWhereverItIs) {
  const std::string good = archive({{.text = "a report, a report, a report"}});
  for (std::size_t end = 0; end < good.size(); ++end)
    EXPECT_FALSE(expand_zip(good.substr(0, end), 1000).has_value()) << end;
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string broken = good;
    broken[at] = static_cast<char>(broken[at] ^ 0x55);
    const auto out = expand_zip(broken, 1000);  // some octets say nothing that counts
    if (out) {
      EXPECT_EQ(*out, "a report, a report, a report") << at;
    }
  }
}

TEST(Zip, WhatNoReportNeedsIsRefusedByName) {
  const auto why = [](const std::string& packed) {
    const auto out = expand_zip(packed, 1000);
    return out ? "expanded" : out.error().what;
  };
  const File file{.text = "<a/>"};
  EXPECT_EQ(why(archive({file, file})), "zip: it holds more than one file");
  EXPECT_EQ(why(archive({})), "zip: it holds no file");
  EXPECT_EQ(why(archive({{.text = "<a/>", .flags = 1}})), "zip: encrypted");
  EXPECT_EQ(why(archive({{.text = "<a/>", .method = 12}})),
            "zip: packed by method 12; only stored and deflated are read");
  EXPECT_EQ(why(archive({{.text = "<a/>", .claimed = 0xFFFFFFFF}})), "zip: ZIP64, which no report needs");
  EXPECT_EQ(why(archive({{.text = "<a/>", .claimed = 3}})), "zip: damaged: its sum is wrong");
}

}  // namespace
}  // namespace postern::gzip
