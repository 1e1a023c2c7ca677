# tests.mk: how tests are built and run. Units mirror the tree (tests/backend/base/test_buf.c);
# scenarios are shell scripts. tests/run counts them all; its last line is "N passed, N failed".
UNITS   := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/*/test_*.c tests/*/*/test_*.c))
TOOLS   := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/support/programs/*.c))
BENCHES := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/bench/bench_*.c))
SUPPORT := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/support/*.c))
SCRIPTS := $(filter-out %/lib.sh %/lib_screen.sh,$(wildcard $(addsuffix /*.sh, \
           tests/lint tests/packaging tests/docs tests/examples tests/e2e)))
ASAN    := BUILD=$(BUILD)/asan CFLAGS='-O1 -g1 -fno-omit-frame-pointer' \
           SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=undefined'
RUN     := BUILD=$(BUILD) tests/run --jobs $(JOBS)
FAILED  := { echo "the build failed"; echo "0 passed, 1 failed"; exit 1; }

# There are hundreds of them: the quicker linker, where there is one.
GOLD    := $(if $(shell command -v ld.gold),-fuse-ld=gold)
$(BUILD)/tests/%: $(BUILD)/tests/%.o $(SUPPORT) $(BUILD)/libpithead.a
	$(if $(V),,@echo "  ld $@")
	$(Q)$(CC) $(ALLFLAGS) $(GOLD) $(filter %.o,$^) $(BUILD)/libpithead.a -lcmocka $(LIBS) -o $@

# Other programs for upgrade.sh (make variants), of the same source: newer ones with a migration more, which works,
# fails half way or never ends, and one whose API is far away. They differ in two objects.
VARIANTS := $(patsubst %,$(BUILD)/variants/%/pithead,newer failing endless far)
OTHERS   := backend/base/version backend/store/migrations
variant_newer   = 9.0.0 2 CREATE TABLE later (id BIGINT NOT NULL PRIMARY KEY); ALTER TABLE cards ADD COLUMN later TEXT NOT NULL DEFAULT '';
variant_failing = 9.0.1 2 CREATE TABLE later (id BIGINT NOT NULL PRIMARY KEY); INSERT INTO nowhere (id) VALUES (1);
variant_endless = 9.0.2 2 CREATE TABLE later AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT 1 FROM c) SELECT max(n) FROM c;
variant_far     = 9.0.3 9 CREATE TABLE later (id BIGINT NOT NULL PRIMARY KEY);
rest = $(wordlist 3,99,$(1))

.PHONY: variants
variants: $(VARIANTS)

$(BUILD)/variants/%/pithead: $(BUILD)/pithead $(OTHERS:=.c) tests/tests.mk
	$(if $(V),,@echo "  ld $@")
	$(Q)mkdir -p $(@D); n=$$(sed -n '/^const struct migration state_/,/^};/s/^\t{\([0-9]*\),.*/\1/p' \
	  backend/store/migrations.c | tail -n 1); \
	for o in $(OTHERS); do $(CC) $(ALLFLAGS) -UPITHEAD_VERSION \
	  -DPITHEAD_VERSION='"$(word 1,$(variant_$*))"' -DPITHEAD_API_MINOR=$(word 2,$(variant_$*)) \
	  "-DPITHEAD_MORE_MIGRATIONS={$$((n + 1)), \"test\", \"$(call rest,$(variant_$*))\"}," \
	  -c $$o.c -o $(@D)/$${o##*/}.o || exit 1; done; \
	$(CC) $(ALLFLAGS) $(BUILD)/tui/main.o $(patsubst %,$(@D)/%.o,$(notdir $(OTHERS))) \
	  $(BUILD)/libpithead.a $(LIBS) -o $@

unit-programs: $(UNITS) $(TOOLS) $(BUILD)/tests/tools/manual

units: $(UNITS) ## run the unit tests
	$(Q)$(RUN) $(UNITS)

asan: ## the same under AddressSanitizer and UndefinedBehaviorSanitizer
	$(Q)$(AGAIN) $(ASAN) unit-programs
	$(Q)$(RUN) $(UNITS:$(BUILD)/%=$(BUILD)/asan/%)

lint: ## layers, lengths, format, cppcheck, keymap
	$(Q)tests/lint/lint.sh

# Everything is built before anything runs, so that nothing is timed beside a compiler.
check: ## install what is missing, build and test everything
	$(Q).ci/packages build test deb
	$(Q)$(AGAIN) all flights unit-programs variants || $(FAILED)
	$(Q)$(AGAIN) $(ASAN) unit-programs || $(FAILED)
	$(Q)$(RUN) $(UNITS) $(UNITS:$(BUILD)/%=$(BUILD)/asan/%) $(SCRIPTS)

bench: all flights $(BENCHES) $(TOOLS) ## the figures of the bar, each against its floor
	$(Q)set -e; for b in $(BENCHES) $(wildcard tests/bench/*.sh); do \
	  echo "== $$b"; BUILD=$(BUILD) PITHEAD=$(abspath $(BUILD)/pithead) $$b; done

# The judge's benches share their world, and are run to the end whatever one of them misses.
JUDGE   := $(filter %/bench_judge %/bench_judge_harm %/bench_judge_power,$(BENCHES))
$(JUDGE): $(BUILD)/tests/bench/judge_world.o

bench-judge: $(JUDGE) ## what the judge promises, simulated; FULL=1: all runs
	$(Q)bad=0; cd $(BUILD)/tests/bench; ./bench_judge_power $(if $(FULL),2000) || bad=1; \
	./bench_judge_harm $(if $(FULL),5000) || bad=1; \
	./bench_judge $(if $(FULL),2000 50000 5000) || bad=1; exit $$bad

soak: all flights $(TOOLS) ## the long storms
	$(Q)BUILD=$(BUILD) tests/run --jobs 1 --limit 7200 $(wildcard tests/soak/*.sh)
