// An outcome is counted once: one bit for each ticket, by its issuer and sequence, as long as its join window lasts.
//
// Bits are kept in blocks of 4,096 sequences, and the number of blocks is bounded. When a block more is needed than
// there may be, the one whose newest ticket is the oldest goes, and with it, for all issuers, the time up to that
// ticket: what started at or before it is refused as expired from then on. So the bound shortens the window, and never
// counts a ticket twice.

#ifndef WEIR_STATS_ONCE_ONLY_H_
#define WEIR_STATS_ONCE_ONLY_H_

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "stats/ticket.h"

namespace weir::stats {

// Control thread.
class OnceOnly {
 public:
  static constexpr uint64_t kBlockBits = 4096;
  // 32 MiB of bits: 268 million reported tickets within the window when all are reported.
  static constexpr size_t kMaxBlocks = 65'536;

  enum class Admission { kFirst, kRepeated, kExpired };

  // Which 4,096 sequences of an issuer.
  struct BlockKey {
    Issuer issuer;
    uint64_t index = 0;
    friend auto operator<=>(const BlockKey&, const BlockKey&) = default;
  };
  struct Block {
    int64_t newest_start_ms = 0;  // Since the Unix epoch, of the tickets that were admitted.
    std::array<uint64_t, kBlockBits / 64> bits{};
    bool operator==(const Block&) const = default;
  };

  explicit OnceOnly(size_t max_blocks = kMaxBlocks) : max_blocks_(max_blocks) {}

  // kFirst marks the ticket; kRepeated says that it was marked before; kExpired that it started more than `join_window`
  // before `now`, or earlier than what is remembered.
  Admission Admit(const Ticket& ticket, absl::Time now, absl::Duration join_window);
  // Forgets blocks of which all tickets have expired. To be called now and then with the longest join window in force.
  // What they remembered is refused from then on, should the window be longer later.
  void Forget(absl::Time now, absl::Duration longest_join_window);

  // What a checkpoint has to write since the last call, and what it may delete. Together with the window's start, every
  // block written and not deleted restores the same bits.
  struct Changes {
    std::vector<std::pair<BlockKey, Block>> written;
    std::vector<BlockKey> dropped;
  };
  Changes TakeChanges();
  // Tickets that started at or before it are refused; InfinitePast until a block was forgotten.
  absl::Time remembers_after() const { return remembers_after_; }
  void Restore(absl::Time remembers_after, const std::vector<std::pair<BlockKey, Block>>& blocks);

  size_t blocks() const { return blocks_count_; }

 private:
  using Blocks = std::map<uint64_t, Block>;
  void DropFirst(std::map<Issuer, Blocks>::iterator issuer);
  void MakeRoom();

  size_t max_blocks_;
  std::map<Issuer, Blocks> issuers_;  // An issuer's blocks are in the order of time. None is empty.
  size_t blocks_count_ = 0;
  absl::Time remembers_after_ = absl::InfinitePast();
  std::set<BlockKey> changed_, dropped_;
};

}  // namespace weir::stats

#endif  // WEIR_STATS_ONCE_ONLY_H_
