# pithead: `make run` and `make check` do everything on a fresh Debian machine; `make help` lists the
# rest. V=1 shows the commands. Test rules are in tests/tests.mk, the example's in examples/flights/.
SHELL   := /bin/bash
BUILD   ?= build
CC      ?= gcc
JOBS    ?= 2
PREFIX  ?= /usr/local
PKGS    := ncursesw libmicrohttpd libcurl libcjson sqlite3 libpcre2-8 yaml-0.1 libcrypto libarchive zlib
WARN    := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 \
           -Wundef -Wwrite-strings -Wno-format-nonliteral -Wno-format-truncation -Werror
CFLAGS  ?= -O2 -g
VERSION := 0.1.0
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null)
ALLFLAGS = -std=c11 -D_GNU_SOURCE -DPITHEAD_VERSION='"$(VERSION)"' $(CFLAGS) $(SANITIZE) $(WARN) \
           -I. -I$(BUILD)/gen $(PKG_CFLAGS)
LIBS     = $(PKG_LIBS) -lm -lpthread
Q       := $(if $(V),,@)
# Again, for what must be read anew: packages that were just installed, another BUILD.
AGAIN   := $(MAKE) --no-print-directory -j$(JOBS)

LIB_SRC := $(filter-out tui/main.c,$(wildcard backend/*.c backend/*/*.c tui/*.c tui/*/*.c panes/*.c))
LIB_OBJ := $(LIB_SRC:%.c=$(BUILD)/%.o)
# Shipped files that are compiled in as the defaults: the file is the documentation.
EMBED   := keymap.conf $(wildcard themes/*.conf)

.PHONY: all run check bench soak lint asan install deb clean help fsm-doc packages units unit-programs \
        format docs bench-judge
.SECONDARY:
all: $(BUILD)/pithead ## the program, build/pithead

-include examples/flights/flights.mk
include tests/tests.mk

$(BUILD)/gen/embed.h: $(EMBED) Makefile
	$(if $(PKG_LIBS),,$(error libraries are missing: run `make packages` first))
	$(Q)mkdir -p $(@D)
	$(Q){ echo '/* made from keymap.conf and themes/ */'; \
	  for f in $(EMBED); do \
	    printf 'static const char embed_%s[] =\n' "$$(echo $$f | sed 's|.*/||; s|\.conf||; s|[^a-z0-9]|_|g')"; \
	    sed 's/\\/\\\\/g; s/"/\\"/g; s/^/\t"/; s/$$/\\n"/' $$f; echo ';'; done; } >$@.tmp && mv $@.tmp $@

$(BUILD)/%.o: %.c | $(BUILD)/gen/embed.h
	$(Q)mkdir -p $(@D)
	$(if $(V),,@echo "  cc $<")
	$(Q)$(CC) $(ALLFLAGS) -MMD -MP -c $< -o $@

# A stamp of the object list, so that a deleted file leaves no stale archive.
$(BUILD)/objects: FORCE
	$(Q)mkdir -p $(@D); echo '$(LIB_OBJ)' | cmp -s - $@ || echo '$(LIB_OBJ)' >$@
FORCE:

$(BUILD)/libpithead.a: $(LIB_OBJ) $(BUILD)/objects
	$(Q)rm -f $@; ar rcs $@ $(LIB_OBJ)

$(BUILD)/pithead: $(BUILD)/tui/main.o $(BUILD)/libpithead.a
	$(if $(V),,@echo "  ld $@")
	$(Q)$(CC) $(ALLFLAGS) $^ $(LIBS) -o $@

run: ## install what is missing, build, start the flights example, open the console
	$(Q).ci/packages build
	$(Q)$(AGAIN) all flights
	$(Q)PITHEAD=$(abspath $(BUILD)/pithead) examples/flights/up
	$(Q)exec $(BUILD)/pithead

packages: ## install what is missing of Debian's packages (SET="build test")
	$(Q).ci/packages $(or $(SET),build test)

# What is installed stands here alone: `make deb` packs it, with Debian's folders for two of them.
ZSH_FOLDER  ?= $(PREFIX)/share/zsh/site-functions
UNIT_FOLDER ?= $(PREFIX)/lib/systemd/system
install: all ## into DESTDIR/PREFIX: program, manual pages, completion, systemd unit
	$(Q)umask 022; d=$(DESTDIR)$(PREFIX) && install -D $(BUILD)/pithead $$d/bin/pithead && \
	for page in $(wildcard docs/*.[1-8]); do \
	  install -D -m 644 $$page $$d/share/man/man$${page##*.}/$${page##*/} || exit 1; done && \
	mkdir -p $$d/share/bash-completion/completions $(DESTDIR)$(ZSH_FOLDER) $(DESTDIR)$(UNIT_FOLDER) && \
	$(BUILD)/pithead completion bash >$$d/share/bash-completion/completions/pithead && \
	$(BUILD)/pithead completion zsh >$(DESTDIR)$(ZSH_FOLDER)/_pithead && \
	sed 's|/usr/bin/|$(PREFIX)/bin/|' examples/pithead.service >$(DESTDIR)$(UNIT_FOLDER)/pithead.service

deb: ## the Debian package of a team's engine, build/pithead_*.deb
	$(Q).ci/packages build deb
	$(Q)$(AGAIN) all
	$(Q)MAKE='$(MAKE)' .debian/build $(BUILD) $(VERSION)

fsm-doc: $(BUILD)/tests/tools/fsm_dot ## the state machines as Graphviz DOT
	$(Q)$<

# What is made from the program's tables is committed, so that it can be read without building.
docs: $(BUILD)/pithead $(BUILD)/tests/tools/manual ## write what of docs/ is generated
	$(Q)for page in pithead.1 pithead.yaml.5; do \
	  $(BUILD)/tests/tools/manual docs/$$page.in >docs/$$page || exit 1; done
	$(Q)$(BUILD)/pithead spec schema >docs/pithead.schema.json
	$(Q)$(BUILD)/tests/tools/manual openapi >docs/openapi.json

format: ## write every .c and .h as clang-format does
	$(Q)find . \( -path ./build -o -path ./.git \) -prune -o -name '*.[ch]' -print | xargs clang-format -i

clean: ## remove build/
	$(Q)rm -rf $(BUILD)

help: ## this list
	$(Q)sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile tests/tests.mk | sort | \
	  while IFS='|' read -r name text; do printf '%-10s %s\n' "$$name" "$$text"; done

-include $(shell find $(BUILD) -name '*.d' -not -path '$(BUILD)/asan/*' 2>/dev/null)
