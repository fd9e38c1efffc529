#!/bin/sh
# Runs each fuzz target from the committed corpus and says how it went, one line each; exit code 1 on a finding.
#
#   tools/run_fuzz.sh BUILD_FOLDER RUNS [TARGET...]
#
# New inputs stay in BUILD_FOLDER/corpus, so that the next run goes on from there; logs and findings are in
# BUILD_FOLDER/findings. FUZZ_SEED makes a run repeatable.
set -u
build=$1
runs=$2
shift 2
here=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$build/findings"
failed=0
while read -r name max_len; do
  if [ $# -gt 0 ]; then
    case " $* " in *" $name "*) ;; *) continue ;; esac
  fi
  corpus="$build/corpus/$name"
  log="$build/findings/$name.log"
  mkdir -p "$corpus"
  cp "$here/tests/fuzz/corpus/$name"/* "$corpus/"
  start=$(date +%s)
  if "$build/bin/fuzz_$name" "$corpus" -runs="$runs" -max_len="$max_len" -timeout=10 -rss_limit_mb=2048 \
       -seed="${FUZZ_SEED:-0}" -artifact_prefix="$build/findings/$name-" > "$log" 2>&1; then
    done_runs=$(sed -n 's/^Done \([0-9]*\) runs.*/\1/p' "$log")
    branches=$(sed -n 's/.*DONE  *cov: \([0-9]*\).*/\1/p' "$log")
    peak=$(sed -n 's/.*DONE .* rss: \([0-9]*\)Mb.*/\1/p' "$log")
    printf '%-18s ok: %s runs, %s branches, %s MiB at most, %s s\n' "$name" "$done_runs" "$branches" "$peak" $(($(date +%s) - start))
  else
    failed=1
    printf '%-18s FINDING: see %s\n' "$name" "$log"
    grep -E 'bug: this must hold|ERROR: |runtime error|Test unit written' "$log" | head -4 | sed 's/^/    /'
  fi
done < "$build/fuzz_targets.txt"
exit $failed
