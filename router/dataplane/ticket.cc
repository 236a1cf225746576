#include "router/dataplane/ticket.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace weir::dataplane {
namespace {

constexpr uint8_t kVersion = 1;
constexpr size_t kMacSize = 16;
constexpr size_t kSignedSize = 47;
constexpr size_t kSealedSize = kSignedSize + kMacSize;
constexpr size_t kSecretSize = 32;
constexpr size_t kMaxSecrets = 2;
constexpr size_t kMaxKeyFileBytes = 4096;  // Two secrets and room for remarks.

using SealedBytes = std::array<char, kSealedSize>;

// Writes big-endian integers one after another.
class Writer {
 public:
  explicit Writer(char* to) : to_(to) {}
  void Put(uint64_t value, int size) {
    for (int shift = 8 * (size - 1); shift >= 0; shift -= 8) *to_++ = static_cast<char>(value >> shift);
  }

 private:
  char* to_;
};

class Reader {
 public:
  explicit Reader(const char* from) : from_(from) {}
  uint64_t Get(int size) {
    uint64_t value = 0;
    for (int i = 0; i < size; ++i) value = value << 8 | static_cast<uint8_t>(*from_++);
    return value;
  }

 private:
  const char* from_;
};

std::string_view MacOf(const runtime::HmacKey::Mac& mac) {
  return {reinterpret_cast<const char*>(mac.data()), kMacSize};
}

uint32_t KeyIdOf(const std::string& secret) {
  const std::string digest = runtime::Sha256("weir ticket key id" + secret);
  return static_cast<uint32_t>(Reader(digest.data()).Get(4));
}

absl::Status ErrorOf(int error, std::string_view what, const std::string& path) {
  return absl::ErrnoToStatus(error, absl::StrCat(std::string(what), " ", path));
}

absl::Status WriteAndSync(int file, const std::string& text, const std::string& path) {
  size_t written = 0;
  while (written < text.size()) {
    const ssize_t n = write(file, text.data() + written, text.size() - written);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrorOf(errno, "cannot write", path);
    written += n;
  }
  if (fsync(file) != 0) return ErrorOf(errno, "cannot sync", path);
  return absl::OkStatus();
}

absl::Status SyncDirectoryOf(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  const std::string directory = parent.empty() ? "." : parent;
  const int file = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return ErrorOf(errno, "cannot open", directory);
  const absl::Status status = fsync(file) == 0 ? absl::OkStatus() : ErrorOf(errno, "cannot sync", directory);
  close(file);
  return status;
}

// Whole or not at all: written and synced beside `path`, then renamed onto it.
absl::Status CreateKeyFile(const std::string& path) {
  const std::string text = absl::StrCat(
      "# Secrets that seal Weir's tickets, 64 hexadecimal digits a line, at most two. The first seals, all open.\n",
      absl::BytesToHexString(runtime::RandomBytes(kSecretSize)), "\n");
  const std::string beside = absl::StrCat(path, ".", absl::BytesToHexString(runtime::RandomBytes(6)));
  const int file = open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return ErrorOf(errno, "cannot create", beside);
  absl::Status status = WriteAndSync(file, text, beside);
  close(file);
  if (status.ok() && rename(beside.c_str(), path.c_str()) != 0) status = ErrorOf(errno, "cannot create", path);
  if (!status.ok()) {
    unlink(beside.c_str());
    return status;
  }
  return SyncDirectoryOf(path);
}

absl::Status At(const std::string& path, size_t line, std::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(path, ":", line, ": ", std::string(what)));
}

// The bytes of one line; hexadecimal digits only, which absl::HexStringToBytes would not check.
bool IsHexSecret(const std::string& line) {
  return line.size() == 2 * kSecretSize && line.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
}

}  // namespace

absl::StatusOr<TicketKeys> ParseTicketKeys(std::string_view text, const std::string& path) {
  TicketKeys keys;
  size_t number = 0;
  for (const absl::string_view raw : absl::StrSplit(absl::string_view(text.data(), text.size()), '\n')) {
    ++number;
    const std::string line(absl::StripAsciiWhitespace(raw));
    if (line.empty() || line[0] == '#') continue;
    if (!IsHexSecret(line)) return At(path, number, "a ticket secret is 64 hexadecimal digits");
    if (keys.secrets.size() == kMaxSecrets) return At(path, number, "at most two ticket secrets are kept");
    std::string secret = absl::HexStringToBytes(line);
    for (const std::string& other : keys.secrets) {
      // Two secrets of one id could not be told apart; one time in 2^32 that is chance, else the same line twice.
      if (KeyIdOf(other) == KeyIdOf(secret)) return At(path, number, "the same ticket secret twice");
    }
    keys.secrets.push_back(std::move(secret));
  }
  if (keys.secrets.empty())
    return absl::InvalidArgumentError(path + ": holds no ticket secret; remove it for a new one");
  return keys;
}

