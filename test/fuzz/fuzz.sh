#!/usr/bin/env bash
# fuzz.sh SECONDS: each libFuzzer target for that long, with AddressSanitizer. New inputs are kept in out/fuzz/NAME, a crash in
# out/fuzz/NAME-crash-*, which the target's own program takes as an argument to show it again.
set -euo pipefail
seconds=$1
targets=$(bazel query --ui_event_filters=-info 'kind(cc_binary, attr(name, "_fuzz$", //...))' 2>/dev/null)
bazel build --config=fuzz $targets
bin=$(bazel info --config=fuzz bazel-bin 2>/dev/null)
failed=0
for target in $targets; do
  package=${target#//} package=${package%%:*} name=${target##*:}
  corpus=$package/${name}_corpus
  mkdir -p "out/fuzz/$name"
  echo "== $target, $seconds s"
  "$bin/$package/$name" -max_total_time="$seconds" -max_len=16384 -print_final_stats=1 -verbosity=0 \
    -artifact_prefix="out/fuzz/$name-" "out/fuzz/$name" $([ -d "$corpus" ] && echo "$corpus") || failed=$((failed + 1))
done
echo "$(($(wc -w <<<"$targets") - failed)) passed, $failed failed"
[ "$failed" = 0 ]
