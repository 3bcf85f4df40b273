// What the pages ask of insight together with the configured policy: the answers of `postern why`, `signals` and
// `replay` as JSON texts. Thread rule: any thread; every call blocks on files.
#pragma once

#include <atomic>
#include <string>

#include "base/result.h"
#include "base/time.h"

namespace postern::cli {

class WebAnswers {
 public:
  WebAnswers(std::string config_file, std::string records)
      : config_(std::move(config_file)), records_(std::move(records)) {}
  // not_found where no record has the id.
  [[nodiscard]] Result<std::string> explain(const std::string& id) const;
  [[nodiscard]] Result<std::string> signals(WallMs since, const std::atomic<bool>& stop) const;
  // `policy`: a configuration, or its [policy] alone. invalid with all its problems where it does not compile.
  [[nodiscard]] Result<std::string> backtest(const std::string& policy, WallMs since,
                                             const std::atomic<bool>& stop) const;

 private:
  std::string config_, records_;
};

}  // namespace postern::cli