absl::StatusOr<TicketKeys> LoadOrCreateTicketKeys(const std::string& path) {
  struct stat status;
  if (stat(path.c_str(), &status) != 0) {
    if (errno != ENOENT) return ErrorOf(errno, "cannot read", path);
    if (absl::Status created = CreateKeyFile(path); !created.ok()) return created;
    if (stat(path.c_str(), &status) != 0) return ErrorOf(errno, "cannot read", path);
  }
  if (!S_ISREG(status.st_mode)) return absl::InvalidArgumentError(path + ": is no ordinary file");
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return absl::InvalidArgumentError(path + ": others may write it, and so forge tickets; chmod go-w");
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) return ErrorOf(errno, "cannot read", path);
  std::string text(kMaxKeyFileBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(file.gcount());
  if (text.size() > kMaxKeyFileBytes) return absl::InvalidArgumentError(path + ": is longer than 4096 bytes");
  absl::StatusOr<TicketKeys> keys = ParseTicketKeys(text, path);
  if (keys.ok()) keys->is_readable_by_others = (status.st_mode & (S_IRGRP | S_IROTH)) != 0;
  return keys;
}

TicketSealer::TicketSealer(const TicketKeys& keys) {
  for (const std::string& secret : keys.secrets) keys_.push_back({KeyIdOf(secret), runtime::HmacKey(secret)});
}

std::string TicketSealer::Seal(const stats::Ticket& ticket) const {
  const Key& key = keys_.front();
  SealedBytes bytes;
  Writer writer(bytes.data());
  writer.Put(kVersion, 1);
  writer.Put(key.id, 4);
  writer.Put(ticket.experiment, 8);
  writer.Put(ticket.run, 4);
  writer.Put(ticket.epoch, 4);
  writer.Put(ticket.variant, 2);
  writer.Put(ticket.user_bucket, 1);
  writer.Put(static_cast<uint64_t>(absl::ToUnixMillis(ticket.start)), 6);
  writer.Put(ticket.issuer.replica, 4);
  writer.Put(ticket.issuer.boot, 4);
  writer.Put(ticket.issuer.worker, 2);
  writer.Put(ticket.sequence, 7);
  const runtime::HmacKey::Mac mac = key.hmac.Sign({bytes.data(), kSignedSize});
  std::memcpy(bytes.data() + kSignedSize, mac.data(), kMacSize);
  return absl::WebSafeBase64Escape({bytes.data(), bytes.size()});
}

absl::StatusOr<stats::Ticket> TicketSealer::Open(std::string_view sealed) const {
  std::string bytes;
  // 84 characters that give 63 bytes are all of the alphabet: no padding or space, which absl would skip, was among
  // them.
  if (sealed.size() != kTicketChars || !absl::WebSafeBase64Unescape({sealed.data(), sealed.size()}, &bytes) ||
      bytes.size() != kSealedSize) {
    return absl::InvalidArgumentError("not a ticket: the value of x-weir-ticket is 84 characters of base64url");
  }
  Reader reader(bytes.data());
  if (reader.Get(1) != kVersion) return absl::InvalidArgumentError("a ticket of a version that is not known here");
  const uint32_t key_id = static_cast<uint32_t>(reader.Get(4));
  for (const Key& key : keys_) {
    if (key.id != key_id) continue;
    const std::string_view all = bytes;
    if (!runtime::IsEqualInConstantTime(MacOf(key.hmac.Sign(all.substr(0, kSignedSize))), all.substr(kSignedSize))) {
      return absl::PermissionDeniedError("the ticket was altered or forged");
    }
    stats::Ticket ticket;
    ticket.experiment = reader.Get(8);
    ticket.run = static_cast<uint32_t>(reader.Get(4));
    ticket.epoch = static_cast<uint32_t>(reader.Get(4));
    ticket.variant = static_cast<uint16_t>(reader.Get(2));
    ticket.user_bucket = static_cast<uint8_t>(reader.Get(1));
    ticket.start = absl::FromUnixMillis(static_cast<int64_t>(reader.Get(6)));
    ticket.issuer.replica = static_cast<uint32_t>(reader.Get(4));
    ticket.issuer.boot = static_cast<uint32_t>(reader.Get(4));
    ticket.issuer.worker = static_cast<uint16_t>(reader.Get(2));
    ticket.sequence = reader.Get(7);
    return ticket;
  }
  return absl::PermissionDeniedError("the ticket was issued under a key that is not known here");
}

}  // namespace weir::dataplane
