# The two commands of a newcomer: `make demo` and `make test`. Everything else follows from them.
# Needs a Debian 12 (or later) with root or sudo for the packages of packages.txt.
.DELETE_ON_ERROR:
.PHONY: help install build demo test fuzz format format-check clean

JOBS ?= $(shell nproc)
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
PACKAGES := $(shell sed -e 's/\#.*//' packages.txt)
DEMO_OUTPUT := build/demo/output.mp4
# A video of one's own: make demo VIDEO=/path/to/file.mp4
VIDEO ?= models/demo/sample.mp4

help:
	@echo 'make demo   install, build, draw bodies on a video (VIDEO=file, default: the sample clip)'
	@echo 'make test   install, build, run every test that needs no GPU'
	@echo 'make fuzz   give every parser 100,000 inputs that it has not seen (FUZZ_RUNS=N)'
	@echo 'make build  programs into build/bin, benchmarks into build/bench'
	@echo 'make format, make format-check, make clean'

# Asks the package system only when something is missing, so that later calls need no network.
install:
	@missing=$$(for p in $(PACKAGES); do dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'install ok installed' || echo $$p; done); \
	if [ -n "$$missing" ]; then \
	  echo "installing:" $$missing; \
	  $(SUDO) apt-get update -qq && \
	  $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; \
	fi

build: install
	cmake --preset release
	cmake --build --preset release -j $(JOBS)

# The main job on the sample clip: drawn people on a slope, with the model of the repository, which was trained on such people.
demo: build
	@mkdir -p build/demo
	@echo "Drawing on $(VIDEO) with 2 pose workers and 2 render workers."
	build/bin/posefleet run "$(VIDEO)" -o $(DEMO_OUTPUT) --model models/demo --pose-workers 2 --render-workers 2 \
	  --progress $$([ -t 2 ] && echo bar || echo lines)
	@echo
	@echo "The model was trained on drawn people only: it is there for trying out and for tests. For real footage import HMR2"
	@echo "(README.md, \"With the real weights\")."
	@echo "Look at: $(CURDIR)/$(DEMO_OUTPUT)"

test: build
	ctest --preset release -j $(JOBS)

# Everything that reads bytes from outside, under clang's sanitizers (tests/fuzz/README.md).
FUZZ_RUNS ?= 100000
fuzz: install
	cmake --preset fuzz
	cmake --build --preset fuzz -j $(JOBS)
	tools/run_fuzz.sh build/fuzz $(FUZZ_RUNS)

format:
	git ls-files '*.h' '*.cc' | xargs clang-format -i

format-check:
	tools/check_format.sh

clean:
	rm -rf build
