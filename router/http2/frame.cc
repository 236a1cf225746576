#include "router/http2/frame.h"

#include <algorithm>
#include <cstring>

namespace weir::http2 {

FrameReader::Step FrameReader::Next(Slice& bytes) {
  piece_ = Slice();
  if (expect_ == Expect::kPadding) {
    const size_t n = std::min<size_t>(padding_left_, bytes.size());
    bytes.RemovePrefix(n);
    padding_left_ -= static_cast<uint32_t>(n);
    if (padding_left_ > 0) return Step::kNeedMore;
    expect_ = Expect::kHead;
  }
  if (expect_ == Expect::kHead) {
    if (!ReadHead(bytes)) return Step::kNeedMore;
    if (head_.length > max_frame_size_) return Step::kTooLong;
    if (head_.type == FrameType::kData) {
      if (!head_.has(flags::kPadded)) return BeginPayload();
      expect_ = Expect::kPadLength;
    } else {
      partial_payload_.clear();
      expect_ = Expect::kPayload;
    }
  }
  switch (expect_) {
    case Expect::kPayload:
      return ReadPayload(bytes);
    case Expect::kPadLength:
      return BeginPaddedData(bytes);
    default:
      return ReadData(bytes);
  }
}

bool FrameReader::ReadHead(Slice& bytes) {
  if (partial_head_size_ == 0 && bytes.size() >= kFrameHeadBytes) {
    head_ = ReadFrameHead(bytes.data());
    bytes.RemovePrefix(kFrameHeadBytes);
    return true;
  }
  const size_t n = std::min(kFrameHeadBytes - partial_head_size_, bytes.size());
  if (n > 0) std::memcpy(partial_head_ + partial_head_size_, bytes.data(), n);
  bytes.RemovePrefix(n);
  partial_head_size_ += n;
  if (partial_head_size_ < kFrameHeadBytes) return false;
  head_ = ReadFrameHead(partial_head_);
  partial_head_size_ = 0;
  return true;
}

FrameReader::Step FrameReader::BeginPayload() {
  data_left_ = head_.length;
  expect_ = data_left_ > 0 ? Expect::kData : Expect::kHead;
  return Step::kDataHead;
}

FrameReader::Step FrameReader::BeginPaddedData(Slice& bytes) {
  if (head_.length == 0) return Step::kBadPadding;
  if (bytes.empty()) return Step::kNeedMore;
  padding_left_ = bytes.data()[0];
  bytes.RemovePrefix(1);
  if (padding_left_ >= head_.length) return Step::kBadPadding;
  data_left_ = head_.length - 1 - padding_left_;
  expect_ = data_left_ > 0 ? Expect::kData : Expect::kPadding;
  return Step::kDataHead;
}

FrameReader::Step FrameReader::ReadData(Slice& bytes) {
  const size_t n = std::min<size_t>(data_left_, bytes.size());
  if (n == 0) return Step::kNeedMore;
  piece_ = bytes.Sub(0, n);
  bytes.RemovePrefix(n);
  data_left_ -= static_cast<uint32_t>(n);
  if (data_left_ == 0) expect_ = padding_left_ > 0 ? Expect::kPadding : Expect::kHead;
  return Step::kDataPiece;
}

FrameReader::Step FrameReader::ReadPayload(Slice& bytes) {
  const bool is_whole = partial_payload_.empty() && bytes.size() >= head_.length;
  const size_t n = std::min(head_.length - (is_whole ? 0 : partial_payload_.size()), bytes.size());
  if (is_whole) {
    payload_ = bytes.view().substr(0, n);
  } else {
    partial_payload_.append(bytes.view().substr(0, n));
    if (partial_payload_.size() < head_.length) {
      bytes.RemovePrefix(n);
      return Step::kNeedMore;
    }
    payload_ = partial_payload_;
  }
  bytes.RemovePrefix(n);
  expect_ = Expect::kHead;
  return Step::kFrame;
}

}  // namespace weir::http2
