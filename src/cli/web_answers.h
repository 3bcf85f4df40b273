// What the pages ask of insight together with the configured policy: the answers of `postern why`, `signals` and
// `replay` as JSON texts. Thread rule: any thread; every call blocks on files.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "config/config.h"

namespace postern::cli {

class WebAnswers {
 public:
  // `policy` as it was read before the sandbox: afterwards a file that somebody replaced cannot be read.
  WebAnswers(std::shared_ptr<const config::LoadedPolicy> policy, std::string records)
      : policy_(std::move(policy)), records_(std::move(records)) {}
  // not_found where no record has the id.
  [[nodiscard]] Result<std::string> explain(const std::string& id) const;
  [[nodiscard]] Result<std::string> signals(WallMs since, const std::atomic<bool>& stop) const;
  // `policy`: a configuration, or its [policy] alone. invalid with all its problems where it does not compile.
  [[nodiscard]] Result<std::string> backtest(const std::string& policy, WallMs since,
                                             const std::atomic<bool>& stop) const;

 private:
  std::shared_ptr<const config::LoadedPolicy> policy_;
  std::string records_;
};

}  // namespace postern::cli
