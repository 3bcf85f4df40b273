#include "cli/web_keys.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "base/file.h"
#include "base/json.h"

namespace postern::cli {

namespace {

constexpr std::size_t kPackedMax = 16 << 20;

}  // namespace

Result<UniqueFd> pack_certificates(const io::TlsServerOptions& options) {
  io::TlsServerOptions read = options;
  for (io::TlsCertificate& one : read.certificates) {
    POSTERN_TRY(one.certificate_text, read_file(one.certificate, kPemMax));
    POSTERN_TRY(one.key_text, read_file(one.key, kPemMax));
  }
  POSTERN_TRY_VOID(io::TlsServerContext::make(read));
  std::string text;
  json::Writer writer(text);
  writer.begin_array();
  for (const io::TlsCertificate& one : read.certificates) {
    writer.begin_object().field("certificate", one.certificate).field("key", one.key);
    writer.field("certificate_text", one.certificate_text).field("key_text", one.key_text).key("names").begin_array();
    for (const std::string& name : one.names) writer.string(name);
    writer.end_array().end_object();
  }
  writer.end_array();
  if (text.size() > kPackedMax) return fail(ErrorKind::limit, "the certificates of [web] are too many");
  UniqueFd fd(::memfd_create("postern-web-certificates", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd.valid()) return fail_errno(ErrorKind::limit, "memory for the certificates of [web]", errno);
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t n = ::write(fd.get(), text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno(ErrorKind::limit, "memory for the certificates of [web]", errno);
    done += static_cast<std::size_t>(n);
  }
  if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0)
    return fail_errno(ErrorKind::limit, "sealing the certificates of [web]", errno);
  return fd;
}

Result<std::vector<io::TlsCertificate>> unpack_certificates(int fd) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return fail_errno(ErrorKind::invalid, "the certificates that were handed over", errno);
  if (status.st_size < 0 || static_cast<std::size_t>(status.st_size) > kPackedMax)
    return fail(ErrorKind::limit, "the certificates that were handed over are too large");
  std::string text(static_cast<std::size_t>(status.st_size), '\0');
  // Several processes one after the other have the same file: the place in it is nobody's
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t n = ::pread(fd, text.data() + done, text.size() - done, static_cast<off_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return fail_errno(ErrorKind::invalid, "reading the certificates that were handed over", errno);
    done += static_cast<std::size_t>(n);
  }
  POSTERN_TRY(const json::Value list, json::parse(text));
  std::vector<io::TlsCertificate> out;
  for (const json::Value& entry : list.array()) {
    io::TlsCertificate& one = out.emplace_back();
    one.certificate = entry.at("certificate").string();
    one.key = entry.at("key").string();
    one.certificate_text = entry.at("certificate_text").string();
    one.key_text = entry.at("key_text").string();
    for (const json::Value& name : entry.at("names").array()) one.names.emplace_back(name.string());
  }
  return out;
}

}  // namespace postern::cli
