// Runs a fuzz target without a fuzzer: every file of a corpus as it is, then seeded mutations of them, the same in each run.
//
//   seeded_main CORPUS_FOLDER        WEIR_FUZZ_SEED and WEIR_FUZZ_RUNS (20000) change what is tried.
//
// A crash prints nothing of its own: the seed and the run's number are printed before, every thousand runs.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

constexpr size_t kMaxInput = 16 * 1024;

uint64_t NumberFrom(const char* variable, uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

std::vector<std::string> ReadCorpus(const char* folder) {
  std::vector<std::string> corpus;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    std::ifstream file(entry.path(), std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  corpus.emplace_back();
  return corpus;
}

// One to eight edits: flip, set, insert, delete, repeat a part, or splice in a part of another input.
std::string Mutate(std::string input, const std::vector<std::string>& corpus, std::mt19937_64& rng) {
  const auto below = [&rng](size_t n) { return n == 0 ? 0 : static_cast<size_t>(rng() % n); };
  for (size_t edits = 1 + below(8); edits > 0; --edits) {
    const size_t at = below(input.size() + 1);
    const size_t length = below(std::min<size_t>(input.size() - at, 64) + 1);
    switch (below(6)) {
      case 0: if (at < input.size()) input[at] = static_cast<char>(input[at] ^ (1 << below(8))); break;
      case 1: if (at < input.size()) input[at] = static_cast<char>(rng()); break;
      case 2: input.insert(at, 1 + below(4), static_cast<char>(rng())); break;
      case 3: input.erase(at, length); break;
      case 4: input.insert(below(input.size() + 1), input.substr(at, length)); break;
      default: {
        const std::string& other = corpus[below(corpus.size())];
        const size_t from = below(other.size() + 1);
        input.insert(at, other.substr(from, below(256)));
      }
    }
  }
  if (input.size() > kMaxInput) input.resize(kMaxInput);
  return input;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> corpus = ReadCorpus(argc > 1 ? argv[1] : "");
  for (const std::string& input : corpus) {
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
  }
  const uint64_t seed = NumberFrom("WEIR_FUZZ_SEED", 1);
  const uint64_t runs = NumberFrom("WEIR_FUZZ_RUNS", 20000);
  std::mt19937_64 rng(seed);
  for (uint64_t run = 0; run < runs; ++run) {
    if (run % 1000 == 0) std::printf("seed %llu, run %llu\n", static_cast<unsigned long long>(seed),
                                     static_cast<unsigned long long>(run)), std::fflush(stdout);
    const std::string input = Mutate(corpus[rng() % corpus.size()], corpus, rng);
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
  }
  std::printf("%zu corpus files and %llu mutations survived\n", corpus.size() - 1, static_cast<unsigned long long>(runs));
}
