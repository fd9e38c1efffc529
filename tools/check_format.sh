#!/bin/sh
# Fails, and names the lines, where a tracked C++ file is not as clang-format would write it.
# `clang-format -i FILE` mends it. Debian 12's clang-format is version 14; others decide differently.
set -eu
cd "$(dirname "$0")/.."
git ls-files -z -- '*.h' '*.cc' | xargs -0 -r clang-format --dry-run -Werror
